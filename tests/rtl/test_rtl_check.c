/*
 * The check of descriptors in Verilog against ref_fault(): all cases of the reference, each bit of legal
 * commands flipped, random commands of random memory windows, legal, damaged, and a step beside the legal,
 * VECs whose rows lie close together. ORDER is the dispatcher's: every wait is legal here. Streams of
 * descriptors pass with and without stalls; each must come out once, in order, unchanged (but for where a
 * window begins), two cycles after it was taken unless stalled.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../rtl/sim/unit.h"
#include "fuzz/commands.h"
#include "fuzz/damage.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "reference/fault_commands.h"
#include "reference/ref_device.h"
#include "reference/ref_fields.h"
#include "test.h"
#include "window.h"

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef ROWS
enum { ROWS = 12, COLS = 20, A_BITS = 7, W_BITS = 11, ACC_BITS = 40, OS_MAX = 256, A_DEPTH = 64, W_DEPTH = 80,
       ACC_DEPTH = 90, LUT_BITS = 6 };
#endif

/* Words of unit_check.v. */
enum { IN_CONTROL = 0, IN_TIME, IN_MEM_BASE = 3, IN_MEM_SIZE = 5, IN_HALF = 8 };
enum { OUT_CONTROL = 0, OUT_SLOTS, OUT_TIME, OUT_HALF = 8 };
enum { RESET_OFF = 1, VALID = 2, TAKE = 4, WRITE = 8, IN_HIGH = 16, OUT_HIGH = 32, BUS_ERROR = 64,
       INDEX = 8 };
enum { READY = 1, OFFERED = 2, ENGINE = 2, FAULT = 4 };

enum { BATCH = 256, BATCHES = 1000, CLOSE = 100000, WRONG_SHOWN = 5 };

struct item {
	uint32_t words[QMAC_COMMAND_WORDS];
	bool bus_error;
	uint64_t time;
	uint64_t taken; /* the cycle of its input handshake */
};

struct bench {
	struct unit *unit;
	struct qmac_dispatch_state memory; /* its window; the rest is not used */
	uint64_t rng, cycle;
	uint64_t seen[QMAC_FAULT_RING + 1]; /* how often each fault was due */
	struct item items[BATCH];
	int count; /* of items */
	int wrong;
};

static const struct qmac_hw hw = {
	.rows = ROWS, .cols = COLS, .a_bits = A_BITS, .w_bits = W_BITS, .acc_bits = ACC_BITS, .os_max = OS_MAX,
	.a_depth = A_DEPTH, .w_depth = W_DEPTH, .acc_depth = ACC_DEPTH, .bus_bytes = 8, .burst_beats = 1,
	.outstanding = 1, .queue_depth = 1, .lut_bits = LUT_BITS, .lut_ports = 1,
};

static void set_wide(struct unit *unit, int word, uint64_t value)
{
	unit_set(unit, word, (uint32_t)value);
	unit_set(unit, word + 1, (uint32_t)(value >> 32));
}

static void create(struct bench *b, uint64_t mem_base, uint64_t mem_size)
{
	memset(b, 0, sizeof *b);
	b->unit = unit_create();
	b->memory = (struct qmac_dispatch_state){mem_base, mem_size, {0, 0, 0}};
	b->rng = test_seed();
	unit_clock(b->unit);
}

static void expect(struct bench *b, const struct item *item, const char *what, uint64_t got,
                   uint64_t expected)
{
	struct qmac_command command;
	char text[1024];

	if (got == expected || b->wrong++ >= WRONG_SHOWN)
		return;
	qmac_command_decode(item->words, &command);
	printf("%s: %s: got %llu (0x%llx), expected %llu (0x%llx)\n",
	       qmac_command_text(&command, text, sizeof text), what, (unsigned long long)got,
	       (unsigned long long)got, (unsigned long long)expected, (unsigned long long)expected);
}

/* The fault leaving ORDER out: to the reference each count that is waited for is the one dispatched. */
static unsigned fault_of(const struct bench *b, const struct item *item, const struct qmac_command *command)
{
	const uint32_t dispatched[] = {command->wait_load, command->wait_exec, command->wait_store};

	return item->bus_error ? QMAC_FAULT_BUS
	                       : ref_fault(&hw, b->memory.mem_base, b->memory.mem_size, dispatched, item->words);
}

