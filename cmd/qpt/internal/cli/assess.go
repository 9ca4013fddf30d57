package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// An assessment is what declarations, lock and tree come to: all that sync, lock, add,
// remove and verify know before anything is written.
type assessment struct {
	set  *declared.Set
	lock *declared.Lock // nil if there is none
	// synced is what this tree was last brought to, nil if that is not known or the lock.
	synced *declared.Lock

	wanted     []*stack.Item
	sums       map[*stack.Item][]string // of each variant's diff
	requiredBy map[string][]string
	refused    error // declarations that cannot be resolved, joined
	plan       *stack.SyncPlan
	failures   error // why the plan does not work out, joined
	others     []string
	next       *declared.Lock // nil when something failed
	findings   []report.Finding
}

// assess works out how to get to what is declared. Relock takes what the tree would be
// for right, whatever the lock says of it.
func (a *app) assess(sh *shop, set *declared.Set, lock *declared.Lock, relock bool) (*assessment, error) {
	s := &assessment{set: set, lock: lock, sums: map[*stack.Item][]string{}}
	if synced := a.synced(sh); synced != nil && (lock == nil || !bytes.Equal(synced.Bytes(), lock.Bytes())) {
		s.synced = synced
	}
	if err := s.choose(a, sh); err != nil {
		return nil, err
	}
	known := a.known(sh, s, lock, nil)
	s.plan, s.failures = sh.stack.PlanSync(stack.SyncRequest{Wanted: s.wanted, Known: known, Earlier: a.known(sh, s, s.synced, known)})
	for i := range s.plan.Steps {
		step := &s.plan.Steps[i]
		if by := s.requiredBy[step.Item.ID()]; len(by) > 0 && step.Dir == applier.Forward {
			step.Because = "required by " + strings.Join(by, ", ")
		}
	}
	if s.refused == nil && s.failures == nil {
		if err := s.makeLock(a, sh, relock); err != nil {
			return nil, err
		}
	}
	s.drift()
	return s, nil
}

// choose finds what has to be in the tree: what is declared, and what that requires.
func (s *assessment) choose(a *app, sh *shop) error {
	for _, v := range s.set.Vain {
		s.add("no-effect", report.LevelWarning, "", "", v.Place, v.Err.Error())
	}
	items := s.resolve(a, sh)
	var err error
	s.wanted, s.requiredBy, err = sh.stack.Closure(items, func(id string) bool {
		_, ignored := s.set.Ignores(id)
		return ignored
	})
	for _, e := range unjoin(err) {
		s.refuse("missing-requirement", "", declared.Place{}, fmt.Errorf("%w; if it is not needed here, ignore it in %s, with the reason", e, declared.ConfigFile))
	}
	for _, it := range s.wanted {
		if err := s.sum(it); err != nil {
			return err
		}
		s.checkPin(it)
	}
	return nil
}

// decisive returns the installed version of each package that decides about a variant, or
// that its files belong to.
func (s *assessment) decisive(sh *shop) map[string]string {
	versions := map[string]string{}
	for _, it := range s.wanted {
		for _, p := range it.Paths() {
			owner := owner(sh, p)
			if version := installedVersion(sh, owner); version != "" {
				versions[owner] = version
			}
		}
		for _, v := range it.Variants {
			if v.Package == "" {
				continue
			}
			if found, ok := sh.inst.Packages.Find(v.Package, v.Constraint); ok {
				versions[v.Package] = found.Version.String()
			}
			if v.Base == nil {
				continue
			}
			if found, ok := sh.inst.Packages.Find(catalog.BasePackage, *v.Base); ok {
				versions[catalog.BasePackage] = found.Version.String()
			}
		}
	}
	return versions
}

// installedVersion returns the version of a package, "" if it is not installed.
func installedVersion(sh *shop, name string) string {
	if named := sh.inst.Packages.Named(name); len(named) > 0 {
		return named[0].Version.String()
	}
	return ""
}

