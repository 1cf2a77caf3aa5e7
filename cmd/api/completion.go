package main

import (
	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
)

// completionCmd prints what makes a shell ask this program for completions.
type completionCmd struct {
	Shell string `arg:"" name:"bash|zsh|fish" enum:"bash,zsh,fish" help:"The shell."`
}

// Help is what --help says besides.
func (completionCmd) Help() string {
	return `For the present shell, and for each new one if the line is in its init file:

    bash: source <(api completion bash)          in ~/.bashrc
    zsh:  source <(api completion zsh)           in ~/.zshrc, below compinit
    fish: api completion fish | source           in ~/.config/fish/config.fish

The script asks the program itself, by its full path: print it anew when the program moves.`
}

// Run implements the command.
func (c completionCmd) Run(ctx *kong.Context) error {
	script := kongcompletion.Completion{Shell: c.Shell, Code: true}
	return script.Run(ctx) //nolint:wrapcheck // a closed standard output speaks for itself
}

// nameAliases makes flags of the other names that flags have, so that the shell
// completes them too.
func nameAliases(node *kong.Node) {
	for _, flag := range node.Flags {
		for _, alias := range flag.Aliases {
			other, value := *flag, *flag.Value
			value.Name, other.Value = alias, &value
			node.Flags = append(node.Flags, &other)
		}
	}
}
