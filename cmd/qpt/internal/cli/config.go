package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/store"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
)

// config is what flags, variables and configuration files come to.
type config struct {
	Root          string        `mapstructure:"root"`
	Catalog       []string      `mapstructure:"catalog"`
	Format        string        `mapstructure:"format"`
	Output        []string      `mapstructure:"output"`
	Color         string        `mapstructure:"color"`
	NoInteraction bool          `mapstructure:"no-interaction"`
	Quiet         bool          `mapstructure:"quiet"`
	Verbose       bool          `mapstructure:"verbose"`
	CatalogKey    string        `mapstructure:"catalog-key"`
	StateDir      string        `mapstructure:"state-dir"`
	PatchesDir    string        `mapstructure:"patches-dir"`
	Wait          time.Duration `mapstructure:"wait"`

	// RootNamed is set when the root was not just found around the working directory.
	RootNamed bool `mapstructure:"-"`
	// OwnCatalog are the catalogues that qpt.yaml of the installation names, whichever are used.
	OwnCatalog []string `mapstructure:"-"`

	outputs []output // what Output says
}

// globalFlags adds the flags that every command has. Their names are the keys of
// the configuration.
func globalFlags(f *pflag.FlagSet) {
	f.String("root", "", "the installation (default: the nearest parent that is one)")
	f.StringArray("catalog", nil, "a catalogue of patches, a folder or a zip archive (may be repeated)")
	f.String("catalog-key", "", "the public key that catalogues have to be signed with (see qpt catalog keygen)")
	f.String("format", string(report.Table), "how results are written: "+strings.Join(report.Formats(), ", "))
	f.StringArray("output", nil, "also write the result to a file, as FORMAT=FILE (may be repeated)")
	f.String("color", "auto", "use colour: auto, always, never")
	f.Bool("no-interaction", false, "never ask, take no for an answer")
	f.BoolP("quiet", "q", false, "write no results and no warnings, only errors")
	f.BoolP("verbose", "v", false, "write more details")
	f.String("state-dir", "", "folder for lock and journal (default: var/qpt in the installation)")
	f.String("patches-dir", "", "folder of the shop's own catalogue (default: patches in the installation)")
	f.Duration("wait", 0, "how long to wait for another run to end")
}

