package sqlite

import "strings"

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
	case action == actionFunction && strings.Contains(harmless, " "+strings.ToLower(arg2)+" "):
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

// harmless are the functions that a statement may call, itself or through a view: those
// that compute something of what they are given. Not among them are those that load code
// or hand out addresses (load_extension, fts3_tokenizer); how much memory one takes is
// limited besides, see maxHeap. See https://www.sqlite.org/lang_corefunc.html, and lang_aggfunc.html,
// windowfunctions.html, lang_datefunc.html, lang_mathfunc.html and json1.html there.
const harmless = " " +
	"abs char coalesce concat concat_ws format glob hex if ifnull iif instr " +
	"length like likely likelihood lower " +
	"ltrim max min nullif octet_length printf quote " +
	"replace round rtrim sign substr substring trim typeof unhex " +
	"unicode unistr unlikely upper " +
	"avg count group_concat string_agg sum total median percentile percentile_cont percentile_disc " +
	"row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value " +
	"date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp " +
	"acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor " +
	"ln log log10 log2 mod pi pow " +
	"power radians sin sinh sqrt tan tanh trunc " +
	"-> ->> json json_array json_array_length json_error_position json_extract json_object json_patch json_pretty " +
	"json_quote json_remove json_replace json_insert json_set json_type json_valid json_group_array " +
	"json_group_object json_each json_tree jsonb jsonb_array jsonb_extract jsonb_object jsonb_each jsonb_tree " +
	"match regexp snippet offsets bm25 highlight " +
	"random randomblob zeroblob sqlite_version changes total_changes last_insert_rowid "
