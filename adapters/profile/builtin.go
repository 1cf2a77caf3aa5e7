package profile

import (
	"embed"
	"strings"
)

// Those that come with the program, a file each.
//
//go:embed profiles/*.yaml
var builtin embed.FS

// Names returns the names of the profiles that come with the program, in order.
func Names() (names []string) {
	files, _ := builtin.ReadDir("profiles") // which is embedded
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file.Name(), ".yaml"))
	}
	return names
}

// Builtin returns the text of a profile that comes with the program.
func Builtin(name string) (content []byte, found bool) {
	content, err := builtin.ReadFile("profiles/" + name + ".yaml")
	return content, err == nil
}
