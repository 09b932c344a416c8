/* Formats in words: of precision.layers, "conv1=12,6 linear1=8,range", or "none"; of precision.statistics. */
#ifndef QMAC_CONFIG_LAYER_FORMATS_H
#define QMAC_CONFIG_LAYER_FORMATS_H

#include <stdbool.h>

#include "base/error.h"

enum { QMAC_LAYER_FORMAT_NAME = 48 };

struct qmac_layer_format {
	char layer[QMAC_LAYER_FORMAT_NAME];
	int bw, fl;    /* 2..32, -31..31 */
	bool by_range; /* fl is not given: the range of the layer's weights decides */
};

/*
 * Takes the next entry off *text, which then points behind it; *found is false, and nothing taken, at the
 * end. The message has neither key nor place.
 */
QMAC_MUST_CHECK enum qmac_status qmac_layer_formats_next(const char **text, struct qmac_layer_format *entry,
                                                         bool *found, struct qmac_error *err);

/* All of it: every entry can be read, and no layer has two. */
QMAC_MUST_CHECK enum qmac_status qmac_layer_formats_check(const char *text, struct qmac_error *err);

/* "12,8", <*bw, *fl>; or "float", *bw = 0. The message has neither key nor place. */
QMAC_MUST_CHECK enum qmac_status qmac_bare_format_read(const char *text, int *bw, int *fl,
                                                       struct qmac_error *err);

#endif
