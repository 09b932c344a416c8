/*
 * Defaults of the run keys. Those that depend on other keys follow Figure 1 of
 * the HALP paper; its alpha of SGD, 2.5e-6, leaves w all but where it was, so
 * that the default is a thousand times as large. Those of mini-batches and of
 * logistic regression are ours, measured in docs/algorithms.md.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "config/run_table.h"

static void set_source(struct qmac_run_config *config, int key, const char *format, const char *word)
{
	char *source = config->source[key];

	snprintf(source, sizeof config->source[key], "default%s%s", format, word);
}

/* The paper's quanta at 8 and 16 bits; other widths cover the same range as 16 bits, about +-98. */
static double default_delta(int bits)
{
	return bits == 8 ? 0.7 : ldexp(0.003, 16 - bits);
}

static bool is_logistic(const struct qmac_run *run)
{
	return run->problem == QMAC_PROBLEM_LOGISTIC_REGRESSION;
}

static double default_alpha(const struct qmac_run *run)
{
	double one = run->algorithm == QMAC_SGD || run->algorithm == QMAC_LP_SGD ? 2.5e-3 : 5e-3;

	if (run->network[0])
		return 0.1;
	if (is_logistic(run))
		return fmin(0.002 * (double)run->batch, 0.1);
	return one * sqrt((double)run->batch);
}

/* HALP's box is the gradient norm / mu. A finer grid can afford a wider one. */
static double default_mu(const struct qmac_run *run)
{
	if (is_logistic(run))
		return run->bits <= 8 ? 0.3 : 0.1;
	return run->batch == 1 ? 3 : 1;
}

/* HALP's residuals shrink with its grid; those of the others fall below a coarse m'. */
static int default_mp_bits(const struct qmac_run *run)
{
	if (is_logistic(run))
		return run->algorithm == QMAC_HALP ? 8 : 16;
	if (run->batch == 1)
		return 32;
	return run->algorithm == QMAC_LP_SGD || run->algorithm == QMAC_LP_SVRG ? 24 : 8;
}

/* Two passes over the data, as the paper has it; 0 says so where their size is not known yet. */
static int64_t default_inner_steps(const struct qmac_run *run)
{
	int64_t steps = 2 * run->samples / run->batch;

	if (run->network[0] || !qmac_data_is_generated(run->data) || run->data == QMAC_DATA_QUADRATIC ||
	    run->test_fraction > 0)
		return 0;
	return steps > 1 ? steps : 1;
}

/* What describes a generated problem. A step of a quadratic takes one term, all of its rows. */
static void set_problem_defaults(struct qmac_run_config *config, const bool given[QMAC_RUN_KEYS])
{
	struct qmac_run *run = &config->run;
	bool quadratic = run->data == QMAC_DATA_QUADRATIC, few = run->features < 10;
	char number[32];

	if (!given[QMAC_KEY_test_fraction]) {
		bool generated = qmac_data_is_generated(run->data);
		bool apart = !generated && !qmac_data_is_images(run->data) && run->test_file[0];

		run->test_fraction = generated || apart ? 0 : 0.2;
		set_source(config, QMAC_KEY_test_fraction, "", generated ? "" : apart ? " with test_file" :
		           " for files");
	}
	if (!given[QMAC_KEY_informative]) {
		run->informative = few ? run->features : 10;
		snprintf(number, sizeof number, "%" PRId64, run->features);
		set_source(config, QMAC_KEY_informative, few ? " for features " : "", few ? number : "");
	}
	if (!given[QMAC_KEY_kappa]) {
		run->kappa = quadratic ? 4.0 / 3 : 10;
		set_source(config, QMAC_KEY_kappa, "", quadratic ? " for quadratic" : "");
	}
	if (!given[QMAC_KEY_batch]) {
		run->batch = run->network[0] ? 256 : quadratic ? run->features : 1;
		set_source(config, QMAC_KEY_batch, "", run->network[0] ? " for networks" :
		           quadratic ? " for quadratic: features" : "");
	}
}

