// Package cookies takes cookies out of requests.
package cookies

import (
	"context"
	"net/http"
	"regexp"
	"strings"
)

// Config says which.
type Config struct {
	// Remove is a regular expression: the next handler does not see cookies whose name it matches.
	Remove string
}

// CreateConfig is what Traefik fills in.
func CreateConfig() *Config {
	return &Config{}
}

type cookies struct {
	next   http.Handler
	remove *regexp.Regexp
}

// New is the middleware.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	remove, err := regexp.Compile(config.Remove)
	if err != nil {
		return nil, err
	}
	return &cookies{next, remove}, nil
}

func (c *cookies) ServeHTTP(response http.ResponseWriter, request *http.Request) {
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
	c.next.ServeHTTP(response, request)
}
