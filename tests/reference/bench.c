#include "reference/bench.h"

#include <string.h>

#include "isa/space.h"
#include "reference/recording_backend.h"
#include "reference/shuffled_backend.h"
#include "test.h"

enum { MEMORY_BYTES = 1 << 22 };

void open_bench(struct bench *bench, const struct qmac_hw *hw, uint64_t order, uint64_t seed)
{
	const struct qmac_device_options options = {.memory_bytes = MEMORY_BYTES, .kernel = "auto"};
	static uint8_t image[BENCH_DATA_BYTES];

	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", hw, &options, &bench->backend, NULL), QMAC_OK);
	if (order)
		bench->backend = shuffled_backend(bench->backend, order);
	bench->backend = recording_backend(bench->backend);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(bench->backend, hw, QMAC_DRIVER_RING_LOG2_MAX, &bench->driver,
	                                       NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_allocate(bench->driver, BENCH_DATA_BYTES, &bench->data, NULL), QMAC_OK);
	for (size_t i = 0; i < BENCH_DATA_BYTES; i++)
		image[i] = (uint8_t)test_random(&seed);
	qmac_driver_upload(bench->driver, bench->data, 0, image, BENCH_DATA_BYTES);
	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_LUT; space++)
		for (uint32_t row = 0; row < qmac_space_rows(hw, space); row++)
			for (uint32_t lane = 0; lane < qmac_space_lanes(hw, space); lane++)
				bench->backend->operations->poke(bench->backend, space, row, lane, test_random(&seed));
}

void close_bench(struct bench *bench)
{
	qmac_driver_close(bench->driver);
	qmac_backend_destroy(bench->backend);
}

void check_same(struct bench *a, struct bench *b, const struct qmac_hw *hw)
{
	static uint8_t images[2][BENCH_DATA_BYTES];
	int wrong = 0;

	qmac_driver_download(a->driver, a->data, 0, images[0], BENCH_DATA_BYTES);
	qmac_driver_download(b->driver, b->data, 0, images[1], BENCH_DATA_BYTES);
	CU_ASSERT_EQUAL(memcmp(images[0], images[1], BENCH_DATA_BYTES), 0);
	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_LUT; space++)
		for (uint32_t row = 0; row < qmac_space_rows(hw, space); row++)
			for (uint32_t lane = 0; lane < qmac_space_lanes(hw, space); lane++)
				wrong += a->backend->operations->peek(a->backend, space, row, lane) !=
				         b->backend->operations->peek(b->backend, space, row, lane);
	CU_ASSERT_EQUAL(wrong, 0);
}
