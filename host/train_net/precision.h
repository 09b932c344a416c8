/*
 * The formats that a network is trained in: a precision policy (docs/policies.md) as the loop over steps sees
 * it. A policy chooses the formats of the parameters, training->formats, when it is created, and may choose
 * others behind each step and each epoch. The engine takes them over when it loads the next weights; a bias
 * has the format of the weights of its layer.
 */
#ifndef QMAC_TRAIN_NET_PRECISION_H
#define QMAC_TRAIN_NET_PRECISION_H

#include "record/recorded.h"
#include "train_net/training.h"
#include "train/state.h"

/* What a policy sees of a step. In step() the masters are still those that gave the gradient. */
struct qmac_net_observation {
	int64_t epoch, step;   /* from 1; steps of the whole training */
	double loss;           /* mean loss of the step's last minibatch */
	const float *gradient; /* as the masters lie; normalised where run->normalise */
};

struct qmac_net_precision {
	const struct qmac_net_precision_operations *operations;
	struct qmac_net_training *training;
	/* What has changed since the last call of step() or epoch() began: at most one for each layer. */
	struct qmac_format_switch *switches;
	int switch_count;
	/* In an estimate what was decided before, in place of what the policy would decide; else NULL. */
	const struct qmac_recorded *recorded;
	int64_t changes_replayed, switches_replayed; /* rows of it that have come */
};

struct qmac_net_precision_operations {
	/* Bytes of the policy, of which struct qmac_net_precision is the beginning. */
	size_t size;
	/* Sets training->formats and training->widest. */
	enum qmac_status (*start)(struct qmac_net_precision *precision, struct qmac_error *err);
	/* Behind the gradient of every step, its update, and the last step of every epoch. NULL: formats stay. */
	enum qmac_status (*step)(struct qmac_net_precision *precision, const struct qmac_net_observation *seen,
	                         struct qmac_error *err);
	enum qmac_status (*masters)(struct qmac_net_precision *precision,
	                            const struct qmac_net_observation *seen, struct qmac_error *err);
	enum qmac_status (*epoch)(struct qmac_net_precision *precision, const struct qmac_net_observation *seen,
	                          struct qmac_error *err);
	/*
	 * By what the learning rate of the schedule is multiplied; whether the running epoch is the last one, and
	 * whether none is left, however many the run may have. NULL: 1, and no.
	 */
	double (*rate)(const struct qmac_net_precision *precision);
	bool (*is_last)(const struct qmac_net_precision *precision);
	bool (*is_over)(const struct qmac_net_precision *precision);
	/* AdaPT's lookback and resolution of a parameter, as they are now. NULL: 1 and 0. */
	void (*effort)(const struct qmac_net_precision *precision, int parameter, int *lookback, int *resolution);
	/* What it goes on from, beside the formats. NULL: nothing. */
	void (*state)(struct qmac_net_precision *precision, struct qmac_state *state);
	void (*stop)(struct qmac_net_precision *precision); /* NULL: there is nothing to free */
};

extern const struct qmac_net_precision_operations qmac_net_float_precision, qmac_net_fixed_precision,
	qmac_net_adapt_precision, qmac_net_muppet_precision;

/*
 * The policy of the training's run; recorded, in an estimate: what it has decided (replay.h), else NULL.
 * training, with its network and masters, must outlive it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_precision_create(struct qmac_net_training *training,
                                                           const struct qmac_recorded *recorded,
                                                           struct qmac_net_precision **precision,
                                                           struct qmac_error *err);
void qmac_net_precision_destroy(struct qmac_net_precision *precision); /* NULL is legal */

QMAC_MUST_CHECK enum qmac_status qmac_net_precision_step(struct qmac_net_precision *precision,
                                                         const struct qmac_net_observation *seen,
                                                         struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_net_precision_masters(struct qmac_net_precision *precision,
                                                            const struct qmac_net_observation *seen,
                                                            struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_net_precision_epoch(struct qmac_net_precision *precision,
                                                          const struct qmac_net_observation *seen,
                                                          struct qmac_error *err);

void qmac_net_precision_effort(const struct qmac_net_precision *precision, int parameter, int *lookback,
                               int *resolution);
double qmac_net_precision_rate(const struct qmac_net_precision *precision);
bool qmac_net_precision_is_last(const struct qmac_net_precision *precision);
bool qmac_net_precision_is_over(const struct qmac_net_precision *precision);

/* Adds the formats and what the policy goes on from. */
void qmac_net_precision_state(struct qmac_net_precision *precision, struct qmac_state *state);

/* ---- for the policies ------------------------------------------------------------------------------ */

/* A qmac_policy_piece, whose context is a struct qmac_state. */
void qmac_net_precision_piece(void *state, const char *name, void *data, size_t bytes);

/* Whether it is the first parameter of its layer, and has a format: that of the layer. */
static inline bool qmac_net_precision_leads(const struct qmac_net_precision *precision, int parameter)
{
	const struct qmac_net_parameter *parameters = precision->training->net.parameters;

	return qmac_net_has_codes(&parameters[parameter]) &&
	       (parameter == 0 || parameters[parameter].layer != parameters[parameter - 1].layer);
}

/* All parameters that have a format have that one. */
void qmac_net_precision_set_all(struct qmac_net_precision *precision, struct qmac_format format);

enum { QMAC_NET_SCALED_FL_MAX = 20 }; /* of masters that are all but zero */

/*
 * A parameter with a format gets `bits` bits and the scale of its masters as they are now, that of MuPPET's
 * quantiser (policy/muppet.h) with QMAC_NET_SCALED_FL_MAX fraction bits at most; a bias is not finer than the
 * weights of its layer, which come first. seen: NULL where it is no switch. Fails where a master is not
 * finite.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_precision_rescale(struct qmac_net_precision *precision,
                                                            const struct qmac_net_observation *seen,
                                                            int parameter, int bits, struct qmac_error *err);

/* The first parameter of a layer, whose format is that of the layer, gets another one: a switch. */
void qmac_net_precision_note(struct qmac_net_precision *precision, const struct qmac_net_observation *seen,
                             int parameter, struct qmac_format after, uint64_t host_flops);

/* All layers go on in float32. */
void qmac_net_precision_end_formats(struct qmac_net_precision *precision,
                                    const struct qmac_net_observation *seen);

#endif
