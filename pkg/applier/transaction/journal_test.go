package transaction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// interrupt leaves the journal of a transaction that was stopped after the first operation
// whose description contains what.
func (s *story) interrupt(t *testing.T, what string) {
	t.Helper()
	f := &fault{}
	f.before = func(op int, name string) {
		if f.crash == 0 && strings.Contains(name, what) {
			f.crash = op
		}
	}
	_ = s.engine(f).commit(context.Background(), s.changes)
	if f.crash == 0 {
		t.Fatalf("no operation %q", what)
	}
}

func sampleJournal(t testing.TB) []byte {
	w := memWorld()
	s := everything(t, w)
	p, err := w.engine(nil).plan(context.Background(), s.changes)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestDamagedJournal damages a journal in every way. It is explained, named and kept, and
// the tree is not touched.
func TestDamagedJournal(t *testing.T) {
	for kind, change := range map[string]func(data []byte) []byte{
		"empty":         func(data []byte) []byte { return nil },
		"truncated":     func(data []byte) []byte { return data[:len(data)/2] },
		"first line":    func(data []byte) []byte { return data[:20] },
		"zeros":         func(data []byte) []byte { return make([]byte, len(data)) },
		"edited":        func(data []byte) []byte { return bytes.Replace(data, []byte("app/code"), []byte("app/etc2"), 1) },
		"later version": func(data []byte) []byte { return bytes.Replace(data, []byte("journal 1"), []byte("journal 2"), 1) },
	} {
		t.Run(kind, func(t *testing.T) {
			w := memWorld()
			s := everything(t, w)
			s.interrupt(t, "syncdir app")
			n, err := w.state.(memFS).get("", journalName)
			if err != nil {
				t.Fatal(err)
			}
			n.data = change(n.data)
			kept := string(n.data)
			before := w.picture(t)
			for _, mode := range []Mode{Auto, Undo, Finish} {
				_, err = w.engine(nil).recover(t.Context(), mode)
				restore, ok := errors.AsType[*RestoreError](err)
				if !ok || !strings.HasSuffix(restore.Journal, journalName) || restore.Help == "" {
					t.Fatalf("got %v", err)
				}
			}
			t.Log(err)
			if string(n.data) != kept {
				t.Error("the journal was changed")
			}
			if d := w.picture(t).diff(before, true); d != "" {
				t.Errorf("the tree was touched:%s", d)
			}
		})
	}
	t.Run("two", func(t *testing.T) {
		w := memWorld()
		s := everything(t, w)
		s.interrupt(t, "syncdir app")
		if err := w.state.Link(journalName, committedName); err != nil {
			t.Fatal(err)
		}
		_, err := w.engine(nil).recover(t.Context(), Auto)
		if _, ok := errors.AsType[*RestoreError](err); !ok {
			t.Fatalf("got %v", err)
		}
	})
}

// TestDecodeJournal also tries what a journal made by something else might hold.
func TestDecodeJournal(t *testing.T) {
	good := sampleJournal(t)
	j, err := decodeJournal(good)
	if err != nil {
		t.Fatal(err)
	}
	again, err := j.encode()
	if err != nil || !bytes.Equal(good, again) {
		t.Errorf("it is not the same again: %v", err)
	}
	for n := range good {
		if _, err := decodeJournal(good[:n]); err == nil {
			t.Errorf("the first %d bytes are taken for a journal", n)
		}
		bad := bytes.Clone(good)
		bad[n] ^= 1 << (n % 8)
		if _, err := decodeJournal(bad); err == nil {
			t.Errorf("a wrong byte at %d is not noticed", n)
		}
	}
	for name, change := range map[string]func(j *journal){
		"path that leaves":     func(j *journal) { j.Entries[0].Path = "../x" },
		"absolute path":        func(j *journal) { j.Entries[0].Path = "/x" },
		"git":                  func(j *journal) { j.Made[0] = "x/.GIT/hooks" },
		"backup elsewhere":     func(j *journal) { j.Entries[0].Backup = "app/etc/env.php" },
		"temporary elsewhere":  func(j *journal) { j.Entries[0].Temp = "app/etc/env.php" },
		"id":                   func(j *journal) { j.ID = "../../x" },
		"twice":                func(j *journal) { j.Entries[1].Path = j.Entries[0].Path },
		"nothing":              func(j *journal) { j.Entries[0] = entry{Path: "x"} },
		"checksum":             func(j *journal) { j.Entries[0].Old.SHA256 = "x" },
		"mode":                 func(j *journal) { j.Entries[0].Old.Mode = fs.ModeDevice },
		"folder that leaves":   func(j *journal) { j.Times[0].Path = ".." },
		"folder that is empty": func(j *journal) { j.Made[0] = "" },
	} {
		j, _ := decodeJournal(good)
		change(j)
		data, err := j.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeJournal(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzDecodeJournal(f *testing.F) {
	j, _ := decodeJournal(sampleJournal(f))
	j.Entries, j.Made, j.Times = j.Entries[:2], j.Made[:1], j.Times[:1]
	good, _ := j.encode()
	f.Add(good, true)
	_, body, _ := bytes.Cut(good, []byte("\n"))
	f.Add(body, false)
	f.Add([]byte("{}"), false)
	f.Add([]byte(`{"id":"0123456789abcdef","files":null,"folders":[{"path":"."}]}`), false)
	f.Fuzz(func(t *testing.T, data []byte, whole bool) {
		if !whole { // let it through to what is behind the checksum
			data = append(fmt.Appendf(nil, "%s%d %s\n", journalMagic, journalVersion, sum(data)), data...)
		}
		j, err := decodeJournal(data)
		if err != nil {
			return
		}
		for _, e := range j.Entries {
			for _, name := range []string{e.Path, e.Temp, e.Backup} {
				if name != "" && !fs.ValidPath(name) {
					t.Errorf("leaves the root: %q", name)
				}
			}
		}
		again, err := j.encode()
		if err != nil {
			t.Skip() // a time that JSON cannot hold
		}
		k, err := decodeJournal(again)
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		if d := cmp.Diff(j, k, cmp.AllowUnexported(journal{}), cmpopts.EquateEmpty(), cmp.Comparer(time.Time.Equal)); d != "" {
			t.Error(d)
		}
	})
}
