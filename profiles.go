package orchmetrics

import (
	"fmt"
	"os"

	"github.com/orchmetrics/orchmetrics/adapters/profile"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/engine"
	"github.com/orchmetrics/orchmetrics/internal/sqlite"
)

// LoadProfile reads the profile that ORCH_PROFILE names; nil if it names none.
func LoadProfile(cfg Config) (*profile.Profile, error) {
	if cfg.Profile == "" {
		return nil, nil //nolint:nilnil // none is no fault
	}
	p, err := profile.Load(cfg.Profile, sqlite.Syntax)
	if err != nil {
		return nil, fmt.Errorf("ORCH_PROFILE: %w", err)
	}
	return p, nil
}

// OpenProfile returns the store over a profile, and its databases by their names. The
// first of them is where ORCH_DB says, unless that has its default. Nothing is touched
// yet.
func OpenProfile(cfg Config, p *profile.Profile) (*profile.Store, map[string]engine.Engine, error) {
	first := cfg.DB
	if first == defaultDB {
		first = ""
	}
	home, _ := os.UserHomeDir() // without one no path may need it
	locations, err := p.Locations(first, home)
	if err != nil {
		return nil, nil, fmt.Errorf("ORCH_PROFILE: %w", err)
	}
	databases := map[string]engine.Engine{}
	for name, location := range locations {
		cfg.DB = location
		database, err := OpenDatabase(cfg)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", whereFrom(p, name, first), err)
		}
		databases[name] = database
	}
	store, err := profile.New(p, databases, profile.Options{
		MaxRows: cfg.MaxRows, Exact: bool(cfg.Exact), Recount: float64(cfg.RecountBudget),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("ORCH_PROFILE: %w", err)
	}
	return store, databases, nil
}

// whereFrom says which setting has a database's location.
func whereFrom(p *profile.Profile, database, first string) string {
	if first != "" && database == p.Databases[0].Name {
		return "ORCH_DB"
	}
	return "ORCH_PROFILE: databases." + database
}

// HostName is the name of this host, as far as it is known.
func HostName(cfg Config) string {
	if cfg.Host != "" {
		return cfg.Host
	}
	name, _ := os.Hostname() // without one every job is taken for one of this host
	return name
}

// ProfileInfo is a profile that comes with the program.
type ProfileInfo struct {
	Name string
	// About says of which orchestrator it is, in a line.
	About string
}

// Profiles returns those that come with the program, by name.
func Profiles() (infos []ProfileInfo) {
	for _, name := range profile.Names() {
		if p, err := profile.Load(name, nil); err == nil {
			infos = append(infos, ProfileInfo{Name: p.Name, About: p.About})
		}
	}
	return infos
}

// ProfileText returns the file of one of them.
func ProfileText(name string) ([]byte, error) {
	if text, found := profile.Builtin(name); found {
		return text, nil
	}
	return nil, fmt.Errorf("there is no profile %q; %s", domain.Printable(name), domain.Choices(profile.Names(), name))
}

// ProfileSchema returns the JSON Schema of a profile's file.
func ProfileSchema() ([]byte, error) {
	return profile.Schema() //nolint:wrapcheck // says what it could not do
}
