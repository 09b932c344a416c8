/*
 * What layers of a topology take (host/topology): MACs against plain counts, in three directions and both
 * dataflows, on random hardware; isolated folds against SCALE-Sim's equations; sums over layers; the reports.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/energy_file.h"
#include "fuzz/hardware.h"
#include "lower/limbs.h"
#include "shipped_hw.h"
#include "test.h"
#include "topology/estimate.h"

static uint64_t state;

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

static void check(enum qmac_status status, const struct qmac_error *err)
{
	if (status == QMAC_OK)
		return;
	printf("\n    %s\n", err->message);
	CU_FAIL_FATAL("status");
}

/* ---- MACs ------------------------------------------------------------------------------- */

/* Pairs of a pixel of X along d, as far as windows reach, and a tap with the same rest. */
static int64_t pairs(const struct qmac_topology_layer *l, int d)
{
	int64_t reach = (qmac_topology_out(l, d) - 1) * l->stride + l->kernel[d], count = 0;

	for (int64_t x = 0; x < reach; x++)
		for (int64_t k = 0; k < l->kernel[d]; k++)
			count += (x - k) % l->stride == 0;
	return count;
}

static uint64_t limb_pairs(const struct qmac_layer_products *p)
{
	const struct qmac_topology_options *o = &p->options;
	int a = p->direction == QMAC_DIRECTION_DATA ? o->y_bits : o->x_bits;
	int b = p->direction == QMAC_DIRECTION_WEIGHTS ? o->y_bits : o->w_bits;

	return (uint64_t)qmac_limbs_of(a, p->hw.a_bits, true).count *
	       (uint64_t)qmac_limbs_of(b, p->hw.w_bits, true).count;
}

/* Every output pixel, tap, channel and filter once; of a data gradient padding of dY may be multiplied. */
static void check_macs(const struct qmac_topology_layer *l, const struct qmac_layer_products *p,
                       const struct qmac_layer_cost *cost)
{
	uint64_t macs = cost->counts[QMAC_COUNTER_MACS], useful = limb_pairs(p), most = useful;
	int64_t whole = l->channels * l->filters * l->images * p->options.batch;

	useful *= (uint64_t)(whole * l->kernel[0] * l->kernel[1] * qmac_topology_out(l, 0) *
	                     qmac_topology_out(l, 1));
	most *= (uint64_t)(whole * pairs(l, 0) * pairs(l, 1));
	CU_ASSERT_EQUAL((double)useful, qmac_layer_products_macs(p) * (double)limb_pairs(p));
	if (p->direction != QMAC_DIRECTION_DATA)
		CU_ASSERT_EQUAL(macs, useful);
	CU_ASSERT(macs >= useful && macs <= most);
	if (p->direction == QMAC_DIRECTION_DATA && p->is_os && (qmac_topology_out(l, 0) > 1 ||
	                                                        qmac_topology_out(l, 1) > 1))
		CU_ASSERT_EQUAL(macs, most);
}

static void check_cycles(const struct qmac_layer_cost *cost)
{
	const struct qmac_cost_cycles *c = &cost->cycles;

	CU_ASSERT_EQUAL(c->all, cost->counts[QMAC_COUNTER_CYCLES]);
	CU_ASSERT_EQUAL(c->array + c->other + c->waits + c->starved + c->idle, c->all);
	CU_ASSERT_EQUAL(c->array, cost->counts[QMAC_COUNTER_A_READS]);
	CU_ASSERT(c->prefetch > 0 && c->prefetch + c->array + c->other <= c->all);
}

static struct qmac_topology_layer draw_layer(void)
{
	struct qmac_topology_layer l = {
		.name = "l", .images = pick(1, 3), .image = {pick(1, 9), pick(1, 9)}, .channels = pick(1, 20),
		.filters = pick(1, 20), .stride = pick(1, 4), .copies = 1,
	};

	for (int d = 0; d < 2; d++)
		l.kernel[d] = pick(1, pick(0, 1) ? l.image[d] : 3 < l.image[d] ? 3 : l.image[d]);
	return l;
}

