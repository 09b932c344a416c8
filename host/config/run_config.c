#define _POSIX_C_SOURCE 200809L
#include "config/run_config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "config/data_file.h"
#include "config/layer_formats.h"
#include "config/milestones.h"
#include "config/run_table.h"
#include "config/text.h"
#include "config/yaml.h"
#include "kernel/kernel.h"

struct loader {
	struct qmac_run_config *config;
	struct qmac_yaml yaml; /* root NULL where there is no file */
	const struct qmac_setting *settings;
	/* Where a key's value comes from: the last setting, else a node of the file, else neither (default). */
	const struct qmac_yaml_node *nodes[QMAC_RUN_KEYS];
	int setting[QMAC_RUN_KEYS]; /* index from 1; 0: none */
	const char *data_dir;  /* NULL where not given */
	int culprit;           /* index of the setting to blame, or -1 */
	struct qmac_error *err;
};

/* ---- reading ------------------------------------------------------------------ */

static enum qmac_status read_file(struct loader *l)
{
	enum qmac_status status = qmac_key_table_read(&qmac_run_table, &l->yaml, &l->config->run, l->nodes,
	                                              l->err);

	for (int key = 0; !status && key < QMAC_RUN_KEYS; key++)
		if (l->nodes[key])
			snprintf(l->config->source[key], sizeof l->config->source[key], "%.120s:%d", l->yaml.file,
			         l->nodes[key]->key_line);
	return status;
}

/*
 * A key that the command line sets twice is one too many, as in a file. What a sweep file or a command has
 * to say of it itself is not of the command line.
 */
static enum qmac_status check_once(const struct loader *l, int key, const struct qmac_setting *again)
{
	const struct qmac_setting *first = l->setting[key] ? &l->settings[l->setting[key] - 1] : NULL;

	if (!first || strncmp(first->option, "--", 2) != 0 || strncmp(again->option, "--", 2) != 0)
		return QMAC_OK;
	return qmac_fail(l->err, QMAC_BAD_INPUT, "%s has set this key already, to %.60s: leave one out",
	                 first->option, first->value ? first->value : "");
}

static enum qmac_status read_settings(struct loader *l, int count)
{
	for (int i = 0; i < count; i++) {
		const struct qmac_setting *s = &l->settings[i];
		const char *name = s->key ? s->key : "";
		int key = qmac_key_table_find(&qmac_run_table, name);

		l->culprit = i;
		if (strcmp(s->option, "--data-dir") == 0) {
			l->data_dir = s->value;
			continue;
		}
		if (!name[0])
			return qmac_fail(l->err, QMAC_BAD_INPUT, "no key given; write key=value");
		if (key < 0)
			return qmac_key_table_unknown(&qmac_run_table, name, "", l->err);
		if (qmac_key_set(&qmac_run_keys[key], &l->config->run, s->value ? s->value : "", l->err))
			return QMAC_BAD_INPUT;
		if (check_once(l, key, s))
			return QMAC_BAD_INPUT;
		l->setting[key] = i + 1;
		snprintf(l->config->source[key], sizeof l->config->source[key], "%.120s", s->option);
	}
	l->culprit = -1;
	return QMAC_OK;
}

/* ---- rules between keys ------------------------------------------------------- */

static bool is_given(const struct loader *l, int key)
{
	return l->nodes[key] || l->setting[key];
}

/*
 * Gives the message in err the place of the key to blame: of the two, the one that was set last
 * (setting, then file), since defaults agree with one another.
 */
static enum qmac_status blame(struct loader *l, int key, int other)
{
	bool newer = l->setting[other] > l->setting[key] || (!is_given(l, key) && l->nodes[other]);
	int guilty = newer ? other : key;
	char name[QMAC_KEY_NAME_SIZE];

	if (l->setting[guilty]) {
		l->culprit = l->setting[guilty] - 1;
		return QMAC_BAD_INPUT;
	}
	qmac_text_blame(qmac_key_name(&qmac_run_keys[guilty], name), l->err);
	return l->nodes[guilty] ? qmac_yaml_blame(&l->yaml, l->nodes[guilty], l->err) : QMAC_BAD_INPUT;
}

