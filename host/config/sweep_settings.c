/* What the runs of a sweep have in common, and what not; names of its files. */
#include <string.h>

#include "config/sweep_file.h"

const struct qmac_setting *qmac_sweep_find(const struct qmac_sweep_run *run, const char *key)
{
	for (int i = run->setting_count - 1; i >= 0; i--)
		if (strcmp(run->settings[i].key, key) == 0)
			return &run->settings[i];
	return NULL;
}

bool qmac_sweep_varies(const struct qmac_sweep *sweep, const struct qmac_setting *setting)
{
	for (int i = 0; i < sweep->run_count; i++) {
		const struct qmac_setting *other = qmac_sweep_find(&sweep->runs[i], setting->key);

		if (!other || strcmp(other->value, setting->value) != 0)
			return true;
	}
	return false;
}

/* Has `right` all settings of `left`, but for that key? */
static bool has_all(const struct qmac_sweep_run *left, const struct qmac_sweep_run *right, const char *but)
{
	for (int i = 0; i < left->setting_count; i++) {
		const char *key = left->settings[i].key;
		const struct qmac_setting *other = qmac_sweep_find(right, key);

		if (strcmp(key, but) != 0
		    && (!other || strcmp(other->value, qmac_sweep_find(left, key)->value) != 0))
			return false;
	}
	return true;
}

bool qmac_sweep_agree(const struct qmac_sweep_run *left, const struct qmac_sweep_run *right, const char *but)
{
	return has_all(left, right, but) && has_all(right, left, but);
}

const char *const qmac_sweep_member_names[QMAC_SWEEP_MEMBERS] = {
	[QMAC_SWEEP_RESULTS] = "results.csv", [QMAC_SWEEP_PLOT] = "sweep.svg", [QMAC_SWEEP_CURVE] = "curve.csv",
	[QMAC_SWEEP_SEEDS] = "seeds.csv",     [QMAC_SWEEP_GOALS] = "goals.csv",
};

bool qmac_sweep_owns(const char *name)
{
	for (int i = 0; i < QMAC_SWEEP_MEMBERS; i++)
		if (strncmp(name, qmac_sweep_member_names[i], strlen(qmac_sweep_member_names[i])) == 0)
			return true;
	return false;
}