static void test_random_shapes(void)
{
	int refused = 0, runs = 0;

	for (int i = 0; i < TEST_CASES(300); i++) {
		struct qmac_topology_layer l = draw_layer();
		struct qmac_topology_options o = {
			.dataflow = (enum qmac_dataflow)pick(0, 2), .batch = pick(1, 3), .x_bits = (int)pick(2, 12),
			.w_bits = (int)pick(2, 12), .y_bits = (int)pick(2, 12),
		};
		enum qmac_direction direction = qmac_topology_directions[pick(0, 2)];
		struct qmac_layer_products products;
		struct qmac_layer_cost cost;
		struct qmac_error err = {0};
		struct qmac_hw hw;
		bool is_first = direction != QMAC_DIRECTION_DATA && pick(0, 1);

		qmac_fuzz_hw(&state, &hw);
		check(qmac_layer_products_make(&products, &l, is_first, direction, &o, &hw, &err), &err);
		if (qmac_layer_cost(&products, &cost, NULL, NULL, &err) != QMAC_OK) {
			CU_ASSERT(strncmp(err.message, "layer l: ", 9) == 0 && strstr(err.message, "acc_bits"));
			refused++;
			continue;
		}
		check_macs(&l, &products, &cost);
		check_cycles(&cost);
		runs++;
	}
	printf("(%d runs, %d refused for narrow accumulators) ", runs, refused);
	CU_ASSERT(runs > refused);
}

/* ---- folds ------------------------------------------------------------------------------- */

struct folds {
	int count;
	uint64_t cycles; /* of the last GEMM, from start to retire */
};

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct folds *folds = context;

	if (record->opcode != QMAC_OPCODE_GEMM)
		return;
	folds->count++;
	folds->cycles = record->cycle - record->start;
}

static void measure(const struct qmac_hw *hw, enum qmac_dataflow dataflow, int64_t m, int64_t n, int64_t k,
                    struct folds *folds, struct qmac_layer_cost *cost)
{
	struct qmac_topology_layer l = {
		.name = "fold", .images = m, .image = {1, 1}, .kernel = {1, 1}, .channels = k, .filters = n,
		.stride = 1, .copies = 1,
	};
	struct qmac_topology_options o = {
		.dataflow = dataflow, .batch = 1, .x_bits = hw->a_bits, .w_bits = hw->w_bits, .y_bits = 8,
	};
	struct qmac_layer_products products;
	struct qmac_error err = {0};

	*folds = (struct folds){0};
	check(qmac_layer_products_make(&products, &l, false, QMAC_DIRECTION_FORWARD, &o, hw, &err), &err);
	check(qmac_layer_cost(&products, cost, on_retire, folds, &err), &err);
}

/*
 * With R x C PEs and T operands a row, SCALE-Sim's folds take 2R + C + T - 2 cycles by its published
 * equation, and by its code as many (ws), or R + C + T - 2 (os), whatever part of the array they use.
 */
static void test_isolated_folds(void)
{
	for (int i = 0; i < TEST_CASES(100); i++) {
		struct qmac_hw hw = shipped_hw(shipped_hw_name((int)pick(0, 6)));
		int64_t t = pick(1, 2 * hw.rows), k = pick(1, hw.rows), n = pick(1, hw.cols);
		uint64_t ws = (uint64_t)(2 * hw.rows + hw.cols + t - 2), os = (uint64_t)(hw.rows + hw.cols + t - 2);
		uint64_t unused = (uint64_t)(hw.rows - k);
		struct qmac_layer_cost cost;
		struct folds folds;

		measure(&hw, QMAC_DATAFLOW_WS, t, n, k, &folds, &cost);
		CU_ASSERT_EQUAL(folds.count, 1);
		CU_ASSERT_EQUAL(folds.cycles, ws + 4 - unused);
		measure(&hw, QMAC_DATAFLOW_OS, k, n, t, &folds, &cost);
		CU_ASSERT_EQUAL(folds.count, 1);
		CU_ASSERT_EQUAL(folds.cycles, os + (uint64_t)k + 4 - unused);
	}
}

