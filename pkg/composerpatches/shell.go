package composerpatches

import (
	"path"
	"strconv"
	"strings"
)

// A CommandKind is what a command in a script does with patches.
type CommandKind string

// The kinds of commands.
const (
	ApplyIDs    CommandKind = "apply"       // applies patches by their ids
	ApplyAll    CommandKind = "apply all"   // applies what other files declare
	RevertIDs   CommandKind = "revert"      // takes patches out
	ApplyDiffs  CommandKind = "apply diffs" // git apply, patch
	Unclear     CommandKind = "unclear"     // has to do with patches, in a way that is not understood
	Environment CommandKind = "environment" // sets QUALITY_PATCHES
)

// A Command is one of a script that has to do with patches.
type Command struct {
	Kind CommandKind
	// IDs are the patches that are named.
	IDs []string
	// Files are diffs, relative to the root, maybe with wildcards.
	Files []string
	// Folder is what the paths of the diffs are relative to, Strip how many leading components they have.
	Folder string
	Strip  int
	// Text is the line of the script.
	Text string
	Place
}

// A word is one of a shell line. Operator is set for what separates commands or redirects; dynamic if only the shell
// knows what it comes to.
type word struct {
	text              string
	operator, dynamic bool
	wildcard          bool
}

// split cuts a line into words as a POSIX shell does, without expanding anything.
func split(line string) (words []word, ok bool) {
	var (
		current word
		text    strings.Builder
		open    bool
	)
	flush := func() {
		if open {
			current.text = text.String()
			words = append(words, current)
		}
		current, open = word{}, false
		text.Reset()
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, false
			}
			text.WriteString(line[i+1 : i+1+end])
			i += end + 1
			open = true
		case c == '"':
			open = true
			for i++; ; i++ {
				if i >= len(line) {
					return nil, false
				}
				if line[i] == '"' {
					break
				}
				if line[i] == '\\' && i+1 < len(line) && strings.IndexByte("\"\\$`", line[i+1]) >= 0 {
					i++
				} else if line[i] == '$' || line[i] == '`' {
					current.dynamic = true
				}
				text.WriteByte(line[i])
			}
		case c == '\\' && i+1 < len(line):
			i++
			if line[i] != '\n' {
				text.WriteByte(line[i])
				open = true
			}
		case c == '#' && !open:
			if end := strings.IndexByte(line[i:], '\n'); end >= 0 {
				i += end - 1
			} else {
				i = len(line)
			}
		case c == ' ' || c == '\t':
			flush()
		case c == '>' || c == '<':
			if open && strings.Trim(text.String(), "0123456789") == "" { // of a file descriptor
				text.Reset()
				open = false
			}
			flush()
			n := 1
			for i+n < len(line) && strings.IndexByte("><&|", line[i+n]) >= 0 && n < 3 {
				n++
			}
			words = append(words, word{text: line[i : i+n], operator: true})
			i += n - 1
		case strings.IndexByte(";&|\n()", c) >= 0:
			flush()
			n := 1
			if i+1 < len(line) && line[i+1] == c && (c == '&' || c == '|') {
				n = 2
			}
			words = append(words, word{text: line[i : i+n], operator: true})
			i += n - 1
		default:
			if c == '$' || c == '`' {
				current.dynamic = true
			}
			if strings.IndexByte("*?[", c) >= 0 {
				current.wildcard = true
			}
			text.WriteByte(c)
			open = true
		}
	}
	flush()
	return words, true
}

// A simple is one command of a line, with what is redirected into it.
type simple struct {
	words []word
	input *word
	piped []word // the command before the |
	// brackets are those before the command: where it goes to another folder within, that counts within.
	brackets string
}

// commands splits the words of a line into its commands.
func simples(words []word) []simple {
	var (
		list    []simple
		current simple
	)
	flush := func(op string) {
		done := current
		current = simple{}
		if len(done.words) > 0 {
			list = append(list, done)
			if op == "|" {
				current.piped = done.words
			}
		} else {
			current.brackets = done.brackets
		}
		if op == "(" || op == ")" {
			current.brackets += op
		}
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case !w.operator:
			current.words = append(current.words, w)
		case w.text[0] == '<' || w.text[0] == '>':
			if i+1 < len(words) && !words[i+1].operator {
				i++
				if w.text == "<" {
					current.input = &words[i]
				} else if w.text[0] == '<' { // a here document
					current.input = &word{dynamic: true}
				}
			}
		default:
			flush(w.text)
		}
	}
	flush("")
	return list
}