// owner returns the package that a file of the tree belongs to.
func owner(sh *shop, path string) string {
	if rest, ok := strings.CutPrefix(path, sh.inst.VendorDir+"/"); ok {
		path = "vendor/" + rest
	}
	return project.PackageOf(path)
}

// renewed reports whether a file is not the one that a lock tells of, since its package
// is another one. What lies in the root is what Composer copied from the base package,
// unless it shows that it is not: patches may have created it, or settings spared it.
func renewed(sh *shop, lock *declared.Lock, path string) bool {
	owner := owner(sh, path)
	was := lock.Installed[owner]
	if was == "" || was == installedVersion(sh, owner) {
		return false
	}
	if strings.HasPrefix(path, sh.inst.VendorDir+"/") {
		return true
	}
	file, err := sh.root.ReadFile(filepath.FromSlash(path))
	if err != nil {
		return false
	}
	for _, base := range sh.inst.Packages.Named(owner) {
		if source, err := sh.root.ReadFile(filepath.Join(filepath.FromSlash(base.Dir), filepath.FromSlash(path))); base.Dir != "" && err == nil {
			return bytes.Equal(source, file)
		}
	}
	return false
}

// unjoin splits a joined error.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func (s *assessment) add(rule, level, patch, path string, at declared.Place, message string) {
	s.findings = append(s.findings, report.Finding{
		Rule: rule, Level: level, Patch: patch, Path: path, File: at.File, Line: at.Line, Message: message,
	})
}

// refuse adds a finding that keeps everything from being written.
func (s *assessment) refuse(rule, patch string, at declared.Place, err error) {
	s.add(rule, report.LevelError, patch, "", at, err.Error())
	s.refused = errors.Join(s.refused, err)
}

// place is where a patch, or what requires it, is declared.
func (s *assessment) place(id string) declared.Place {
	for range len(s.wanted) + 1 {
		if p, ok := s.set.Find(id); ok {
			return p.Place
		}
		by := s.requiredBy[id]
		if len(by) == 0 {
			break
		}
		id = by[0]
	}
	return declared.Place{}
}

// resolve finds the patches that are declared.
func (s *assessment) resolve(a *app, sh *shop) []*stack.Item {
	var items []*stack.Item
	for _, p := range s.set.Patches {
		it, err := sh.stack.Item(p.Name)
		var (
			unknown    *stack.UnknownError
			ineligible *stack.NotEligibleError
		)
		if errors.As(err, &unknown) && p.Loose {
			it, err = sh.stack.Loose(catalog.LoosePatch(p.Name, func() ([]byte, error) {
				return catalog.ReadFile(sh.root.FS(), p.Name)
			}))
			if err != nil {
				s.refuse("unusable", p.Name, p.Place, err)
				continue
			}
		}
		switch {
		case errors.As(err, &unknown):
			err = withSuggestions(sh.stack.Catalog, err)
			if info, statErr := fs.Stat(sh.root.FS(), p.Name); statErr == nil && info.IsDir() {
				err = fmt.Errorf("%w; the folder of that name is declared as %s/", err, p.Name)
			}
			s.refuse("unknown-patch", p.Name, p.Place, err)
		case errors.As(err, &ineligible):
			if level := s.set.Policy.Ineligible; level != declared.Deny {
				if level == declared.Warn {
					s.add("ineligible", report.LevelWarning, ineligible.Patch.ID, "", p.Place, err.Error()+"; it is left out")
				}
				continue
			}
			s.refuse("ineligible", ineligible.Patch.ID, p.Place, fmt.Errorf("%w; remove it, ignore it with a reason, or have the policy warn only", err))
		case err != nil:
			s.refuse("unusable", p.Name, p.Place, err)
		default:
			items = append(items, it)
		}
	}
	return items
}

