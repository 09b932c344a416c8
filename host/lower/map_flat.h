/*
 * Maps over tensors of few channels, which lie in memory without gaps: where only elements matter, not which
 * pixel and channel they are of, a map goes over the memory, in rows that are full.
 */
#ifndef QMAC_LOWER_MAP_FLAT_H
#define QMAC_LOWER_MAP_FLAT_H

#include "lower/map.h"

/*
 * The same work as that of `map` in rows of `cols` elements: how many maps it takes, 1 or 2, the last of
 * which may have the rest of a row; 0, and nothing in flat, where it cannot be done or saves no rows: all
 * channels have to be in one block of fewer than cols, all panels over the map's own positions, and nothing
 * may be rounded stochastically, summed, or have coefficients. The operations are still those of `map`.
 */
int qmac_map_flatten(const struct qmac_map *map, int cols, struct qmac_map flat[2]);

#endif
