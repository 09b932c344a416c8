/* Result folders: what is in them, byte for byte where it matters, and what is never left behind. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/hw_file.h"
#include "report/results.h"
#include "report/stored.h"
#include "test.h"

static const char *path_of(const char *folder, const char *name)
{
	static char path[600];

	snprintf(path, sizeof path, "%s/%s%s%s", test_folder(), folder, *name ? "/" : "", name);
	return path;
}

static bool exists(const char *folder, const char *name)
{
	return access(path_of(folder, name), F_OK) == 0;
}

/* A whole file, at most 64 KB; "" where there is none. */
static const char *text_of(const char *folder, const char *name)
{
	static char text[1 << 16];
	FILE *in = fopen(path_of(folder, name), "r");

	text[in ? fread(text, 1, sizeof text - 1, in) : 0] = 0;
	if (in)
		fclose(in);
	return text;
}

/* Rewrites a file of a run, the first `what` replaced. */
static void edit_file(const char *run, const char *name, const char *what, const char *by)
{
	const char *text = text_of(run, name), *at = strstr(text, what);
	char *copy = malloc(strlen(text) + strlen(by) + 1);
	FILE *out = fopen(path_of(run, name), "w");

	CU_ASSERT_FATAL(at && copy && out);
	sprintf(copy, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
	fputs(copy, out);
	fclose(out);
	free(copy);
}

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

/* ---- a run as the training would report it ---- */
static struct qmac_run_config config;
static struct qmac_hw_file hw;

/* Defaults, one setting (NULL: none), the smallest shipped hardware. */
static void load(const char *key, const char *value)
{
	const struct qmac_setting settings[] = {{"hw", "configs/hw/8x8_w8.yaml", "--hw"}, {key, value, "--set"}};
	struct qmac_error err;

	if (qmac_run_config_load(&config, NULL, settings, key ? 2 : 1, &err)
	    || qmac_hw_file_load(&hw, config.run.hw, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("no configuration");
	}
}

static struct qmac_metrics row(int64_t epoch, double norm)
{
	struct qmac_metrics m = {
		.epoch = epoch, .step = 10 * epoch, .data_passes = 1.5 * (double)epoch, .train_loss = norm * norm,
		.grad_norm = norm, .test_loss = NAN, .test_accuracy = NAN, .delta = epoch ? .25 : NAN,
		.host_flops = 7, .host_bytes = 8,
	};

	m.headline = QMAC_FIGURE_GRAD_NORM;
	for (int i = 0; i < QMAC_COUNTERS; i++) {
		m.counters[i] = (uint64_t)(epoch * (i + 4));
		m.outer[i] = epoch == 2; /* one of each, in a gradient on the device */
	}
	return m;
}

/*
 * What is to be told of an epoch: counter i grows by i + 4. In the first epoch it is all the inner loop's,
 * forwards; in the second there is one of each in the gradient of another layer, and one in an update.
 */
static struct qmac_records records_of(int64_t epoch)
{
	struct qmac_records records;

	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&records, 2, NULL), QMAC_OK);
	for (int l = 0; l < 2; l++)
		records.layer[l] = (struct qmac_layer_record){
			.w_bits = l ? 32 : qmac_is_low_precision(config.run.algorithm) ? config.run.bits : 0,
			 .x_bits = config.run.x_bits, .delta = l ? (double)NAN : .25,
		};
	strcpy(records.layer[0].name, "conv1");
	strcpy(records.layer[1].name, "fc");
	qmac_records_begin(&records, epoch);
	for (int i = 0; i < QMAC_COUNTERS; i++) {
		uint64_t one = epoch == 2, all = epoch > 0 ? (uint64_t)i + 4 : 0;

		qmac_records_spent(&records, 0, QMAC_DIRECTION_FORWARD)[i] = all - 2 * one;
		qmac_records_spent(&records, 0, QMAC_DIRECTION_UPDATE)[i] = one;
		qmac_records_spent(&records, 1, QMAC_DIRECTION_WEIGHTS)[i] = one;
	}
	records.layer[0].checked_macs = epoch == 2 ? 4 : 5;
	records.layer[0].zero_macs = 1;
	return records;
}

