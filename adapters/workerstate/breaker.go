package workerstate

import (
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
)

// maxBreaker is the largest circuit breaker that is shown, in bytes as it is
// written: it is in every answer.
const maxBreaker = 64 << 10

// boundBreaker takes away a breaker that is too large, and says so.
func boundBreaker(worker *domain.Worker) error {
	if len(worker.Breaker) <= maxBreaker {
		return nil
	}
	worker.Breaker = nil
	return fmt.Errorf("read worker state: the breaker is larger than %d bytes: %w", maxBreaker, domain.CodeTooLarge)
}
