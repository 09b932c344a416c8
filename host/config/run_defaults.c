/*
 * Defaults of the run keys. Those that depend on other keys follow Figure 1 of
 * the HALP paper; its alpha of SGD, 2.5e-6, leaves w all but where it was, so
 * that the default is a thousand times as large.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>

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

static double default_alpha(enum qmac_algorithm algorithm)
{
	return algorithm == QMAC_SGD || algorithm == QMAC_LP_SGD ? 2.5e-3 : 5e-3;
}

/* Two passes over the data, as the paper has it. */
static int64_t default_inner_steps(const struct qmac_run *run)
{
	int64_t steps = 2 * run->samples / run->batch;

	return steps > 1 ? steps : 1;
}

static void set_plain(struct qmac_run_config *config, int key)
{
	const struct qmac_run_key *row = &qmac_run_keys[key];
	struct qmac_error err;
	enum qmac_status status = qmac_run_set(&config->run, row, row->fallback, &err);

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
	if (!given[QMAC_KEY_informative]) {
		run->informative = run->features < 10 ? run->features : 10;
		snprintf(number, sizeof number, "%" PRId64, run->features);
		set_source(config, QMAC_KEY_informative, run->features < 10 ? " for features " : "",
		           run->features < 10 ? number : "");
	}
	if (!given[QMAC_KEY_alpha]) {
		run->alpha = default_alpha(run->algorithm);
		set_source(config, QMAC_KEY_alpha, " for ", qmac_algorithm_name(run->algorithm));
	}
	if (!given[QMAC_KEY_frac_bits] && run->algorithm == QMAC_LP_SGD) {
		/* Its grid never shrinks: with fewer bits tiny steps round to 0 before the stochastic rounding. */
		run->frac_bits = 16;
		set_source(config, QMAC_KEY_frac_bits, " for ", "lp_sgd");
	}
	if (!given[QMAC_KEY_delta]) {
		run->delta = default_delta(run->bits);
		snprintf(number, sizeof number, "%d", run->bits);
		set_source(config, QMAC_KEY_delta, " for bits ", number);
	}
	if (!given[QMAC_KEY_inner_steps]) {
		run->inner_steps = default_inner_steps(run);
		set_source(config, QMAC_KEY_inner_steps, ": 2 * samples / batch", "");
	}
}
