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

// buildVersion reads what the Go tool recorded in the binary. Its version is that of the
// module for go install, and that of the commit, by its tag if it has one, for a build in
// a clone, releases among them. Nothing has to be passed to the linker.
func buildVersion() *report.Version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) *report.Version {
	v := &report.Version{
		SchemaVersion: report.SchemaVersion, Version: info.Main.Version,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if v.Version == "" {
		v.Version = "unknown"
	}
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
