/*
 * The products of a layer, by direction and dataflow (docs/shapes.md). As lowered (host/lower):
 *
 *   direction        chosen  array holds  where the other dataflow is asked for
 *   forward          ws      weights      os: the host lays out windows of X, a column for each pixel of Y
 *   data gradient    ws      weights      os: likewise those of dY, for each class of pixels of dX
 *   weight gradient  os      sums of dW   ws: windows as forward, os
 *
 * ws: weight stationary, os: output stationary. X is as large as its windows reach, without further padding.
 */
#ifndef QMAC_TOPOLOGY_PRODUCTS_H
#define QMAC_TOPOLOGY_PRODUCTS_H

#include "backend/tag.h"
#include "lower/product.h"
#include "topology/topology.h"

enum qmac_dataflow { QMAC_DATAFLOW_CHOSEN, QMAC_DATAFLOW_WS, QMAC_DATAFLOW_OS };

/* How layers are computed: what such files do not say. */
struct qmac_topology_options {
	enum qmac_dataflow dataflow;
	int64_t batch;               /* images; of a product, that many times M; at least 1 */
	int x_bits, w_bits, y_bits;  /* widths of inputs, weights, and results and errors; 2..32 */
};

/* One layer in one direction: its products, one after the other. */
struct qmac_layer_products {
	struct qmac_topology_layer layer;
	struct qmac_topology_options options;
	struct qmac_hw hw;
	enum qmac_direction direction;
	bool is_os;                  /* the mode of its GEMMs */
	int64_t at;                  /* how many products were asked for */
};

/*
 * is_first: the host brings the layer's images. Refuses shapes that the device cannot reach or that take too
 * many commands; messages have the layer's name.
 */
QMAC_MUST_CHECK enum qmac_status qmac_layer_products_make(struct qmac_layer_products *products,
                                                          const struct qmac_topology_layer *layer,
                                                          bool is_first, enum qmac_direction direction,
                                                          const struct qmac_topology_options *options,
                                                          const struct qmac_hw *hw, struct qmac_error *err);

/* The next product of the direction, all of whose views begin at address 0; false behind the last. */
bool qmac_layer_products_next(struct qmac_layer_products *products, struct qmac_product *product);

/* MACs of a layer in any direction, as other tools count them: of numbers, all images, padding left out. */
double qmac_layer_products_macs(const struct qmac_layer_products *products);

#endif
