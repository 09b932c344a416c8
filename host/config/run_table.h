/*
 * The table of run keys (run_keys.def), used to read, default, check and print.
 * Private to host/config.
 */
#ifndef QMAC_CONFIG_RUN_TABLE_H
#define QMAC_CONFIG_RUN_TABLE_H

#include <stdbool.h>

#include "config/run_config.h"
#include "config/key_table.h"

enum {
#define KEY(name, ...) QMAC_KEY_##name,
#define GROUPED(group, name, ...) QMAC_KEY_##group##_##name,
#include "config/run_keys.def"
#undef KEY
#undef GROUPED
	QMAC_RUN_KEYS
};

/*
 * used_by: a bit per enum qmac_algorithm, QMAC_RUN_NETWORK << per enum qmac_policy, and QMAC_RUN_DATA << per
 * enum qmac_data, none: all.
 */
enum { QMAC_RUN_NETWORK = 1 << 8, QMAC_RUN_DATA = 1 << 16 };

extern const struct qmac_key qmac_run_keys[QMAC_RUN_KEYS];
extern const struct qmac_key_table qmac_run_table;

/* The words for the run's algorithm or data where it does not look at the key; NULL where it does. */
const char *qmac_run_unused_by(const struct qmac_run *run, const struct qmac_key *key);

/* Fills in every key that was not given, and the source of each. hw and file stay empty. */
void qmac_run_defaults(struct qmac_run_config *config, const bool given[QMAC_RUN_KEYS]);

/*
 * qmac_run_config_load() for callers that know better where a setting comes from (a sweep
 * file): *culprit is the index of the setting to blame, and the message then has neither key nor
 * place; or -1 where the message is complete. err is not NULL.
 */
QMAC_MUST_CHECK enum qmac_status qmac_run_config_read(struct qmac_run_config *config, const char *file,
                                                      const struct qmac_setting *settings, int setting_count,
                                                      int *culprit, struct qmac_error *err);

#endif
