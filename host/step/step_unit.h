/*
 * The programs that a loop of steps consists of. A unit is what is submitted without a word of the host in
 * between; units of equal keys are the same program, compiled once and replayed with other samples, seeds,
 * tags and units of numbers.
 *
 * Where all of Z is resident, chunks are counted through all steps of a loop. The samples of chunk q+1 are
 * loaded while chunk q is worked on; in logistic regression, where the host makes m' of m between the two
 * products, unit q has the second product of chunk q and the first one of chunk q+1.
 * Where Z comes part by part, a step is two units: the first product of all chunks, and the second.
 */
#ifndef QMAC_STEP_STEP_UNIT_H
#define QMAC_STEP_STEP_UNIT_H

#include "step/step_plan.h"
#include "step/step_writer.h"

/* Where the matrices of a step lie in device memory, and in which containers. */
struct qmac_step_memory {
	struct qmac_buffer x, z, h, targets, m, scaled, sum; /* bytes 0: there is none */
	unsigned x_container, z_container, h_container, target_container, m_container, scaled_container;
};

enum qmac_step_unit_kind {
	QMAC_STEP_BEGIN,   /* what is due, the samples of chunk 0; logistic regression: its first product */
	QMAC_STEP_CHUNK,   /* linear regression: chunk q */
	QMAC_STEP_UPDATE,  /* logistic regression: the second product of chunk q, the first of chunk q+1 */
	QMAC_STEP_KEEP,    /* Z, or the sum, goes to memory */
	QMAC_STEP_PRODUCTS, /* part by part: m of all chunks, or m' */
	QMAC_STEP_PARTS     /* part by part: the sums, and the new Z */
};

/* Zeroed but for what the kind has; compared as bytes. */
struct qmac_step_key {
	int kind;
	int slot;                 /* of chunk q */
	int samples, next, after; /* of the chunks q, q+1, q+2; 0: there is none */
	int next_loaded;          /* LOADs of chunk q+1 that an earlier unit had */
	int after_loads;          /* LOADs of chunk q+2 that this one has */
	int first, last, keep;    /* chunk q is the first, the last of its step; Z before it is kept */
	int h_due, z_due, z_clear; /* BEGIN */
};

struct qmac_step_unit {
	struct qmac_step_key key;
	struct qmac_program *program;
	struct qmac_step_note *notes;
	int64_t count;
};

/* LOADs that bring `samples` samples into a slot, load_samples at a time. */
int qmac_step_loads(const struct qmac_step_plan *plan, int samples);

/*
 * Of the LOADs of the next chunk, `loads`, those that stand beside the first product of a chunk: its share
 * of the time of both.
 */
int qmac_step_forward_loads(const struct qmac_step_plan *plan, int samples, bool first, bool last, int loads);

/* Makes the program of a key, not compiled. point: p of logistic regression. */
QMAC_MUST_CHECK enum qmac_status qmac_step_unit_make(struct qmac_step_unit *unit,
                                                     const struct qmac_step_plan *plan,
                                                     const struct qmac_hw *hw,
                                                     const struct qmac_step_memory *memory,
                                                     const struct qmac_step_key *key, int point,
                                                     struct qmac_error *err);
void qmac_step_unit_destroy(struct qmac_step_unit *unit);

/* What a replay has that is its own. */
struct qmac_step_replay {
	const uint32_t *order;  /* samples, from the first that the unit loads on */
	uint32_t step, seed;
	const struct qmac_units *units;
	uint64_t sample_bytes, target_bytes; /* from sample to sample */
};

/* Renews the fields of its commands. */
void qmac_step_unit_patch(struct qmac_step_unit *unit, const struct qmac_step_memory *memory,
                          const struct qmac_step_replay *replay);

#endif
