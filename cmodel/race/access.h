/*
 * What a command touches, as sets of numbers: for the race checker, and for whoever
 * gives commands their waits.
 *
 * Every row, byte and port of the device has a number in one 64-bit space, so that
 * all conflicts are found by one mechanism.
 */
#ifndef QMAC_RACE_ACCESS_H
#define QMAC_RACE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

enum {
	QMAC_PLACE_SHIFT = 48, /* a place: region << 48 | row, address or port */
	/* Regions: QMAC_SPACE_A .. QMAC_SPACE_LUT, then these. */
	QMAC_REGION_MEMORY = 4,
	QMAC_REGION_PORTS = 5, /* space * 4 + (write port ? 2 : 0) + bank */
	QMAC_REGIONS = 6,
	QMAC_ACCESSES_MAX = 10 /* a VEC: two sources, destination, coefficients, sums, each with its ports */
};

/* The runs of `unit` places from first + i2*s[2] + i1*s[1] + i0*s[0] on; each is read, or each written. */
struct qmac_access {
	uint64_t first, unit;
	uint64_t n[3], s[3];
	bool writes;
};

/*
 * The accesses of a legal command; returns their number. Using a port is a write:
 * it excludes everybody else.
 */
int qmac_access_list(const struct qmac_hw *hw, const struct qmac_command *command,
                     struct qmac_access accesses[QMAC_ACCESSES_MAX]);

/* Visits every run [begin, end) of an access; stops, returning false, where a visit returns false. */
bool qmac_access_each_run(const struct qmac_access *access,
                          bool (*visit)(void *context, uint64_t begin, uint64_t end), void *context);

#endif
