package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// ask puts a yes-or-no question to the terminal. The answer is no unless it is a
// clear yes; the end of the input is a no.
func (a *app) ask(question string) (bool, error) {
	fmt.Fprintf(a.Err, "qpt: %s [y/N] ", question)
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil && err != io.EOF {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	if err == io.EOF {
		fmt.Fprintln(a.Err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}
