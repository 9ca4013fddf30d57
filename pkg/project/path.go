package project

import (
	"os"
	"path/filepath"
	"strings"
)

// Path maps a slash path as diffs for the Composer layout write it ("vendor/magento/module-cms/Model/Page.php") to where
// that file lives in this installation, relative to the root. Paths that do not lie in vendor stay as they are.
//
// In the Composer layout only the name of the vendor folder may differ. In a clone of Magento's repository,
// Magento's own packages lie elsewhere ("app/code/Magento/Cms/Model/Page.php"), except those that exist in
// the vendor folder, where Composer put them: such a folder wins, as it is what Magento loads first in
// practice and what installed.json speaks of. Third-party packages always lie in the vendor folder.
//
// The result is no safer than p: whether it stays inside of the root is for the caller to check.
func (in *Installation) Path(p string) string {
	rest, ok := strings.CutPrefix(p, "vendor/")
	if !ok {
		return p
	}
	if in.Layout == Git {
		if own, ok := strings.CutPrefix(rest, "magento/"); ok {
			name, file, _ := strings.Cut(own, "/")
			if dir, ok := in.paths.dirOf(name); ok {
				return joinSlash(dir, file)
			}
		}
	}
	return joinSlash(in.VendorDir, rest)
}

func joinSlash(dir, file string) string {
	switch {
	case dir == "" && file == "":
		return "."
	case dir == "":
		return file
	case file == "":
		return dir
	default:
		return dir + "/" + file
	}
}

// pathMap knows where the packages of Magento lie in a clone of its repository. Where a folder exists, in whatever
// case, its real name counts.
type pathMap struct {
	installed map[string]bool              // the folders in vendor/magento
	real      map[string]map[string]string // for each folder of packages: names in lower case to real names
}

// The folders that packages of one kind lie in.
const (
	codeDir      = "app/code/Magento"
	i18nDir      = "app/i18n/Magento"
	designDir    = "app/design/"
	frameworkDir = "lib/internal/Magento/Framework"
)

func newPathMap(in *Installation) pathMap {
	m := pathMap{installed: map[string]bool{}, real: map[string]map[string]string{}}
	if in.Layout != Git {
		return m
	}
	for _, name := range list(in.Root, in.VendorDir+"/magento") {
		m.installed[name] = true
	}
	for _, dir := range []string{
		codeDir, i18nDir, designDir + "frontend/Magento", designDir + "adminhtml/Magento",
	} {
		names := map[string]string{}
		for _, name := range list(in.Root, dir) {
			names[strings.ToLower(name)] = name
		}
		m.real[dir] = names
	}
	return m
}

// list returns the names in a folder; none if it cannot be read.
func list(root, dir string) []string {
	f, err := os.Open(filepath.Join(root, filepath.FromSlash(dir)))
	if err != nil {
		return nil
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil
	}
	return names
}

// dirOf returns the folder of the package magento/<name>, relative to the root.
func (m *pathMap) dirOf(name string) (string, bool) {
	if m.installed[name] || strings.Trim(name, nameLetters+"-_") != "" {
		return "", false
	}
	switch name {
	case "magento2-base", "magento2-ee-base":
		return "", true
	case "framework":
		return frameworkDir, true
	case "framework-amqp", "framework-ampq": // Adobe's tool misspells it
		return frameworkDir + "/Amqp", true
	case "framework-bulk", "framework-foreign-key", "framework-message-queue":
		return frameworkDir + "/" + camelCase(strings.TrimPrefix(name, "framework-")), true
	}
	if module, ok := strings.CutPrefix(name, "module-"); ok && module != "" {
		return m.in(codeDir, camelCase(module)), true
	}
	if language, ok := strings.CutPrefix(name, "language-"); ok && language != "" {
		return m.in(i18nDir, language), true
	}
	for _, area := range []string{"frontend", "adminhtml"} {
		if theme, ok := strings.CutPrefix(name, "theme-"+area+"-"); ok && theme != "" {
			return m.in(designDir+area+"/Magento", theme), true
		}
	}
	return "", false
}

// in joins dir and name, with the case that name really has.
func (m *pathMap) in(dir, name string) string {
	if real, ok := m.real[dir][strings.ToLower(name)]; ok {
		name = real
	}
	return dir + "/" + name
}

// camelCase turns "catalog-graph-ql" into "CatalogGraphQl".
func camelCase(s string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(s, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}
