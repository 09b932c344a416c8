/* Result folders: what is in them, byte for byte where it matters. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <unistd.h>

#include "report/shares.h"
#include "results_case.h"

/* ---- a JSON checker of its own: returns what stands behind a value, NULL where it is none ---- */
static const char *json_value(const char *s);

static const char *json_space(const char *s)
{
	return s ? s + strspn(s, " \t\r\n") : NULL;
}

static const char *json_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < 0x20)
			return NULL;
		if (*s == '\\' && !strchr("\"\\/bfnrtu", *++s))
			return NULL;
	}
	return s + 1;
}

static const char *json_items(const char *s, char closing)
{
	s = json_space(s + 1);
	if (*s == closing)
		return s + 1;
	for (;;) {
		if (closing == '}') {
			s = json_space(json_string(s));
			if (!s || *s++ != ':')
				return NULL;
		}
		s = json_space(json_value(s));
		if (!s || (*s != ',' && *s != closing))
			return NULL;
		if (*s++ == closing)
			return s;
		s = json_space(s);
	}
}

static const char *json_value(const char *s)
{
	char *end;

	s = json_space(s);
	if (*s == '{' || *s == '[')
		return json_items(s, *s == '{' ? '}' : ']');
	if (*s == '"')
		return json_string(s);
	if (strncmp(s, "true", 4) == 0 || strncmp(s, "null", 4) == 0)
		return s + 4;
	if (strncmp(s, "false", 5) == 0)
		return s + 5;
	if (*s != '-' && !isdigit((unsigned char)*s))
		return NULL; /* strtod would take inf, nan and hexadecimal */
	strtod(s, &end);
	return memchr(s, 'x', (size_t)(end - s)) || memchr(s, 'n', (size_t)(end - s)) ? NULL : end;
}

static bool is_json(const char *text)
{
	const char *end = json_space(json_value(text));

	return end && !*end;
}

static void test_csv_files(void)
{
	struct qmac_error err;

	load("bits", "6");
	hw.dram_energy = QMAC_DRAM_NONE; /* energies: test_energies() */
	CU_ASSERT_FATAL(write_run("csv", .125, &err) == QMAC_OK);
	/*
	 * Counter i is epoch * (i + 4): COMMANDS 4, MACS 5, VEC_MULTS 7, saturations 8 + 9 + 10, DRAM 19, 20,
	 * FETCH_BYTES 23, CYCLES 24, BUSY 25, 26, 27.
	 */
	CU_ASSERT_STRING_EQUAL(text_of("csv", "metrics.csv"),
		"epoch,step,data_passes,train_loss,grad_norm,test_loss,test_accuracy,cycles,energy_j,saturations,"
		"delta,commands,macs,vec_mults,dram_read_bytes,dram_write_bytes,host_flops,host_bytes,fetch_bytes,"
		"train_accuracy,weight_saturations,energy_low_j,energy_high_j\n"
		"0,0,0,16,4,,,0,,0,,0,0,0,0,0,7,8,0,,0,,\n"
		"1,10,1.5,16,4,,,24,,27,0.25,4,5,7,19,20,7,8,23,,3,,\n"
		"2,20,3,0.015625,0.125,,,48,,54,0.25,8,10,14,38,40,7,8,46,,6,,\n");
	/*
	 * Per epoch, not totals. ZERO_MACS is counter 2: their share is that of all directions. Of conv1's four
	 * weights two are 0, and three codes, biases among them, were limited.
	 * A layer that has done nothing has a row that says so.
	 */
	CU_ASSERT_STRING_EQUAL(text_of("csv", "layers.csv"),
		"epoch,layer,direction,w_bits,x_bits,delta,cycles,energy_j,macs,vec_mults,zero_mac_fraction,"
		"saturations,commands,dram_read_bytes,dram_write_bytes,fetch_bytes,load_busy,execute_busy,"
		"store_busy,sparsity,weight_saturations,a_reads,zero_macs,mac_j,vec_j,requantise_j,random_j,lookup_j,"
		"sram_a_j,sram_w_j,sram_acc_j,control_j,leakage_j,dram_data_j,dram_descriptors_j\n"
		"1,conv1,forward,6,8,0.25,24,,5,7,1.2,27,4,19,20,23,25,26,27,0.5,3,11,6,,,,,,,,,,,,\n"
		"1,fc,none,32,8,,0,,0,0,,0,0,0,0,0,0,0,0,,,0,0,,,,,,,,,,,,\n"
		"2,conv1,forward,6,8,0.25,22,,3,5,1.25,21,2,17,18,21,23,24,25,0.5,3,9,4,,,,,,,,,,,,\n"
		"2,conv1,update,6,8,0.25,1,,1,1,1.25,3,1,1,1,1,1,1,1,0.5,0,1,1,,,,,,,,,,,,\n"
		"2,fc,weight_grad,32,8,,1,,1,1,1,3,1,1,1,1,1,1,1,,,1,1,,,,,,,,,,,,\n");
}

