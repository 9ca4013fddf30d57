package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// site answers by address, without a network.
type site map[string]func(w http.ResponseWriter)

func (s site) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	answer := s[r.URL.String()]
	if answer == nil {
		http.Error(w, "", http.StatusNotFound)
		return w.Result(), nil
	}
	answer(w)
	return w.Result(), nil
}

// A pull request's page stands for its diff; what is no diff, or comes by another way
// than https, is refused.
func TestDownload(t *testing.T) {
	redirect := func(to string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	}
	text := func(s string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, s)
		}
	}
	s := site{
		"https://github.com/magento/magento2/pull/12.diff":         redirect("https://diffs.example.com/12.diff"),
		"https://diffs.example.com/12.diff":                        text("the diff"),
		"https://github.com/magento/magento2/pull/12.patch":        text("the mail"),
		"https://github.com/magento/magento2/pull/12/commits.diff": text("another page"),
		"https://example.com/down":                                 redirect("http://example.com/plain"),
		"http://example.com/plain":                                 text("anybody's"),
		"https://example.com/round":                                redirect("https://example.com/round"),
		"https://example.com/login": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<!doctype html>")
		},
		"https://example.com/large": func(w http.ResponseWriter) {
			_, _ = w.Write(make([]byte, 65<<20))
		},
	}
	for _, tc := range []struct{ address, want, problem string }{
		{"https://github.com/magento/magento2/pull/12", "the diff", ""},
		{"https://github.com/magento/magento2/pull/12.patch", "the mail", ""},
		{"https://github.com/magento/magento2/pull/12/commits", "", "404"},
		{"https://github.com/magento/magento2/pull/13", "", "404"},
		{"https://example.com/down", "", "away from https"},
		{"https://example.com/round", "", "redirected too often"},
		{"https://example.com/login", "", "a web page, not a diff"},
		{"https://example.com/large", "", "larger than 64 MiB"},
		{"https://", "", "not an address"},
	} {
		got, err := download(t.Context(), s, tc.address)
		switch {
		case tc.problem == "" && (err != nil || string(got) != tc.want):
			t.Errorf("%s: %q, error %v", tc.address, got, err)
		case tc.problem != "" && (err == nil || !strings.Contains(err.Error(), tc.problem)):
			t.Errorf("%s: error %v, want %s", tc.address, err, tc.problem)
		}
	}
}