static double trained_weights[] = {1, -2.5};

/* Two epochs; the second norm as given. Returns the status of the finish. */
static enum qmac_status write_run(const char *folder, double norm, struct qmac_error *err)
{
	const struct qmac_retire record = {
		.number = 3, .engine = QMAC_ENGINE_EXECUTE, .opcode = QMAC_OPCODE_VEC, .tag = 9,
		.start = 100, .cycle = 142,
	};
	struct qmac_train_result trained = {
		.weights = trained_weights, .weight_count = 2, .last = row(2, norm), .diverged = !isfinite(norm),
		.coefficient_max = 80, .kernel = "scalar",
	};
	struct qmac_results *results;
	enum qmac_status status = qmac_results_create(path_of(folder, ""), &config, &hw, &results, err);

	if (status)
		return status;
	for (int epoch = 0; !status && epoch <= 2; epoch++) {
		struct qmac_metrics m = epoch == 2 ? trained.last : row(epoch, 4);

		struct qmac_records records = records_of(epoch);

		qmac_results_retire(results, &record);
		status = qmac_results_metrics(results, &m, &records, err);
		qmac_records_free(&records);
	}
	if (!status)
		status = qmac_results_finish(results, &trained, .5, err);
	qmac_results_destroy(results);
	return status;
}

