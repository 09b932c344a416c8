/*
 * Layers of a topology (host/topology) beside the same layers of a network: the same commands, and, where
 * their tensors lie at the same addresses, the same cycles. What is left between both is which rows of the
 * memory are open. The cost of a layer is compiled into this program, so that its tensors can be moved.
 */
#include <math.h>

#include "config/net_file.h"
#include "config_files.h"
#include "driver/driver.h"
#include "net/plan.h"
#include "shipped_hw.h"

/* Where the operands of the next cost lie, by number; NULL: where the driver puts them. */
static const uint64_t *places;
static int placed;

static enum qmac_status allocate(struct qmac_driver *driver, uint64_t bytes, struct qmac_buffer *buffer,
                                 struct qmac_error *err)
{
	enum qmac_status status = qmac_driver_allocate(driver, bytes, buffer, err);

	if (places)
		buffer->address = places[placed++];
	return status;
}

#define qmac_driver_allocate allocate
#include "../host/topology/cost.c"
#undef qmac_driver_allocate

enum { MEMORY = 1 << 20, RING = 10, BATCHES = 3 }; /* as much memory as a cost has beside its operands */

/* A network on its device. */
struct bench {
	struct qmac_net net;
	struct qmac_net_formats formats;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_net_plan plan;
};

/* A layer's part of it, and the same layer of a topology. */
struct part {
	int layer;
	enum qmac_net_part_kind kind;
	struct qmac_topology_layer of;
	enum qmac_direction direction;
};

static void expect_ok(enum qmac_status status, const struct qmac_error *err)
{
	if (status == QMAC_OK)
		return;
	printf("\n    %s\n", err->message);
	CU_FAIL_FATAL("status");
}

/* Two convolutions without biases; what the first gives back nobody wants, the second's has stride 2. */
static const char net_text[] = "name: n\ninput: {channels: 3, height: 13, width: 13}\nlayers:\n"
	"- conv: {out: 20, kernel: 3, bias: false}\n- conv: {out: 18, kernel: 3, stride: 2, bias: false}\n";

static void open_bench(struct bench *b, const char *name, int64_t batch)
{
	struct qmac_hw hw = shipped_hw(name);
	struct qmac_device_options options = {.memory_bytes = MEMORY};
	struct qmac_error err = {0};

	expect_ok(qmac_net_load(&b->net, config_file("net.yaml", net_text), NULL, &err), &err);
	expect_ok(qmac_net_formats_create(&b->formats, &b->net, &err), &err);
	for (int l = 0; l <= b->net.layer_count; l++)
		b->formats.output[l] = (struct qmac_format){8, 4};
	for (int p = 0; p < b->net.parameter_count; p++)
		b->formats.parameter[p] = (struct qmac_format){8, 4};
	b->formats.err_bits = b->formats.dy_bits = 8;
	b->formats.activation_rounding = b->formats.error_rounding = QMAC_ROUND_NEAREST;
	expect_ok(qmac_net_plan_make(&b->plan, &b->net, &b->formats, batch, &hw, &err), &err);
	expect_ok(qmac_backend_create("time", &hw, &options, &b->backend, &err), &err);
	expect_ok(qmac_driver_open(b->backend, &hw, RING, &b->driver, &err), &err);
	expect_ok(qmac_net_plan_open(&b->plan, b->driver, &err), &err);
}

static void close_bench(struct bench *b)
{
	qmac_net_plan_free(&b->plan);
	qmac_driver_close(b->driver);
	qmac_backend_destroy(b->backend);
	qmac_net_formats_free(&b->formats);
	qmac_net_free(&b->net);
}

/* Of a device that was reset, as that of a layer by itself is. */
static void run_part(struct bench *b, const struct part *part, uint64_t counts[QMAC_COUNTS])
{
	uint64_t before[QMAC_COUNTS] = {0};
	struct job watched = {.cost = &(struct qmac_layer_cost){.cycles = {0}}};
	struct qmac_error err = {0};

	qmac_driver_reset(b->driver);
	b->plan.sequence.last = NULL;
	qmac_driver_counters(b->driver, before);
	qmac_driver_watch(b->driver, on_command, &watched);
	expect_ok(qmac_sequence_submit(&b->plan.sequence, b->plan.layers[part->layer].parts[part->kind].program,
	                               &err), &err);
	expect_ok(qmac_driver_finish(b->driver, &err), &err);
	qmac_driver_watch(b->driver, NULL, NULL);
	memcpy(counts, watched.cost->counts, sizeof watched.cost->counts);
	qmac_driver_counters(b->driver, counts);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		counts[i] -= before[i];
}

