package stack

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
)

// A NextStep is something that the shop has to do after its files have changed.
type NextStep struct {
	// Command is what to run, or "" for what only a person can do.
	Command string
	Reason  string
	// Paths are the changed files that ask for it, sorted.
	Paths []string
}

// NextSteps derives what a shop must run once changes are on the disk, in the order in
// which it is to be run, each with its reason. It knows what Magento keeps derived data
// of; it does not know the shop's mode, and names what production mode needs.
func NextSteps(changes []applier.Change) []NextStep {
	var steps []NextStep
	for _, rule := range nextRules() {
		var paths []string
		for _, c := range changes {
			if rule.asks(c) {
				paths = append(paths, c.Path)
			}
		}
		if len(paths) == 0 {
			continue
		}
		slices.Sort(paths)
		last := len(steps) - 1
		if rule.command == "" || last < 0 || steps[last].Command != rule.command {
			steps = append(steps, NextStep{Command: rule.command, Reason: rule.reason, Paths: paths})
			continue
		}
		steps[last].Reason += "; " + rule.reason
		steps[last].Paths = append(steps[last].Paths, paths...)
		slices.Sort(steps[last].Paths)
		steps[last].Paths = slices.Compact(steps[last].Paths)
	}
	return steps
}

// A nextRule says which files ask for which command. Rules for one command stand together.
type nextRule struct {
	command, reason string
	asks            func(c applier.Change) bool
}

// nextRules are in the order of a deployment. Tests and the setup application are no
// part of the running shop.
func nextRules() []nextRule {
	matches := func(pattern string) func(applier.Change) bool {
		re := regexp.MustCompile(pattern)
		return func(c applier.Change) bool { return re.MatchString(c.Path) && !isTest(c.Path) }
	}
	return []nextRule{
		{"composer install", "what Composer installs changed", func(c applier.Change) bool {
			return c.Path == "composer.json" || c.Path == "composer.lock"
		}},
		{"", "the composer.json of a package changed, which Composer takes from its repository only: see to it by hand that what it requires is installed", func(c applier.Change) bool {
			return path.Base(c.Path) == "composer.json" && c.Path != "composer.json" && !isTest(c.Path)
		}},
		{"composer dump-autoload", "classes came or went, which an optimised autoloader lists", func(c applier.Change) bool {
			return (c.Old == nil || c.New == nil) && isClass(c.Path)
		}},
		{
			"bin/magento setup:upgrade", "the database schema, its data or the list of modules changed",
			matches(`(^|/)etc/(db_schema\.xml|db_schema_whitelist\.json|module\.xml)$|(^|/)Setup/(Patch/(Data|Schema)/.*|(Install|Upgrade)(Schema|Data)|Recurring(Data)?)\.php$|^app/etc/config\.php$`),
		},
		{
			"bin/magento setup:upgrade", "it creates the message queues that are configured",
			matches(`(^|/)etc/(queue|queue_topology|communication)\.xml$`),
		},
		{
			"bin/magento setup:upgrade", "it registers changed indexers, and the changes that they listen to",
			matches(`(^|/)etc/(indexer|mview)\.xml$`),
		},
		{"bin/magento setup:di:compile", "classes or their configuration changed, of which code is generated", func(c applier.Change) bool {
			return isClass(c.Path) || matches(`(^|/)etc/([a-z_]+/)?(di|extension_attributes)\.xml$`)(c)
		}},
		{
			"bin/magento setup:static-content:deploy", "files changed that browsers get from pub/static",
			matches(`(^|/)(web|view/[a-z]+/web)/|^lib/web/|/view/[a-z]+/(requirejs-config\.js|templates/.*\.js)$|requirejs-config\.js$|(^|/)i18n/[^/]*\.csv$|\.less$`),
		},
		{
			"bin/magento setup:static-content:deploy", "templates changed, of which a shop in production mode that minifies HTML runs copies",
			matches(`\.phtml$`),
		},
		{"bin/magento indexer:reindex", "the definition of an index changed", matches(`(^|/)etc/(indexer|mview)\.xml$`)},
		{
			"", "consumers of message queues have read their configuration when they started: restart those that run (bin/magento queue:consumers:restart from Magento 2.4.6 on)",
			matches(`(^|/)etc/(queue|queue_topology|queue_consumer|queue_publisher|communication)\.xml$`),
		},
		{"bin/magento cache:flush", "configuration, layout and pages are cached", func(c applier.Change) bool { return !isTest(c.Path) }},
	}
}

// isTest reports whether a file belongs to tests.
func isTest(name string) bool {
	return strings.Contains("/"+name, "/Test/") || strings.HasPrefix(name, "dev/tests/")
}

// isClass reports whether a file holds a class: templates, registrations and setup
// scripts hold none that code is generated for.
func isClass(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".php") && base[0] >= 'A' && base[0] <= 'Z' && !isTest(name)
}