/* Of all rows of a column of a table. */
static double column_sum(const char *table, const char *column)
{
	struct qmac_csv csv;
	double sum = 0;

	CU_ASSERT_FATAL(qmac_csv_read_words(path_of("energy", table), "layer|direction", &csv, NULL) == QMAC_OK);
	for (int64_t row = 0; row < csv.rows; row++)
		sum += csv.values[row * csv.columns + qmac_csv_column(&csv, column)];
	qmac_csv_free(&csv);
	return sum;
}

/* Rows of layers, components, and the last row of metrics have the joules of the summary. */
static void test_energies(void)
{
	static const char *const joules[] = {"energy_j", "energy_low_j", "energy_high_j"};
	double total, parts = 0;
	struct qmac_stored stored;
	struct qmac_error err;
	char path[64], column[40];

	load("bits", "6");
	CU_ASSERT_FATAL(hw.dram_energy == QMAC_DRAM_DDR3);
	CU_ASSERT_FATAL(write_run("energy", .125, &err) == QMAC_OK);
	CU_ASSERT_FATAL(qmac_stored_read(path_of("energy", ""), &stored, &err) == QMAC_OK);
	total = qmac_json_real(stored.summary, "energy_j");
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++) {
		snprintf(path, sizeof path, "energy.%s.nominal", qmac_energy_component_names[c]);
		parts += qmac_json_real(stored.summary, path);
		snprintf(column, sizeof column, "%s_j", qmac_energy_component_names[c]);
		CU_ASSERT(fabs(column_sum("layers.csv", column) - qmac_json_real(stored.summary, path)) <=
		          1e-13 * total);
	}
	CU_ASSERT(total > 0 && fabs(parts - total) <= 1e-13 * total);
	CU_ASSERT(fabs(column_sum("layers.csv", "energy_j") - total) <= 1e-13 * total);
	CU_ASSERT(qmac_json_real(stored.summary, "energy_low_j") < total);
	CU_ASSERT(qmac_json_real(stored.summary, "energy_high_j") > total);
	CU_ASSERT_FATAL(stored.metrics.rows == 3);
	for (int i = 0; i < TEST_COUNT(joules); i++)
		CU_ASSERT(stored.metrics.values[2 * stored.metrics.columns +
		                                qmac_csv_column(&stored.metrics, joules[i])] ==
		          qmac_json_real(stored.summary, joules[i]));
	qmac_stored_free(&stored);
	hw.dram_energy = QMAC_DRAM_NONE;
	CU_ASSERT_FATAL(write_run("energy", .125, &err) == QMAC_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("energy", "summary.json"), "\"energy_j\": null"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("energy", "summary.json"),
	                              "dram.energy of the hardware file is none"));
}

