package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/profile"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// CheckProfile runs each query of the profile that the settings name once, and writes
// for people what it did. It is false if one of them cannot be run.
func CheckProfile(ctx context.Context, w io.Writer, cfg orchmetrics.Config) (well bool, err error) {
	p, err := orchmetrics.LoadProfile(cfg)
	if err != nil {
		return false, err
	}
	store, databases, err := orchmetrics.OpenProfile(cfg, p)
	if err != nil {
		return false, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", p.Name, p.About)
	well = true
	for _, d := range p.Databases {
		line, found := whereabouts(d, databases[d.Name])
		text.WriteString(line)
		well = well && found
	}
	if well {
		for _, f := range store.Check(ctx) {
			lines, fine := told(f)
			text.WriteString(lines)
			well = well && fine
		}
	}
	if names := profile.Guess(ctx, databases[p.Databases[0].Name]); !well && len(names) > 0 {
		fmt.Fprintf(&text, "→ the database looks like that of %s\n", strings.Join(names, " or "))
	}
	if _, err := io.WriteString(w, text.String()); err != nil {
		return false, fmt.Errorf("print findings: %w", err)
	}
	return well, nil
}

// whereabouts says where a database is. found is false if it has to be there and is not.
func whereabouts(d profile.Database, database engine.Engine) (line string, found bool) {
	e, ok := database.(*sqlite.Engine)
	if !ok { // a server, of which each query tells
		return fmt.Sprintf("  %-9s a PostgreSQL database\n", d.Name), true
	}
	place, err := e.Place()
	switch {
	case err == nil:
		return domain.Printable(fmt.Sprintf("  %-9s %s, %s", d.Name, place.Path, size(place.Bytes))) + "\n", true
	case d.Optional:
		return domain.Printable(fmt.Sprintf("  %-9s %s: not there, which is fine: what it holds is left out", d.Name, place.Path)) + "\n", true
	default:
		failure := dbFailure(place.Path, err)
		return domain.Printable(fmt.Sprintf("✗ %-9s %s → %s", d.Name, failure.Message, failure.Do)) + "\n", false
	}
}

// told says what a query did.
func told(f profile.Finding) (lines string, well bool) {
	if f.Err != nil {
		if codeOf(f.Err) == domain.CodeNotInProfile {
			return fmt.Sprintf("  %-9s left out: its database is not there\n", f.Query), true
		}
		return domain.Printable(fmt.Sprintf("✗ %-9s %s: %s", f.Query, f.Where(), f.Err)) + "\n", false
	}
	mark := "✓"
	if f.Anomalies > 0 {
		mark = "!"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %-9s %d rows in %s", mark, f.Query, f.Rows, milliseconds(f.Took))
	if f.Anomalies > 0 {
		fmt.Fprintf(&text, ", of which %d cells cannot be read and are null", f.Anomalies)
	}
	text.WriteString("\n")
	if f.First != nil {
		encoded, err := domain.Encode(f.First)
		if err != nil {
			encoded = json.RawMessage(`"cannot be shown"`)
		}
		fmt.Fprintf(&text, "    first row: %s\n", encoded)
	}
	if len(f.Missing) > 0 {
		fmt.Fprintf(&text, "    null, since it does not return them: %s\n", strings.Join(f.Missing, ", "))
	}
	for _, scan := range slices.Compact(f.Scans) {
		when := "at each scrape"
		if f.History {
			when = "now and then, since it is history"
		}
		fmt.Fprintf(&text, "    reads in full, %s: %s\n", when, strings.TrimPrefix(strings.TrimPrefix(scan, "SCAN "), "Seq Scan on "))
	}
	var printable []string
	for line := range strings.Lines(text.String()) {
		printable = append(printable, domain.Printable(strings.TrimSuffix(line, "\n"))+"\n")
	}
	return strings.Join(printable, ""), true
}
