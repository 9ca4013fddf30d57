package standin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// change carries out apply or revert. All of it is staged first and written as one
// transaction: where the PHP commands stop half-way, nothing is changed.
func (r *run) change(ctx context.Context) (err error) {
	commit, end, err := r.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if endErr := end(); err == nil {
			err = endErr
		}
	}()
	r.log("INFO", r.magentoVersion(), "")
	r.tree()
	switch {
	case r.args.command == "apply" && r.name == EcePatches:
		err = r.applyAll()
	case r.args.command == "apply":
		err = r.applyNamed(r.args.patches, "Command argument: ")
	case r.name == EcePatches:
		err = r.revertAll()
	default:
		err = r.revertNamed()
	}
	if err != nil {
		return err
	}
	changes, err := r.overlay.Changes()
	if err != nil || len(changes) == 0 {
		return err
	}
	return commit(ctx, changes)
}

// stage puts an item in or takes it out, and returns a message as the PHP tool has it.
func (r *run) stage(it *item, dir applier.Direction, name string) (string, error) {
	done, undone := "has been applied", "was already applied"
	if dir == applier.Reverse {
		done, undone = "has been reverted", "wasn't applied"
	}
	if it.diff == nil {
		return "", failure(fmt.Sprintf("error: %v\n", it.unusable))
	}
	there, fits := applier.Fits(r.overlay, dir, it.diff)
	elsewhere, fitsBack := applier.Fits(r.overlay, !dir, it.diff)
	if fits && fitsBack && dir == applier.Forward && elsewhere <= there {
		fits = false // all that it adds is there: git would put it in once more
	}
	if fits {
		if _, err := applier.Apply(r.overlay, it.diff, dir); err != nil {
			return "", err
		}
		return fmt.Sprintf("Patch %s %s", name, done), nil
	}
	if fitsBack {
		return fmt.Sprintf("Patch %s %s", name, undone), nil
	}
	_, err := applier.Apply(r.overlay.Fork(), it.diff, dir)
	return "", failure(gitMessage(it.diff, dir, err))
}

// gitMessage says what git apply says of the refusals.
func gitMessage(d *applier.Diff, dir applier.Direction, err error) string {
	var conflict *applier.ConflictError
	if !errors.As(err, &conflict) {
		return fmt.Sprintln(err)
	}
	var b strings.Builder
	told := map[string]bool{}
	for _, r := range conflict.Refusals {
		if told[r.Path] {
			continue
		}
		told[r.Path] = true
		switch r.Reason {
		case applier.Missing:
			fmt.Fprintf(&b, "error: %s: No such file or directory\n", r.Path)
		case applier.Exists:
			fmt.Fprintf(&b, "error: %s: already exists in working directory\n", r.Path)
		case applier.HunkMismatch, applier.TooFar, applier.Remains:
			fmt.Fprintf(&b, "error: patch failed: %s:%d\nerror: %s: patch does not apply\n", r.Path, oldStart(d, dir, r), r.Path)
		default:
			fmt.Fprintf(&b, "error: %s\n", r)
		}
	}
	return b.String()
}

// oldStart is where the hunk of a refusal says that it begins in the file.
func oldStart(d *applier.Diff, dir applier.Direction, r applier.Refusal) int {
	for _, e := range d.Entries {
		for _, h := range e.Hunks {
			if h.DiffLine == r.DiffLine || r.Hunk == 0 && e.DiffLine == r.DiffLine {
				if dir == applier.Reverse {
					return h.NewStart
				}
				return h.OldStart
			}
		}
	}
	return r.Line
}

// applyAll is ece-patches apply: required patches, those of QUALITY_PATCHES, hotfixes.
func (r *run) applyAll() error {
	r.log("NOTICE", "Start of applying required patches", "")
	p := r.collect()
	for _, it := range p.items[:p.cloud] {
		message, err := r.put(it, it.id)
		if err != nil {
			return r.conflict(it, err)
		}
		r.describe(it, message)
		r.log("INFO", message, it.path)
	}
	r.log("NOTICE", "End of applying required patches", "")
	ids, err := r.qualityPatches()
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if err := r.applyNamed(ids, "QUALITY_PATCHES env variable: "); err != nil {
			return err
		}
	}
	return r.applyHotfixes()
}