/* A rule between these keys is broken. */
__attribute__((format(printf, 4, 5)))
static enum qmac_status refuse(struct loader *l, int key, int other, const char *format, ...)
{
	char message[2 * QMAC_PATH_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	(void)qmac_fail(l->err, QMAC_BAD_INPUT, "%s", message);
	return blame(l, key, other);
}

/* The rules of the generated problems with a condition number. */
static enum qmac_status check_kappa(struct loader *l)
{
	const struct qmac_run *run = &l->config->run;
	bool quadratic = run->data == QMAC_DATA_QUADRATIC;
	/* curvatures of the features fall by so much; 4/3 itself may have been written with few digits */
	double least = quadratic ? 1.333 : 1, most = quadratic ? 1.334 : 1;

	if (run->kappa < least || run->kappa > 1e6)
		return refuse(l, QMAC_KEY_kappa, QMAC_KEY_data, "%g is out of range; %s wants %s..1e6", run->kappa,
		              quadratic ? "quadratic" : "conditioned", quadratic ? "4/3" : "1");
	if (run->features == 1 && run->kappa > most)
		return refuse(l, QMAC_KEY_kappa, QMAC_KEY_features,
		              "one feature has no condition number of %g: raise features", run->kappa);
	if (quadratic && run->batch % run->features)
		return refuse(l, QMAC_KEY_batch, QMAC_KEY_features, "batch = %" PRId64
		              " is no multiple of features = %" PRId64
		              ": a term of a quadratic has a row for each feature", run->batch, run->features);
	if (!quadratic && run->samples < run->features)
		return refuse(l, QMAC_KEY_samples, QMAC_KEY_features, "samples = %" PRId64
		              " is less than features = %" PRId64
		              ": the features of conditioned data are independent", run->samples, run->features);
	return QMAC_OK;
}

static enum qmac_status check_generated(struct loader *l)
{
	const struct qmac_run *run = &l->config->run;
	bool quadratic = run->data == QMAC_DATA_QUADRATIC;

	if (run->informative > run->features)
		return refuse(l, QMAC_KEY_informative, QMAC_KEY_features,
		              "informative = %" PRId64 " is more than features = %" PRId64, run->informative,
		              run->features);
	if (run->samples * run->features > (INT64_C(1) << 31) / (quadratic ? run->features : 1))
		return refuse(l, QMAC_KEY_samples, QMAC_KEY_features,
		              "samples * features = %" PRId64 "%s is more than 2^31", run->samples * run->features,
		              quadratic ? ", times features again," : "");
	return run->data == QMAC_DATA_MAKE_REGRESSION ? QMAC_OK : check_kappa(l);
}

static enum qmac_status check_sizes(struct loader *l)
{
	const struct qmac_run *run = &l->config->run;

	if (run->test_fraction > 0.9)
		return refuse(l, QMAC_KEY_test_fraction, QMAC_KEY_test_fraction, "%g is out of range 0..0.9",
		              run->test_fraction);
	if (run->epochs * run->inner_steps > UINT32_MAX)
		return refuse(l, QMAC_KEY_epochs,
		              is_given(l, QMAC_KEY_inner_steps) ? QMAC_KEY_inner_steps : QMAC_KEY_samples,
		              "epochs * inner_steps = %" PRId64 " is more than 2^32 - 1: step numbers have 32 bits",
		              run->epochs * run->inner_steps);
	if (run->inner_steps > 0 && run->batch > (INT64_C(1) << 31) / run->inner_steps)
		return refuse(l, QMAC_KEY_batch, QMAC_KEY_inner_steps,
		              "batch * inner_steps = %" PRId64 " * %" PRId64 " is more than 2^31 samples an epoch",
		              run->batch, run->inner_steps);
	return QMAC_OK;
}

/* What AdaPT is told of formats, lookbacks and bins fits together. */
static enum qmac_status check_adapt(struct loader *l)
{
	const struct qmac_run *run = &l->config->run;