static void test_summary(void)
{
	/* sha256 of the two doubles, from an independent program. */
	static const char digest[] = "f138ae8a7b9a72de60b736f59d2474dd5b2357f5817f0dfa3309f5da5e629d87";
	static const char *const keys[] = {
		"cycles", "macs", "vec_mults", "dram_read_bytes", "dram_write_bytes", "acc_saturations",
		"requant_saturations", "container_saturations", "epochs", "grad_norm", "train_loss",
		"coefficient_max", "outer_cycles", "fetch_bytes", "host_flops", "host_bytes", "wall_seconds",
		"counters.store_wait", "hw.rows", "hw.dram.latency", "hw.dram.bytes_per_cycle",
	};
	struct qmac_stored stored;
	struct qmac_error err;

	load(NULL, NULL);
	CU_ASSERT_FATAL(write_run("summary", .125, &err) == QMAC_OK);
	CU_ASSERT(is_json(text_of("summary", "summary.json")));
	CU_ASSERT_FATAL(qmac_stored_read(path_of("summary", ""), &stored, &err) == QMAC_OK);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (isnan(qmac_json_real(stored.summary, keys[i])))
			CU_FAIL(keys[i]);
	CU_ASSERT_EQUAL(qmac_json_real(stored.summary, "cycles"), 48);
	CU_ASSERT_EQUAL(qmac_json_real(stored.summary, "hw.rows"), hw.hw.rows);
	CU_ASSERT_EQUAL(qmac_json_real(stored.summary, "hw.dram.bytes_per_cycle"),
	                hw.hw.dram_bytes_per_cycle / 256.0);
	CU_ASSERT_STRING_EQUAL(qmac_json_text(stored.summary, "hw.mac_style"), "parallel");
	CU_ASSERT_STRING_EQUAL(qmac_json_text(stored.summary, "algorithm"), "halp");
	CU_ASSERT_STRING_EQUAL(qmac_json_text(stored.summary, "weights_sha256"), digest);
	CU_ASSERT_EQUAL(stored.metrics.rows, 3);
	CU_ASSERT_PTR_EQUAL(qmac_stored_headline(&stored), &qmac_figure_kinds[QMAC_FIGURE_GRAD_NORM]);
	qmac_stored_free(&stored);
}

/* ---- shares ---- */

static double sum_of(const struct qmac_shares *shares, int engine)
{
	double sum = 0;

	for (int i = 0; i < QMAC_SHARES; i++)
		sum += isnan(shares->of[engine][i]) ? 0 : shares->of[engine][i];
	return sum;
}

static bool is_near(double got, double expected)
{
	return isnan(expected) ? isnan(got) : fabs(got - expected) <= 1e-12;
}

static void expect_shares(const struct qmac_shares *shares, int engine, double busy, double memory,
                          double wait, double starved, double idle)
{
	const double expected[QMAC_SHARES] = {
		[QMAC_SHARE_BUSY] = busy, [QMAC_SHARE_MEMORY] = memory, [QMAC_SHARE_WAIT] = wait,
		[QMAC_SHARE_STARVED] = starved, [QMAC_SHARE_IDLE] = idle,
	};

	for (int i = 0; i < QMAC_SHARES; i++)
		CU_ASSERT(is_near(shares->of[engine][i], expected[i]));
	CU_ASSERT(is_near(sum_of(shares, engine), 1));
}

