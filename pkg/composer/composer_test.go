package composer_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quality-patches/qpt/pkg/composer"
)

// archive is a zip that a repository serves.
func archive(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "support-patches.json", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "{}%s", strings.Repeat(" ", 100_000))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func sum1(b []byte) string   { s := sha1.Sum(b); return hex.EncodeToString(s[:]) }
func sum256(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// client trusts a test server, and has the credentials that auth.json holds.
func client(t testing.TB, server *httptest.Server, auth string) *composer.Client {
	t.Helper()
	vars := map[string]string{"COMPOSER_AUTH": auth, "COMPOSER_HOME": t.TempDir()}
	config, err := composer.LoadConfig(func(name string) string { return vars[name] }, "")
	if err != nil {
		t.Fatal(err)
	}
	c := composer.NewClient(config, "test")
	c.HTTP, c.Cache, c.Backoff, c.Stall = server.Client(), t.TempDir(), time.Millisecond, 5*time.Second
	return c
}

func host(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "https://") }

func basic(hosts ...string) string {
	m := map[string]map[string]string{}
	for _, h := range hosts {
		m[h] = map[string]string{"username": "public", "password": "private"}
	}
	b, _ := json.Marshal(map[string]any{"http-basic": m})
	return string(b)
}

// behindBasic serves only those with the right keys.
func behindBasic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "public" || password != "private" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func versionsOf(list []composer.Package) string {
	var versions []string
	for _, p := range list {
		versions = append(versions, p.Version)
	}
	return strings.Join(versions, " ")
}

// files serves texts by path; the key holds what stands behind the slash.
func files(m map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := m[strings.TrimPrefix(r.URL.EscapedPath(), "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, body)
	})
}

// Both versions of the protocol give the same versions, the highest first, and archives.
func TestProtocols(t *testing.T) {
	zipped := archive(t)
	sum := sum1(zipped)
	dist := `"dist": {"type": "zip", "url": "/dist.zip", "reference": "r", "shasum": "` + sum + `"}`
	minified := `{"minified": "composer/2.0", "packages": {"acme/patches": [
		{"name": "acme/patches", "version": "1.1.9", "abandoned": true, ` + dist + `},
		{"version": "1.1.82", "abandoned": "__unset"}, {"version": "1.2.0-beta1"},
		{"version": "1.3.0", "dist": "__unset"}, {"version": "latest"}]}}`
	byVersion := `{"packages": {"acme/patches": {
		"1.1.9": {"name": "acme/patches", "version": "1.1.9", ` + dist + `},
		"1.1.82": {"name": "acme/patches", "version": "1.1.82", ` + dist + `},
		"1.2.0-beta1": {"name": "acme/patches", "version": "1.2.0-beta1", ` + dist + `}}}}`
	providers := `{"providers": {"acme/patches": {"sha256": "` + sum256([]byte(byVersion)) + `"}}}`
	for name, served := range map[string]map[string]string{
		"v2": {
			"repo/packages.json":                 `{"packages": [], "metadata-url": "/repo/p2/%package%.json", "available-package-patterns": ["acme/*"]}`,
			"repo/p2/acme/patches.json":          minified,
			"repo/p2/acme/patches~dev.json":      `{"packages": {"acme/patches": [{"name": "acme/patches", "version": "dev-main", ` + dist + `}]}}`,
			"repo/p2/acme/elsewhere-forbid.json": `{}`,
		},
		"v1": {
			"repo/packages.json": `{"packages": {}, "providers-url": "/repo/p/%package%$%hash%.json", "provider-includes": {"p/all$%hash%.json": {"sha256": "` + sum256([]byte(providers)) + `"}}}`,
			"repo/p/all$" + sum256([]byte(providers)) + ".json":            providers,
			"repo/p/acme/patches%24" + sum256([]byte(byVersion)) + ".json": byVersion,
		},
		"v1 without a list": {
			"repo/packages.json":          `{"packages": [], "providers-lazy-url": "/repo/lazy/%package%.json", "notify-batch": "/notify"}`,
			"repo/lazy/acme/patches.json": byVersion,
			"repo/lazy/else/where.json":   `{"packages": []}`,
		},
		"inline": {"repo/packages.json": byVersion},
		"includes": {
			"repo/packages.json":        `{"packages": [], "includes": {"include/all$1.json": {"sha1": "` + sum1([]byte(byVersion)) + `"}}}`,
			"repo/include/all%241.json": byVersion,
		},
	} {
		t.Run(name, func(t *testing.T) {
			served["dist.zip"] = string(zipped)
			server := httptest.NewTLSServer(behindBasic(files(served)))
			defer server.Close()
			c := client(t, server, basic(host(server)))
			r, err := c.Open(t.Context(), server.URL+"/repo")
			if err != nil {
				t.Fatal(err)
			}
			list, err := r.Versions(t.Context(), "Acme/Patches")
			if err != nil || versionsOf(list) != "1.2.0-beta1 1.1.82 1.1.9" {
				t.Fatalf("versions %q, error %v", versionsOf(list), err)
			}
			p, err := composer.Pick(list, "")
			if err != nil || p.Version != "1.1.82" {
				t.Errorf("picked %s, error %v", p.Version, err)
			}
			if p, err := composer.Pick(list, "v1.1.9"); err != nil || p.Version != "1.1.9" {
				t.Errorf("picked %s, error %v", p.Version, err)
			}
			if _, err := composer.Pick(list, "3.0"); !errors.Is(err, composer.ErrNotFound) {
				t.Errorf("error %v", err)
			}
			branches, err := r.Branches(t.Context(), "acme/patches")
			want := "1.2.0-beta1 1.1.82 1.1.9"
			if name == "v2" {
				want = "dev-main"
			}
			if err != nil || versionsOf(branches) != want {
				t.Errorf("branches %q, error %v", versionsOf(branches), err)
			}
			file, source, err := c.FetchPackage(t.Context(), p)
			if err != nil || source != server.URL+"/dist.zip" {
				t.Fatalf("from %q, error %v", source, err)
			}
			if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, zipped) {
				t.Errorf("%d bytes, error %v", len(b), err)
			}
			for _, unknown := range []string{"acme/none", "else/where"} {
				if _, err := r.Versions(t.Context(), unknown); !errors.Is(err, composer.ErrNotFound) {
					t.Errorf("%s: error %v", unknown, err)
				}
			}
		})
	}
}

