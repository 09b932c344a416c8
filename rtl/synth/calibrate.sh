#!/bin/sh
# calibrate.sh: the rows from which the area model is fitted (configs/area/osu018_180nm.csv), on standard
# output: cells, area and flip-flops of a device's parts on small hardware, by synth.sh. Modules are
# synthesised one by one, for the parameters that they have: a whole device would take minutes each time, most
# of them for what is the same in all. `use` says whether a row is fitted or held out, to compare. BUILD is
# the build folder; a synthesis whose result is in $BUILD/synth/calibrate is not done again.
set -eu
hardware=configs/hw/8x8_w8.yaml
folder=${BUILD:-build}/synth/calibrate
keys='ROWS COLS A_BITS W_BITS ACC_BITS ACC_OVERFLOW OS_MAX A_DEPTH W_DEPTH ACC_DEPTH'
keys="$keys BUS_BYTES BURST_BEATS OUTSTANDING QUEUE_DEPTH LUT_BITS LUT_PORTS"
mkdir -p "$folder"

# synthesise NAME MODULE PARAMETER=VALUE...: rows of count.awk in $folder/NAME-MODULE.
synthesise() {
	rows=$folder/$1-$2
	shift
	[ -s "$rows" ] || TARGETS=cells PATHS=0 ROWS=$rows sh rtl/synth/synth.sh $hardware "$@" >&2 ||
		exit 1
}

# sum NAME MODULE[*N]...: cells, area and flip-flops of these modules.
sum() {
	name=$1
	shift
	for module in "$@"; do
		awk -v N="${module#*\*}" '$2 == "all" { print N * $4, N * $6, N * $5 }' "$folder/$name-${module%%\**}"
	done | awk '{ cells += $1; area += $2; flops += $3 } END { print cells, area, flops }'
}

# row PART USE VALUES CELLS AREA FLIP-FLOPS
row() {
	echo "$*" | tr ' ' ,
}

# A module that a part is made of, once; "PART MODULE*N...".
made_of() {
	case $1 in
	vec | load | store | fetch | check | lut) echo "qmac_$1*1" ;;
	queues) echo 'qmac_execute*1 qmac_issue*2' ;;
	control) echo 'qmac_dispatch*1 qmac_registers*1 qmac_counters*1 qmac_monitors*1 qmac_read_channel*1' ;;
	matrix) echo 'qmac_matrix*1' ;;
	a_pad | acc_pad) echo 'qmac_scratchpad*1' ;;
	esac
}

echo "part,use,$(echo "$keys" | tr 'A-Z ' 'a-z,'),cells,area_um2,flip_flops"
while read -r name use parts values; do
	# shellcheck disable=SC2086 # lists, here and below
	set -- $keys
	assignments=
	for value in $values; do
		assignments="$assignments $1=$value"
		shift
	done
	# shellcheck disable=SC2086
	set -- $values
	pad_a="LANES=$1 BITS=$3 DEPTH=$8 READERS=2" pad_acc="LANES=$2 BITS=$5 DEPTH=${10} READERS=3"
	for part in $(echo "$parts" | tr , ' '); do
		for module in $(made_of "$part"); do
			case $part in
			a_pad) more=$pad_a ;;
			acc_pad) more=$pad_acc ;;
			*) more= ;;
			esac
			# shellcheck disable=SC2086 # lists
			synthesise "$name" "${module%\**}" $assignments $more
		done
		# shellcheck disable=SC2046,SC2086
		set -- $(sum "$name" $(made_of "$part"))
		if [ "$part" != matrix ]; then
			row "$part" "$use" "$values" "$@"
			continue
		fi
		array=$(awk '$2 == "qmac_array" { print $4, $6, $5 }' "$folder/$name-qmac_matrix")
		row array "$use" "$values" "$array"
		echo "$* $array" | {
			read -r cells area flops c a f
			row gemm "$use" "$values" $((cells - c)) $((area - a)) $((flops - f))
		}
	done
done <<'END'
smallest fit fetch,check,queues,control 2 2 2 2 16 1 256 4 4 4 4 2 1 1 4 1
base fit matrix,vec,load,store,lut,queues 4 4 8 8 32 1 256 64 64 64 8 4 2 2 6 1
tiny fit matrix,load,store,fetch 2 2 4 4 16 1 256 8 8 8 16 2 1 3 4 2
flat fit matrix,vec,load,store 2 6 4 8 24 0 1024 64 64 64 4 16 2 4 6 2
wide fit matrix,vec,load,store 3 2 16 16 48 1 256 64 64 64 8 4 2 2 6 1
tall fit matrix,load,store 8 2 12 6 64 1 4096 1024 1024 1024 16 8 4 1 8 1
pad1 fit a_pad 8 8 8 8 32 1 256 64 64 64 8 4 2 2 6 1
pad2 fit a_pad 8 8 8 8 32 1 256 1024 64 64 8 4 2 2 6 1
pad3 fit a_pad 16 4 4 8 32 1 256 256 64 64 8 4 2 2 6 1
pad4 fit a_pad 6 4 16 8 32 1 256 16 64 64 8 4 2 2 6 1
pad5 fit acc_pad 4 8 8 8 32 1 256 64 64 64 8 4 2 2 6 1
pad6 fit acc_pad 4 4 8 8 48 1 256 64 64 1024 8 4 2 2 6 1
held held matrix,vec,load,store,queues,acc_pad 3 5 6 12 40 1 512 256 256 128 8 8 3 3 8 2
8x8_w8 held matrix,fetch 8 8 8 8 48 1 1024 1024 1024 1024 8 16 2 2 8 2
END
