package project_test

import (
	"bytes"
	"compress/zlib"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/project"
)

const (
	commit    = "0123456789abcdef0123456789abcdef01234567"
	tagObject = "89abcdef0123456789abcdef0123456789abcdef"
)

func TestGitVersion(t *testing.T) {
	var annotated bytes.Buffer
	z := zlib.NewWriter(&annotated)
	body := "object " + commit + "\ntype commit\ntag 2.4.7\n\n" + strings.Repeat("x", 1000)
	if _, err := z.Write([]byte("tag 1060\x00" + body)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	const alias = `{"name": "magento/magento2ce", "extra": {"branch-alias": {"dev-2.4-develop": "2.4.x-dev"}}}`
	tests := []struct {
		name        string
		manifest    string
		rootVersion string
		git         map[string]string
		want        string // normalised
		warnings    int
	}{
		{name: "version in composer.json", manifest: `{"name": "magento/magento2ce", "version": "2.4.6-p3"}`, rootVersion: "2.4.5", want: "2.4.6.0-patch3"},
		{name: "COMPOSER_ROOT_VERSION", rootVersion: "2.4.5-p1", git: map[string]string{"HEAD": "ref: refs/heads/main"}, want: "2.4.5.0-patch1"},
		{name: "no git", want: "1.0.0.0", warnings: 1},
		{name: "branch", git: map[string]string{"HEAD": "ref: refs/heads/2.4-develop\n"}, want: "dev-2.4-develop", warnings: 1},
		{name: "branch with a slash", git: map[string]string{"HEAD": "ref: refs/heads/fix/AC-1\n"}, want: "dev-fix/AC-1", warnings: 1},
		{name: "numeric branch", git: map[string]string{"HEAD": "ref: refs/heads/2.4\n"}, want: "2.4.9999999.9999999-dev"},
		{name: "branch with an alias", manifest: alias, git: map[string]string{"HEAD": "ref: refs/heads/2.4-develop\n"}, want: "2.4.9999999.9999999-dev"},
		{name: "another branch's alias", manifest: alias, git: map[string]string{"HEAD": "ref: refs/heads/x\n"}, want: "dev-x", warnings: 1},
		{name: "detached", git: map[string]string{"HEAD": commit + "\n"}, want: "dev-" + commit, warnings: 1},
		{name: "lightweight tags", git: map[string]string{
			"HEAD": commit, "refs/tags/2.4.9": tagObject, "refs/tags/2.4.10": commit, "refs/tags/2.4.6": commit, "refs/tags/foo": commit,
		}, want: "2.4.10.0"},
		{name: "packed tags", git: map[string]string{
			"HEAD":        commit,
			"packed-refs": "# pack-refs with: peeled\n" + tagObject + " refs/tags/2.4.8\n^" + commit + "\n" + commit + " refs/tags/2.4.7\n" + commit + " refs/heads/2.4.9\n",
		}, want: "2.4.8.0"},
		{name: "loose annotated tag", git: map[string]string{
			"HEAD": commit, "refs/tags/2.4.7-p1": tagObject, "objects/89/" + tagObject[2:]: annotated.String(),
		}, want: "2.4.7.0-patch1"},
		{name: "broken object", git: map[string]string{
			"HEAD": commit, "refs/tags/2.4.7-p1": tagObject, "objects/89/" + tagObject[2:]: "oops",
		}, want: "dev-" + commit, warnings: 1},
		{name: "work tree", git: map[string]string{
			"../.git": "gitdir: real/worktrees/w\n", "../real/worktrees/w/HEAD": commit + "\n", "../real/worktrees/w/commondir": "../..\n",
			"../real/refs/tags/2.4.7": commit,
		}, want: "2.4.7.0"},
		{name: "garbage in HEAD", git: map[string]string{"HEAD": "garbage"}, want: "1.0.0.0", warnings: 1},
		{name: "HEAD is no branch", git: map[string]string{"HEAD": "ref: refs/tags/x"}, want: "1.0.0.0", warnings: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"composer.json": `{"name": "magento/magento2ce"}`}
			if tt.manifest != "" {
				files["composer.json"] = tt.manifest
			}
			for name, content := range tt.git {
				if outside, ok := strings.CutPrefix(name, "../"); ok {
					files[outside] = content
				} else {
					files[".git/"+name] = content
				}
			}
			in, err := project.Open(tree(t, files), env("COMPOSER_ROOT_VERSION", tt.rootVersion))
			if err != nil {
				t.Fatal(err)
			}
			if got := in.Version.Normalized(); got != tt.want || len(in.Warnings) != tt.warnings || in.Layout != project.Git {
				t.Errorf("version = %s with warnings %v, want %s and %d warnings", got, in.Warnings, tt.want, tt.warnings)
			}
		})
	}
	if _, err := project.Open(tree(t, map[string]string{"composer.json": `{"name": "magento/magento2ce", "version": "latest"}`}), nil); err == nil {
		t.Error("an invalid version in composer.json is no error")
	}
}