	if (!run->normalise)
		return refuse(l, QMAC_KEY_normalise, QMAC_KEY_precision_policy,
		              "adapt goes by the directions of gradients: it must be true");
	if (run->precision_bw > run->precision_bw_max)
		return refuse(l, QMAC_KEY_precision_bw, QMAC_KEY_precision_bw_max,
		              "%d is out of range; at most precision.bw_max = %d", run->precision_bw,
		              run->precision_bw_max);
	if (run->precision_buffer_bits >= run->precision_bw_max)
		return refuse(l, QMAC_KEY_precision_buffer_bits, QMAC_KEY_precision_bw_max,
		              "%d is out of range; below precision.bw_max = %d", run->precision_buffer_bits,
		              run->precision_bw_max);
	if (run->precision_lookback_momentum > 1)
		return refuse(l, QMAC_KEY_precision_lookback_momentum, QMAC_KEY_precision_lookback_momentum,
		              "%g is out of range; at most 1", run->precision_lookback_momentum);
	if (run->precision_resolution_low > run->precision_resolution_high)
		return refuse(l, QMAC_KEY_precision_resolution_low, QMAC_KEY_precision_resolution_high,
		              "%d is out of range; at most precision.resolution_high = %d",
		              run->precision_resolution_low, run->precision_resolution_high);
	return QMAC_OK;
}

static enum qmac_status check_muppet(struct loader *l)
{
	enum { LEVELS = 16, BITS_MAX = 16 };
	const struct qmac_run *run = &l->config->run;
	int levels[LEVELS], count;

	if (qmac_milestones_read(run->precision_levels, levels, LEVELS, &count, l->err))
		return blame(l, QMAC_KEY_precision_levels, QMAC_KEY_precision_levels);
	if (count < 1 || levels[0] < 4 || levels[count - 1] > BITS_MAX)
		return refuse(l, QMAC_KEY_precision_levels, QMAC_KEY_precision_levels,
		              "'%s' is no list of widths from 4 to %d", run->precision_levels, BITS_MAX);
	if (run->precision_float_factor >= 1)
		return refuse(l, QMAC_KEY_precision_float_factor, QMAC_KEY_precision_float_factor,
		              "%g is out of range; below 1", run->precision_float_factor);
	return QMAC_OK;
}

/* The device updates masters as they come: it knows no norms, and no signs. */
static enum qmac_status check_update(struct loader *l)
{
	const struct qmac_run *run = &l->config->run;
	int key = run->precision_policy != QMAC_POLICY_FIXED ? QMAC_KEY_precision_policy :
	          run->normalise ? QMAC_KEY_normalise : run->l1 > 0 ? QMAC_KEY_l1 :
	          run->precision_grad_quant != QMAC_GRAD_QUANT_EXACT ? QMAC_KEY_precision_grad_quant : -1;

	return run->update == QMAC_UPDATE_HOST || key < 0 ? QMAC_OK :
	       refuse(l, key, QMAC_KEY_update, "update: device wants precision.policy fixed, normalise false, "
	              "l1 0 and precision.grad_quant exact");
}

static enum qmac_status check_precision(struct loader *l)
{
	const struct qmac_run *run = &l->config->run;
	int bw, fl;

	if (!run->network[0] || run->precision_policy == QMAC_POLICY_FLOAT)
		return QMAC_OK;
	if (check_update(l))
		return QMAC_BAD_INPUT;
	if (run->precision_dy_bits == 1)
		return refuse(l, QMAC_KEY_precision_dy_bits, QMAC_KEY_precision_dy_bits,
		              "1 is out of range; 2..16, or 0 for what suits the network");
	if (qmac_bare_format_read(run->precision_statistics, &bw, &fl, l->err))
		return blame(l, QMAC_KEY_precision_statistics, QMAC_KEY_precision_statistics);
	if (run->precision_policy == QMAC_POLICY_FIXED && qmac_layer_formats_check(run->precision_layers, l->err))
		return blame(l, QMAC_KEY_precision_layers, QMAC_KEY_precision_layers);
	if (run->precision_policy == QMAC_POLICY_MUPPET)
		return check_muppet(l);
	return run->precision_policy == QMAC_POLICY_ADAPT ? check_adapt(l) : QMAC_OK;
}

static enum qmac_status check_available(struct loader *l)
{
	const struct qmac_run *run = &l->config->run;
	const struct qmac_kernel *kernel;