static void test_shares(void)
{
	uint64_t counters[QMAC_COUNTERS] = {
		[QMAC_COUNTER_CYCLES] = 1000, [QMAC_COUNTER_MACS] = 32000, [QMAC_COUNTER_FETCH_BYTES] = 640,
		[QMAC_COUNTER_LOAD_BUSY] = 400, [QMAC_COUNTER_LOAD_MEMORY] = 150, [QMAC_COUNTER_LOAD_WAIT] = 100,
		[QMAC_COUNTER_LOAD_STARVED] = 50, [QMAC_COUNTER_EXECUTE_BUSY] = 410,
		[QMAC_COUNTER_EXECUTE_WAIT] = 300, [QMAC_COUNTER_STORE_STARVED] = 990,
	};
	struct qmac_shares shares;

	load(NULL, NULL);
	hw.hw.bus_bytes = 16;
	hw.hw.dram_bytes_per_cycle = 8 * 256;
	shares = qmac_shares_of(counters, &hw.hw); /* 8 rows, 8 columns */
	CU_ASSERT(is_near(shares.mac_utilisation, .5));
	expect_shares(&shares, QMAC_SHARE_LOAD, .25, .15, .1, .05, .45);
	expect_shares(&shares, QMAC_SHARE_EXECUTE, .41, NAN, .3, 0, .29);
	expect_shares(&shares, QMAC_SHARE_STORE, 0, 0, 0, .99, .01);
	expect_shares(&shares, QMAC_SHARE_FETCH, .08, NAN, NAN, NAN, .92);
	/* GEMMs that waited while others were in the array; a bus that is slower than the memory. */
	counters[QMAC_COUNTER_EXECUTE_WAIT] = 900;
	counters[QMAC_COUNTER_EXECUTE_STARVED] = 90;
	hw.hw.dram_bytes_per_cycle = 64 * 256;
	shares = qmac_shares_of(counters, &hw.hw);
	expect_shares(&shares, QMAC_SHARE_EXECUTE, .41, NAN, .5, .09, 0);
	expect_shares(&shares, QMAC_SHARE_FETCH, .04, NAN, NAN, NAN, .96);
	/* Nothing was done. */
	counters[QMAC_COUNTER_CYCLES] = 0;
	shares = qmac_shares_of(counters, &hw.hw);
	CU_ASSERT(isnan(shares.mac_utilisation) && sum_of(&shares, QMAC_SHARE_LOAD) == 0);
}

/* The same in a summary, and the time of an epoch: 48 cycles at 200 MHz are two. */
static void test_shares_stored(void)
{
	struct qmac_metrics last = row(2, .125);
	struct qmac_shares shares;
	struct qmac_stored stored;
	struct qmac_error err;

	load(NULL, NULL);
	shares = qmac_shares_of(last.counters, &hw.hw);
	CU_ASSERT_FATAL(write_run("shares", .125, &err) == QMAC_OK);
	CU_ASSERT_FATAL(qmac_stored_read(path_of("shares", ""), &stored, &err) == QMAC_OK);
	CU_ASSERT(is_near(qmac_json_real(stored.summary, "mac_utilisation"), shares.mac_utilisation));
	CU_ASSERT(is_near(qmac_json_real(stored.summary, "epoch_seconds") * 1e9, 120));
	for (int engine = 0; engine < QMAC_SHARE_ENGINES; engine++)
		for (int i = 0; i < QMAC_SHARES; i++) {
			char path[64];

			snprintf(path, sizeof path, "shares.%s.%s", qmac_share_engine_names[engine],
			         qmac_share_names[i]);
			CU_ASSERT(is_near(qmac_json_real(stored.summary, path), shares.of[engine][i]));
		}
	qmac_stored_free(&stored);
}

/* The run has 48 cycles at 200 MHz, 240 ns; the host 7 operations and 8 bytes. */
static void test_host(void)
{
	static const struct {
		struct qmac_host host;
		double host_ns, overlapped_ns, pj;
	} cases[] = {{{.05, .4, 3}, 140 + 20, 240, 21}, {{.02, .08, 0}, 350 + 100, 450, 0}};
	static const char *const keys[] = {"device_seconds", "host_seconds", "system_seconds",
	                                   "system_seconds_overlapped", "host_energy_j"};
	struct qmac_error err;

	load(NULL, NULL);
	for (int i = -1; i < TEST_COUNT(cases); i++) {
		double expected[5] = {NAN, NAN, NAN, NAN, NAN};
		struct qmac_stored stored;

		if (i >= 0) {
			hw.host = cases[i].host;
			expected[0] = 240e-9;
			expected[1] = cases[i].host_ns * 1e-9;
			expected[2] = expected[0] + expected[1];
			expected[3] = cases[i].overlapped_ns * 1e-9;
			expected[4] = cases[i].pj * 1e-12;
		}
		CU_ASSERT_FATAL(write_run("host", .125, &err) == QMAC_OK);
		CU_ASSERT_FATAL(qmac_stored_read(path_of("host", ""), &stored, &err) == QMAC_OK);
		for (int k = 0; k < TEST_COUNT(keys); k++) {
			double got = qmac_json_real(stored.summary, keys[k]);

			CU_ASSERT(isnan(expected[k]) ? isnan(got) && !qmac_json_text(stored.summary, keys[k])
			          : fabs(got - expected[k]) <= 1e-12 * expected[k]);
		}
		CU_ASSERT_EQUAL(strstr(text_of("host", "hw.yaml"), "\nhost:\n") != NULL, i >= 0);
		CU_ASSERT(is_kept("host"));
		qmac_stored_free(&stored);
	}
}

