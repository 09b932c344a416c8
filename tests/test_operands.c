/*
 * What the device remembers of operands between commands: the counts by lane of the last weight
 * stationary pass, and the count of every row of A and W. Each may be used again only where all that it
 * depends on is the same: every field of a pass is changed alone, in both orders, and rows are written in
 * every way there is, between passes over the same rows. Every kernel against the slow reference.
 */
#include <stddef.h>
#include <string.h>

#include "reference/kernel_rig.h"
#include "test.h"

/* More rows than two runs of a kernel take. Counts of zeros alone matter: accumulators are wide. */
static const struct qmac_hw hw = {
	.rows = 8, .cols = 5, .a_bits = 5, .w_bits = 4, .acc_bits = 40, .acc_overflow = QMAC_OVERFLOW_SATURATE,
	.os_max = 1024, .a_depth = 320, .w_depth = 320, .acc_depth = 64, .bus_bytes = 8, .burst_beats = 16,
	.outstanding = 4, .queue_depth = 4, .lut_bits = 5, .lut_ports = 2, .clock_mhz = 500,
	.dram_latency = 20, .dram_bytes_per_cycle = 2048, .dram_banks = 8, .dram_row_bytes = 2048,
};

static uint64_t rng;

/* Half of the operands are zeros, others in every row. */
static void fill_sparse(struct kernel_rig *rig, unsigned space)
{
	for (int64_t row = 0; row < ref_depth(&hw, space); row++)
		for (int64_t lane = 0; lane < ref_width(&hw, space); lane++)
			kernel_rig_put(rig, space, row, lane, test_random(&rng) % 2 ? test_between(&rng, -8, 7) : 0);
}

static void fill_memory(struct kernel_rig *rig)
{
	uint8_t data[KERNEL_RIG_DATA];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = test_random(&rng) % 2 ? (uint8_t)test_random(&rng) : 0;
	kernel_rig_write(rig, 0, data, sizeof data);
}

static bool open(struct kernel_rig *rig)
{
	rng = test_seed();
	if (!kernel_rig_open(rig, &hw))
		return false;
	fill_sparse(rig, QMAC_SPACE_A);
	fill_sparse(rig, QMAC_SPACE_W);
	fill_memory(rig);
	return true;
}

/* ---- every field of a pass ----------------------------------------------------------- */

struct change {
	size_t field;         /* of struct qmac_command */
	uint32_t values[5];   /* 0 ends them, but as the first */
};

#define FIELD(name) offsetof(struct qmac_command, name)

static struct qmac_command changed(const struct qmac_command *base, size_t field, uint32_t value)
{
	struct qmac_command c = *base;

	memcpy((char *)&c + field, &value, sizeof value);
	if (c.mode == QMAC_MODE_WS)
		c.ws0 = c.ws1 = c.ws2 = 0;
	return c;
}

/* `forget` first makes the device count everything anew. */
static void execute_in_turn(struct kernel_rig *rig, const struct qmac_command *base,
                            const struct change *changes, int count, bool forget)
{
	for (int i = 0; i < count; i++)
		for (int v = 0; v < 5 && (v == 0 || changes[i].values[v]); v++) {
			const struct qmac_command other = changed(base, changes[i].field, changes[i].values[v]);

			for (int order = 0; order < 2; order++) {
				if (forget) {
					fill_sparse(rig, QMAC_SPACE_A);
					fill_sparse(rig, QMAC_SPACE_W);
				}
				kernel_rig_execute(rig, order ? base : &other);
				kernel_rig_execute(rig, order ? &other : base);
				kernel_rig_execute(rig, order ? base : &other);
			}
		}
}

static void test_ws_fields(void)
{
	static const struct change changes[] = {
		{FIELD(k), {1, 2, 4, 8}}, {FIELD(a), {0, 2, 4, 20}}, {FIELD(n0), {1, 2, 4, 5}},
		{FIELD(n1), {1, 3, 4}}, {FIELD(n2), {1, 3, 4}}, {FIELD(as0), {0, 2, 3}},
		{FIELD(as1), {0, 3, 6, 8}}, {FIELD(as2), {0, 6, 12, 41}}, {FIELD(w), {0, 1, 9}},
		{FIELD(n), {1, 4, 5}}, {FIELD(c), {0, 9}}, {FIELD(accumulate), {0}}, {FIELD(acc_shift), {1, 5}},
		{FIELD(a_unsigned), {1}}, {FIELD(w_unsigned), {1}}, {FIELD(cs0), {0, 2}}, {FIELD(cs1), {0, 9}},
	};
	/* Loops that stay three, that become two, and one. */
	static const struct qmac_command bases[] = {
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_WS, .a = 3, .w = 4, .c = 1, .n0 = 3, .n1 = 2, .n2 = 2,
		 .as0 = 1, .as1 = 7, .as2 = 40, .cs0 = 1, .cs1 = 3, .cs2 = 6, .k = 3, .n = 3, .accumulate = 1},
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_WS, .a = 3, .w = 4, .c = 1, .n0 = 3, .n1 = 2, .n2 = 2,
		 .as0 = 1, .as1 = 3, .as2 = 40, .cs0 = 1, .cs1 = 3, .cs2 = 9, .k = 5, .n = 3, .accumulate = 1},
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_WS, .a = 1, .w = 2, .c = 1, .n0 = 3, .n1 = 2, .n2 = 2,
		 .as0 = 2, .as1 = 6, .as2 = 12, .cs0 = 1, .cs1 = 3, .cs2 = 6, .k = 7, .n = 5, .accumulate = 1},
	};
	struct kernel_rig rig;

	for (int b = 0; b < TEST_COUNT(bases) && open(&rig); b++) {
		execute_in_turn(&rig, &bases[b], changes, TEST_COUNT(changes), false);
		kernel_rig_close(&rig);
	}
}