// sum computes the sums of an item's diffs.
func (s *assessment) sum(it *stack.Item) error {
	for _, v := range it.Variants {
		text, err := v.Text()
		if err != nil {
			return err
		}
		s.sums[it] = append(s.sums[it], hexSum(text))
	}
	return nil
}

func hexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// checkPin compares a patch with the hash that its declaration gives.
func (s *assessment) checkPin(it *stack.Item) {
	p, ok := s.set.Find(it.ID())
	if !ok || p.SHA256 == "" {
		return
	}
	if have := declared.Hash(s.sums[it]); have != p.SHA256 {
		s.refuse("hash-mismatch", it.ID(), p.Place, fmt.Errorf("patch %s is declared with the hash %s, and what is to be had has %s; "+
			"look at what has changed (qpt show --diff %s) before you declare the new one", it.ID(), p.SHA256, have, it.ID()))
	}
}

// locked returns what the lock says of a wanted item, and whether of the same diffs.
func (s *assessment) locked(it *stack.Item) (p *declared.LockedPatch, same bool) {
	p, ok := s.lock.Patch(it.ID())
	return p, ok && slices.Equal(p.Sums(), s.sums[it])
}

// known turns a lock into what a plan can use. Where another one has a patch with the same
// diffs, its item is taken.
func (a *app) known(sh *shop, s *assessment, lock *declared.Lock, other []stack.Layer) []stack.Layer {
	if lock == nil {
		return nil
	}
	var layers []stack.Layer
	for i := range lock.Patches {
		p := &lock.Patches[i]
		l := stack.Layer{ID: p.ID, Files: map[string]stack.Sums{}, Renewed: map[string]bool{}}
		for _, f := range p.Files {
			if f.Mode != "" && f.Before == f.After {
				continue // only the mode tells, and sums do not
			}
			l.Files[f.Path] = stack.Sums{Before: f.Before, After: f.After}
			if renewed(sh, lock, f.Path) {
				l.Renewed[f.Path] = true
			}
		}
		for _, it := range s.wanted {
			if strings.EqualFold(it.ID(), p.ID) && slices.Equal(p.Sums(), s.sums[it]) {
				l.Item = it
			}
		}
		for _, o := range other {
			if have, ok := s.lock.Patch(o.ID); ok && l.Item == nil && strings.EqualFold(o.ID, p.ID) && slices.Equal(p.Sums(), have.Sums()) {
				l.Item = o.Item
			}
		}
		if l.Item == nil {
			l.Item = a.recall(sh, p)
		}
		layers = append(layers, l)
	}
	return layers
}

// recall returns the item that a lock tells of, nil if one of its diffs is not to be
// had: not in the catalogue, eligible or not, nor in the root, nor in the store.
func (a *app) recall(sh *shop, p *declared.LockedPatch) *stack.Item {
	patch := &catalog.Patch{ID: p.ID, Title: p.ID, Origin: catalog.OriginLocal, Type: catalog.Custom, Source: declared.LockFile}
	for _, d := range p.Diffs {
		text := a.recallDiff(sh, p.ID, d)
		if text == nil {
			return nil
		}
		loose := catalog.LoosePatch(d.File, func() ([]byte, error) { return text, nil })
		patch.Variants = append(patch.Variants, loose.Variants...)
	}
	it, err := sh.stack.Loose(patch)
	if err != nil {
		return nil
	}
	return it
}

func (a *app) recallDiff(sh *shop, id string, d declared.LockedDiff) []byte {
	if patch, ok := sh.stack.Catalog.Patch(id); ok {
		for _, v := range patch.Variants {
			if text, err := v.Text(); v.File == d.File && err == nil && hexSum(text) == d.SHA256 {
				return text
			}
		}
	}
	if d.Source == "" {
		if text, err := sh.root.ReadFile(filepath.FromSlash(d.File)); err == nil && hexSum(text) == d.SHA256 {
			return text
		}
	}
	return a.stored(sh, d.SHA256)
}

