/*
 * Copies of views and windows to and from device memory, against one that knows nothing of pieces and rows:
 * each element where its view says it lies, zeros in between; and the bytes that are counted.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "net/copy.h"
#include "num/fixed.h"
#include "shipped_hw.h"

enum { MEMORY = 1 << 24 };

static uint64_t state;
static struct qmac_backend *backend;
static struct qmac_driver *driver;
static struct qmac_hw hw;

static void check(enum qmac_status status, const struct qmac_error *err)
{
	if (status == QMAC_OK)
		return;
	puts(err->message);
	CU_FAIL_FATAL("status");
}

static void open(void)
{
	struct qmac_device_options options = {.memory_bytes = MEMORY};
	struct qmac_error err;

	hw = shipped_hw("8x8_w8");
	check(qmac_backend_create("cmodel", &hw, &options, &backend, &err), &err);
	check(qmac_driver_open(backend, &hw, 4, &driver, &err), &err);
	state = test_seed();
}

static void close(void)
{
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
}

/* A buffer full of ones, so that zeros are seen. */
static struct qmac_buffer dirty(uint64_t bytes)
{
	struct qmac_buffer buffer;
	struct qmac_error err;
	unsigned char *ones = malloc(bytes);

	check(qmac_driver_allocate(driver, bytes, &buffer, &err), &err);
	memset(ones, 0xFF, bytes);
	qmac_driver_upload(driver, buffer, 0, ones, bytes);
	free(ones);
	return buffer;
}

static struct qmac_element random_element(void)
{
	unsigned container = (unsigned)test_between(&state, 0, 3);

	return (struct qmac_element){8 << container, true, container};
}

static struct qmac_view random_view(bool long_rows)
{
	struct qmac_element e = random_element();
	int64_t most = long_rows ? 9000 : 40, cols = test_between(&state, 1, most);
	uint64_t gap = (uint64_t)test_between(&state, 0, 3) << e.container;

	if (test_between(&state, 0, 1))
		return qmac_view_matrix(0, e, test_between(&state, 1, long_rows ? 4 : 300), cols,
		                        ((uint64_t)cols << e.container) + gap);
	return qmac_view_images(0, e, test_between(&state, 1, 3), cols, test_between(&state, 1, 6),
	                        test_between(&state, 1, 6), test_between(&state, 1, cols));
}

/* Byte of element i of the view, from its definition. */
static uint64_t byte_of(const struct qmac_view *view, int64_t i)
{
	int64_t c = i % view->channels, at = i / view->channels, p[3];

	for (int d = 2; d >= 0; d--) {
		p[d] = at % view->positions[d];
		at /= view->positions[d];
	}
	return (uint64_t)(c / view->lanes) * view->block_bytes +
	       ((uint64_t)(c % view->lanes) << view->element.container) +
	       (uint64_t)p[0] * view->position_bytes[0] + (uint64_t)p[1] * view->position_bytes[1] +
	       (uint64_t)p[2] * view->position_bytes[2];
}

static void put_element(const struct qmac_view *view, unsigned char *bytes, int64_t i, int64_t value)
{
	for (int b = 0; b < 1 << view->element.container; b++)
		bytes[byte_of(view, i) + (uint64_t)b] = (unsigned char)((uint64_t)value >> 8 * b);
}

/* What lies in a buffer is `bytes`, and what was counted since is that many bytes. */
static void compare(struct qmac_buffer buffer, const unsigned char *bytes, uint64_t counted)
{
	unsigned char *found = malloc(buffer.bytes);

	CU_ASSERT_EQUAL(counted, buffer.bytes);
	qmac_driver_download(driver, buffer, 0, found, buffer.bytes);
	CU_ASSERT(memcmp(found, bytes, buffer.bytes) == 0);
	free(found);
}

