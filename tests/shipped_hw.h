/*
 * The hardware files of the project, for tests that train on them.
 */
#ifndef QMAC_TESTS_SHIPPED_HW_H
#define QMAC_TESTS_SHIPPED_HW_H

#include <stdio.h>

#include "config/hw_file.h"
#include "test.h"

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
