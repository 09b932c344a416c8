/* Races: directed programs, random ones against a slow decision, and what race-free means. */
#include "race/race.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/commands.h"
#include "fuzz/hardware.h"
#include "fuzz/waits.h"
#include "isa/command.h"
#include "reference/ref_device.h"
#include "reference/ref_race.h"
#include "test.h"

enum { MANY = 100000, SHUFFLES = 2 };

/* ---- directed programs --------------------------------------------------------- */

static const struct qmac_hw hw = {
	.rows = 4, .cols = 4, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 256,
	.a_depth = 32, .w_depth = 32, .acc_depth = 32, .bus_bytes = 8, .burst_beats = 16, .outstanding = 4,
	.queue_depth = 1, .lut_bits = 5, .lut_ports = 1, .clock_mhz = 500, .dram_bytes_per_cycle = 2048,
	.dram_banks = 8, .dram_row_bytes = 2048,
};

#define WAIT_LOAD(count) .wait_mask = 1, .wait_load = count
#define WAIT_EXEC(count) .wait_mask = 2, .wait_exec = count
#define WAIT_STORE(count) .wait_mask = 4, .wait_store = count
/* The parts of a command that matter; complete() adds the rest where it is 0. */
#define LOAD(to, first, rows, address) \
	.opcode = QMAC_OPCODE_LOAD, .space = QMAC_SPACE_##to, .row = first, .n0 = rows, .base = address
#define STORE(first, rows, address) \
	.opcode = QMAC_OPCODE_STORE, .space = QMAC_SPACE_ACC, .row = first, .n0 = rows, .base = address
#define VEC(to, first_to, from, first_from, rows) \
	.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MUL, .dspace = QMAC_SPACE_##to, .dst = first_to, .n0 = rows, \
	.s0space = QMAC_SPACE_##from, .src0 = first_from, .s1space = QMAC_SPACE_IMM
/* Of one row of A, and one of W; coefficients and sums are rows of ACC. */
#define AFFINE(first_coefficient) \
	.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_AFFINE, .dspace = QMAC_SPACE_W, .s0space = QMAC_SPACE_A, \
	.s1space = QMAC_SPACE_W, .src1 = 20, .coef = first_coefficient
#define SUM(first_sum) \
	.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MUL, .dspace = QMAC_SPACE_W, .s0space = QMAC_SPACE_A, \
	.s1space = QMAC_SPACE_A, .sum = first_sum
#define LOOKUP(first_word) \
	.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_LOOKUP, .src0 = 9, .in_bits = 8, .lut_n = 3, \
	.lut_base = first_word
#define GEMM(row_a, row_w, row_acc, slots) \
	.opcode = QMAC_OPCODE_GEMM, .a = row_a, .w = row_w, .c = row_acc, .n0 = slots
#define OS .mode = QMAC_MODE_OS
#define SYNC {.opcode = QMAC_OPCODE_SYNC}

static void set(uint32_t *field, uint32_t value)
{
	if (*field == 0)
		*field = value;
}

/* One row after the other, in memory without gaps, all four lanes of a byte each. */
static struct qmac_command complete(struct qmac_command c)
{
	bool move = c.opcode == QMAC_OPCODE_LOAD || c.opcode == QMAC_OPCODE_STORE;
	bool lut = move && c.space == QMAC_SPACE_LUT;

	if (c.opcode == QMAC_OPCODE_SYNC)
		return c;
	set(&c.n0, 1);
	set(&c.n1, 1);
	if (c.opcode != QMAC_OPCODE_VEC)
		set(&c.n2, 1);
	if (move) {
		c.container = lut ? QMAC_CONTAINER_WORD : QMAC_CONTAINER_BYTE;
		c.len = lut ? 1 : 4;
		c.nbits = c.space <= QMAC_SPACE_W ? 8 : 0;
		set(&c.s0, 4);
		set(&c.ds0, 1);
		set(&c.hi0, c.n0 - 1);
	} else if (c.opcode == QMAC_OPCODE_GEMM) {
		c.k = c.n = 4;
		set(&c.as0, 1);
		set(c.mode == QMAC_MODE_OS ? &c.ws0 : &c.cs0, 1);
	} else {
		c.lanes = 4;
		c.bw = 8;
		c.nbits = c.dspace <= QMAC_SPACE_W ? 8 : 0;
		c.d0 = !c.red_rows;
		set(&c.a0, 1);
	}
	return c;
}

