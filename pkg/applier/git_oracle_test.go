package applier

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	gitCases = flag.Int("git-cases", 1000, "how many generated cases a test compares with git apply")
	gitSeed  = flag.Uint64("git-seed", 1, "first seed of the generated cases, 0 for one of the time")
)

// A sandbox is a folder in no repository, in which git sees no configuration.
type sandbox struct{ base, root string }

func needGit(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		tb.Skip("git is not installed: there is nothing to compare with")
	}
}

func newSandbox(tb testing.TB) *sandbox {
	tb.Helper()
	base := tb.TempDir()
	s := &sandbox{base, filepath.Join(base, "root")}
	if err := os.Mkdir(filepath.Join(base, "home"), 0o755); err != nil {
		tb.Fatal(err)
	}
	return s
}

// fill replaces the root by a tree.
func (s *sandbox) fill(tree MapTree) error {
	if err := os.RemoveAll(s.root); err != nil {
		return err
	}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		return err
	}
	for name, f := range tree {
		to := filepath.Join(s.root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if f.Mode&fs.ModeSymlink != 0 {
			if err := os.Symlink(string(f.Data), to); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(to, f.Data, f.Mode.Perm()); err != nil {
			return err
		}
		if err := os.Chmod(to, f.Mode.Perm()); err != nil {
			return err
		}
	}
	return nil
}

// read returns the tree in the root.
func (s *sandbox) read() (MapTree, error) {
	tree := MapTree{}
	err := filepath.WalkDir(s.root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(s.root, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(p)
			tree[name] = &File{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			return err
		}
		data, err := os.ReadFile(p)
		tree[name] = &File{Data: data, Mode: info.Mode()}
		return err
	})
	return tree, err
}

// A verdict is what became of an attempt to apply: the tree after it, if it was accepted.
type verdict struct {
	code int // as git's: 0 accepted, 1 refused, 128 unusable
	text string
	tree MapTree
	// What was read: the text, and the diff if there is one.
	input []byte
	diff  *Diff
}

func (s *sandbox) git(diff []byte, dir Direction) (v verdict, err error) {
	args := []string{"apply"}
	if dir == Reverse {
		args = append(args, "--reverse")
	}
	cmd := exec.Command("git", args...)
	cmd.Dir = s.root
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(s.base, "home"), "LC_ALL=C",
		"GIT_CEILING_DIRECTORIES=" + s.base, "GIT_CONFIG_NOSYSTEM=1",
	}
	cmd.Stdin = bytes.NewReader(diff)
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return verdict{code: exit.ExitCode(), text: string(out)}, nil
	} else if err != nil {
		return v, err
	}
	v.tree, err = s.read()
	return v, err
}

// ours asks this package, about the same folder.
func (s *sandbox) ours(diff []byte, dir Direction) (v verdict, err error) {
	d, err := Parse(diff)
	if err != nil {
		return verdict{code: 128, text: err.Error(), input: diff}, nil
	}
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return v, err
	}
	defer root.Close()
	o := NewOverlay(DirTree(root))
	_, fits := Fits(o, dir, d)
	_, err = Apply(o, d, dir)
	if fits != (err == nil) {
		return v, fmt.Errorf("Fits says %v, Apply %v", fits, err)
	}
	if err != nil {
		return verdict{code: 1, text: err.Error(), diff: d}, nil
	}
	tree, err := s.read()
	if err != nil {
		return v, err
	}
	changes, err := o.Changes()
	for _, c := range changes {
		if c.New == nil {
			delete(tree, c.Path)
		} else {
			tree[c.Path] = c.New
		}
	}
	return verdict{tree: tree, diff: d}, err
}

// asPeer rewrites a diff as the tool does whose decisions are to be matched: no
// header has git's form, so that git reads none of its extensions.
func asPeer(diff []byte) []byte {
	diff = bytes.ReplaceAll(diff, []byte("\ndiff --git"), []byte("\ndiff -Nuar"))
	if rest, ok := bytes.CutPrefix(diff, []byte("diff --git")); ok {
		return append([]byte("diff -Nuar"), rest...)
	}
	return diff
}

// different returns the paths at which two trees differ: content, kind, owner's executable bit.
func different(a, b MapTree) []string {
	var paths []string
	for _, p := range slices.Sorted(maps.Keys(a)) {
		if _, ok := b[p]; !ok {
			paths = append(paths, p)
		}
	}
	const kind = fs.ModeSymlink | 0o100
	for _, p := range slices.Sorted(maps.Keys(b)) {
		if f, ok := a[p]; !ok || !bytes.Equal(f.Data, b[p].Data) || f.Mode&kind != b[p].Mode&kind {
			paths = append(paths, p)
		}
	}
	return paths
}