static void edit_summary(const char *run, const char *what, const char *by)
{
	edit_file(run, "summary.json", what, by);
}

static void test_headline(void)
{
	struct qmac_stored stored;
	struct qmac_error err;

	load(NULL, NULL);
	CU_ASSERT_FATAL(write_run("headline", .125, &err) == QMAC_OK);
	/* An older revision did not name it. */
	edit_summary("headline", "\t\"headline\": \"grad_norm\",\n", "");
	CU_ASSERT_FATAL(qmac_stored_read(path_of("headline", ""), &stored, &err) == QMAC_OK);
	CU_ASSERT_PTR_EQUAL(qmac_stored_headline(&stored), &qmac_figure_kinds[QMAC_FIGURE_GRAD_NORM]);
	qmac_stored_free(&stored);
	edit_summary("headline", "{\n", "{\n\t\"headline\": \"test_accuracy\",\n");
	CU_ASSERT_FATAL(qmac_stored_read(path_of("headline", ""), &stored, &err) == QMAC_OK);
	CU_ASSERT_STRING_EQUAL(qmac_stored_headline(&stored)->title, "test accuracy");
	qmac_stored_free(&stored);
	edit_summary("headline", "test_accuracy\",", "beauty\",");
	CU_ASSERT_EQUAL(qmac_stored_read(path_of("headline", ""), &stored, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "does not know the figure 'beauty'"));
}

/* Runs with two headlines make two tables; one without a result stands in the first. */
static void test_comparison(void)
{
	struct qmac_stored stored[2];
	struct qmac_comparison lines[3] = {{"a", &stored[0], ""}, {"b", NULL, "failed"}, {"c", &stored[1], "x"}};
	char text[2048];
	FILE *out = tmpfile();
	struct qmac_error err;

	load(NULL, NULL);
	hw.dram_energy = QMAC_DRAM_NONE; /* no joules but those that are written here */
	CU_ASSERT_FATAL(out && write_run("two", .125, &err) == QMAC_OK);
	CU_ASSERT_FATAL(qmac_stored_read(path_of("two", ""), &stored[0], &err) == QMAC_OK);
	edit_summary("two", "\"headline\": \"grad_norm\"", "\"headline\": \"train_loss\"");
	edit_summary("two", "\"energy_j\": null", "\"energy_j\": 1.25");
	edit_summary("two", "\"energy_low_j\": null", "\"energy_low_j\": 0.5");
	edit_summary("two", "\"energy_high_j\": null", "\"energy_high_j\": 2.5");
	CU_ASSERT_FATAL(qmac_stored_read(path_of("two", ""), &stored[1], &err) == QMAC_OK);
	qmac_comparison_print(lines, 3, out);
	rewind(out);
	text[fread(text, 1, sizeof text - 1, out)] = 0;
	CU_ASSERT_STRING_EQUAL(text,
		"gradient norm at epoch   last  cycles  vec mults  DRAM bytes  descriptor bytes  joules    note\n"
		"a                       0.125      48         14          78                46       -\n"
		"b                           -       -          -           -                 -       -  failed\n"
		"\n"
		"training loss at epoch    last  cycles  vec mults  DRAM bytes  descriptor bytes"
		"             joules  note\n"
		"c                       0.0156      48         14          78                46"
		"  1.25 (0.5 to 2.5)     x\n");
	fclose(out);
	for (int i = 0; i < 2; i++)
		qmac_stored_free(&stored[i]);
}