// sourceOf is how a lock names where a variant comes from, and the version of that.
func (a *app) sourceOf(sh *shop, v *catalog.Variant) (source, release string) {
	name := v.Source()
	switch {
	case name == "file" || name == "m2-hotfixes":
		return "", ""
	case name == bundledSource:
		return name, buildVersion().Version
	}
	for _, s := range installed(filepath.Join(sh.inst.Root, filepath.FromSlash(sh.inst.VendorDir))) {
		if s.Name == name {
			if named := sh.inst.Packages.Named(name); len(named) > 0 {
				release = named[0].Version.String()
			}
			return path.Join(sh.inst.VendorDir, name), release
		}
	}
	return a.sourceLabel(name), ""
}

// sourceLabel names a catalogue that was configured: by its path below the root, which
// is the same on every machine, else by its name alone.
func (a *app) sourceLabel(name string) string {
	if rel, err := filepath.Rel(a.config.Root, name); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.Base(name)
}

// makeLock works out the lock that belongs to the plan.
func (s *assessment) makeLock(a *app, sh *shop, relock bool) error {
	next := &declared.Lock{Version: declared.LockVersion, Installed: s.decisive(sh), Patches: []declared.LockedPatch{}}
	next.Declared, next.Ignored = s.set.Names()
	kept := !relock && s.lock != nil && len(s.plan.Steps) == 0 && len(s.lock.Patches) == len(s.wanted)
	for i, it := range s.wanted {
		old, same := s.locked(it)
		kept = kept && same && strings.EqualFold(s.lock.Patches[i].ID, it.ID())
		p := declared.LockedPatch{ID: it.ID(), RequiredBy: s.requiredBy[it.ID()]}
		for j, v := range it.Variants {
			d := declared.LockedDiff{File: v.File, Package: v.Package, SHA256: s.sums[it][j]}
			d.Source, d.Release = a.sourceOf(sh, v)
			if v.Package != "" {
				d.Constraint = v.Constraint.String()
			}
			if same && !relock && old.Diffs[j].File == d.File && old.Diffs[j].Source == d.Source {
				d.Release = old.Diffs[j].Release // it came from there, and is the same since
			}
			p.Diffs = append(p.Diffs, d)
		}
		next.Patches = append(next.Patches, p)
	}
	keep := func() error {
		for i := range next.Patches {
			next.Patches[i].Files = s.lock.Patches[i].Files
		}
		s.next = next
		return nil
	}
	if kept && len(s.plan.Open) == 0 {
		return keep()
	}
	records, others, err := sh.stack.Record(s.plan.Overlay, s.wanted)
	if err != nil {
		if kept { // nothing has to move, and what was edited is told anyway
			return keep()
		}
		s.failures = err
		return nil
	}
	s.others = others
	for i, r := range records {
		for _, f := range r.Files {
			locked := declared.LockedFile{Path: f.Path, Before: f.Before, After: f.After}
			if f.Mode != 0 {
				locked.Mode = applier.GitMode(f.Mode)
			}
			next.Patches[i].Files = append(next.Patches[i].Files, locked)
		}
	}
	if !relock {
		s.keepEdited(next)
	}
	s.next = next
	return nil
}

// keepEdited leaves in the lock what it says of files that were edited: that they were
// is for verify to tell, until somebody locks them as they are.
func (s *assessment) keepEdited(next *declared.Lock) {
	if s.lock == nil {
		return
	}
	moved := s.moved()
	for p := range s.plan.Open {
		if moved[p] || !slices.Equal(chain(s.lock, p), chain(next, p)) {
			continue
		}
		for i := range next.Patches {
			old, ok := s.lock.Patch(next.Patches[i].ID)
			if !ok {
				continue
			}
			for j, f := range next.Patches[i].Files {
				at := slices.IndexFunc(old.Files, func(o declared.LockedFile) bool { return o.Path == f.Path })
				if f.Path == p && at >= 0 {
					next.Patches[i].Files[j] = old.Files[at]
				}
			}
		}
	}
}

