package project_test

import (
	"testing"

	"github.com/quality-patches/qpt/pkg/project"
)

// Pairs of paths that are each other's counterparts.
func TestLayouts(t *testing.T) {
	for composer, git := range map[string]string{
		"vendor/magento/module-customer/Model/A.php":            "app/code/Magento/Customer/Model/A.php",
		"vendor/magento/module-catalog-graph-ql/etc/di.xml":     "app/code/Magento/CatalogGraphQl/etc/di.xml",
		"vendor/magento/module-elasticsearch-7/a":               "app/code/Magento/Elasticsearch7/a",
		"vendor/magento/module-re-captcha-version-2-checkbox/a": "app/code/Magento/ReCaptchaVersion2Checkbox/a",
		"vendor/magento/module-aws-s3/a":                        "app/code/Magento/AwsS3/a",
		"vendor/magento/module-aws-s3-page-builder/a":           "app/code/Magento/AwsS3PageBuilder/a",
		"vendor/magento/module-b2b/a":                           "app/code/Magento/B2b/a",
		"vendor/magento/framework/App/Area.php":                 "lib/internal/Magento/Framework/App/Area.php",
		"vendor/magento/framework/registration.php":             "lib/internal/Magento/Framework/registration.php",
		"vendor/magento/framework-amqp/Queue.php":               "lib/internal/Magento/Framework/Amqp/Queue.php",
		"vendor/magento/framework-message-queue/a/b":            "lib/internal/Magento/Framework/MessageQueue/a/b",
		"vendor/magento/theme-frontend-luma/web/css/a.less":     "app/design/frontend/Magento/luma/web/css/a.less",
		"vendor/magento/theme-adminhtml-backend/theme.xml":      "app/design/adminhtml/Magento/backend/theme.xml",
		"vendor/magento/language-de_de/de_DE.csv":               "app/i18n/Magento/de_DE/de_DE.csv",
		"vendor/magento/language-zh_hans_cn/zh_Hans_CN.csv":     "app/i18n/Magento/zh_Hans_CN/zh_Hans_CN.csv",
		"lib/web/mage/a.js":                                     "lib/web/mage/a.js",
		"lib/internal/LinLibertineFont/a":                       "lib/internal/LinLibertineFont/a",
		"setup/src/Magento/Setup/a.php":                         "setup/src/Magento/Setup/a.php",
		"app/etc/di.xml":                                        "app/etc/di.xml",
		"vendor/magento/zend-db/a.php":                          "vendor/magento/zend-db/a.php",
		"vendor/paypal/module-braintree-core/a.php":             "vendor/paypal/module-braintree-core/a.php",
		"app/code/Acme/Customer/a.php":                          "app/code/Acme/Customer/a.php",
		"app/code/Magento/registration.php":                     "app/code/Magento/registration.php",
		"app/design/frontend/Acme/luma/a":                       "app/design/frontend/Acme/luma/a",
		"vendor/magento/module-":                                "vendor/magento/module-",
		"vendor/magento/module-customer":                        "vendor/magento/module-customer",
		"":                                                      "",
	} {
		if got := project.ToGit(composer); got != git {
			t.Errorf("ToGit(%q) = %q, want %q", composer, got, git)
		}
		if got := project.ToComposer(git); got != composer {
			t.Errorf("ToComposer(%q) = %q, want %q", git, got, composer)
		}
	}
	// Several to one.
	if got := project.ToGit("vendor/magento/magento2-base/lib/web/a.js"); got != "lib/web/a.js" {
		t.Errorf("of the base package: %q", got)
	}
	if got := project.ToComposer("app/code/Magento/SaaSCommon/a"); got != "vendor/magento/module-saas-common/a" {
		t.Errorf("SaaS: %q", got)
	}
}

func TestPackageOf(t *testing.T) {
	for p, want := range map[string]string{
		"vendor/magento/module-cms/a/b.php": "magento/module-cms",
		"vendor/acme/thing/a":               "acme/thing",
		"vendor/autoload.php":               "magento/magento2-base",
		"lib/web/mage/a.js":                 "magento/magento2-base",
		"composer.json":                     "magento/magento2-base",
	} {
		if got := project.PackageOf(p); got != want {
			t.Errorf("PackageOf(%q) = %q, want %q", p, got, want)
		}
	}
}
