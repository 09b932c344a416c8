/*
 * LOAD and STORE of rows that lie together, here as in memory, and of those that nearly do: each kernel, with
 * and without digests, against the slow reference. Containers of every width, limbs, windows, words around
 * what a container holds.
 */
#include "num/fixed.h"
#include "reference/kernel_rig.h"
#include "test.h"

enum { ROWS = 12, COMMANDS = 1500, MIDDLE = 2048 /* of memory: loops may begin before it */ };

static uint64_t state;

static uint32_t below(uint32_t count)
{
	return (uint32_t)(test_random(&state) % count);
}

static struct qmac_hw hw_of(int rows, int cols, int acc_bits)
{
	return (struct qmac_hw){
		.rows = rows, .cols = cols, .a_bits = 11, .w_bits = 8, .acc_bits = acc_bits,
		.acc_overflow = QMAC_OVERFLOW_SATURATE, .os_max = 256, .a_depth = 128, .w_depth = 128,
		.acc_depth = 128,
		.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .queue_depth = 4, .lut_bits = 5,
		.lut_ports = 1, .clock_mhz = 500, .dram_latency = 20, .dram_bytes_per_cycle = 2048, .dram_banks = 8,
		.dram_row_bytes = 2048,
	};
}

/* A word around an edge of some container, mostly inside. */
static int64_t any_word(int acc_bits)
{
	static const int edges[] = {8, 8, 16, 32, 33, 63};
	int bits = edges[below(6)];
	int64_t edge = (int64_t)1 << (bits - 1), word = (int64_t)(test_random(&state) % (uint64_t)edge);

	if (below(8) == 0)
		word = edge - 1 + (below(4) == 0);
	word = below(2) ? word : -word - (below(8) == 0);
	return qmac_sign_extend((uint64_t)word, acc_bits);
}

/* Whole rows one after the other, or with one thing amiss. */
static struct qmac_command any_move(unsigned opcode, unsigned space, uint32_t lanes)
{
	struct qmac_command c = {.opcode = opcode, .space = space, .row = below(8), .n0 = below(ROWS) + 1,
	                         .n1 = below(3) + 1, .n2 = 1, .len = lanes, .ds0 = 1, .container = below(4)};
	uint32_t bytes;

	c.is_signed = below(4) > 0;
	if (below(4) == 0) {
		c.len = below(lanes) + 1;
		c.lane0 = below(lanes - c.len + 1);
	}
	bytes = c.len << c.container;
	c.s0 = bytes + (below(8) == 0 ? 1U << c.container : 0);
	c.ds0 = below(8) ? 1 : below(2);
	c.s1 = c.n0 * c.s0;
	c.ds1 = c.n0 * c.ds0 + below(2);
	c.hi0 = c.n0 - 1 - (below(4) ? 0 : below(c.n0));
	c.lo0 = below(4) ? 0 : below(c.hi0 + 1);
	c.hi1 = c.n1 - 1 - (below(4) ? 0 : below(c.n1));
	c.lo1 = below(4) ? 0 : below(c.hi1 + 1);
	c.base = 8 * below(MIDDLE / 8);
	if (below(2)) /* the window begins there, the loops before, perhaps below 0 */
		c.base = (MIDDLE - (uint64_t)c.lo1 * c.s1 - (uint64_t)c.lo0 * c.s0) & 0xFFFFFFFFFFFFULL;
	return c;
}

static struct qmac_command any_load(const struct kernel_rig *rig)
{
	const struct qmac_hw *hw = &rig->ref.hw;
	unsigned space = below(3);
	uint32_t bits = (uint32_t)(space == QMAC_SPACE_A ? hw->a_bits : hw->w_bits);
	struct qmac_command c = any_move(QMAC_OPCODE_LOAD, space,
	                                 (uint32_t)(space == QMAC_SPACE_A ? hw->rows : hw->cols));

	c.keep = below(3) == 0;
	if (space == QMAC_SPACE_ACC)
		return c;
	c.nbits = below(2) && bits < 8U << c.container ? bits : below(8) + 1;
	c.lsb = below(2) ? 0 : below((8U << c.container) - c.nbits + 1);
	c.limb_unsigned = below(2);
	return c;
}

static void move_rows(int rows, int cols, int acc_bits)
{
	const struct qmac_hw hw = hw_of(rows, cols, acc_bits);
	uint64_t saturations = 0;
	struct kernel_rig rig;

	if (!kernel_rig_open(&rig, &hw))
		return;
	for (int i = 0; i < COMMANDS && !rig.failures; i++) {
		struct qmac_command c = any_load(&rig);

		for (uint64_t at = 0; at < 64; at++) {
			int64_t word = any_word(64);

			kernel_rig_write(&rig, 8 * below(KERNEL_RIG_DATA / 8), &word, sizeof word);
		}
		kernel_rig_execute(&rig, &c);
		for (int k = 0; k < 32; k++)
			kernel_rig_put(&rig, QMAC_SPACE_ACC, below(128), below((uint32_t)cols), any_word(acc_bits));
		c = any_move(QMAC_OPCODE_STORE, QMAC_SPACE_ACC, (uint32_t)cols);
		saturations += kernel_rig_execute(&rig, &c).container_saturations;
	}
	CU_ASSERT(saturations > 0);
	kernel_rig_close(&rig);
}

static void test_small(void)
{
	state = test_seed();
	move_rows(3, 5, 64);
}

static void test_large(void)
{
	state = test_seed() + 1;
	move_rows(16, 16, 33);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"rows of a small array", test_small},
		{"rows of 16 lanes, narrow accumulators", test_large},
	};

	return test_main("test_move", cases, TEST_COUNT(cases));
}
