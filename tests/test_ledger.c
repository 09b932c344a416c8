/* The ledger: records kept of hand-made streams of commands, against a slow reference; records as values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/hw_file.h"
#include "record/ledger.h"
#include "test.h"

enum { RING_LOG2 = 6, RING = 1 << RING_LOG2, LAYERS = 3, KEYS = LAYERS * QMAC_DIRECTIONS };

static struct qmac_hw hw;
static struct qmac_records records;
static struct qmac_ledger *ledger;

static void begin(void)
{
	CU_ASSERT_EQUAL_FATAL(qmac_hw_load(&hw, "configs/hw/8x8_w8.yaml", NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&records, LAYERS, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_ledger_create(&hw, RING_LOG2, &records, &ledger, NULL), QMAC_OK);
	qmac_records_begin(&records, 1);
}

static void end(void)
{
	qmac_ledger_destroy(ledger);
	qmac_ledger_destroy(NULL);
	qmac_records_free(&records);
}

static struct qmac_command command_of(unsigned opcode, int layer, enum qmac_direction direction)
{
	struct qmac_command c = {.opcode = opcode, .n0 = 3, .n1 = 1, .n2 = 1, .layer = (uint16_t)layer,
	                         .direction = (uint8_t)direction};

	if (opcode == QMAC_OPCODE_GEMM) {
		c.k = 4;
		c.n = 5; /* 60 MACs */
	} else if (opcode == QMAC_OPCODE_VEC) {
		c.op = QMAC_OP_MUL;
		c.lanes = 2; /* 6 multiplications */
	} else if (opcode != QMAC_OPCODE_SYNC) {
		c.hi0 = 2;
		c.len = 7;
		c.container = QMAC_CONTAINER_HALF; /* 42 bytes */
		c.space = QMAC_SPACE_ACC;
		c.s0 = 14;
	}
	return c;
}

static void submit(unsigned opcode, int layer, enum qmac_direction direction)
{
	struct qmac_command c = command_of(opcode, layer, direction);

	qmac_ledger_submit(ledger, &c);
}

static void retire(uint32_t number, unsigned opcode, uint64_t start, uint64_t cycle)
{
	const struct qmac_retire record = {
		.number = number, .engine = (uint8_t)qmac_command_engine(opcode), .opcode = (uint8_t)opcode,
		.start = start, .cycle = cycle, .acc_saturations = 1, .requant_saturations = 10,
		.container_saturations = 100,
	};

	qmac_ledger_retire(ledger, &record);
}

static uint64_t spent(int layer, enum qmac_direction direction, enum qmac_counter counter)
{
	return qmac_records_spent(&records, layer, direction)[counter];
}

/*
 * LOAD retires at 10 and 40, EXECUTE at 25 and 40 and 50, STORE at 70; SYNC at 75. EXECUTE tells first, and
 * of a future that LOAD is still to come before.
 */
