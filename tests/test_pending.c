/*
 * GEMMs that the C model holds back and carries out together: nobody can tell. Corpus traces, streams of the
 * fuzzer, and streams made for it, of GEMMs that add to the same rows with all else that touches those
 * between them, on a device that holds GEMMs back and on one that carries out each command when it comes:
 * equal are memory, scratchpads, registers, counters, retire records and times.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/player.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "isa/space.h"
#include "kernel/kernel.h"
#include "test.h"

enum { STREAMS = 150, MADE = 400, COMMANDS = 120, RING_LOG2 = 7, DATA = 1 << 14, ROWS = 128 };

static uint64_t rng;

static uint32_t pick(int64_t low, int64_t high)
{
	return (uint32_t)qmac_fuzz_pick(&rng, low, high);
}

/* ---- two devices ------------------------------------------------------------------- */

struct way {
	bool plain;
	const char *kernel;
	uint64_t memory_bytes;
};

static enum qmac_status open_way(void *context, const struct qmac_hw *hw,
                                 const struct qmac_device_options *options, uint64_t stalls,
                                 struct qmac_backend **backend, struct qmac_error *err)
{
	const struct way *way = context;
	struct qmac_device_options own = *options;

	(void)stalls;
	own.digests = false; /* with them nothing is held back */
	own.plain = way->plain;
	own.kernel = way->kernel;
	if (own.memory_bytes < way->memory_bytes)
		own.memory_bytes = way->memory_bytes;
	return qmac_backend_create("cmodel", hw, &own, backend, err);
}

/* Words of scratchpads that differ. */
static int words_differ(const struct qmac_hw *hw, const struct qmac_fuzz_device *a,
                        const struct qmac_fuzz_device *b)
{
	int differ = 0;

	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_ACC; space++)
		for (uint32_t row = 0; row < qmac_space_rows(hw, space); row++)
			for (uint32_t lane = 0; lane < qmac_space_lanes(hw, space); lane++)
				differ += a->backend->operations->peek(a->backend, space, row, lane) !=
				          b->backend->operations->peek(b->backend, space, row, lane);
	return differ;
}

static int counters_differ(const struct qmac_fuzz_device *a, const struct qmac_fuzz_device *b)
{
	int differ = 0;

	for (uint32_t i = 0; i < QMAC_COUNTERS; i++) {
		uint32_t at = QMAC_COUNTER_BASE + 8 * i;

		differ += a->backend->operations->read(a->backend, at) !=
		          b->backend->operations->read(b->backend, at);
	}
	return differ;
}

/* Plays a stream with and without; false: something differed, and was printed. */
static bool plays_alike(const struct qmac_hw *hw, const struct qmac_fuzz_stream *stream, const char *kernel)
{
	struct way ways[2] = {
		{false, kernel, stream->trace->memory_bytes}, {true, kernel, stream->trace->memory_bytes},
	};
	struct qmac_fuzz_device device[2];
	struct qmac_error err;
	int words = 0, counters = 0, records = 0;
	bool same = true;

	for (int i = 0; i < 2; i++) {
		const struct qmac_fuzz_target target = {open_way, &ways[i]};

		CU_ASSERT_EQUAL_FATAL(qmac_fuzz_device_open(&device[i], &target, hw, 0, &err), QMAC_OK);
		CU_ASSERT_EQUAL(qmac_fuzz_play(&device[i], stream, true, &err), QMAC_OK);
	}
	if (qmac_fuzz_compare(&device[1], &device[0], stream, &err)) {
		printf("\n    %s: %s ", kernel, err.message);
		same = false;
	}
	words = words_differ(hw, &device[0], &device[1]);
	counters = counters_differ(&device[0], &device[1]);
	for (size_t i = 0; i < device[0].count; i++)
		records += device[0].retired[i] != device[1].retired[i] ||
		           (device[0].retired[i] &&
		            memcmp(&device[0].records[i], &device[1].records[i], sizeof device[0].records[i]) != 0);
	if (words || counters || records)
		printf("\n    %s: %d words, %d counters, %d records differ ", kernel, words, counters, records);
	for (int i = 0; i < 2; i++)
		qmac_fuzz_device_close(&device[i]);
	return same && !words && !counters && !records;
}

/* ---- what there is ------------------------------------------------------------------ */

