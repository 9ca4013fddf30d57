package author

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/project"
)

// A dist says where Composer had a package from.
type dist struct {
	Type      string `json:"type"`
	URL       string `json:"url"`
	Reference string `json:"reference"`
	Shasum    string `json:"shasum"`
	Mirrors   []struct {
		URL string `json:"url"`
	} `json:"mirrors"`

	name, pretty, version string
}

// A CacheError is a package that Composer's cache does not have.
type CacheError struct {
	Package project.Package
	// Looked are the folders that were looked at.
	Looked []string
	// Found says of archives that are there why they are not what is installed.
	Found []string
}

func (e *CacheError) Error() string {
	text := fmt.Sprintf("Composer's cache has no archive of %s %s; looked at %s", e.Package.Name, e.Package.Version, strings.Join(e.Looked, ", "))
	if len(e.Found) > 0 {
		text += " (" + strings.Join(e.Found, "; ") + ")"
	}
	return text
}

// FromCache returns the archive of an installed package in Composer's cache: the one under
// the name that Composer 2 gives to what installed.json names, else one in the package's
// folder with the checksum that stands there, or that states to be the installed version.
// The error is a [*CacheError], or one of reading.
func FromCache(in *project.Installation, pkg project.Package, getenv func(string) string) (*Package, string, error) {
	d, err := readInstalled(in.Root, in.VendorDir, pkg.Name)
	if err != nil {
		return nil, "", err
	}
	missing := &CacheError{Package: pkg}
	for _, folder := range cacheFolders(in.Root, getenv) {
		folder = filepath.Join(folder, filepath.FromSlash(clean(d.name)))
		missing.Looked = append(missing.Looked, folder)
		names := d.cacheNames()
		exact := len(names)
		if entries, err := os.ReadDir(folder); err == nil {
			for _, e := range entries {
				if !e.IsDir() && !slices.Contains(names, e.Name()) {
					names = append(names, e.Name())
				}
			}
		}
		for i, name := range names {
			file := filepath.Join(folder, name)
			if _, err := os.Stat(file); err != nil {
				continue
			}
			p, err := d.accept(file, pkg, i < exact)
			if err != nil {
				missing.Found = append(missing.Found, fmt.Sprintf("%s: %v", name, err))
				continue
			}
			return p, file, nil
		}
	}
	return nil, "", missing
}

// accept opens an archive if it is the package: by its name, its checksum, or by the
// version that it states.
func (d *dist) accept(file string, pkg project.Package, named bool) (*Package, error) {
	if d.Shasum != "" {
		sum, err := sha1Of(file)
		if err != nil {
			return nil, bare(err)
		}
		if !strings.EqualFold(sum, d.Shasum) {
			return nil, fmt.Errorf("its checksum is not that of the installed package")
		}
		named = true
	}
	p, err := OpenPackage(file)
	if err != nil {
		return nil, err
	}
	err = p.Is(pkg)
	if err == nil && !named && (p.Name == "" || p.Version == "") {
		err = fmt.Errorf("it does not say which version it is")
	}
	if err != nil {
		_ = p.Close() // only read from
		return nil, err
	}
	return p, nil
}

func sha1Of(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha1.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// cacheNames returns the names that Composer 2 gives to archives in the package's folder:
// the SHA-1 of the address, with the type behind it.
func (d *dist) cacheNames() []string {
	if d.URL == "" || d.Type == "" {
		return nil
	}
	urls := []string{d.URL}
	if strings.Contains(d.URL, "%") {
		urls[0] = d.fill(d.URL)
	}
	for _, m := range d.Mirrors {
		urls = append(urls, d.fill(m.URL))
	}
	var names []string
	for _, u := range urls {
		sum := sha1.Sum([]byte(u))
		names = append(names, hex.EncodeToString(sum[:])+"."+clean(d.Type))
	}
	return names
}

var hexReference = regexp.MustCompile(`^([a-f0-9]*|%reference%)$`)

// fill puts what is known of the package into an address.
func (d *dist) fill(address string) string {
	hash := func(s string) string {
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	reference, version := d.Reference, d.version
	if !hexReference.MatchString(reference) {
		reference = hash(reference)
	}
	if strings.Contains(version, "/") {
		version = hash(version)
	}
	for _, r := range [][2]string{{"%package%", d.name}, {"%version%", version}, {"%reference%", reference}, {"%type%", d.Type}, {"%prettyVersion%", d.pretty}} {
		address = strings.ReplaceAll(address, r[0], r[1])
	}
	return address
}

var notInCache = regexp.MustCompile(`[^A-Za-z0-9_./]`)

// clean is how Composer makes names of files of names of packages.
func clean(name string) string { return notInCache.ReplaceAllString(name, "-") }

// cacheFolders returns where Composer keeps the archives of packages, the likeliest first.
func cacheFolders(root string, getenv func(string) string) []string {
	var manifest struct {
		Config struct {
			Cache string `json:"cache-dir"`
			Files string `json:"cache-files-dir"`
		} `json:"config"`
	}
	if text, err := os.ReadFile(filepath.Join(root, "composer.json")); err == nil {
		_ = json.Unmarshal(text, &manifest) // what is wrong with it is told elsewhere
	}
	home := getenv("HOME")
	expand := func(dir string) string {
		if strings.HasPrefix(dir, "~/") || strings.HasPrefix(dir, "$HOME/") {
			dir = home + dir[strings.Index(dir, "/"):]
		}
		if dir != "" && !filepath.IsAbs(dir) {
			dir = filepath.Join(root, dir)
		}
		return dir
	}
	var caches []string
	switch {
	case getenv("COMPOSER_CACHE_DIR") != "":
		caches = []string{getenv("COMPOSER_CACHE_DIR")}
	case manifest.Config.Cache != "":
		caches = []string{manifest.Config.Cache}
	case getenv("COMPOSER_HOME") != "":
		caches = []string{getenv("COMPOSER_HOME") + "/cache"}
	default:
		if xdg := getenv("XDG_CACHE_HOME"); xdg != "" {
			caches = append(caches, xdg+"/composer")
		}
		if home != "" {
			caches = append(caches, home+"/.cache/composer", home+"/.composer/cache")
			if runtime.GOOS == "darwin" {
				caches = append(caches, home+"/Library/Caches/composer")
			}
		}
		if local := getenv("LOCALAPPDATA"); local != "" {
			caches = append(caches, local+"/Composer")
		}
	}
	for i, c := range caches {
		caches[i] = filepath.Join(expand(c), "files")
	}
	files := getenv("COMPOSER_CACHE_FILES_DIR")
	if files == "" {
		files = manifest.Config.Files
	}
	if files != "" {
		return []string{expand(strings.NewReplacer("{$cache-dir}", filepath.Dir(append(caches, "/")[0])).Replace(files))}
	}
	return caches
}
