/*
 * Hardware files: every shipped one loads, and every kind of fault of every key
 * is refused with its text and its place. Also what the YAML layer refuses.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>

#include "config/hw_file.h"
#include "hw_lines.h"
#include "shipped_hw.h"

/* Line of a parameter: `dram:` has one of its own before its keys. */
static int line_of(int param)
{
	return param + 1 + (qmac_params[param].group[0] != 0);
}

static int key_column(int param)
{
	return qmac_params[param].group[0] ? 3 : 1;
}

static int value_column(int param)
{
	return key_column(param) + (int)strlen(qmac_params[param].name) + 2;
}

static int first_of_dram(void)
{
	int i = 0;

	while (!qmac_params[i].group[0])
		i++;
	return i;
}

/* Writes `name: value` with the parameter's indent in its place and expects a refusal at the value. */
static void expect_refusal(const struct text_lines *lines, int param, const char *value, const char *part)
{
	const struct qmac_key *p = &qmac_params[param];
	struct qmac_error err = {0};
	struct qmac_hw hw;
	char line[128];
	const char *file;

	snprintf(line, sizeof line, "%*s%s: %s", key_column(param) - 1, "", p->name, value);
	file = changed_file(lines, line_of(param), line);
	CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, line_of(param), value_column(param), part);
	snprintf(line, sizeof line, "%s%s%s: ", p->group, p->group[0] ? "." : "", p->name);
	check_error(&err, file, line_of(param), value_column(param), line);
}

static void shipped_files_load(void)
{
	static const struct {
		const char *name;
		int rows, cols, a_bits, w_bits, acc_bits, psum_bits;
	} cases[] = {
		{"8x8_w8", 8, 8, 8, 8, 48, 27},
		{"16x16_w8", 16, 16, 8, 8, 64, 29},
		{"16x16_w16", 16, 16, 16, 16, 64, 45},
		{"ragged", 12, 20, 7, 11, 40, 28},
		{"edge_16x16", 16, 16, 8, 8, 32, 29},
		{"mid_32x32", 32, 32, 8, 8, 48, 29},
		{"big_64x64", 64, 64, 8, 8, 48, 29},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_hw hw = shipped_hw(cases[i].name);

		CU_ASSERT_STRING_EQUAL(shipped_hw_name(i), cases[i].name);
		CU_ASSERT_EQUAL(hw.rows, cases[i].rows);
		CU_ASSERT_EQUAL(hw.cols, cases[i].cols);
		CU_ASSERT_EQUAL(hw.a_bits, cases[i].a_bits);
		CU_ASSERT_EQUAL(hw.w_bits, cases[i].w_bits);
		CU_ASSERT_EQUAL(hw.acc_bits, cases[i].acc_bits);
		CU_ASSERT_EQUAL(qmac_hw_psum_bits(&hw), cases[i].psum_bits);
	}
	CU_ASSERT_PTR_NULL(shipped_hw_name(TEST_COUNT(cases)));
}

/* A file that is in the folder and in no list would be tested by nothing. */
static void shipped_files_are_listed(void)
{
	DIR *folder = opendir("configs/hw");
	int files = 0, names = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		files += entry->d_name[0] != '.';
	closedir(folder);
	while (shipped_hw_name(names))
		names++;
	CU_ASSERT_EQUAL(files, names);
}

static void print_reads_back(void)
{
	for (int i = 0; shipped_hw_name(i); i++) {
		struct qmac_hw hw = shipped_hw(shipped_hw_name(i)), again;
		struct qmac_error err;
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		qmac_hw_print(&hw, out);
		fclose(out);
		CU_ASSERT_FATAL(qmac_hw_load(&again, config_file("printed.yaml", text), &err) == QMAC_OK);
		CU_ASSERT(memcmp(&hw, &again, sizeof hw) == 0);
		free(text);
	}
}