func (r *run) applyHotfixes() error {
	r.staged = nil
	hot := r.collect().hot
	if len(hot) == 0 {
		r.tell("Hot-fixes were not found. Skipping")
		return nil
	}
	r.log("NOTICE", "Start of applying hot-fixes", "")
	r.say("Applying hot-fixes")
	for _, it := range hot {
		message, err := r.put(it, it.title)
		if err != nil {
			text := "Error: patch " + it.path + " can't be applied"
			r.say("%s", text)
			r.log("ERROR", text, "")
			r.rollback()
			return failure(fmt.Sprintf("Applying patch %s failed.\n%s", it.path, err))
		}
		r.tell(message)
	}
	r.log("NOTICE", "End of applying hot-fixes", "")
	return nil
}

// tell says a message and logs it.
func (r *run) tell(message string) {
	r.say("%s", message)
	r.log("INFO", message, "")
}

// put stages an item forward, and remembers it for a rollback.
func (r *run) put(it *item, name string) (string, error) {
	message, err := r.stage(it, applier.Forward, name)
	if err == nil && strings.HasSuffix(message, "has been applied") {
		r.staged = append(r.staged, it)
	}
	return message, err
}

// rollback tells of the patches that are not put in after all. Nothing was written yet.
func (r *run) rollback() {
	if len(r.staged) == 0 {
		return
	}
	r.tell("Start of rollback")
	for _, it := range slices.Backward(r.staged) {
		message := fmt.Sprintf("Patch %s has been reverted", it.id)
		r.say("%s", message)
		r.log("INFO", message, it.path)
		_, _ = r.stage(it, applier.Reverse, it.id) // what is staged comes off
	}
	r.tell("End of rollback")
}

// conflict tells that an item does not fit, and on a cloud project with what.
func (r *run) conflict(it *item, err error) error {
	text := fmt.Sprintf("Error: patch %s can't be applied", it.id)
	r.log("ERROR", text, "")
	r.say("%s", text)
	r.rollback()
	text = fmt.Sprintf("Applying patch %s (%s) failed.\n%s", it.id, it.path, err)
	if r.isCloud() {
		if details := r.analyse(it); details != "" {
			text += "\n" + details
		}
	}
	return failure(text)
}

// analyse names the patches that one does not get along with: required ones first, else
// optional ones, on a tree without any.
func (r *run) analyse(failed *item) string {
	p := r.collect()
	ids := func(kind catalog.Type) []string {
		var list []string
		for _, it := range p.items {
			if it.kind == kind && !it.deprecated && it.id != failed.id && !slices.Contains(list, it.id) {
				list = append(list, it.id)
			}
		}
		return list
	}
	if failed.kind != catalog.Required {
		for _, it := range slices.Backward(p.items[:p.cloud]) {
			if it.kind == catalog.Required {
				_, _ = r.stage(it, applier.Reverse, it.id) // as far as it is there
			}
		}
	}
	together := func(ids ...string) bool {
		items, err := p.list(ids, true)
		return err == nil && r.fits(applier.Forward, items)
	}
	required := ids(catalog.Required)
	if !together(append(slices.Clone(required), failed.id)...) {
		for len(required) > 0 {
			last := required[len(required)-1]
			required = required[:len(required)-1]
			if together(append(slices.Clone(required), failed.id)...) {
				return fmt.Sprintf("Patch %s is not compatible with required: %s", failed.id, last)
			}
		}
		if !together(failed.id) {
			return fmt.Sprintf("Patch %s can't be applied to clean Magento instance", failed.id)
		}
	}
	var against []string
	for _, id := range ids(catalog.Optional) {
		if !together(id, failed.id) {
			against = append(against, id)
		}
	}
	roots := slices.DeleteFunc(slices.Clone(against), func(id string) bool {
		items, err := p.list([]string{id}, true)
		return err == nil && slices.ContainsFunc(items, func(it *item) bool { return it.id != id && slices.Contains(against, it.id) })
	})
	if len(roots) == 0 {
		return ""
	}
	return fmt.Sprintf("Patch %s is not compatible with optional: %s", failed.id, strings.Join(roots, " "))
}

