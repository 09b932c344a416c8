/*
 * Prints the table of docs/tiling.md: one product on many devices. Each line changes
 * one thing about the device of the first line; the last column is the digest of C.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/sha256.h"
#include "driver/driver.h"
#include "lower/product.h"
#include "test.h"

enum { M = 256, N = 192, K = 320, BITS = 16, DIGEST_SHOWN = 8 };

static const struct qmac_hw base = {
	.rows = 16, .cols = 16, .a_bits = 16, .w_bits = 16, .acc_bits = 48,
	.acc_overflow = QMAC_OVERFLOW_SATURATE, .os_max = 4096, .a_depth = 8192, .w_depth = 8192,
	.acc_depth = 4096, .bus_bytes = 64, .burst_beats = 16, .outstanding = 16, .queue_depth = 4, .lut_bits = 8,
	.lut_ports = 1, .clock_mhz = 1000, .dram_latency = 34, .dram_bytes_per_cycle = 256 * 256,
	.dram_banks = 64, .dram_row_bytes = 2048, .dram_miss = 28, .dram_turnaround = 12,
};

struct line {
	const char *change;
	int rows, cols, a_bits, w_bits, a_depth, w_depth, acc_depth; /* 0: as base */
	bool transposed;                                             /* A^T B, A stored transposed */
};

static const struct line lines[] = {
	{.change = "none: 16 x 16, 16 x 16 bits"},
	{.change = "a_bits 8", .a_bits = 8},
	{.change = "w_bits 8", .w_bits = 8},
	{.change = "a_bits 8, w_bits 8", .a_bits = 8, .w_bits = 8},
	{.change = "a_bits 4, w_bits 4", .a_bits = 4, .w_bits = 4},
	{.change = "a_bits 15", .a_bits = 15},
	{.change = "rows 32", .rows = 32},
	{.change = "cols 32", .cols = 32},
	{.change = "rows 8, cols 8", .rows = 8, .cols = 8},
	{.change = "rows 24, cols 20", .rows = 24, .cols = 20},
	{.change = "a_depth 1024", .a_depth = 1024},
	{.change = "w_depth 256", .w_depth = 256},
	{.change = "acc_depth 128", .acc_depth = 128},
	{.change = "all depths 32", .a_depth = 32, .w_depth = 32, .acc_depth = 32},
	{.change = "none, as A^T B", .transposed = true},
	{.change = "a_bits 8, w_bits 8, as A^T B", .a_bits = 8, .w_bits = 8, .transposed = true},
};

static void set(int *member, int value)
{
	if (value)
		*member = value;
}

static struct qmac_hw hardware(const struct line *line)
{
	struct qmac_hw hw = base;

	set(&hw.rows, line->rows);
	set(&hw.cols, line->cols);
	set(&hw.a_bits, line->a_bits);
	set(&hw.w_bits, line->w_bits);
	set(&hw.a_depth, line->a_depth);
	set(&hw.w_depth, line->w_depth);
	set(&hw.acc_depth, line->acc_depth);
	return hw;
}

/* rows x cols numbers of BITS bits, a function of seed and place; transposed: cols x rows in memory. */
static enum qmac_status upload(struct qmac_driver *driver, uint64_t seed, uint32_t rows, uint32_t cols,
                               bool transposed, struct qmac_view *matrix, struct qmac_error *err)
{
	static uint8_t image[2 * K * (M > N ? M : N)];
	const struct qmac_element element = {.bits = BITS, .is_signed = true, .container = QMAC_CONTAINER_HALF};
	struct qmac_buffer buffer;
	enum qmac_status status = qmac_driver_allocate(driver, (uint64_t)rows * cols * 2, &buffer, err);

	for (uint32_t i = 0; i < rows; i++)
		for (uint32_t j = 0; j < cols; j++) {
			uint32_t at = transposed ? j * rows + i : i * cols + j;
			uint64_t value = test_random(&seed);

			image[2 * at] = (uint8_t)value;
			image[2 * at + 1] = (uint8_t)(value >> 8);
		}
	if (status != QMAC_OK)
		return status;
	*matrix = transposed ? qmac_view_matrix(buffer.address, element, cols, rows, 2 * rows)
	                     : qmac_view_matrix(buffer.address, element, rows, cols, 2 * cols);
	qmac_driver_upload(driver, buffer, 0, image, (uint64_t)rows * cols * 2);
	return QMAC_OK;
}

