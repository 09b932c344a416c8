# path.awk SILENT-FILE: the longest path as Yosys' `sta` prints it, end first: TARGET: longest path ... .
# Cells without times (DSP blocks of iCE40) are named: no path through them is known.
/has no timing arcs/ {
	split($0, word, "'")
	if (!(word[2] in silent))
		names = names (names ? ", " : "") word[2]
	silent[word[2]]
}
/^Latest arrival time/ {
	split($0, word, " is ")
	ps = word[2] + 0
	inside = 1
	next
}
/^Arrival histogram/ { inside = 0 }
inside && NF == 2 && $1 ~ /^[0-9]+$/ && $2 == "(<unknown>)" { next } # an end without a set-up time
inside && /->/ {
	steps++
	type = $NF
	sub(/^\(/, "", type)
	sub(/\..*/, "", type)
	if (steps == 1 && end == "")
		end = type
	begin = type
	from = net
}
inside && /^ +[0-9]+ \(<primary output>\)/ {
	end = "a port"
	next
}
inside && /^ +[0-9]+ / && !/->/ && !/primary input/ {
	end = $NF
	sub(/^\(/, "", end)
	sub(/\..*/, "", end)
}
inside && !/^ +[0-9]+ / && !/Warning/ && NF > 0 {
	net = $1
	sub(/^\\/, "", net)
}
END {
	if (ps == 0) {
		printf "%s: no path was found\n", TARGET
		exit
	}
	between = begin == "" ? steps : steps - 1
	from = (begin == "" ? "a port" : begin) (from ~ /^[a-zA-Z]/ ? " " from : "")
	printf "%s: longest path %.2f ns, %d cells between, from %s to %s%s\n", TARGET, ps / 1000, between, from,
	       end, (names ? "; times of " names " are not known" : "")
}