// applyNamed applies patches by their ids, "*" standing for all optional ones.
func (r *run) applyNamed(ids []string, from string) error {
	r.staged = nil
	r.log("NOTICE", "Start of applying optional patches", "")
	r.log("INFO", from+strings.Join(ids, " "), "")
	if ids[0] == "*" {
		ids = nil
	}
	if err := r.reviewApplied(ids); err != nil {
		return err
	}
	if err := r.confirmRequired(ids); err != nil {
		return err
	}
	if err := r.replace(ids); err != nil {
		return err
	}
	items, err := r.collect().list(ids, true)
	if len(ids) == 0 {
		if items, err = r.collect().optional(catalog.OriginSupport); err == nil {
			items = slices.DeleteFunc(items, func(it *item) bool { return it.deprecated })
		}
	}
	if err != nil {
		return err
	}
	for _, it := range items {
		if r.states[it.id] == applied {
			message := fmt.Sprintf("Patch %s (%s) was already applied", it.id, it.file)
			r.say("%s\n", message)
			r.log("INFO", message, "")
			continue
		}
		message, err := r.put(it, it.id)
		if err != nil {
			return r.conflict(it, err)
		}
		r.describe(it, message)
		r.log("INFO", message, it.path)
	}
	r.log("NOTICE", "End of applying optional patches", "")
	return nil
}

// withStates returns the diffs of patches and of those that they require, and the states
// of all.
func (r *run) withStates(ids []string) ([]*item, map[string]string, error) {
	items, err := r.collect().list(ids, true)
	if err != nil {
		return nil, nil, err
	}
	states, err := r.resolve()
	return items, states, err
}

// confirmRequired asks for what the patches require and is not applied.
func (r *run) confirmRequired(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	items, states, err := r.withStates(ids)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return slices.Contains(ids, it.id) || states[it.id] == applied })
	if len(items) == 0 {
		return nil
	}
	names := strings.Join(ids, " ")
	r.say("Please double check patch details and requirements at %s?keyword=%s\n", detailsURL, ids[0])
	r.say("Next patches are required by %s:\n", names)
	r.table(sorted(aggregate(items), states), states)
	if !r.ask("Do you want to proceed with applying these patches?") {
		return failure(names + " can't be applied without required patches")
	}
	return nil
}

// sorted orders groups as the table does.
func sorted(groups []*group, states map[string]string) []*group {
	slices.SortStableFunc(groups, func(a, b *group) int {
		if c := strings.Compare(states[a.id], states[b.id]); c != 0 {
			return c
		}
		return strings.Compare(a.origin, b.origin)
	})
	return groups
}

// replace warns of deprecated patches, and takes out what the patches replace.
func (r *run) replace(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	items, states, err := r.withStates(ids)
	if err != nil {
		return err
	}
	for _, g := range aggregate(items) {
		if states[g.id] == applied {
			continue
		}
		if g.deprecated {
			message := fmt.Sprintf("Warning! Deprecated patch %s is going to be applied.", g.id)
			if g.replacedWith != "" {
				message += " Please, replace it with " + g.replacedWith
			}
			r.say("%s", message)
			r.log("WARNING", message, "")
			if !r.ask("Do you want to continue?") {
				return failure("Patch applying process was terminated")
			}
		}
		var old []string
		for _, it := range r.collect().items {
			if it.replacedWith == g.id && states[it.id] == applied && !slices.Contains(old, it.id) {
				old = append(old, it.id)
			}
		}
		if len(old) == 0 {
			continue
		}
		names := strings.Join(old, " ")
		message := fmt.Sprintf("%s should be reverted and replaced with %s", names, g.id)
		r.say("%s", message)
		r.log("WARNING", message, "")
		if !r.ask("Do you want to proceed with reverting?") {
			return failure(fmt.Sprintf("%s can't be applied without reverting %s", g.id, names))
		}
		if err := r.revert(old); err != nil {
			return err
		}
	}
	return nil
}