/* The values of 8x8_w8.yaml with this clock and this memory, the clock before or behind the memory. */
static struct qmac_hw with_memory(int clock_mhz, const char *dram, bool clock_last)
{
	struct text_lines lines;
	struct qmac_error err = {0};
	struct qmac_hw hw;
	char text[4096], clock[40];
	size_t used = 0;

	valid_file(&lines);
	snprintf(clock, sizeof clock, "clock_mhz: %d\n", clock_mhz);
	for (int i = 0; i < first_of_dram(); i++)
		if (strcmp(qmac_params[i].name, "clock_mhz") != 0)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", lines.line[i]);
	snprintf(text + used, sizeof text - used, "%s%s%s", clock_last ? "" : clock, dram,
	         clock_last ? clock : "");
	if (qmac_hw_load(&hw, config_file("memory.yaml", text), &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("must load");
	}
	return hw;
}

/* A preset counts nanoseconds, whatever the clock; at 1 GHz one is a cycle. */
static void presets_at_clocks(void)
{
	static const struct {
		const char *preset;
		int clock_mhz, latency, miss, turnaround, bytes_256;
	} cases[] = {
		{"ddr4", 1000, 34, 28, 11, 25 * 256 + 128},
		{"lpddr4", 1000, 41, 36, 16, 12 * 256 + 192},
		{"hbm2", 1000, 34, 28, 12, 256 * 256},
		{"ddr4", 200, 7, 6, 2, 127 * 256 + 128}, /* 6.75, 5.5, 2.25 cycles */
		{"ddr4", 300, 10, 8, 3, 85 * 256},       /* 10.125, 8.25, 3.375 */
		{"ddr4", 2000, 68, 55, 23, 12 * 256 + 192}, /* 67.5, 55, 22.5 */
		{"lpddr4", 3000, 123, 108, 48, 4 * 256 + 64},
		{"lpddr4", 900, 37, 32, 15, 3626},       /* 36.9, 32.4, 14.5125; 14.1666 bytes */
		{"hbm2", 250, 9, 7, 3, 1024 * 256},      /* 8.5 */
		{"hbm2", 249, 8, 7, 3, 1024 * 256},      /* 8.466; 1028 bytes are beyond the range of the key */
		{"ddr4", 1, 0, 0, 0, 1024 * 256},
		{"lpddr4", 5000, 205, 180, 81, 652},     /* 2.55 bytes */
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		char dram[64];
		struct qmac_hw hw, other;

		snprintf(dram, sizeof dram, "dram: {preset: %s}\n", cases[i].preset);
		hw = with_memory(cases[i].clock_mhz, dram, false);
		CU_ASSERT_EQUAL(hw.dram_latency, cases[i].latency);
		CU_ASSERT_EQUAL(hw.dram_miss, cases[i].miss);
		CU_ASSERT_EQUAL(hw.dram_turnaround, cases[i].turnaround);
		CU_ASSERT_EQUAL(hw.dram_bytes_per_cycle, cases[i].bytes_256);
		other = with_memory(cases[i].clock_mhz, dram, true);
		CU_ASSERT(memcmp(&hw, &other, sizeof hw) == 0);
	}
}

static void presets_are_valid_at_every_clock(void)
{
	struct qmac_hw hw = with_memory(1, "dram: {preset: ddr4}\n", false);
	int refused = 0;

	for (hw.clock_mhz = 1; hw.clock_mhz <= 5000; hw.clock_mhz++)
		for (int i = 0; i < qmac_dram_preset_count; i++) {
			qmac_dram_preset_apply(&qmac_dram_presets[i], &hw);
			refused += qmac_hw_check(&hw, NULL, NULL) != QMAC_OK;
		}
	CU_ASSERT_EQUAL(refused, 0);
}

/* A key beside a preset counts cycles. What is printed has keys only, and reads back to the same values. */
static void presets_and_overrides(void)
{
	struct qmac_error err;
	struct qmac_hw hw, again;
	char *text = NULL;
	size_t size;
	FILE *out;

	CU_ASSERT_FATAL(qmac_hw_load(&hw, "configs/hw/ragged.yaml", &err) == QMAC_OK);
	CU_ASSERT_EQUAL(hw.dram_latency, 37);
	CU_ASSERT_EQUAL(hw.dram_bytes_per_cycle, 12 * 256 + 192);
	CU_ASSERT_EQUAL(hw.dram_banks, 16);
	hw = with_memory(200, "dram: {latency: 37, bytes_per_cycle: 4.5, banks: 2, preset: hbm2}\n", true);
	CU_ASSERT(hw.dram_latency == 37 && hw.dram_bytes_per_cycle == 4 * 256 + 128 && hw.dram_banks == 2);
	CU_ASSERT(hw.dram_miss == 6 && hw.dram_turnaround == 2 && hw.dram_row_bytes == 2048);
	out = open_memstream(&text, &size);
	qmac_hw_print(&hw, out);
	fclose(out);
	CU_ASSERT_PTR_NULL(strstr(text, "preset"));
	CU_ASSERT_FATAL(qmac_hw_load(&again, config_file("printed.yaml", text), &err) == QMAC_OK);
	CU_ASSERT(memcmp(&hw, &again, sizeof hw) == 0);
	free(text);
	for (int i = 0; i < qmac_dram_preset_count; i++)
		CU_ASSERT(strstr(qmac_dram_presets[i].source, "JEDEC") != NULL);
	CU_ASSERT_EQUAL(qmac_dram_preset_count, 3);
}

static void missing_keys(void)
{
	struct text_lines lines;

	valid_file(&lines);
	for (int i = 0; i < qmac_param_count; i++) {
		const struct qmac_key *p = &qmac_params[i];
		bool dram = p->group[0] != 0;
		const char *file = changed_file(&lines, line_of(i), NULL);
		struct qmac_error err = {0};
		struct qmac_hw hw;
		char part[64];

		snprintf(part, sizeof part, "missing key '%s%s'", dram ? "dram." : "", p->name);
		CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
		check_error(&err, file, dram ? line_of(first_of_dram()) : 1, dram ? 3 : 1, part);
		if (dram)
			CU_ASSERT(strstr(err.message, "ddr4|lpddr4|hbm2") != NULL);
	}
}

static void duplicate_and_unknown_keys(void)
{
	struct text_lines lines;

	valid_file(&lines);
	for (int i = 0; i < qmac_param_count; i++) {
		const char *name = qmac_params[i].name, *line = lines.line[line_of(i) - 1], *file;
		const char *group = qmac_params[i].group[0] ? "dram." : "";
		int indent = key_column(i) - 1;
		struct qmac_error err = {0};
		struct qmac_hw hw;
		char text[300], part[80];

		snprintf(text, sizeof text, "%s\n%s", line, line);
		file = changed_file(&lines, line_of(i), text);
		snprintf(part, sizeof part, "duplicate key '%s', already given in line %d", name, line_of(i));
		CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
		check_error(&err, file, line_of(i) + 1, key_column(i), part);

		snprintf(text, sizeof text, "%s\n%*s%sz: 1", line, indent, "", name);
		file = changed_file(&lines, line_of(i), text);
		snprintf(part, sizeof part, "unknown key '%s%sz'; did you mean '%s%s'?", group, name, group, name);
		CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
		check_error(&err, file, line_of(i) + 1, key_column(i), part);
	}
}

static void values_out_of_range(void)
{
	struct text_lines lines;

	valid_file(&lines);
	for (int i = 0; i < qmac_param_count; i++) {
		const struct qmac_key *p = &qmac_params[i];
		char value[32], part[64];

		if (p->kind == QMAC_KIND_CHOICE || p->kind == QMAC_KIND_BOOL)
			continue;
		snprintf(part, sizeof part, "is out of range %d..%d", (int)p->low, (int)p->high);
		snprintf(value, sizeof value, "%d", (int)p->low - 1);
		expect_refusal(&lines, i, value, part);
		snprintf(value, sizeof value, "%d", (int)p->high + 1);
		expect_refusal(&lines, i, value, part);
		expect_refusal(&lines, i, "99999999999999999999", part);
		if (p->kind == QMAC_KIND_POWER2) {
			snprintf(value, sizeof value, "%d", (int)p->high / 4 * 3);
			expect_refusal(&lines, i, value, "is not a power of two");
		}
		if (p->kind == QMAC_KIND_EVEN)
			expect_refusal(&lines, i, "1001", "1001 is odd");
		if (p->kind == QMAC_KIND_FIXED8)
			expect_refusal(&lines, i, "25.6",
			               "not a multiple of 1/256; the nearest are 25.59765625 and 25.6015625");
	}
}

static void values_of_another_type(void)
{
	static const char *const not_whole[] = {"abc", "1.5", "1e3", "0x10", "010", "+", "~", "true"};
	static const char *const not_real[] = {"abc", "0x10", "inf", ".nan", "1e", ".", "1,5", "true"};
	static const char *const not_bool[] = {"yes", "1", "True", "on"};
	static const char *const not_word[] = {"abc", "1", "~", "Wrap"};
	struct text_lines lines;

	valid_file(&lines);
	for (int i = 0; i < qmac_param_count; i++) {
		enum qmac_key_kind kind = qmac_params[i].kind;

		for (int j = 0; kind >= QMAC_KIND_INT && kind <= QMAC_KIND_EVEN && j < TEST_COUNT(not_whole); j++)
			expect_refusal(&lines, i, not_whole[j], "expected a whole number");
		for (int j = 0; kind == QMAC_KIND_FIXED8 && j < TEST_COUNT(not_real); j++)
			expect_refusal(&lines, i, not_real[j], "expected a decimal number");
		for (int j = 0; kind == QMAC_KIND_BOOL && j < TEST_COUNT(not_bool); j++)
			expect_refusal(&lines, i, not_bool[j], "expected true or false");
		for (int j = 0; kind == QMAC_KIND_CHOICE && j < TEST_COUNT(not_word); j++)
			expect_refusal(&lines, i, not_word[j], "expected one of ");
		if (kind != QMAC_KIND_CHOICE)
			expect_refusal(&lines, i, "\"8\"", "is in quotes, which makes it text");
		expect_refusal(&lines, i, "[8]", "expected a single value, not a list");
		expect_refusal(&lines, i, "{a: 8}", "expected a single value, not a mapping");
		expect_refusal(&lines, i, "\"\"", "no value given");
	}
}

static void expect_rule(const struct text_lines *lines, const char *name, const char *value, const char *part)
{
	for (int i = 0; i < qmac_param_count; i++)
		if (strcmp(qmac_params[i].name, name) == 0)
			expect_refusal(lines, i, value, part);
}

/* The file is 8x8 with lut_ports 2. */
static void rules_between_keys(void)
{
	struct text_lines lines;

	valid_file(&lines);
	expect_rule(&lines, "a_depth", "14", "14 is less than 2 * max(rows, cols) = 16");
	expect_rule(&lines, "w_depth", "14", "14 is less than 2 * max(rows, cols) = 16");
	expect_rule(&lines, "acc_depth", "2", "2 is less than 2 * max(rows, cols) = 16");
	expect_rule(&lines, "lut_ports", "9", "9 is more than cols = 8");
	expect_rule(&lines, "mac_style", "fused", "fused is not available yet; use parallel");
	expect_rule(&lines, "mac_style", "serial", "serial is not available yet; use parallel");
}

/* qmac_hw_check on values that no file can hold. */
static void check_of_plain_values(void)
{
	struct qmac_hw good, hw;
	struct qmac_error err;
	const struct qmac_key *culprit;

	CU_ASSERT_FATAL(qmac_hw_load(&good, "configs/hw/8x8_w8.yaml", &err) == QMAC_OK);
	for (int i = 0; i < qmac_param_count; i++) {
		hw = good;
		*qmac_hw_member(&hw, &qmac_params[i]) = -1;
		CU_ASSERT_EQUAL(qmac_hw_check(&hw, &culprit, &err), QMAC_BAD_INPUT);
		CU_ASSERT_PTR_EQUAL(culprit, &qmac_params[i]);
		CU_ASSERT(strstr(err.message, qmac_params[i].name) != NULL);
	}
	hw = good;
	hw.acc_overflow = 2;
	CU_ASSERT_EQUAL(qmac_hw_check(&hw, NULL, NULL), QMAC_BAD_INPUT);
	hw = good;
	hw.cols = 16; /* the longer side counts, whichever it is */
	hw.w_depth = 30;
	CU_ASSERT_EQUAL(qmac_hw_check(&hw, &culprit, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "w_depth: 30 is less than 2 * max(rows, cols) = 32") != NULL);
	hw.w_depth = 32;
	CU_ASSERT_EQUAL(qmac_hw_check(&hw, &culprit, &err), QMAC_OK);
	CU_ASSERT_PTR_NULL(culprit);
}

static void faults_of_the_memory(void)
{
	static const struct {
		const char *dram, *part;
		int line, column;
	} cases[] = {
		{"", "missing key 'dram'", 1, 1},
		{"dram: ddr4\n", "dram: expected a mapping (key: value), not a single value", 20, 7},
		{"dram: {preset: ddr5}\n", "dram.preset: expected one of ddr4, lpddr4, hbm2, not 'ddr5'", 20, 16},
		{"dram: {preset: [ddr4]}\n", "dram.preset: expected a single value", 20, 16},
		{"dram: {preset: ddr4, latncy: 3}\n", "unknown key 'dram.latncy'; did you mean 'dram.latency'?",
		 20, 22},
		{"dram: {preset: ddr4, banks: 65}\n", "dram.banks: 65 is out of range 1..64", 20, 29},
		{"dram: {pre_set: ddr4}\n", "unknown key 'dram.pre_set'; did you mean 'dram.preset'?", 20, 8},
		{"dram: {row_byte: 8, preset: ddr4}\n", "unknown key 'dram.row_byte'; did you mean 'dram.row_bytes'?",
		 20, 8},
		{"dram: {preset: ddr4}\nlatency: 5\n", "unknown key 'latency'; did you mean 'dram.latency'?", 21, 1},
		{"dram: {preset: ddr4}\ndram_banks: 65\n", "dram.banks: 65 is out of range 1..64", 21, 13},
		{"dram: {preset: ddr4, banks: 4}\ndram.banks: 4\n",
		 "duplicate key 'dram.banks', already given in line 20", 21, 1},
		{"dram: {preset: ddr4, cols: 4}\n", "unknown key 'dram.cols'; did you mean 'cols'?", 20, 22},
		{"dram: {latency: {preset: ddr4}}\n", "dram.latency: expected a single value, not a mapping", 20, 17},
		{"dram: {}\n", "missing key 'dram'", 1, 1},
		{"dram.banks: 4\n", "missing key 'dram.latency'", 1, 1},
	};
	struct text_lines lines;
	char text[4096];

	valid_file(&lines);
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		size_t used = 0;
		struct qmac_error err = {0};
		struct qmac_hw hw;
		const char *file;

		for (int j = 1; j < line_of(first_of_dram()) - 1; j++)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", lines.line[j - 1]);
		snprintf(text + used, sizeof text - used, "%s", cases[i].dram);
		file = config_file("dram.yaml", text);
		CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
		check_error(&err, file, cases[i].line, cases[i].column, cases[i].part);
	}
}

