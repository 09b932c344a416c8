# cli_library.sh: which libraries of the RTL are loaded, and when one is built again; in place of real ones
# empty files, which are whole but cannot be loaded. cli_build.sh reads this file.
# shellcheck shell=sh disable=SC2154,SC2034

replay() { run 2 replay t.trace --backend rtl; }
loaded() { says err 'qmac: cannot load the built RTL .*'; }
# builds N: so many builds since this was asked last.
builds() {
	ok "$1 builds" test "$(wc -l < "$BUILDS")" -eq "$1"
	: > "$BUILDS"
}
# seal FILE: ends it as build.sh ends a library.
seal() {
	sha256sum < "$1" | cut -c 1-64 > seal
	cat seal >> "$1"
}

: > "$BUILDS"
library=cache/rtl/$(ls cache/rtl)
ok 'nobody else sees the cache' test "$(stat -c %a cache cache/rtl "$library" | tr '\n' ' ')" = '700 700 600 '
replay
builds 0

# ---- damage: one byte is another, the end is missing, there is nothing ----------------------------
cp "$library" whole
damages() {
	replay
	ok "$1 is noticed" has err 'the library .* is damaged'
	loaded
	builds 1
	ok "$1 is built again" cmp whole "$library"
}
sed 's/^./x/' whole > "$library"
damages 'a library with another byte'
head -c 40 whole > "$library"
damages 'a library that was cut short'
: > "$library"
damages 'an empty library'

# ---- what others could have made ----------------------------------------------------------------------
# refused REASON: nothing is loaded, nothing is built.
refused() {
	replay
	says err "qmac: .* not loaded, because $1: remove .*QMAC_CACHE\|qmac: no code .* because $1: .*QMAC_CACHE"
	builds 0
}
chmod g+w "$library"
refused 'other users may write to it'
chmod 755 "$library"
for folder in cache/rtl cache; do
	chmod 777 $folder
	refused 'other users may write to it'
	chmod 1777 $folder # as /tmp
	replay
	loaded
	chmod 700 $folder
done
mv "$library" aside
ln -s "$work/aside" "$library"
refused 'it is a link'
rm "$library"
mkfifo "$library"
refused 'it is not a regular file'
rm "$library"
mv aside "$library"
if [ "$(id -u)" = 0 ]; then
	for file in "$library" cache/rtl cache; do
		chown 65534 "$file"
		refused 'it belongs to another user'
		chown 0 "$file"
	done
else
	skipped=$((skipped + 9))
fi
replay
loaded

# ---- two at once --------------------------------------------------------------------------------------
rm "$library"
export SECONDS_OF_BUILD=2
"$qmac" replay t.trace --backend rtl > out1 2> err1 &
first=$!
"$qmac" replay t.trace --backend rtl > out2 2> err2
wait $first
unset SECONDS_OF_BUILD
cat err1 err2 > err
builds 1
says err 'qmac: another process builds the RTL .*'
ok 'both have the library' test "$(grep -c 'cannot load the built RTL' err)" -eq 2
ok 'nothing else is left' test "$(ls cache/rtl)" = "$(basename "$library")"

# ---- what a library depends on ----------------------------------------------------------------------------
# In a folder whose name makes could not bear, as a cache and as sources.
odd=$work/"o d#d:\$(x)'\"%é"
mkdir "$odd"
cp -R "$root/rtl" "$odd/rtl"
mkdir "$odd/cmodel"
cp -R "$root/cmodel/isa" "$odd/cmodel"
# another VARIABLE=VALUE: with that, another library is built, once.
another() {
	export "${1?}"
	replay
	loaded
	builds 1
	replay
	builds 0
}
keep_cache=$QMAC_CACHE keep_rtl=$QMAC_RTL
QMAC_CACHE=$odd/cache QMAC_RTL=$odd
another TMPDIR="$odd"
another CXX_VERSION=2
another QMAC_RTL_OPT=-O2
another CPATH=/nowhere
echo '// changed' >> "$odd/rtl/qmac_top.v"
another TMPDIR="$odd"
unset TMPDIR CPATH QMAC_RTL_OPT
QMAC_CACHE=$keep_cache QMAC_RTL=$keep_rtl CXX_VERSION=1

# ---- tools that are installed but do not work -------------------------------------------------------------
mkdir broken
path_with_tools=$PATH
cat > broken/verilator <<'END'
#!/bin/sh
echo 'verilator: error while loading shared libraries: libnone.so' >&2
exit 127
END
cp broken/verilator broken/cxx
for tool in verilator cxx; do
	chmod +x broken/$tool
	PATH=$work/broken:$path_with_tools
	replay
	says err "qmac: a tool .* does not work: '$tool --version' fails: verilator: error while loading .*"
	rm broken/$tool
done
PATH=$path_with_tools CXX=missing
replay
says err "qmac: a tool .* does not work: 'missing --version' fails: .*missing.*not found"
builds 0
CXX=cxx