// Comparing is done with a diff as git is to see it, and knows what is meant to differ.
type comparing struct {
	rewrite    func(diff []byte) []byte
	deliberate func(before MapTree, dir Direction, ours, git verdict) (rule string)
}

// A comparison collects what many cases show.
type comparison struct {
	mu         sync.Mutex
	accepted   int
	refused    int
	unusable   int
	deliberate map[string]int // by rule, with its reason
	failed     int
}

func (c *comparison) report(tb testing.TB) {
	tb.Logf("git accepts %d, refuses %d, cannot use %d", c.accepted, c.refused, c.unusable)
	for _, rule := range slices.Sorted(maps.Keys(c.deliberate)) {
		tb.Logf("%6d deliberately different: %s", c.deliberate[rule], rule)
	}
}

// run compares n generated cases, each forward and in reverse.
func (c *comparison) run(t *testing.T, n int, mode comparing, generate func(seed uint64) genCase) {
	needGit(t)
	if testing.Short() {
		n = min(n, 100)
	}
	seed := *gitSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) &^ (1<<24 - 1)
	}
	t.Logf("%d cases from -git-seed=%d", n, seed)
	c.deliberate = map[string]int{}
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		s := newSandbox(t)
		wg.Go(func() {
			for i := w; i < n; i += workers {
				g := generate(seed + uint64(i))
				if err := c.compare(s, g, mode); err != nil {
					c.mu.Lock()
					c.failed++
					if c.failed <= 5 {
						t.Errorf("seed %d, %s: %v\n%s", seed+uint64(i), g.dir, err, describe(g))
					}
					c.mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	c.report(t)
	if c.failed > 0 {
		t.Errorf("%d of %d cases differ", c.failed, n)
	}
}

func describe(g genCase) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(g.tree)) {
		fmt.Fprintf(&b, "== %s %v\n%q\n", name, g.tree[name].Mode, g.tree[name].Data)
	}
	fmt.Fprintf(&b, "== diff\n%s\n==", g.diff)
	return b.String()
}

// compare asks both about a case, and if it was accepted, about the way back.
func (c *comparison) compare(s *sandbox, g genCase, mode comparing) error {
	if err := s.fill(g.tree); err != nil {
		return err
	}
	for step, dir := range []Direction{g.dir, !g.dir} {
		before, err := s.read()
		if err != nil {
			return err
		}
		ours, err := s.ours(g.diff, dir)
		if err != nil {
			return err
		}
		git, err := s.git(mode.rewrite(g.diff), dir)
		if err != nil {
			return err
		}
		problem := disagreement(ours, git)
		c.mu.Lock()
		switch {
		case git.code == 0:
			c.accepted++
		case git.code == 1:
			c.refused++
		default:
			c.unusable++
		}
		rule := ""
		if problem != "" {
			if rule = mode.deliberate(before, dir, ours, git); rule != "" {
				c.deliberate[rule]++
			}
		}
		c.mu.Unlock()
		if problem != "" && rule == "" {
			return fmt.Errorf("step %d: %s\nours: %d %s\ngit: %d %s", step+1, problem, ours.code, ours.text, git.code, git.text)
		}
		if problem != "" || git.code != 0 {
			return nil
		}
	}
	return nil
}

func disagreement(ours, git verdict) string {
	switch {
	case git.code == 0 && ours.code == 0:
		if paths := different(ours.tree, git.tree); len(paths) > 0 {
			p := paths[0]
			return fmt.Sprintf("results differ at %q: ours %s, git's %s", paths, show(ours.tree[p]), show(git.tree[p]))
		}
	case git.code == 0:
		return "git accepts, we refuse"
	case ours.code == 0:
		return "git refuses, we accept"
	case git.code != ours.code:
		return "refused for different causes"
	}
	return ""
}

func show(f *File) string {
	if f == nil {
		return "nothing"
	}
	return fmt.Sprintf("%v %q", f.Mode, f.Data)
}

// deliberate names the rule by which a disagreement is meant to be, or returns "".
// It looks at the features of the diff that the rule is about; where both accept,
// files without such features must be equal all the same.
func deliberate(before MapTree, dir Direction, ours, git verdict) string {
	if ours.diff == nil {
		switch {
		case strings.Contains(ours.text, "contradicts"):
			return "2: a git header that contradicts its hunks is an error"
		case strings.Contains(ours.text, "NUL byte"):
			return "4.1: a name with a NUL byte is an error; git cuts it there"
		case git.code == 1 && strings.Contains(ours.text, "invalid path"):
			return "10.1: a bad path is an error before any file is looked for"
		case git.code <= 1 && bytes.HasPrefix(ours.input[bytes.LastIndexByte(ours.input, '\n')+1:], []byte("@@ -")):
			return "3.4: a diff cut off in a first hunk header is corrupt; git sees no entry there, or one without hunks"
		}
		return ""
	}
	if git.code != 0 && ours.code != 0 {
		switch {
		case strings.Contains(git.text, "unable to write file"), strings.Contains(git.text, "unable to create"):
			return "9.3: what git finds out while it writes, we refuse before"
		}
		return ""
	}
	odd := map[string]string{} // paths about which a difference is meant, with the rule
	seen := map[string]bool{}
	for i := range ours.diff.Entries {
		e := ours.diff.Entries[i].in(dir)
		p := e.Path()
		if seen[p] {
			odd[p] = "8.2: entries about the same file compose in order"
		}
		seen[p] = true
		for j := range e.Hunks {
			h := &e.Hunks[j]
			switch {
			case odd[p] != "":
			case h.place().exact:
				odd[p] = "5.8: a hunk without context stays at its line"
			case trapped(h):
				odd[p] = "5.7: a line without a line feed fits only at the end"
			}
		}
		for name := range before {
			if strings.HasPrefix(name, p+"/") && odd[p] == "" {
				odd[p] = "7.4: a folder in place of the file is refused"
			}
		}
	}
	if ours.code == 0 && git.code == 0 {
		for _, p := range different(ours.tree, git.tree) {
			if odd[p] == "" {
				return ""
			}
		}
		return odd[different(ours.tree, git.tree)[0]]
	}
	for _, p := range slices.Sorted(maps.Keys(odd)) {
		return odd[p]
	}
	return ""
}

// deliberateInGitForm is [deliberate] for headers that git itself honours.
func deliberateInGitForm(before MapTree, dir Direction, ours, git verdict) string {
	if ours.diff == nil {
		return ""
	}
	for i := range ours.diff.Entries {
		e := &ours.diff.Entries[i]
		switch {
		case e.Copy && dir == Reverse:
			return "2: git does not take back a copy but makes its source"
		case ours.code == 0 && e.in(dir).Old.Presence == Open && before[e.Old.Path] == nil:
			return "2: a header that says nothing leaves open whether the file is there, as when rewritten"
		case e.incidental && ours.code == 0:
			return "2: an empty file beside other changes may be there already, or be gone"
		case e.in(dir).Old.Mode == 0 && before[e.in(dir).Old.Path] != nil && before[e.in(dir).Old.Path].Mode&fs.ModeSymlink == 0 && (strings.Contains(git.text, "wrong type") || strings.Contains(git.text, "new mode (")):
			return "2: the mode in an index line is not read: link or file, the hunks decide"
		}
	}
	return deliberate(before, dir, ours, git)
}

// trapped reports whether a hunk looks for a line without a line feed that may not be the
// last. Git compares its bytes with the beginning of what stands in the file.
func trapped(h *Hunk) bool {
	ended := func(line []byte) bool { return bytes.HasSuffix(line, []byte("\n")) }
	for i, line := range h.old {
		if i+1 < len(h.old) && !ended(line) {
			return true
		}
	}
	read, _ := h.Lines() // FuzzParse checks that there is no error
	return slices.ContainsFunc(read, func(l Line) bool { return l.Op == ' ' && !ended(l.Text) })
}

// The traditional form, and plain git headers, decide and result as in git.
func TestAgreesWithGit(t *testing.T) {
	var c comparison
	c.run(t, *gitCases, comparing{asPeer, deliberate}, func(seed uint64) genCase {
		d := newSeeded(seed)
		return genTraditional(d, pick(d, 1, 30, 60))
	})
}

// Git headers mean what they mean to git.
// FuzzAgreesWithGit lets the fuzzer look for a diff and a file about which the two
// differ, in verdict or in bytes, forward or in reverse.
func FuzzAgreesWithGit(f *testing.F) {
	needGit(f)
	for _, reverse := range []bool{false, true} {
		addRules(f, func(diff, file []byte) { f.Add(diff, file, reverse) })
	}
	s := newSandbox(f)
	f.Fuzz(func(t *testing.T, diff, file []byte, reverse bool) {
		if len(diff) > 4096 || len(file) > 4096 {
			return // git is started for each; large ones find nothing that small ones do not
		}
		c := comparison{deliberate: map[string]int{}}
		g := genCase{
			tree: MapTree{"f": {Data: file, Mode: 0o644}, "dir/h": {Data: file, Mode: 0o755}},
			diff: asPeer(diff), dir: Direction(reverse), // git headers are a matter of their own
		}
		if err := c.compare(s, g, comparing{asPeer, deliberate}); err != nil {
			t.Fatalf("%v\n%s", err, describe(g))
		}
	})
}

func TestAgreesWithGitOnGitHeaders(t *testing.T) {
	var c comparison
	same := func(diff []byte) []byte { return diff }
	c.run(t, *gitCases, comparing{same, deliberateInGitForm}, func(seed uint64) genCase {
		return genGitForm(newSeeded(seed), false)
	})
}