static void test_corpus(void)
{
	static const char *const files[] = {
		"traces/halp_8x8_w8.trace", "traces/lp_svrg_ragged.trace", "traces/mix_5x7.trace",
		"traces/vec_9x4.trace", "traces/halp_batch_8x8_w8.trace",
	};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct qmac_fuzz_stream stream = {.kind = QMAC_FUZZ_TRAINING};
		struct qmac_error err;

		CU_ASSERT_EQUAL_FATAL(qmac_trace_read(files[i], &stream.trace, &err), QMAC_OK);
		qmac_fuzz_stream_judge(&stream);
		for (const char *const *name = qmac_kernel_names(); *name; name++)
			CU_ASSERT(plays_alike(&stream.trace->hw, &stream, *name));
		qmac_fuzz_stream_free(&stream);
	}
}

static void test_fuzzed(void)
{
	rng = test_seed();
	for (int i = 0; i < TEST_CASES(STREAMS); i++) {
		unsigned kind = i % 2 ? QMAC_FUZZ_TRAINING : (unsigned)i / 2 % QMAC_FUZZ_KINDS;
		struct qmac_fuzz_stream stream;
		struct qmac_error err;
		struct qmac_hw hw;

		qmac_fuzz_hw(&rng, &hw);
		CU_ASSERT_EQUAL_FATAL(qmac_fuzz_stream_make(&hw, (enum qmac_fuzz_kind)kind, test_random(&rng),
		                                            QMAC_FUZZ_COMMANDS_MAX, &stream, &err), QMAC_OK);
		CU_ASSERT(plays_alike(&hw, &stream, "auto"));
		qmac_fuzz_stream_free(&stream);
	}
}

/* ---- streams made for it ------------------------------------------------------------ */

/* GEMMs of one family add to rows of one nest, each in a box of it. */
struct family {
	struct qmac_hw hw;
	uint32_t n[3], a[3], acc[3], first[2], k, cols; /* innermost first; first: of either nest in ACC */
	bool ragged;
};

