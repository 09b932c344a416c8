/*
 * A heat map: a row for each layer of a network that has weights on the device, steps from left to right,
 * coloured by the word length BW; every switch is marked.
 */
#ifndef QMAC_REPORT_HEAT_MAP_H
#define QMAC_REPORT_HEAT_MAP_H

#include <stdio.h>

#include "report/net_history.h"

/* The word lengths that have a colour each; all 0: none yet. */
struct qmac_heat_scale {
	int low, high;
};

/* Those of a run, too: several maps can have one scale. */
void qmac_heat_scale_add(struct qmac_heat_scale *scale, const struct qmac_net_history *history);

/*
 * Writes the map as a part of a script for gnuplot. Where it lies, its key and its colour box are told
 * before; width: its pixels, of which marks and texts need some.
 */
void qmac_heat_map_write(FILE *out, const struct qmac_net_history *history,
                         const struct qmac_heat_scale *scale, const char *title, int width);

#endif