/* The race that a program has, as far as it is said: NULL where it has none. */
static const struct {
	struct qmac_command commands[6];
	const char *race;
} programs[] = {
	/* rows: read after write, write after read, write after write */
	{{{LOAD(A, 2, 3, 0)}, {VEC(W, 0, A, 4, 1)}},
	 "command 0 (LOAD) writes row 4 of A, command 1 (EXECUTE) reads it"},
	{{{LOAD(A, 2, 3, 0)}, {VEC(W, 0, A, 5, 1)}}, NULL},
	{{{LOAD(A, 2, 3, 0)}, {VEC(W, 0, A, 4, 1), WAIT_LOAD(1)}}, NULL},
	{{{VEC(A, 0, W, 3, 2)}, {LOAD(W, 4, 1, 0)}},
	 "command 0 (EXECUTE) reads row 4 of W, command 1 (LOAD) writes it"},
	{{{VEC(A, 0, W, 3, 2)}, {LOAD(W, 4, 1, 0), WAIT_EXEC(1)}}, NULL},
	{{{VEC(W, 4, A, 0, 2)}, {LOAD(W, 5, 1, 0)}},
	 "command 0 (EXECUTE) writes row 5 of W, command 1 (LOAD) writes it"},
	{{{VEC(ACC, 4, A, 0, 2)}, {STORE(5, 1, 0)}}, "row 5 of ACC, command 1 (STORE) reads it"},
	{{{STORE(5, 1, 0)}, {VEC(ACC, 4, A, 0, 2)}},
	 "command 0 (STORE) reads row 5 of ACC, command 1 (EXECUTE) writes"},
	{{{LOAD(ACC, 5, 1, 0)}, {STORE(4, 2, 64)}},
	 "command 0 (LOAD) writes row 5 of ACC, command 1 (STORE) reads it"},
	{{{LOAD(A, 2, 3, 0), .ds0 = 2}, {VEC(W, 0, A, 3, 2), .a0 = 2}}, NULL}, /* rows 2 4 6 and 3 5 */
	{{{LOAD(A, 2, 3, 0), .ds0 = 2}, {VEC(W, 0, A, 3, 2), .a0 = 3}}, "row 6 of A"},
	{{{LOAD(A, 0, 2, 0)}, {GEMM(1, 0, 0, 1)}}, "row 1 of A"},
	{{{LOAD(W, 3, 2, 0)}, {GEMM(1, 0, 0, 1)}}, "row 3 of W"},
	{{{LOAD(W, 2, 1, 0)}, {GEMM(1, 0, 0, 1), OS}}, NULL},
	{{{GEMM(0, 0, 8, 2)}, {STORE(10, 1, 0)}}, NULL},
	{{{GEMM(0, 0, 8, 2), OS}, {STORE(11, 1, 0)}}, "row 11 of ACC"},
	{{{LOAD(A, 2, 3, 0), .lo0 = 1, .hi0 = 1}, {VEC(W, 0, A, 4, 1)}},
	 "row 4 of A"}, /* zeros are written, too */
	{{{VEC(ACC, 4, A, 0, 1)}, {STORE(2, 3, 0), .hi0 = 1}}, NULL},
	{{{VEC(ACC, 4, A, 0, 8), .red_rows = 1}, {STORE(5, 1, 0)}}, NULL},
	/* three rows of coefficients are read, with coef_step three for each i1; a sum is written for each i1 */
	{{{LOAD(ACC, 6, 1, 0)}, {AFFINE(4)}},
	 "command 0 (LOAD) writes row 6 of ACC, command 1 (EXECUTE) reads it"},
	{{{LOAD(ACC, 4, 1, 0)}, {AFFINE(4)}}, "row 4 of ACC"},
	{{{LOAD(ACC, 6, 1, 0)}, {AFFINE(4), WAIT_LOAD(1)}}, NULL},
	{{{LOAD(ACC, 7, 1, 0)}, {AFFINE(4)}}, NULL},
	{{{LOAD(ACC, 3, 1, 0)}, {AFFINE(4)}}, NULL},
	{{{LOAD(ACC, 7, 1, 0)}, {AFFINE(4), .n1 = 2, .d1 = 1}}, NULL},
	{{{LOAD(ACC, 9, 1, 0)}, {AFFINE(4), .coef_step = 1, .n1 = 2, .d1 = 1}}, "row 9 of ACC"},
	{{{LOAD(ACC, 10, 1, 0)}, {AFFINE(4), .coef_step = 1, .n1 = 2, .d1 = 1}}, NULL},
	{{{STORE(17, 1, 0)}, {AFFINE(4)}}, NULL},
	{{{STORE(8, 1, 0)}, {SUM(8)}}, "command 0 (STORE) reads row 8 of ACC, command 1 (EXECUTE) writes it"},
	{{{STORE(8, 1, 0)}, {SUM(8), WAIT_STORE(1)}}, NULL},
	{{{STORE(9, 1, 0)}, {SUM(8), .n0 = 2}}, NULL},
	{{{STORE(9, 1, 0)}, {SUM(8), .n1 = 2, .d1 = 1}}, "row 9 of ACC"},
	{{{SUM(8), .n1 = 2, .d1 = 1}, {STORE(9, 1, 0)}},
	 "command 0 (EXECUTE) writes row 9 of ACC, command 1 (STORE) reads it"},
	/* their ports, too: row 16 begins bank 1 */
	{{{STORE(3, 1, 0)}, {AFFINE(13)}}, "(STORE) uses the read port of bank 0 of ACC"},
	{{{STORE(3, 1, 0)}, {AFFINE(16)}}, NULL},
	{{{STORE(25, 1, 0)}, {AFFINE(13)}}, NULL},
	{{{STORE(25, 1, 0)}, {AFFINE(14)}}, "(STORE) uses the read port of bank 1 of ACC"},
	{{{LOAD(ACC, 3, 1, 0)}, {SUM(15)}}, "uses the write port of bank 0 of ACC, command 1 (EXECUTE) uses it"},
	{{{LOAD(ACC, 3, 1, 0)}, {SUM(16)}}, NULL},
	{{{LOAD(ACC, 25, 1, 0)}, {SUM(15), .n1 = 2, .d1 = 1}}, "write port of bank 1 of ACC"},
	/* ports: row 15 lies in bank 0, row 16 in bank 1 */
	{{{LOAD(A, 0, 1, 0)}, {VEC(A, 15, W, 0, 1)}},
	 "uses the write port of bank 0 of A, command 1 (EXECUTE) uses it"},
	{{{LOAD(A, 0, 1, 0)}, {VEC(A, 16, W, 0, 1)}}, NULL},
	{{{LOAD(W, 31, 1, 0)}, {VEC(W, 16, A, 0, 1)}},
	 "uses the write port of bank 1 of W, command 1 (EXECUTE) uses it"},
	{{{LOAD(ACC, 16, 1, 0)}, {GEMM(0, 0, 15, 1)}}, NULL},
	{{{LOAD(ACC, 16, 1, 0)}, {GEMM(0, 0, 17, 1)}}, "write port of bank 1 of ACC"},
	{{{STORE(0, 1, 0)}, {VEC(A, 0, ACC, 15, 1)}}, "(STORE) uses the read port of bank 0 of ACC"},
	{{{STORE(0, 1, 0)}, {VEC(A, 0, ACC, 16, 1)}}, NULL},
	{{{STORE(0, 1, 0)}, {GEMM(0, 0, 14, 1)}}, NULL},
	{{{STORE(0, 1, 0)}, {GEMM(0, 0, 14, 1), .accumulate = 1}}, "read port of bank 0 of ACC"},
	/* words of LUT */
	{{{LOAD(LUT, 0, 16, 0)}, {LOOKUP(8)}},
	 "command 0 (LOAD) writes row 8 of LUT, command 1 (EXECUTE) reads it"},
	{{{LOAD(LUT, 0, 16, 0)}, {LOOKUP(16)}}, NULL},
	{{{LOOKUP(8)}, {LOAD(LUT, 15, 1, 0)}},
	 "command 0 (EXECUTE) reads row 15 of LUT, command 1 (LOAD) writes it"},
	/* bytes of memory: 0x40 .. 0x43 per row */
	{{{STORE(0, 2, 64)}, {LOAD(A, 0, 1, 68)}}, "(STORE) writes the byte at 0x44, command 1 (LOAD) reads it"},
	{{{STORE(0, 2, 64)}, {LOAD(A, 0, 1, 72)}}, NULL},
	{{{STORE(0, 2, 64)}, {LOAD(A, 0, 1, 68), WAIT_STORE(1)}}, NULL},
	{{{LOAD(A, 0, 2, 64)}, {STORE(0, 1, 71)}},
	 "command 0 (LOAD) reads the byte at 0x47, command 1 (STORE) writes it"},
	{{{LOAD(A, 0, 9, 64), .s0 = 8}, {STORE(0, 9, 68), .s0 = 8}}, NULL},
	{{{LOAD(A, 0, 9, 64), .s0 = 8}, {STORE(0, 9, 69), .s0 = 8}}, "byte at 0x48"},
	{{{LOAD(A, 0, 9, 64), .lo0 = 1, .hi0 = 7}, {STORE(0, 1, 64)}}, NULL},
	{{{LOAD(A, 0, 9, 64), .lo0 = 1, .hi0 = 7}, {STORE(0, 1, 92)}}, "byte at 0x5c"},
	{{{STORE(0, 9, 64), .lo0 = 1, .hi0 = 7}, {LOAD(A, 0, 1, 92)}}, "byte at 0x5c"},
	{{{STORE(0, 9, 64), .lo0 = 1, .hi0 = 6}, {LOAD(A, 0, 1, 92)}}, NULL},
	/* order passes on: by the engine, by the commands waited for, by both */
	{{{LOAD(A, 0, 1, 0)}, {VEC(W, 0, A, 1, 1), WAIT_LOAD(1)}, {VEC(W, 0, A, 0, 1)}}, NULL},
	{{{LOAD(A, 0, 1, 0)}, {LOAD(A, 1, 1, 0)}, {VEC(W, 0, A, 0, 1), WAIT_LOAD(2)}}, NULL},
	{{{LOAD(A, 1, 1, 0)}, {LOAD(A, 0, 1, 0)}, {VEC(W, 0, A, 0, 1), WAIT_LOAD(1)}},
	 "command 1 (LOAD) writes row 0 of A"},
	{{{LOAD(ACC, 0, 1, 0)}, {GEMM(0, 0, 20, 1), WAIT_LOAD(1)}, {GEMM(1, 0, 21, 1)},
	  {STORE(0, 1, 64), WAIT_EXEC(2)}}, NULL},
	{{{LOAD(ACC, 0, 1, 0)}, {GEMM(0, 0, 20, 1)}, {STORE(0, 1, 64), WAIT_EXEC(1)}},
	 "command 2 (STORE) reads it"},
	{{{GEMM(0, 0, 0, 1)}, {STORE(0, 1, 0), WAIT_EXEC(1)}, {LOAD(ACC, 0, 1, 64), WAIT_STORE(1)}}, NULL},
	{{{GEMM(0, 0, 0, 1)}, {GEMM(0, 0, 1, 1)}, {STORE(1, 1, 0), WAIT_EXEC(1)}},
	 "command 1 (EXECUTE) writes row 1 of ACC"},
	/* an access in the middle of an older one leaves both its ends */
	{{{LOAD(A, 0, 8, 0)}, {LOAD(A, 3, 2, 0)}, {VEC(W, 0, A, 2, 1)}}, "command 0 (LOAD) writes row 2 of A"},
	{{{LOAD(A, 0, 8, 0)}, {LOAD(A, 3, 2, 0)}, {VEC(W, 0, A, 4, 1)}}, "command 1 (LOAD) writes row 4 of A"},
	{{{LOAD(A, 0, 8, 0)}, {LOAD(A, 3, 2, 0)}, {VEC(W, 0, A, 5, 1)}}, "command 0 (LOAD) writes row 5 of A"},
	{{{STORE(0, 8, 0)}, {STORE(0, 2, 9)}, {LOAD(A, 0, 1, 17)}},
	 "command 0 (STORE) writes the byte at 0x11"},
	{{{STORE(0, 9, 0), .s0 = 500}, {STORE(0, 1, 4000)}, {LOAD(A, 0, 1, 4003)}},
	 "command 1 (STORE) writes the byte at 0xfa3"},
	/* the later of two earlier commands is named: to wait for it is to wait for both */
	{{{LOAD(A, 0, 1, 0)}, {LOAD(A, 0, 1, 0)}, {VEC(W, 0, A, 0, 1)}},
	 "must wait for LOAD to retire 2 commands"},
	{{{LOAD(ACC, 0, 1, 0)}, {STORE(1, 1, 64)}, {VEC(ACC, 0, ACC, 0, 2)}},
	 "command 1 (STORE) reads row 1 of ACC"},
	/* SYNC orders everything; counts below one wait for nothing */
	{{{LOAD(A, 0, 1, 0)}, SYNC, {VEC(W, 0, A, 0, 1)}}, NULL},
	{{{LOAD(A, 0, 1, 0)}, SYNC, {LOAD(A, 1, 1, 0)}, {VEC(W, 0, A, 0, 2)}},
	 "command 2 (LOAD) writes row 1 of A"},
	{{{LOAD(A, 0, 1, 0)}, {VEC(W, 0, A, 0, 1), WAIT_LOAD(0)}}, "row 0 of A"},
	{{{LOAD(A, 0, 1, 0)}, {VEC(W, 0, A, 0, 1), WAIT_LOAD(65535)}}, "row 0 of A"},
	{{{LOAD(A, 0, 1, 0)}, {VEC(W, 0, A, 0, 1), WAIT_EXEC(0)}}, "row 0 of A"},
};

