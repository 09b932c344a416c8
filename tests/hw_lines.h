/* A valid hardware file, for tests that change it. */
#ifndef QMAC_TESTS_HW_LINES_H
#define QMAC_TESTS_HW_LINES_H

#include "config/hw_file.h"
#include "config_files.h"

/* A valid file of one key a line, in the order of the table; line_of() says where each key stands. */
static inline void valid_file(struct text_lines *lines)
{
	struct qmac_error err;
	struct qmac_hw hw;
	char *text = NULL;
	size_t size;
	FILE *out;

	CU_ASSERT_FATAL(qmac_hw_load(&hw, "configs/hw/8x8_w8.yaml", &err) == QMAC_OK);
	out = open_memstream(&text, &size);
	qmac_hw_print(&hw, out);
	fclose(out);
	split_lines(lines, text);
	free(text);
}

#endif
