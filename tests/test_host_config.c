/*
 * What a hardware file says beside the device: the group of the host, in every way of writing it, and its
 * faults; whose energy the memory has.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hw_lines.h"

/* The file of valid_file() with these lines behind it. */
static const char *with_host(const char *host)
{
	struct text_lines lines;
	char text[4096];
	size_t used = 0;

	valid_file(&lines);
	for (int i = 0; i < lines.count; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", lines.line[i]);
	snprintf(text + used, sizeof text - used, "%s", host);
	return config_file("host.yaml", text);
}

/* The group that may be left out, in every way of writing it; what is printed reads back. */
static void costs_of_the_host(void)
{
	static const char *const same[] = {
		"host: {gflops: 0.5, gbytes_per_s: 12.8, pj_per_flop: 20}\n",
		"host:\n  pj_per_flop: 20.0\n  gflops: 5e-1\n  gbytes_per_s: 12.8\n",
		"host.gflops: 0.5\nhost_gbytes_per_s: 12.8\nhost: {pj_per_flop: 20}\n",
	};
	struct qmac_hw_file got, again;
	struct qmac_error err = {0};

	for (int i = 0; i < TEST_COUNT(same); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		CU_ASSERT_FATAL(qmac_hw_file_load(&got, with_host(same[i]), &err) == QMAC_OK);
		CU_ASSERT(got.host.gflops == 0.5 && got.host.gbytes_per_s == 12.8 && got.host.pj_per_flop == 20);
		CU_ASSERT(qmac_host_is_given(&got.host) && got.hw.rows == 8 && got.hw.dram_banks == 8);
		qmac_hw_file_print(&got, out);
		fclose(out);
		CU_ASSERT(strstr(text, "\nhost:\n  gflops: 0.5\n  gbytes_per_s: 12.8\n  pj_per_flop: 20\n") != NULL);
		CU_ASSERT_FATAL(qmac_hw_file_load(&again, config_file("printed.yaml", text), &err) == QMAC_OK);
		CU_ASSERT(memcmp(&got, &again, sizeof got) == 0);
		free(text);
	}
	CU_ASSERT_FATAL(qmac_hw_file_load(&got, with_host(""), &err) == QMAC_OK);
	CU_ASSERT(!qmac_host_is_given(&got.host));
}

static void faults_of_the_host(void)
{
	static const struct {
		const char *host, *part;
		int column;
	} cases[] = {
		{"host: 3\n", "host: expected a mapping", 7},
		{"host: {gflops: 1, pj_per_flop: 1}\n", "missing key 'host.gbytes_per_s' (bytes", 7},
		{"host: {gflops: 0, gbytes_per_s: 1, pj_per_flop: 1}\n", "host.gflops: 0 is out of range; expected a"
		 " number above 0", 16},
		{"host: {gflops: 1, gbytes_per_s: 1, pj_per_flop: -1}\n", "host.pj_per_flop: -1 is out of range", 49},
		{"host: {gflop: 1}\n", "unknown key 'host.gflop'; did you mean 'host.gflops'?", 8},
		{"gflops: 1\n", "unknown key 'gflops'; did you mean 'host.gflops'?", 1},
		{"hosts: {gflops: 1}\n", "unknown key 'hosts'; did you mean 'host'?", 1},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		const char *file = with_host(cases[i].host);
		struct qmac_error err = {0};
		struct qmac_hw hw;

		CU_ASSERT_EQUAL(qmac_hw_load(&hw, file, &err), QMAC_BAD_INPUT);
		check_error(&err, file, qmac_param_count + 3, cases[i].column, cases[i].part);
	}
}

/* Of a memory without a preset it is to be said whose energy it has, if only that it has none. */
static void missing_energy(void)
{
	struct text_lines lines;
	struct qmac_error err = {0};
	struct qmac_hw_file hw;
	const char *file;
	int last, dram = 0;

	valid_file(&lines);
	last = lines.count;
	while (strcmp(lines.line[dram], "dram:") != 0)
		dram++;
	CU_ASSERT_STRING_EQUAL(lines.line[last - 1], "  energy: none");
	file = changed_file(&lines, last, "  energy: lpddr4");
	CU_ASSERT_FATAL(qmac_hw_file_load(&hw, file, &err) == QMAC_OK);
	CU_ASSERT_EQUAL(hw.dram_energy, QMAC_DRAM_LPDDR4);
	file = changed_file(&lines, last, NULL);
	CU_ASSERT_EQUAL(qmac_hw_file_load(&hw, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, dram + 2, 3,
	            "missing key 'dram.energy' (ddr3|ddr4|gddr5|lpddr4|hbm2|none; whose energy");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"costs of the host", costs_of_the_host},
		{"faults of the host", faults_of_the_host},
		{"a memory whose energy is not said", missing_energy},
	};

	return test_main("test_host_config", cases, TEST_COUNT(cases));
}