	if (check_precision(l))
		return QMAC_BAD_INPUT;
	if (run->lambda > 0 && run->problem == QMAC_PROBLEM_LINEAR_REGRESSION)
		return refuse(l, QMAC_KEY_lambda, QMAC_KEY_problem, "%g is not available yet for %s; use 0",
		              run->lambda, qmac_problem_name(run->problem));
	if (qmac_kernel_find(run->kernel, &kernel, l->err))
		return blame(l, QMAC_KEY_kernel, QMAC_KEY_kernel);
	return QMAC_OK;
}

static enum qmac_status check_network(struct loader *l)
{
	enum { MILESTONES = 16 };
	const struct qmac_run *run = &l->config->run;
	static const int shares[] = {QMAC_KEY_momentum, QMAC_KEY_schedule_factor, QMAC_KEY_schedule_threshold,
	                             QMAC_KEY_target_accuracy};
	const double values[] = {run->momentum, run->schedule_factor, run->schedule_threshold,
	                         run->target_accuracy};
	int epochs[MILESTONES], count;

	if (!run->network[0])
		return QMAC_OK;
	if (!qmac_data_is_images(run->data))
		return refuse(l, QMAC_KEY_data, QMAC_KEY_network,
		              "a network is trained on images: set data to mnist, cifar10 or another set of them");
	for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
		if (values[i] >= 1)
			return refuse(l, shares[i], shares[i], "%g is out of range; below 1", values[i]);
	if (qmac_milestones_read(run->schedule_milestones, epochs, MILESTONES, &count, l->err))
		return blame(l, QMAC_KEY_schedule_milestones, QMAC_KEY_schedule_milestones);
	if (access(run->network, R_OK))
		return refuse(l, QMAC_KEY_network, QMAC_KEY_network, "cannot open '%s': %s", run->network,
		              strerror(errno));
	return QMAC_OK;
}

static enum qmac_status check_hw(struct loader *l)
{
	const char *hw = l->config->run.hw;

	if (!hw[0]) {
		(void)qmac_fail(l->err, QMAC_BAD_INPUT,
		                "hw: missing; name a hardware file, e.g. hw: configs/hw/16x16_w8.yaml");
		return l->yaml.root ? qmac_yaml_blame(&l->yaml, l->yaml.root, l->err) : QMAC_BAD_INPUT;
	}
	if (access(hw, R_OK) == 0)
		return QMAC_OK;
	return refuse(l, QMAC_KEY_hw, QMAC_KEY_hw, "cannot open '%s': %s", hw, strerror(errno));
}

static enum qmac_status check_table(struct loader *l, int key, const char *file)
{
	if (!file[0] || access(file, R_OK) == 0)
		return QMAC_OK;
	return refuse(l, key, key, "cannot open '%s': %s", file, strerror(errno));
}

/* What the user wrote; the run has it as seen from the run file. */
static const char *given_text(const struct loader *l, int key)
{
	return l->setting[key] ? l->settings[l->setting[key] - 1].value : l->nodes[key]->text;
}

/* Puts the place where the file of `key` was found into the run. */
static enum qmac_status find_file(struct loader *l, int key, char *path)
{
	char found[QMAC_PATH_MAX];

	if (qmac_data_file_find(found, sizeof found, path, given_text(l, key), l->data_dir, l->err))
		return blame(l, key, key);
	strcpy(path, found);
	return QMAC_OK;
}

static enum qmac_status check_files(struct loader *l)
{
	struct qmac_run *run = &l->config->run;
	enum qmac_status status;

	if (!run->file[0])
		return refuse(l, QMAC_KEY_data, QMAC_KEY_data,
		              "data from a file, but no file given; name one, e.g. file: houses.csv");
	status = find_file(l, QMAC_KEY_file, run->file);
	if (status || !run->test_file[0] || qmac_data_is_images(run->data))
		return status;
	if (run->test_fraction > 0)
		return refuse(l, QMAC_KEY_test_fraction, QMAC_KEY_test_file,
		              "test_fraction = %g wants a share of the file for testing, but test_file is the whole"
		              " test part; give one of the two (test_fraction: 0 is none)", run->test_fraction);
	return find_file(l, QMAC_KEY_test_file, run->test_file);
}

/* The folder of a well-known data set, unless the user named one. */
static enum qmac_status find_images(struct loader *l)
{
	struct qmac_run *run = &l->config->run;