static void test_os_fields(void)
{
	static const struct change changes[] = {
		{FIELD(k), {1, 4, 7}}, {FIELD(n), {1, 3, 4}}, {FIELD(as0), {0, 2, 3}}, {FIELD(ws0), {0, 2, 3}},
		{FIELD(a), {0, 4, 9}}, {FIELD(w), {0, 3, 9}}, {FIELD(n0), {1, 5, 7, 200}}, {FIELD(n1), {2, 3}},
		{FIELD(n2), {2, 3}}, {FIELD(as1), {0, 5, 7}}, {FIELD(ws1), {0, 5, 7}}, {FIELD(as2), {0, 13, 20}},
		{FIELD(ws2), {0, 13, 20}}, {FIELD(c), {0, 5}}, {FIELD(accumulate), {0}}, {FIELD(acc_shift), {1, 5}},
		{FIELD(a_unsigned), {1}}, {FIELD(w_unsigned), {1}}, {FIELD(mode), {QMAC_MODE_WS}},
	};
	/* Rows one behind the other, in one loop and in three; strides. Whole rows, the only ones remembered. */
	static const struct qmac_command bases[] = {
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_OS, .a = 3, .w = 5, .c = 1, .n0 = 6, .n1 = 1, .n2 = 1,
		 .as0 = 1, .ws0 = 1, .k = 8, .n = 5, .accumulate = 1},
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_OS, .a = 3, .w = 5, .c = 1, .n0 = 6, .n1 = 2, .n2 = 2,
		 .as0 = 1, .as1 = 6, .as2 = 12, .ws0 = 1, .ws1 = 6, .ws2 = 12, .k = 8, .n = 5, .accumulate = 1},
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_OS, .a = 3, .w = 5, .c = 1, .n0 = 6, .n1 = 2, .n2 = 2,
		 .as0 = 1, .as1 = 8, .as2 = 30, .ws0 = 1, .ws1 = 7, .ws2 = 19, .k = 8, .n = 5, .accumulate = 1},
	};
	struct kernel_rig rig;

	for (int b = 0; b < TEST_COUNT(bases) && open(&rig); b++) {
		execute_in_turn(&rig, &bases[b], changes, TEST_COUNT(changes), false);
		execute_in_turn(&rig, &bases[b], changes, TEST_COUNT(changes), true);
		kernel_rig_close(&rig);
	}
}

/* ---- every way to write rows --------------------------------------------------------- */

/* All of them write among rows 0..31. */
static const struct qmac_command writes[] = {
	{.opcode = QMAC_OPCODE_LOAD, .row = 4, .n0 = 1, .n1 = 1, .n2 = 1, .len = 5, .nbits = 4},
	{.opcode = QMAC_OPCODE_LOAD, .row = 4, .n0 = 1, .n1 = 1, .n2 = 1, .len = 2, .lane0 = 1, .nbits = 4},
	{.opcode = QMAC_OPCODE_LOAD, .row = 4, .n0 = 1, .n1 = 1, .n2 = 1, .len = 2, .lane0 = 1, .nbits = 4,
	 .keep = 1},
	{.opcode = QMAC_OPCODE_LOAD, .row = 9, .n0 = 4, .n1 = 1, .n2 = 1, .hi0 = 3, .s0 = 9, .ds0 = 3, .len = 5,
	 .nbits = 2, .lsb = 1},
	{.opcode = QMAC_OPCODE_LOAD, .row = 9, .n0 = 4, .n1 = 1, .n2 = 1, .hi0 = 3, .s0 = 10, .ds0 = 3, .len = 3,
	 .nbits = 3, .keep = 1, .container = QMAC_CONTAINER_HALF},
	{.opcode = QMAC_OPCODE_LOAD, .row = 2, .n0 = 2, .n1 = 3, .n2 = 2, .hi0 = 1, .hi1 = 2, .s0 = 24, .s1 = 52,
	 .s2 = 200, .ds0 = 1, .ds1 = 4, .ds2 = 15, .len = 4, .nbits = 4, .container = QMAC_CONTAINER_WORD},
	/* Rows before, inside and behind the window, in both loops: zeros. */
	{.opcode = QMAC_OPCODE_LOAD, .row = 1, .n0 = 4, .n1 = 3, .n2 = 1, .lo0 = 1, .hi0 = 2, .lo1 = 1, .hi1 = 1,
	 .s0 = 8, .s1 = 40, .ds0 = 2, .ds1 = 9, .len = 5, .nbits = 4},
	{.opcode = QMAC_OPCODE_LOAD, .row = 2, .n0 = 4, .n1 = 3, .n2 = 1, .lo0 = 1, .hi0 = 2, .lo1 = 1, .hi1 = 1,
	 .s0 = 8, .s1 = 40, .ds0 = 2, .ds1 = 9, .len = 3, .lane0 = 2, .nbits = 4, .keep = 1},
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dst = 7, .n0 = 1, .n1 = 1, .lanes = 5, .nbits = 4},
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dst = 7, .n0 = 5, .n1 = 2, .d0 = 2, .d1 = 11, .lanes = 3,
	 .lane0 = 2, .a0 = 1, .a1 = 5, .nbits = 2},
	/* More rows than are taken together. */
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dst = 1, .n0 = 29, .n1 = 1, .d0 = 1, .lanes = 4, .a0 = 1,
	 .nbits = 4, .limb_unsigned = 1},
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dst = 5, .n0 = 6, .n1 = 4, .d1 = 5, .lanes = 4, .a0 = 1,
	 .a1 = 6, .nbits = 4, .red_rows = 1},
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MAX, .dst = 5, .n0 = 3, .n1 = 2, .d0 = 4, .d1 = 13, .lanes = 4,
	 .a0 = 1, .a1 = 3, .nbits = 4, .red_lanes = 1},
};

