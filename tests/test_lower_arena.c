/* Plans of device memory: nothing that is needed at the same time overlaps, and bytes are shared. */
#include "lower/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { REGIONS_MAX = 200, MEMORY_BYTES = 1 << 20 };

static uint64_t state;

static int add(struct qmac_arena *arena, uint64_t bytes, int64_t first, int64_t last)
{
	int id;

	CU_ASSERT_EQUAL_FATAL(qmac_arena_add(arena, bytes, first, last, &id, NULL), QMAC_OK);
	return id;
}

static void plan(struct qmac_arena *arena)
{
	CU_ASSERT_EQUAL_FATAL(qmac_arena_plan(arena, NULL), QMAC_OK);
}

/* Activations of a chain of layers: two live at a time, so the largest pair decides. */
static void test_chain(void)
{
	static const uint64_t bytes[] = {1000, 640, 2048, 64, 1};
	struct qmac_arena *arena = qmac_arena_create();

	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(add(arena, bytes[i], i, i + 1), i);
	plan(arena);
	CU_ASSERT_EQUAL(qmac_arena_unshared_bytes(arena), 1024 + 640 + 2048 + 64 + 64);
	CU_ASSERT_EQUAL(qmac_arena_peak_bytes(arena), 640 + 2048);
	CU_ASSERT_EQUAL(qmac_arena_bytes(arena), 640 + 2048);
	CU_ASSERT_EQUAL(qmac_arena_offset(arena, 2), 0);
	CU_ASSERT_EQUAL(qmac_arena_offset(arena, 1), 2048);
	CU_ASSERT_EQUAL(qmac_arena_offset(arena, 0), 0);
	CU_ASSERT_EQUAL(qmac_arena_offset(arena, 3), 2048);
	qmac_arena_destroy(arena);
}

/* Byte by byte and step by step: no two regions at once. */
static void test_random_plans(void)
{
	double shared = 0, best = 0;

	for (int round = 0; round < 50; round++) {
		enum { STEPS = 30, UNITS = 4000 };
		static int owner[STEPS][UNITS];
		uint64_t bytes[REGIONS_MAX];
		int64_t first[REGIONS_MAX], last[REGIONS_MAX];
		struct qmac_arena *arena = qmac_arena_create();
		int count = (int)test_between(&state, 1, REGIONS_MAX), wrong = 0;

		memset(owner, 0, sizeof owner);
		for (int i = 0; i < count; i++) {
			bytes[i] = (uint64_t)test_between(&state, 0, 1000);
			first[i] = test_between(&state, 0, STEPS - 1);
			last[i] = test_between(&state, first[i], first[i] + 4 < STEPS ? first[i] + 4 : STEPS - 1);
			add(arena, bytes[i], first[i], last[i]);
		}
		plan(arena);
		for (int i = 0; i < count; i++) {
			uint64_t offset = qmac_arena_offset(arena, i);

			CU_ASSERT_EQUAL(offset % QMAC_ARENA_ALIGNMENT, 0);
			CU_ASSERT_FATAL(offset + bytes[i] <= qmac_arena_bytes(arena));
			for (uint64_t unit = offset / 64; unit * 64 < offset + bytes[i]; unit++)
				for (int64_t step = first[i]; step <= last[i]; step++) {
					wrong += owner[step][unit] != 0;
					owner[step][unit] = i + 1;
				}
		}
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT(qmac_arena_peak_bytes(arena) <= qmac_arena_bytes(arena));
		CU_ASSERT(qmac_arena_bytes(arena) <= qmac_arena_unshared_bytes(arena));
		shared += (double)qmac_arena_bytes(arena) / (double)qmac_arena_peak_bytes(arena);
		best += 1;
		qmac_arena_destroy(arena);
	}
	printf("%.3f of what is needed at once ", shared / best);
	CU_ASSERT(shared / best < 1.15);
}

/* In device memory; another plan reuses the buffer, and a larger one gives it back. */
static void test_buffers(void)
{
	const struct qmac_device_options options = {.memory_bytes = MEMORY_BYTES};
	struct qmac_hw hw = {
		.rows = 4, .cols = 4, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 256, .a_depth = 32,
		.w_depth = 32, .acc_depth = 32, .bus_bytes = 8, .burst_beats = 16, .outstanding = 4,
		.queue_depth = 1, .lut_bits = 5, .lut_ports = 1, .clock_mhz = 500, .dram_bytes_per_cycle = 2048,
		.dram_banks = 8, .dram_row_bytes = 2048,
	};
	struct qmac_arena *arena = qmac_arena_create();
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_buffer first, second;
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", &hw, &options, &backend, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(backend, &hw, 4, &driver, NULL), QMAC_OK);
	add(arena, 100, 0, 0);
	add(arena, 700, 1, 1);
	plan(arena);
	CU_ASSERT_EQUAL_FATAL(qmac_arena_allocate(arena, driver, NULL), QMAC_OK);
	first = qmac_arena_buffer(arena, 0);
	second = qmac_arena_buffer(arena, 1);
	CU_ASSERT_EQUAL(first.address, second.address);
	CU_ASSERT(first.bytes == 100 && second.bytes == 700);
	qmac_arena_clear(arena);
	CU_ASSERT_EQUAL(add(arena, 64, 0, 0), 0);
	add(arena, 640, 0, 0);
	plan(arena);
	CU_ASSERT_EQUAL_FATAL(qmac_arena_allocate(arena, driver, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_arena_buffer(arena, 1).address, first.address);
	CU_ASSERT_EQUAL(qmac_arena_buffer(arena, 0).address, first.address + 640);
	add(arena, MEMORY_BYTES / 2 + 64, 0, 0); /* fits only in place of the first */
	plan(arena);
	CU_ASSERT_EQUAL_FATAL(qmac_arena_allocate(arena, driver, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_arena_buffer(arena, 2).address, first.address);
	add(arena, MEMORY_BYTES / 2, 0, 0);
	plan(arena);
	CU_ASSERT_EQUAL(qmac_arena_allocate(arena, driver, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "device memory is full: "));
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
	qmac_arena_destroy(arena);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"a chain of layers", test_chain},
		{"random plans", test_random_plans},
		{"buffers", test_buffers},
	};

	state = test_seed();
	return test_main("test_lower_arena", cases, TEST_COUNT(cases));
}