func TestGitPackages(t *testing.T) {
	in, err := project.Open(tree(t, map[string]string{
		"composer.json":                  `{"name": "magento/magento2ee", "version": "2.4.6"}`,
		"vendor/composer/installed.json": `[{"name": "a/b", "version": "1.0"}]`,
		"vendor/a/b/":                    "",
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range in.Packages.All() {
		got = append(got, p.Name+" "+p.Version.String()+" in "+p.Dir)
	}
	want := "a/b 1.0 in vendor/a/b, magento/magento2-base 2.4.6 in ., magento/magento2-ee-base 2.4.6 in ."
	if strings.Join(got, ", ") != want || in.Edition != project.Commerce {
		t.Errorf("packages = %v (%v), want %s", got, in.Edition, want)
	}
}

func TestBranchAlias(t *testing.T) {
	tests := []struct{ version, more, want string }{
		{"dev-main", `"extra": {"branch-alias": {"dev-main": "2.4.x-dev"}}`, "2.4.9999999.9999999-dev dev-main"},
		{"dev-main", `"extra": {"branch-alias": {"DEV-MAIN": "2.4-dev"}}`, "2.4.9999999.9999999-dev dev-main"},
		{"dev-main", `"extra": {"branch-alias": {"dev-main": "v3-dev"}}`, "3.9999999.9999999.9999999-dev dev-main"},
		{"dev-main", `"extra": {"branch-alias": {"dev-main": "9999999-dev"}}`, "9999999-dev dev-main"},
		{"dev-main", `"extra": {"branch-alias": {"dev-main": "2.4.6"}}`, "dev-main"},
		{"dev-main", `"extra": {"branch-alias": {"dev-main": "other-dev"}}`, "dev-main"},
		{"dev-main", `"extra": {"branch-alias": {"dev-main": 1}}`, "dev-main"},
		{"dev-main", `"extra": {"branch-alias": []}`, "dev-main"},
		{"dev-main", `"extra": []`, "dev-main"},
		{"2.4.x-dev", `"extra": {"branch-alias": {"2.4.x-dev": "2.4.6.x-dev"}}`, "2.4.6.9999999-dev 2.4.9999999.9999999-dev"},
		{"2.4.x-dev", `"extra": {"branch-alias": {"2.4.x-dev": "2.5.x-dev"}}`, "2.4.9999999.9999999-dev"},
		{"2.4.x-dev", `"default-branch": true`, "2.4.9999999.9999999-dev"},
		{"dev-main", `"default-branch": true`, "9999999-dev dev-main"},
		{"dev-main", `"default-branch": "true"`, "dev-main"},
	}
	for _, tt := range tests {
		in, err := project.Open(tree(t, map[string]string{
			"composer.json":                  `{}`,
			"vendor/composer/installed.json": installedJSON(`,{"name": "a/b", "type": "metapackage", "version": "` + tt.version + `", ` + tt.more + `}`),
			"vendor/magento/magento2-base/":  "",
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range in.Packages.Named("a/b") {
			got = append(got, p.Version.Normalized())
			if p.AliasOf != "" && p.AliasOf != tt.version {
				t.Errorf("alias of %s, want of %s", p.AliasOf, tt.version)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s with %s = %v, want %s", tt.version, tt.more, got, tt.want)
		}
	}
}

func TestGitPath(t *testing.T) {
	in, err := project.Open(tree(t, map[string]string{
		"composer.json":                           `{"name": "magento/magento2ce", "version": "2.4.6"}`,
		"vendor/magento/module-page-builder/":     "",
		"vendor/magento/magento-coding-standard/": "",
		"app/code/Magento/GraphQl/":               "",
		"app/code/Magento/AwsS3/":                 "",
		"app/code/Magento/WebAPIOdd/":             "",
		"app/i18n/Magento/fr_FR/":                 "",
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{
		"vendor/magento/module-cms/Model/Page.php":     "app/code/Magento/Cms/Model/Page.php",
		"vendor/magento/module-catalog-graph-ql/a":     "app/code/Magento/CatalogGraphQl/a",
		"vendor/magento/module-elasticsearch-7/a":      "app/code/Magento/Elasticsearch7/a",
		"vendor/magento/module-aws-s3/a":               "app/code/Magento/AwsS3/a",
		"vendor/magento/module-web-api-odd/a":          "app/code/Magento/WebAPIOdd/a",
		"vendor/magento/module-cms":                    "app/code/Magento/Cms",
		"vendor/magento/module-page-builder/a":         "vendor/magento/module-page-builder/a",
		"vendor/magento/theme-adminhtml-backend/a/b":   "app/design/adminhtml/Magento/backend/a/b",
		"vendor/magento/theme-frontend-luma/a":         "app/design/frontend/Magento/luma/a",
		"vendor/magento/framework/App/Http.php":        "lib/internal/Magento/Framework/App/Http.php",
		"vendor/magento/framework-amqp/a":              "lib/internal/Magento/Framework/Amqp/a",
		"vendor/magento/framework-ampq/a":              "lib/internal/Magento/Framework/Amqp/a",
		"vendor/magento/framework-bulk/a":              "lib/internal/Magento/Framework/Bulk/a",
		"vendor/magento/framework-foreign-key/a":       "lib/internal/Magento/Framework/ForeignKey/a",
		"vendor/magento/framework-message-queue/a":     "lib/internal/Magento/Framework/MessageQueue/a",
		"vendor/magento/framework-other/a":             "vendor/magento/framework-other/a",
		"vendor/magento/language-de_de/de_DE.csv":      "app/i18n/Magento/de_de/de_DE.csv",
		"vendor/magento/language-fr_fr/fr_FR.csv":      "app/i18n/Magento/fr_FR/fr_FR.csv",
		"vendor/magento/magento2-base/setup/src/a.php": "setup/src/a.php",
		"vendor/magento/magento2-ee-base/a":            "a",
		"vendor/magento/magento2-base":                 ".",
		"vendor/magento/magento-coding-standard/a":     "vendor/magento/magento-coding-standard/a",
		"vendor/magento/zend-db/a":                     "vendor/magento/zend-db/a",
		"vendor/magento/module-../../x":                "vendor/magento/module-../../x",
		"vendor/magento/module-/x":                     "vendor/magento/module-/x",
		"vendor/magento":                               "vendor/magento",
		"vendor/laminas/laminas-mail/a":                "vendor/laminas/laminas-mail/a",
		"app/code/Magento/Cms/a":                       "app/code/Magento/Cms/a",
		"vendors/magento/module-cms/a":                 "vendors/magento/module-cms/a",
	} {
		if got := in.Path(p); got != want {
			t.Errorf("Path(%s) = %s, want %s", p, got, want)
		}
	}
}
