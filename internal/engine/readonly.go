package engine

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// ErrReadOnly is returned for every attempt to write through the session.
var ErrReadOnly = errors.New("the session is read-only")

// ReadOnly returns GORM's session without a connection, which refuses to write; each
// reading lends it its transaction. The dialector must not ask the database anything
// when it is initialized: the database need not be there.
func ReadOnly(dialector gorm.Dialector) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{
		Logger:                 logger.Discard, // errors are returned, with SQL left out
		SkipDefaultTransaction: true,
		Plugins:                map[string]gorm.Plugin{readOnlyPlugin{}.Name(): readOnlyPlugin{}},
	})
	if err != nil {
		return nil, fmt.Errorf("open read-only session: %w", err)
	}
	return db, nil
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
