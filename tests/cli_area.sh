# cli_area.sh: `qmac area`; a part of cli.sh, which reads this file.
# shellcheck shell=sh disable=SC2154

# ---- area -------------------------------------------------------------------------
hw=$root/configs/hw/8x8_w8.yaml areas=$root/configs/area
run 0 area "$hw" "$areas/osu018_180nm.yaml"
says out 'OSU standard cells, TSMC 180 nm, 180 nm, 24 um2 per gate'
says out 'part  *gates  *um2  *share'
says out 'total  *[0-9,]*  *[0-9,]*  *100.0 %'
says out 'ACC  *393,216  *not established'
ok 'area: nothing on stderr' test ! -s err
run 0 area "$hw" "$areas/nangate_45nm.yaml"
says out 'NanGate open cell library, 45 nm, 0.798 um2 per gate'
{
	echo "base: $areas/osu018_180nm.yaml"
	echo 'library: l'
	echo 'um2_per_bit: {value: 2, unit: um2, source: s, node: 180 nm}'
} > area.yaml
run 0 area "$hw" area.yaml
says out 'ACC  *393,216  *786,432'
refuses 'qmac: usage: qmac area HW.yaml TABLE.yaml.*' area "$hw"
refuses 'qmac: nowhere.yaml: cannot open: .*' area "$hw" nowhere.yaml
printf 'library: l\n' > area.yaml
refuses "area.yaml:1:1: missing key 'um2_per_gate' (a NAND gate of two inputs; in um2)" \
	area "$hw" area.yaml
