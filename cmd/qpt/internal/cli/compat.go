package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/report"
)

type compatOptions struct {
	pkg   string
	batch bool
}

func newCompatCmd(a *app) *cobra.Command {
	var o compatOptions
	cmd := &cobra.Command{
		Use:   "compat CONSTRAINT [VERSION...]",
		Short: "Test a version constraint",
		Long: `Compat tells which versions satisfy a constraint, by Composer's rules. Without versions
it lists the known Magento releases that do. It ends with 3 when a version does not.

With --batch it reads lines of JSON, {"constraint":"…","version":"…"}, and writes one for
each: {"satisfies":true}, {"satisfies":false} or {"error":"…"}.`,
		Example: `  qpt compat ">=2.4.6 <2.4.7" 2.4.6-p3 2.4.7-beta1
  qpt compat "2.4.6–2.4.6-p8"
  qpt compat --batch < questions.jsonl`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.batch {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MinimumNArgs(1)(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if o.batch {
				return a.compatBatch()
			}
			return a.compat(args[0], args[1:], o)
		},
	}
	cmd.Flags().BoolVar(&o.batch, "batch", false, "answer questions from standard input, a line of JSON each")
	cmd.Flags().StringVar(&o.pkg, "package", "magento/magento2-base", "without versions: the package whose versions are asked about")
	return cmd
}

func (a *app) compat(constraint string, versions []string, o compatOptions) error {
	c, err := compat.ParseConstraint(constraint)
	if err != nil {
		return usageError{err}
	}
	result := &report.Compat{SchemaVersion: report.SchemaVersion, Constraint: constraint}
	if len(versions) == 0 {
		_, catalogue, err := a.optionalShop()
		if err != nil {
			return err
		}
		result.Releases = versionTexts(a.releases(catalogue).Satisfying(o.pkg, c))
		return a.render(result)
	}
	all := true
	for _, text := range versions {
		v, err := compat.ParseVersion(text)
		if err != nil {
			return usageError{err}
		}
		verdict := c.Explain(v)
		r := report.VersionVerdict{Version: text, Satisfies: verdict.Satisfied}
		if !verdict.Satisfied {
			all, r.Reason = false, verdict.String()
		}
		result.Versions = append(result.Versions, r)
	}
	if err := a.render(result); err != nil {
		return err
	}
	if !all {
		return silent{errFinding}
	}
	return nil
}

// batchAnswer is one line of a batch's output.
type batchAnswer struct {
	Satisfies *bool  `json:"satisfies,omitempty"`
	Error     string `json:"error,omitempty"`
}

// compatBatch answers line by line; a bad line is answered with its error.
func (a *app) compatBatch() error {
	in := bufio.NewReader(a.In)
	out := bufio.NewWriter(a.Out)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the questions: %w", err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if err := enc.Encode(answer(line)); err != nil {
				return fmt.Errorf("write the answers: %w", err)
			}
		}
		if in.Buffered() == 0 { // who asks may wait for the answer
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write the answers: %w", err)
			}
		}
		if err != nil {
			break
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the answers: %w", err)
	}
	return nil
}

func answer(line []byte) batchAnswer {
	var q struct {
		Constraint, Version *string
	}
	if err := json.Unmarshal(line, &q); err != nil {
		return batchAnswer{Error: "not a question: " + err.Error()}
	}
	if q.Constraint == nil || q.Version == nil {
		return batchAnswer{Error: "a question needs a constraint and a version"}
	}
	c, err := compat.ParseConstraint(*q.Constraint)
	if err != nil {
		return batchAnswer{Error: err.Error()}
	}
	v, err := compat.ParseVersion(*q.Version)
	if err != nil {
		return batchAnswer{Error: err.Error()}
	}
	satisfies := c.Allows(v)
	return batchAnswer{Satisfies: &satisfies}
}