/* What YAML could say and a configuration may not. */
static void faults_of_the_text(void)
{
	static const struct {
		const char *text, *part;
		int line, column;
	} cases[] = {
		{"", "empty", 1, 1},
		{"# nothing\n\n", "empty", 1, 1},
		{"rows\n", "expected a mapping", 1, 1},
		{"- rows\n", "expected a mapping", 1, 1},
		{"rows: 8\ncols: &x 8\n", "anchors", 2, 7},
		{"rows: *x\n", "aliases", 1, 7},
		{"rows: !!int 8\n", "tags", 1, 7},
		{"rows: ! 8\n", "tags", 1, 7},
		{"rows: 8\n---\nrows: 8\n", "second document", 2, 1},
		{"? [rows]\n: 8\n", "a key must be a plain word", 1, 3},
		{"rows: 8\n  cols: 8\n", "not valid YAML", 2, 7},
		{"rows: [8\n", "not valid YAML", 2, 1},
		{"rows: \"8\n", "not valid YAML", 2, 1},
		{"a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", "nested too deep", 1, 35},
		{"rows: \"8\\0\"\n", "NUL", 1, 7},
		{"# \xC3\xA9\nrow\xC3\xA9: \xFF\n", "not plain UTF-8", 2, 7},
		{"rows: 8\n\x01: 8\n", "not plain UTF-8", 2, 1},
		{"rows: 8\rcols: 8\r\xFF: 8\r", "not plain UTF-8", 3, 1},
		{"rows: 8\r\ncols: 8\r\n\xFF: 8\r\n", "not plain UTF-8", 3, 1},
		{"rows: 8\rrowz: 8\r", "did you mean 'rows'?", 2, 1},
		{"\xEF\xBB\xBFrowz: 8\n", "did you mean 'rows'?", 1, 1},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		const char *file = config_file("text.yaml", cases[i].text);
		struct qmac_error err = {0};
		struct qmac_hw hw;

		CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
		check_error(&err, file, cases[i].line, cases[i].column, cases[i].part);
	}
}

