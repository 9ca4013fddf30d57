// Package project tells what is installed: where the root of a Magento installation is, how it is laid out, and which
// Composer packages it has in which versions.
//
// It reads what Composer left on the disk (composer.json, vendor/composer/installed.json) and, for a clone of
// Magento's repository, a few files of .git; it runs neither PHP nor Composer nor git, and writes nothing.
package project
