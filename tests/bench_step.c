/*
 * Speed of whole training steps on the C model, cycles counted, one thread: multiplications that the network
 * asks for (forward, and both gradients of each layer, but that of the images) a second, each step beside
 * sgemm; device cycles a second; what a second thread brings; and how the time of an image grows with the
 * minibatch, the image, the depth of the network and the array. Networks whose data set is not at hand are
 * left out.
 *
 * Arguments: none, or the name of one case to run over and over for a profiler.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/hw_file.h"
#include "config/net_file.h"
#include "config/run_config.h"
#include "reference/measure.h"
#include "run/train.h"
#include "train/trained_net.h"

enum { SETTLING = 3, STEPS = 8 };

#define SGEMM_SECONDS .05

struct step_case {
	const char *name, *run, *hw;
	int batch;
	int image; /* its height and width; 0: as the network file says */
};

static const struct step_case networks[] = {
	{"lenet5", "lenet5_fixed8", "16x16_w8", 256, 0},
	{"alexnet", "alexnet_cifar10_fixed8", "16x16_w8", 128, 0},
	{"resnet20", "resnet20_cifar10_fixed8", "16x16_w8", 128, 0},
};

static const struct step_case sizes[] = {
	{"batch/16", "rn20s2_r8", "16x16_w8", 16, 0},
	{"batch/32", "rn20s2_r8", "16x16_w8", 32, 0},
	{"batch/64", "rn20s2_r8", "16x16_w8", 64, 0},
	{"batch/128", "rn20s2_r8", "16x16_w8", 128, 0},
	{"image/32", "rn20s2_r8", "16x16_w8", 64, 32},
	{"image/64", "rn20s2_r8", "16x16_w8", 64, 64},
	{"depth/8", "rn8s2_r8", "16x16_w8", 64, 0},
	{"depth/20", "rn20s2_r8", "16x16_w8", 64, 0},
	{"array/8", "rn20s2_r8", "8x8_w8", 64, 0},
	{"array/16", "rn20s2_r8", "16x16_w8", 64, 0},
	{"array/32", "rn20s2_r8", "mid_32x32", 64, 0},
	{"array/64", "rn20s2_r8", "big_64x64", 64, 0},
};

/* What is measured while a run goes on. */
struct watch {
	double macs;                 /* of a step */
	double began, wall;          /* of the step under way */
	double cycles;               /* of a step, the mean */
	struct measure speed, image; /* GMAC/s beside sgemm; ms of an image */
	struct measure steps;        /* a second of the wall */
	int batch, steps_seen;
};

static void on_step(void *context, const struct qmac_train_step *step)
{
	struct watch *w = context;
	double took = measure_seconds() - w->began, wall = measure_wall_seconds() - w->wall;

	(void)step;
	if (++w->steps_seen > SETTLING) {
		measure_add(&w->speed, w->macs / took / 1e9, measure_sgemm(SGEMM_SECONDS));
		measure_add(&w->image, 1e3 * took / w->batch, 0);
		measure_add(&w->steps, 1 / wall, 0);
	}
	w->began = measure_seconds();
	w->wall = measure_wall_seconds();
}

/* Cycles of all layers but in evaluations. */
static int on_metrics(void *context, const struct qmac_metrics *metrics, const struct qmac_records *records)
{
	struct watch *w = context;
	double sum = 0;

	for (int i = 0; metrics->epoch > 0 && i < records->layers * QMAC_DIRECTIONS; i++)
		if (i % QMAC_DIRECTIONS != QMAC_DIRECTION_EVAL)
			sum += (double)records->spent[i][QMAC_COUNTER_CYCLES];
	w->cycles = metrics->epoch > 0 ? sum / w->steps_seen : 0;
	return 0;
}

/* Multiplications of one image: three products a layer, but no gradient of the images. */
static double macs_of(const char *net_file, struct qmac_error *err)
{
	struct qmac_net net;
	double macs;

	if (qmac_net_load(&net, net_file, NULL, err))
		return 0;
	macs = 3 * (double)qmac_net_macs(&net);
	for (int l = 0; l < net.layer_count; l++)
		if (net.layers[l].macs > 0) {
			macs -= (double)net.layers[l].macs;
			break;
		}
	qmac_net_free(&net);
	return macs;
}

/* The network of the run with an input of another size, in a file of its own: its name, in `path`. */
static enum qmac_status write_net(const char *net_file, int size, char path[64], struct qmac_error *err)
{
	const char input[] = "height: 32, width: 32";
	char line[300];
	FILE *from = fopen(net_file, "r"), *to = NULL;
	bool found = false;
	int file;

	snprintf(path, 64, "/tmp/qmac-bench-XXXXXX");
	file = mkstemp(path);
	if (file >= 0)
		to = fdopen(file, "w");
	while (from && to && fgets(line, sizeof line, from)) {
		char *at = strstr(line, input);

		if (at)
			fprintf(to, "%.*sheight: %d, width: %d%s", (int)(at - line), line, size, size,
			        at + sizeof input - 1);
		else
			fputs(line, to);
		found |= at != NULL;
	}
	if (from)
		fclose(from);
	if (!to || fclose(to) || !found)
		return qmac_fail(err, QMAC_INTERNAL, "%s cannot be written with images of %d pixels", net_file, size);
	return QMAC_OK;
}