/* The whole commands of a program of the table; returns their number. */
static uint32_t make(size_t which, struct qmac_command commands[6])
{
	uint32_t count = 0;

	for (; count < 6 && programs[which].commands[count].opcode; count++)
		commands[count] = complete(programs[which].commands[count]);
	return count;
}

/* Both decisions about a program must be the same, to the letter; true where it has a race. */
static bool decide(const struct qmac_hw *device, const struct qmac_command *commands, uint32_t count,
                   struct qmac_race *race, char *text, size_t size)
{
	struct qmac_error err = {"", "", 0, 0};
	struct qmac_race expected;
	char expected_text[256] = "race-free";
	enum qmac_status status = qmac_race_check(device, commands, count, race, &err);

	if (ref_race_find(device, commands, count, &expected))
		qmac_race_text(&expected, expected_text, sizeof expected_text);
	CU_ASSERT_TRUE(status == QMAC_OK || status == QMAC_CHECK_FAILED);
	snprintf(text, size, "%s", status == QMAC_OK ? "race-free" : err.message);
	if (strcmp(text, expected_text) != 0)
		printf("\nexpected %s\ngot      %s ", expected_text, text);
	CU_ASSERT_STRING_EQUAL(text, expected_text);
	CU_ASSERT_EQUAL(race->kind == QMAC_RACE_NONE, status == QMAC_OK);
	return status != QMAC_OK;
}