/* Folds that follow each other: fill and drain are paid once, not for each. */
static void test_long_runs(void)
{
	static const enum qmac_dataflow dataflows[] = {QMAC_DATAFLOW_WS, QMAC_DATAFLOW_OS};

	for (int i = 0; i < 2; i++) {
		struct qmac_hw hw = shipped_hw("mid_32x32");
		struct qmac_layer_cost cost;
		struct folds folds;
		int64_t side = 8 * hw.rows, theirs;

		measure(&hw, dataflows[i], side, side, side, &folds, &cost);
		CU_ASSERT(folds.count >= 64);
		CU_ASSERT_EQUAL(cost.cycles.array, 64 * (uint64_t)side);
		theirs = 64 * (2 * hw.rows + hw.cols + side - 2);
		CU_ASSERT(cost.cycles.array + cost.cycles.other < (uint64_t)theirs);
	}
}

/* ---- sums and reports -------------------------------------------------------------------- */

static void estimate(struct qmac_topology_estimate *e, const char *text, bool training)
{
	const struct qmac_topology_options o = {.batch = 2, .x_bits = 8, .w_bits = 8, .y_bits = 8};
	struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_topology topology;
	struct qmac_error err = {0};

	test_write("t.csv", text);
	check(qmac_topology_read(&topology, test_path("t.csv"), &err), &err);
	check(qmac_topology_estimate(e, &topology, &o, training, &hw, &err), &err);
}

static const char shapes[] =
	"h,\nc, 12, 12, 3, 3, 2, 9, 1,\nd_DP, 10, 10, 3, 3, 9, 1, 2,\nf, 5, 5, 5, 5, 9, 4, 1,\n";

/* Joules, which are linear in the counts, of layers and directions against those of all. */
static void check_joules(const struct qmac_topology_estimate *e, const struct qmac_layer_cost *all)
{
	static struct qmac_energy_table table;
	struct qmac_error err = {0};
	double sum = 0, total;

	check(qmac_energy_load(&table, "", &err), &err);
	total = qmac_energy(&table, &e->hw, QMAC_DRAM_DDR4, all->counts, NULL).nominal;
	for (int l = 0; l < e->topology.count; l++)
		for (int d = 0; d < QMAC_TOPOLOGY_DIRECTIONS; d++)
			sum += (double)e->topology.layers[l].copies *
			       qmac_energy(&table, &e->hw, QMAC_DRAM_DDR4, e->cost[l][d].counts, NULL).nominal;
	CU_ASSERT(total > 0 && fabs(sum - total) <= 1e-12 * total);
}

static void test_sums(void)
{
	struct qmac_topology_estimate e;
	struct qmac_layer_cost all, by_hand = {.cycles = {0}}, by_direction = {.cycles = {0}};

	estimate(&e, shapes, true);
	CU_ASSERT(e.topology.count == 3 && e.topology.layers[1].copies == 9);
	CU_ASSERT(e.has[0][0] && !e.has[0][1] && e.has[0][2] && e.has[1][1] && e.has[2][1]);
	all = qmac_topology_total(&e, -1);
	for (int d = 0; d < QMAC_TOPOLOGY_DIRECTIONS; d++) {
		struct qmac_layer_cost part = qmac_topology_total(&e, d);

		qmac_layer_cost_add(&by_direction, &part, 1);
		for (int l = 0; l < 3; l++)
			for (int copy = 0; e.has[l][d] && copy < (l == 1 ? 9 : 1); copy++)
				qmac_layer_cost_add(&by_hand, &e.cost[l][d], 1);
	}
	CU_ASSERT(memcmp(&all, &by_hand, sizeof all) == 0 && memcmp(&all, &by_direction, sizeof all) == 0);
	check_cycles(&all);
	CU_ASSERT(all.cycles.all > 0 && all.counts[QMAC_ACTION_REQUANTISATIONS] > 0);
	check_joules(&e, &all);
	qmac_topology_estimate_free(&e);
}