static void print(const struct line *line, const struct qmac_product_plan *plan,
                  const uint64_t *counters, struct qmac_driver *driver, struct qmac_buffer c)
{
	bool ab = plan->product.form == QMAC_FORM_AB;
	long long positions = plan->piece.positions[2], channels = plan->piece.channels;
	static uint8_t image[8 * M * N];
	char digest[QMAC_SHA256_TEXT];
	struct qmac_sha256 hash;

	qmac_driver_download(driver, c, 0, image, sizeof image);
	qmac_sha256_start(&hash);
	qmac_sha256_add(&hash, image, sizeof image);
	qmac_sha256_text(&hash, digest);
	printf("| %s | %d | %lld, %lld, %lld | %llu | %llu | %llu | %llu | %.3f | %llu | %.*s |\n", line->change,
	       plan->a.count * plan->b.count, ab ? positions : channels, (long long)plan->piece.n,
	       ab ? channels : positions, (unsigned long long)plan->passes,
	       (unsigned long long)counters[QMAC_COUNTER_MACS], (unsigned long long)plan->slots,
	       (unsigned long long)counters[QMAC_COUNTER_CYCLES],
	       (double)plan->slots / (double)counters[QMAC_COUNTER_CYCLES],
	       (unsigned long long)((counters[QMAC_COUNTER_DRAM_READ_BYTES] +
	                             counters[QMAC_COUNTER_DRAM_WRITE_BYTES]) / 1024), DIGEST_SHOWN, digest);
}

static enum qmac_status run(const struct line *line, struct qmac_error *err)
{
	const struct qmac_device_options options = {.memory_bytes = 1 << 24, .kernel = "auto"};
	const struct qmac_element sum = {.bits = 64, .is_signed = true, .container = QMAC_CONTAINER_DOUBLE};
	const struct qmac_hw hw = hardware(line);
	struct qmac_product product = {
		.form = line->transposed ? QMAC_FORM_ATB : QMAC_FORM_AB, .window = qmac_window_none,
		.positions = {1, 1, line->transposed ? K : M},
	};
	struct qmac_backend *backend = NULL;
	struct qmac_driver *driver = NULL;
	uint64_t counters[QMAC_COUNTERS];
	struct qmac_product_plan plan;
	struct qmac_buffer c = {.address = 0};
	enum qmac_status status = qmac_backend_create("cmodel", &hw, &options, &backend, err);

	if (status == QMAC_OK)
		status = qmac_driver_open(backend, &hw, 14, &driver, err);
	if (status == QMAC_OK)
		status = upload(driver, 1, M, K, line->transposed, &product.a, err);
	if (status == QMAC_OK)
		status = upload(driver, 2, K, N, false, &product.b, err);
	if (status == QMAC_OK)
		status = qmac_driver_allocate(driver, 8 * M * N, &c, err);
	product.c = qmac_view_matrix(c.address, sum, M, N, 8 * N);
	if (status == QMAC_OK)
		status = qmac_product_plan_make(&plan, &product, &hw, err);
	if (status == QMAC_OK)
		status = qmac_product_submit(driver, &plan, err);
	if (status == QMAC_OK)
		status = qmac_driver_finish(driver, err);
	if (status == QMAC_OK) {
		qmac_driver_counters(driver, counters);
		print(line, &plan, counters, driver, c);
	}
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
	return status;
}

int main(void)
{
	struct qmac_error err = {0};
	char text[1400];

	puts("| change | limb pairs | tile m, n, k | passes | MACs | slots | cycles | slots / cycle | DRAM KB |"
	     " C |\n|---|---|---|---|---|---|---|---|---|---|");
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (run(&lines[i], &err) != QMAC_OK) {
			fprintf(stderr, "table_gemm: %s\n", qmac_error_text(&err, text, sizeof text));
			return 1;
		}
	return 0;
}
