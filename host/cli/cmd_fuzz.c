#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/rtl_library.h"
#include "cli/cli.h"
#include "config/hw_file.h"
#include "config/text.h"
#include "cosim/open.h"
#include "fuzz/fuzz.h"
#include "process/stop.h"

/* What is tested, and the totals of what was. */
struct run {
	const char *backend;
	bool timed;
	const struct qmac_cli_options *options;
	const struct qmac_fuzz_options *fuzz;
	/* Of the configuration that this process plays, from the first device on until the process ends. */
	struct qmac_rtl_library *library;
	int64_t commands, streams[QMAC_FUZZ_KINDS];
	int played, failed; /* configurations */
	struct qmac_cli_progress progress;
};

/* Where a backend gets the seed of its stalls. Each configuration has a process of its own. */
static enum qmac_status open_backend(void *context, const struct qmac_hw *hw,
                                     const struct qmac_device_options *options, uint64_t stalls,
                                     struct qmac_backend **backend, struct qmac_error *err)
{
	struct run *run = context;
	struct qmac_lockstep_settings settings = {
		.timed = run->timed,
		.device = {.stalls = stalls, .on_note = qmac_cli_note, .stop = run->fuzz->stop},
	};
	enum qmac_status status = QMAC_OK;

	*backend = NULL;
	/* To make a stream small takes many devices: to look the library up for each would take long. */
	if (!run->library && (strcmp(run->backend, "rtl") == 0 || strcmp(run->backend, "lockstep") == 0))
		status = qmac_rtl_library_open(hw, false, settings.device.on_note, NULL, &run->library, err);
	settings.device.library = run->library;
	return status ? status : qmac_cosim_open(run->backend, hw, options, &settings, backend, err);
}

static void print_hw(const struct qmac_hw *hw)
{
	printf("%dx%d a%d w%d acc%d %s os%d depths %d/%d/%d bus %dx%dx%d queue %d lut 2^%d/%d%s dram %d+%d/%d",
	       hw->rows, hw->cols, hw->a_bits, hw->w_bits, hw->acc_bits,
	       hw->acc_overflow == QMAC_OVERFLOW_SATURATE ? "saturate" : "wrap", hw->os_max, hw->a_depth,
	       hw->w_depth, hw->acc_depth, hw->bus_bytes, hw->burst_beats, hw->outstanding, hw->queue_depth,
	       hw->lut_bits, hw->lut_ports, hw->zero_gating ? " gated" : "", hw->dram_latency, hw->dram_miss,
	       hw->dram_turnaround);
}

/* The command line that gives this configuration again, alone. */
static void print_again(const struct run *run, int index, const struct qmac_fuzz_result *r)
{
	const struct qmac_cli_options *o = run->options;

	printf("    again: qmac fuzz --seed %" PRIu64 " --configs 1 --count %" PRId64 " --backend %s", r->seed,
	       r->wanted, run->backend);
	if (o->kind)
		printf(" --kind %s", o->kind);
	if (o->stalled)
		printf(" --stalls");
	if (o->timed)
		printf(" --timed");
	if (o->hw_count)
		qmac_cli_say(" --hw %s", o->hw[index % o->hw_count]);
	putchar('\n');
}

static void print_difference(const struct run *run, int index, const struct qmac_fuzz_result *r)
{
	char text[3200];

	qmac_cli_say("    %s\n", qmac_error_text(&r->err, text, sizeof text));
	if (r->status == QMAC_CHECK_FAILED && r->tried && !r->reproduced)
		puts("    the stream does not fail alone");
	if (r->trace[0])
		qmac_cli_say("    %" PRId64 " commands: qmac replay %s --backend %s%s", r->left, r->trace,
		             run->backend, run->timed ? " --timed" : "");
	if (r->trace[0] && r->stalls)
		printf(" --stalls %" PRIu64, r->stalls);
	if (r->trace[0])
		putchar('\n');
	print_again(run, index, r);
}

static const char *word_for(const struct qmac_fuzz_result *r)
{
	if (r->status)
		return r->status == QMAC_CHECK_FAILED ? "DIFFERENT" : "FAILED";
	return r->commands < r->wanted ? "equal, stopped" : "equal";
}

