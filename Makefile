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
INCLUDES := -Icmodel -Ihost -I$(BUILD)/gen
LIBS := -lyaml -lz -lpthread -lm
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

PACKAGES := build-essential pkg-config libyaml-dev libcunit1-dev zlib1g-dev gnuplot-nox

library_sources := $(filter-out cmodel/isa/gen.c,$(wildcard cmodel/*/*.c))
host_sources := $(filter-out host/cli/main.c,$(wildcard host/*/*.c))
test_support := tests/test.c $(wildcard tests/reference/*.c)
test_programs := $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
bench_programs := $(patsubst tests/%.c,%,$(wildcard tests/bench_*.c))

.PHONY: help deps all demo test lint bench docs clean
.DEFAULT_GOAL := all

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the Debian packages the project needs
	@BUILD='$(BUILD)' sh tests/deps.sh $(PACKAGES)

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
%_avx512.o: kernel_flags = $(if $(x86),-O3 -mavx2 -mavx512f -mavx512dq -mavx512bw -mavx512vl)

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
	$(Q)$(CC) $$($(1)_flags) $$^ $(LIBS) -lcunit -o $$@
endef
$(eval $(call variant,release))
$(eval $(call variant,sanitize))
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PRECIOUS: $(BUILD)/release/%.o $(BUILD)/sanitize/%.o

$(BUILD)/qmac: $(BUILD)/release/qmac
	cp $< $@

# ---- what people run ---------------------------------------------------------
demo: $(BUILD)/qmac ## train the HALP family of Figure 1: a table and a plot
	$(BUILD)/qmac sweep configs/sweep/fig1.yaml --out $(BUILD)/demo/fig1

test: $(BUILD)/qmac $(BUILD)/sanitize/qmac $(foreach v,release sanitize,$(test_programs:%=$(BUILD)/$(v)/tests/%)) ## all tests, also under the sanitizers
	@BUILD='$(BUILD)' sh tests/run.sh $(test_programs)

bench: $(BUILD)/qmac $(bench_programs:%=$(BUILD)/release/tests/%) ## measure speed, side by side
	@for b in $(bench_programs); do $(BUILD)/release/tests/$$b || exit 1; done

docs: $(BUILD)/gen/isa-gen ## refresh the generated tables in docs/
	@sh tests/docs_tables.sh write $(BUILD)/gen/isa-gen docs/command-set.md

lint: ## static checks
	@BUILD='$(BUILD)' CC='$(CC)' sh tests/lint.sh

clean: ## remove everything built
	rm -rf $(BUILD)
