#include "topology/estimate.h"

#include <stdlib.h>

#include "process/stop.h"

const enum qmac_direction qmac_topology_directions[QMAC_TOPOLOGY_DIRECTIONS] = {
	QMAC_DIRECTION_FORWARD, QMAC_DIRECTION_DATA, QMAC_DIRECTION_WEIGHTS,
};

/* Nothing is in front of the first layer that would want its data gradient. */
static bool is_needed(bool training, int layer, int direction)
{
	return direction == 0 ||
	       (training && (layer > 0 || qmac_topology_directions[direction] != QMAC_DIRECTION_DATA));
}

static enum qmac_status estimate_layer(struct qmac_topology_estimate *e, int layer,
                                       const struct qmac_topology_options *options, struct qmac_error *err)
{
	struct qmac_layer_products products;
	enum qmac_status status = QMAC_OK;

	for (int d = 0; !status && d < QMAC_TOPOLOGY_DIRECTIONS; d++) {
		e->has[layer][d] = is_needed(e->training, layer, d);
		if (!e->has[layer][d])
			continue;
		status = qmac_stop_is_asked() ? qmac_stop_give_up(err) :
		         qmac_layer_products_make(&products, &e->topology.layers[layer], layer == 0,
		                                  qmac_topology_directions[d], options, &e->hw, err);
		if (!status)
			status = qmac_layer_cost(&products, &e->cost[layer][d], NULL, NULL, err);
	}
	return status;
}

enum qmac_status qmac_topology_estimate(struct qmac_topology_estimate *estimate,
                                        struct qmac_topology *topology,
                                        const struct qmac_topology_options *options, bool training,
                                        const struct qmac_hw *hw, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	size_t count = (size_t)topology->count;

	*estimate = (struct qmac_topology_estimate){.hw = *hw, .topology = *topology, .training = training};
	*topology = (struct qmac_topology){0};
	estimate->cost = calloc(count, sizeof *estimate->cost);
	estimate->has = calloc(count, sizeof *estimate->has);
	if (!estimate->cost || !estimate->has)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the costs of %zu layers", count);
	for (int i = 0; !status && i < estimate->topology.count; i++)
		status = estimate_layer(estimate, i, options, err);
	return status;
}

void qmac_topology_estimate_free(struct qmac_topology_estimate *estimate)
{
	qmac_topology_free(&estimate->topology);
	free(estimate->cost);
	free(estimate->has);
	estimate->cost = NULL;
	estimate->has = NULL;
}

struct qmac_layer_cost qmac_topology_total(const struct qmac_topology_estimate *estimate, int direction)
{
	struct qmac_layer_cost sum = {.cycles = {0}};

	for (int i = 0; i < estimate->topology.count; i++)
		for (int d = 0; d < QMAC_TOPOLOGY_DIRECTIONS; d++)
			if (estimate->has[i][d] && (direction < 0 || d == direction))
				qmac_layer_cost_add(&sum, &estimate->cost[i][d], estimate->topology.layers[i].copies);
	return sum;
}
