// Package composer fetches packages from Composer repositories: both versions of the
// protocol, Composer's credentials, and downloads that survive a broken line.
package composer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Client fetches over the network. Use [NewClient].
type Client struct {
	// HTTP is asked for single answers; redirects are followed by the client itself.
	HTTP   *http.Client
	Config Config
	// Cache is a folder for metadata and for downloads that are not complete, or "".
	Cache string
	// Agent is what it calls itself.
	Agent string
	// Attempts is how often something is tried, Backoff how long it waits before the
	// second attempt, twice as long before the third, and so on. Stall ends an attempt
	// during which nothing arrives.
	Attempts int
	Backoff  time.Duration
	Stall    time.Duration
	// Progress, if set, is told how much of a download is there; total is -1 if unknown.
	Progress func(name string, done, total int64)
}

// NewClient returns a client with sensible times. It takes the proxy from the environment.
func NewClient(config Config, agent string) *Client {
	transport, _ := http.DefaultTransport.(*http.Transport)
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	transport = transport.Clone()
	transport.ResponseHeaderTimeout = 30 * time.Second
	return &Client{
		HTTP: &http.Client{Transport: transport}, Config: config, Agent: agent,
		Attempts: 4, Backoff: time.Second, Stall: 30 * time.Second,
	}
}

// A StatusError is an answer other than the one that was hoped for.
type StatusError struct {
	URL  string
	Code int
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s: the server answers %d %s", e.URL, e.Code, http.StatusText(e.Code))
	switch e.Code {
	case http.StatusUnauthorized, http.StatusForbidden:
		text += "; the credentials for this host are missing or wrong: put them into Composer's auth.json or COMPOSER_AUTH"
	case http.StatusNotFound:
		text += "; the address is wrong, or the credentials give no access to it"
	case http.StatusProxyAuthRequired:
		text += "; the proxy wants credentials"
	}
	return text
}

// ErrInsecure is wrapped when plain http is refused.
var ErrInsecure = errors.New("plain http is refused, because anyone on the way could change what is fetched; Composer's setting secure-http allows it")

const maxRedirects = 10

// get returns the answer to a request, after redirects. Every host gets its own
// credentials and no other's.
func (c *Client) get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address cannot be read") // it may hold a password
	}
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	secure := false
	for range maxRedirects {
		switch {
		case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			return nil, fmt.Errorf("%s: only https addresses can be fetched", Redact(u))
		case u.Scheme == "http" && c.Config.SecureHTTP:
			return nil, fmt.Errorf("%s: %w", Redact(u), ErrInsecure)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, fmt.Errorf("%s: cannot be asked for", Redact(u))
		}
		for name, values := range header {
			r.Header[name] = values
		}
		r.Header.Set("User-Agent", c.Agent)
		secure = secure || u.Scheme == "https"
		if u.Scheme == "https" || !secure { // never from https down to http
			if u.User == nil {
				c.Config.authorize(r)
			}
		}
		answer, err := client.Do(r)
		if err != nil {
			var inner *url.Error
			if errors.As(err, &inner) {
				err = inner.Err
			}
			return nil, &connectionError{Redact(u), err}
		}
		if answer.StatusCode < 300 || answer.StatusCode > 399 || answer.StatusCode == http.StatusNotModified {
			return answer, nil
		}
		next, err := answer.Location()
		_ = answer.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: a redirect to nowhere", Redact(u))
		}
		u = next
	}
	return nil, fmt.Errorf("%s: more than %d redirects", Redact(u), maxRedirects)
}

// A connectionError is worth another attempt.
type connectionError struct {
	url string
	err error
}

func (e *connectionError) Error() string { return e.url + ": " + e.err.Error() }
func (e *connectionError) Unwrap() error { return e.err }

// retry tries until it works, until trying again is of no use, or until all attempts are used up.
func (c *Client) retry(ctx context.Context, try func(context.Context) error) error {
	wait := c.Backoff
	for attempt := 1; ; attempt++ {
		err := try(ctx)
		if err == nil || attempt >= c.Attempts || ctx.Err() != nil || !temporary(err) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil && attempt > 1 {
				return fmt.Errorf("%w (tried %d times)", err, attempt)
			}
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		wait *= 2
	}
}

func temporary(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		switch status.Code {
		case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	var connection *connectionError
	if !errors.As(err, &connection) {
		return false
	}
	// A certificate does not become valid by asking again.
	return !strings.Contains(connection.err.Error(), "x509:") && !strings.Contains(connection.err.Error(), "tls: ")
}

// watch copies until the end, and fails when nothing arrives for the time of Stall.
func (c *Client) watch(w io.Writer, r io.Reader, cancel context.CancelCauseFunc, step func(n int64)) error {
	timer := time.AfterFunc(c.Stall, func() { cancel(errStalled) })
	defer timer.Stop()
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		timer.Reset(c.Stall)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return &writeError{err}
			}
			step(int64(n))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var errStalled = errors.New("nothing has arrived for too long: timeout")

// A writeError is this side's fault.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// Redact returns an address without user, password, query and fragment.
func Redact(u *url.URL) string {
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return clean.String()
}
