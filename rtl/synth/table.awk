# table.awk ROWS: one table by module from the rows that count.awk has written for several TARGETS; largest
# first. NAND2 is the area of the library's NAND gate of two inputs.
function cells_part(name) {
	if (!(("cells", name) in row))
		return sprintf("%8s%8s%12s%9s%9s", "-", "-", "-", "-", "-")
	split(row["cells", name], f, " ")
	return sprintf("%8d%8d%12.0f%9.0f%9.0f", f[4], f[5], f[6], f[6] / NAND2, f[7])
}
function fpga_part(target, name) {
	if (!((target, name) in row))
		return sprintf("%7s%5s%7s%7s", "-", "-", "-", "-")
	split(row[target, name], f, " ")
	return sprintf("%7d%5d%7s%7d", f[8], f[9], f[10] + 0, f[5])
}
function line(name, text, t) {
	text = sprintf("%-20s%6s", name, name == "all" ? "" : instances[name])
	for (t = 1; t <= targets; t++)
		text = text (target[t] == "cells" ? cells_part(name) : fpga_part(target[t], name))
	return text
}
{
	row[$1, $2] = $0
	instances[$2] = $3
	size[$2] = $1 == "cells" ? $6 : size[$2] > 0 ? size[$2] : $8 + $5
	many += $2 == "all"
}
END {
	targets = split(TARGETS, target, " ")
	over = sprintf("%-26s", "")
	head = sprintf("%-20s%6s", "module", "times")
	for (t = 1; t <= targets; t++)
		if (target[t] == "cells") {
			over = over sprintf("%46s", "cells of the library")
			head = head sprintf("%8s%8s%12s%9s%9s", "cells", "FF", "area", "gates", "bits")
		} else {
			over = over sprintf("%26s", target[t])
			head = head sprintf("%7s%5s%7s%7s", "LUT", "DSP", "RAM", "FF")
		}
	if (targets > 1)
		print over
	print head
	for (name in instances)
		if (name != "all")
			printf "%.0f\t%s\n", size[name], line(name) | "sort -k1,1nr | cut -f 2-"
	close("sort -k1,1nr | cut -f 2-")
	if (many)
		print line("all")
}