	if (qmac_data_set_find(run->file, sizeof run->file, run->data, l->data_dir, l->err))
		return blame(l, QMAC_KEY_data, QMAC_KEY_data);
	snprintf(l->config->source[QMAC_KEY_file], sizeof l->config->source[QMAC_KEY_file], "default for %s",
	         qmac_data_name(run->data));
	return QMAC_OK;
}

static enum qmac_status check_data(struct loader *l)
{
	const struct qmac_run *run = &l->config->run;
	bool logistic = run->problem == QMAC_PROBLEM_LOGISTIC_REGRESSION;

	if (run->network[0])
		logistic = qmac_data_is_images(run->data); /* the problem is what the data are */
	if (qmac_data_is_generated(run->data) ? logistic : !logistic && qmac_data_is_images(run->data))
		return refuse(l, QMAC_KEY_data, QMAC_KEY_problem, "%s", logistic ?
		              "logistic_regression wants data with classes: set data to mnist, fashion_mnist, csv or"
		              " libsvm" : "images have classes: set problem to logistic_regression");
	if (qmac_data_is_generated(run->data))
		return check_generated(l);
	return qmac_data_is_images(run->data) && !run->file[0] ? find_images(l) : check_files(l);
}

static enum qmac_status check_rules(struct loader *l)
{
	enum qmac_status status = check_available(l);

	if (!status)
		status = check_network(l);
	if (!status)
		status = check_data(l);
	if (!status)
		status = check_sizes(l);
	if (!status)
		status = check_hw(l);
	if (!status)
		status = check_table(l, QMAC_KEY_energy, qmac_run_energy(&l->config->run));
	if (!status)
		status = check_table(l, QMAC_KEY_area, qmac_run_area(&l->config->run));
	return status;
}

/* ---- the whole ---------------------------------------------------------------- */

static enum qmac_status load(struct loader *l, int setting_count)
{
	bool given[QMAC_RUN_KEYS];
	enum qmac_status status = QMAC_OK;

	if (l->yaml.root)
		status = read_file(l);
	if (!status)
		status = read_settings(l, setting_count);
	if (status)
		return status;
	for (int key = 0; key < QMAC_RUN_KEYS; key++)
		given[key] = is_given(l, key);
	qmac_run_defaults(l->config, given);
	return check_rules(l);
}

enum qmac_status qmac_run_config_read(struct qmac_run_config *config, const char *file,
                                      const struct qmac_setting *settings, int setting_count,
                                      int *culprit, struct qmac_error *err)
{
	struct loader l = {.config = config, .settings = settings, .culprit = -1, .err = err};
	enum qmac_status status;

	*culprit = -1;
	memset(config, 0, sizeof *config);
	if (file) {
		if (strlen(file) >= sizeof config->file)
			return qmac_fail(err, QMAC_BAD_INPUT, "the path of the run file is longer than %d bytes",
			                 QMAC_PATH_MAX - 1);
		strcpy(config->file, file);
		status = qmac_yaml_load(&l.yaml, file, err);
		if (status)
			return status;
	}
	status = load(&l, setting_count);
	*culprit = l.culprit;
	qmac_yaml_free(&l.yaml);
	return status;
}

enum qmac_status qmac_run_config_load(struct qmac_run_config *config, const char *file,
                                      const struct qmac_setting *settings, int setting_count,
                                      struct qmac_error *err)
{
	struct qmac_error bare;
	int culprit;
	enum qmac_status status = qmac_run_config_read(config, file, settings, setting_count, &culprit, &bare);

	if (!status || !err)
		return status;
	*err = bare;
	if (culprit >= 0) {
		const struct qmac_setting *s = &settings[culprit];
		bool set = strcmp(s->option, "--set") == 0;

		(void)qmac_fail(err, status, "%s %.60s%s%.60s: %.600s", s->option, set && s->key ? s->key : "",
		                set ? "=" : "", s->value ? s->value : "", bare.message);
	}
	return status;
}