static uint64_t slots_of(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_SYNC  ? 1
	       : c->opcode == QMAC_OPCODE_VEC ? (uint64_t)c->n1 * c->n0
	                                      : (uint64_t)c->n2 * c->n1 * c->n0;
}

/* What the unit offers in this cycle against what is due; control is the input as it stands. */
static void compare(struct bench *b, const struct item *item, uint32_t control)
{
	struct qmac_command command;
	uint32_t out = unit_get(b->unit, OUT_CONTROL), words[QMAC_COMMAND_WORDS];
	uint64_t time = unit_get(b->unit, OUT_TIME) | (uint64_t)unit_get(b->unit, OUT_TIME + 1) << 32;
	unsigned fault;

	qmac_command_decode(item->words, &command);
	fault = fault_of(b, item, &command);
	b->seen[fault]++;
	expect(b, item, "fault", out >> FAULT & 15, fault);
	expect(b, item, "ready time", time, item->time);
	if (fault != QMAC_FAULT_OPCODE && fault != QMAC_FAULT_BUS)
		expect(b, item, "engine", out >> ENGINE & 3, qmac_command_engine(command.opcode));
	if (fault == QMAC_FAULT_NONE)
		expect(b, item, "slots", unit_get(b->unit, OUT_SLOTS), slots_of(&command));
	memcpy(words, item->words, sizeof words);
	window_begins(words);
	for (int half = 0; half < 2; half++) {
		unit_set(b->unit, IN_CONTROL, half ? control | OUT_HIGH : control);
		unit_settle(b->unit);
		for (int word = 0; word < 8; word++)
			expect(b, item, "descriptor", unit_get(b->unit, OUT_HALF + word), words[8 * half + word]);
	}
}

static void write_items(struct bench *b)
{
	for (int i = 0; i < 2 * b->count; i++) {
		for (int word = 0; word < 8; word++)
			unit_set(b->unit, IN_HALF + word, b->items[i / 2].words[i % 2 * 8 + word]);
		unit_set(b->unit, IN_CONTROL, WRITE | (i % 2 ? IN_HIGH : 0) | (uint32_t)(i / 2) << INDEX);
		unit_clock(b->unit);
	}
	set_wide(b->unit, IN_MEM_BASE, b->memory.mem_base);
	set_wide(b->unit, IN_MEM_SIZE, b->memory.mem_size);
}

/*
 * Passes the items through, offered and taken in one of `stall` cycles on average; 1: always. A stage
 * holds one item: so at most two are inside, and the input is ready unless both are and stay.
 */
static void run(struct bench *b, uint64_t stall)
{
	int in = 0, out = 0;
	bool offer = false;

	write_items(b);
	unit_set(b->unit, IN_CONTROL, 0);
	unit_settle(b->unit);
	unit_clock(b->unit);
	for (uint64_t limit = b->cycle + 64 * BATCH; out < b->count && b->cycle < limit; b->cycle++) {
		struct item *next = &b->items[in < b->count ? in : 0];
		bool take = test_random(&b->rng) % stall == 0, offered;
		uint32_t control, state;

		offer = in < b->count && (offer || test_random(&b->rng) % stall == 0);
		set_wide(b->unit, IN_TIME, next->time);
		control = RESET_OFF | (offer ? VALID : 0) | (take ? TAKE : 0) | (next->bus_error ? BUS_ERROR : 0) |
		          (uint32_t)(next - b->items) << INDEX;
		unit_set(b->unit, IN_CONTROL, control);
		unit_settle(b->unit);
		state = unit_get(b->unit, OUT_CONTROL);
		offered = out < in && b->items[out].taken + QMAC_CHECK_CYCLES <= b->cycle;
		/* Two inside and not moving on: the one offered, and the one that waits behind it. */
		expect(b, next, "input ready", state & READY, in - out < 2 || (offered && take));
		expect(b, next, "output valid", state >> 1 & 1, offered);
		if (offered)
			compare(b, &b->items[out], control);
		if (offer && (state & READY)) {
			next->taken = b->cycle;
			in++;
			offer = false;
		}
		out += offered && take;
		unit_clock(b->unit);
	}
	CU_ASSERT_EQUAL(out, b->count);
	b->count = 0;
}

