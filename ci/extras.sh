#!/bin/sh
# Writes what packages of qpt have beside the binary, man pages and completions, into a folder
# (build/ if none is named). The same commit gives the same bytes. It needs
# Go, and git or SOURCE_DATE_EPOCH.
#
#	sh ci/extras.sh [DIR]
set -eu
cd "$(dirname "$0")/.."

out=${1:-build}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
mkdir -p "$out"
rm -rf "$out/man" "$out/completions"
mkdir "$out/completions"
go build -o "$out/qpt" ./cmd/qpt
"$out/qpt" docs --man "$out/man"
gzip -9n "$out"/man/*.1
"$out/qpt" completion bash >"$out/completions/qpt.bash"
"$out/qpt" completion zsh >"$out/completions/_qpt"
"$out/qpt" completion fish >"$out/completions/qpt.fish"
"$out/qpt" completion powershell >"$out/completions/qpt.ps1"
rm "$out/qpt"