// moved returns the paths that the plan changes.
func (s *assessment) moved() map[string]bool {
	moved := map[string]bool{}
	for _, step := range s.plan.Steps {
		for _, f := range step.Files {
			moved[f.Path] = true
			if f.From != "" {
				moved[f.From] = true
			}
		}
	}
	return moved
}

// chain returns which diffs a lock has on a path.
func chain(l *declared.Lock, path string) []string {
	var diffs []string
	for i := range l.Patches {
		p := &l.Patches[i]
		if slices.ContainsFunc(p.Files, func(f declared.LockedFile) bool { return f.Path == path }) {
			diffs = append(diffs, declared.Hash(p.Sums()))
		}
	}
	return diffs
}

// drift finds how the tree differs from what is declared and locked.
func (s *assessment) drift() {
	var order, was []string
	for _, it := range s.wanted {
		id, at := it.ID(), s.place(it.ID())
		locked, same := s.locked(it)
		if locked != nil {
			was = append(was, strings.ToLower(id))
			if !same {
				s.changedDiff(it, locked, at)
			}
		}
		switch state := s.plan.Was[id]; {
		case state == stack.Applied && locked == nil:
			s.add("unlocked", report.LevelError, id, "", at, "patch "+id+" is in the tree, and not in "+declared.LockFile)
		case state == stack.NotApplied && locked == nil:
			s.add("not-applied", report.LevelError, id, "", at, "patch "+id+" is declared, and not in the tree")
		case state == stack.NotApplied && same:
			s.add("reverted", report.LevelError, id, "", at, "patch "+id+" was put in, and is not in the tree any more")
		case state == stack.Partial:
			s.add("partial", report.LevelError, id, "", at, "patch "+id+" is in some of its files only; missing in "+strings.Join(s.missing(id), ", "))
		}
		if locked == nil || !same {
			continue
		}
		for _, f := range locked.Files {
			if s.plan.Open[f.Path] && !slices.ContainsFunc(s.findings, func(x report.Finding) bool { return x.Path == f.Path }) {
				message := f.Path + " is neither as before patch " + id + " nor as after it: it was edited, or its package is another one"
				if s.refused == nil && s.failures == nil {
					message += "; qpt lock takes it as it is"
				}
				s.add("edited", report.LevelError, id, f.Path, at, message)
			}
		}
	}
	if s.lock != nil {
		for _, p := range s.lock.Patches {
			if slices.Contains(was, strings.ToLower(p.ID)) {
				order = append(order, strings.ToLower(p.ID))
			} else if at, ok := s.set.Find(p.ID); !ok {
				if s.refused != nil && len(p.RequiredBy) > 0 {
					continue // what cannot be had may require it still
				}
				s.add("undeclared", report.LevelError, p.ID, "", declared.Place{}, "patch "+p.ID+" was put in, and is not declared any more")
			} else if s.refused == nil {
				s.add("undeclared", report.LevelError, p.ID, "", at.Place, "patch "+p.ID+" was put in, and is left out now")
			}
		}
		if !slices.Equal(order, was) {
			s.add("reordered", report.LevelError, "", "", declared.Place{}, "patches are declared in another order than the locked one: "+strings.Join(was, ", "))
		}
		if !s.lock.Same(s.set) {
			s.add("outdated-lock", report.LevelError, "", "", declared.Place{}, declared.LockFile+" was made for other declarations; run qpt lock")
		}
	}
	s.leftover()
	s.modes()
	for _, id := range s.others {
		s.add("overlap", report.LevelWarning, id, "", declared.Place{}, "patch "+id+" is in the tree too and changes files of declared patches; declare it, or revert it")
	}
}