/* Adds a descriptor; full batches pass at once, each with another pace. */
static void check(struct bench *b, const uint32_t words[QMAC_COMMAND_WORDS])
{
	struct item *item = &b->items[b->count++];

	memcpy(item->words, words, sizeof item->words);
	item->bus_error = test_random(&b->rng) % 64 == 0;
	item->time = test_random(&b->rng);
	if (b->count == BATCH)
		run(b, 1 + test_random(&b->rng) % 3);
}

static void finish(struct bench *b)
{
	run(b, 1);
	CU_ASSERT_EQUAL(b->wrong, 0);
	unit_destroy(b->unit);
}

/* A test in which a kind of fault hardly came up would show nothing. */
static void expect_all(const struct bench *b, uint64_t least)
{
	for (unsigned fault = QMAC_FAULT_NONE; fault <= QMAC_FAULT_ADDRESS; fault++) {
		bool enough = b->seen[fault] >= least || fault == QMAC_FAULT_ORDER;

		if (!enough)
			printf("%s: only %llu times\n", qmac_code_name("FAULT", fault),
			       (unsigned long long)b->seen[fault]);
		CU_ASSERT_TRUE(enough);
	}
}

static void test_cases(void)
{
	bool same = memcmp((int[]){hw.rows, hw.cols, hw.a_bits, hw.w_bits, hw.acc_bits, hw.os_max, hw.a_depth,
	                           hw.w_depth, hw.acc_depth, hw.lut_bits},
	                   (int[]){fault_hw.rows, fault_hw.cols, fault_hw.a_bits, fault_hw.w_bits,
	                           fault_hw.acc_bits, fault_hw.os_max, fault_hw.a_depth, fault_hw.w_depth,
	                           fault_hw.acc_depth, fault_hw.lut_bits}, 10 * sizeof(int)) == 0;
	struct bench b;

	create(&b, fault_state.mem_base, fault_state.mem_size);
	for (int i = 0; i < fault_case_count; i++) {
		struct qmac_command command;
		uint32_t words[QMAC_COMMAND_WORDS];

		fault_command(&fault_cases[i], &command);
		qmac_command_encode(&command, words);
		check(&b, words);
	}
	run(&b, 1);
	if (same)
		expect_all(&b, 5);
	finish(&b);
}

static void test_flipped_bits(void)
{
	struct bench b;

	create(&b, fault_state.mem_base, fault_state.mem_size);
	for (int i = 0; i < FAULT_BASES; i++)
		for (int bit = 0; bit < 32 * (int)QMAC_COMMAND_WORDS; bit++) {
			uint32_t words[QMAC_COMMAND_WORDS];

			qmac_command_encode(&fault_bases[i], words);
			words[bit / 32] ^= 1U << bit % 32;
			check(&b, words);
		}
	finish(&b);
}

/*
 * A window of any size and place for the next batch, in which its commands are legal; the unit's is a few
 * bytes short at one end in half the batches.
 */
static void choose_window(struct bench *b, struct qmac_fuzz_program *program)
{
	uint64_t size = (4096ULL << qmac_fuzz_below(&b->rng, 36)) + 8 * (uint64_t)qmac_fuzz_below(&b->rng, 512);
	uint64_t cut = (uint64_t)qmac_fuzz_below(&b->rng, 16);

	program->data_bytes = size;
	program->data_base = (uint64_t)qmac_fuzz_pick(&b->rng, 0, (int64_t)((1ULL << 48) - size) / 8) * 8;
	b->memory.mem_base = program->data_base;
	b->memory.mem_size = size;
	if (qmac_fuzz_chance(&b->rng, 2))
		b->memory.mem_size -= cut;
	if (qmac_fuzz_chance(&b->rng, 4))
		b->memory.mem_base += cut;
}