static void on_result(void *context, int index, const struct qmac_fuzz_result *r)
{
	struct run *run = context;
	int configs = run->fuzz->configs;

	qmac_cli_progress_clear(&run->progress);
	printf("%d/%d seed %" PRIu64 ": ", index + 1, configs, r->seed);
	if (r->hw.rows)
		print_hw(&r->hw);
	printf(": %" PRId64 " of %" PRId64 " commands, %s\n", r->commands, r->wanted, word_for(r));
	run->commands += r->commands;
	for (int k = 0; k < QMAC_FUZZ_KINDS; k++)
		run->streams[k] += r->streams[k];
	run->played += r->commands > 0 || r->status != QMAC_OK;
	run->failed += r->status != QMAC_OK;
	if (r->status)
		print_difference(run, index, r);
	qmac_cli_flush_output();
	if (index + 1 < configs)
		qmac_cli_progress_show(&run->progress, index + 1, "%d of %d configurations", index + 1, configs);
}

static enum qmac_status load_hw(const struct qmac_cli_options *options, struct qmac_hw **hw,
                                struct qmac_inputs *inputs, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	*hw = calloc((size_t)options->hw_count + 1, sizeof **hw);
	if (!*hw)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	for (int i = 0; !status && i < options->hw_count; i++)
		status = qmac_hw_load(&(*hw)[i], options->hw[i], err);
	for (int i = 0; !status && i < options->hw_count; i++)
		status = qmac_inputs_add(inputs, "a hardware file", options->hw[i], err);
	return status;
}

static void print_totals(const struct run *run)
{
	printf("seed %" PRIu64 ": %" PRId64 " commands in %" PRId64 " legal, %" PRId64 " training-like and %"
	       PRId64 " malformed streams on %d", run->fuzz->seed, run->commands, run->streams[QMAC_FUZZ_LEGAL],
	       run->streams[QMAC_FUZZ_TRAINING], run->streams[QMAC_FUZZ_MALFORMED], run->played);
	if (run->played < run->fuzz->configs)
		printf(" of %d", run->fuzz->configs);
	printf(" configurations%s: %d different or failed\n", run->fuzz->stalls ? ", with stalls" : "",
	       run->failed);
}

static enum qmac_status read_kind(const char *text, int *kind, struct qmac_error *err)
{
	if (qmac_text_choice(text ? text : "all", QMAC_FUZZ_KIND_WORDS "|all", kind, err) == QMAC_OK)
		return QMAC_OK;
	qmac_text_blame("--kind", err);
	return QMAC_BAD_INPUT;
}

enum qmac_status qmac_cli_fuzz(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct run run = {.backend = options->backend ? options->backend : "lockstep", .options = options,
	                  .timed = options->timed};
	struct qmac_fuzz_options fuzz = {
		.target = {open_backend, &run}, .seed = (uint64_t)(options->seed < 0 ? 1 : options->seed),
		.configs = options->configs ? options->configs : options->hw_count ? options->hw_count : 8,
		.commands = options->count < 0 ? 10000 : options->count, .hw_count = options->hw_count,
		.stalls = options->stalled, .folder = options->out ? options->out : "qmac-out/fuzz",
		.jobs = options->jobs ? options->jobs : 1,
	};
	/* Whatever the seed of the stalls will be. */
	const struct qmac_lockstep_settings settings = {.timed = run.timed, .device.stalls = options->stalled};
	struct qmac_inputs inputs = {0};
	struct qmac_hw *hw = NULL;
	enum qmac_status status = read_kind(options->kind, &fuzz.kind, err);

	if (!status)
		status = qmac_cosim_check(run.backend, &settings, err);
	if (!status && fuzz.commands < fuzz.configs)
		status = qmac_fail(err, QMAC_BAD_INPUT, "--count %" PRId64 " is less than a command for each of %d "
		                   "configurations", fuzz.commands, fuzz.configs);
	if (!status)
		status = load_hw(options, &hw, &inputs, err);
	if (!status) {
		fuzz.hw = hw;
		fuzz.inputs = &inputs;
		fuzz.stop = qmac_stop_catch();
		run.fuzz = &fuzz;
		qmac_cli_progress_start(&run.progress, options);
		run.progress.total = fuzz.configs;
		status = qmac_fuzz_run(&fuzz, on_result, &run, err);
		qmac_cli_progress_clear(&run.progress);
		if (run.played)
			print_totals(&run);
	}
	qmac_inputs_free(&inputs);
	free(hw);
	return status;
}