static void test_small(void)
{
	begin();
	submit(QMAC_OPCODE_LOAD, 0, QMAC_DIRECTION_FORWARD);
	submit(QMAC_OPCODE_GEMM, 0, QMAC_DIRECTION_FORWARD);
	submit(QMAC_OPCODE_LOAD, 1, QMAC_DIRECTION_DATA);
	submit(QMAC_OPCODE_GEMM, 1, QMAC_DIRECTION_WEIGHTS);
	submit(QMAC_OPCODE_VEC, 1, QMAC_DIRECTION_UPDATE);
	submit(QMAC_OPCODE_STORE, 2, QMAC_DIRECTION_EVAL);
	submit(QMAC_OPCODE_SYNC, 2, QMAC_DIRECTION_NONE);
	retire(1, QMAC_OPCODE_GEMM, 12, 25);
	retire(3, QMAC_OPCODE_GEMM, 20, 40); /* begins before the one before it retires */
	retire(0, QMAC_OPCODE_LOAD, 2, 10);
	retire(2, QMAC_OPCODE_LOAD, 11, 40); /* the same cycle: LOAD's */
	retire(4, QMAC_OPCODE_VEC, 41, 50);
	retire(5, QMAC_OPCODE_STORE, 52, 70);
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_CYCLES), 0); /* not before the SYNC */
	retire(6, QMAC_OPCODE_SYNC, 75, 75);
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_CYCLES), 10 + 15);
	CU_ASSERT_EQUAL(spent(1, QMAC_DIRECTION_DATA, QMAC_COUNTER_CYCLES), 15);
	CU_ASSERT_EQUAL(spent(1, QMAC_DIRECTION_WEIGHTS, QMAC_COUNTER_CYCLES), 0);
	CU_ASSERT_EQUAL(spent(1, QMAC_DIRECTION_UPDATE, QMAC_COUNTER_CYCLES), 10);
	CU_ASSERT_EQUAL(spent(2, QMAC_DIRECTION_EVAL, QMAC_COUNTER_CYCLES), 20);
	CU_ASSERT_EQUAL(spent(2, QMAC_DIRECTION_NONE, QMAC_COUNTER_CYCLES), 5);
	/* Busy cycles do not count an overlap twice. */
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_LOAD_BUSY), 8);
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_EXECUTE_BUSY), 13);
	CU_ASSERT_EQUAL(spent(1, QMAC_DIRECTION_WEIGHTS, QMAC_COUNTER_EXECUTE_BUSY), 15);
	CU_ASSERT_EQUAL(spent(2, QMAC_DIRECTION_EVAL, QMAC_COUNTER_STORE_BUSY), 18);
	/* What descriptors and retirements tell. */
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_COMMANDS), 2);
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_MACS), 60);
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_DRAM_READ_BYTES), 42);
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_FETCH_BYTES), 128);
	CU_ASSERT_EQUAL(spent(0, QMAC_DIRECTION_FORWARD, QMAC_COUNTER_REQUANT_SATURATIONS), 20);
	CU_ASSERT_EQUAL(spent(1, QMAC_DIRECTION_UPDATE, QMAC_COUNTER_VEC_MULTS), 6);
	CU_ASSERT_EQUAL(spent(2, QMAC_DIRECTION_EVAL, QMAC_COUNTER_DRAM_WRITE_BYTES), 42);
	CU_ASSERT_EQUAL(spent(2, QMAC_DIRECTION_NONE, QMAC_COUNTER_COMMANDS), 1);
	end();
}

/* A program runs for two purposes; the device is reset in between, and counts from 0 again. */
static void test_first_layer_and_restart(void)
{
	begin();
	for (int part = 0; part < 2; part++) {
		qmac_ledger_set_first_layer(ledger, part ? 2 : 0);
		submit(QMAC_OPCODE_VEC, 0, QMAC_DIRECTION_UPDATE);
		submit(QMAC_OPCODE_SYNC, 0, QMAC_DIRECTION_NONE);
		retire(0, QMAC_OPCODE_VEC, 3, 20);
		retire(1, QMAC_OPCODE_SYNC, 24, 24);
		qmac_ledger_restart(ledger);
	}
	for (int layer = 0; layer < 3; layer++) {
		CU_ASSERT_EQUAL(spent(layer, QMAC_DIRECTION_UPDATE, QMAC_COUNTER_CYCLES), layer == 1 ? 0 : 20);
		CU_ASSERT_EQUAL(spent(layer, QMAC_DIRECTION_NONE, QMAC_COUNTER_CYCLES), layer == 1 ? 0 : 4);
		CU_ASSERT_EQUAL(spent(layer, QMAC_DIRECTION_UPDATE, QMAC_COUNTER_EXECUTE_BUSY), layer == 1 ? 0 : 17);
	}
	end();
}

/* ---- random streams --------------------------------------------------------------------------------- */

struct event {
	uint32_t number;
	unsigned opcode;
	int key;
	uint64_t start, cycle;
};

static const unsigned opcodes[] = {QMAC_OPCODE_LOAD, QMAC_OPCODE_GEMM, QMAC_OPCODE_VEC, QMAC_OPCODE_STORE};

/* A ring of commands up to a SYNC, from cycle `now`; returns how many. */
static int make(uint64_t *rng, uint32_t number, uint64_t now, struct event *events)
{
	uint64_t last[3] = {now, now, now}, latest = now;
	int count = (int)(test_random(rng) % RING);

	for (int i = 0; i < count; i++) {
		unsigned opcode = opcodes[test_random(rng) % 4], engine = qmac_command_engine(opcode);
		uint64_t cycle = last[engine] + 1 + test_random(rng) % 4, start = cycle - 1 - test_random(rng) % 6;

		events[i] = (struct event){number + (uint32_t)i, opcode, (int)(test_random(rng) % KEYS),
		                           start > cycle ? 0 : start, cycle};
		last[engine] = cycle;
		latest = cycle > latest ? cycle : latest;
	}
	events[count] = (struct event){number + (uint32_t)count, QMAC_OPCODE_SYNC, (int)(test_random(rng) % KEYS),
	                               latest + 1, latest + 1 + test_random(rng) % 3};
	events[count].start = events[count].cycle;
	return count + 1;
}

