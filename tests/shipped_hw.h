/*
 * The hardware files of the project, for tests that train on them.
 */
#ifndef QMAC_TESTS_SHIPPED_HW_H
#define QMAC_TESTS_SHIPPED_HW_H

#include <stdio.h>

#include "config/hw_file.h"
#include "test.h"

/* NAME of every file in configs/hw, in the order of docs/configuration.md; NULL behind the last. */
static inline const char *shipped_hw_name(int i)
{
	static const char *const names[] = {"8x8_w8", "16x16_w8", "16x16_w16", "ragged", "edge_16x16",
	                                    "mid_32x32", "big_64x64"};

	return i < TEST_COUNT(names) ? names[i] : NULL;
}

/* configs/hw/NAME.yaml; one that does not load ends the test. */
static inline struct qmac_hw shipped_hw(const char *name)
{
	struct qmac_hw hw;
	struct qmac_error err;
	char file[64];

	snprintf(file, sizeof file, "configs/hw/%s.yaml", name);
	if (qmac_hw_load(&hw, file, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("hardware file");
	}
	return hw;
}

#endif
