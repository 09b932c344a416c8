# report.awk MACROS STAT: area per kind of module, from what synth.yosys has written: the memories that were
# kept apart (dump -m), and stat -liberty. NAND2 is the area of the library's NAND gate of two inputs.
function kind(name) {
	return match(name, /qmac_[a-z0-9_]+/) ? substr(name, RSTART, RLENGTH) : name
}
FNR == 1 { file++ }
file == 1 && $1 == "module" { module = $2 }
file == 1 && $1 == "parameter" && $2 == "\\SIZE" { size = $3 }
file == 1 && $1 == "parameter" && $2 == "\\WIDTH" { bits[substr(module, 2)] += size * $3 }

file == 2 && /^=== / { module = $2; tree = module == "design" }
file == 2 && !tree && /Number of cells:/ { cells[module] = $NF }
file == 2 && !tree && $1 ~ /^DFF|^LATCH/ && NF == 2 { flops[module] += $2 }
file == 2 && !tree && NF == 2 && ($1 ~ /qmac_/ || $1 == "$mem_v2") { inner[module] += $2 }
file == 2 && !tree && /Chip area for/ { area[module] = $NF }
file == 2 && tree && NF == 2 && $1 ~ /qmac_/ && $2 ~ /^[0-9]+$/ {
	depth = match($0, /[^ ]/)
	while (levels > 0 && at[levels] >= depth)
		levels--
	times[levels + 1] = (levels > 0 ? times[levels] : 1) * $2
	at[++levels] = depth
	count[$1] += times[levels]
}
file == 2 && !tree && top == "" && /^=== / { top = module }

END {
	if (levels == 0) # a module without any inside
		count[top] = 1
	for (name in count) {
		k = kind(name)
		instances[k] += count[name]
		all_cells[k] += count[name] * (cells[name] - inner[name])
		all_flops[k] += count[name] * flops[name]
		all_area[k] += count[name] * area[name]
		all_bits[k] += count[name] * bits[name]
		total_cells += count[name] * (cells[name] - inner[name])
		total_flops += count[name] * flops[name]
		total_area += count[name] * area[name]
		total_bits += count[name] * bits[name]
	}
	row = "%-20s %9s %9s %10s %12s %12s %12s\n"
	printf row, "module", "instances", "cells", "flip-flops", "area", "gates", "memory bits"
	for (k in instances) {
		printf row, k, instances[k], all_cells[k], all_flops[k], sprintf("%.0f", all_area[k]),
		       sprintf("%.0f", all_area[k] / NAND2), all_bits[k] | "sort -k5,5nr"
	}
	close("sort -k5,5nr")
	printf row, "all", "", total_cells, total_flops, sprintf("%.0f", total_area),
	       sprintf("%.0f", total_area / NAND2), total_bits
}
