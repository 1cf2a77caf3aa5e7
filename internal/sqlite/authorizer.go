package sqlite

// Action and result codes of the authorizer, from SQLite's C interface
// (https://www.sqlite.org/c3ref/c_alter_table.html). The driver exports only
// some of them.
const (
	authOK   = 0
	authDeny = 1

	actionPragma      = 19
	actionRead        = 20
	actionSelect      = 21
	actionTransaction = 22
	actionFunction    = 31
	actionRecursive   = 33
)

// authorizer is asked for one connection.
type authorizer struct {
	versionRead bool
}

// authorize lets reading statements through and nothing else. SQLite asks it
// while it compiles a statement, once for each thing that the statement would
// do, so that a write is refused before it can begin.
func (a *authorizer) authorize(action int, arg1, arg2, _ string) int {
	switch action {
	case actionSelect, actionRead, actionTransaction, actionRecursive:
		return authOK
	case actionFunction:
		// arg2 is the function's name. This one runs code from a file.
		if arg2 == "load_extension" {
			return authDeny
		}
		return authOK
	case actionPragma:
		return a.authorizePragma(arg1, arg2)
	default:
		return authDeny
	}
}

// authorizePragma allows the pragmas that this package uses. To set
// schema_version to an empty text, which makes it 0, looks from here as to read
// it: it is let through once, which connecting uses up.
func (a *authorizer) authorizePragma(name, value string) int {
	switch {
	case name == "schema_version" && value == "" && !a.versionRead:
		a.versionRead = true
		return authOK
	case name == "table_xinfo", name == "index_list", name == "index_xinfo":
		return authOK
	default:
		return authDeny
	}
}
