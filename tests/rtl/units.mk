# The RTL units and their parameter sets: rtl_NAME := UNIT PARAMETER=VALUE... Included by the Makefile.
#
# Each set is a Verilated archive of its own, $(BUILD)/rtl/NAME/Vunit__ALL.a. It is made again where one
# of the Verilog files it was made from, its parameters or the way it is made change; all else only links.
rtl_leaves_acc16 := leaves ACC_BITS=16 OUT_BITS=2 LUT_BITS=4
rtl_leaves_acc32 := leaves ACC_BITS=32 OUT_BITS=8 LUT_BITS=6
rtl_leaves_acc64 := leaves ACC_BITS=64 OUT_BITS=16 LUT_BITS=12
rtl_gemm_1x1 := gemm ROWS=1 COLS=1 A_BITS=2 W_BITS=2 ACC_BITS=16 ACC_OVERFLOW=0 OS_MAX=256 \
                A_DEPTH=2 W_DEPTH=2 ACC_DEPTH=2
rtl_gemm_8x8 := gemm ROWS=8 COLS=8 A_BITS=8 W_BITS=8 ACC_BITS=32 ACC_OVERFLOW=1 OS_MAX=4096 \
                A_DEPTH=60 W_DEPTH=62 ACC_DEPTH=64
rtl_gemm_12x20 := gemm ROWS=12 COLS=20 A_BITS=7 W_BITS=11 ACC_BITS=40 ACC_OVERFLOW=1 OS_MAX=512 \
                  A_DEPTH=100 W_DEPTH=102 ACC_DEPTH=104
rtl_gemm_3x64 := gemm ROWS=3 COLS=64 A_BITS=16 W_BITS=16 ACC_BITS=64 ACC_OVERFLOW=0 OS_MAX=65536 \
                 A_DEPTH=128 W_DEPTH=130 ACC_DEPTH=140
rtl_gemm_64x3 := gemm ROWS=64 COLS=3 A_BITS=5 W_BITS=9 ACC_BITS=24 ACC_OVERFLOW=1 OS_MAX=256 \
                 A_DEPTH=128 W_DEPTH=150 ACC_DEPTH=160
rtl_check_1x1 := check ROWS=1 COLS=1 A_BITS=2 W_BITS=2 ACC_BITS=16 OS_MAX=256 A_DEPTH=2 W_DEPTH=2 \
                 ACC_DEPTH=2 LUT_BITS=4
rtl_check_12x20 := check ROWS=12 COLS=20 A_BITS=7 W_BITS=11 ACC_BITS=40 OS_MAX=256 A_DEPTH=64 W_DEPTH=80 \
                   ACC_DEPTH=90 LUT_BITS=6
rtl_check_64x64 := check ROWS=64 COLS=64 A_BITS=16 W_BITS=16 ACC_BITS=64 OS_MAX=65536 A_DEPTH=65536 \
                   W_DEPTH=65536 ACC_DEPTH=65536 LUT_BITS=12
rtl_fetch_4 := fetch BUS_BYTES=4 BURST_BEATS=1 OUTSTANDING=1
rtl_fetch_8 := fetch BUS_BYTES=8 BURST_BEATS=5 OUTSTANDING=2
rtl_fetch_64 := fetch BUS_BYTES=64 BURST_BEATS=256 OUTSTANDING=16
rtl_dispatch_1 := dispatch QUEUE_DEPTH=1
rtl_dispatch_16 := dispatch QUEUE_DEPTH=16
rtl_registers_ragged := registers ROWS=12 COLS=20 A_BITS=7 W_BITS=11 ACC_BITS=40 ACC_OVERFLOW=1 OS_MAX=512 \
                        A_DEPTH=100 W_DEPTH=102 ACC_DEPTH=104 BUS_BYTES=32 BURST_BEATS=256 OUTSTANDING=5 \
                        QUEUE_DEPTH=3 LUT_BITS=12 LUT_PORTS=20 MAC_STYLE=0 ZERO_GATING=1
rtl_vec_1x1 := vec ROWS=1 COLS=1 A_BITS=2 W_BITS=2 ACC_BITS=16 A_DEPTH=2 W_DEPTH=4 ACC_DEPTH=14 \
               LUT_BITS=4 LUT_PORTS=1
rtl_vec_1x2 := vec ROWS=1 COLS=2 A_BITS=4 W_BITS=2 ACC_BITS=16 A_DEPTH=65536 W_DEPTH=4 ACC_DEPTH=40 \
               LUT_BITS=4 LUT_PORTS=1
rtl_vec_8x8 := vec ROWS=8 COLS=8 A_BITS=8 W_BITS=8 ACC_BITS=32 A_DEPTH=60 W_DEPTH=62 ACC_DEPTH=64 \
               LUT_BITS=8 LUT_PORTS=8
rtl_vec_12x20 := vec ROWS=12 COLS=20 A_BITS=7 W_BITS=11 ACC_BITS=40 A_DEPTH=100 W_DEPTH=102 ACC_DEPTH=104 \
                 LUT_BITS=5 LUT_PORTS=3
rtl_vec_5x3 := vec ROWS=5 COLS=3 A_BITS=16 W_BITS=16 ACC_BITS=64 A_DEPTH=64 W_DEPTH=50 ACC_DEPTH=10 \
               LUT_BITS=12 LUT_PORTS=2
