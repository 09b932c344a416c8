/*
 * What estimates of 100 epochs take, in seconds of one processor: the shipped run files of three networks,
 * without the cycles of a run in 32 bits to compare with, and with them (estimate32). Those whose data set is
 * not at hand are left out.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "config/hw_file.h"
#include "config/run_config.h"
#include "reference/measure.h"
#include "run/train.h"
#include "train/trained_net.h"

static enum qmac_status time_run(const char *run, const char *speedup, struct qmac_error *err)
{
	const struct qmac_setting settings[] = {{"epochs", "100", "--set"}, {"speedup", speedup, "--set"}};
	double processor = measure_seconds(), commands;
	struct measure took = {.unit = "s"}, rate = {.unit = "commands/s"};
	struct qmac_run_config config;
	struct qmac_train_result result;
	struct qmac_hw_file hw;
	struct rusage usage;
	const char *against = speedup[0] == 't' ? "32" : "";
	char file[100], name[64], time_name[64];
	enum qmac_status status;

	snprintf(file, sizeof file, "configs/run/%s.yaml", run);
	status = qmac_run_config_load(&config, file, settings, 2, err);
	if (!status)
		status = qmac_hw_file_load(&hw, config.run.hw, err);
	if (!status)
		status = qmac_estimate(&config.run, &hw.hw, NULL, NULL, &result, err);
	if (status)
		return status;
	qmac_trained_net_destroy(result.net);
	(void)getrusage(RUSAGE_SELF, &usage);
	processor = measure_seconds() - processor;
	commands = (double)result.last.counters[QMAC_COUNTER_COMMANDS];
	snprintf(name, sizeof name, "estimate%s/%.*s", against, (int)strcspn(run, "_"), run);
	snprintf(time_name, sizeof time_name, "estimate_time%s/%.*s", against, (int)strcspn(run, "_"), run);
	rate.name = name;
	took.name = time_name;
	measure_add(&took, processor, 0);
	measure_add(&rate, commands / processor, 0);
	measure_print(&took);
	measure_print(&rate);
	printf("%-26s %12ld MB at most so far\n", name, usage.ru_maxrss / 1024);
	return QMAC_OK;
}

int main(void)
{
	static const char *const names[] = {"lenet5_fixed8", "alexnet_cifar10_fixed8", "resnet20_cifar10_fixed8"};

	for (int i = 0; i < 6; i++) {
		struct qmac_error err;

		if (time_run(names[i % 3], i < 3 ? "false" : "true", &err))
			printf("estimate  %-24s left out: %s\n", names[i % 3], err.message);
	}
	return EXIT_SUCCESS;
}
