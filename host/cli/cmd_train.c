#include "cli/cli.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "config/text.h"
#include "cost/area.h"
#include "cost/energy.h"
#include "process/stop.h"
#include "report/results.h"
#include "report/shares.h"
#include "report/stored.h"
#include "report/table.h"
#include "run/evaluate.h"
#include "run/job.h"

/* What an estimate cannot tell. */
static void print_missing(const struct qmac_json *summary)
{
	printf("%-19s ", "depends on data");
#define NAME(upper, lower) \
	if (!qmac_json_text(summary, "counters." #lower)) \
		printf("%s, ", #lower);
	QMAC_DATA_COUNTER_TABLE(NAME)
#undef NAME
	printf("all figures of the training\n");
}

static void print_line(const char *label, const char *text)
{
	qmac_cli_say("%-19s %s\n", label, text ? text : "not a finite number");
}

/* A figure of the summary; where a training has diverged one that is null is not finite. */
static void print_figure(const struct qmac_stored *stored, const struct qmac_figure_kind *kind)
{
	const char *text = qmac_json_text(stored->summary, kind->name);
	const char *diverged = qmac_json_text(stored->summary, "diverged");

	if (text || (kind->always && diverged && strcmp(diverged, "true") == 0))
		print_line(kind->title, text);
}

/* Of the device's time; a host-only run has none, and an older summary does not tell. */
static void print_shares(const struct qmac_json *summary)
{
	static const char *const heads[QMAC_SHARES] = {
		[QMAC_SHARE_BUSY] = "busy", [QMAC_SHARE_MEMORY] = "for memory", [QMAC_SHARE_WAIT] = "for an engine",
		[QMAC_SHARE_STARVED] = "for a descriptor", [QMAC_SHARE_IDLE] = "idle",
	};
	/* As a command goes. */
	static const enum qmac_share_engine order[] = {
		QMAC_SHARE_FETCH, QMAC_SHARE_LOAD, QMAC_SHARE_EXECUTE, QMAC_SHARE_STORE,
	};
	struct qmac_table *table;

	if (!qmac_json_text(summary, "mac_utilisation"))
		return;
	printf("%-19s %.2f %%\n", "MAC utilisation", 100 * qmac_json_real(summary, "mac_utilisation"));
	qmac_cli_say("%-19s %.4g (device at %s MHz)\n", "seconds per epoch",
	             qmac_json_real(summary, "epoch_seconds"), qmac_json_text(summary, "hw.clock_mhz"));
	table = qmac_table_create(1 + QMAC_SHARES);
	if (!table)
		return;
	qmac_table_add(table, "%-19s", "share of the time");
	for (int i = 0; i < QMAC_SHARES; i++)
		qmac_table_add(table, "%s", heads[i]);
	for (size_t row = 0; row < sizeof order / sizeof order[0]; row++) {
		const char *engine = qmac_share_engine_names[order[row]];

		qmac_table_add(table, "%s", engine);
		for (int i = 0; i < QMAC_SHARES; i++) {
			char path[64];
			double share;

			snprintf(path, sizeof path, "shares.%s.%s", engine, qmac_share_names[i]);
			share = qmac_json_real(summary, path);
			if (isnan(share))
				qmac_table_add(table, "-");
			else
				qmac_table_add(table, "%.1f %%", 100 * share);
		}
	}
	qmac_table_print(table, stdout);
	qmac_table_destroy(table);
}

/* Parts of a total from the largest to the smallest, those of a thousandth at least. */
struct parts {
	const char *path; /* of one in the summary, with %s for its name */
	const char *const *names;
	int count;
};

static void print_parts(const struct qmac_json *summary, const struct parts *parts, double total)
{
	bool told[32] = {false};

	assert(parts->count <= (int)(sizeof told / sizeof told[0]));
	printf("%-19s", "of it");
	for (int n = 0; n < parts->count; n++) {
		double most = 0, share;
		char path[64];
		int at = -1;

		for (int c = 0; c < parts->count; c++) {
			snprintf(path, sizeof path, parts->path, parts->names[c]);
			share = qmac_json_real(summary, path) / total;
			if (!told[c] && share > most) {
				most = share;
				at = c;
			}
		}
		if (most < .001)
			break;
		told[at] = true;
		printf("%s %s %.1f %%", n ? "," : "", parts->names[at], 100 * most);
	}
	printf("\n");
}

/* Of the device and its memory; older results, and runs on the host, have none. */
static void print_energy(const struct qmac_json *summary)
{
	static const struct parts components = {
		"energy.%s.nominal", qmac_energy_component_names, QMAC_ENERGY_COMPONENTS,
	};
	const char *note = qmac_json_text(summary, "energy_note");
	double total = qmac_json_real(summary, "energy_j");

	if (!qmac_json_text(summary, "mac_utilisation"))
		return;
	if (isnan(total)) {
		qmac_cli_say("%-19s not estimated: %s\n", "joules", note ? note : "no energy in this result");
		return;
	}
	qmac_cli_say("%-19s %.4g (%.4g to %.4g, %s)\n", "joules", total, qmac_json_real(summary, "energy_low_j"),
	             qmac_json_real(summary, "energy_high_j"), qmac_json_text(summary, "energy.table"));
	print_parts(summary, &components, total);
	if (note)
		qmac_cli_say("%-19s %s\n", "", note);
}

/* Of the device; older results, and runs on the host, have none. */
static void print_area(const struct qmac_json *summary)
{
	static const struct parts parts = {"area.%s", qmac_area_part_names, QMAC_AREA_PARTS};
	const char *note = qmac_json_text(summary, "area_note");
	double total = qmac_json_real(summary, "area_um2");

	if (isnan(total))
		return;
	qmac_cli_say("%-19s %.4g mm2 (%.0f gates, %s)\n", "area", total / 1e6,
	             qmac_json_real(summary, "area.gates"), qmac_json_text(summary, "area.table"));
	print_parts(summary, &parts, total);
	if (note)
		qmac_cli_say("%-19s %s\n", "", note);
}

enum qmac_status qmac_cli_print_summary(const char *folder, struct qmac_error *err)
{
	static const struct {
		const char *label, *key;
	} lines[] = {
		{"diverged", "diverged"},
		{"device cycles", "cycles"},
		{"commands", "commands"},
		{"MACs of the array", "macs"},
		{"vector multiplies", "vec_mults"},
		{"DRAM bytes read", "dram_read_bytes"},
		{"DRAM bytes written", "dram_write_bytes"},
		{"descriptor bytes", "fetch_bytes"},
		{"saturations", "saturations"},
		{"weights saturated", "weight_saturations"},
		{"host operations", "host_flops"},
		{"host seconds", "host_seconds"},
		{"seconds with device", "system_seconds"},
		{"seconds overlapped", "system_seconds_overlapped"},
		{"weights SHA-256", "weights_sha256"},
	};
	/* not every run has these; the others are null where they are not finite */
	static const char optional[] = "weight_saturations|host_seconds|system_seconds|system_seconds_overlapped";
	const struct qmac_figure_kind *headline;
	struct qmac_stored stored;
	enum qmac_status status = qmac_stored_read(folder, &stored, err);
	bool estimated;

	if (status)
		return status;
	estimated = qmac_stored_is_estimate(&stored);
	headline = qmac_stored_headline(&stored);
	print_figure(&stored, headline);
	for (int i = 0; i < QMAC_FIGURES; i++)
		if (&qmac_figure_kinds[i] != headline)
			print_figure(&stored, &qmac_figure_kinds[i]);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		const char *text = qmac_json_text(stored.summary, lines[i].key);

		if (text || (!estimated && qmac_words_find(optional, lines[i].key) < 0))
			print_line(lines[i].label, text);
	}
	print_energy(stored.summary);
	print_area(stored.summary);
	print_shares(stored.summary);
	qmac_cli_print_speedup(stored.summary);
	if (estimated)
		print_missing(stored.summary);
	qmac_cli_say("%-19s %s\n", "results in", folder);
	qmac_stored_free(&stored);
	return QMAC_OK;
}

/* What to trace, and whether the options fit together. */
static enum qmac_status set_trace(const struct qmac_cli_options *options, struct qmac_job *job,
                                  struct qmac_error *err)
{
	if (!options->trace && (options->trace_from >= 0 || options->trace_count >= 0))
		return qmac_fail(err, QMAC_BAD_INPUT, "--trace-from and --trace-count want a file: --trace FILE");
	if (options->trace && options->resume)
		return qmac_fail(err, QMAC_BAD_INPUT, "--trace needs a run: leave out --resume");
	job->trace_file = options->trace;
	job->window.from = options->trace_from < 0 ? 0 : (uint64_t)options->trace_from;
	job->window.count = options->trace_count < 0 ? 1000 : (uint32_t)options->trace_count;
	return QMAC_OK;
}

void qmac_cli_note(void *context, const char *text)
{
	(void)context;
	qmac_cli_warn("qmac: %s\n", text);
}

enum qmac_status qmac_cli_train_with(const struct qmac_cli_options *options,
                                     const struct qmac_lockstep_settings *settings, struct qmac_error *err)
{
	struct qmac_cli_progress progress;
	struct qmac_job_result result;
	struct qmac_run_config config;
	char folder[QMAC_PATH_MAX];
	struct qmac_job job = {
		.config = &config, .resume = options->resume, .settings = settings,
		.on_metrics = qmac_cli_progress_metrics, .on_step = qmac_cli_progress_step,
		.on_note = qmac_cli_note, .on_lost = qmac_cli_note, .context = &progress,
		.folder = folder,
	};
	struct qmac_error ignored;
	enum qmac_status status;

	status = set_trace(options, &job, err);
	if (!status)
		status = qmac_cli_prepare(options, "", &config, folder, err);
	if (status)
		return status;
	job.stop = qmac_stop_catch();
	qmac_cli_progress_start(&progress, options);
	qmac_cli_progress_epochs(&progress, config.run.epochs);
	status = qmac_job_run(&job, &result, err);
	qmac_cli_progress_clear(&progress);
	if (result.traced)
		qmac_cli_say("trace of %" PRIu64 " commands in %s\n", result.traced, options->trace);
	if (status && !result.diverged)
		return status;
	if (result.warning[0])
		qmac_cli_warn("qmac: %s\n", result.warning);
	if (result.kept)
		qmac_cli_say("%s holds this result already; nothing was done\n", job.folder);
	return status ? (qmac_cli_print_summary(job.folder, &ignored), status) :
	       qmac_cli_print_summary(job.folder, err);
}

/* The test part once more, with weights that are there. */
static enum qmac_status evaluate(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_run_config config;
	struct qmac_net_figures figures;
	char text[QMAC_REAL_TEXT];
	enum qmac_status status;

	if (options->out || options->resume || options->trace)
		return qmac_fail(err, QMAC_BAD_INPUT, "--eval-only writes nothing: leave out --out, --resume,"
		                 " --trace");
	status = qmac_cli_load(options, &config, err);
	if (status)
		return status;
	(void)qmac_stop_catch();
	status = qmac_run_evaluate(&config, options->eval_only, &figures, err);
	if (status)
		return status;
	qmac_cli_say("%-19s %s\n", "test accuracy",
	             qmac_real_text((double)figures.hits / (double)figures.samples, text));
	qmac_cli_say("%-19s %s\n", "test loss", qmac_real_text(figures.loss / (double)figures.samples, text));
	qmac_cli_say("%-19s %" PRId64 " of %" PRId64 "\n", "images right", figures.hits, figures.samples);
	return QMAC_OK;
}

enum qmac_status qmac_cli_train(const struct qmac_cli_options *options, struct qmac_error *err)
{
	const struct qmac_lockstep_settings settings = {.device.on_note = qmac_cli_note};

	if (options->eval_only)
		return evaluate(options, err);
	return qmac_cli_train_with(options, &settings, err);
}
