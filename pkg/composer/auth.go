package composer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Config is what Composer's own configuration says about fetching.
type Config struct {
	// SecureHTTP refuses plain http.
	SecureHTTP bool

	basic  map[string]basicAuth
	bearer map[string]string
}

type basicAuth struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

type authFile struct {
	Basic      byHost[basicAuth] `json:"http-basic"`
	Bearer     byHost[string]    `json:"bearer"`
	SecureHTTP *bool             `json:"secure-http"`
}

// byHost is what stands for hosts. PHP writes an empty object as a list.
type byHost[T any] map[string]T

func (m *byHost[T]) UnmarshalJSON(b []byte) error {
	if list := []T(nil); json.Unmarshal(b, &list) == nil && len(list) == 0 {
		return nil
	}
	return json.Unmarshal(b, (*map[string]T)(m))
}

// LoadConfig reads Composer's configuration: config.json and auth.json of its home,
// composer.json and auth.json of a project if dir is not "", and COMPOSER_AUTH. The
// later one wins for a host. No error repeats a credential.
func LoadConfig(getenv func(string) string, dir string) (Config, error) {
	c := Config{SecureHTTP: true, basic: map[string]basicAuth{}, bearer: map[string]string{}}
	home := composerHome(getenv)
	type source struct {
		dir, name string
		nested    bool // below "config"
	}
	var sources []source
	if home != "" {
		sources = append(sources, source{home, "config.json", true}, source{home, "auth.json", false})
	}
	if dir != "" {
		sources = append(sources, source{dir, "composer.json", true}, source{dir, "auth.json", false})
	}
	for _, s := range sources {
		name := filepath.Join(s.dir, s.name)
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, fmt.Errorf("composer's configuration: %w", err)
		}
		if err := c.merge(b, s.nested); err != nil {
			return Config{}, fmt.Errorf("composer's configuration %s: %w", name, err)
		}
	}
	if text := getenv("COMPOSER_AUTH"); text != "" {
		if err := c.merge([]byte(text), false); err != nil {
			return Config{}, fmt.Errorf("COMPOSER_AUTH: %w", err)
		}
	}
	return c, nil
}

func (c *Config) merge(b []byte, nested bool) error {
	var file struct {
		authFile
		Config json.RawMessage `json:"config"`
	}
	err := json.Unmarshal(b, &file)
	settings := file.authFile
	if err == nil && nested {
		settings = authFile{}
		// PHP writes an empty object as a list.
		if text := strings.TrimSpace(string(file.Config)); text != "" && !strings.HasPrefix(text, "[") {
			err = json.Unmarshal(file.Config, &settings)
		}
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not valid JSON at byte %d", syntax.Offset)
	}
	if err != nil {
		return errors.New("not in the form that Composer expects")
	}
	for host, auth := range settings.Basic {
		host = strings.ToLower(host)
		c.basic[host] = auth
		delete(c.bearer, host)
	}
	for host, token := range settings.Bearer {
		host = strings.ToLower(host)
		c.bearer[host] = token
		delete(c.basic, host)
	}
	if settings.SecureHTTP != nil {
		c.SecureHTTP = *settings.SecureHTTP
	}
	return nil
}

// composerHome finds Composer's folder as Composer does.
func composerHome(getenv func(string) string) string {
	if dir := getenv("COMPOSER_HOME"); dir != "" {
		return dir
	}
	if runtime.GOOS == "windows" {
		if dir := getenv("APPDATA"); dir != "" {
			return filepath.Join(dir, "Composer")
		}
		return ""
	}
	home := getenv("HOME")
	if home == "" {
		return ""
	}
	var candidates []string
	config := getenv("XDG_CONFIG_HOME")
	xdg := config != ""
	for _, name := range []string{"XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS"} {
		xdg = xdg || getenv(name) != ""
	}
	if !xdg {
		_, err := os.Stat("/etc/xdg")
		xdg = err == nil
	}
	if xdg {
		if config == "" {
			config = filepath.Join(home, ".config")
		}
		candidates = append(candidates, filepath.Join(config, "composer"))
	}
	candidates = append(candidates, filepath.Join(home, ".composer"))
	for _, dir := range candidates {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return candidates[0]
}

// authorize adds the credentials for the host of a request, if there are any.
func (c Config) authorize(r *http.Request) bool {
	for _, host := range hostKeys(r.URL) {
		if auth, ok := c.basic[host]; ok {
			r.SetBasicAuth(auth.Username, auth.Password)
			return true
		}
		if token, ok := c.bearer[host]; ok {
			r.Header.Set("Authorization", "Bearer "+token)
			return true
		}
	}
	return false
}

// hostKeys returns the names under which the credentials of a host may stand: with
// its port, and without if it is the scheme's own.
func hostKeys(u *url.URL) []string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	standard := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	if port == "" || port == standard {
		return []string{host, net.JoinHostPort(host, standard)}
	}
	return []string{net.JoinHostPort(host, port)}
}
