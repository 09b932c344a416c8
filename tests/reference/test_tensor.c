#include "reference/test_tensor.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { MARK = 0x5A, SPARE = 96 };

int64_t test_tensor_count(const struct qmac_view *view)
{
	return view->positions[0] * view->positions[1] * view->positions[2] * view->channels;
}

/* The buffer as it should be; the caller frees it. */
static uint8_t *image_of(const struct qmac_view *view, uint64_t address, uint64_t bytes,
                         const int64_t *values)
{
	uint8_t *image = malloc(bytes);
	int64_t at = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(image);
	memset(image, MARK, bytes);
	for (int64_t i2 = 0; i2 < view->positions[0]; i2++)
		for (int64_t i1 = 0; i1 < view->positions[1]; i1++)
			for (int64_t i0 = 0; i0 < view->positions[2]; i0++)
				for (int64_t c = 0; c < view->channels; c++, at++) {
					uint64_t place = view->address - address + (uint64_t)i2 * view->position_bytes[0] +
					                 (uint64_t)i1 * view->position_bytes[1] +
					                 (uint64_t)i0 * view->position_bytes[2] +
					                 (uint64_t)(c / view->lanes) * view->block_bytes +
					                 ((uint64_t)(c % view->lanes) << view->element.container);

					CU_ASSERT_FATAL(place + (1U << view->element.container) <= bytes);
					for (int byte = 0; byte < 1 << view->element.container; byte++)
						image[place + (uint64_t)byte] = (uint8_t)((uint64_t)values[at] >> 8 * byte);
				}
	return image;
}

struct test_tensor test_tensor_put(struct qmac_driver *driver, struct qmac_view view, const int64_t *values)
{
	struct test_tensor tensor = {.view = view};
	uint64_t bytes = view.address + qmac_view_bytes(&view) + SPARE;
	uint8_t *image;

	CU_ASSERT_EQUAL_FATAL(qmac_driver_allocate(driver, bytes, &tensor.buffer, NULL), QMAC_OK);
	tensor.view.address += tensor.buffer.address;
	image = image_of(&tensor.view, tensor.buffer.address, bytes, values);
	qmac_driver_upload(driver, tensor.buffer, 0, image, bytes);
	free(image);
	return tensor;
}

int64_t test_tensor_wrong(struct qmac_driver *driver, const struct test_tensor *tensor,
                          const int64_t *values)
{
	uint64_t bytes = tensor->buffer.bytes;
	uint8_t *expected = image_of(&tensor->view, tensor->buffer.address, bytes, values);
	uint8_t *found = malloc(bytes);
	int64_t wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	qmac_driver_download(driver, tensor->buffer, 0, found, bytes);
	for (uint64_t i = 0; i < bytes; i++)
		wrong += expected[i] != found[i];
	free(expected);
	free(found);
	return wrong;
}
