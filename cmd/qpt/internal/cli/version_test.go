package cli

import (
	"runtime/debug"
	"testing"
)

// The version is what the Go tool recorded, however qpt was built.
func TestVersionOf(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	stamp := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
	}
	for _, tc := range []struct {
		name     string
		info     debug.BuildInfo
		version  string
		revision string
		modified bool
	}{
		{"go install of a release", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3", "", false},
		{"a build of a tagged commit", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: stamp("false")}, "v1.2.3", revision, false},
		{"a build with changes", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3+dirty"}, Settings: stamp("true")}, "v1.2.3+dirty", revision, true},
		{"a build without git", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "(devel)", "", false},
		{"nothing recorded", debug.BuildInfo{}, "unknown", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := versionOf(&tc.info)
			if got.Version != tc.version || got.Revision != tc.revision || got.Modified != tc.modified {
				t.Errorf("%+v", got)
			}
		})
	}
}