// revertNamed is magento-patches revert.
func (r *run) revertNamed() error {
	ids := r.args.patches
	if r.args.all {
		ids = nil
	} else if len(ids) == 0 {
		return nil
	}
	r.log("NOTICE", "Start of reverting optional patches", "")
	r.log("INFO", "Command argument: "+strings.Join(r.args.patches, " "), "")
	r.log("INFO", "--all", "") // whether given or not
	if err := r.revert(ids); err != nil {
		return err
	}
	r.log("NOTICE", "End of reverting optional patches", "")
	return nil
}

// revertAll is ece-patches revert: hotfixes, then all patches.
func (r *run) revertAll() error {
	r.log("NOTICE", "Start of reverting all patches", "")
	states, err := r.resolve()
	if err != nil {
		return err
	}
	hot := slices.DeleteFunc(slices.Clone(r.collect().hot), func(it *item) bool { return states[it.id] == notApplied })
	if len(hot) > 0 {
		r.say("Start of reverting hot-fixes")
		for _, it := range slices.Backward(hot) {
			message, err := r.stage(it, applier.Reverse, it.title)
			if err != nil {
				text := fmt.Sprintf("Reverting patch %s failed.\n%s", it.path, err)
				r.say("%s", text)
				r.log("ERROR", text, "")
				continue
			}
			r.tell(message)
		}
		r.say("End of reverting hot-fixes")
	}
	if err := r.revert(nil); err != nil {
		return err
	}
	r.log("NOTICE", "End of reverting all patches", "")
	return nil
}

// revert takes patches out, the last first; without ids, all that are applied.
func (r *run) revert(ids []string) error {
	states, err := r.resolve()
	if err != nil {
		return err
	}
	var problems []string
	for _, id := range ids {
		depending := slices.DeleteFunc(r.collect().dependents(id), func(other string) bool { return states[other] != applied })
		if slices.ContainsFunc(depending, func(other string) bool { return !slices.Contains(ids, other) }) {
			problems = append(problems, fmt.Sprintf("Patch %s is a dependency for %s. Please, revert %[2]s first", id, strings.Join(depending, " ")))
		}
	}
	if len(problems) > 0 {
		return failure(strings.Join(problems, "\n"))
	}
	items, err := r.collect().list(ids, false)
	if err != nil {
		return err
	}
	failed := false
	for _, it := range slices.Backward(items) {
		if len(ids) == 0 && states[it.id] != applied {
			continue
		}
		if states[it.id] == notApplied {
			r.say("Patch %s (%s) is not applied", it.id, it.file)
			r.log("INFO", "Patch "+it.id+" is not applied", it.path)
			continue
		}
		message, err := r.stage(it, applier.Reverse, it.id)
		if err != nil {
			text := fmt.Sprintf("Reverting patch %s (%s) failed.\n%s", it.id, it.path, err)
			r.log("ERROR", text, "")
			r.say("%s", text)
			failed = true
			continue
		}
		r.log("INFO", message, it.path)
		r.describe(it, message)
	}
	if failed {
		return failure(fmt.Sprintf("Revert operation for %s finished with errors.", strings.Join(ids, " ")))
	}
	return nil
}

// log remembers a line for var/log/patch.log.
func (r *run) log(level, message, file string) {
	r.lines = append(r.lines, logLine{level, stripTags(message), file})
}

// flushLog writes the log in one go. One that cannot be written is no reason to fail, for
// the PHP commands neither.
func (r *run) flushLog() {
	if len(r.lines) == 0 {
		return
	}
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000-07:00")
	var b strings.Builder
	for _, l := range r.lines {
		fmt.Fprintf(&b, "[%s] %s\n", now, l)
	}
	_ = r.AppendLog([]byte(b.String())) // see above
}
