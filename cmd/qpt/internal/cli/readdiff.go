package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// This file brings diffs in from where they lie.

// readDiff reads a file, standard input, or what an address leads to.
func (a *app) readDiff(ctx context.Context, arg string) ([]byte, error) {
	switch {
	case arg == "-":
		return catalog.ReadAll(a.In)
	case strings.HasPrefix(arg, "https://"):
		return download(ctx, http.DefaultTransport, arg)
	case strings.HasPrefix(arg, "http://"):
		return nil, errors.New("only https is downloaded")
	}
	f, err := os.Open(a.path(arg))
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	return catalog.ReadAll(f)
}

// pullRequest matches the page of a pull request, whose diff is one suffix away.
var pullRequest = regexp.MustCompile(`^https://github\.com/[^/]+/[^/]+/pull/\d+$`)

// diffAddress is where the diff of an address is.
func diffAddress(address string) string {
	if pullRequest.MatchString(address) {
		address += ".diff"
	}
	return address
}

// download fetches a diff. A page in its place, such as a login form, is refused.
func download(ctx context.Context, transport http.RoundTripper, address string) ([]byte, error) {
	address = diffAddress(address)
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		return nil, errors.New("not an address")
	}
	client := &http.Client{
		Timeout: time.Minute, Transport: transport,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Scheme != "https" || len(via) > 5 {
				return errors.New("redirected too often, or away from https")
			}
			return nil
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	if strings.Contains(response.Header.Get("Content-Type"), "html") {
		return nil, &applier.ParseError{Reason: "a web page, not a diff"}
	}
	return catalog.ReadAll(io.Reader(response.Body))
}