// What is hashed by the protocol is compared with its hash.
func TestMetadataChecksum(t *testing.T) {
	server := httptest.NewTLSServer(files(map[string]string{
		"packages.json":          `{"providers-url": "/%package%$%hash%.json", "providers": {"acme/patches": {"sha256": "00"}}}`,
		"acme/patches%2400.json": `{"packages": {}}`,
	}))
	defer server.Close()
	r, err := client(t, server, "").Open(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Versions(t.Context(), "acme/patches"); !errors.Is(err, composer.ErrChecksum) {
		t.Errorf("error %v", err)
	}
}

// Metadata that did not change is not sent again.
func TestNotModified(t *testing.T) {
	var sent, asked atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		const when = "Tue, 03 Mar 2026 10:00:00 GMT"
		if r.Header.Get("If-Modified-Since") == when {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		w.Header().Set("Last-Modified", when)
		fmt.Fprint(w, `{"packages": {"a/b": {"1.0.0": {"name": "a/b", "version": "1.0.0", "dist": {"type": "zip", "url": "x.zip"}}}}}`)
	}))
	defer server.Close()
	c := client(t, server, "")
	for range 2 {
		r, err := c.Open(t.Context(), server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := r.Versions(t.Context(), "a/b"); err != nil || len(list) != 1 {
			t.Fatalf("%d versions, error %v", len(list), err)
		}
	}
	if sent.Load() != 1 || asked.Load() != 2 {
		t.Errorf("asked %d times, sent %d times", asked.Load(), sent.Load())
	}
}

// A redirect to another host does not take the credentials along; that host gets its own.
func TestRedirect(t *testing.T) {
	zipped := archive(t)
	var seen string
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		_, _ = w.Write(zipped)
	}))
	defer other.Close()
	first := httptest.NewTLSServer(behindBasic(http.RedirectHandler(other.URL+"/dist.zip?token=secret", http.StatusFound)))
	defer first.Close()
	d := composer.Download{URL: first.URL + "/dist.zip", SHA256: sum256(zipped)}
	if _, err := client(t, first, basic(host(first))).Fetch(t.Context(), d); err != nil || seen != "" {
		t.Errorf("the other host was told %q, error %v", seen, err)
	}
	auth := strings.TrimSuffix(basic(host(first)), "}") + `, "bearer": {"` + host(other) + `": "own"}}`
	if _, err := client(t, first, auth).Fetch(t.Context(), d); err != nil || seen != "Bearer own" {
		t.Errorf("the other host was told %q, error %v", seen, err)
	}
}

