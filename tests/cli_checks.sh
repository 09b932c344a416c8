# cli_checks.sh: the checks of cli.sh and lockstep.sh, which read this file. They run $qmac and count in
# `passed` and `failed`.
# shellcheck shell=sh disable=SC2154

# ok NAME COMMAND...: the command must succeed.
ok() {
	name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $name"
	fi
}

# await COMMAND...: until the command succeeds, ten seconds at most.
await() {
	tries=0
	until "$@" || [ $tries -gt 200 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
}

# run STATUS ARGUMENTS...: runs qmac into the files out and err; a different exit status is a failure.
run() {
	wanted=$1
	shift
	"$qmac" "$@" > out 2> err
	status=$?
	if [ "$status" = "$wanted" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: qmac $*: exit status $status, not $wanted"
		sed 's/^/    /' err
	fi
}

# says FILE REGEX: a line of out or err must match it as a whole.
says() {
	if grep -qx -- "$2" "$1"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: no line of $1 reads: $2"
		sed 's/^/    /' "$1"
	fi
}

# refuses REGEX ARGUMENTS...: exit status 2, nothing on stdout, exactly one line on stderr, of that form.
refuses() {
	pattern=$1
	shift
	run 2 "$@"
	says err "$pattern"
	ok "qmac $*: one line of error, no output" test "$(wc -l < err)" -eq 1 -a ! -s out
}

# begun FOLDER [LINES]: its metrics.csv, which is not finished, has more lines than that (0).
begun() {
	begun_file=$(echo "$1"/metrics.csv.qmac-*.tmp)
	[ -e "$begun_file" ] && [ "$(wc -l < "$begun_file")" -gt "${2:-0}" ]
}
has() { grep -q -- "$2" "$1"; }
absent() { [ ! -e "$1" ]; }
no_temporaries() { [ -z "$(find "$1" -name '*.tmp' 2>/dev/null)" ]; }
value() { sed -n "s/^\t\"$2\": \"\{0,1\}\([^\",]*\).*/\1/p" "$1/summary.json"; }
same() { [ -n "$1" ] && [ "$1" = "$2" ]; }
differ() { [ -n "$1" ] && [ -n "$2" ] && [ "$1" != "$2" ]; }
# column FOLDER NAME: the sum of a column of its layers.csv.
column() {
	awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next }
		{ sum += $at } END { if (at) printf "%.0f", sum }' "$1/layers.csv"
}
# told FOLDER: its layers.csv without what the RTL does not tell of a layer: it has one sum of the zero MACs.
told() {
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) left[i] = $i ~ /^(energy_j|mac_j|zero_mac.*)$/ }
		{ line = ""; for (i = 1; i <= NF; i++) if (!left[i]) line = line "," $i; print line }' "$1/layers.csv"
}
# records_agree FOLDER FOLDER: the layers.csv of a training on the C model and of the same on the RTL.
records_agree() {
	told "$1" > told.csv && told "$2" | cmp - told.csv &&
		same "$(column "$1" zero_macs)" "$(column "$2" zero_macs)"
}
rows() { [ "$(wc -l < "$1")" -eq "$2" ]; }
