package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/own"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/report"
)

// intoHotfixes stages the diffs as files of m2-hotfixes, where no rules can be written.
func (m *importer) intoHotfixes(diffs []taken, staged *applier.Overlay) error {
	index := own.NewIndex(m.catalog)
	files := map[string][]byte{}
	for i := range diffs {
		d := &diffs[i]
		name := d.ID + ".patch"
		d.id = path.Join(m.dir, name)
		same := index.Find(d.Content)
		for _, p := range same {
			d.report.SameAs = append(d.report.SameAs, p.ID+" ("+m.sourceLabel(p.Source)+")")
		}
		if len(same) > 0 && !m.force {
			d.report.Action, d.id = report.ImportDuplicate, same[0].ID
			continue
		}
		if err := m.forHere(d); err != nil {
			return usagef("%s: %w", d.report.File, err)
		}
		v := d.Variants[0]
		for _, other := range d.Variants[1:] {
			m.result.Warnings = append(m.result.Warnings, fmt.Sprintf("%s: what it changes in %s is left out, which is not installed", d.ID, other.Package))
		}
		for _, f := range []struct {
			lost bool
			what string
		}{{d.Isolated() || d.Release != "", "that it is for " + d.Release + " alone"}, {d.Isolated() && d.Sequence > 1, "what it requires"}} {
			if f.lost {
				m.result.Warnings = append(m.result.Warnings, fmt.Sprintf("%s: %s cannot say %s; the own catalogue can", d.ID, m.dir, f.what))
			}
		}
		old, err := m.overlay.ReadFile(d.id)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if files[name] != nil || old != nil && !bytes.Equal(old.Data, v.Text) {
			if !m.replace || files[name] != nil {
				return usagef("%s: %s exists with another diff; give --replace to put this one in its place, or another --id", d.report.File, d.id)
			}
			d.report.Action = report.ImportReplaced
		}
		files[name] = v.Text
		d.report.ID, d.report.Variants = d.id, []report.ImportedVariant{{Constraint: "*", Packages: v.Touches, Eligible: true}}
		index.Add(d.Content, &catalog.Patch{ID: d.id, Source: m.dir})
	}
	fsys := map[string][]byte{}
	maps.Copy(fsys, files)
	level := catalog.Source{Name: hotfixesDir, FS: m.hotfixes(fsys), Dir: hotfixesDir}
	levels := slices.DeleteFunc(slices.Clone(m.levels), func(l []catalog.Source) bool {
		return len(l) == 1 && l[0].Name == hotfixesDir
	})
	m.assess(diffs, catalog.Load(append(levels, []catalog.Source{level})...))
	return stageFiles(staged, m.dir, files)
}

// hotfixes is m2-hotfixes as it will be.
func (m *importer) hotfixes(files map[string][]byte) fs.FS {
	entries, err := fs.ReadDir(m.root.FS(), m.dir)
	if err == nil {
		for _, e := range entries {
			if !e.IsDir() && files[e.Name()] == nil && path.Ext(e.Name()) == ".patch" && e.Name()[0] != '.' {
				if b, err := catalog.ReadFile(m.root.FS(), path.Join(m.dir, e.Name())); err == nil {
					files[e.Name()] = b
				}
			}
		}
	}
	fsys, err := own.Memory(files)
	if err != nil {
		panic(err) // writing into memory does not fail
	}
	return fsys
}

// forHere refuses a diff that is not for the installed packages, where that cannot be
// written down.
func (m *importer) forHere(d *taken) error {
	v := d.Variants[0]
	c, err := compat.ParseConstraint(v.Constraint)
	if err != nil {
		return err
	}
	if _, ok := m.inst.Packages.Find(v.Package, c); !ok {
		return fmt.Errorf("it is for %s %s, which is not installed here, and %s cannot say so", v.Package, v.Constraint, m.dir)
	}
	if v.Base == "" {
		return nil
	}
	if c, err = compat.ParseConstraint(v.Base); err != nil {
		return err
	}
	if _, ok := m.inst.Packages.Find(catalog.BasePackage, c); !ok {
		return fmt.Errorf("it is for Magento %s, which is not installed here, and %s cannot say so", v.Base, m.dir)
	}
	return nil
}
