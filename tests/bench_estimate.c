/*
 * What estimates of 100 epochs take: the shipped run files of three networks, with the cycles of a run in 32
 * bits to compare with, and without. Those whose data set is not at hand are left out.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "config/hw_file.h"
#include "config/run_config.h"
#include "run/train.h"
#include "train/trained_net.h"

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static enum qmac_status time_run(const char *name, const char *speedup, struct qmac_error *err)
{
	const struct qmac_setting settings[] = {{"epochs", "100", "--set"}, {"speedup", speedup, "--set"}};
	double wall = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID), commands;
	struct qmac_run_config config;
	struct qmac_train_result result;
	struct qmac_hw_file hw;
	struct rusage usage;
	char file[100];
	enum qmac_status status;

	snprintf(file, sizeof file, "configs/run/%s.yaml", name);
	status = qmac_run_config_load(&config, file, settings, 2, err);
	if (!status)
		status = qmac_hw_file_load(&hw, config.run.hw, err);
	if (!status)
		status = qmac_estimate(&config.run, &hw.hw, NULL, NULL, &result, err);
	if (status)
		return status;
	qmac_trained_net_destroy(result.net);
	(void)getrusage(RUSAGE_SELF, &usage);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	commands = (double)result.last.counters[QMAC_COUNTER_COMMANDS];
	printf("estimate  %-24s %-7s %8.2f s, %6.2f s of one processor, %10.3g commands/s, %5ld MB\n", name,
	       speedup[0] == 't' ? "against" : "alone", wall,
	       seconds(CLOCK_PROCESS_CPUTIME_ID) - processor, commands / wall, usage.ru_maxrss / 1024);
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