/* Cycle by cycle: to whom does it belong? Engines in the order LOAD, EXECUTE, STORE, then the SYNC. */
static void expect_cycles(const struct event *events, int count, uint64_t from, uint64_t *expected)
{
	uint64_t to = events[count - 1].cycle, begun = from;

	for (uint64_t cycle = from + 1; cycle <= to; cycle++)
		for (unsigned engine = 0; engine < 4; engine++)
			for (int i = 0; i < count; i++)
				if (events[i].cycle == cycle && qmac_command_engine(events[i].opcode) == engine) {
					expected[events[i].key] += cycle - begun;
					begun = cycle;
				}
}

/* Each engine's in order, engines among one another in any; the SYNC last. */
static void tell(uint64_t *rng, const struct event *events, int count)
{
	int next[3] = {0};

	for (;;) {
		unsigned engine = (unsigned)(test_random(rng) % 3), tried = 0;

		for (; tried < 3; tried++, engine = (engine + 1) % 3) {
			int *at = &next[engine];

			while (*at < count - 1 && qmac_command_engine(events[*at].opcode) != engine)
				++*at;
			if (*at < count - 1)
				break;
		}
		if (tried == 3)
			break;
		retire(events[next[engine]].number, events[next[engine]].opcode, events[next[engine]].start,
		       events[next[engine]].cycle);
		next[engine]++;
	}
	retire(events[count - 1].number, QMAC_OPCODE_SYNC, events[count - 1].start, events[count - 1].cycle);
}

static void test_random_streams(void)
{
	uint64_t rng = test_seed(), expected[KEYS], now, sum;
	struct event events[RING + 1];
	uint32_t number;

	for (int round = 0; round < 200; round++) {
		memset(expected, 0, sizeof expected);
		now = sum = 0;
		number = (uint32_t)0 - 5 * RING; /* numbers pass 2^32 */
		begin();
		for (int ring = 0; ring < 10; ring++) {
			int count = make(&rng, number, now, events);

			for (int i = 0; i < count; i++)
				submit(events[i].opcode, events[i].key / QMAC_DIRECTIONS,
				       (enum qmac_direction)(events[i].key % QMAC_DIRECTIONS));
			tell(&rng, events, count);
			expect_cycles(events, count, now, expected);
			now = events[count - 1].cycle;
			number += (uint32_t)count;
		}
		for (int key = 0; key < KEYS; key++) {
			CU_ASSERT_EQUAL_FATAL(records.spent[key][QMAC_COUNTER_CYCLES], expected[key]);
			sum += records.spent[key][QMAC_COUNTER_CYCLES];
		}
		CU_ASSERT_EQUAL_FATAL(sum, now); /* to the last cycle */
		end();
	}
}

/* ---- records as values ------------------------------------------------------------------------------- */

