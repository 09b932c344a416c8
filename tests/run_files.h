/* For the tests of run configurations: files, settings, and what is refused of either. */
#ifndef QMAC_TESTS_RUN_FILES_H
#define QMAC_TESTS_RUN_FILES_H

#include <stdlib.h>
#include <unistd.h>

#include "config/run_table.h"
#include "config_files.h"

#define HW "configs/hw/8x8_w8.yaml"

static const struct qmac_setting hw_setting = {"hw", HW, "--hw"};

/* Loads the file (NULL: none) with --hw and one or two settings key=value. */
static inline enum qmac_status load(struct qmac_run_config *config, const char *file, const char *key,
                             const char *value, const char *key2, const char *value2, struct qmac_error *err)
{
	struct qmac_setting settings[] = {hw_setting, {key, value, "--set"}, {key2, value2, "--set"}};

	return qmac_run_config_load(config, file, settings, 1 + (key != NULL) + (key2 != NULL), err);
}

static inline void expect_setting_refused(const char *key, const char *value, const char *message)
{
	struct qmac_run_config config;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(load(&config, NULL, key, value, NULL, NULL, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, message);
}

/* A file whose first line sets hw and whose second is `line`. */
static inline const char *two_lines(const char *line)
{
	char text[512], folder[512];

	CU_ASSERT_FATAL(getcwd(folder, sizeof folder) != NULL);
	snprintf(text, sizeof text, "hw: %.300s/" HW "\n%s\n", folder, line);
	return config_file("run.yaml", text);
}

static inline void expect_line_refused(const char *line, int column, const char *message)
{
	const char *file = two_lines(line);
	struct qmac_run_config config;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_run_config_load(&config, file, NULL, 0, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 2, column, message);
}

static inline char *printed(const struct qmac_run_config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	qmac_run_config_print(config, NULL, out);
	fclose(out);
	return text;
}

#endif
