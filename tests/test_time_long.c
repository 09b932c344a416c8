/*
 * Time of long streams: every engine is given several times 2^16 commands, with waits on both sides of each
 * wrap, on the C model and on the stepping reference.
 */
#include <stdio.h>

#include "fuzz/random.h"
#include "reference/time_pair.h"
#include "test.h"

enum { ENGINES = 3, WRAP = 1 << 16, REACH = 1 << 15, DATA_BYTES = 4096 };

/* Descriptors come one a cycle; a move takes a few cycles, a pass two. */
static const struct qmac_hw quick = {
	.rows = 1, .cols = 1, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 4096, .a_depth = 16,
	.w_depth = 16, .acc_depth = 16, .bus_bytes = 64, .burst_beats = 16, .outstanding = 4, .queue_depth = 3,
	.lut_bits = 6, .lut_ports = 1, .clock_mhz = 500, .dram_bytes_per_cycle = 64 * 256, .dram_banks = 8,
	.dram_row_bytes = 2048,
};

struct stream {
	uint64_t rng;
	uint32_t given[ENGINES]; /* commands of each engine so far */
	uint32_t near, far;      /* waits close to a wrap of what they count; for a command of long ago */
};

static uint32_t below(struct stream *s, uint32_t count)
{
	return (uint32_t)(test_random(&s->rng) % count);
}

/* Within a few commands of a wrap, before or behind it? */
static bool wraps(uint32_t given)
{
	return (given + 24) % WRAP < 48 && given > 24;
}

static struct qmac_command command_of(unsigned engine, uint32_t size)
{
	const struct qmac_command move = {
		.opcode = engine == QMAC_ENGINE_LOAD ? QMAC_OPCODE_LOAD : QMAC_OPCODE_STORE, .n0 = size, .n1 = 1,
		.n2 = 1, .len = 1, .hi0 = size - 1, .space = QMAC_SPACE_ACC, .container = QMAC_CONTAINER_WORD,
		.is_signed = 1,
	};
	const struct qmac_command pass = {
		.opcode = QMAC_OPCODE_GEMM, .mode = size % 2 ? QMAC_MODE_WS : QMAC_MODE_OS, .n0 = size, .n1 = 1,
		.n2 = 1, .k = 1, .n = 1,
	};
	const struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .n0 = size, .n1 = 1, .bw = 8, .lanes = 1, .dspace = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_IMM, .red_rows = 1,
	};

	return engine != QMAC_ENGINE_EXECUTE ? move : size > 3 ? vec : pass;
}

/* Waits for the latest commands, where counts wrap; elsewhere now and then, for older and for the oldest. */
static void set_waits(struct stream *s, struct qmac_command *command)
{
	uint32_t *counts[ENGINES] = {&command->wait_load, &command->wait_exec, &command->wait_store};

	for (unsigned e = 0; e < ENGINES; e++) {
		bool near = wraps(s->given[e]);
		uint32_t behind = below(s, near ? 6 : 3);

		if (below(s, near ? 2 : 12))
			continue;
		if (below(s, 8) == 0)
			behind = below(s, 4) ? below(s, 40) : REACH - 1 - below(s, 3);
		s->near += near && behind < 6;
		s->far += behind >= REACH - 3 && s->given[e] > behind;
		command->wait_mask |= 1U << e;
		*counts[e] = (s->given[e] - behind) & (WRAP - 1);
	}
}

/*
 * `each` says how many of 16 commands each engine gets. Some commands are long: what waits for what is
 * then not simply the order of the ring.
 */
static void add_commands(struct stream *s, struct time_pair *pair, const uint32_t each[ENGINES],
                         uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t draw = below(s, 16), size = below(s, 32) ? 1 + below(s, 2) : 4 + below(s, 12);
		unsigned engine = draw < each[0] ? 0 : draw < each[0] + each[1] ? 1 : 2;
		struct qmac_command command = command_of(engine, size);

		if (below(s, 3000) == 0) {
			command = (struct qmac_command){.opcode = QMAC_OPCODE_SYNC, .irq = below(s, 2)};
		} else {
			set_waits(s, &command);
			s->given[engine]++;
		}
		time_pair_add(pair, &command);
	}
}

/* One engine after the other is given most of the commands. */
static void test_wraps(void)
{
	static const uint32_t each[ENGINES][ENGINES] = {{11, 3, 2}, {2, 12, 2}, {2, 3, 11}};
	struct stream s = {.rng = test_seed()};
	static struct time_pair pair;

	if (!time_pair_open(&pair, &quick, DATA_BYTES, 9))
		return;
	pair.ref.stops_at_irq = true;
	for (unsigned e = 0; e < ENGINES; e++)
		add_commands(&s, &pair, each[e], 180000);
	time_pair_run(&pair);
	CU_ASSERT_EQUAL(time_pair_differences(&pair, test_seed()), 0);
	for (unsigned e = 0; e < ENGINES; e++)
		CU_ASSERT(s.given[e] > 2 * WRAP + 100);
	CU_ASSERT(s.near > 200);
	CU_ASSERT(s.far > 200);
	printf("(%u commands in %llu cycles) ", pair.count, (unsigned long long)pair.ref.latest_retire);
	time_pair_close(&pair);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"each engine passes 2^16 commands more than twice", test_wraps},
	};

	return test_main("test_time_long", cases, TEST_COUNT(cases));
}
