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

// authorize lets reading statements through, and of the pragmas those that this package
// uses, and nothing else. SQLite asks it while it compiles a statement, once for each
// thing that the statement would do, so that a write is refused before it can begin.
func (a *authorizer) authorize(action int, arg1, arg2, _ string) int {
	switch {
	case action == actionSelect, action == actionRead, action == actionTransaction, action == actionRecursive:
		return authOK
	case action == actionFunction && harmless(arg2):
		return authOK
	case action == actionPragma && (arg1 == "table_xinfo" || arg1 == "index_list" || arg1 == "index_xinfo"):
		return authOK
	case action == actionPragma && arg1 == "schema_version" && arg2 == "" && !a.versionRead:
		// To set it to an empty text, which makes it 0, looks from here as to read it: it is
		// let through once, which connecting uses up.
		a.versionRead = true
		return authOK
	default:
		return authDeny
	}
}
