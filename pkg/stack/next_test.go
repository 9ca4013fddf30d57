package stack_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/stack"
)

// What a changed file asks for. Every file that is no test asks for cache:flush, too, which
// the table leaves out.
func TestNextSteps(t *testing.T) {
	const (
		upgrade = "bin/magento setup:upgrade"
		compile = "bin/magento setup:di:compile"
		deploy  = "bin/magento setup:static-content:deploy"
		reindex = "bin/magento indexer:reindex"
		person  = "" // only a person can do it
	)
	module := func(path string) string { return "vendor/magento/module-sales/" + path }
	for path, want := range map[string][]string{
		// the database
		module("etc/db_schema.xml"):                           {upgrade},
		module("etc/db_schema_whitelist.json"):                {upgrade},
		module("etc/module.xml"):                              {upgrade},
		module("Setup/Patch/Data/AddThing.php"):               {upgrade, compile},
		module("Setup/RecurringData.php"):                     {upgrade, compile},
		"app/code/Magento/Sales/Setup/Patch/Schema/Thing.php": {upgrade, compile},
		module("Setup/SalesSetup.php"):                        {compile},
		module("Setup/ConfigOptionsList.php"):                 {compile},
		"vendor/magento/framework/Setup/Declaration/X.php":    {compile},
		"setup/src/Magento/Setup/Model/Installer.php":         {compile},
		// queues
		module("etc/queue_topology.xml"):  {upgrade, person},
		module("etc/queue.xml"):           {upgrade, person},
		module("etc/communication.xml"):   {upgrade, person},
		module("etc/queue_consumer.xml"):  {person},
		module("etc/queue_publisher.xml"): {person},
		// indexes and jobs
		module("etc/indexer.xml"):     {upgrade, reindex},
		module("etc/mview.xml"):       {upgrade, reindex},
		module("etc/crontab.xml"):     nil,
		module("etc/cron_groups.xml"): nil,
		// code and its configuration
		module("Model/Order.php"):                  {compile},
		module("etc/di.xml"):                       {compile},
		module("etc/webapi_rest/di.xml"):           {compile},
		"app/etc/di.xml":                           {compile},
		module("etc/extension_attributes.xml"):     {compile},
		module("etc/webapi.xml"):                   nil,
		module("etc/schema.graphqls"):              nil,
		module("etc/adminhtml/system.xml"):         nil,
		module("registration.php"):                 nil,
		module("view/frontend/layout/default.xml"): nil,
		// what browsers get
		module("view/frontend/web/js/x.js"):                {deploy},
		module("view/base/web/template/x.html"):            {deploy},
		module("view/frontend/requirejs-config.js"):        {deploy},
		module("view/adminhtml/web/css/source/_x.less"):    {deploy},
		module("i18n/en_US.csv"):                           {deploy},
		"vendor/magento/theme-frontend-luma/web/css/a.css": {deploy},
		"lib/web/mage/x.js":                                {deploy},
		module("view/frontend/templates/x.phtml"):          {deploy},
		// requirements
		module("composer.json"):                {person},
		"app/code/Magento/Sales/composer.json": {person},
		"composer.json":                        {"composer install"},
		"composer.lock":                        {"composer install"},
	} {
		t.Run(path, func(t *testing.T) {
			var got []string
			for _, s := range stack.NextSteps([]applier.Change{{Path: path, Old: &applier.File{}, New: &applier.File{}}}) {
				if s.Reason == "" || !slices.Equal(s.Paths, []string{path}) {
					t.Errorf("%+v", s)
				}
				got = append(got, s.Command)
			}
			if diff := cmp.Diff(append(want, "bin/magento cache:flush"), got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, path := range []string{module("Test/Unit/Model/OrderTest.php"), "dev/tests/integration/testsuite/X.php", module("Test/Mftf/i18n/en_US.csv")} {
		if got := stack.NextSteps([]applier.Change{{Path: path, New: &applier.File{}}}); len(got) > 0 {
			t.Errorf("%s: %+v", path, got)
		}
	}
	// A step is told once, with all that asks for it, and classes that come or go ask for more.
	got := stack.NextSteps([]applier.Change{
		{Path: module("view/frontend/templates/x.phtml"), Old: &applier.File{}, New: &applier.File{}},
		{Path: module("view/frontend/web/x.js"), Old: &applier.File{}, New: &applier.File{}},
		{Path: module("Model/New.php"), New: &applier.File{}},
	})
	var commands []string
	for _, s := range got {
		commands = append(commands, s.Command)
	}
	if diff := cmp.Diff([]string{"composer dump-autoload", compile, deploy, "bin/magento cache:flush"}, commands); diff != "" {
		t.Error(diff)
	} else if len(got[2].Paths) != 2 {
		t.Errorf("%+v", got[2])
	}
}
