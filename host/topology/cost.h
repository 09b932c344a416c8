/*
 * What a layer takes in one direction, by itself on a device that was idle: its commands, checked, counted
 * and timed without values (the backend "time").
 */
#ifndef QMAC_TOPOLOGY_COST_H
#define QMAC_TOPOLOGY_COST_H

#include "count/count.h"
#include "topology/products.h"

/*
 * The cycles by what EXECUTE did: array, other, waits, starved and idle sum to all. The last three are as in
 * docs/counters.md.
 */
struct qmac_cost_cycles {
	uint64_t all;
	uint64_t array;    /* the array took a row of A */
	uint64_t other;    /* it had a command, and the array took none: preloads, fills, VEC */
	uint64_t waits;    /* its next command waited for LOAD or STORE */
	uint64_t starved;  /* the descriptor of its next command had not been fetched */
	uint64_t idle;     /* it had nothing to do: the rest */
	uint64_t prefetch; /* of the last three, before its first command started */
};
struct qmac_layer_cost {
	uint64_t counts[QMAC_COUNTS]; /* of the device, and actions; those that depend on data are 0 */
	struct qmac_cost_cycles cycles;
};

/* on_retire may be NULL: it is told of every command. Messages have the layer's name. */
QMAC_MUST_CHECK enum qmac_status qmac_layer_cost(const struct qmac_layer_products *products,
                                                 struct qmac_layer_cost *cost,
                                                 void (*on_retire)(void *context,
                                                                   const struct qmac_retire *record),
                                                 void *context, struct qmac_error *err);

/* A layer that stands `copies` times in a network: all is added so often. */
void qmac_layer_cost_add(struct qmac_layer_cost *sum, const struct qmac_layer_cost *cost, int64_t copies);

#endif
