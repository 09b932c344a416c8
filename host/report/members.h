/*
 * The files of a result folder, by their names: no other file may be written over one of them, nor they
 * over another.
 */
#ifndef QMAC_REPORT_MEMBERS_H
#define QMAC_REPORT_MEMBERS_H

#include <stdbool.h>

#include "config/input.h"
#include "config/run_config.h"

enum { QMAC_MEMBER_PATH = 1200 };

/* The files of a result. The last one tells of the others: where it is, they are. */
enum qmac_result_file {
	QMAC_RESULT_CONFIG,
	QMAC_RESULT_HW,
	QMAC_RESULT_NET,      /* of a network */
	QMAC_RESULT_ENERGY,
	QMAC_RESULT_AREA,
	QMAC_RESULT_METRICS,
	QMAC_RESULT_LAYERS,
	QMAC_RESULT_SWITCHES, /* only of a network whose formats change, as is */
	QMAC_RESULT_FORMATS,
	QMAC_RESULT_TIMELINE, /* only where asked for */
	QMAC_RESULT_WEIGHTS,  /* an estimate has none, and a network has, in its place, */
	QMAC_RESULT_MANIFEST, /* and what it names (tensors.h) */
	QMAC_RESULT_SUMMARY,
	QMAC_RESULT_FILES
};

/* Their names, and behind them those of files that are no part of the result. */
extern const char *const qmac_member_names[];

/* The copies of hardware, network and tables of costs, which the run file beside them names. */
#define QMAC_MEMBER_HW "hw.yaml"
#define QMAC_MEMBER_NET "net.yaml"
#define QMAC_MEMBER_ENERGY "energy.yaml"
#define QMAC_MEMBER_AREA "area.yaml"
extern const struct qmac_run_copies qmac_member_copies;

/* The path of file number i of a folder; false behind the last. */
bool qmac_member_path(const char *folder, int i, char path[QMAC_MEMBER_PATH]);

/* Fails where a result in that folder would be written over one of the inputs. */
QMAC_MUST_CHECK enum qmac_status qmac_members_spare(const struct qmac_inputs *inputs, const char *folder,
                                                    struct qmac_error *err);

/*
 * Fails where `path` is a file of a result that is there, or one of the inputs. what: "the trace" will be
 * written.
 */
QMAC_MUST_CHECK enum qmac_status qmac_output_check(const struct qmac_inputs *inputs, const char *what,
                                                   const char *path, struct qmac_error *err);

#endif
