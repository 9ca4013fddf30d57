package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/quality-patches/qpt/pkg/report"
)

// settings reads the configuration in a shop with the given files, variables and flags.
func settings(t *testing.T, user, shop string, vars map[string]string, args ...string) (config, string, error) {
	t.Helper()
	dir := t.TempDir()
	root, home := filepath.Join(dir, "shop"), filepath.Join(dir, "home")
	for name, text := range map[string]string{
		filepath.Join(root, "composer.json"):                        "{}",
		filepath.Join(root, "vendor", "composer", "installed.json"): "{}",
		filepath.Join(root, "qpt.yaml"):                             shop,
		filepath.Join(home, "qpt", "config.yaml"):                   user,
	} {
		if text == "" {
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	globalFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"XDG_CONFIG_HOME": home}
	for name, value := range vars {
		all[name] = strings.ReplaceAll(value, "$DIR", dir)
	}
	c, err := loadConfig(Env{Dir: root, Getenv: func(name string) string { return all[name] }}, flags)
	return c, dir, err
}

// Flag before variable before the shop's file before the user's before the default.
func TestPrecedence(t *testing.T) {
	const user, shop = "format: yaml\ncolor: never\nwait: 1s\n", "format: json\nwait: 2s\n"
	vars := map[string]string{"QPT_FORMAT": "table", "QPT_WAIT": "3s"}
	for _, tc := range []struct {
		name, user, shop string
		vars             map[string]string
		args             []string
		want             string // format color wait quiet
	}{
		{"defaults", "", "", nil, nil, "table auto 0s false"},
		{"the user's file", user, "", nil, nil, "yaml never 1s false"},
		{"the shop's file", user, shop, nil, nil, "json never 2s false"},
		{"variables", user, shop, vars, nil, "table never 3s false"},
		{"flags", user, shop, vars, []string{"--format", "yaml", "--wait", "4s", "-q"}, "yaml never 4s true"},
		{"flags that say the default", user, shop, vars, []string{"--format", "table", "--wait=0s", "--quiet=false"}, "table never 0s false"},
		{"an empty variable is none", user, shop, map[string]string{"QPT_FORMAT": ""}, nil, "json never 2s false"},
		{"a variable that is true", "", "", map[string]string{"QPT_QUIET": "1"}, nil, "table auto 0s true"},
		{"a variable that is false", "quiet: true\n", "", map[string]string{"QPT_QUIET": "false"}, nil, "table auto 0s false"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _, err := settings(t, tc.user, tc.shop, tc.vars, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join([]string{c.Format, c.Color, c.Wait.String(), map[bool]string{true: "true", false: "false"}[c.Quiet]}, " ")
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// A value of the wrong kind is not passed over.
func TestSettingsRefused(t *testing.T) {
	for _, tc := range []struct{ shop, want string }{
		{"catalog: {a: b}\n", "qpt.yaml:1: catalog: expected a list of texts, or one text"},
		{"quiet: true\ncatalog: 5\n", "qpt.yaml:2: catalog: expected a list of texts, or one text"},
		{"catalog:\n  - {a: b}\n", "qpt.yaml:1: catalog: expected a list of texts"},
		{"format: [json]\n", "qpt.yaml:1: format: expected one value"},
		{"quiet: maybe\n", `qpt.yaml:1: quiet: "maybe" is not what it can be`},
		{"\nwait: soon\n", `qpt.yaml:2: wait: "soon" is not what it can be`},
		{"root: .\n", "qpt.yaml:1: root has no effect here"},
		{"patches: [A]\n\npolcy: {}\n", `qpt.yaml:3: unknown key "polcy"; is "policy" meant?`},
	} {
		_, _, err := settings(t, "", tc.shop, nil)
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: error %v, want %q", tc.shop, err, tc.want)
		}
	}
	if _, _, err := settings(t, "quiet: true\npatches: [A]\n", "", nil); err == nil || !strings.Contains(err.Error(), "config.yaml:2: patches is of one installation; write it into its qpt.yaml") {
		t.Errorf("error %v", err)
	}
	for _, shop := range []string{"catalog:\nquiet:\nformat: ~\n", "catalog: &a [own]\noutput: []\n", "quiet: 1\nwait: 0\n", "catalog: own\n"} {
		if _, _, err := settings(t, "", shop, nil); err != nil {
			t.Errorf("%q: %v", shop, err)
		}
	}
}

// Catalogues of a file are relative to it; those of a higher place replace those of a
// lower one.
func TestCatalogSettings(t *testing.T) {
	list := string(os.PathListSeparator)
	for _, tc := range []struct {
		name, user, shop string
		vars             map[string]string
		args             []string
		want             []string
	}{
		{"none", "", "", nil, nil, []string{}},
		{"the user's", "catalog: [mine, /abs]\n", "", nil, nil, []string{"$DIR/home/qpt/mine", "/abs"}},
		{"the shop's", "catalog: [mine]\n", "catalog: [own.zip]\n", nil, nil, []string{"$DIR/shop/own.zip"}},
		{"one without a list", "", "catalog: own\n", nil, nil, []string{"$DIR/shop/own"}},
		{"variable", "", "catalog: [own]\n", map[string]string{"QPT_CATALOG": "a" + list + "b"}, nil, []string{"a", "b"}},
		{"flags", "", "catalog: [own]\n", map[string]string{"QPT_CATALOG": "a"}, []string{"--catalog", "x,y", "--catalog", "z"}, []string{"x,y", "z"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, dir, err := settings(t, tc.user, tc.shop, tc.vars, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range tc.want {
				tc.want[i] = filepath.FromSlash(strings.ReplaceAll(tc.want[i], "$DIR", filepath.ToSlash(dir)))
			}
			if diff := cmp.Diff(tc.want, c.Catalog); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The root is the one that is named, else the nearest parent that is an installation.
func TestRootSetting(t *testing.T) {
	c, dir, err := settings(t, "", "", nil)
	if err != nil || c.Root != filepath.Join(dir, "shop") {
		t.Errorf("root %s, error %v", c.Root, err)
	}
	c, dir, err = settings(t, "", "", map[string]string{"QPT_ROOT": "$DIR/shop/.."})
	if err != nil || c.Root != dir {
		t.Errorf("root %s, error %v", c.Root, err)
	}
	c, dir, err = settings(t, "format: yaml\n", "", nil, "--root", "../home")
	if err != nil || c.Root != filepath.Join(dir, "home") || c.Format != "yaml" {
		t.Errorf("root %s, format %s, error %v", c.Root, c.Format, err)
	}
}

func TestBadSettings(t *testing.T) {
	for _, tc := range []struct {
		name, user, shop string
		vars             map[string]string
		want             string
	}{
		{"an unknown name", "", "colour: always\n", nil, "colour"},
		{"not YAML", "format: [\n", "", nil, "config.yaml"},
		{"another type", "", "wait: [1]\n", nil, "wait"},
		{"a time that is none", "", "", map[string]string{"QPT_WAIT": "soon"}, "'wait'"},
		{"a truth that is none", "", "", map[string]string{"QPT_QUIET": "perhaps"}, "'quiet'"},
		{"a negative time", "", "wait: -1s\n", nil, "-1s is not a time to wait"},
		{"an unknown format", "", "format: xml\n", nil, `unknown format "xml"`},
		{"an unknown colour mode", "", "color: blue\n", nil, `unknown colour mode "blue"`},
		{"a root that is a file", "", "", map[string]string{"QPT_ROOT": "$DIR/shop/composer.json"}, "is not a folder"},
		{"a root that is not there", "", "", map[string]string{"QPT_ROOT": "$DIR/none"}, "root: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := settings(t, tc.user, tc.shop, tc.vars)
			var usage usageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// Without a home there is no user's configuration, in particular none from the
// working directory.
func TestNoHome(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.MkdirAll(".config/qpt", 0o755), os.WriteFile(".config/qpt/config.yaml", []byte("format: json\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	globalFlags(flags)
	c, err := loadConfig(Env{Dir: dir, Getenv: func(string) string { return "" }}, flags)
	if err != nil || c.Format != "table" || c.Wait != time.Duration(0) {
		t.Errorf("%+v, error %v", c, err)
	}
}

// Colour is for terminals, unless it is asked for or forbidden.
func TestStyle(t *testing.T) {
	for _, tc := range []struct {
		name, color string
		width       int
		vars        map[string]string
		want        bool
	}{
		{"terminal", "auto", 80, nil, true},
		{"pipe", "auto", 0, nil, false},
		{"NO_COLOR", "auto", 80, map[string]string{"NO_COLOR": "1"}, false},
		{"a dumb terminal", "auto", 80, map[string]string{"TERM": "dumb"}, false},
		{"always", "always", 0, map[string]string{"NO_COLOR": "1"}, true},
		{"never", "never", 80, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := config{Color: tc.color, Verbose: true}
			got := c.style(Env{Width: tc.width, Getenv: func(name string) string { return tc.vars[name] }})
			if want := (report.Style{Width: tc.width, Color: tc.want, Verbose: true}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
