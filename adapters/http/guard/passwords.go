package guard

import (
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/common/config"
	"golang.org/x/crypto/bcrypt"
)

// maxCost is the highest bcrypt cost that is taken: one guess then holds a core
// for about a second, and for twice as long with each one more.
const maxCost = 14

// checkCosts tells whose password would take too long to compare.
func checkCosts(users map[string]config.Secret) error {
	for _, user := range slices.Sorted(maps.Keys(users)) {
		cost, err := bcrypt.Cost([]byte(users[user]))
		if err != nil {
			return fmt.Errorf("the password of %q in basic_auth_users is not a bcrypt hash", user)
		}
		if cost > maxCost {
			return fmt.Errorf("the password of %q in basic_auth_users has a bcrypt cost of %d: each guess would hold a core for seconds; "+
				"make it anew with a cost of at most %d, as htpasswd -nBC 10 does", user, cost, maxCost)
		}
	}
	return nil
}