/* Random commands as they are, damaged, and with each field one more and one less. */
static void test_random_commands(void)
{
	struct qmac_fuzz_program program = {.hw = hw};
	struct bench b;

	create(&b, 0, 0);
	program.rng = b.rng;
	for (int batch = 0; batch < BATCHES; batch++) {
		struct qmac_command command;
		uint32_t legal[QMAC_COMMAND_WORDS], words[QMAC_COMMAND_WORDS];
		int field = 0;

		choose_window(&b, &program);
		qmac_fuzz_command(&program, &command);
		qmac_command_encode(&command, legal);
		for (; field < 2 * REF_FIELDS; field++) {
			int64_t value = ref_extract(legal, (enum ref_field)(field / 2));

			memcpy(words, legal, sizeof words);
			ref_insert(words, (enum ref_field)(field / 2), (uint64_t)(field % 2 ? value + 1 : value - 1));
			check(&b, words);
		}
		while (b.count > 0) {
			qmac_fuzz_command(&program, &command);
			qmac_command_encode(&command, words);
			if (qmac_fuzz_chance(&b.rng, 2))
				qmac_fuzz_damage(&b.rng, words);
			check(&b, words);
		}
	}
	expect_all(&b, 1); /* a scratchpad of two rows leaves little room for HAZARD */
	CU_ASSERT_TRUE(b.seen[QMAC_FAULT_BUS] > 100);
	finish(&b);
}

/*
 * Coefficients, sums, sources and destination within a few rows of each other and of either end of the
 * scratchpads, in a few rows each, one for each i1 or i0: what meets, and what just does not.
 */
static void test_close_rows(void)
{
	static const enum ref_field rows[] = {REF_VEC_dst_0, REF_VEC_src0_0, REF_VEC_src1_0, REF_VEC_coef_0,
	                                      REF_VEC_sum_0};
	static const enum ref_field strides[] = {REF_VEC_d0_0, REF_VEC_d1_0, REF_VEC_a0_0, REF_VEC_a1_0,
	                                         REF_VEC_b0_0, REF_VEC_b1_0};
	struct bench b;

	create(&b, fault_state.mem_base, fault_state.mem_size);
	for (int i = 0; i < CLOSE; i++) {
		bool affine = qmac_fuzz_chance(&b.rng, 2);
		uint64_t around = qmac_fuzz_chance(&b.rng, 4) ? (uint64_t)hw.acc_depth - 8 : 1;
		uint32_t words[QMAC_COMMAND_WORDS];

		qmac_command_encode(&fault_bases[affine ? AFFINE : ADD], words);
		for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
			ref_insert(words, rows[k], around + (uint64_t)qmac_fuzz_below(&b.rng, 12));
		for (size_t k = 0; k < sizeof strides / sizeof strides[0]; k++)
			ref_insert(words, strides[k], (uint64_t)qmac_fuzz_below(&b.rng, 3));
		if (!affine)
			ref_insert(words, REF_VEC_coef_0, 0);
		else if (qmac_fuzz_chance(&b.rng, 2))
			ref_insert(words, REF_VEC_coef_step_0, 1);
		if (qmac_fuzz_chance(&b.rng, 4))
			ref_insert(words, REF_VEC_sum_0, 0);
		ref_insert(words, REF_VEC_n0_0, 1 + (uint64_t)qmac_fuzz_below(&b.rng, 3));
		ref_insert(words, REF_VEC_n1_0, 1 + (uint64_t)qmac_fuzz_below(&b.rng, 3));
		ref_insert(words, REF_VEC_s0space_0, (uint64_t)qmac_fuzz_below(&b.rng, 3));
		ref_insert(words, REF_VEC_s1space_0, (uint64_t)qmac_fuzz_below(&b.rng, 3));
		ref_insert(words, REF_VEC_lanes_0, 1 + (uint64_t)qmac_fuzz_below(&b.rng, (uint32_t)hw.cols + 1));
		check(&b, words);
	}
	if (hw.acc_depth >= 90) {
		CU_ASSERT_TRUE(b.seen[QMAC_FAULT_NONE] > CLOSE / 50);
		CU_ASSERT_TRUE(b.seen[QMAC_FAULT_RANGE] > CLOSE / 50);
		CU_ASSERT_TRUE(b.seen[QMAC_FAULT_HAZARD] > CLOSE / 50);
	}
	finish(&b);
}