/* Where the part's operands lie in the network: what A, B and C are by direction. */
static void find_places(const struct bench *b, const struct part *part, uint64_t at[3])
{
	const struct qmac_net_plan_layer *p = &b->plan.layers[part->layer];
	bool sums = part->direction == QMAC_DIRECTION_WEIGHTS;

	at[0] = part->layer ? b->plan.layers[part->layer - 1].output.address : b->plan.input.address;
	at[1] = sums ? p->error.address : p->weight.address;
	at[2] = sums ? p->weight_sum.address : p->output.address;
}

/* Returns by which share of the network's cycles those of the layer by itself differ. */
static double compare(struct bench *b, const struct part *part)
{
	const struct qmac_topology_options o = {.batch = b->plan.batch, .x_bits = 8, .w_bits = 8, .y_bits = 8};
	uint64_t network[QMAC_COUNTS], at[3];
	struct qmac_layer_products products;
	struct qmac_layer_cost alone, moved;
	struct qmac_error err = {0};

	run_part(b, part, network);
	find_places(b, part, at);
	expect_ok(qmac_layer_products_make(&products, &part->of, part->layer == 0, part->direction, &o,
	                                   &b->plan.hw, &err), &err);
	expect_ok(qmac_layer_cost(&products, &alone, NULL, NULL, &err), &err);
	places = at;
	placed = 0;
	expect_ok(qmac_layer_cost(&products, &moved, NULL, NULL, &err), &err);
	places = NULL;
	for (int i = 0; i < (int)QMAC_COUNTS; i++)
		CU_ASSERT_EQUAL(network[i], moved.counts[i]);
	CU_ASSERT_EQUAL(network[QMAC_COUNTER_COMMANDS], alone.counts[QMAC_COUNTER_COMMANDS]);
	CU_ASSERT_EQUAL(network[QMAC_COUNTER_DRAM_READ_BYTES], alone.counts[QMAC_COUNTER_DRAM_READ_BYTES]);
	return (double)network[QMAC_COUNTER_CYCLES] / (double)alone.cycles.all - 1;
}

static void test_network(void)
{
	static const struct qmac_topology_layer first = {"a", 2, 1, {13, 13}, {3, 3}, 3, 20, 1, 1, false};
	static const struct qmac_topology_layer second = {"b", 3, 1, {11, 11}, {3, 3}, 20, 18, 2, 1, false};
	static const char *const hw[BATCHES] = {"16x16_w8", "8x8_w8", "mid_32x32"};
	static const int64_t batches[BATCHES] = {16, 5, 8};
	const struct part parts[] = {
		{0, QMAC_NET_PART_FORWARD, first, QMAC_DIRECTION_FORWARD},
		{1, QMAC_NET_PART_FORWARD, second, QMAC_DIRECTION_FORWARD},
		{0, QMAC_NET_PART_BACK, first, QMAC_DIRECTION_WEIGHTS},
	};
	double least = 0, most = 0;

	for (int i = 0; i < BATCHES; i++) {
		struct bench b;

		open_bench(&b, hw[i], batches[i]);
		for (int k = 0; k < TEST_COUNT(parts); k++) {
			double differs = compare(&b, &parts[k]);

			least = fmin(least, differs);
			most = fmax(most, differs);
		}
		close_bench(&b);
	}
	printf("(in a network %+.1f .. %+.1f %% cycles) ", 100 * least, 100 * most);
	CU_ASSERT(most > 0.01 && fmax(-least, most) < 0.08);
}

int main(void)
{
	const struct test_case cases[] = {{"layers of a network", test_network}};

	return test_main("test_topology_network", cases, TEST_COUNT(cases));
}
