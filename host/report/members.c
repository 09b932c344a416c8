#define _XOPEN_SOURCE 700
#include "report/members.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/metrics.h"

/* Behind these come the plots, one of each figure. */
const char *const qmac_member_names[] = {
	[QMAC_RESULT_CONFIG] = "config.yaml",     [QMAC_RESULT_HW] = QMAC_MEMBER_HW,
	[QMAC_RESULT_NET] = QMAC_MEMBER_NET,      [QMAC_RESULT_ENERGY] = QMAC_MEMBER_ENERGY,
	[QMAC_RESULT_AREA] = QMAC_MEMBER_AREA,
	[QMAC_RESULT_METRICS] = "metrics.csv",    [QMAC_RESULT_LAYERS] = "layers.csv",
	[QMAC_RESULT_SWITCHES] = "switches.csv",  [QMAC_RESULT_FORMATS] = "formats.csv",
	[QMAC_RESULT_TIMELINE] = "timeline.json", [QMAC_RESULT_WEIGHTS] = "weights.npy",
	[QMAC_RESULT_MANIFEST] = "weights/manifest.json",
	[QMAC_RESULT_SUMMARY] = "summary.json",   "checkpoint", "mismatch.trace",
};

const struct qmac_run_copies qmac_member_copies = {
	QMAC_MEMBER_HW, QMAC_MEMBER_NET, QMAC_MEMBER_ENERGY, QMAC_MEMBER_AREA,
};

enum { FILES = sizeof qmac_member_names / sizeof qmac_member_names[0] };

bool qmac_member_path(const char *folder, int i, char path[QMAC_MEMBER_PATH])
{
	int length;

	if (i >= FILES + QMAC_FIGURES)
		return false;
	length = i < FILES ? snprintf(path, QMAC_MEMBER_PATH, "%s/%s", folder, qmac_member_names[i]) :
	         snprintf(path, QMAC_MEMBER_PATH, "%s/%s.svg", folder, qmac_figure_kinds[i - FILES].name);
	if (length >= QMAC_MEMBER_PATH)
		path[0] = 0; /* no folder of results has such a path */
	return true;
}

enum qmac_status qmac_members_spare(const struct qmac_inputs *inputs, const char *folder,
                                    struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	char path[QMAC_MEMBER_PATH];

	for (int i = 0; !status && qmac_member_path(folder, i, path); i++)
		status = qmac_inputs_spare(inputs, "results", path, err);
	return status;
}

/* Is it a file of a folder that holds a whole result? The path has no links. */
static bool is_member(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[QMAC_MEMBER_PATH], member[QMAC_MEMBER_PATH], summary[QMAC_MEMBER_PATH + 16];

	if (!slash || slash - path >= QMAC_MEMBER_PATH)
		return false;
	snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
	snprintf(summary, sizeof summary, "%s/summary.json", folder);
	for (int i = 0; qmac_member_path(folder, i, member); i++)
		if (strcmp(member, path) == 0)
			return access(summary, F_OK) == 0;
	return false;
}

enum qmac_status qmac_output_check(const struct qmac_inputs *inputs, const char *what, const char *path,
                                   struct qmac_error *err)
{
	enum qmac_status status = qmac_inputs_spare(inputs, what, path, err);
	char *real = realpath(path, NULL); /* where there is nothing, nothing can be lost */

	if (!status && real && is_member(real))
		status = qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s to %.400s: %.400s is a file of a result:"
		                   " write elsewhere", what, path, real);
	free(real);
	return status;
}
