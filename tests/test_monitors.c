/*
 * Range monitors as a host sees them: through the driver, on the C model and on two of them in lockstep.
 */
#include <string.h>

#include "driver/driver.h"
#include "reference/planted_backend.h"
#include "test.h"

enum { MEMORY_BYTES = 1 << 16, RING_LOG2 = 3, LANES = 6, LAST = QMAC_MONITORS - 1 };

static const struct qmac_hw hw = {
	.rows = 4, .cols = LANES, .a_bits = 8, .w_bits = 8, .acc_bits = 40,
	.acc_overflow = QMAC_OVERFLOW_SATURATE, .os_max = 256, .a_depth = 16, .w_depth = 18, .acc_depth = 20,
	.bus_bytes = 8, .burst_beats = 16, .outstanding = 4, .queue_depth = 4, .lut_bits = 5, .lut_ports = 2,
	.clock_mhz = 500, .dram_latency = 20, .dram_bytes_per_cycle = 2048, .dram_banks = 8,
	.dram_row_bytes = 2048,
};

struct host {
	struct plant plant;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
};

static void open_host(struct host *h, bool lockstep)
{
	const struct qmac_device_options options = {.memory_bytes = MEMORY_BYTES};
	const struct qmac_lockstep_settings settings = {.device.context = &h->plant};
	enum qmac_status status;

	memset(h, 0, sizeof *h);
	if (lockstep)
		status = qmac_lockstep_open(&hw, &options, &settings, planted_open, &h->backend, NULL);
	else
		status = qmac_backend_create("cmodel", &hw, &options, &h->backend, NULL);
	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(h->backend, &hw, RING_LOG2, &h->driver, NULL), QMAC_OK);
}

static void close_host(struct host *h)
{
	qmac_driver_close(h->driver);
	qmac_backend_destroy(h->backend);
}

/* Two lanes of `value * mult`, clamped to 8 bits; rows of ACC are zero. */
static void write_value(struct host *h, uint32_t monitor, int32_t value, int32_t mult)
{
	const struct qmac_command command = {
		.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_IMM, .dst = 3, .src0 = 19, .n0 = 1, .n1 = 1, .mult = mult, .imm = value,
		.bw = 8, .lanes = 2, .monitor = monitor,
	};

	CU_ASSERT_EQUAL_FATAL(qmac_driver_submit(h->driver, &command, NULL), QMAC_OK);
}

static void finish(struct host *h)
{
	CU_ASSERT_EQUAL_FATAL(qmac_driver_finish(h->driver, NULL), QMAC_OK);
}

/* What all monitors hold: that of `number` is `value`, the others 0. */
static void check_only(struct host *h, unsigned number, uint32_t value)
{
	for (unsigned m = 1; m < QMAC_MONITORS; m++)
		CU_ASSERT_EQUAL(qmac_driver_monitor(h->driver, m), m == number ? value : 0);
}

static void read_and_clear(bool lockstep)
{
	struct host h;

	open_host(&h, lockstep);
	check_only(&h, 0, 0);
	write_value(&h, 3, -128, 1);
	write_value(&h, 0, 77, 1);
	finish(&h);
	check_only(&h, 3, 128);
	write_value(&h, 3, 5, 1);
	finish(&h);
	check_only(&h, 3, 128 | 5);
	/* Of another number: nothing of the first changes. Then the first is cleared, and gathers anew. */
	write_value(&h, LAST, 300, 100);
	finish(&h);
	CU_ASSERT_EQUAL(qmac_driver_monitor(h.driver, 3), 128 | 5);
	CU_ASSERT_EQUAL(qmac_driver_monitor(h.driver, LAST), 30000);
	qmac_driver_clear_monitor(h.driver, 3);
	check_only(&h, LAST, 30000);
	qmac_driver_clear_monitor(h.driver, LAST);
	write_value(&h, 3, -2, 1);
	finish(&h);
	check_only(&h, 3, 2);
	qmac_driver_reset(h.driver);
	check_only(&h, 0, 0);
	close_host(&h);
}

static void test_model(void)
{
	read_and_clear(false);
}

static void test_lockstep(void)
{
	read_and_clear(true);
}

/* Bit 31 stands for itself and for all above it. */
static void test_large(void)
{
	static const struct {
		int32_t value, mult;
		uint32_t seen;
	} cases[] = {
		{1 << 30, 1, 1U << 30}, {INT32_MAX, 1, INT32_MAX}, {INT32_MIN, 1, 1U << 31}, {1 << 30, 2, 1U << 31},
		{1 << 30, 4, 1U << 31}, {1 << 30, -131072, 1U << 31}, {(1 << 30) + 1, 4, 1U << 31 | 4},
		{-(1 << 30) - 1, 2, 1U << 31 | 2},
	};
	struct host h;

	open_host(&h, false);
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		write_value(&h, 9, cases[i].value, cases[i].mult);
		finish(&h);
		check_only(&h, 9, cases[i].seen);
		qmac_driver_clear_monitor(h.driver, 9);
	}
	close_host(&h);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"read and cleared", test_model},
		{"in lockstep", test_lockstep},
		{"magnitudes from 2^31 on", test_large},
	};

	return test_main("test_monitors", cases, TEST_COUNT(cases));
}
