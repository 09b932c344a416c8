/* All rows of a data set at once, for references that want a matrix. */
#ifndef QMAC_TESTS_DATASET_ROWS_H
#define QMAC_TESTS_DATASET_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "test.h"

/* rows x features, training part and test part; free(). */
static inline double *dataset_rows(const struct qmac_dataset *data)
{
	size_t rows = (size_t)(data->samples + data->test_samples), features = (size_t)data->features;
	double *x = calloc(rows * features, sizeof x[0]), *room = calloc(features, sizeof room[0]);

	CU_ASSERT_FATAL(x && room);
	for (size_t i = 0; i < rows; i++)
		memcpy(x + i * features, qmac_dataset_row(data, (int64_t)i, room), features * sizeof x[0]);
	free(room);
	return x;
}

/* Likewise the codes. */
static inline int16_t *dataset_codes(const struct qmac_dataset *data)
{
	size_t rows = (size_t)(data->samples + data->test_samples), features = (size_t)data->features;
	int16_t *codes = calloc(rows * features, sizeof codes[0]);

	CU_ASSERT_PTR_NOT_NULL_FATAL(codes);
	for (size_t i = 0; i < rows; i++)
		qmac_dataset_codes(data, (int64_t)i, codes + i * features);
	return codes;
}

#endif
