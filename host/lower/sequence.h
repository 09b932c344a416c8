/*
 * Programs that follow each other in any order, on one driver, with or without a wait of the host in between.
 *
 * A program gets the waits for what stands before it when it is submitted: the fewest that order it behind
 * the program before, found once for each pair; and behind whatever stands before that one, all of it. So
 * two programs overlap as far as they can, and three never do (docs/lowering.md).
 */
#ifndef QMAC_LOWER_SEQUENCE_H
#define QMAC_LOWER_SEQUENCE_H

#include "lower/program.h"

/* Zeroed but for the driver before first use; allocates nothing itself. */
struct qmac_sequence {
	struct qmac_driver *driver;
	struct qmac_program *last;         /* submitted last, NULL: none */
	uint16_t end[3];                   /* what the engines had been given then */
	uint32_t serials;                  /* programs so far */
};

/*
 * Compiles a program for this sequence, in place of qmac_program_compile(). It stays its caller's, and has to
 * live as long as the sequence is used.
 */
QMAC_MUST_CHECK enum qmac_status qmac_sequence_compile(struct qmac_sequence *sequence,
                                                       struct qmac_program *program, struct qmac_error *err);

/*
 * Submits a program of the sequence, whatever was submitted to the driver before. Where a program stands
 * behind another one for the first time the waits of this pair are found, and kept; from then on nothing is
 * allocated.
 */
QMAC_MUST_CHECK enum qmac_status qmac_sequence_submit(struct qmac_sequence *sequence,
                                                      struct qmac_program *program, struct qmac_error *err);

#endif