static void faults_of_the_file(void)
{
	struct qmac_error err = {0};
	struct qmac_hw hw;
	char *many = malloc(2 << 20);
	size_t used = 0;
	const char *file;

	CU_ASSERT_EQUAL(qmac_hw_load(&hw, "no/such.yaml", &err), QMAC_BAD_INPUT);
	check_error(&err, "no/such.yaml", 0, 0, "cannot open: No such file");
	CU_ASSERT_EQUAL(qmac_hw_load(&hw, test_folder(), &err), QMAC_BAD_INPUT);
	check_error(&err, test_folder(), 0, 0, "cannot open: this is a folder");
	CU_ASSERT_EQUAL(qmac_hw_load(&hw, "no/such.yaml", NULL), QMAC_BAD_INPUT);
	memset(many, '#', 2 << 20);
	file = config_bytes("large.yaml", many, 2 << 20);
	CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 0, 0, "larger than 1 MiB");
	used += (size_t)sprintf(many, "rows: [1");
	for (int i = 0; i < 30000; i++)
		used += (size_t)sprintf(many + used, ",1");
	file = config_bytes("many.yaml", many, used);
	CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "too many values") != NULL);
	free(many);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"shipped files load", shipped_files_load},
		{"all shipped files are listed", shipped_files_are_listed},
		{"a printed file reads back", print_reads_back},
		{"presets at several clocks", presets_at_clocks},
		{"presets are valid at every clock", presets_are_valid_at_every_clock},
		{"presets and overrides", presets_and_overrides},
		{"missing keys", missing_keys}, {"duplicate and unknown keys", duplicate_and_unknown_keys},
		{"values out of range", values_out_of_range}, {"values of another type", values_of_another_type},
		{"rules between keys", rules_between_keys},
		{"check of plain values", check_of_plain_values},
		{"faults of the memory", faults_of_the_memory},
		{"faults of the text", faults_of_the_text},
		{"faults of the file", faults_of_the_file},
	};

	return test_main("test_hw_config", cases, TEST_COUNT(cases));
}
