/*
 * The picture of one or several runs of networks: figures against epochs, and below, of each run on the
 * device, a heat map of the word lengths of its layers against steps, with every switch; the share of zeros
 * among weights against epochs; and the cycles of each layer in each direction.
 */
#ifndef QMAC_REPORT_PAGE_H
#define QMAC_REPORT_PAGE_H

#include "report/net_history.h"
#include "report/plot.h"

/* A run of a network. */
struct qmac_page_run {
	const char *title;
	const struct qmac_net_history *history; /* with layers */
};

struct qmac_page {
	const struct qmac_plot *plots; /* side by side; of those without a point nothing is seen */
	int plot_count;
	const struct qmac_page_run *runs;
	int run_count;
};

/* Writes folder/name; see qmac_picture_write(). */
bool qmac_page_write(const struct qmac_page *page, const char *folder, const char *name, char *warning,
                     size_t warning_size);

#endif
