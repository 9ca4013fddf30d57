package project

// Layout is the way in which the files of Magento lie in an installation.
type Layout int

// The layouts.
const (
	Composer Layout = iota // every package below the vendor folder
	Git                    // a clone of Magento's own repository, with its modules in app/code
)

// String returns "composer" or "git".
func (l Layout) String() string {
	if l == Git {
		return "git"
	}
	return "composer"
}

// Edition is the product that is installed.
type Edition int

// The editions; each includes those before it.
const (
	Community Edition = iota // Magento Open Source
	Commerce                 // Adobe Commerce
	B2B                      // Adobe Commerce with the B2B extension
)

// String returns "community", "commerce" or "b2b".
func (e Edition) String() string {
	switch e {
	case Commerce:
		return "commerce"
	case B2B:
		return "b2b"
	default:
		return "community"
	}
}

// The packages that tell the edition.
const (
	basePackage     = "magento/magento2-base"
	commercePackage = "magento/magento2-ee-base"
	b2bPackage      = "magento/magento2-b2b-base"
	b2bExtension    = "magento/extension-b2b"
)

func editionOf(packages Packages) Edition {
	has := func(name string) bool { return len(packages.Named(name)) > 0 }
	switch {
	case has(b2bPackage), has(b2bExtension):
		return B2B
	case has(commercePackage):
		return Commerce
	default:
		return Community
	}
}