// leftover finds patches that were put into this tree, and that neither the declarations
// nor the lock have since, or have with another diff: somebody else changed these.
func (s *assessment) leftover() {
	if s.synced == nil {
		return
	}
	for _, p := range s.synced.Patches {
		there := slices.ContainsFunc(s.plan.Steps, func(step stack.Step) bool {
			return step.Dir == applier.Reverse && !step.Lift && strings.EqualFold(step.Item.ID(), p.ID)
		})
		if !there {
			continue
		}
		now, locked := s.lock.Patch(p.ID)
		switch {
		case locked && !slices.Equal(now.Sums(), p.Sums()):
			s.add("leftover", report.LevelError, p.ID, "", s.place(p.ID), "patch "+p.ID+" was put into this tree with another diff than the locked one")
		case !locked && !slices.ContainsFunc(s.wanted, func(it *stack.Item) bool { return strings.EqualFold(it.ID(), p.ID) }):
			s.add("leftover", report.LevelError, p.ID, "", declared.Place{}, "patch "+p.ID+" was put into this tree, and is not declared any more")
		}
	}
}

// modes finds files whose mode a patch has changed and somebody after it: that is not to
// be seen by trying the patch.
func (s *assessment) modes() {
	if s.lock == nil {
		return
	}
	for p, f := range s.lock.Files() {
		file, err := s.plan.Overlay.ReadFile(p)
		if err == nil && f.Mode != "" && applier.GitMode(file.Mode) != f.Mode && stack.Sum(file) == f.After {
			s.add("edited", report.LevelError, "", p, declared.Place{}, p+" has the mode "+applier.GitMode(file.Mode)+", and its patches give it "+f.Mode+"; set it by hand")
		}
	}
}

func (s *assessment) changedDiff(it *stack.Item, locked *declared.LockedPatch, at declared.Place) {
	var files, old []string
	for _, v := range it.Variants {
		files = append(files, v.File)
	}
	for _, d := range locked.Diffs {
		old = append(old, d.File)
	}
	if slices.Equal(files, old) {
		s.add("catalogue-changed", report.LevelError, it.ID(), "", at, "the diff of patch "+it.ID()+" is not the one that was put in ("+strings.Join(files, ", ")+")")
		return
	}
	s.add("newer-variant", report.LevelError, it.ID(), "", at, "patch "+it.ID()+" was put in as "+strings.Join(old, ", ")+", and is now "+strings.Join(files, ", "))
}

// missing names the files in which the plan puts a patch in.
func (s *assessment) missing(id string) []string {
	var paths []string
	for _, step := range s.plan.Steps {
		if step.Item.ID() == id && step.Dir == applier.Forward {
			for _, f := range step.Files {
				paths = append(paths, f.Path)
			}
		}
	}
	return paths
}

// frozen returns what keeps a frozen sync from going on: all that the lock does not say.
func (s *assessment) frozen() []report.Finding {
	if s.lock == nil {
		return []report.Finding{{
			Rule: "unlocked", Level: report.LevelError, File: declared.LockFile,
			Message: "there is no " + declared.LockFile + "; run qpt lock and commit it",
		}}
	}
	// What sync mends by putting in what the lock says is no reason to refuse.
	mended := []string{"reverted", "partial", "overlap", "ineligible", "leftover"}
	found := slices.DeleteFunc(slices.Clone(s.findings), func(f report.Finding) bool { return slices.Contains(mended, f.Rule) })
	if s.refused != nil || s.failures != nil {
		return found
	}
	for p, f := range s.lock.Files() {
		file, err := s.plan.Overlay.ReadFile(p)
		if err != nil && !errors.Is(err, fs.ErrNotExist) || stack.Sum(file) != f.After {
			if !slices.ContainsFunc(found, func(x report.Finding) bool { return x.Path == p }) {
				found = append(found, report.Finding{
					Rule: "edited", Level: report.LevelError, Path: p, Message: p + " would not be what " + declared.LockFile + " says",
				})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b report.Finding) int { return strings.Compare(a.Path, b.Path) })
	return found
}
