/*
 * Prints the table of docs/shapes.md: folds of the array, one alone and many behind each other, by the
 * equations of SCALE-Sim and here.
 */
#include <stdio.h>

#include "base/error.h"
#include "config/hw_file.h"
#include "topology/cost.h"

/* Cycles of vector commands, which round the results. */
static void on_retire(void *context, const struct qmac_retire *record)
{
	uint64_t *vectors = context;

	if (record->opcode == QMAC_OPCODE_VEC)
		*vectors += record->cycle - record->start;
}

/* side x side blocks of the array, t operands in each row. */
static enum qmac_status run(const struct qmac_hw *hw, enum qmac_dataflow dataflow, int64_t side, int64_t t,
                            struct qmac_error *err)
{
	bool ws = dataflow == QMAC_DATAFLOW_WS;
	struct qmac_topology_layer layer = {
		.name = "folds", .images = ws ? t : side * hw->rows, .image = {1, 1}, .kernel = {1, 1},
		.channels = ws ? side * hw->rows : t, .filters = side * hw->cols, .stride = 1, .copies = 1,
	};
	struct qmac_topology_options options = {
		.dataflow = dataflow, .batch = 1, .x_bits = hw->a_bits, .w_bits = hw->w_bits, .y_bits = 8,
	};
	int64_t folds = side * side, published = 2 * hw->rows + hw->cols + t - 2;
	struct qmac_layer_products products;
	struct qmac_layer_cost cost;
	uint64_t vectors = 0, array;
	enum qmac_status status = qmac_layer_products_make(&products, &layer, false, QMAC_DIRECTION_FORWARD,
	                                                   &options, hw, err);

	if (status == QMAC_OK)
		status = qmac_layer_cost(&products, &cost, on_retire, &vectors, err);
	if (status != QMAC_OK)
		return status;
	array = cost.cycles.array + cost.cycles.other - vectors;
	printf("| %d x %d | %s | %lld | %lld | %lld | %lld | %.2f | %llu | %llu |\n", hw->rows, hw->cols,
	       ws ? "ws" : "os", (long long)folds, (long long)t, (long long)published,
	       (long long)(ws ? published : published - hw->rows), (double)array / (double)folds,
	       (unsigned long long)vectors, (unsigned long long)cost.cycles.all);
	return QMAC_OK;
}

int main(void)
{
	static const char *const files[] = {"configs/hw/16x16_w8.yaml", "configs/hw/mid_32x32.yaml"};
	struct qmac_error err = {0};
	enum qmac_status status = QMAC_OK;
	struct qmac_hw hw;
	char text[1400];

	puts("| array | dataflow | folds | T | equation, a fold | code, a fold | here, a fold | rounding |"
	     " all |\n"
	     "|---|---|---|---|---|---|---|---|---|");
	for (int i = 0; status == QMAC_OK && i < 2; i++) {
		status = qmac_hw_load(&hw, files[i], &err);
		for (int d = QMAC_DATAFLOW_WS; status == QMAC_OK && d <= QMAC_DATAFLOW_OS; d++) {
			status = run(&hw, (enum qmac_dataflow)d, 1, 2 * hw.rows, &err);
			if (status == QMAC_OK)
				status = run(&hw, (enum qmac_dataflow)d, 8, 128 * hw.rows, &err);
		}
	}
	if (status != QMAC_OK)
		fprintf(stderr, "table_shapes: %s\n", qmac_error_text(&err, text, sizeof text));
	return status != QMAC_OK;
}