static void test_csv_files(void)
{
	struct qmac_error err;

	load("bits", "6");
	CU_ASSERT_FATAL(write_run("csv", .125, &err) == QMAC_OK);
	/*
	 * Counter i is epoch * (i + 4): COMMANDS 4, MACS 5, VEC_MULTS 7, saturations 8 + 9 + 10, DRAM 19, 20,
	 * FETCH_BYTES 23, CYCLES 24, BUSY 25, 26, 27.
	 */
	CU_ASSERT_STRING_EQUAL(text_of("csv", "metrics.csv"),
		"epoch,step,data_passes,train_loss,grad_norm,test_loss,test_accuracy,cycles,energy_j,saturations,"
		"delta,commands,macs,vec_mults,dram_read_bytes,dram_write_bytes,host_flops,host_bytes,fetch_bytes\n"
		"0,0,0,16,4,,,0,,0,,0,0,0,0,0,7,8,0\n"
		"1,10,1.5,16,4,,,24,,27,0.25,4,5,7,19,20,7,8,23\n"
		"2,20,3,0.015625,0.125,,,48,,54,0.25,8,10,14,38,40,7,8,46\n");
	/*
	 * Per epoch, not totals. Of conv1 it is known that one MAC has a zero: the share of both directions.
	 * A layer that has done nothing has a row that says so.
	 */
	CU_ASSERT_STRING_EQUAL(text_of("csv", "layers.csv"),
		"epoch,layer,direction,w_bits,x_bits,delta,cycles,energy_j,macs,vec_mults,zero_mac_fraction,"
		"saturations,commands,dram_read_bytes,dram_write_bytes,fetch_bytes,load_busy,execute_busy,"
		"store_busy\n"
		"1,conv1,forward,6,8,0.25,24,,5,7,0.2,27,4,19,20,23,25,26,27\n"
		"1,fc,none,32,8,,0,,0,0,,0,0,0,0,0,0,0,0\n"
		"2,conv1,forward,6,8,0.25,22,,3,5,0.25,21,2,17,18,21,23,24,25\n"
		"2,conv1,update,6,8,0.25,1,,1,1,0.25,3,1,1,1,1,1,1,1\n"
		"2,fc,weight_grad,32,8,,1,,1,1,,3,1,1,1,1,1,1,1\n");
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
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("summary", "summary.json"), "\"energy_j\": null"));
	CU_ASSERT_EQUAL(stored.metrics.rows, 3);
	CU_ASSERT_PTR_EQUAL(qmac_stored_headline(&stored), &qmac_figure_kinds[QMAC_FIGURE_GRAD_NORM]);
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
		CU_ASSERT(qmac_results_match(path_of("host", ""), &config, &hw));
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
	CU_ASSERT_FATAL(out && write_run("two", .125, &err) == QMAC_OK);
	CU_ASSERT_FATAL(qmac_stored_read(path_of("two", ""), &stored[0], &err) == QMAC_OK);
	edit_summary("two", "\"headline\": \"grad_norm\"", "\"headline\": \"train_loss\"");
	CU_ASSERT_FATAL(qmac_stored_read(path_of("two", ""), &stored[1], &err) == QMAC_OK);
	qmac_comparison_print(lines, 3, out);
	rewind(out);
	text[fread(text, 1, sizeof text - 1, out)] = 0;
	CU_ASSERT_STRING_EQUAL(text,
		"gradient norm at epoch   last  cycles  vec mults  DRAM bytes  fetch bytes    note\n"
		"a                       0.125      48         14          78           46\n"
		"b                           -       -          -           -            -  failed\n"
		"\n"
		"training loss at epoch    last  cycles  vec mults  DRAM bytes  fetch bytes  note\n"
		"c                       0.0156      48         14          78           46     x\n");
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
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"name\": \"VEC\", \"ph\": \"X\", \"pid\": 1, \"tid\": 1, "
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

	load(NULL, NULL);
	records = records_of(0);
	CU_ASSERT_FATAL(write_run("old", .125, &err) == QMAC_OK);
	CU_ASSERT_FATAL(qmac_results_create(path_of("old", ""), &config, &hw, &results, &err) == QMAC_OK);
	CU_ASSERT_EQUAL(qmac_results_metrics(results, &m, &records, &err), QMAC_OK);
	qmac_records_free(&records);
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("old", "metrics.csv.tmp"), "\n0,0,0,16,4,"));
	qmac_results_destroy(results);
	qmac_results_destroy(NULL);
	CU_ASSERT_FALSE(exists("old", "metrics.csv.tmp"));
	CU_ASSERT_FALSE(exists("old", "layers.csv.tmp"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text_of("old", "metrics.csv"), "\n2,20,3,0.015625,"));
	CU_ASSERT(exists("old", "summary.json"));

	CU_ASSERT_FATAL(qmac_results_create(path_of("new", ""), &config, &hw, &results, &err) == QMAC_OK);
	CU_ASSERT(exists("new", ""));
	qmac_results_destroy(results);
	CU_ASSERT_FALSE(exists("new", ""));
}

static void edit_config(const char *run, const char *what, const char *by)
{
	edit_file(run, "config.yaml", what, by);
}

static void test_match(void)
{
	struct qmac_error err;
	struct qmac_hw_file other;

	load(NULL, NULL);
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
	CU_ASSERT_FATAL(write_run("match", .125, &err) == QMAC_OK);
	CU_ASSERT_TRUE(qmac_results_match(path_of("match", ""), &config, &hw));
	edit_config("match", "  # default", "  # another place");
	CU_ASSERT_TRUE(qmac_results_match(path_of("match", ""), &config, &hw));
	edit_config("match", "\nseed: 1", "\nseed: 11");
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
	edit_config("match", "\nseed: 11", "\nseed: 1");
	CU_ASSERT_TRUE(qmac_results_match(path_of("match", ""), &config, &hw));
	other = hw;
	other.hw.os_max *= 2;
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &other));
	other = hw;
	other.host = (struct qmac_host){1, 1, 1};
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &other));
	load("seed", "7");
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
	load(NULL, NULL);
	CU_ASSERT_FATAL(truncate(path_of("match", "summary.json"), 40) == 0);
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
	CU_ASSERT_FATAL(remove(path_of("match", "summary.json")) == 0);
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
}

