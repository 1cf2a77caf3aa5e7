package guard

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"time"
)

// Hosts are the names by which the service may be asked, as Host says them. A web
// page that has its own name point to this host (DNS rebinding) could read all
// answers otherwise: to the browser they would be the page's own.
type Hosts struct {
	any   bool
	names map[string]bool // in lower case
	below []string        // such as .example.org: each name that ends so
	// certified tells whether the server's certificate is for a name; nil without one.
	certified func(name string) bool
}

// hostName is what an entry of ORCH_ALLOWED_HOSTS looks like.
var hostName = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$`)

// ValidateHost tells what is wrong with a name to be allowed: it is a host's name
// without a port, or *. and a name for all names below that one, or * for all.
func ValidateHost(name string) error {
	if _, err := netip.ParseAddr(name); err == nil || name == "*" || hostName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q is no host name; write a name without scheme and port, *.example.org for all below it, or *", name)
}

// NewHosts allows the names of this machine, that of the address to listen on, and
// others; with a web config (nil without one) those of its certificate, or all, if who
// asks has to show a password or a certificate.
func NewHosts(address string, allowed []string, config *WebConfig) *Hosts {
	h := &Hosts{names: map[string]bool{}}
	if config != nil {
		h.any = config.gives.passwords || config.gives.clients
		h.certified = config.own.certifies
	}
	listening, _, _ := net.SplitHostPort(address)
	for _, name := range append(ownNames(), listening) {
		if name != "" {
			h.names[canonicalHost(name)] = true
		}
	}
	for _, name := range allowed {
		name = canonicalHost(name)
		switch suffix, wild := strings.CutPrefix(name, "*"); {
		case wild && suffix == "":
			h.any = true
		case wild:
			h.below = append(h.below, suffix)
		default:
			h.names[name] = true
		}
	}
	return h
}

// ownNames are what the machine calls itself: its host name, and the names that
// /etc/hosts has beside that, see hosts(5). The DNS is not asked: who controls a
// name there is who is to be kept out.
func ownNames() []string {
	name, err := os.Hostname()
	if err != nil {
		return nil
	}
	names := []string{name}
	table, err := os.ReadFile("/etc/hosts")
	if err != nil {
		return names
	}
	for line := range strings.Lines(string(table)) {
		names = append(names, beside(name, line)...)
	}
	return names
}

// beside are the names of a line of /etc/hosts in which a name is.
func beside(name, line string) []string {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(line)
	for i, field := range fields {
		if i > 0 && canonicalHost(field) == canonicalHost(name) {
			return fields[1:]
		}
	}
	return nil
}

// canonicalHost is a host in lower case, without port, brackets and the dot that
// may end it.
func canonicalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// allow tells whether the service may be asked as this host. No name can be made to
// point elsewhere that is an IP address or localhost, or that is left away, which
// no browser does (HTTP/1.0 has no need of it).
func (h *Hosts) allow(host string) bool {
	if host == "" {
		return true
	}
	name := canonicalHost(host)
	if h.any || h.names[name] || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	for _, suffix := range h.below {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return h.certified != nil && h.certified(name)
}

// bodyTime is how long a client may take to send the body of a request. Nobody
// reads it, but net/http waits for it before it answers.
const bodyTime = time.Second

// Guard is what a request passes first. It refuses who asks by another name: a unix
// socket has none that could point elsewhere.
func (h *Hosts) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // without a connection there is nothing to wait for
		}
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if h.allow(r.Host) || local != nil && local.Network() == "unix" {
			next.ServeHTTP(w, r)
			return
		}
		Refuse(w, http.StatusMisdirectedRequest, "wrong_host", fmt.Sprintf(
			"%q is not known as a name of this service; ask by IP address, or add the name to ORCH_ALLOWED_HOSTS", Shorten(canonicalHost(r.Host))))
	})
}
