// Package cookies takes cookies out of requests, and refuses requests whose Connection lists certain headers.
package cookies

import (
	"context"
	"net/http"
	"regexp"
	"strings"
)

// Config has two regular expressions; an empty one matches nothing.
type Config struct {
	// Remove matches the names of the cookies that the next one does not get to see.
	Remove string
	// Refuse matches what no Connection header may list.
	Refuse string
}

// CreateConfig is what Traefik fills in.
func CreateConfig() *Config {
	return &Config{}
}

type cookies struct {
	next           http.Handler
	remove, refuse *regexp.Regexp
}

// New is the middleware.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	handler := &cookies{next: next}
	var err error
	if config.Remove != "" {
		if handler.remove, err = regexp.Compile(config.Remove); err != nil {
			return nil, err
		}
	}
	if config.Refuse != "" {
		if handler.refuse, err = regexp.Compile(config.Refuse); err != nil {
			return nil, err
		}
	}
	return handler, nil
}

func (c *cookies) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	if c.refuse != nil && c.refuse.MatchString(strings.Join(request.Header["Connection"], ",")) {
		http.Error(response, "Bad request", http.StatusBadRequest)
		return
	}
	if c.remove != nil {
		var kept []string
		for _, line := range request.Header["Cookie"] {
			for _, pair := range strings.Split(line, ";") {
				pair = strings.TrimSpace(pair)
				name, _, _ := strings.Cut(pair, "=")
				if pair != "" && !c.remove.MatchString(strings.TrimSpace(name)) {
					kept = append(kept, pair)
				}
			}
		}
		request.Header.Del("Cookie")
		if len(kept) > 0 {
			request.Header.Set("Cookie", strings.Join(kept, "; "))
		}
	}
	c.next.ServeHTTP(response, request)
}