static void make_family(struct family *f)
{
	static const int bits[] = {8, 8, 8, 16, 16, 5};
	struct qmac_hw *hw = &f->hw;
	struct qmac_error err;
	uint32_t gap = pick(0, 2);

	*hw = (struct qmac_hw){
		.rows = (int)pick(1, 40), .cols = (int)pick(1, 40), .a_bits = bits[pick(0, 5)],
		.w_bits = bits[pick(0, 5)], .acc_bits = (int)pick(24, 64),
		.acc_overflow = pick(0, 1) ? QMAC_OVERFLOW_SATURATE : QMAC_OVERFLOW_WRAP, .os_max = 256,
		.a_depth = ROWS, .w_depth = ROWS, .acc_depth = ROWS, .bus_bytes = 8, .burst_beats = 16,
		.outstanding = 4, .queue_depth = 4, .lut_bits = 5, .lut_ports = 1, .zero_gating = 1, .clock_mhz = 500,
		.dram_latency = 20, .dram_bytes_per_cycle = 2048, .dram_banks = 8, .dram_row_bytes = 2048,
	};
	if (pick(0, 2) == 0) /* the usual one */
		hw->rows = hw->cols = 16, hw->a_bits = hw->w_bits = 8, hw->acc_bits = 48;
	if (qmac_hw_check(hw, NULL, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("hardware");
	}
	f->n[0] = pick(1, 6), f->n[1] = pick(1, 3), f->n[2] = pick(1, 2);
	f->acc[0] = 1, f->acc[1] = f->n[0] + gap, f->acc[2] = f->n[1] * f->acc[1];
	f->a[0] = 1, f->a[1] = f->n[0] + 1, f->a[2] = f->n[1] * f->a[1];
	f->first[0] = pick(0, 3), f->first[1] = 48 + pick(0, 1);
	f->k = pick(1, hw->rows);
	f->cols = pick(0, 1) ? (uint32_t)hw->cols : pick(1, hw->cols);
	f->ragged = pick(0, 3) == 0;
}

static void make_gemm(const struct family *f, struct qmac_command *c)
{
	uint32_t box[3], at[3], row = 0;
	bool whole = pick(0, 2) == 0;

	for (int d = 0; d < 3; d++) {
		box[d] = whole ? f->n[d] : pick(1, f->n[d]);
		at[d] = pick(0, f->n[d] - box[d]);
		row += at[d] * f->acc[d];
	}
	*c = (struct qmac_command){
		.opcode = QMAC_OPCODE_GEMM, .mode = pick(0, 7) ? QMAC_MODE_WS : QMAC_MODE_OS, .n0 = box[0],
		.n1 = box[1], .n2 = box[2], .as0 = f->a[0], .as1 = f->a[1], .as2 = f->a[2], .a = pick(0, 50),
		.k = f->ragged ? pick(1, f->hw.rows) : f->k, .n = f->ragged ? pick(1, f->hw.cols) : f->cols,
		.w = pick(0, ROWS - f->hw.rows), .c = f->first[pick(0, 1)] + row, .accumulate = pick(0, 7) != 0,
		.acc_shift = pick(0, 3) ? 0 : pick(1, 9), .a_unsigned = pick(0, 3) == 0,
		.w_unsigned = pick(0, 3) == 0,
	};
	if (c->mode == QMAC_MODE_OS)
		c->ws0 = c->ws1 = c->ws2 = 1, c->c = pick(0, ROWS - f->hw.rows), c->w = pick(0, 40);
	else
		c->cs0 = pick(0, 31) ? f->acc[0] : 0, c->cs1 = f->acc[1], c->cs2 = f->acc[2];
}

/* A few rows of any scratchpad, or of ACC to memory. */
static void make_move(const struct family *f, struct qmac_command *c)
{
	bool loads = pick(0, 3) != 0;
	uint32_t space = loads ? pick(QMAC_SPACE_A, QMAC_SPACE_ACC) : (uint32_t)QMAC_SPACE_ACC, rows = pick(1, 3);
	int bits = qmac_space_bits(&f->hw, space);

	*c = (struct qmac_command){
		.opcode = loads ? QMAC_OPCODE_LOAD : QMAC_OPCODE_STORE, .space = space, .n0 = rows, .n1 = 1, .n2 = 1,
		.hi0 = rows - 1, .ds0 = pick(1, 8), .len = pick(1, qmac_space_lanes(&f->hw, space)),
		.container = space == QMAC_SPACE_ACC ? pick(QMAC_CONTAINER_WORD, QMAC_CONTAINER_DOUBLE)
		                                     : qmac_container_for(bits),
		.is_signed = 1, .base = 8 * pick(0, DATA / 16),
	};
	c->row = pick(0, ROWS - 1 - (rows - 1) * c->ds0);
	c->s0 = 8 * pick(1, 60);
	if (space != QMAC_SPACE_ACC)
		c->nbits = (uint32_t)bits;
	c->keep = loads && pick(0, 1);
}

/* Rows of ACC, or of A, from rows of ACC or operands. */
static void make_vec(const struct family *f, struct qmac_command *c)
{
	uint32_t rows = pick(1, 3);
	int narrow = f->hw.rows < f->hw.cols ? f->hw.rows : f->hw.cols;
	bool apart = pick(0, 1);

	*c = (struct qmac_command){
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = pick(0, 2) ? QMAC_SPACE_ACC : QMAC_SPACE_A,
		.s0space = pick(0, 2) ? QMAC_SPACE_ACC : QMAC_SPACE_A, .s1space = QMAC_SPACE_ACC, .n0 = rows, .n1 = 1,
		.d0 = 1, .a0 = 1, .b0 = 1, .mult = 1, .bw = (uint32_t)(f->hw.acc_bits < 20 ? f->hw.acc_bits : 20),
		.lanes = pick(1, narrow),
	};
	c->src0 = pick(0, 40), c->src1 = pick(apart ? 0 : 60, apart ? 20 : 80), c->dst = pick(44, 56);
	if (c->dspace == QMAC_SPACE_A)
		c->nbits = (uint32_t)f->hw.a_bits;
	if (pick(0, 3) == 0)
		c->sum = pick(84, 90);
	if (pick(0, 3) == 0) {
		c->op = QMAC_OP_AFFINE, c->coef = pick(20, 36), c->mult = 0;
		c->dst = pick(44, 56);
	}
}

static void add_command(struct qmac_trace *trace, const struct qmac_command *c)
{
	struct qmac_trace_command *added = qmac_trace_add_command(trace);

	CU_ASSERT_PTR_NOT_NULL_FATAL(added);
	qmac_command_encode(c, added->words);
}

/* Where all of the commands stand, and what they load: anything, or the lowest halves, and halves of ones. */
static struct qmac_trace *begin_trace(const struct qmac_hw *hw, bool ends)
{
	struct qmac_trace *trace = qmac_trace_create();
	struct qmac_trace_batch *batch;

	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	trace->hw = *hw;
	trace->memory_bytes = trace->mem_size = QMAC_FUZZ_MEMORY_BYTES;
	trace->ring_base = QMAC_FUZZ_MEMORY_BYTES / 2;
	trace->ring_log2 = RING_LOG2;
	for (uint64_t at = 0; at < DATA; at += QMAC_TRACE_LINE_BYTES) {
		struct qmac_trace_bytes *bytes = qmac_trace_add_bytes(trace);

		CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
		bytes->address = at;
		bytes->count = QMAC_TRACE_LINE_BYTES;
		for (int i = 0; i < QMAC_TRACE_LINE_BYTES; i++)
			if (ends)
				bytes->data[i] = (uint8_t)(at >= DATA / 2 ? 0xFF : i % 2 ? 0x80 : 0);
			else
				bytes->data[i] = pick(0, 3) ? (uint8_t)test_random(&rng) : 0;
	}
	batch = qmac_trace_add_batch(trace);
	CU_ASSERT_PTR_NOT_NULL_FATAL(batch);
	return trace;
}

/* All rows of A and W, those of W from the second half of the data on. */
static void load_all(struct qmac_trace *trace, const struct family *f)
{
	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_W; space++) {
		struct qmac_command c = {
			.opcode = QMAC_OPCODE_LOAD, .space = space, .n0 = ROWS, .n1 = 1, .n2 = 1, .hi0 = ROWS - 1,
			.ds0 = 1, .s0 = 32, .base = space * DATA / 2, .len = qmac_space_lanes(&f->hw, space),
			.container = qmac_container_for(qmac_space_bits(&f->hw, space)), .is_signed = 1,
			.nbits = (uint32_t)qmac_space_bits(&f->hw, space),
		};

		add_command(trace, &c);
	}
}

