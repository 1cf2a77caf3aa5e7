package httpapi

import (
	"encoding/json"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
)

// answer writes a value as JSON. It is encoded before anything is sent, so that
// an answer is never cut short by an encoder's error.
func answer(c *gin.Context, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // every type that is answered can be encoded
	}
	setHeaders(c)
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.Data(status, jsonType, body)
}

func setHeaders(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
}

func refuse(c *gin.Context, status int, code, message string) {
	guard.Refuse(c.Writer, status, code, message)
	c.Abort()
}