static void check_view(struct qmac_view view)
{
	int64_t count = qmac_net_count(&view), differ = 0;
	struct qmac_buffer buffer = dirty(qmac_view_bytes(&view));
	unsigned char *bytes = calloc(1, buffer.bytes);
	int64_t *values = malloc((size_t)count * sizeof *values), *back = calloc((size_t)count, sizeof *back);
	uint64_t before = qmac_driver_host_bytes(driver);

	view.address = buffer.address;
	for (int64_t i = 0; i < count; i++) {
		values[i] = qmac_sign_extend(test_random(&state), view.element.bits);
		put_element(&view, bytes, i, values[i]);
	}
	qmac_net_put(driver, &view, values);
	compare(buffer, bytes, qmac_driver_host_bytes(driver) - before);
	before = qmac_driver_host_bytes(driver);
	qmac_net_get(driver, &view, back);
	CU_ASSERT_EQUAL(qmac_driver_host_bytes(driver) - before, buffer.bytes);
	for (int64_t i = 0; i < count; i++)
		differ += values[i] != back[i];
	CU_ASSERT_EQUAL(differ, 0);
	free(bytes);
	free(values);
	free(back);
	qmac_driver_release(driver, buffer);
}

static void test_views(void)
{
	open();
	for (int i = 0; i < TEST_CASES(300); i++)
		check_view(random_view(i % 10 == 0));
	close();
}

/* Number `channel` of the window at (y, x): 0 outside the image. */
static int64_t in_window(const struct qmac_net_windows *w, const int64_t *image, int64_t y, int64_t x,
                         int64_t channel)
{
	int64_t kx = channel % w->kernel[1], ky = channel / w->kernel[1] % w->kernel[0];
	int64_t c = channel / w->kernel[1] / w->kernel[0];
	int64_t iy = y * w->stride + ky - w->pad, ix = x * w->stride + kx - w->pad;

	if (iy < 0 || iy >= w->height || ix < 0 || ix >= w->width)
		return 0;
	return image[(iy * w->width + ix) * w->channels + c];
}

static void check_windows(void)
{
	int64_t k = test_between(&state, 1, 5), pad = test_between(&state, 0, k - 1);
	int64_t stride = test_between(&state, 1, 3);
	struct qmac_net_windows w = {test_between(&state, k, 12), test_between(&state, k, 12),
	                             test_between(&state, 1, 3), {k, k}, stride, pad};
	int64_t lines = (w.height + 2 * pad - k) / stride + 1, pixels = (w.width + 2 * pad - k) / stride + 1;
	int64_t images = test_between(&state, 1, 3), channels = w.channels * k * k;
	struct qmac_view view = qmac_view_images(0, random_element(), images, channels, lines, pixels,
	                                         test_between(&state, 1, channels));
	struct qmac_buffer buffer = dirty(qmac_view_bytes(&view));
	unsigned char *bytes = calloc(1, buffer.bytes);
	int64_t size = w.height * w.width * w.channels;
	int64_t *values = malloc((size_t)(images * size) * sizeof *values);
	uint64_t before = qmac_driver_host_bytes(driver);

	view.address = buffer.address;
	for (int64_t i = 0; i < images * size; i++)
		values[i] = qmac_sign_extend(test_random(&state), view.element.bits);
	for (int64_t i = 0; i < qmac_net_count(&view); i++) {
		int64_t at = i / channels;

		put_element(&view, bytes, i, in_window(&w, values + at / (lines * pixels) * size,
		                                       at / pixels % lines, at % pixels, i % channels));
	}
	CU_ASSERT(qmac_net_put_windows(driver, &view, &w, values));
	compare(buffer, bytes, qmac_driver_host_bytes(driver) - before);
	free(bytes);
	free(values);
	qmac_driver_release(driver, buffer);
}

static void test_windows(void)
{
	open();
	for (int i = 0; i < TEST_CASES(300); i++)
		check_windows();
	close();
}

int main(void)
{
	static const struct test_case cases[] = {
		{"views", test_views},
		{"windows", test_windows},
	};

	return test_main("test_net_copy", cases, TEST_COUNT(cases));
}