// Commands finds what a line of a script does with patches.
func Commands(line string) []Command {
	line = strings.TrimSpace(line)
	words, ok := split(line)
	if !ok {
		if mentions(line) {
			return []Command{{Kind: Unclear, Text: line}}
		}
		return nil
	}
	var list []Command
	folder := ""
	var outer []string // the folders around the brackets
	for _, s := range simples(words) {
		for _, bracket := range s.brackets {
			if bracket == '(' {
				outer = append(outer, folder)
			} else if n := len(outer) - 1; n >= 0 {
				folder, outer = outer[n], outer[:n]
			}
		}
		args := s.words
		for len(args) > 0 { // assignments and what only starts another command
			name, value, assigned := strings.Cut(args[0].text, "=")
			switch {
			case assigned && isName(name):
				if name == "QUALITY_PATCHES" {
					c := Command{Kind: Environment, IDs: idsIn(value), Text: line}
					if args[0].dynamic {
						c.Kind = Unclear
					}
					list = append(list, c)
				}
				args = args[1:]
				continue
			case isOneOf(path.Base(args[0].text), "@putenv", "exec", "sudo", "env", "command", "nice", "time", "then", "do", "else", "export", "{", "!"):
				args = args[1:]
				continue
			}
			break
		}
		if len(args) == 0 {
			continue
		}
		if args[0].text == "cd" && len(args) == 2 {
			to := args[1].text
			if folder = join(folder, to); args[1].dynamic || path.IsAbs(to) || strings.HasPrefix(to, "-") || strings.HasPrefix(to, "~") {
				folder = ".." // leads out of the root, and nothing is understood there
			}
			continue
		}
		if isOneOf(strings.TrimPrefix(path.Base(args[0].text), "@"), "php") {
			args = args[1:]
			for len(args) > 0 && strings.HasPrefix(args[0].text, "-") {
				if isOneOf(args[0].text, "-d", "-c", "-f") && len(args) > 1 {
					args = args[1:]
				}
				args = args[1:]
			}
		}
		if len(args) == 0 {
			continue
		}
		var c *Command
		switch path.Base(args[0].text) {
		case "magento-patches", "ece-patches":
			c = tool(path.Base(args[0].text), args[1:])
		case "git":
			c = gitApply(args[1:], s)
		case "patch":
			c = patchCommand(args[1:], s)
		default:
			if mentions(words2text(args)) && !isOneOf(args[0].text, "echo", "printf", "cat", "ls", "test", "[") {
				c = &Command{Kind: Unclear}
			}
		}
		if c == nil {
			continue
		}
		if c.Kind == ApplyDiffs {
			c.Folder = join(folder, c.Folder)
			for i, f := range c.Files {
				c.Files[i] = join(folder, f)
				if path.IsAbs(f) || strings.HasPrefix(c.Files[i], "..") {
					c.Kind = Unclear
				}
			}
			if path.IsAbs(c.Folder) || strings.HasPrefix(c.Folder, "..") {
				c.Kind = Unclear
			}
		}
		c.Text = line
		list = append(list, *c)
	}
	return list
}

func words2text(words []word) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return strings.Join(texts, " ")
}

// mentions reports whether a line that is not understood may have to do with patches.
func mentions(line string) bool {
	for _, sign := range []string{"magento-patches", "ece-patches", "git apply", "git am", ".patch", "patch -p"} {
		if strings.Contains(line, sign) {
			return true
		}
	}
	return false
}

func isOneOf(text string, list ...string) bool {
	for _, have := range list {
		if text == have {
			return true
		}
	}
	return false
}

func isName(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == "" && (s[0] < '0' || s[0] > '9')
}

// idsIn reads the names out of a list, be it written with brackets, quotes, commas or spaces.
func idsIn(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(`[]"', `+"\t", r) })
}

// tool reads the arguments of the PHP commands.
func tool(name string, args []word) *Command {
	c := &Command{}
	verb := ""
	for _, a := range args {
		switch {
		case a.dynamic || a.wildcard && verb != "":
			return &Command{Kind: Unclear}
		case strings.HasPrefix(a.text, "-"):
			if isOneOf(a.text, "--all", "-a") && verb == "revert" {
				c.IDs = append(c.IDs, "*")
			}
		case verb == "":
			verb = a.text
		default:
			c.IDs = append(c.IDs, a.text)
		}
	}
	switch {
	case verb == "apply" && len(c.IDs) > 0 && name == "magento-patches":
		c.Kind = ApplyIDs
	case verb == "apply":
		c.Kind, c.IDs = ApplyAll, nil
	case verb == "revert":
		c.Kind = RevertIDs
	case verb == "status" || verb == "list" || verb == "help" || verb == "":
		return nil // changes nothing
	default:
		c.Kind = Unclear
	}
	return c
}

