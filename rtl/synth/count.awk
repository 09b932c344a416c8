# count.awk MACROS STAT: what each kind of module takes, from what Yosys has written: the memories that were
# kept apart (dump -m), and stat. Rows: TARGET kind instances cells flip-flops area memory-bits LUT DSP RAM,
# those of the whole device under `all`. A memory made of LUTs counts as LUTs; RAM counts blocks, half
# a block of 36 kbit as 0.5.
function kind(name) {
	return match(name, /qmac_[a-z0-9_]+/) ? substr(name, RSTART, RLENGTH) : name
}
function add(what, module, number) {
	value[what, module] += number
}
# A cell of a type, n of them.
function count_cells(module, type, n) {
	if (type ~ /^(DFF|LATCH|FD[RSCP]E|LD[CP]E|SB_DFF)/)
		add("flops", module, n)
	else if (type ~ /^(LUT[1-6]|SB_LUT4|SRL16E|SRLC32E|RAM(32|64)X1S)$/)
		add("lut", module, n)
	else if (type ~ /^RAM(32|64)X1D$/)
		add("lut", module, 2 * n)
	else if (type ~ /^(RAM(32|64)M|RAM128X1D)$/)
		add("lut", module, 4 * n)
	else if (type ~ /^(DSP48E1|SB_MAC16)$/)
		add("dsp", module, n)
	else if (type == "RAMB18E1")
		add("ram", module, n / 2)
	else if (type ~ /^(RAMB36E1|SB_RAM40_4K)/)
		add("ram", module, n)
}
function is_inner(type) {
	return type ~ /qmac_/ || type == "$mem_v2"
}
function print_row(name, instances, from) {
	printf "%s %s %d %d %d %.0f %.0f %d %d %.1f\n", TARGET, name, instances, value["cells", from],
	       value["flops", from], value["area", from], value["bits", from], value["lut", from],
	       value["dsp", from], value["ram", from]
}

FNR == 1 { file++ }
FILENAME == ARGV[1] {
	if ($1 == "module")
		module = substr($2, 2)
	if ($1 == "parameter" && $2 == "\\SIZE")
		size = $3
	if ($1 == "parameter" && $2 == "\\WIDTH")
		add("bits", module, size * $3)
	next
}
/^=== / {
	module = $2
	tree = module == "design"
	if (top == "")
		top = module
}
!tree && /Number of cells:/ { add("cells", module, $NF) }
!tree && /Chip area for/ { add("area", module, $NF) }
!tree && NF == 2 && $2 ~ /^[0-9]+$/ {
	count_cells(module, $1, $2)
	if (is_inner($1))
		add("cells", module, -$2)
}
tree && NF == 2 && $1 ~ /qmac_/ && $2 ~ /^[0-9]+$/ {
	depth = match($0, /[^ ]/)
	while (levels > 0 && at[levels] >= depth)
		levels--
	times[levels + 1] = (levels > 0 ? times[levels] : 1) * $2
	at[++levels] = depth
	instances[$1] += times[levels]
}

END {
	if (levels == 0) # a module without any inside
		instances[top] = 1
	words = split("cells flops area bits lut dsp ram", word, " ")
	for (name in instances) {
		sum[kind(name)] += instances[name]
		for (w = 1; w <= words; w++) {
			n = instances[name] * value[word[w], name]
			add(word[w], "of " kind(name), n)
			add(word[w], "all", n)
		}
	}
	for (name in sum)
		print_row(name, sum[name], "of " name)
	print_row("all", 1, "all")
}
