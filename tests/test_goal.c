/*
 * What runs took to reach a goal: goals as they are written, and result folders that are written here, whose
 * first rows, cycles and joules are known.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/goal.h"
#include "test.h"

/* ---- as they are written ---------------------------------------------------------------------- */

static void test_read(void)
{
	struct qmac_goal goal;

	CU_ASSERT_EQUAL_FATAL(qmac_goal_read("grad_norm=1, 1e-6,0.25", &goal, NULL), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(goal.figure->name, "grad_norm");
	CU_ASSERT_EQUAL_FATAL(goal.count, 3);
	CU_ASSERT(goal.values[0] == 1 && goal.values[1] == 1e-6 && goal.values[2] == 0.25);
	CU_ASSERT_EQUAL_FATAL(qmac_goal_read("test_accuracy=0.98", &goal, NULL), QMAC_OK);
	CU_ASSERT(goal.count == 1 && goal.values[0] == 0.98);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{"", "such as test_accuracy=0.97,0.98, not ''"},
		{"grad_norm", "a goal is FIGURE=VALUE[,VALUE]..."},
		{"grad_nrom=1", "unknown figure 'grad_nrom'; did you mean 'grad_norm'?"},
		{"cycles=1", "unknown figure 'cycles'"},
		{"=1", "unknown figure ''"},
		{"grad_norm=", "number"},
		{"grad_norm=1,", "number"},
		{"grad_norm=1,,2", "number"},
		{"grad_norm=one", "number"},
		{"grad_norm=1=2", "number"},
		{"grad_norm=nan", "number"},
		{"grad_norm=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "at most 16 values"},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_goal goal;
		struct qmac_error err;

		test_refusal(qmac_goal_read(cases[i].text, &goal, &err), &err, cases[i].part);
	}
}

/* ---- what it took ----------------------------------------------------------------------------- */

/* A folder of results, as far as goals look at it. */
static struct qmac_stored stored_of(const char *name, const char *summary, const char *metrics)
{
	struct qmac_stored stored;
	struct qmac_error err;
	char path[200];

	(void)mkdir(test_path(name), 0777);
	snprintf(path, sizeof path, "%s/summary.json", name);
	test_write(path, summary);
	snprintf(path, sizeof path, "%s/metrics.csv", name);
	test_write(path, metrics);
	if (qmac_stored_read(test_path(name), &stored, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("the folder must be read");
	}
	return stored;
}

static const char device_summary[] = "{\"headline\": \"test_accuracy\", \"cycles\": 500}\n";
/* Comes to 0.75 in epoch 2, falls, and comes to more; epoch 3 has no test. */
static const char device_metrics[] =
	"epoch,step,grad_norm,test_accuracy,cycles,energy_j,energy_low_j,energy_high_j\n"
	"0,0,,0.125,20,0.5,0.25,1\n"
	"1,10,8,0.5,100,1,0.5,2\n"
	"2,20,0.5,0.75,200,3,1.5,6\n"
	"3,30,2,,300,4,2,8\n"
	"4,40,0.25,0.625,400,5,2.5,10\n"
	"5,50,0.125,0.875,500,7,3.5,14\n";

static void check_cost(const struct qmac_goal_cost *cost, int64_t epoch, double cycles, double low,
                       double nominal, double high)
{
	CU_ASSERT_EQUAL(cost->epoch, epoch);
	CU_ASSERT_EQUAL(cost->cycles, cycles);
	CU_ASSERT(cost->joules.low == low && cost->joules.nominal == nominal && cost->joules.high == high);
	CU_ASSERT(cost->joules.low <= cost->joules.nominal && cost->joules.nominal <= cost->joules.high);
}

static void test_first(void)
{
	struct qmac_stored stored = stored_of("device", device_summary, device_metrics);
	static const struct {
		const char *figure;
		double value;
		int64_t epoch;
		double cycles, nominal;
	} cases[] = {
		{"test_accuracy", 0.125, 0, 20, 0.5}, {"test_accuracy", 0.126, 1, 100, 1},
		{"test_accuracy", 0.75, 2, 200, 3},   {"test_accuracy", 0.7, 2, 200, 3},
		{"test_accuracy", 0.76, 5, 500, 7},   {"grad_norm", 8, 1, 100, 1},
		{"grad_norm", 0.5, 2, 200, 3},        {"grad_norm", 0.4, 4, 400, 5},
		{"grad_norm", 0.125, 5, 500, 7},
	};
	struct qmac_goal_cost cost;

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		cost = qmac_goal_find(&stored, qmac_figure_find(cases[i].figure), cases[i].value);
		check_cost(&cost, cases[i].epoch, cases[i].cycles, cases[i].nominal / 2, cases[i].nominal,
		           2 * cases[i].nominal);
		CU_ASSERT(!cost.in_32_bits);
	}
	cost = qmac_goal_find(&stored, qmac_figure_find("test_accuracy"), 0.876);
	CU_ASSERT(cost.epoch == -1 && isnan(cost.cycles) && isnan(cost.joules.nominal));
	cost = qmac_goal_find(&stored, qmac_figure_find("grad_norm"), 0.124);
	CU_ASSERT_EQUAL(cost.epoch, -1);
	cost = qmac_goal_find(&stored, qmac_figure_find("delta"), 1); /* has no column */
	CU_ASSERT_EQUAL(cost.epoch, -1);
	qmac_stored_free(&stored);
}

/* 4 minibatches in 32 bits took 4,000 cycles, an evaluation is 3 inferences of 10. */
static const char float_summary[] =
	"{\"headline\": \"test_accuracy\", \"cycles\": 0, \"steps\": 4, \"speedup\": {\n"
	"\"device\": {\"training_cycles_32\": 4000, \"inference_cycles_32\": 10, \"inferences\": 3},\n"
	"\"joules\": {\"training_32_j\": 8, \"training_32_low_j\": 4, \"training_32_high_j\": 16,\n"
	"\"inference_32_j\": 1, \"inference_32_low_j\": 0.5, \"inference_32_high_j\": 2}}}\n";
static const char float_metrics[] =
	"epoch,step,test_accuracy,cycles,energy_j,energy_low_j,energy_high_j\n"
	"0,0,0.125,0,,,\n1,2,,0,,,\n2,4,0.75,0,,,\n";

/* Evaluations of rows 0 and 2, none of row 1. */
static void test_float(void)
{
	struct qmac_stored stored = stored_of("float", float_summary, float_metrics);
	const struct qmac_figure_kind *accuracy = qmac_figure_find("test_accuracy");
	struct qmac_goal_cost cost = qmac_goal_find(&stored, accuracy, 0.1);

	check_cost(&cost, 0, 30, 1.5, 3, 6);
	CU_ASSERT(cost.in_32_bits);
	cost = qmac_goal_find(&stored, accuracy, 0.75);
	check_cost(&cost, 2, 4000 + 2 * 30, 4 + 2 * 1.5, 8 + 2 * 3, 16 + 2 * 6);
	qmac_stored_free(&stored);
	/* of a linear model on the host nothing is known */
	stored = stored_of("host", "{\"headline\": \"test_accuracy\", \"cycles\": 0, \"steps\": 4}\n",
	                   float_metrics);
	cost = qmac_goal_find(&stored, accuracy, 0.75);
	CU_ASSERT(cost.epoch == 2 && isnan(cost.cycles) && isnan(cost.joules.low) && !cost.in_32_bits);
	qmac_stored_free(&stored);
}

/* ---- tables ----------------------------------------------------------------------------------- */

static void test_tables(void)
{
	struct qmac_stored device = stored_of("device", device_summary, device_metrics);
	struct qmac_stored wide = stored_of("float", float_summary, float_metrics);
	const struct qmac_comparison lines[] = {{"a", &device, ""}, {"b,c", &wide, ""}, {"d", NULL, "failed"}};
	struct qmac_atomic_file file = {.stream = NULL};
	struct qmac_goal goal;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL_FATAL(qmac_goal_read("test_accuracy=0.75,0.8", &goal, NULL), QMAC_OK);
	qmac_goal_print(&goal, lines, TEST_COUNT(lines), out);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text,
		"\ntest accuracy >= 0.75  epoch  cycles  joules  low  high        note\n"
		"a                          2     200       3  1.5     6\n"
		"b,c                        2   4,060      14    7    28  in 32 bits\n"
		"d                          -       -       -    -     -      failed\n"
		"\ntest accuracy >= 0.8  epoch  cycles  joules  low  high       note\n"
		"a                         5     500       7  3.5    14\n"
		"b,c                   never       -       -    -     -  best 0.75\n"
		"d                         -       -       -    -     -     failed\n");
	CU_ASSERT_EQUAL_FATAL(qmac_goal_write_csv(&goal, lines, TEST_COUNT(lines), test_folder(), &file, NULL),
	                      QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_atomic_place(&file, NULL), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(test_text("goals.csv"),
		"name,figure,value,epoch,cycles,energy_j,energy_low_j,energy_high_j,in_32_bits\n"
		"a,test_accuracy,0.75,2,200,3,1.5,6,0\n"
		"\"b,c\",test_accuracy,0.75,2,4060,14,7,28,1\n"
		"a,test_accuracy,0.8,5,500,7,3.5,14,0\n"
		"\"b,c\",test_accuracy,0.8,,,,,,0\n");
	free(text);
	qmac_stored_free(&device);
	qmac_stored_free(&wide);
}

int main(void)
{
	const struct test_case cases[] = {
		{"goals as they are written", test_read}, {"refused", test_refused},
		{"the first row", test_first}, {"in 32 bits", test_float}, {"tables", test_tables},
	};

	return test_main("test_goal", cases, TEST_COUNT(cases));
}