/* Whether the run, written anew, still counts when `file` has lost so many bytes at its end. */
static bool is_whole_without(const char *file, long bytes)
{
	struct qmac_error err;
	struct stat before;

	CU_ASSERT_FATAL(write_run("damaged", .125, &err) == QMAC_OK);
	CU_ASSERT_FATAL(stat(path_of("damaged", file), &before) == 0);
	CU_ASSERT_FATAL(truncate(path_of("damaged", file), before.st_size - bytes) == 0);
	return qmac_results_match(path_of("damaged", ""), &config, &hw);
}

/* From behind the first character of `text`, a line's end, to the end of the file. */
static long length_from(const char *file, const char *text)
{
	const char *at = strstr(text_of("damaged", file), text);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	return (long)strlen(at + 1);
}

/* The same where one byte of `file` is another; at < 0: counted from its end. */
static bool is_whole_with(const char *file, long at, char byte)
{
	struct qmac_error err;
	FILE *out;

	CU_ASSERT_FATAL(write_run("damaged", .125, &err) == QMAC_OK);
	out = fopen(path_of("damaged", file), "r+");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT(fseek(out, at, at < 0 ? SEEK_END : SEEK_SET) == 0 && fputc(byte, out) == byte);
	CU_ASSERT_EQUAL(fclose(out), 0);
	return qmac_results_match(path_of("damaged", ""), &config, &hw);
}

/* --resume keeps nothing that is damaged. */
static void test_damaged(void)
{
	static const char *const names[] = {
		"config.yaml", "hw.yaml", "summary.json", "metrics.csv", "layers.csv", "weights.npy", "timeline.json",
	};
	struct stat whole;

	load("timeline", "2");
	for (int i = 0; i < TEST_COUNT(names); i++) {
		CU_ASSERT_TRUE(is_whole_without(names[i], 0));
		CU_ASSERT_FATAL(stat(path_of("damaged", names[i]), &whole) == 0);
		CU_ASSERT_FALSE(is_whole_without(names[i], whole.st_size));
		CU_ASSERT_FALSE(is_whole_without(names[i], whole.st_size / 2));
		if (i >= 3) /* of the others the end of a line is no loss */
			CU_ASSERT_FALSE(is_whole_without(names[i], 1));
		CU_ASSERT_FATAL(remove(path_of("damaged", names[i])) == 0);
		CU_ASSERT_FALSE(qmac_results_match(path_of("damaged", ""), &config, &hw));
	}
	/* Whole lines are missing; a column has another name; an epoch comes twice; other weights. */
	CU_ASSERT_FALSE(is_whole_without("metrics.csv", length_from("metrics.csv", "\n2,")));
	CU_ASSERT_FALSE(is_whole_without("layers.csv", length_from("layers.csv", "\n2,")));
	CU_ASSERT_FALSE(is_whole_with("metrics.csv", 0, 'E'));
	/* One of the rows of an epoch is missing: its cycles are. */
	CU_ASSERT_FALSE(is_whole_without("layers.csv", length_from("layers.csv", "\n2,fc,")));
	CU_ASSERT_FALSE(is_whole_with("layers.csv", 0, 'E'));
	CU_ASSERT_FALSE(is_whole_with("metrics.csv", -length_from("metrics.csv", "\n2,"), '1'));
	CU_ASSERT_FALSE(is_whole_with("weights.npy", 128, 1));
	CU_ASSERT_FALSE(is_whole_with("weights.npy", 1, 'n'));
	/* A plot is an extra. */
	CU_ASSERT_TRUE(is_whole_without("summary.json", 0));
	(void)remove(path_of("damaged", "grad_norm.svg"));
	CU_ASSERT_TRUE(qmac_results_match(path_of("damaged", ""), &config, &hw));
}

/* ---- two writers ---- */
static struct qmac_results *begin(const char *folder, enum qmac_status expected, const char *message)
{
	struct qmac_results *results = NULL;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_results_create(path_of(folder, ""), &config, &hw, &results, &err), expected);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, message));
	CU_ASSERT_FATAL(!results == (expected != QMAC_OK));
	return results;
}