static void test_merge(void)
{
	static const int32_t codes[] = {0, -1, 0};
	struct qmac_records first, second;
	uint64_t sum[QMAC_COUNTERS] = {0};

	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&first, 2, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&second, 2, NULL), QMAC_OK);
	qmac_records_begin(&first, 7);
	qmac_records_begin(&second, 7);
	for (int k = 0; k < 2 * QMAC_DIRECTIONS; k++)
		for (int i = 0; i < QMAC_COUNTERS; i++) {
			first.spent[k][i] = (uint64_t)(1000 * k + i);
			second.spent[k][i] = (uint64_t)(k * (i + 1)); /* none, or a command and more */
		}
	second.layer[1].shared_macs[3] = 5;
	qmac_records_count_codes(&first, 1, true, codes, 2, 1);
	qmac_records_count_codes(&second, 1, true, codes, 3, 2);
	qmac_records_count_codes(&second, 1, false, codes, 1, 4);
	CU_ASSERT_EQUAL(qmac_records_sparsity(&second, 1), 2.0 / 3);
	CU_ASSERT(isnan(qmac_records_sparsity(&second, 0)));
	qmac_records_merge(&first, &second);
	for (int k = 0; k < 2 * QMAC_DIRECTIONS; k++)
		for (int i = 0; i < QMAC_COUNTERS; i++)
			CU_ASSERT_EQUAL(first.spent[k][i], (uint64_t)(1000 * k + i + k * (i + 1)));
	CU_ASSERT_EQUAL(first.layer[1].shared_macs[3], 5);
	CU_ASSERT(first.layer[1].codes == 6 && first.layer[1].weight_saturations == 7);
	CU_ASSERT_EQUAL(qmac_records_sparsity(&first, 1), 3.0 / 5);
	qmac_records_add_layer(&first, 1, sum);
	CU_ASSERT_EQUAL(sum[0], 1001 * (6 + 7 + 8 + 9 + 10 + 11));
	CU_ASSERT_EQUAL(qmac_records_index(1, QMAC_DIRECTION_NONE), 6);
	qmac_records_begin(&first, 8);
	CU_ASSERT(first.epoch == 8 && first.spent[11][3] == 0 && first.layer[1].shared_macs[3] == 0);
	CU_ASSERT(first.layer[1].codes == 0 && first.layer[1].weight_saturations == 0);
	CU_ASSERT(isnan(qmac_records_sparsity(&first, 1)));
	qmac_records_free(&first);
	qmac_records_free(&second);
}

static uint64_t *count_of(const struct qmac_records *r, int layer, enum qmac_direction direction, int counter)
{
	return &qmac_records_spent(r, layer, direction)[counter];
}

/* What no command has told is shared out among what has multiplied since the last time. */
static void test_zeros(void)
{
	enum { MACS = QMAC_COUNTER_MACS, ZEROS = QMAC_COUNTER_ZERO_MACS };
	struct qmac_records r;

	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&r, 2, NULL), QMAC_OK);
	qmac_records_begin(&r, 1);
	CU_ASSERT(isnan(qmac_records_zero_fraction(&r, 0)));
	qmac_records_share_zeros(&r, 0);
	*count_of(&r, 0, QMAC_DIRECTION_FORWARD, MACS) = 60;
	*count_of(&r, 0, QMAC_DIRECTION_WEIGHTS, MACS) = 40;
	qmac_records_share_zeros(&r, 9);
	CU_ASSERT_EQUAL(*count_of(&r, 0, QMAC_DIRECTION_FORWARD, ZEROS), 5); /* 5.4 */
	CU_ASSERT_EQUAL(*count_of(&r, 0, QMAC_DIRECTION_WEIGHTS, ZEROS), 4);
	CU_ASSERT_EQUAL(qmac_records_zero_fraction(&r, 0), 0.09);
	/* The other layer alone; then both, one command of which has told. */
	*count_of(&r, 1, QMAC_DIRECTION_FORWARD, MACS) = 50;
	qmac_records_share_zeros(&r, 5);
	CU_ASSERT_EQUAL(qmac_records_zero_fraction(&r, 1), 0.1);
	CU_ASSERT_EQUAL(qmac_records_zero_fraction(&r, 0), 0.09);
	*count_of(&r, 0, QMAC_DIRECTION_FORWARD, MACS) += 10;
	*count_of(&r, 1, QMAC_DIRECTION_FORWARD, MACS) += 20;
	*count_of(&r, 1, QMAC_DIRECTION_FORWARD, ZEROS) += 7;
	qmac_records_share_zeros(&r, 3);
	CU_ASSERT_EQUAL(*count_of(&r, 0, QMAC_DIRECTION_FORWARD, ZEROS), 6);
	CU_ASSERT_EQUAL(*count_of(&r, 0, QMAC_DIRECTION_WEIGHTS, ZEROS), 4);
	CU_ASSERT_EQUAL(*count_of(&r, 1, QMAC_DIRECTION_FORWARD, ZEROS), 14);
	qmac_records_free(&r);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"a small stream, by hand", test_small},
		{"two purposes, and a reset", test_first_layer_and_restart},
		{"random streams, cycle by cycle", test_random_streams},
		{"records of two parts of an epoch", test_merge},
		{"products with a zero", test_zeros},
	};

	return test_main("test_ledger", cases, TEST_COUNT(cases));
}