static void test_directed(void)
{
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		struct qmac_command commands[6];
		uint32_t count = make(i, commands);
		struct qmac_race race;
		char text[sizeof(struct qmac_error)];
		bool races = decide(&hw, commands, count, &race, text, sizeof text);

		if (races != (programs[i].race != NULL) || (races && !strstr(text, programs[i].race)))
			printf("\nprogram %zu: expected %s\ngot %s ", i, programs[i].race, text);
		CU_ASSERT_EQUAL(races, programs[i].race != NULL);
		CU_ASSERT(!races || strstr(text, programs[i].race));
	}
}

static void test_text_form(void)
{
	struct qmac_command commands[6];
	uint32_t count = make(0, commands);
	struct qmac_race race;
	struct qmac_error err;
	char text[256];

	CU_ASSERT_EQUAL(qmac_race_check(&hw, commands, count, &race, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_EQUAL(race.kind, QMAC_RACE_ROW);
	CU_ASSERT_EQUAL(race.space, QMAC_SPACE_A);
	CU_ASSERT_EQUAL(race.place, 4);
	CU_ASSERT(race.writes[0] && !race.writes[1]);
	CU_ASSERT_STRING_EQUAL(qmac_race_text(&race, text, sizeof text), err.message);
	CU_ASSERT_STRING_EQUAL(text, "command 0 (LOAD) writes row 4 of A, command 1 (EXECUTE) reads it, and "
	                             "nothing orders them: command 1 must wait for LOAD to retire 1 commands");
}

/* The last bytes that there can be. */
static void test_last_bytes(void)
{
	struct qmac_command commands[] = {complete((struct qmac_command){LOAD(A, 0, 1, 0xFFFFFFFFFFFC)}),
	                                  complete((struct qmac_command){STORE(0, 1, 0xFFFFFFFFFFF8)})};
	struct qmac_race race;

	CU_ASSERT_EQUAL(qmac_race_check(&hw, commands, 2, &race, NULL), QMAC_OK);
	commands[1].base++;
	CU_ASSERT_EQUAL(qmac_race_check(&hw, commands, 2, &race, NULL), QMAC_CHECK_FAILED);
	CU_ASSERT_EQUAL(race.kind, QMAC_RACE_MEMORY);
	CU_ASSERT_EQUAL(race.place, 0xFFFFFFFFFFFC);
}

/* A program that the device refuses has no answer. */
static void test_refused(void)
{
	struct qmac_command commands[] = {complete((struct qmac_command){LOAD(A, 0, 1, 0)}),
	                                  complete((struct qmac_command){VEC(W, 0, A, 1, 1), WAIT_LOAD(2)})};
	struct qmac_race race;
	struct qmac_error err;

	CU_ASSERT_EQUAL(qmac_race_check(&hw, commands, 2, &race, &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, "command 1 has no defined accesses: the device refuses it (ORDER)");
	CU_ASSERT_EQUAL(qmac_race_check(&hw, commands, 0, &race, &err), QMAC_OK);
}

/* Counts beyond 2^16, in a program that is long enough to show how the time grows. */
static void test_many(void)
{
	const struct qmac_command load = complete((struct qmac_command){LOAD(A, 0, 2, 0)});
	const struct qmac_command vec = complete((struct qmac_command){VEC(W, 0, A, 0, 1)});
	struct qmac_command *commands = calloc(MANY, sizeof *commands);
	struct qmac_race race;

	if (!commands)
		abort();
	for (uint32_t i = 0; i < MANY; i++) { /* LOAD LOAD VEC, each VEC waits for its LOADs and they for it */
		commands[i] = i % 3 < 2 ? load : vec;
		commands[i].base = 1000 * (uint64_t)i;
		commands[i].wait_mask = i < 2 ? 0 : i % 3 < 2 ? 2 : 1;
		commands[i].wait_exec = i >= 2 && i % 3 < 2 ? i / 3 & 0xFFFF : 0;
		commands[i].wait_load = i % 3 == 2 ? (i / 3 + 1) * 2 & 0xFFFF : 0;
		if (i % 3 == 2)
			commands[i].base = 0;
	}
	CU_ASSERT_EQUAL(qmac_race_check(&hw, commands, MANY, &race, NULL), QMAC_OK);
	commands[3 * 32768 + 2].wait_load = 1; /* LOAD 65537 of 65538 */
	CU_ASSERT_EQUAL(qmac_race_check(&hw, commands, MANY, &race, NULL), QMAC_CHECK_FAILED);
	CU_ASSERT_EQUAL(race.command[0], 3 * 32768 + 1);
	CU_ASSERT_EQUAL(race.command[1], 3 * 32768 + 2);
	CU_ASSERT_EQUAL(race.wait_count, 2);
	free(commands);
}

/* ---- random programs ------------------------------------------------------------ */

/* What the random programs reached. */
static struct {
	int race_free, racy, kind[4], spaces[3], differ;
} seen;

/* What to run next in a random legal order of whole commands: the head of an engine, or a SYNC behind all. */
static uint32_t next_command(uint64_t *rng, const struct qmac_command *commands, uint32_t count,
                             const bool *done, const uint32_t retired[3])
{
	uint32_t may[4], n = 0;
	bool blocked[4] = {false, false, false, false};

	for (uint32_t i = 0; i < count; i++) {
		const struct qmac_command *c = &commands[i];
		const uint32_t waits[3] = {c->wait_load, c->wait_exec, c->wait_store};
		unsigned engine = ref_engine(c->opcode);
		bool ready = !blocked[engine];

		if (done[i])
			continue;
		if (engine == QMAC_ENGINE_CONTROL)
			return n ? may[test_random(rng) % n] : i;
		for (unsigned e = 0; e < 3; e++)
			ready = ready && !((c->wait_mask >> e & 1) && (uint16_t)(retired[e] - waits[e]) >= 0x8000);
		blocked[engine] = true;
		if (ready)
			may[n++] = i;
	}
	return may[test_random(rng) % n];
}

/* Runs the program in ring order (rng NULL) or in a random legal one. */
static void run(struct ref_device *device, uint64_t *rng, const struct qmac_command *commands, uint32_t count)
{
	bool done[REF_RACE_COMMANDS] = {false};

	for (uint32_t i = 0; i < count; i++) {
		uint32_t words[QMAC_COMMAND_WORDS];
		uint32_t next = rng ? next_command(rng, commands, count, done, device->dispatched) : i;
		struct ref_record record;

		done[next] = true;
		qmac_command_encode(&commands[next], words);
		CU_ASSERT_TRUE(ref_execute(device, words, &record));
	}
}

static void fill(struct ref_device *device, uint64_t seed)
{
	for (uint64_t at = 0; at < device->memory_bytes; at++)
		device->memory[at] = (uint8_t)test_random(&seed);
	for (int64_t space = 0; space < 4; space++)
		for (int64_t row = 0; row < ref_depth(&device->hw, space); row++)
			for (int64_t lane = 0; lane < ref_width(&device->hw, space); lane++)
				ref_poke(device, space, row, lane, test_random(&seed));
}

static bool equal(const struct ref_device *a, const struct ref_device *b)
{
	for (int64_t space = 0; space < 4; space++)
		if (memcmp(a->space[space], b->space[space],
		           (size_t)(ref_depth(&a->hw, space) * ref_width(&a->hw, space)) * 8) != 0)
			return false;
	return memcmp(a->memory, b->memory, a->memory_bytes) == 0 &&
	       memcmp(a->counters, b->counters, sizeof a->counters) == 0;
}

/* Does every order tried give the result of ring order? */
static bool order_does_not_matter(uint64_t *rng, const struct qmac_hw *device_hw,
                                  const struct qmac_command *commands, uint32_t count)
{
	struct ref_device ordered, other;
	uint64_t seed = test_random(rng);
	bool same = true;

	CU_ASSERT_TRUE_FATAL(ref_device_init(&ordered, device_hw, REF_RACE_PLACES));
	CU_ASSERT_TRUE_FATAL(ref_device_init(&other, device_hw, REF_RACE_PLACES));
	fill(&ordered, seed);
	run(&ordered, NULL, commands, count);
	for (int i = 0; i < SHUFFLES && same; i++) {
		fill(&other, seed);
		memset(other.dispatched, 0, sizeof other.dispatched);
		memset(other.counters, 0, sizeof other.counters);
		run(&other, rng, commands, count);
		same = equal(&ordered, &other);
	}
	ref_device_free(&ordered);
	ref_device_free(&other);
	return same;
}

/* Thins out the waits of a random program, then puts back those that the checker asks for, one by one. */
static void random_case(uint64_t *rng)
{
	struct qmac_fuzz_program program = {.rng = test_random(rng), .data_bytes = REF_RACE_PLACES};
	struct qmac_command commands[REF_RACE_COMMANDS];
	uint32_t count = 2 + (uint32_t)(test_random(rng) % (REF_RACE_COMMANDS - 1)), repairs = 0;
	uint64_t keep = test_random(rng) % 17;
	struct qmac_race race;
	char text[sizeof(struct qmac_error)];

	qmac_fuzz_hw(&program.rng, &program.hw);
	for (uint32_t i = 0; i < count; i++) {
		qmac_fuzz_command(&program, &commands[i]);
		qmac_fuzz_waits_thin(rng, &commands[i], keep);
	}
	while (decide(&program.hw, commands, count, &race, text, sizeof text)) {
		seen.kind[race.kind]++;
		seen.spaces[race.space % 3] += race.kind == QMAC_RACE_PORT;
		seen.differ += repairs == 0 && !order_does_not_matter(rng, &program.hw, commands, count);
		if (++repairs > 3 * count)
			break;
		qmac_fuzz_waits_add(&race, commands);
	}
	CU_ASSERT(repairs <= 3 * count);
	seen.racy += repairs > 0;
	seen.race_free += repairs == 0;
	CU_ASSERT_TRUE(order_does_not_matter(rng, &program.hw, commands, count));
}

/* Has everything come that random programs are for? */
static bool all_seen(void)
{
	bool all = seen.race_free > 3 && seen.racy > 15 && seen.differ > 5;

	for (int kind = QMAC_RACE_ROW; kind <= QMAC_RACE_PORT; kind++)
		all = all && seen.kind[kind] > 3;
	for (int space = 0; space < 3; space++)
		all = all && seen.spaces[space] > 0;
	return all;
}

/* As many as it takes, which depends on the seed; mostly these 50. */
static void test_random_programs(void)
{
	uint64_t rng = test_seed();

	for (int i = 0; i < 50 || (i < 1000 && !all_seen()); i++)
		random_case(&rng);
	printf("(race-free at once %d, racy %d; races of rows %d, memory %d, ports %d; wrong results %d) ",
	       seen.race_free, seen.racy, seen.kind[QMAC_RACE_ROW], seen.kind[QMAC_RACE_MEMORY],
	       seen.kind[QMAC_RACE_PORT], seen.differ);
	CU_ASSERT(all_seen());
}

int main(void)
{
	static const struct test_case cases[] = {
		{"directed programs", test_directed},
		{"the report in words", test_text_form},
		{"the last bytes", test_last_bytes},
		{"a command at fault", test_refused},
		{"many commands, counts modulo 2^16", test_many},
		{"random programs", test_random_programs},
	};

	return test_main("test_race", cases, TEST_COUNT(cases));
}
