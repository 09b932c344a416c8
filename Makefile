# qmac: the only build file. `make help` lists the targets.
# Everything built goes to $(BUILD), default build/.

BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g

# Determinism: no contraction of a*b+c, no fast math, anywhere.
STRICT := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
          -Wmissing-prototypes -Wvla -ffp-contract=off $(WERROR)
INCLUDES := -Icmodel -Ihost -Irtl -I$(BUILD)/gen
LIBS := -lyaml -lz -ldl -lpthread -lm
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

PACKAGES := build-essential pkg-config libyaml-dev libcunit1-dev zlib1g-dev gnuplot-nox libopenblas-dev verilator

library_sources := $(filter-out cmodel/isa/gen.c,$(wildcard cmodel/*/*.c))
host_sources := $(filter-out host/cli/main.c,$(wildcard host/*/*.c))
test_support := tests/test.c $(wildcard tests/reference/*.c)
test_programs := $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
bench_programs := $(patsubst tests/%.c,%,$(wildcard tests/bench_*.c))
table_programs := $(patsubst tests/%.c,%,$(wildcard tests/table_*.c))

.PHONY: help deps data all demo test soak lint bench tables docs clean
.DEFAULT_GOAL := all

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the Debian packages the project needs
	@BUILD='$(BUILD)' sh tests/deps.sh $(PACKAGES)

data: ## fetch MNIST and Fashion-MNIST
	@sh tests/data.sh

all: $(BUILD)/qmac ## build $(BUILD)/qmac

# ---- generated command set --------------------------------------------------
$(BUILD)/gen/isa-gen: cmodel/isa/gen.c cmodel/isa/isa.def
	@mkdir -p $(@D)
	$(CC) -std=c11 -Wall -Wextra $(WERROR) -Icmodel $< -o $@

$(BUILD)/gen/qmac_isa.h: $(BUILD)/gen/isa-gen
	$< c > $@.tmp && mv $@.tmp $@

$(BUILD)/gen/qmac_isa.vh: $(BUILD)/gen/isa-gen
	$< verilog > $@.tmp && mv $@.tmp $@

# ---- objects: $(BUILD)/<variant>/<source>.o, variants release and sanitize ---
release_flags := $(CFLAGS)
sanitize_flags := $(SANITIZE)
# Kernels for one instruction set; elsewhere their files are empty. The compiler is asked when it is
# needed, because `make deps` may have to install it first.
x86 = $(findstring x86_64,$(shell $(CC) -dumpmachine))
%_avx2.o: kernel_flags = $(if $(x86),-O3 -mavx2)
avx512 := -O3 -mavx2 -mavx512f -mavx512dq -mavx512bw -mavx512vl
%_avx512.o: kernel_flags = $(if $(x86),$(avx512))
%_avx512vnni.o: kernel_flags = $(if $(x86),$(avx512) -mavx512vnni)

# Where the program looks for the RTL.
%/rtl_library.o: kernel_flags = -DQMAC_SOURCE_ROOT='"$(CURDIR)"'

# OpenBLAS is for tests/bench_gemm.c only, which says so where it is missing.
openblas = $(shell pkg-config --exists openblas 2>/dev/null && pkg-config --$(1) openblas)
%/bench_gemm.o: kernel_flags = $(if $(call openblas,libs),-DHAVE_OPENBLAS $(call openblas,cflags))
%/bench_gemm: more_libs = $(call openblas,libs)

# V=1 shows whole commands.
ifeq ($(V),)
Q := @
say = @printf '  %-5s %s\n'
else
say = @true
endif

# With `make -j deps demo` the packages come first.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
$(BUILD)/gen/isa-gen: | deps
endif

define variant
$(BUILD)/$(1)/%.o: %.c $(BUILD)/gen/qmac_isa.h
	@mkdir -p $$(@D)
	$(say) cc $$@
	$(Q)$(CC) $(STRICT) $$($(1)_flags) $$(kernel_flags) $(INCLUDES) $$(if $$(filter tests/%,$$<),-Itests) -MMD -MP -c $$< -o $$@

$(BUILD)/$(1)/libqmac.a: $(library_sources:%.c=$(BUILD)/$(1)/%.o) $(host_sources:%.c=$(BUILD)/$(1)/%.o)
	$(say) ar $$@
	$(Q)rm -f $$@ && ar rcs $$@ $$^

$(BUILD)/$(1)/qmac: $(BUILD)/$(1)/host/cli/main.o $(BUILD)/$(1)/libqmac.a
	$(say) link $$@
	$(Q)$(CC) $$($(1)_flags) $$^ $(LIBS) -o $$@

$(BUILD)/$(1)/tests/%: $(BUILD)/$(1)/tests/%.o $(test_support:%.c=$(BUILD)/$(1)/%.o) $(BUILD)/$(1)/libqmac.a
	$(say) link $$@
	$(Q)$(CC) $$($(1)_flags) $$^ $(LIBS) -lcunit $$(more_libs) -o $$@
endef
$(eval $(call variant,release))
$(eval $(call variant,sanitize))
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PRECIOUS: $(BUILD)/release/%.o $(BUILD)/sanitize/%.o

$(BUILD)/qmac: $(BUILD)/release/qmac
	cp $< $@

# ---- RTL units against the reference (tests/rtl/), each in its own build -------
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
rtl_fetch_16 := fetch BUS_BYTES=16 BURST_BEATS=3 OUTSTANDING=7
rtl_fetch_64 := fetch BUS_BYTES=64 BURST_BEATS=256 OUTSTANDING=16
rtl_dispatch_1 := dispatch QUEUE_DEPTH=1
rtl_dispatch_2 := dispatch QUEUE_DEPTH=2
rtl_dispatch_16 := dispatch QUEUE_DEPTH=16
rtl_registers_ragged := registers ROWS=12 COLS=20 A_BITS=7 W_BITS=11 ACC_BITS=40 ACC_OVERFLOW=1 OS_MAX=512 \
                        A_DEPTH=100 W_DEPTH=102 ACC_DEPTH=104 BUS_BYTES=32 BURST_BEATS=256 OUTSTANDING=5 \
                        QUEUE_DEPTH=3 LUT_BITS=12 LUT_PORTS=20 MAC_STYLE=0 ZERO_GATING=1
rtl_vec_1x1 := vec ROWS=1 COLS=1 A_BITS=2 W_BITS=2 ACC_BITS=16 A_DEPTH=2 W_DEPTH=4 ACC_DEPTH=6 \
               LUT_BITS=4 LUT_PORTS=1
rtl_vec_8x8 := vec ROWS=8 COLS=8 A_BITS=8 W_BITS=8 ACC_BITS=32 A_DEPTH=60 W_DEPTH=62 ACC_DEPTH=64 \
               LUT_BITS=8 LUT_PORTS=8
rtl_vec_12x20 := vec ROWS=12 COLS=20 A_BITS=7 W_BITS=11 ACC_BITS=40 A_DEPTH=100 W_DEPTH=102 ACC_DEPTH=104 \
                 LUT_BITS=5 LUT_PORTS=3
rtl_vec_5x3 := vec ROWS=5 COLS=3 A_BITS=16 W_BITS=16 ACC_BITS=64 A_DEPTH=64 W_DEPTH=50 ACC_DEPTH=10 \
               LUT_BITS=12 LUT_PORTS=2
rtl_vec_9x1 := vec ROWS=9 COLS=1 A_BITS=5 W_BITS=3 ACC_BITS=33 A_DEPTH=30 W_DEPTH=18 ACC_DEPTH=20 \
               LUT_BITS=6 LUT_PORTS=1
rtl_load_1x1 := load ROWS=1 COLS=1 A_BITS=2 W_BITS=2 ACC_BITS=16 BUS_BYTES=4 BURST_BEATS=1 OUTSTANDING=1
rtl_load_8x8 := load ROWS=8 COLS=8 A_BITS=8 W_BITS=8 ACC_BITS=32 BUS_BYTES=8 BURST_BEATS=16 OUTSTANDING=4
rtl_load_12x20 := load ROWS=12 COLS=20 A_BITS=7 W_BITS=11 ACC_BITS=40 BUS_BYTES=32 BURST_BEATS=5 OUTSTANDING=3
rtl_load_20x12 := load ROWS=20 COLS=12 A_BITS=16 W_BITS=5 ACC_BITS=64 BUS_BYTES=4 BURST_BEATS=7 OUTSTANDING=2
rtl_load_64x3 := load ROWS=64 COLS=3 A_BITS=9 W_BITS=16 ACC_BITS=24 BUS_BYTES=64 BURST_BEATS=256 \
                 OUTSTANDING=16
rtl_store_1 := store COLS=1 ACC_BITS=16 BUS_BYTES=4 BURST_BEATS=1 OUTSTANDING=1
rtl_store_3 := store COLS=3 ACC_BITS=64 BUS_BYTES=16 BURST_BEATS=2 OUTSTANDING=1
rtl_store_8 := store COLS=8 ACC_BITS=32 BUS_BYTES=8 BURST_BEATS=16 OUTSTANDING=4
rtl_store_12 := store COLS=12 ACC_BITS=64 BUS_BYTES=4 BURST_BEATS=7 OUTSTANDING=2
rtl_store_20 := store COLS=20 ACC_BITS=40 BUS_BYTES=32 BURST_BEATS=5 OUTSTANDING=3
rtl_store_64 := store COLS=64 ACC_BITS=24 BUS_BYTES=64 BURST_BEATS=256 OUTSTANDING=16
rtl_units := leaves_acc16 leaves_acc32 leaves_acc64 gemm_1x1 gemm_8x8 gemm_12x20 gemm_3x64 gemm_64x3 \
             check_1x1 check_12x20 check_64x64 fetch_4 fetch_8 fetch_16 fetch_64 \
             dispatch_1 dispatch_2 dispatch_16 registers_ragged vec_1x1 vec_8x8 vec_12x20 vec_5x3 vec_9x1 \
             load_1x1 load_8x8 load_12x20 load_20x12 load_64x3 \
             store_1 store_3 store_8 store_12 store_20 store_64
rtl_objects = $(test_support:%.c=$(BUILD)/release/%.o) $(BUILD)/release/libqmac.a

$(BUILD)/rtl/%/test: $(wildcard rtl/*.v rtl/*.vh rtl/sim/* tests/rtl/*) $(BUILD)/gen/qmac_isa.vh $(rtl_objects)
	$(say) rtl $@
	$(Q)BUILD='$(abspath $(BUILD))' CC='$(CC)' CXX="$$(command -v clang++ || command -v g++)" \
	CFLAGS='$(STRICT) $(CFLAGS)' OBJECTS='$(rtl_objects)' LIBS='$(LIBS) -lcunit' \
	sh tests/rtl/build.sh $* $(rtl_$*)

# Asked when needed: `make deps` may have to install it first.
has_verilator = $(shell command -v verilator)
rtl_tests = $(if $(has_verilator),$(rtl_units:%=$(BUILD)/rtl/%/test))

.PHONY: test-rtl lint-rtl
test-rtl: ## the RTL units only
	@$(if $(has_verilator),$(MAKE) --no-print-directory $(rtl_tests) && BUILD='$(BUILD)' sh tests/rtl/run.sh $(rtl_units),\
	echo "0 passed, 0 failed, $(words $(rtl_units)) skipped: verilator is not installed")

lint-rtl: $(BUILD)/gen/qmac_isa.vh
	@BUILD='$(BUILD)' sh tests/rtl/lint.sh

# ---- what people run ---------------------------------------------------------
demo: $(BUILD)/qmac ## train the HALP family of Figure 1: a table and a plot
	$(BUILD)/qmac sweep configs/sweep/fig1.yaml --out $(BUILD)/demo/fig1

test: $(BUILD)/qmac $(BUILD)/sanitize/qmac $(foreach v,release sanitize,$(test_programs:%=$(BUILD)/$(v)/tests/%)) ## all tests, also under the sanitizers
	@$(if $(has_verilator),$(MAKE) --no-print-directory $(rtl_tests))
	@BUILD='$(BUILD)' RTL_UNITS='$(if $(has_verilator),$(rtl_units))' \
	RTL_SKIPPED='$(if $(has_verilator),0,$(words $(rtl_units)))' sh tests/run.sh $(test_programs)

soak: $(BUILD)/sanitize/tests/test_program ## 10,000 random programs under the sanitizers: minutes
	QMAC_TEST_PROGRAMS=10000 $<

bench: $(BUILD)/qmac $(bench_programs:%=$(BUILD)/release/tests/%) ## measure speed, side by side
	@for b in $(bench_programs); do $(BUILD)/release/tests/$$b || exit 1; done

tables: $(table_programs:%=$(BUILD)/release/tests/%) ## print the measured tables of docs/
	@for t in $(table_programs); do $(BUILD)/release/tests/$$t || exit 1; done

docs: $(BUILD)/gen/isa-gen ## refresh the generated tables in docs/
	@sh tests/docs_tables.sh write $(BUILD)/gen/isa-gen docs/command-set.md

lint: ## static checks
	@BUILD='$(BUILD)' CC='$(CC)' sh tests/lint.sh

clean: ## remove everything built
	rm -rf $(BUILD)
