package sqlstore

import (
	"errors"
	"fmt"
	"maps"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/logger"
)

// ErrReadOnly is returned for every attempt to write through the session.
var ErrReadOnly = errors.New("the session is read-only")

// openReadOnlyGORM returns a session without a connection; each view lends it
// its transaction.
func openReadOnlyGORM() (*gorm.DB, error) {
	db, err := gorm.Open(dialector{}, &gorm.Config{
		Logger:                 logger.Discard, // errors are returned, with SQL left out
		SkipDefaultTransaction: true,
		Plugins:                map[string]gorm.Plugin{readOnlyPlugin{}.Name(): readOnlyPlugin{}},
	})
	if err != nil {
		return nil, fmt.Errorf("open read-only session: %w", err)
	}
	return db, nil
}

// dialector is GORM's SQLite dialect without its query at start, for which the
// database would have to be there already.
type dialector struct{ sqlite.Dialector }

// Initialize implements gorm.Dialector.
func (d dialector) Initialize(db *gorm.DB) error {
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{})
	maps.Copy(db.ClauseBuilders, d.ClauseBuilders())
	return nil
}

// readOnlyPlugin refuses everything in GORM that could write.
type readOnlyPlugin struct{}

// Name implements gorm.Plugin.
func (readOnlyPlugin) Name() string { return "orchmetrics:read_only" }

// Initialize implements gorm.Plugin.
func (p readOnlyPlugin) Initialize(db *gorm.DB) error {
	refuse := func(tx *gorm.DB) { _ = tx.AddError(ErrReadOnly) }
	callback := db.Callback()
	return errors.Join(
		callback.Create().Before("*").Register(p.Name(), refuse),
		callback.Update().Before("*").Register(p.Name(), refuse),
		callback.Delete().Before("*").Register(p.Name(), refuse),
		callback.Raw().Before("*").Register(p.Name(), refuse), // Exec
	)
}