/* What the device counted of rows 0..31, whole runs of them or one after the other. */
static void read_rows(struct kernel_rig *rig, const struct qmac_command *pass, bool one_by_one)
{
	struct qmac_command one = *pass;

	if (!one_by_one) {
		kernel_rig_execute(rig, pass);
		return;
	}
	one.n0 = one.as1 = one.as2 = one.ws1 = one.ws2 = 1; /* one row as well as many at a distance of one */
	for (one.a = one.w = 0; one.a < pass->n0; one.a++, one.w++)
		kernel_rig_execute(rig, &one);
}

static struct qmac_command write_of(const struct qmac_command *way, unsigned space, int64_t round)
{
	struct qmac_command write = *way;

	write.space = write.dspace = space;
	if (write.opcode == QMAC_OPCODE_LOAD) {
		write.base = (uint64_t)(8 * test_between(&rng, 0, 700));
	} else {
		write.s0space = QMAC_SPACE_ACC;
		write.s1space = QMAC_SPACE_IMM;
		write.mult = 1;
		write.src0 = (uint32_t)test_between(&rng, 0, 30);
		write.imm = (int32_t)round;
		write.bw = 30;
	}
	return write;
}

static void check_writes(const struct qmac_command *pass, bool one_by_one, int64_t rounds)
{
	struct kernel_rig rig;

	if (!open(&rig))
		return;
	fill_sparse(&rig, QMAC_SPACE_ACC);
	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_W; space++)
		for (int64_t round = 0; round < rounds; round++) {
			read_rows(&rig, pass, one_by_one);
			for (int i = 0; i < TEST_COUNT(writes); i++) {
				const struct qmac_command write = write_of(&writes[i], space, round);

				kernel_rig_execute(&rig, &write);
				read_rows(&rig, pass, one_by_one);
			}
			for (int64_t row = 2; row < 12; row += 3)
				kernel_rig_put(&rig, space, row, round, round % 2);
			read_rows(&rig, pass, one_by_one);
			/* Neither memory nor a reset changes a row. */
			fill_memory(&rig);
			kernel_rig_reset(&rig);
			read_rows(&rig, pass, one_by_one);
			/* Counted together, read alone. */
			fill_sparse(&rig, space);
			kernel_rig_execute(&rig, pass);
			read_rows(&rig, pass, one_by_one);
		}
	kernel_rig_close(&rig);
}

static void test_writes(void)
{
	/* To ACC rows above 31 only, so that VEC always has something to read. */
	static const struct qmac_command passes[] = {
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_WS, .w = 3, .c = 40, .n0 = 32, .n1 = 1, .n2 = 1,
		 .as0 = 1, .k = 5, .n = 5, .accumulate = 1},
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_OS, .c = 40, .n0 = 32, .n1 = 1, .n2 = 1, .as0 = 1,
		 .ws0 = 1, .k = 8, .n = 5, .accumulate = 1},
		{.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_OS, .c = 40, .n0 = 32, .n1 = 1, .n2 = 1, .as0 = 1,
		 .ws0 = 1, .k = 5, .n = 5, .accumulate = 1},
	};

	for (int i = 0; i < TEST_COUNT(passes); i++)
		check_writes(&passes[i], false, 4);
	check_writes(&passes[1], true, 2);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"every field of a weight stationary pass", test_ws_fields},
		{"every field of an output stationary pass", test_os_fields},
		{"every way to write rows between passes", test_writes},
	};

	return test_main("test_operands", cases, TEST_COUNT(cases));
}
