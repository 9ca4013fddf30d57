// Command qpt lists, checks, applies and reverts patches on an Adobe Commerce or
// Magento Open Source installation.
package main

import (
	"os"

	"github.com/quality-patches/qpt/cmd/qpt/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.System()))
}