static enum qmac_status watch_run(const struct step_case *c, const char *threads, int steps, struct watch *w,
                                  struct qmac_error *err)
{
	char file[200], batch[20], limit[20], size[20], net_file[64] = "";
	struct qmac_setting settings[] = {
		{"epochs", "1", "--set"}, {"limit", limit, "--set"}, {"test_limit", "16", "--set"},
		{"batch", batch, "--set"}, {"accumulate", "1", "--set"}, {"speedup", "false", "--set"},
		{"threads", threads, "--set"}, {"resize", size, "--set"}, {"network", net_file, "--set"},
	};
	const int count = sizeof settings / sizeof settings[0], sized = 2; /* the last ones */
	const struct qmac_train_observer observer = {
		.on_step = on_step, .on_metrics = on_metrics, .context = w,
	};
	struct qmac_run_config config;
	struct qmac_train_result result;
	struct qmac_hw_file hw;
	enum qmac_status status;

	snprintf(batch, sizeof batch, "%d", c->batch);
	snprintf(limit, sizeof limit, "%d", c->batch * (SETTLING + steps));
	snprintf(size, sizeof size, "%d", c->image);
	snprintf(file, sizeof file, "configs/run/%s.yaml", c->run);
	status = qmac_run_config_load(&config, file, settings, count - sized, err);
	if (!status && c->image) {
		status = write_net(config.run.network, c->image, net_file, err);
		if (!status)
			status = qmac_run_config_load(&config, file, settings, count, err);
	}
	if (status)
		return status;
	w->batch = c->batch;
	w->macs = macs_of(config.run.network, err) * c->batch;
	snprintf(file, sizeof file, "configs/hw/%s.yaml", c->hw);
	status = w->macs > 0 ? qmac_hw_file_load(&hw, file, err) : QMAC_BAD_INPUT;
	w->began = measure_seconds();
	w->wall = measure_wall_seconds();
	if (!status)
		status = qmac_train(&config.run, &hw.hw, &observer, &result, err);
	if (c->image)
		remove(net_file);
	if (!status)
		qmac_trained_net_destroy(result.net);
	return status;
}

static void leave_out(const struct step_case *c, const struct qmac_error *err)
{
	printf("%-26s left out: %s\n", c->name, err->message);
}

static void measure_network(const struct step_case *c)
{
	struct watch one = {.speed = {.unit = "GMAC/s"}}, two = {.steps = {.unit = "steps/s"}};
	struct measure cycles = {.unit = "Mcycle/s"};
	char name[64];
	struct qmac_error err;

	snprintf(name, sizeof name, "step/%s", c->name);
	one.speed.name = name;
	if (watch_run(c, "1", STEPS, &one, &err)) {
		leave_out(c, &err);
		return;
	}
	measure_print(&one.speed);
	snprintf(name, sizeof name, "cycles/%s", c->name);
	cycles.name = name;
	for (int i = 0; i < one.speed.rounds; i++)
		measure_add(&cycles, one.speed.value[i] / one.macs * 1e3 * one.cycles, 0);
	measure_print(&cycles);
	if (watch_run(c, "2", STEPS, &two, &err)) {
		leave_out(c, &err);
		return;
	}
	snprintf(name, sizeof name, "cores/%s", c->name);
	two.steps.name = name;
	for (int i = 0; i < two.steps.rounds; i++)
		two.steps.reference[i] = one.steps.value[i];
	measure_print(&two.steps);
}

static void measure_size(const struct step_case *c)
{
	struct watch w = {.image = {.unit = "ms an image"}};
	struct qmac_error err;

	w.image.name = c->name;
	if (watch_run(c, "1", STEPS / 2, &w, &err))
		leave_out(c, &err);
	else
		measure_print(&w.image);
}

/* For a profiler: enough steps of one network. */
static int run_one(const char *name)
{
	struct qmac_error err;

	for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
		struct watch w = {.steps_seen = -1000};

		if (strcmp(networks[i].name, name) != 0)
			continue;
		if (!watch_run(&networks[i], "1", 2 * STEPS, &w, &err))
			return EXIT_SUCCESS;
		fprintf(stderr, "bench_step: %s\n", err.message);
		return EXIT_FAILURE;
	}
	fprintf(stderr, "bench_step: there is no case %s\n", name);
	return EXIT_FAILURE;
}

int main(int count, char **words)
{
	if (count > 1)
		return run_one(words[1]);
	puts("\nWhole training steps, one thread; sgemm beside each. cores: on two threads, beside one");
	for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
		measure_network(&networks[i]);
	printf("\nProcessor time of an image by minibatch, image, depth and array\n");
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		measure_size(&sizes[i]);
	return EXIT_SUCCESS;
}
