#!/bin/sh
# Installs qpt from a release: fetches the archive for this system, compares it with the
# release's checksums, and puts the binary into a folder.
#
#	sh install.sh [--version VERSION] [--to DIR] [--sha256 SUM] [--releases URL]
#
# --version   the release, such as 1.2.3 (default: latest)
# --to        the folder for the binary (default: /usr/local/bin)
# --sha256    what the SHA-256 of the archive has to be; without it the archive has to be
#             the one that the release's checksums.txt names, which guards against a broken
#             download and not against whoever can change the release
# --releases  where releases are: https, a folder as file://, or this machine
set -eu

version=latest
to=/usr/local/bin
sha256=
releases=https://github.com/quality-patches/qpt/releases

fail() {
	printf 'install qpt: %s\n' "$1" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	[ $# -gt 1 ] || fail "$1 lacks its value, or is not known"
	case $1 in
	--version) version=${2:-latest} ;;
	--to) to=$2 ;;
	--sha256) sha256=$(printf '%s' "$2" | tr 'A-F' 'a-f') ;;
	--releases) releases=${2:-$releases} ;;
	*) fail "there is no option $1" ;;
	esac
	shift 2
done

case $version in
latest) ;;
v[0-9]*) ;;
[0-9]*) version=v$version ;;
*) fail "$version is no version; give one such as 1.2.3, or latest" ;;
esac
case $version in
*[!A-Za-z0-9.+-]*) fail "$version is no version; give one such as 1.2.3, or latest" ;;
esac
case $sha256 in
*[!0-9a-f]*) fail "$sha256 is no SHA-256" ;;
esac
[ -z "$sha256" ] || [ ${#sha256} -eq 64 ] || fail "$sha256 is no SHA-256"
case $releases in
http://*@*) fail "releases are not fetched from $releases: give an https address or a folder as file://" ;;
https://* | file:///* | http://127.0.0.1:* | http://localhost:*) ;;
*) fail "releases are not fetched from $releases: give an https address or a folder as file://" ;;
esac

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
MINGW* | MSYS* | CYGWIN*) os=windows ;;
*) fail "there is no release for $(uname -s); build qpt from its source" ;;
esac
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) fail "there is no release for $(uname -m); build qpt from its source" ;;
esac
archive=qpt_${os}_$arch.tar.gz
program=qpt
if [ $os = windows ]; then
	archive=qpt_${os}_$arch.zip
	program=qpt.exe
fi
if [ "$version" = latest ]; then
	base=${releases%/}/latest/download
else
	base=${releases%/}/download/$version
fi

tmp=$(mktemp -d "${TMPDIR:-/tmp}/qpt-install.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# fetch NAME brings a file of the release into $tmp.
fetch() {
	case $base in
	file://*) cp "${base#file://}/$1" "$tmp/$1" ;;
	*)
		if command -v curl >/dev/null; then
			curl -fsSL --retry 3 --proto-redir =https -o "$tmp/$1" "$base/$1"
		elif command -v wget >/dev/null; then
			wget -q -O "$tmp/$1" "$base/$1"
		else
			fail 'neither curl nor wget is installed'
		fi
		;;
	esac || fail "$base/$1 cannot be had: no such release, or no way to it"
}

# sum FILE prints its SHA-256.
sum() {
	if command -v sha256sum >/dev/null; then
		sha256sum <"$1" | cut -d ' ' -f 1
	else
		shasum -a 256 <"$1" | cut -d ' ' -f 1
	fi
}

command -v sha256sum >/dev/null || command -v shasum >/dev/null ||
	fail 'neither sha256sum nor shasum is installed'
fetch "$archive"
if [ -z "$sha256" ]; then
	fetch checksums.txt
	sha256=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$tmp/checksums.txt")
	[ -n "$sha256" ] || fail "checksums.txt of the release does not name $archive"
fi
found=$(sum "$tmp/$archive")
[ "$found" = "$sha256" ] || fail "$archive is not what it should be: its SHA-256 is $found, not $sha256; nothing was installed"

mkdir "$tmp/unpacked"
case $archive in
*.zip) unzip -q "$tmp/$archive" "$program" -d "$tmp/unpacked" ;;
*) tar -xzf "$tmp/$archive" -C "$tmp/unpacked" "$program" ;;
esac || fail "$archive cannot be unpacked"
mkdir -p "$to" || fail "$to cannot be made"
# Beside its place first: a qpt that runs keeps its file, and no half one is ever there.
new=$to/.new-$$-$program
if ! cp "$tmp/unpacked/$program" "$new" || ! chmod 755 "$new"; then
	rm -f "$new"
	fail "$to cannot be written; choose another folder with --to"
fi
"$new" version || { rm -f "$new"; fail "the $program of the release does not run on this machine; nothing was installed"; }
mv -f "$new" "$to/$program" || { rm -f "$new"; fail "$to/$program cannot be replaced; choose another folder with --to"; }
