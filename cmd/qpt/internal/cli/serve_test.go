package cli

import (
	"archive/zip"
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// serveRepository serves the catalogues VENDOR/NAME/VERSION below a folder as packages:
// below $REPO/v2 with protocol 2, below $REPO/v1 inline, and every archive at its path. It
// sets SSL_CERT_FILE so that qpt trusts the server.
func serveRepository(ts *testscript.TestScript, _ bool, args []string) {
	packages := map[string]map[string]any{}
	archives := map[string][]byte{}
	dirs, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*", "*", "*"))
	ts.Check(err)
	var mu sync.Mutex
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if user, password, _ := r.BasicAuth(); user != "public" || password != "private" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v2/p2/"), ".json")
		switch {
		case archives[r.URL.Path] != nil:
			_, _ = w.Write(archives[r.URL.Path])
		case r.URL.Path == "/login":
			fmt.Fprint(w, "<html>log in")
		case r.URL.Path == "/v2/packages.json":
			_, _ = w.Write([]byte(`{"packages": [], "metadata-url": "/v2/p2/%package%.json"}`))
		case r.URL.Path == "/v1/packages.json":
			_ = json.NewEncoder(w).Encode(map[string]any{"packages": packages})
		case packages[name] != nil:
			_ = json.NewEncoder(w).Encode(map[string]any{"packages": map[string]any{name: packages[name]}})
		default:
			http.NotFound(w, r)
		}
	}))
	server.StartTLS()
	ts.Defer(server.Close)
	mu.Lock()
	defer mu.Unlock()
	for _, dir := range dirs {
		version := filepath.Base(dir)
		name := filepath.Base(filepath.Dir(filepath.Dir(dir))) + "/" + filepath.Base(filepath.Dir(dir))
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		ts.Check(w.AddFS(os.DirFS(dir)))
		ts.Check(w.Close())
		path := "/dist/" + name + "-" + version + ".zip"
		archives[path] = buf.Bytes()
		if packages[name] == nil {
			packages[name] = map[string]any{}
		}
		packages[name][version] = map[string]any{"name": name, "version": version, "dist": map[string]any{
			"type": "zip", "url": path, "reference": version, "shasum": fmt.Sprintf("%x", sha1.Sum(buf.Bytes())),
		}}
	}
	ca := ts.MkAbs("ca.pem")
	ts.Check(os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	ts.Setenv("SSL_CERT_FILE", ca)
	ts.Setenv("REPO", server.URL)
	ts.Setenv("HOST", strings.TrimPrefix(server.URL, "https://"))
}

// serveFiles serves the files of a folder as they are, and sets SSL_CERT_FILE so that qpt trusts the server.
func serveFiles(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewTLSServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(server.Close)
	cert := ts.MkAbs("files.pem")
	ts.Check(os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	ts.Setenv("SSL_CERT_FILE", cert)
	ts.Setenv("FILES", server.URL)
}