// options reads those of git apply and patch. Valued are the short ones that have a value; each gets what it is given,
// and the arguments that are none come back.
func options(args []word, valued string, each func(name, value string)) (rest []word, ok bool) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a.dynamic {
			return nil, false
		}
		switch {
		case a.text == "--":
			return append(rest, args[i+1:]...), true
		case strings.HasPrefix(a.text, "--"):
			name, value, given := strings.Cut(a.text, "=")
			if !given && isOneOf(name, "--strip", "--directory", "--input", "--exclude", "--include") {
				if i++; i == len(args) {
					return nil, false
				}
				value = args[i].text
			}
			each(name, value)
		case strings.HasPrefix(a.text, "-") && len(a.text) > 1:
			for j := 1; j < len(a.text); j++ {
				letter := a.text[j : j+1]
				if !strings.Contains(valued, letter) {
					each("-"+letter, "")
					continue
				}
				value := a.text[j+1:]
				if value == "" {
					if i++; i == len(args) {
						return nil, false
					}
					value = args[i].text
				}
				each("-"+letter, value)
				break
			}
		default:
			rest = append(rest, a)
		}
	}
	return rest, true
}

func gitApply(args []word, s simple) *Command {
	c := &Command{Kind: ApplyDiffs, Strip: 1}
	for len(args) > 1 && strings.HasPrefix(args[0].text, "-") {
		if isOneOf(args[0].text, "-C", "-c") {
			if args[0].text == "-C" {
				c.Folder = args[1].text
			}
			args = args[1:]
		}
		args = args[1:]
	}
	if len(args) == 0 || !isOneOf(args[0].text, "apply", "am") {
		return nil
	}
	if args[0].text == "am" {
		return &Command{Kind: Unclear}
	}
	cwd, below, unclear, idle := c.Folder, "", false, false
	files, ok := options(args[1:], "pC", func(name, value string) {
		switch name {
		case "-p":
			n, err := strconv.Atoi(value)
			c.Strip, unclear = n, unclear || err != nil
		case "--directory":
			below = value
		case "--check", "--stat", "--numstat", "--summary":
			idle = true
		case "-R", "--reverse", "--exclude", "--include", "--cached", "--index-info":
			unclear = true
		}
	})
	if idle && ok {
		return nil
	}
	c.take(files, cwd, s)
	c.Folder = join(cwd, below)
	if !ok || unclear || len(c.Files) == 0 || strings.ContainsAny(cwd+below, "$`") {
		c.Kind = Unclear
	}
	return c
}

func patchCommand(args []word, s simple) *Command {
	c := &Command{Kind: ApplyDiffs, Strip: -1}
	unclear, idle := false, false
	rest, ok := options(args, "pdiFBDVYzrog", func(name, value string) {
		switch name {
		case "-p", "--strip":
			n, err := strconv.Atoi(value)
			c.Strip, unclear = n, unclear || err != nil
		case "-d", "--directory":
			c.Folder = value
		case "-i", "--input":
			c.Files = append(c.Files, value)
		case "--dry-run":
			idle = true
		case "-R", "--reverse", "-o", "--output", "-D":
			unclear = true
		}
	})
	if idle && ok {
		return nil
	}
	if len(c.Files) > 0 { // -d changes the folder before the input is opened
		for i := range c.Files {
			c.Files[i] = join(c.Folder, c.Files[i])
		}
	} else {
		c.take(nil, "", s)
	}
	if !ok || unclear || len(rest) > 0 || c.Strip < 0 || len(c.Files) == 0 {
		c.Kind = Unclear
	}
	return c
}

// join is where a path leads from a folder.
func join(folder, name string) string {
	if path.IsAbs(name) {
		return name
	}
	if p := path.Join(folder, name); p != "." {
		return p
	}
	return ""
}

// take gathers the diffs that a command reads: its arguments, or what is redirected or piped into it by cat.
func (c *Command) take(args []word, cwd string, s simple) {
	switch {
	case len(args) > 0:
		for _, a := range args {
			if a.text == "-" {
				c.Files = nil
				return
			}
			c.Files = append(c.Files, join(cwd, a.text))
		}
	case s.input != nil:
		if !s.input.dynamic {
			c.Files = []string{s.input.text}
		}
	case len(s.piped) > 1 && s.piped[0].text == "cat":
		for _, a := range s.piped[1:] {
			if a.dynamic || strings.HasPrefix(a.text, "-") {
				c.Files = nil
				return
			}
			c.Files = append(c.Files, a.text)
		}
	}
}
