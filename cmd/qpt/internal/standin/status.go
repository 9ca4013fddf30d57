package standin

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// The states, in the words and the order of the PHP tool.
const (
	applied    = "Applied"
	notAvail   = "N/A"
	notApplied = "Not applied"
)

// upgradeFrom is from how many quality patches on an upgrade is advised.
const upgradeFrom = 8

// filterFrom is beyond how many patches the status asks for a provider and a category.
const filterFrom = 50

// fits reports whether diffs can be put in or taken out, one upon the other.
func (r *run) fits(dir applier.Direction, items []*item) bool {
	var diffs []*applier.Diff
	for _, it := range items {
		if it.diff == nil {
			return false
		}
		diffs = append(diffs, it.diff)
	}
	_, ok := applier.Fits(r.tree(), dir, diffs...)
	return ok
}

// tree returns the overlay, which is not read before the lock is taken.
func (r *run) tree() *applier.Overlay {
	if r.overlay == nil {
		r.overlay = applier.NewOverlay(applier.DirTree(r.Root))
	}
	return r.overlay
}

// state judges items by themselves against the tree as it is, as the PHP tool does.
func (r *run) state(items []*item) string {
	switch {
	case r.fits(applier.Forward, items):
		return notApplied
	case r.fits(applier.Reverse, items):
		return applied
	}
	return notAvail
}

// resolve works out the state of every patch, once.
func (r *run) resolve() (map[string]string, error) {
	if r.states != nil {
		return r.states, nil
	}
	p := r.collect()
	states := map[string]string{}
	independent := slices.DeleteFunc(slices.Clone(p.groups), func(g *group) bool { return len(g.require) > 0 && g.kind != catalog.Custom })
	found := make([]string, len(independent))
	r.tree()
	var wg sync.WaitGroup
	work := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range work {
				found[i] = r.state(independent[i].items)
			}
		})
	}
	for i := range independent {
		work <- i
	}
	close(work)
	wg.Wait()
	for i, g := range independent {
		states[g.id] = found[i]
	}
	var unclear []string // in the order in which they were looked at
	for i, g := range independent {
		if found[i] == notAvail {
			unclear = append(unclear, g.id)
		}
	}
	for _, g := range p.groups {
		if len(g.require) == 0 || g.kind == catalog.Custom {
			continue
		}
		items, err := p.list([]string{g.id}, true)
		if err != nil {
			return nil, err
		}
		items = slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.id != g.id && states[it.id] != notApplied })
		if states[g.id] = r.state(items); states[g.id] == notAvail {
			unclear = append(unclear, g.id)
		}
	}
	// What an applied patch requires counts as applied.
	for _, id := range slices.Backward(unclear) {
		for _, g := range p.groups {
			if slices.Contains(g.require, id) && states[g.id] == applied {
				states[id] = applied
			}
		}
	}
	r.states = states
	return states, nil
}

// visible reports whether a deprecated patch is worth a line.
func visible(g *group, states map[string]string) bool {
	return states[g.id] == applied && (g.replacedWith == "" || states[g.replacedWith] != applied)
}

func (r *run) showStatus() error {
	states, err := r.resolve()
	if err != nil {
		return err
	}
	groups := r.collect().groups
	json := r.args.format == "json"
	if !json {
		r.say("Patch details you can find on %s (search for patch id, ex. MDVA-30265)", detailsURL)
		r.say("Release notes %s", notesURL)
		if err := r.reviewApplied(nil); err != nil {
			return err
		}
		for _, g := range groups {
			if g.deprecated && visible(g, states) {
				instead := "."
				if g.replacedWith != "" {
					instead = " and replace with " + g.replacedWith
				}
				r.say("Deprecated patch %s is currently applied. Please, consider to revert it%s", g.id, instead)
			}
		}
	}
	groups = slices.DeleteFunc(slices.Clone(groups), func(g *group) bool { return g.deprecated && !visible(g, states) })
	if !json && len(groups) > filterFrom {
		groups = r.choose(groups, "provider", func(g *group) []string { return []string{g.origin} })
		groups = r.choose(groups, "category", func(g *group) []string { return g.categories })
	}
	sorted(groups, states)
	if json {
		if !r.args.quiet {
			fmt.Fprintln(r.Out, jsonRows(groups, states)) // which escapes by itself
		}
		return nil
	}
	r.table(groups, states)
	r.say("%s", r.magentoVersion())
	return nil
}

const (
	detailsURL = "https://experienceleague.adobe.com/tools/commerce-quality-patches/index.html"
	notesURL   = "https://experienceleague.adobe.com/docs/commerce-operations/tools/quality-patches-tool/release-notes.html"
)

// choose lists the values of a property with their counts, and asks for one.
func (r *run) choose(groups []*group, what string, of func(*group) []string) []*group {
	values, counts := []string{"All"}, map[string]int{"All": len(groups)}
	for _, g := range groups {
		for _, v := range of(g) {
			if counts[v] == 0 {
				values = append(values, v)
			}
			counts[v]++
		}
	}
	plural := map[string]string{"provider": "providers", "category": "categories"}[what]
	r.say("\nPatch %s:", plural)
	for i, v := range values {
		r.say("%d) %s (%d)", i+1, v, counts[v])
	}
	r.say("")
	choice := r.prompt(fmt.Sprintf("Please, select patch %s: ", what), "All")
	var n int
	if _, err := fmt.Sscanf(choice, "%d", &n); err == nil {
		choice = "All"
		if n >= 1 && n <= len(values) {
			choice = values[n-1]
		}
	}
	r.say("Selected patch %s: %s\n", what, choice)
	if choice == "All" {
		return groups
	}
	return slices.DeleteFunc(slices.Clone(groups), func(g *group) bool {
		return !slices.ContainsFunc(of(g), func(v string) bool { return strings.EqualFold(v, choice) })
	})
}

// reviewApplied advises to upgrade when a shop has many quality patches.
func (r *run) reviewApplied(ids []string) error {
	items, err := r.collect().optional(catalog.OriginSupport)
	if err != nil {
		return err
	}
	states, err := r.resolve()
	if err != nil {
		return err
	}
	all := slices.Clone(ids)
	for _, it := range items {
		if states[it.id] == applied {
			all = append(all, it.id)
		}
	}
	slices.Sort(all)
	if len(slices.Compact(all)) < upgradeFrom {
		return nil
	}
	message := "Warning for those on a previous minor line! Magento recommends installing a limited" +
		" number of quality patches to ensure a smooth upgrade to the latest line. Please begin planning" +
		" an upgrade to the latest release line."
	r.say("%s", message)
	r.log("WARNING", message, "")
	return nil
}
