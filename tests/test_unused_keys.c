/*
 * Keys that a run does not look at change nothing: for every algorithm, and for HALP every kind of data that
 * needs no file, each such key is given other legal values; weights and cycles stay as they are.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "run_files.h"
#include "config/text.h"
#include "shipped_hw.h"
#include "run/train.h"

enum { SETTINGS = 9 };

/* Of a small run; the last is the one that changes nothing. */
static struct qmac_train_result train(const char *algorithm, const char *data, const char *key,
                                       const char *value)
{
	bool quadratic = strcmp(data, "quadratic") == 0;
	const struct qmac_setting settings[SETTINGS + 1] = {
		hw_setting,
		{"algorithm", algorithm, "--set"}, {"data", data, "--set"}, {"samples", "12", "--set"},
		{"features", "4", "--set"}, {"epochs", "2", "--set"}, {"inner_steps", "9", "--set"},
		{"seed", "3", "--set"}, {"batch", quadratic ? "4" : "2", "--set"}, {key, value, "--set"},
	};
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_train_result result = {0};
	struct qmac_run_config config;
	struct qmac_error err;

	if (qmac_run_config_load(&config, NULL, settings, SETTINGS + (key != NULL), &err) ||
	    qmac_train(&config.run, &hw, NULL, &result, &err)) {
		printf("\n    %s=%s: %s\n", key ? key : "", key ? value : "", err.message);
		CU_FAIL_FATAL("train");
	}
	CU_ASSERT(!key || qmac_run_ignores(&config.run, key));
	return result;
}

/* Values of a key, two of them at least other than any default. */
static const char *value_of(const struct qmac_key *key, int i, char text[32])
{
	size_t length;

	switch (key->kind) {
	case QMAC_KIND_INT:
		snprintf(text, 32, "%lld", (long long)(i ? key->high < 1000 ? key->high : key->low + 77 : key->low));
		return text;
	case QMAC_KIND_BOOL:
		return i ? "true" : "false";
	case QMAC_KIND_REAL:
	case QMAC_KIND_POSITIVE:
		/* test_fraction goes up to 0.9 */
		return i ? strcmp(key->name, "test_fraction") == 0 ? "0.75" : "3.5" : "0.125";
	case QMAC_KIND_CHOICE:
	case QMAC_KIND_WORD: {
		const char *word = qmac_words_at(key->words, i, &length);

		snprintf(text, 32, "%.*s", (int)length, word);
		return text;
	}
	case QMAC_KIND_NAME: /* the kernel */
		return i ? "scalar" : "auto";
	default:
		return i ? "nowhere" : "other";
	}
}

static void check_same(const struct qmac_train_result *a, const struct qmac_train_result *b, const char *key)
{
	bool same = a->weight_count == b->weight_count &&
	            memcmp(a->weights, b->weights, (size_t)a->weight_count * sizeof(double)) == 0 &&
	            memcmp(a->last.counters, b->last.counters, sizeof a->last.counters) == 0 &&
	            a->last.host_flops == b->last.host_flops;

	if (!same)
		printf("\n    %s changes the run\n", key);
	CU_ASSERT(same);
}

static void test_unused(void)
{
	static const char *const algorithms[] = {"sgd", "svrg", "lp_sgd", "lp_svrg", "halp"};
	static const char *const data[] = {"make_regression", "conditioned", "quadratic"};
	static const enum qmac_data kinds[] = {QMAC_DATA_MAKE_REGRESSION, QMAC_DATA_CONDITIONED,
	                                        QMAC_DATA_QUADRATIC};
	struct qmac_run run = {0};
	char name[QMAC_KEY_NAME_SIZE], text[32];
	int tried = 0;

	for (int a = 0; a < TEST_COUNT(algorithms); a++)
		for (int d = 0; d < (a == QMAC_HALP ? TEST_COUNT(data) : 1); d++) {
			struct qmac_train_result plain = train(algorithms[a], data[d], NULL, NULL);

			run.algorithm = (enum qmac_algorithm)a;
			run.data = kinds[d];
			for (int key = 0; key < QMAC_RUN_KEYS; key++) {
				qmac_key_name(&qmac_run_keys[key], name);
				for (int i = 0; qmac_run_ignores(&run, name) && i < 2; i++) {
					struct qmac_train_result other = train(algorithms[a], data[d], name,
					                                       value_of(&qmac_run_keys[key], i, text));

					check_same(&plain, &other, name);
					free(other.weights);
					tried++;
				}
			}
			free(plain.weights);
		}
	CU_ASSERT(tried > 100);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"keys that are not used change nothing", test_unused},
	};

	return test_main("test_unused_keys", cases, TEST_COUNT(cases));
}
