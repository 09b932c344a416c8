#!/bin/sh
# deps.sh PACKAGE...: installs the Debian packages that are missing; elsewhere says what is missing.
set -eu
if ! command -v apt-get >/dev/null 2>&1; then
	echo "This is not a Debian system. qmac needs what these Debian packages provide:" >&2
	echo "  $*" >&2
	exit 1
fi
missing=
for package in "$@"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
		missing="$missing $package"
done
if [ -z "$missing" ]; then
	echo "all packages are installed"
	exit 0
fi
as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "missing packages, and neither root nor sudo to install them:$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
# Package lists may be absent on a fresh machine.
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# shellcheck disable=SC2086 # one word per package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
