/*
 * For the tests of host/config: files with a given text, and errors that must
 * have a given text at a given place.
 */
#ifndef QMAC_TESTS_CONFIG_FILES_H
#define QMAC_TESTS_CONFIG_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "test.h"

/* Writes bytes to a file of that name in the test folder; returns its path, valid until the next call. */
static inline const char *config_bytes(const char *name, const char *bytes, size_t size)
{
	static char path[512];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", test_folder(), name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
		perror(path);
		exit(3);
	}
	return path;
}

static inline const char *config_file(const char *name, const char *text)
{
	return config_bytes(name, text, strlen(text));
}

/* The error must be in that file (NULL: in none) at that place and its message must contain `part`. */
static inline void check_error(const struct qmac_error *err, const char *file, int line, int column,
                               const char *part)
{
	int right = strcmp(err->file, file ? file : "") == 0 && err->line == line && err->column == column &&
	            strstr(err->message, part) != NULL;

	if (!right)
		printf("\n    expected %s:%d:%d: ...%s...\n    got      %s:%d:%d: %s\n", file ? file : "", line,
		       column, part, err->file, err->line, err->column, err->message);
	CU_ASSERT(right);
}

/* A file whose lines a test changes one at a time. */
struct text_lines {
	char line[64][128];
	int count;
};

static inline void split_lines(struct text_lines *lines, const char *text)
{
	lines->count = 0;
	while (*text) {
		size_t n = strcspn(text, "\n");

		snprintf(lines->line[lines->count++], sizeof lines->line[0], "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

/* Writes the lines with line `at` (1-based) replaced by `instead` (NULL: left out). */
static inline const char *changed_file(const struct text_lines *lines, int at, const char *instead)
{
	static char text[8192];
	size_t used = 0;

	for (int i = 1; i <= lines->count; i++)
		if (i != at || instead)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s\n",
			                         i == at ? instead : lines->line[i - 1]);
	return config_file("changed.yaml", text);
}

#endif
