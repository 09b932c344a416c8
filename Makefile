# qmac: the only build file. `make help` lists the targets.
# Everything built goes to $(BUILD), default build/.

# Every processor, where -j does not say how many; what is cleaned away must be gone before anything is built.
ifeq ($(MAKELEVEL)$(filter clean,$(MAKECMDGOALS)),0)
MAKEFLAGS += -j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
endif

BUILD ?= build
# make itself stops at these, everywhere.
unbearable := \# : % $$ ' " \ * ? [ ; ~
ifneq ($(words $(BUILD))$(strip $(foreach c,$(unbearable),$(findstring $(c),$(BUILD)))),1)
$(error BUILD=$(BUILD): make cannot build in a folder of such a name; take letters, digits and any of / . _ -)
endif
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

PACKAGES := build-essential pkg-config libyaml-dev libcunit1-dev zlib1g-dev gnuplot-nox libopenblas-dev verilator \
	clang

library_sources := $(filter-out cmodel/isa/gen.c,$(wildcard cmodel/*/*.c))
host_sources := $(filter-out host/cli/main.c,$(wildcard host/*/*.c))
test_support := tests/test.c $(wildcard tests/reference/*.c)
test_programs := $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
bench_programs := $(patsubst tests/%.c,%,$(wildcard tests/bench_*.c))
table_programs := $(patsubst tests/%.c,%,$(wildcard tests/table_*.c))

.PHONY: help deps data all demo test soak lint bench tables docs clean
.DEFAULT_GOAL := all

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the Debian packages the project needs
	@BUILD='$(BUILD)' sh tests/deps.sh $(PACKAGES)

data: ## fetch MNIST and Fashion-MNIST, look at the other data sets
	@sh tests/data.sh

all: $(BUILD)/qmac $(BUILD)/gen/qmac_isa.vh ## build $(BUILD)/qmac

# ---- generated command set --------------------------------------------------
$(BUILD)/gen/isa-gen: cmodel/isa/gen.c cmodel/isa/isa.def
	@mkdir -p $(@D)
	$(CC) -std=c11 -Wall -Wextra $(WERROR) -Icmodel $< -o $@

$(BUILD)/gen/qmac_isa.h: $(BUILD)/gen/isa-gen
	$< c > $@.tmp && mv $@.tmp $@

$(BUILD)/gen/qmac_isa.vh: $(BUILD)/gen/isa-gen
	$< verilog > $@.tmp && mv $@.tmp $@

# The tables of energies and areas of runs that name none are part of the program: the bytes of their files.
$(BUILD)/gen/energy_default.inc: configs/energy/default_45nm.yaml
$(BUILD)/gen/area_default.inc: configs/area/osu018_180nm.yaml
$(BUILD)/gen/%_default.inc:
	@mkdir -p $(@D)
	od -An -v -tu1 $< | sed 's/\([0-9][0-9]*\)/\1,/g' > $@.tmp && mv $@.tmp $@
$(foreach table,energy area,$(eval \
	$(BUILD)/release/host/config/$(table)_file.o $(BUILD)/sanitize/host/config/$(table)_file.o: \
	$(BUILD)/gen/$(table)_default.inc))

# ---- objects: $(BUILD)/<variant>/<source>.o, variants release and sanitize ---
release_flags := $(CFLAGS)
sanitize_flags := $(SANITIZE)
# Linked into the program, which then starts faster; clang does that anyway.
sanitize_link := $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan)
# Kernels for one instruction set; elsewhere their files are empty. The compiler is asked when it is
# needed, because `make deps` may have to install it first.
x86 = $(findstring x86_64,$(shell $(CC) -dumpmachine))
# With the sanitizers each takes five times as long to compile as to test.
kernel_level = $(if $(findstring /sanitize/,$@),-O1,-O3)
%_avx2.o: kernel_flags = $(if $(x86),$(kernel_level) -mavx2)
avx512 = $(kernel_level) -mavx2 -mavx512f -mavx512dq -mavx512bw -mavx512vl
%_avx512.o: kernel_flags = $(if $(x86),$(avx512))
%_avx512vnni.o: kernel_flags = $(if $(x86),$(avx512) -mavx512vnni)
%_avx512vbmi2.o: kernel_flags = $(if $(x86),$(avx512) -mavx512vnni -mavx512vbmi2 -mgfni)

# Loops over rows and weights: vectors of them, each element with the bits of the plain loop.
%/num/dither.o %/device/move.o %/device/pending.o %/device/vec_source.o %/data/dataset.o %/float/conv.o %/float/matrix.o \
	%/float/pointwise.o %/float/pool.o %/net/copy.o %/net/layer.o %/train/host_engine.o %/train/loss.o \
	%/train_net/codes.o %/train_net/device_engine.o %/train_net/update.o \
	%/train/softmax.o: kernel_flags = -O3 -fno-trapping-math

# Where the program looks for the RTL: a string of C, quoted for the shell.
source_root = $(subst ','\'',$(subst ",\",$(subst \,\\,$(CURDIR))))
%/rtl_library.o: kernel_flags = -DQMAC_SOURCE_ROOT='"$(source_root)"'


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
	$(Q)$(CC) $$($(1)_flags) $$($(1)_link) $$^ $(LIBS) -o $$@

$(BUILD)/$(1)/tests/%: $(BUILD)/$(1)/tests/%.o $(test_support:%.c=$(BUILD)/$(1)/%.o) $(BUILD)/$(1)/libqmac.a
	$(say) link $$@
	$(Q)$(CC) $$($(1)_flags) $$($(1)_link) $$^ $(LIBS) -lcunit $$(more_libs) -o $$@
endef
$(eval $(call variant,release))
$(eval $(call variant,sanitize))
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PRECIOUS: $(BUILD)/release/%.o $(BUILD)/sanitize/%.o

$(BUILD)/qmac: $(BUILD)/release/qmac
	cp $< $@

# ---- RTL units against the reference (tests/rtl/), each in its own build -------
include tests/rtl/units.mk

# Asked when needed: `make deps` may have to install it first.
has_verilator = $(shell command -v verilator)
rtl_tests = $(if $(has_verilator),$(rtl_units:%=$(BUILD)/rtl/%/test))

.PHONY: test-rtl lint-rtl
test-rtl: ## the RTL units only
	@$(if $(has_verilator),$(MAKE) --no-print-directory $(rtl_tests) && BUILD='$(BUILD)' sh tests/rtl/run.sh $(rtl_units),\
	echo "0 passed, 0 failed, $(words $(rtl_units)) skipped: verilator is not installed")

lint-rtl: $(BUILD)/gen/qmac_isa.vh
	@BUILD='$(BUILD)' sh tests/rtl/lint.sh

.PHONY: synth
synth: $(BUILD)/gen/qmac_isa.vh ## area, longest paths: HW=configs/hw/8x8_w8.yaml [TOP=qmac_check] [SET="ROWS=2 COLS=2"]
	@BUILD='$(BUILD)' TARGETS='$(TARGETS)' sh rtl/synth/synth.sh '$(HW)' '$(or $(TOP),qmac_top)' $(SET)

# ---- what people run ---------------------------------------------------------
demo: $(BUILD)/qmac ## train the HALP family of Figure 1, and LeNet-5 with AdaPT: tables and plots
	$(BUILD)/qmac sweep configs/sweep/fig1.yaml --out $(BUILD)/demo/fig1
	@BUILD='$(BUILD)' sh tests/demo.sh

test_files := $(table_programs:%=$(BUILD)/release/tests/%) \
              $(foreach v,release sanitize,$(test_programs:%=$(BUILD)/$(v)/tests/%))
test: $(BUILD)/qmac $(BUILD)/sanitize/qmac $(test_files) ## all tests, also under the sanitizers
	@$(if $(has_verilator),$(MAKE) --no-print-directory $(rtl_tests))
	@BUILD='$(BUILD)' RTL_UNITS='$(if $(has_verilator),$(rtl_units))' \
	RTL_SKIPPED='$(if $(has_verilator),0,$(words $(rtl_units)))' sh tests/run.sh $(test_programs)

soak: $(BUILD)/sanitize/tests/test_program $(BUILD)/qmac ## many random programs, networks in lockstep: hours
	QMAC_TEST_PROGRAMS=10000 $<
	@BUILD='$(BUILD)' sh tests/lockstep_long.sh $(BUILD)/qmac $(NETWORKS)

.PHONY: mutants
mutants: $(BUILD)/qmac ## plant faults in the RTL and the C model; each must be caught: minutes
	@BUILD='$(BUILD)' CC='$(CC)' CFLAGS='$(CFLAGS)' LIBS='$(LIBS)' sh tests/mutants/run.sh $(MUTANTS)

bench: $(BUILD)/qmac $(bench_programs:%=$(BUILD)/release/tests/%) ## measure speed, side by side
	@$(if $(has_verilator),$(MAKE) --no-print-directory $(rtl_arrays:%=$(BUILD)/rtl/%/test))
	@BUILD='$(BUILD)' sh tests/bench.sh $(bench_programs)

tables: $(table_programs:%=$(BUILD)/release/tests/%) ## print the measured tables of docs/
	@for t in $(table_programs); do $(BUILD)/release/tests/$$t || exit 1; done

docs: $(BUILD)/gen/isa-gen ## refresh the generated tables in docs/
	@sh tests/docs_tables.sh write $(BUILD)/gen/isa-gen docs/command-set.md

lint: ## static checks
	+@BUILD='$(BUILD)' CC='$(CC)' sh tests/lint.sh

clean: ## remove everything built
	rm -rf $(BUILD)