static void end_stream(struct qmac_fuzz_stream *stream)
{
	const struct qmac_command sync = {.opcode = QMAC_OPCODE_SYNC, .irq = 1};

	add_command(stream->trace, &sync);
	qmac_fuzz_stream_judge(stream);
}

/* More than the device can hold on a large array; than 32 bits can, with operands of 16 at their ends. */
static void test_many(void)
{
	for (int bits = 8; bits <= 16; bits += 8) {
		struct qmac_fuzz_stream stream = {.kind = QMAC_FUZZ_LEGAL};
		struct family f;

		rng = test_seed() + 2;
		make_family(&f);
		f.hw.rows = f.hw.cols = bits == 8 ? 64 : 16;
		f.hw.a_bits = f.hw.w_bits = bits;
		f.hw.acc_bits = 64;
		stream.trace = begin_trace(&f.hw, bits == 16);
		load_all(stream.trace, &f);
		for (uint32_t i = 0; stream.trace->command_count + 1 < COMMANDS; i++) {
			const struct qmac_command c = {
				.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_WS, .n0 = 20, .n1 = 1, .n2 = 1, .as0 = 1,
				.cs0 = 1,
				.a = i % 50, .w = i % 64, .c = i % 2 * 20, .k = (uint32_t)f.hw.rows, .n = (uint32_t)f.hw.cols,
				.accumulate = 1,
			};

			add_command(stream.trace, &c);
		}
		end_stream(&stream);
		CU_ASSERT_EQUAL(stream.fault, QMAC_FAULT_NONE);
		CU_ASSERT(plays_alike(&f.hw, &stream, "auto"));
		qmac_fuzz_stream_free(&stream);
	}
}

static void test_made(void)
{
	int legal = 0;

	rng = test_seed() + 1;
	for (int i = 0; i < TEST_CASES(MADE); i++) {
		struct qmac_fuzz_stream stream = {.kind = QMAC_FUZZ_LEGAL};
		struct qmac_command c;
		struct family f;
		uint32_t among = pick(3, 60);

		make_family(&f);
		stream.trace = begin_trace(&f.hw, false);
		load_all(stream.trace, &f);
		while (stream.trace->command_count + 1 < COMMANDS) {
			uint32_t kind = pick(0, among);

			if (kind == 0)
				make_vec(&f, &c);
			else if (kind <= 2)
				make_move(&f, &c);
			else
				make_gemm(&f, &c);
			add_command(stream.trace, &c);
		}
		end_stream(&stream);
		legal += stream.fault == QMAC_FAULT_NONE;
		for (const char *const *name = qmac_kernel_names(); *name; name++)
			if (i % 4 == 0 || name == qmac_kernel_names())
				CU_ASSERT(plays_alike(&f.hw, &stream, *name));
		qmac_fuzz_stream_free(&stream);
	}
	CU_ASSERT(legal > TEST_CASES(MADE) * 3 / 4);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"traces of the corpus", test_corpus},
		{"streams of the fuzzer", test_fuzzed},
		{"GEMMs up to what can be held", test_many},
		{"streams of GEMMs that add to the same rows", test_made},
	};

	return test_main("test_pending", cases, TEST_COUNT(cases));
}