#define LOOP(base, class, count, stride) {base, REF_##class##_##count##_0, REF_##class##_##stride##_0}

/* A loop of a command: its count and one of its strides. */
static const struct loop {
	enum fault_base base;
	enum ref_field count, stride;
} loops[] = {
	LOOP(LOAD_A, MOVE, n0, s0), LOOP(LOAD_A, MOVE, n1, s1), LOOP(LOAD_A, MOVE, n2, s2),
	LOOP(STORE, MOVE, n0, ds0), LOOP(STORE, MOVE, n1, ds1), LOOP(STORE, MOVE, n2, ds2),
	LOOP(WS, GEMM, n0, as0), LOOP(WS, GEMM, n1, as1), LOOP(WS, GEMM, n2, as2),
	LOOP(WS, GEMM, n0, cs0), LOOP(WS, GEMM, n1, cs1), LOOP(WS, GEMM, n2, cs2),
	LOOP(OS, GEMM, n0, ws0), LOOP(OS, GEMM, n1, ws1), LOOP(OS, GEMM, n2, ws2),
	LOOP(ADD, VEC, n0, d0), LOOP(ADD, VEC, n1, d1), LOOP(ADD, VEC, n0, a0), LOOP(ADD, VEC, n1, a1),
	LOOP(ADD, VEC, n0, b0), LOOP(ADD, VEC, n1, b1),
};

/* That loop alone, 2^count + 1 iterations with a stride of 2^stride; the other loops run once. */
static void only_loop(const struct loop *loop, int count, int stride, uint32_t words[QMAC_COMMAND_WORDS])
{
	qmac_command_encode(&fault_bases[loop->base], words);
	for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++)
		if (loops[i].base == loop->base || (loops[i].base == LOAD_A && loop->base == STORE) ||
		    (loops[i].base == STORE && loop->base == LOAD_A)) {
			ref_insert(words, loops[i].count, 1);
			ref_insert(words, loops[i].stride, 0);
		}
	ref_insert(words, loop->count, (1ULL << count) + 1);
	ref_insert(words, loop->stride, 1ULL << stride);
	if (loop->base == LOAD_A || loop->base == STORE) {
		ref_insert(words, REF_MOVE_hi0_0, loop->count == REF_MOVE_n0_0 ? 1ULL << count : 0);
		ref_insert(words, REF_MOVE_hi1_0, loop->count == REF_MOVE_n1_0 ? 1ULL << count : 0);
	}
}

/* Only the last row is inside the window, and it has the address of the base before. */
static void skip_to_last(const struct loop *loop, int count, int stride, uint32_t words[QMAC_COMMAND_WORDS])
{
	uint64_t base = fault_bases[LOAD_A].base - (1ULL << (count + stride));

	ref_insert(words, REF_MOVE_base_0, base & UINT32_MAX);
	ref_insert(words, REF_MOVE_base_32, base >> 32 & 0xFFFF);
	ref_insert(words, loop->count == REF_MOVE_n0_0 ? REF_MOVE_lo0_0 : REF_MOVE_lo1_0, 1ULL << count);
}

/* Products that are powers of two: one that is cut, wherever, leaves 0, and the command looks legal. */
static void test_products(void)
{
	struct bench b;

	create(&b, fault_state.mem_base, fault_state.mem_size);
	for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++)
		for (int count = 0; count < 16; count++)
			for (int stride = 0; stride < ref_field_bits(loops[i].stride); stride++) {
				uint32_t words[QMAC_COMMAND_WORDS];

				only_loop(&loops[i], count, stride, words);
				check(&b, words);
				if (loops[i].stride != REF_MOVE_s0_0 && loops[i].stride != REF_MOVE_s1_0)
					continue;
				skip_to_last(&loops[i], count, stride, words);
				check(&b, words);
			}
	finish(&b);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"every clause of refusal", test_cases},
		{"every single flipped bit", test_flipped_bits},
		{"random commands, legal, damaged, and beside the legal", test_random_commands},
		{"products of all sizes", test_products},
		{"rows close together", test_close_rows},
	};

	return test_main("test_rtl_check", cases, TEST_COUNT(cases));
}
