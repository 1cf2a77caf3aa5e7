package guard

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
)

var (
	// quoted is how a YAML error repeats a value that it does not understand.
	quoted = regexp.MustCompile("`[^`]*`|'[^']*'")
	// keyPath is how the toolkit says that it cannot read the key.
	keyPath = regexp.MustCompile(`(failed to read key_file) \(.*: `)
)

// discreet takes the values and the path of the key out of an error of the
// toolkit.
func discreet(text string) string {
	// Those of bcrypt and, for its cost, of strconv repeat part of what is no hash.
	if strings.HasPrefix(text, "crypto/bcrypt: ") || strings.HasPrefix(text, "strconv.") {
		return "a password in basic_auth_users is not a bcrypt hash"
	}
	return inWords(keyPath.ReplaceAllString(quoted.ReplaceAllString(text, "…"), "$1: "))
}

var (
	misplaced = regexp.MustCompile(`cannot unmarshal !!(\w+)(?: …)? into [^\s;]+`)
	unknown   = regexp.MustCompile(`field (\S+) not found in type [^\s;]+`)
)

// inWords says what YAML finds wrong without the names of Go's types, on one line.
func inWords(text string) string {
	text = strings.NewReplacer("yaml: unmarshal errors:\n  ", "", "\n  ", "; ", "yaml: ", "it is no YAML: ").Replace(text)
	text = misplaced.ReplaceAllStringFunc(text, func(found string) string {
		kind := misplaced.FindStringSubmatch(found)[1]
		if name, known := map[string]string{"seq": "list", "map": "mapping", "str": "text", "int": "number"}[kind]; known {
			kind = name
		}
		return "a " + kind + " is not what belongs here"
	})
	return unknown.ReplaceAllString(text, "there is no setting $1 here")
}

// connectionLog is net/http's log of connections that fail, which most often is
// the clients' doing. If it may be ours, doubt logs it as an error. Its message is
// always the same, so that the log can tell what repeats.
type connectionLog struct {
	slog.Handler

	config *WebConfig // nil without one
	log    *slog.Logger
}

// ConnectionLog returns what net/http may log to, for a server without a web config.
func ConnectionLog(log *slog.Logger) slog.Handler {
	return &connectionLog{Handler: log.Handler(), log: log}
}

// Enabled makes it see what the log does not show.
func (*connectionLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle passes a line on.
func (l *connectionLog) Handle(ctx context.Context, line slog.Record) error {
	if l.config != nil && strings.Contains(line.Message, "TLS handshake error") {
		l.config.doubt(l.log)
	}
	l.log.DebugContext(ctx, "connection failed", "cause", discreet(line.Message))
	return nil
}
