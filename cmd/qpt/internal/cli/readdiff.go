package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/composer"
)

// This file brings diffs in from where they lie.

// readDiff reads a file, standard input, or what an address leads to.
func (a *app) readDiff(ctx context.Context, arg string) ([]byte, error) {
	switch {
	case arg == "-":
		return catalog.ReadAll(a.In)
	case isAddress(arg):
		file, _, err := a.download(ctx, arg, "")
		if err != nil {
			return nil, err
		}
		defer os.Remove(file) //nolint:errcheck // the cache of downloads is pruned
		arg = file
	default:
		arg = a.path(arg)
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	return catalog.ReadAll(f)
}

// isAddress tells an address from the name of a file.
func isAddress(arg string) bool { return strings.Contains(arg, "://") }

// shownArg is how messages, and what is kept on disk, name a file or an address: without
// credentials, which a signed address holds in its query.
func shownArg(arg string) string {
	if !isAddress(arg) {
		return arg
	}
	u, err := url.Parse(arg)
	if err != nil {
		return "an address that cannot be read"
	}
	return composer.Redact(u)
}

// argError says of which argument an error is. What is wrong with a file is wrong usage;
// what is wrong with an answer from somewhere else is not.
func argError(arg string, err error) error {
	shown := shownArg(arg)
	switch {
	case !isAddress(arg) || errors.Is(err, errNotSafe):
		return usagef("%s: %w", shown, err)
	case strings.HasPrefix(err.Error(), shown+": "):
		return err // it names the address already
	}
	return fmt.Errorf("%s: %w", shown, err)
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

var errNotSafe = errors.New("only https is downloaded; keep a copy and name that in its place")

// download fetches a diff or an archive with the credentials that Composer has, and
// returns the file, which the caller removes, and the address where it was. Sum, if it is
// not "", is its SHA-256.
func (a *app) download(ctx context.Context, address, sum string) (string, *url.URL, error) {
	u, err := url.Parse(diffAddress(address))
	switch {
	case err == nil && u.Scheme != "https":
		return "", nil, errNotSafe
	case err != nil || u.Host == "":
		return "", nil, errors.New("not an address") // the error may hold a password
	}
	config, err := composer.LoadConfig(a.Getenv, a.config.Root)
	if err != nil {
		return "", nil, err
	}
	config.SecureHTTP = true // what is not checked by a sum comes over https alone
	client := composer.NewClient(config, "qpt")
	if client.Cache = a.store().Dir(""); client.Cache == "" || !filepath.IsAbs(client.Cache) {
		dir, err := os.MkdirTemp("", "qpt-download-")
		if err != nil {
			return "", nil, err
		}
		a.closers = append(a.closers, func() error { return os.RemoveAll(dir) })
		client.Cache = dir
	}
	file, err := client.Fetch(ctx, composer.Download{URL: u.String(), SHA256: sum})
	return file, u, err
}
