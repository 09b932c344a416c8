# power.awk LIBRARY NETLIST VCD: toggles and picojoules of a cycle, from the netlist of an array
# (write_verilog of a flat one), what its nets did in a simulation, and the energies of the library's cells.
# PERIOD is that of the clock in units of the VCD.
#
# A net that changes costs half its load times the voltage squared, what its driver takes for a change at
# that load, and what the data pins behind it take; a flip-flop whose clock ticks costs both edges of its
# clock pin. Energies are those in the second column of the library's tables, of a quick edge. Registers that
# have a clock enable and stand still while sums are made (shadow, active, drain) have no tick; nor do those
# of the outputs, which are at the edge.
# Those in quotes.
function numbers(text, list) {
	sub(/^[^"]*"/, "", text)
	sub(/".*/, "", text)
	return split(text, list, ", *")
}
function inside(text) {
	sub(/^[^(]*\(/, "", text)
	sub(/\).*/, "", text)
	return text
}
function plain(name) {
	gsub(/[\\ ]/, "", name)
	return name
}
function is_output(net) {
	return net ~ /^(bottom_o|top_o)/
}
# What an output takes for a change, at this load in pF: between the two nearest of its table.
function driving(output, load, i, share) {
	for (i = 1; i < points[output] - 1 && at[output, i + 1] < load; i++) {}
	share = (load - at[output, i]) / (at[output, i + 1] - at[output, i])
	return (sum[output, i] + share * (sum[output, i + 1] - sum[output, i])) / tables[output]
}
# A table of one row has no load: its energies are those of an input.
function at_input(pin) {
	return tables[pin] ? sum[pin, 1] / tables[pin] : 0
}

FNR == 1 { file++ }

# ---- the library
file == 1 && match($0, /cell \([A-Z0-9]+\)/) {
	cell = inside($0)
	pin = ""
}
file == 1 && match($0, /pin\([A-Z0-9]+\)/) {
	pin = cell "/" inside($0)
	power = 0
}
file == 1 && /nom_voltage/ { volt = $3 + 0 }
file == 1 && $1 == "capacitance" { pF[pin] = $3 + 0 }
file == 1 && /timing\(\)/ { power = 0 }
file == 1 && /internal_power\(\)/ { power = 1 }
file == 1 && power && /(rise|fall)_power\(/ {
	tables[pin]++
	drives = !/passive/
	row = 0
}
file == 1 && power && drives && /index_1/ {
	points[pin] = numbers($0, load)
	for (i = 1; i <= points[pin]; i++)
		at[pin, i] = load[i]
}
file == 1 && power && /"/ && !/index/ {
	numbers($0, value)
	sum[pin, ++row] += value[2]
}

# ---- the netlist
file == 2 && $NF == "(" && $1 ~ /X[0-9]+$/ {
	cell = $1
	name = plain($2)
}
file == 2 && /^    \./ {
	pin = $1
	sub(/^\./, "", pin)
	sub(/\(.*/, "", pin)
	pin = cell "/" pin
	net = plain(inside($0))
	if (points[pin]) {
		driver[net] = pin
		next
	}
	load_of[net] += pF[pin]
	if (net != "clk_i")
		taken[net] += at_input(pin)
	else if (name !~ /^(shadow|active|drain)/ && !is_output(name))
		ticks += 2 * at_input(pin) + pF[pin] * volt ^ 2
}

# ---- the simulation
file == 3 && $1 == "$var" { net_of[$4] = plain($5) }
file == 3 && /^#/ {
	time = substr($0, 2) + 0
	if (begin == "")
		begin = time
}
file == 3 && /^[01]/ {
	key = substr($0, 2)
	if (key in now && now[key] != substr($0, 1, 1))
		changes[key]++
	now[key] = substr($0, 1, 1)
}

END {
	cycles = (time - begin) / PERIOD
	for (key in changes) {
		net = net_of[key]
		if (!(net in driver) || is_output(net))
			continue
		toggles += changes[key]
		load_pF = load_of[net]
		energy += changes[key] * (load_pF * volt ^ 2 / 2 + driving(driver[net], load_pF) + taken[net])
	}
	print toggles / cycles, energy / cycles + ticks
}