/* Lines of a report, and what its second column sums to. */
static int read_report(const char *name, double *cycles)
{
	static const char head[] = "LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles, "
		"Overall Util %, Mapping Efficiency %, Compute Util %,\n";
	const char *at = test_text(name);
	int lines = 0;

	*cycles = 0;
	CU_ASSERT(strncmp(at, head, sizeof head - 1) == 0);
	for (at = strchr(at, '\n'); at && at[1]; at = strchr(at + 1, '\n'), lines++) {
		double f[7];

		CU_ASSERT_EQUAL_FATAL(sscanf(at + 1, "%lf, %lf, %lf, %lf, %lf, %lf, %lf,", &f[0], &f[1], &f[2], &f[3],
		                             &f[4], &f[5], &f[6]), 7);
		*cycles += f[1];
		CU_ASSERT(f[2] < f[1] && f[3] < f[2] && f[4] <= f[6] + 1e-6 && f[6] <= f[5] + 1e-6 && f[5] <= 100);
	}
	return lines;
}

static void test_reports(void)
{
	struct qmac_topology_estimate e;
	struct qmac_error err = {0};
	double cycles;

	estimate(&e, shapes, true);
	check(qmac_topology_write(&e, test_folder(), &err), &err);
	for (int d = 0; d < QMAC_TOPOLOGY_DIRECTIONS; d++) {
		CU_ASSERT_EQUAL(read_report(qmac_topology_report_names[d], &cycles), d == 1 ? 10 : 11);
		CU_ASSERT_EQUAL(cycles, (double)qmac_topology_total(&e, d).cycles.all);
	}
	/* the first layer has no data gradient */
	CU_ASSERT(strncmp(strchr(test_text(qmac_topology_report_names[1]), '\n'), "\n1, ", 4) == 0);
	qmac_topology_estimate_free(&e);

	estimate(&e, shapes, false);
	check(qmac_topology_write(&e, test_folder(), &err), &err);
	CU_ASSERT_EQUAL(read_report(qmac_topology_report_names[0], &cycles), 11);
	CU_ASSERT_STRING_EQUAL(test_text(qmac_topology_report_names[1]), "");
	CU_ASSERT_STRING_EQUAL(test_text(qmac_topology_report_names[2]), "");
	qmac_topology_estimate_free(&e);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void refuse(int64_t side, int64_t channels, int64_t filters, int64_t batch, int y_bits,
                   const char *part)
{
	struct qmac_topology_layer l = {
		.name = "big", .images = 1, .image = {side, side}, .kernel = {3, 3}, .channels = channels,
		.filters = filters, .stride = 1, .copies = 1,
	};
	struct qmac_topology_options o = {.batch = batch, .x_bits = 8, .w_bits = 8, .y_bits = y_bits};
	struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_layer_products products;
	struct qmac_error err = {0};

	hw.acc_bits = 16;
	test_refusal(qmac_layer_products_make(&products, &l, false, QMAC_DIRECTION_FORWARD, &o, &hw, &err), &err,
	             part);
}

static void test_refusals(void)
{
	const int64_t most = QMAC_TOPOLOGY_SIZE_MAX;

	refuse(most, most, most, most, 8, "layer big: more than 2^28 pixels");
	refuse(3, most, most, 1, 8, "layer big: a tensor is larger than a command reaches");
	refuse(512, 512, 512, 1, 8, "layer big: more than 1,048,576 commands");
	refuse(8, 1, 1, 1, 17, "y_bits 17 is more than acc_bits 16");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random shapes on random hardware", test_random_shapes},
		{"isolated folds", test_isolated_folds},
		{"long runs", test_long_runs},
		{"sums", test_sums},
		{"reports", test_reports},
		{"refusals", test_refusals},
	};

	state = test_seed();
	return test_main("test_topology_cost", cases, TEST_COUNT(cases));
}