static void test_diverged(void)
{
	const char *text;
	struct qmac_error err;

	load("algorithm", "svrg");
	CU_ASSERT_FATAL(write_run("diverged", INFINITY, &err) == QMAC_OK);
	text = text_of("diverged", "summary.json");
	CU_ASSERT(is_json(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"grad_norm\": null"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"diverged\": true"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"bits\": null"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("diverged", "metrics.csv"), "\n2,20,3,inf,inf,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("diverged", "layers.csv"), "\n1,conv1,forward,,8,"));
}

static void test_timeline(void)
{
	struct qmac_error err;
	const char *text;
	int events = 0;

	load("timeline", "2");
	CU_ASSERT_FATAL(write_run("timeline", 1, &err) == QMAC_OK);
	text = text_of("timeline", "timeline.json");
	CU_ASSERT(is_json(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"name\": \"VEC\", \"ph\": \"X\", \"pid\": 1, \"tid\": 2001, "
	                                    "\"ts\": 100, \"dur\": 42, \"args\": {\"number\": 3, \"tag\": 9,"));
	for (; (text = strstr(text, "\"ph\": \"X\"")) != NULL; text++)
		events++;
	CU_ASSERT_EQUAL(events, 2);
	/* A later run without one takes the old one away. */
	load(NULL, NULL);
	CU_ASSERT_FATAL(write_run("timeline", 1, &err) == QMAC_OK);
	CU_ASSERT_FALSE(exists("timeline", "timeline.json"));
}

static void test_given_up(void)
{
	struct qmac_results *results;
	struct qmac_metrics m = row(0, 4);
	struct qmac_records records;
	struct qmac_error err;
	const char *growing_name;

	load(NULL, NULL);
	records = records_of(0);
	CU_ASSERT_FATAL(write_run("old", .125, &err) == QMAC_OK);
	CU_ASSERT_FATAL(qmac_results_create(path_of("old", ""), &config, &hw, &results, &err) == QMAC_OK);
	CU_ASSERT_EQUAL(qmac_results_metrics(results, &m, &records, &err), QMAC_OK);
	qmac_records_free(&records);
	growing_name = test_temporary(path_of("old", "metrics.csv"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(growing_name);
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("old", strrchr(growing_name, '/') + 1), "\n0,0,0,16,4,"));
	qmac_results_destroy(results);
	qmac_results_destroy(NULL);
	CU_ASSERT_FALSE(growing("old", "metrics.csv"));
	CU_ASSERT_FALSE(growing("old", "layers.csv"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("old", "metrics.csv"), "\n2,20,3,0.015625,"));
	CU_ASSERT(exists("old", "summary.json"));

	CU_ASSERT_FATAL(qmac_results_create(path_of("new", ""), &config, &hw, &results, &err) == QMAC_OK);
	CU_ASSERT(exists("new", ""));
	qmac_results_destroy(results);
	CU_ASSERT_FALSE(exists("new", ""));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"metrics.csv and layers.csv", test_csv_files},
		{"the figure that a run shows first", test_headline},
		{"runs side by side", test_comparison},
		{"summary.json", test_summary},
		{"what the device did with its cycles", test_shares},
		{"the same in summary.json", test_shares_stored},
		{"energies", test_energies},
		{"time and energy of the host", test_host},
		{"a run that diverged", test_diverged},
		{"timeline.json", test_timeline},
		{"a run given up leaves the old results, or nothing", test_given_up},
	};

	return test_main("test_results", cases, TEST_COUNT(cases));
}
