#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cosim/open.h"
#include "report/results.h"

static void print_bins(const char *direction, const uint64_t bins[QMAC_RESIDUE_BINS])
{
	for (int i = 1; i < QMAC_RESIDUE_BINS; i++) {
		uint64_t low = 1ULL << (i - 1);

		if (!bins[i])
			continue;
		if (i + 1 < QMAC_RESIDUE_BINS)
			printf("  %6" PRIu64 "..%-6" PRIu64 " cycles %-8s %12" PRIu64 "\n", low, 2 * low - 1, direction,
			       bins[i]);
		else
			printf("  %6" PRIu64 "..       cycles %-8s %12" PRIu64 "\n", low, direction, bins[i]);
	}
}

/* With stalls the cycles of the RTL mean nothing. */
static void print_report(const struct qmac_lockstep_report *report, bool stalls)
{
	printf("%-19s %" PRIu64 " commands compared, %" PRIu64 " cycles, zero mismatches\n", "lockstep",
	       report->commands, report->model_cycles);
	if (stalls || !report->commands)
		return;
	if (!report->differing) {
		printf("%-19s equal for every command\n", "retire cycles");
		return;
	}
	printf("%-19s differ for %" PRIu64 " commands (%.3f %%), by %" PRIu64 " at most; the last is %" PRIu64
	       " in the RTL\n", "retire cycles", report->differing,
	       100.0 * (double)report->differing / (double)report->commands, report->worst,
	       report->device_cycles);
	print_bins("early", report->early);
	print_bins("late", report->late);
}

enum qmac_status qmac_cli_cosim(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_lockstep_report report = {.device = NULL};
	const struct qmac_lockstep_settings settings = {
		.timed = options->timed, .report = &report,
		.device = {.stalls = (uint64_t)options->stalls, .on_note = qmac_cli_note},
	};
	struct qmac_cli_options lockstep = *options;
	struct qmac_run_config config;
	enum qmac_status status = qmac_cli_refuse_backend(options, "cosim always compares the C model with the "
	                                                  "RTL", err);

	if (!status)
		status = qmac_cosim_check("lockstep", &settings, err);
	if (status)
		return status;
	/* There is room: the run file is no setting. */
	lockstep.settings[lockstep.setting_count++] = (struct qmac_setting){"backend", "lockstep", "cosim"};
	status = qmac_cli_load(&lockstep, &config, err);
	if (!status && !qmac_run_uses_device(&config.run))
		status = qmac_fail(err, QMAC_BAD_INPUT, "there is nothing to compare: %s does not use the device",
		                   qmac_run_method(&config.run));
	if (!status)
		status = qmac_cli_train_with(&lockstep, &settings, err);
	if (!status)
		print_report(&report, settings.device.stalls != 0);
	return status;
}
