/*
 * The state of a run, for checkpoints: named pieces of memory, each of a size that the configuration
 * fixes. Whoever owns a piece adds it; saving reads all pieces and loading writes them, so that the two
 * cannot differ.
 */
#ifndef QMAC_TRAIN_STATE_H
#define QMAC_TRAIN_STATE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum { QMAC_STATE_PIECES_MAX = 64 };

struct qmac_state_piece {
	const char *name; /* at most 31 characters, each name once */
	void *data;
	size_t bytes;
};

struct qmac_state {
	struct qmac_state_piece pieces[QMAC_STATE_PIECES_MAX];
	int count;
};

static inline void qmac_state_add(struct qmac_state *state, const char *name, void *data, size_t bytes)
{
	assert(state->count < QMAC_STATE_PIECES_MAX);
	state->pieces[state->count++] = (struct qmac_state_piece){name, data, bytes};
}

/* A variable, by its own name. */
#define QMAC_STATE_VALUE(state, name, value) qmac_state_add(state, name, &(value), sizeof(value))

#endif