rtl_vec_50x1 := vec ROWS=50 COLS=1 A_BITS=5 W_BITS=3 ACC_BITS=33 A_DEPTH=30 W_DEPTH=18 ACC_DEPTH=20 \
               LUT_BITS=6 LUT_PORTS=1
rtl_load_1x1 := load ROWS=1 COLS=1 A_BITS=2 W_BITS=2 ACC_BITS=16 BUS_BYTES=4 BURST_BEATS=1 OUTSTANDING=1
rtl_load_12x20 := load ROWS=12 COLS=20 A_BITS=7 W_BITS=11 ACC_BITS=40 BUS_BYTES=32 BURST_BEATS=5 OUTSTANDING=3
rtl_load_20x12 := load ROWS=20 COLS=12 A_BITS=16 W_BITS=5 ACC_BITS=64 BUS_BYTES=4 BURST_BEATS=7 OUTSTANDING=2
rtl_load_64x3 := load ROWS=64 COLS=3 A_BITS=9 W_BITS=16 ACC_BITS=24 BUS_BYTES=64 BURST_BEATS=256 \
                 OUTSTANDING=16
rtl_store_1 := store COLS=1 ACC_BITS=16 BUS_BYTES=4 BURST_BEATS=1 OUTSTANDING=1
rtl_store_12 := store COLS=12 ACC_BITS=64 BUS_BYTES=4 BURST_BEATS=7 OUTSTANDING=2
rtl_store_20 := store COLS=20 ACC_BITS=40 BUS_BYTES=32 BURST_BEATS=5 OUTSTANDING=3
rtl_store_64 := store COLS=64 ACC_BITS=24 BUS_BYTES=64 BURST_BEATS=256 OUTSTANDING=16
rtl_units := leaves_acc16 leaves_acc32 leaves_acc64 gemm_1x1 gemm_8x8 gemm_12x20 gemm_3x64 gemm_64x3 \
             check_1x1 check_12x20 check_64x64 fetch_4 fetch_8 fetch_64 \
             dispatch_1 dispatch_16 registers_ragged vec_1x1 vec_1x2 vec_8x8 vec_12x20 vec_5x3 vec_50x1 \
             load_1x1 load_12x20 load_20x12 load_64x3 \
             store_1 store_12 store_20 store_64

# The array alone, with the parameters of configs/hw, for bench_rtl.
rtl_array_8x8_w8 := array ROWS=8 COLS=8 A_BITS=8 W_BITS=8 OS_MAX=1024
rtl_array_16x16_w8 := array ROWS=16 COLS=16 A_BITS=8 W_BITS=8 OS_MAX=4096
rtl_array_ragged := array ROWS=12 COLS=20 A_BITS=7 W_BITS=11 OS_MAX=512
rtl_arrays := array_8x8_w8 array_16x16_w8 array_ragged
array_vector = $(shell sh rtl/sim/vector.sh "$$($$(command -v clang++ || command -v g++) -dumpmachine)")
$(BUILD)/rtl/array_%/Vunit__ALL.a: rtl_optimise = -O3 $(array_vector)

rtl_objects = $(test_support:%.c=$(BUILD)/release/%.o) $(BUILD)/release/libqmac.a
rtl_optimise := -O1
rtl_cxx = $$(command -v clang++ || command -v g++)

# What the tests of LOAD and STORE share, and the bench of the dispatcher, which no parameter changes.
mover_bench := $(BUILD)/release/tests/rtl/mover_bench.o
mover_tests := $(patsubst %,$(BUILD)/rtl/%/test,$(filter load_% store_%,$(rtl_units)))
$(mover_tests): $(mover_bench)
$(mover_tests): rtl_more := $(mover_bench)
dispatch_bench := $(BUILD)/release/tests/rtl/dispatch_bench.o
dispatch_tests := $(patsubst %,$(BUILD)/rtl/%/test,$(filter dispatch_%,$(rtl_units)))
$(dispatch_tests): $(dispatch_bench)
$(dispatch_tests): rtl_more := $(dispatch_bench)

# Changes only where the parameters do.
$(BUILD)/rtl/%/parameters: FORCE
	@mkdir -p $(@D)
	@echo '$(rtl_$*)' | cmp -s - $@ || echo '$(rtl_$*)' > $@
.PHONY: FORCE
FORCE:

# The Verilog files are in NAME/verilog.d once it was made.
$(BUILD)/rtl/%/Vunit__ALL.a: $(BUILD)/rtl/%/parameters $(BUILD)/gen/qmac_isa.vh tests/rtl/build.sh \
		rtl/sim/unit.h rtl/sim/unit_shim.cpp
	$(say) rtl $@
	$(Q)BUILD='$(BUILD)' CXX="$(rtl_cxx)" OPT='$(rtl_optimise)' sh tests/rtl/build.sh archive $* $(rtl_$*)

$(BUILD)/rtl/%/test: $(BUILD)/rtl/%/Vunit__ALL.a $(rtl_objects)
	$(say) link $@
	$(Q)BUILD='$(BUILD)' CC='$(CC)' CXX="$(rtl_cxx)" CFLAGS='$(STRICT) $(CFLAGS) $(INCLUDES) -Itests' \
	OBJECTS='$(rtl_more) $(rtl_objects)' LIBS='$(LIBS) -lcunit' sh tests/rtl/build.sh test $* $(rtl_$*)
.PRECIOUS: $(BUILD)/rtl/%/parameters $(BUILD)/rtl/%/Vunit__ALL.a
