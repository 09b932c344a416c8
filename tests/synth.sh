#!/bin/sh
# synth.sh: what `make synth` reads of the tools' reports; small modules, whose registers and
# memories are known; and what it refuses.
# Prints "synth: N passed, N failed, N skipped". BUILD is the build folder, with gen/qmac_isa.vh.
set -u
script=rtl/synth/synth.sh
hardware=configs/hw/8x8_w8.yaml
passed=0 failed=0
output=

# verdict WHAT PASSED
verdict() {
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s: FAILED\n%s\n' "$1" "$output"
	fi
}

# refused WHAT PATTERN COMMAND...: it fails, and says so.
refused() {
	what=$1 pattern=$2
	shift 2
	if output=$("$@" 2>&1); then
		verdict "$what: accepted" 1
	else
		echo "$output" | grep -q "$pattern"
		verdict "$what" $?
	fi
}

# synthesised WHAT AWK-CONDITION ARGUMENT...: the row `all` and the path; fields as in report.awk.
synthesised() {
	what=$1 condition=$2
	shift 2
	output=$(TARGETS=cells sh $script "$hardware" "$@" 2>&1) &&
		echo "$output" | awk "/^all/ { flops = \$3; area = \$4; bits = \$6 }
			/^cells: longest path/ { ns = \$4 }
			END { exit !(area > 0 && ns > 0 && ns < 100 && $condition) }"
	verdict "$what" $?
}

# parsed WHAT AWK-SCRIPT EXPECTED FILE...: what the script makes of a tool's report.
parsed() {
	what=$1 script_of=$2 expected=$3
	shift 3
	output=$(awk -v TARGET=t -f "rtl/synth/$script_of" "$@" 2>&1)
	[ "$output" = "$expected" ]
	verdict "$what" $?
}

work=$(mktemp -d "${TMPDIR:-/tmp}/qmac-synth-XXXXXX")
trap 'rm -rf "$work"' EXIT

# Reports as Yosys 0.23 writes them.
cat > "$work/macros" <<'END'
module \$paramod\qmac_leaf
  cell $mem_v2 \memory
    parameter \SIZE 16
    parameter \WIDTH 8
END
cat > "$work/stat" <<'END'

=== qmac_outer ===

   Number of cells:                  9
     $paramod\qmac_leaf              2
     FDRE                            3
     LUT6                            1
     RAM64M                          1
     RAMB18E1                        1
     DSP48E1                         1

   Chip area for module '\qmac_outer': 100.500000

=== $paramod\qmac_leaf ===

   Number of cells:                  5
     $mem_v2                         1
     DFFPOSX1                        4

   Chip area for module '$paramod\qmac_leaf': 20.000000

=== design hierarchy ===

   qmac_outer                        1
     $paramod\qmac_leaf              2

   Number of cells:                 19
   Chip area for top module '\qmac_outer': 140.500000
