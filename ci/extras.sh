#!/bin/sh
# Writes what packages of qpt have beside the binary, man pages and completions, into
# build/. The same commit gives the same bytes. It needs Go,
# and git or SOURCE_DATE_EPOCH.
#
#	sh ci/extras.sh
set -eu
cd "$(dirname "$0")/.."

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
rm -rf build
mkdir -p build/completions
go build -o build/qpt ./cmd/qpt
build/qpt docs --man build/man
gzip -9n build/man/*.1
build/qpt completion bash >build/completions/qpt.bash
build/qpt completion zsh >build/completions/_qpt
build/qpt completion fish >build/completions/qpt.fish
build/qpt completion powershell >build/completions/qpt.ps1
rm build/qpt