// Runs that fetch the same at the same time do not write into each other's file.
func TestFetchAtOnce(t *testing.T) {
	zipped := archive(t)
	const runs = 3
	var asked sync.WaitGroup
	asked.Add(runs)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(zipped[:len(zipped)/2])
		_ = http.NewResponseController(w).Flush() // what matters is that all runs are in the middle
		asked.Done()
		asked.Wait()
		_, _ = w.Write(zipped[len(zipped)/2:])
	}))
	defer server.Close()
	first := client(t, server, "")
	var group sync.WaitGroup
	for run := range runs {
		c := *first
		group.Go(func() {
			name, err := c.Fetch(t.Context(), composer.Download{URL: server.URL + "/dist.zip"})
			if err != nil {
				t.Errorf("run %d: %v", run, err)
				return
			}
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, zipped) {
				t.Errorf("run %d: %d bytes, error %v", run, len(got), err)
			}
			if err := os.Remove(name); err != nil {
				t.Errorf("run %d: %v", run, err)
			}
		})
	}
	group.Wait()
	if _, err := first.Fetch(t.Context(), composer.Download{URL: "http://" + host(server)}); !errors.Is(err, composer.ErrInsecure) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(first.Cache, "downloads")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

// Plain http is refused, also behind a redirect; where it is allowed, credentials do
// not follow from https.
func TestPlainHTTP(t *testing.T) {
	zipped := archive(t)
	var seen string
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = "asked " + r.Header.Get("Authorization")
		_, _ = w.Write(zipped)
	}))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secure.Close()
	auth := basic(strings.TrimPrefix(plain.URL, "http://"))
	for _, address := range []string{plain.URL, secure.URL} {
		if _, err := client(t, secure, auth).Fetch(t.Context(), composer.Download{URL: address}); !errors.Is(err, composer.ErrInsecure) || seen != "" {
			t.Errorf("%s: %q, error %v", address, seen, err)
		}
	}
	allowed := strings.TrimSuffix(auth, "}") + `, "secure-http": false}`
	if _, err := client(t, secure, allowed).Fetch(t.Context(), composer.Download{URL: secure.URL}); err != nil || seen != "asked " {
		t.Errorf("%q, error %v", seen, err)
	}
	if _, err := client(t, secure, allowed).Fetch(t.Context(), composer.Download{URL: plain.URL}); err != nil || !strings.HasPrefix(seen, "asked Basic ") {
		t.Errorf("%q, error %v", seen, err)
	}
}

// What goes wrong is told, tried again only where that can help, and leaves no file.
func TestFailures(t *testing.T) {
	zipped := archive(t)
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		asked   int32
		message string
	}{
		{"401", status(401), 1, "credentials for this host are missing or wrong"},
		{"403", status(403), 1, "credentials for this host are missing or wrong"},
		{"404", status(404), 1, "credentials give no access"},
		{"501", status(501), 1, "501 Not Implemented"},
		{"500", status(500), 3, "tried 3 times"},
		{"502", status(502), 3, "tried 3 times"},
		{"503", status(503), 3, "tried 3 times"},
		{"504", status(504), 3, "tried 3 times"},
		{"a web page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<html>log in")
		}, 1, "a web page instead of a file"},
		{"another archive", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "PK other") }, 1, "checksum is wrong"},
		{"a page to log in that is called an archive", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/zip")
			fmt.Fprint(w, "\n<!DOCTYPE html><html>log in")
		}, 1, "what came is a web page, such as one to log in"},
		{"an error in JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"error": "log in"}`) }, 1, "what came is JSON"},
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, 1, "what came is empty"},
		{"truncated, never complete", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(zipped)))
			_, _ = w.Write(zipped[:1000])
		}, 3, "broke off after 1000 bytes"},
		{"no end of redirects", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }, 10, "more than 10 redirects"},
		{"nothing arrives", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, 3, "timeout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked atomic.Int32
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				tc.handler(w, r)
			}))
			defer server.Close()
			c := client(t, server, "")
			c.Attempts, c.Stall = 3, 100*time.Millisecond
			address := strings.Replace(server.URL, "https://", "https://user:hidden@", 1) + "/x.zip?token=hidden"
			name, err := c.Fetch(t.Context(), composer.Download{URL: address, SHA1: sum1(zipped)})
			if err == nil || name != "" || !strings.Contains(err.Error(), tc.message) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("file %q, error %v", name, err)
			}
			if asked.Load() != tc.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), tc.asked)
			}
		})
	}
}