END
: > "$work/none"
output=$(awk -v TARGET=t -f rtl/synth/count.awk "$work/macros" "$work/stat" | sort)
[ "$output" = 't all 1 15 11 140 256 5 1 0.5
t qmac_leaf 2 8 8 40 256 0 0 0.0
t qmac_outer 1 7 3 100 0 5 1 0.5' ]
verdict 'a report of cells' $?

cat > "$work/path" <<'END'
Warning: Module 'SB_MAC16' has no timing arcs!
Warning: Module 'SB_MAC16' has no timing arcs!
Latest arrival time in 'qmac_outer' is 2692:
    2692 ff (SB_DFFSR.D)
           \sum [7]
    2671 lut (SB_LUT4.I3->O)
           \carry [7]
    2355 cy (SB_CARRY.CI->CO)
           \moving_q [4]
     540 moving_q_SB_DFFSR_Q_5 (SB_DFFSR.C->Q)
       0   \clk_i (<primary input>)

Arrival histogram:
(  2701,   2567] |*+
END
expected='t: longest path 2.69 ns, 2 cells between, from SB_DFFSR moving_q to SB_DFFSR'
parsed 'a path of an FPGA' path.awk "$expected; times of SB_MAC16 are not known" "$work/path"
parsed 'no path' path.awk 't: no path was found' "$work/none"

cat > "$work/rows" <<'END'
cells qmac_a 1 10 2 100 64 0 0 0.0
cells qmac_b 4 20 4 300 0 0 0 0.0
cells all 1 30 6 400 64 0 0 0.0
xilinx qmac_b 4 9 4 0 0 7 2 1.5
xilinx all 1 9 4 0 0 7 2 1.5
END
output=$(awk -v NAND2=10 -v TARGETS='cells xilinx' -f rtl/synth/table.awk "$work/rows" |
	tail -n +3 | tr -s ' ')
[ "$output" = 'qmac_b 4 20 4 300 30 0 7 2 1.5 4
qmac_a 1 10 2 100 10 64 - - - -
all 30 6 400 40 64 7 2 1.5 4' ]
verdict 'one table of two targets' $?

# Energies of a register whose output goes through an inverter to itself and to a register that stands still.
cat > "$work/library" <<'END'
  nom_voltage : 2;
cell (INVX1) {
  pin(A)  {
    capacitance : 0.01;
  }
  pin(Y)  {
    capacitance : 0;
    internal_power() {
      fall_power(energy_template_2x2) {
        index_1 ("0.01, 0.03");
        index_2 ("0.06, 0.18");
        values ( \
          "1, 2", \
          "1, 4");
      }
      rise_power(energy_template_2x2) {
        index_1 ("0.01, 0.03");
        index_2 ("0.06, 0.18");
        values ( \
          "1, 4", \
          "1, 6");
      }
    }
  }
}
cell (DFFPOSX1) {
  pin(CLK)  {
    capacitance : 0.02;
    internal_power() {
      rise_power(passive_energy_template_2x1) {
        index_1 ("0.06, 0.24");
        values ("1, 2");
      }
      fall_power(passive_energy_template_2x1) {
        index_1 ("0.06, 0.24");
        values ("1, 4");
      }
    }
  }
  pin(D)  {
    capacitance : 0.02;
    internal_power() {
      rise_power(passive_energy_template_2x1) {
        index_1 ("0.06, 0.24");
        values ("9, 2");
      }
    }
    timing() {
        values ("7, 7");
    }
  }
  pin(Q)  {
    internal_power() {
      fall_power(energy_template_2x2) {
        index_1 ("0.01, 0.03");
        values ( \
          "5, 1", \
          "5, 1");
      }
    }
  }
}
END
cat > "$work/netlist" <<'END'
  DFFPOSX1 \sum[0]\DFFPOSX1  (
    .CLK(clk_i),
    .D(_0_),
    .Q(\sum[0] )
  );
  DFFPOSX1 \shadow[0]\DFFPOSX1  (
    .CLK(clk_i),
    .D(_0_),
    .Q(\shadow[0] )
  );
  INVX1 _1_ (
    .A(\sum[0] ),
    .Y(_0_)
  );
END
cat > "$work/vcd" <<'END'
$var wire 1 ! _0_ $end
$var wire 1 " \sum[0] $end
$var wire 1 # \shadow[0] $end
#0
x!
0"
0#
#10
1!
#20
0!
1"
#30
1!
0"
1#
#40
0!
END
# A change of _0_: 0.04 pF 2^2 / 2, 6 of its driver, 2 of each pin; of sum 0.02 + 1, of shadow 1; a tick 6.08.
output=$(awk -v PERIOD=10 -f rtl/synth/power.awk "$work/library" "$work/netlist" "$work/vcd")
[ "$output" = "1.5 $(awk 'BEGIN { print (3 * 10.08 + 2 * 1.02 + 1) / 4 + 6.08 }')" ]
verdict 'energies of a simulation' $?

refused 'without tools' 'yosys is not installed' env PATH=/nonexistent "$(command -v sh)" $script "$hardware"
if ! command -v yosys >/dev/null 2>&1 || ! command -v sta >/dev/null 2>&1 ||
	! [ -f "${LIBERTY:-/usr/share/qflow/tech/osu018/osu018_stdcells.lib}" ]; then
	echo 'synth: yosys, OpenSTA or the cell library is not installed'
	echo "synth: $passed passed, $failed failed, 1 skipped"
	[ "$failed" = 0 ]
	exit
fi
refused 'no such target' 'some of cells' env TARGETS=altera sh $script "$hardware"
refused 'no hardware file' 'give HW=' sh $script ''
refused 'no such module' 'give TOP=' sh $script "$hardware" qmac_nothing
refused 'no such parameter' 'no parameter' sh $script "$hardware" qmac_lut FOO=1
refused 'too large' 'more than LIMIT' sh $script "$hardware" qmac_top ROWS=64 COLS=64
# A position in a row of at most 512 bytes.
synthesised 'a module of ten registers' 'flops == 10 && bits == 0' qmac_pair
synthesised 'a memory that becomes registers' 'flops > 50 && bits == 0' qmac_zero ROWS=2 COLS=2
synthesised 'a memory that is kept apart' 'flops == 0 && bits == 64 * 32' qmac_lut LUT_BITS=6
output=$(TARGETS='xilinx ice40' sh $script "$hardware" qmac_zero ROWS=2 COLS=2 2>&1) &&
	echo "$output" | awk '/^all/ { ok = $2 > 20 && $5 > 50 && $6 > 20 && $9 > 50 }
		/^xilinx: longest path/ { paths += $4 > 0.5 && $4 < 20 }
		/^ice40: longest path/ { paths += $4 > 0.5 && $4 < 20 }
		END { exit !(ok && paths == 2) }'
verdict 'FPGAs' $?
echo "synth: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