static enum qmac_status end(struct qmac_results *results, struct qmac_error *err)
{
	const struct qmac_train_result trained = {
		.weights = trained_weights, .weight_count = 2, .last = row(0, 4), .kernel = "scalar",
	};
	struct qmac_records records = records_of(0);
	enum qmac_status status = qmac_results_metrics(results, &trained.last, &records, err);

	qmac_records_free(&records);
	if (!status)
		status = qmac_results_finish(results, &trained, .5, err);
	qmac_results_destroy(results);
	return status;
}

static void test_two_writers(void)
{
	struct qmac_results *first, *second;
	struct qmac_error err;

	load(NULL, NULL);
	first = begin("shared", QMAC_OK, "");
	(void)begin("shared", QMAC_BAD_INPUT, "another process is writing results into");
	CU_ASSERT_TRUE(exists("shared", "metrics.csv.tmp"));
	CU_ASSERT_EQUAL(end(first, &err), QMAC_OK);
	CU_ASSERT_TRUE(qmac_results_match(path_of("shared", ""), &config, &hw));
	CU_ASSERT_EQUAL(end(begin("shared", QMAC_OK, ""), &err), QMAC_OK);

	/* Given up, the first one's folder goes; it is the next one's then. */
	qmac_results_destroy(begin("gone", QMAC_OK, ""));
	CU_ASSERT_FALSE(exists("gone", ""));
	CU_ASSERT_EQUAL(end(begin("gone", QMAC_OK, ""), &err), QMAC_OK);

	/* Taken away while the first one writes, and made anew: it is the second one's alone. */
	first = begin("moved", QMAC_OK, "");
	CU_ASSERT_EQUAL(rename(path_of("moved", ""), test_path("away")), 0);
	second = begin("moved", QMAC_OK, "");
	CU_ASSERT_EQUAL(end(first, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "moved was removed or replaced"));
	CU_ASSERT_TRUE(exists("moved", "metrics.csv.tmp"));
	CU_ASSERT_FALSE(exists("moved", "config.yaml"));
	CU_ASSERT_EQUAL(end(second, &err), QMAC_OK);
	CU_ASSERT_TRUE(qmac_results_match(path_of("moved", ""), &config, &hw));
}

static void test_full_disk(void)
{
	enum qmac_status growing, finishing;
	struct rlimit old, limit;
	struct qmac_error err;

	load(NULL, NULL);
	signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_FATAL(getrlimit(RLIMIT_FSIZE, &old) == 0);
	limit = old;
	limit.rlim_cur = 200; /* less than metrics.csv takes */
	CU_ASSERT_FATAL(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	growing = write_run("full", .125, &err);
	limit.rlim_cur = 800; /* more than metrics.csv and layers.csv, less than config.yaml */
	setrlimit(RLIMIT_FSIZE, &limit);
	finishing = write_run("fuller", .125, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	CU_ASSERT_EQUAL(growing, QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(finishing, QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "config.yaml"));
	CU_ASSERT_FALSE(exists("full", "metrics.csv"));
	CU_ASSERT_FALSE(exists("full", "metrics.csv.tmp"));
	CU_ASSERT_FALSE(exists("fuller", "config.yaml"));
	CU_ASSERT_FALSE(exists("fuller", "config.yaml.tmp"));
	CU_ASSERT_FALSE(exists("fuller", "metrics.csv.tmp"));
	CU_ASSERT_FALSE(exists("fuller", "summary.json"));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"metrics.csv and layers.csv", test_csv_files},
		{"the figure that a run shows first", test_headline},
		{"runs side by side", test_comparison},
		{"summary.json", test_summary},
		{"time and energy of the host", test_host},
		{"a run that diverged", test_diverged},
		{"timeline.json", test_timeline},
		{"a run given up leaves the old results, or nothing", test_given_up},
		{"results of the same configuration", test_match},
		{"damaged results are none", test_damaged},
		{"two writers", test_two_writers},
		{"a full disk", test_full_disk},
	};

	return test_main("test_results", cases, TEST_COUNT(cases));
}