// loadConfig reads the settings: flag, QPT_* variable, qpt.yaml in the root,
// config.yaml of the user, default, in this order of precedence. Root is resolved.
func loadConfig(env Env, flags *pflag.FlagSet) (config, error) {
	v, err := givenSettings(env, flags)
	if err != nil {
		return config{}, err
	}
	userConfig := env.Getenv("XDG_CONFIG_HOME")
	if home := env.Getenv("HOME"); userConfig == "" && home != "" {
		userConfig = filepath.Join(home, ".config")
	}
	if userConfig != "" {
		if _, err := mergeFile(v, filepath.Join(userConfig, "qpt", "config.yaml")); err != nil {
			return config{}, err
		}
	}
	named := v.GetString("root")
	root, err := findRoot(env, named)
	if err != nil {
		return config{}, err
	}
	var own []string
	if root != "" {
		if own, err = mergeFile(v, filepath.Join(root, declared.ConfigFile)); err != nil {
			return config{}, err
		}
	}
	var c config
	if err := v.UnmarshalExact(&c); err != nil {
		return config{}, usagef("configuration: %s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	c.Root, c.RootNamed, c.OwnCatalog = root, named != "", own
	if err := c.validate(); err != nil {
		return c, err
	}
	return c, c.parseOutputs(env, flags.Args())
}

// givenConfig is what flags and variables come to by themselves: where a file cannot be read,
// they still say how that is told.
func givenConfig(env Env, flags *pflag.FlagSet) (config, error) {
	v, err := givenSettings(env, flags)
	if err != nil {
		return config{}, err
	}
	var c config
	if err := v.UnmarshalExact(&c); err != nil {
		return config{}, err
	}
	c.Root, _ = findRoot(env, v.GetString("root")) // without one nothing is in it
	if err := c.validate(); err != nil {
		return config{}, err
	}
	return c, c.parseOutputs(env, flags.Args())
}

// givenSettings has the flags and variables, above the defaults.
func givenSettings(env Env, flags *pflag.FlagSet) (*viper.Viper, error) {
	v := viper.New()
	globals := pflag.NewFlagSet("", pflag.ContinueOnError)
	globalFlags(globals)
	var bindErr error
	globals.VisitAll(func(f *pflag.Flag) {
		name := f.Name
		v.SetDefault(name, f.DefValue)
		if used := flags.Lookup(name); used != nil {
			bindErr = errors.Join(bindErr, v.BindPFlag(name, used))
		}
		if value := env.Getenv(variable(name)); value != "" && !flags.Changed(name) {
			v.Set(name, value)
		}
	})
	if bindErr != nil {
		return nil, bindErr
	}
	for _, name := range []string{"catalog", "output"} {
		v.SetDefault(name, []string{})
		if value := env.Getenv(variable(name)); value != "" && !flags.Changed(name) {
			v.Set(name, filepath.SplitList(value))
		}
	}
	return v, nil
}

// variable returns the environment variable of a setting: QPT_NO_INTERACTION.
func variable(name string) string {
	return "QPT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// mergeFile adds a configuration file, if there is one. Catalogues and the
// folders that it names are relative to its folder. It returns the catalogues.
func mergeFile(v *viper.Viper, name string) (catalogues []string, err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, usagef("configuration %s: %w", name, catalog.ErrNotRegular)
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	file := viper.New()
	file.SetConfigType("yaml")
	if err == nil {
		err = file.ReadConfig(bytes.NewReader(text))
	}
	switch {
	case err != nil && declared.Unresolved(text):
		return nil, usagef("configuration %s: it holds the marks of a merge that is not resolved; resolve it first", name)
	case err != nil:
		return nil, usagef("configuration %s: %w", name, err)
	}
	settings := file.AllSettings()
	values, err := topValues(text)
	if err != nil {
		return nil, usagef("configuration %s: %w", name, err)
	}
	place := func(key string) string {
		if n := values[key]; n != nil {
			return fmt.Sprintf("%s:%d", name, n.Line)
		}
		return name
	}
	if filepath.Base(name) == declared.ConfigFile {
		if values["root"] != nil {
			return nil, usagef("configuration %s: root has no effect here: the folder of the file is the root; give --root or QPT_ROOT", place("root"))
		}
		for _, key := range declared.Keys() { // not settings, and read where they are needed
			delete(settings, key)
			delete(values, key)
		}
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	globalFlags(flags)
	for _, key := range slices.Sorted(maps.Keys(values)) { // a typing error must not switch a setting off in silence
		if slices.Contains(declared.Keys(), key) {
			return nil, usagef("configuration %s: %s is of one installation; write it into its %s", place(key), key, declared.ConfigFile)
		}
		if v.Get(key) == nil {
			return nil, usagef("configuration %s: unknown key %q%s", place(key), key, meant(key, append(v.AllKeys(), declared.Keys()...)))
		}
		if err := checkSetting(flags.Lookup(key), values[key]); err != nil {
			return nil, usagef("configuration %s: %s: %w", place(key), key, err)
		}
	}
	for _, key := range []string{"state-dir", "patches-dir"} {
		if dir := file.GetString(key); dir != "" && !filepath.IsAbs(dir) {
			settings[key] = filepath.Join(filepath.Dir(name), dir)
		}
	}
	if file.IsSet("catalog") {
		sources := file.GetStringSlice("catalog")
		for i, s := range sources {
			if !filepath.IsAbs(s) {
				sources[i] = filepath.Join(filepath.Dir(name), s)
			}
		}
		settings["catalog"], catalogues = sources, sources
	}
	return catalogues, v.MergeConfigMap(settings)
}

// topValues returns the values in a configuration file by their names, in lower case as
// settings are; the line of each is that of its name.
func topValues(text []byte) (map[string]*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil || len(doc.Content) == 0 {
		return nil, err
	}
	values := map[string]*yaml.Node{}
	for i := 0; i+1 < len(doc.Content[0].Content); i += 2 {
		key, value := doc.Content[0].Content[i], *doc.Content[0].Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = *value.Alias
		}
		value.Line = key.Line
		values[strings.ToLower(key.Value)] = &value
	}
	return values, nil
}

// checkSetting refuses a value that is of another kind than its setting, which would be
// passed over or taken for something else. It sets the flag that is given for it.
func checkSetting(setting *pflag.Flag, value *yaml.Node) error {
	if value == nil || setting == nil || value.Tag == "!!null" {
		return nil
	}
	switch kind := setting.Value.Type(); {
	case kind == "stringArray" && value.Kind == yaml.SequenceNode:
		for _, item := range value.Content {
			if item.Kind == yaml.AliasNode {
				item = item.Alias
			}
			if item.Kind != yaml.ScalarNode || item.Tag != "!!str" {
				return errors.New("expected a list of texts")
			}
		}
	case kind == "stringArray" && value.Tag != "!!str":
		return errors.New("expected a list of texts, or one text")
	case value.Kind != yaml.ScalarNode:
		return errors.New("expected one value")
	case kind == "bool" || kind == "duration":
		if err := setting.Value.Set(value.Value); err != nil && value.Tag != "!!int" {
			return fmt.Errorf("%q is not what it can be: %w", value.Value, err)
		}
	}
	return nil
}

// meant asks about the key that a typing error is nearest to, if there is one.
func meant(key string, known []string) string {
	nearest := slices.MinFunc(known, func(a, b string) int { return cmp.Or(edits(a, key)-edits(b, key), strings.Compare(a, b)) })
	if edits(nearest, key) > 2 {
		return ""
	}
	return fmt.Sprintf("; is %q meant?", nearest)
}

// findRoot returns the absolute root: the one that was named, the nearest parent
// that is an installation, or "" when there is none.
func findRoot(env Env, named string) (string, error) {
	if named == "" {
		root, err := project.Find(env.Dir, env.Getenv)
		if errors.Is(err, project.ErrNotInstallation) {
			return "", nil
		}
		return root, err
	}
	if !filepath.IsAbs(named) {
		named = filepath.Join(env.Dir, named)
	}
	info, err := os.Stat(named)
	if err != nil {
		return "", usagef("root: %w", err)
	}
	if !info.IsDir() {
		return "", usagef("root: %s is not a folder", named)
	}
	return filepath.Clean(named), nil
}

func (c *config) validate() error {
	if _, err := report.ParseFormat(c.Format); err != nil {
		return usageError{err}
	}
	switch c.Color {
	case "auto", "always", "never":
	default:
		return usagef("unknown colour mode %q, expected auto, always or never", c.Color)
	}
	if c.CatalogKey != "" {
		if _, err := store.ParsePublic(c.CatalogKey); err != nil {
			return usagef("catalog-key: %w", err)
		}
	}
	if c.Wait < 0 || c.Wait > 0 && c.Wait < time.Millisecond {
		return usagef("wait: %s is not a time to wait; give it a unit, as in 30s", c.Wait)
	}
	return nil
}

// style derives what the table form may use.
func (c *config) style(env Env) report.Style {
	color := c.Color == "always"
	if c.Color == "auto" {
		color = env.Width > 0 && env.Getenv("NO_COLOR") == "" && env.Getenv("TERM") != "dumb"
	}
	return report.Style{Width: env.Width, Color: color, Verbose: c.Verbose}
}