/* What depends on the algorithm and, beyond one sample a step, on the batch. */
static void set_batch_defaults(struct qmac_run_config *config, const bool given[QMAC_RUN_KEYS])
{
	struct qmac_run *run = &config->run;
	char batched[64] = "";

	if (run->network[0])
		strcpy(batched, "networks");
	else if (run->batch > 1)
		snprintf(batched, sizeof batched, "%s, batch %" PRId64, qmac_algorithm_name(run->algorithm),
		         run->batch);
	if (!given[QMAC_KEY_alpha]) {
		run->alpha = default_alpha(run);
		set_source(config, QMAC_KEY_alpha, " for ",
		           batched[0] ? batched : qmac_algorithm_name(run->algorithm));
	}
	if (!given[QMAC_KEY_mp_bits]) {
		run->mp_bits = default_mp_bits(run);
		set_source(config, QMAC_KEY_mp_bits, batched[0] ? " for " : "", batched);
	}
	if (!given[QMAC_KEY_mu]) {
		run->mu = default_mu(run);
		set_source(config, QMAC_KEY_mu, batched[0] ? " for " : "", batched);
	}
}

/*
 * Fraction bits and regulariser. The grid of LP-SGD never shrinks: with fewer bits tiny steps
 * round to 0 before the stochastic rounding; so does the L2 term of a logistic regression. A quantum of
 * more than 16 bits is so fine that 8 bits below it do, and more would not fit the accumulators.
 */
static void set_step_defaults(struct qmac_run_config *config, const bool given[QMAC_RUN_KEYS])
{
	struct qmac_run *run = &config->run;
	const char *problem = is_logistic(run) ? "logistic_regression" : "";
	const char *reason = run->algorithm == QMAC_LP_SGD && !problem[0] ? "lp_sgd" : problem;

	if (run->bits > 16)
		reason = "";
	if (!given[QMAC_KEY_frac_bits]) {
		run->frac_bits = reason[0] ? 16 : 8;
		set_source(config, QMAC_KEY_frac_bits, reason[0] ? " for " : "", reason);
	}
	if (!given[QMAC_KEY_lambda]) {
		run->lambda = is_logistic(run) ? 0.01 : 0;
		set_source(config, QMAC_KEY_lambda, problem[0] ? " for " : "", problem);
	}
}

/* AdaPT looks at the directions of gradients, and its loss at the codes. */
static void set_network_defaults(struct qmac_run_config *config, const bool given[QMAC_RUN_KEYS])
{
	struct qmac_run *run = &config->run;
	bool adapts = run->precision_policy == QMAC_POLICY_ADAPT;

	if (!given[QMAC_KEY_normalise]) {
		run->normalise = adapts;
		set_source(config, QMAC_KEY_normalise, adapts ? ": adapt" : "", "");
	}
	if (!given[QMAC_KEY_precision_l1_of]) {
		run->precision_l1_of = adapts ? QMAC_L1_OF_CODES : QMAC_L1_OF_MASTERS;
		set_source(config, QMAC_KEY_precision_l1_of, adapts ? ": adapt" : "", "");
	}
}

static void set_plain(struct qmac_run_config *config, int key)
{
	const struct qmac_key *row = &qmac_run_keys[key];
	struct qmac_error err;
	enum qmac_status status = qmac_key_set(row, &config->run, row->fallback, &err);

	assert(status == QMAC_OK);
	(void)status;
	set_source(config, key, "", "");
}

void qmac_run_defaults(struct qmac_run_config *config, const bool given[QMAC_RUN_KEYS])
{
	struct qmac_run *run = &config->run;
	char number[32];

	for (int key = 0; key < QMAC_RUN_KEYS; key++)
		if (!given[key] && qmac_run_keys[key].fallback)
			set_plain(config, key);
	set_problem_defaults(config, given);
	set_batch_defaults(config, given);
	set_step_defaults(config, given);
	set_network_defaults(config, given);
	if (!given[QMAC_KEY_delta]) {
		run->delta = is_logistic(run) ? ldexp(1, -run->bits) : default_delta(run->bits);
		snprintf(number, sizeof number, "%d", run->bits);
		set_source(config, QMAC_KEY_delta, " for bits ", number);
	}
	if (!given[QMAC_KEY_inner_steps]) {
		run->inner_steps = default_inner_steps(run);
		set_source(config, QMAC_KEY_inner_steps, run->inner_steps ? ": 2 * samples / batch" :
		           run->network[0] ? ": one pass over the training part" :
		           ": two passes over the training part", "");
	}
}
