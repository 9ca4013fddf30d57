package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/report"
)

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of qpt",
		Long:    "Version shows which qpt this is and how it was built.",
		Example: "  qpt version --format json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.render(buildVersion()) },
	}
}

// buildVersion reads what the Go tool recorded in the binary.
func buildVersion() *report.Version {
	v := &report.Version{
		SchemaVersion: report.SchemaVersion, Version: "unknown",
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
