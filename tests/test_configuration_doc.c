/* docs/configuration.md says what the tables in the code say: the same keys, values and presets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/hw_file.h"
#include "config/run_table.h"
#include "hw/hw.h"
#include "shipped_hw.h"
#include "test.h"

enum { TEXT_BYTES = 1 << 16, ROW_BYTES = 512 };

static char doc[TEXT_BYTES];

static void read_doc(void)
{
	FILE *in = fopen("docs/configuration.md", "rb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	doc[fread(doc, 1, sizeof doc - 1, in)] = 0;
	fclose(in);
}

/* The rows that begin with a word in backquotes, from one heading to the next of any rank. */
static int rows_of(const char *heading)
{
	const char *at = strstr(doc, heading), *end;
	int rows = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	end = strstr(at + 1, "\n#");
	for (at = strstr(at, "\n| `"); at && (!end || at < end); at = strstr(at + 1, "\n| `"))
		rows++;
	return rows;
}

static void expect_row(const char *row)
{
	if (strstr(doc, row))
		return;
	printf("\n    docs/configuration.md lacks the row %s", row + 1);
	CU_FAIL("row");
}

/* "a, b, c" of "a|b|c". */
static const char *list_of(const char *words, char list[ROW_BYTES])
{
	size_t used = 0;

	for (; *words; words++)
		used += (size_t)snprintf(list + used, ROW_BYTES - used, *words == '|' ? ", " : "%c", *words);
	return list;
}

static const char *values_of(const struct qmac_key *key, char text[ROW_BYTES])
{
	static const char *const kinds[] = {
		[QMAC_KIND_POWER2] = ", a power of two", [QMAC_KIND_EVEN] = ", even",
		[QMAC_KIND_FIXED8] = ", in 1/256", [QMAC_KIND_INT] = "",
	};

	switch (key->kind) {
	case QMAC_KIND_CHOICE:
	case QMAC_KIND_WORD:
		return list_of(key->words, text);
	case QMAC_KIND_BOOL:
		return "true, false";
	case QMAC_KIND_PATH:
		return "path";
	case QMAC_KIND_TEXT:
		return "text";
	case QMAC_KIND_NAME:
		return "word";
	case QMAC_KIND_REAL:
		return "from 0";
	case QMAC_KIND_POSITIVE:
		return "above 0";
	default:
		break;
	}
	snprintf(text, ROW_BYTES, "%lld..%lld%s", (long long)key->low, (long long)key->high, kinds[key->kind]);
	return text;
}

/* A row of the key with its full name, its values and, where there is one, its default. */
static void expect_key(const struct qmac_key *key, const char *fallback)
{
	char name[QMAC_KEY_NAME_SIZE], text[ROW_BYTES], row[2 * ROW_BYTES];

	snprintf(row, sizeof row, "\n| `%s` | %s | %s%s", qmac_key_name(key, name), values_of(key, text),
	         fallback, fallback[0] ? " | " : "");
	expect_row(row);
}

static void test_hardware(void)
{
	read_doc();
	for (int i = 0; i < qmac_param_count; i++)
		expect_key(&qmac_params[i], "");
	for (int i = 0; i < qmac_hw_more_table.count; i++)
		expect_key(&qmac_hw_more_table.keys[i], "");
	CU_ASSERT_EQUAL(rows_of("\n## Hardware files"), qmac_param_count + qmac_hw_more_table.count);
}

/* KiB of a scratchpad with rows of so many words. */
static double kib(int depth, int words, int bits)
{
	return (double)depth * words * bits / 8 / 1024;
}

static void test_shipped(void)
{
	int files = 0;

	read_doc();
	for (const char *name; (name = shipped_hw_name(files)) != NULL; files++) {
		struct qmac_hw hw = shipped_hw(name);
		double rate = hw.dram_bytes_per_cycle / 256.0;
		char row[ROW_BYTES];

		snprintf(row, sizeof row, "\n| `%s` | %d x %d | %d, %d | %d | %.4g, %.4g, %.4g | %d | %.3g |", name,
		         hw.rows, hw.cols, hw.a_bits, hw.w_bits, hw.acc_bits, kib(hw.a_depth, hw.rows, hw.a_bits),
		         kib(hw.w_depth, hw.cols, hw.w_bits), kib(hw.acc_depth, hw.cols, hw.acc_bits),
		         hw.clock_mhz, rate < hw.bus_bytes ? rate : hw.bus_bytes);
		expect_row(row);
	}
	CU_ASSERT_EQUAL(rows_of("\n### Shipped hardware"), files);
}

static void test_presets(void)
{
	read_doc();
	for (int i = 0; i < qmac_dram_preset_count; i++) {
		const struct qmac_dram_preset *p = &qmac_dram_presets[i];
		char row[ROW_BYTES];

		snprintf(row, sizeof row, "\n| `%s` | %g ns | %g ns | %g ns | %g GB/s | %d | %d | %s |\n", p->name,
		         p->latency_ps / 1e3, p->miss_ps / 1e3, p->turnaround_ps / 1e3, p->mb_per_s / 1e3, p->banks,
		         p->row_bytes, p->source);
		expect_row(row);
	}
	CU_ASSERT_EQUAL(rows_of("\n### Presets"), qmac_dram_preset_count);
}

static void test_run(void)
{
	read_doc();
	for (int i = 0; i < QMAC_RUN_KEYS; i++)
		expect_key(&qmac_run_keys[i], qmac_run_keys[i].fallback ? qmac_run_keys[i].fallback : "-");
	CU_ASSERT_EQUAL(rows_of("\n## Run files"), QMAC_RUN_KEYS);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"keys of hardware files", test_hardware},
		{"shipped hardware", test_shipped},
		{"presets", test_presets},
		{"keys of run files", test_run},
	};

	return test_main("test_configuration_doc", cases, TEST_COUNT(cases));
}
