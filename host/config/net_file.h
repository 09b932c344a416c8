/*
 * A network file (docs/networks.md): the tree of layers that a person writes, read into the list that the
 * program works on (net/net.h).
 */
#ifndef QMAC_CONFIG_NET_FILE_H
#define QMAC_CONFIG_NET_FILE_H

#include "base/error.h"
#include "net/net.h"

/* What is set from outside of the file; 0: as the file has it. */
struct qmac_net_options {
	int64_t times;    /* net.times: how often every `repeat` is there, 1..QMAC_NET_TIMES_MAX */
	int64_t classes;  /* net.classes: outputs of the last linear layer */
	int64_t channels; /* net.channels: of the input */
};

enum { QMAC_NET_TIMES_MAX = 1000 };

/* Sets one of them, which is not set yet, by its name, "net.times"; the message has neither key nor place. */
QMAC_MUST_CHECK enum qmac_status qmac_net_options_set(struct qmac_net_options *options, const char *key,
                                                      const char *value, struct qmac_error *err);

/*
 * Reads a network; options may be NULL. Whatever does not fit is refused with the place of the layer.
 * On failure nothing is left to free.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_load(struct qmac_net *net, const char *file,
                                               const struct qmac_net_options *options,
                                               struct qmac_error *err);

#endif
