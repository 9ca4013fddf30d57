package cli

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// startProxy starts a proxy that has example.com lead to $HOST, knows no other host, and
// wants user:word. Its address, with these, is $PROXY.
func startProxy(ts *testscript.TestScript, _ bool, _ []string) {
	target := ts.Getenv("HOST")
	var tunnels sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Proxy-Authorization") != "Basic dXNlcjp3b3Jk":
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		case r.Method != http.MethodConnect || r.Host != "example.com:443":
			w.WriteHeader(http.StatusForbidden)
			return
		}
		there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = there.Close()
			return
		}
		for _, way := range [][2]net.Conn{{here, there}, {there, here}} {
			tunnels.Go(func() {
				_, _ = io.Copy(way[0], way[1])
				_ = way[0].Close()
			})
		}
	}))
	ts.Defer(func() { server.Close(); tunnels.Wait() })
	ts.Setenv("PROXY", "http://user:word@"+server.Listener.Addr().String())
	ts.Setenv("PROXY_WITHOUT", server.URL)
}