// A download that broke off goes on where it ended, unless the file is another one by now.
func TestResume(t *testing.T) {
	zipped := archive(t)
	for _, changed := range []bool{false, true} {
		t.Run(fmt.Sprintf("changed=%v", changed), func(t *testing.T) {
			content, tag, broken := bytes.ToUpper(zipped), `"old"`, true
			if !changed {
				content, tag = zipped, `"new"`
			}
			var ranges []string
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ranges = append(ranges, r.Header.Get("Range"))
				w.Header().Set("ETag", tag)
				if broken {
					w.Header().Set("Content-Length", fmt.Sprint(len(content)))
					_, _ = w.Write(content[:50_000])
					return
				}
				http.ServeContent(w, r, "x.zip", time.Time{}, bytes.NewReader(content))
			}))
			defer server.Close()
			c := client(t, server, "")
			c.Attempts = 1
			d := composer.Download{URL: server.URL + "/x.zip", SHA256: sum256(zipped)}
			if _, err := c.Fetch(t.Context(), d); err == nil {
				t.Fatal("a truncated download is a success")
			}
			content, tag, broken = zipped, `"new"`, false
			name, err := c.Fetch(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := os.ReadFile(name); !bytes.Equal(b, zipped) {
				t.Error("another file")
			}
			if len(ranges) != 2 || ranges[0] != "" || ranges[1] != "bytes=50000-" {
				t.Errorf("ranges %q", ranges)
			}
		})
	}
}

func TestMirrorsAndRecovery(t *testing.T) {
	zipped := archive(t)
	var asked atomic.Int32
	served := http.NewServeMux()
	served.HandleFunc("/packages.json", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"packages": {"a/b": {"1.0.0": {"name": "a/b", "version": "1.0.0", "dist": {"type": "zip", "url": "gone.zip", "shasum": "%s",
			"reference": "ref", "mirrors": [{"url": "/m/%%package%%/%%version%%/%%reference%%.%%type%%", "preferred": false}]}}}}}`, sum1(zipped))
	})
	// Composer has the MD5 of a reference in the address that is no name of a commit.
	served.HandleFunc("/m/a/b/1.0.0.0/18389a4a9ad5795744699cff0ba66c15.zip", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(zipped) })
	server := httptest.NewTLSServer(served)
	defer server.Close()
	c := client(t, server, "")
	r, err := c.Open(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.Versions(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if _, source, err := c.FetchPackage(t.Context(), list[0]); err != nil || !strings.HasSuffix(source, "/m/a/b/1.0.0.0/18389a4a9ad5795744699cff0ba66c15.zip") {
		t.Errorf("from %s, error %v", source, err)
	}
}

func TestCancelled(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too slow"))
	defer cancel()
	if _, err := client(t, server, "").Open(ctx, server.URL); err == nil || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("error %v", err)
	}
}

// The later file wins for a host, COMPOSER_AUTH over all; no error repeats a secret.
func TestLoadConfig(t *testing.T) {
	home, project := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		got = user + r.Header.Get("Authorization")[:min(6, len(r.Header.Get("Authorization")))]
		fmt.Fprint(w, `{}`)
	}))
	defer server.Close()
	vars := map[string]string{"COMPOSER_HOME": home}
	auth := func(user string) string {
		return `{"http-basic": {"` + host(server) + `": {"username": "` + user + `", "password": "p"}}}`
	}
	check := func(want string) {
		t.Helper()
		config, err := composer.LoadConfig(func(name string) string { return vars[name] }, project)
		if err != nil {
			t.Fatal(err)
		}
		c := composer.NewClient(config, "test")
		c.HTTP = server.Client()
		if _, err := c.Open(t.Context(), server.URL); err != nil || got != want {
			t.Errorf("%q, want %q, error %v", got, want, err)
		}
	}
	check("")
	write(home, "config.json", `{"config": `+auth("home-config")+`}`)
	check("home-configBasic ")
	write(home, "auth.json", auth("home-auth"))
	check("home-authBasic ")
	write(project, "composer.json", `{"config": `+auth("project")+`}`)
	check("projectBasic ")
	write(project, "auth.json", auth("project-auth"))
	check("project-authBasic ")
	vars["COMPOSER_AUTH"] = `{"bearer": {"` + host(server) + `": "token"}}`
	check("Bearer")
	vars["COMPOSER_AUTH"] = `{"http-basic": [], "bearer": [ ], "github-oauth": []}` // as PHP writes what is empty
	check("project-authBasic ")
	for _, bad := range []string{`{"http-basic": {"h": {"password": "hidden"}`, `{"bearer": ["hidden"]}`, `hidden`} {
		vars["COMPOSER_AUTH"] = bad
		_, err := composer.LoadConfig(func(name string) string { return vars[name] }, project)
		if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "COMPOSER_AUTH") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}
