/*
 * A network on a device: where its tensors lie in device memory, and the programs of a minibatch, forward and
 * backward, for given formats (docs/lowering.md). Values play no part: a device without any will do.
 *
 * One plan is for one network, one size of minibatch, one set of formats, one kind of hardware, and then one
 * driver of it.
 */
#ifndef QMAC_NET_PLAN_H
#define QMAC_NET_PLAN_H

#include "driver/driver.h"
#include "lower/conv.h"
#include "lower/sequence.h"
#include "lower/slices.h"
#include "net/flow.h"
#include "net/norm.h"
#include "net/table.h"

/* What becomes of the contribution that comes along a link. */
enum qmac_net_use {
	QMAC_NET_USE_STORED, /* the reader makes and stores it */
	QMAC_NET_USE_SPLIT,  /* stored as well: of a conv with stride 2, each class of pixels by itself */
	QMAC_NET_USE_PASSED, /* it is what the reader is given itself */
	QMAC_NET_USE_INLINE, /* it is made of that where it is rounded to an error, or added up */
	QMAC_NET_USE_ENDED   /* a product, made there, too: its tiles end in the error, or in the sum */
};

/* A command that is patched for every minibatch. */
struct qmac_net_patch {
	enum qmac_net_patch_kind {
		QMAC_NET_PATCH_SEED,  /* key of the site */
		QMAC_NET_PATCH_SHIFT, /* the requantise of an output or an error: right shift, rounding, monitor */
		QMAC_NET_PATCH_ROUND, /* the same in two commands: right shift and rounding */
		QMAC_NET_PATCH_LIMIT, /* and monitor */
		QMAC_NET_PATCH_ALIGN, /* a contribution among several: to the unit of the sum */
		QMAC_NET_PATCH_FACTOR /* of an update; link: a qmac_net_factor_kind */
	} kind;
	int64_t command;
	int layer;
	uint32_t site;
	int link;
};

/* What an update multiplies by: the sums for weights, those for biases, velocities and masters. */
enum qmac_net_factor_kind {
	QMAC_NET_FACTOR_WEIGHT, QMAC_NET_FACTOR_BIAS, QMAC_NET_FACTOR_MOMENTUM, QMAC_NET_FACTOR_DECAY,
	QMAC_NET_FACTOR_RATE, QMAC_NET_FACTORS
};

/*
 * What fraction lengths make of a layer's commands, all of it: what else depends on them is patched for every
 * minibatch. Of batch norm nothing.
 */
struct qmac_net_amounts {
	int left[2];                  /* what an input is shifted left by before it is added; of conv the sum */
	int bias_bits;                /* of a bias that is shifted to the sum that it is added to */
	int up;                       /* the sum is shifted left by so much, in place of right */
	struct qmac_net_table table;  /* tanh, sigmoid */
	int shorten;                  /* fraction bits of their output that the derivative does not look at */
	struct qmac_net_derivative derivative;
};

/* A program of a minibatch: what it does for a layer. */
enum qmac_net_part_kind {
	QMAC_NET_PART_SUMS,           /* batch_norm: over what it reads */
	QMAC_NET_PART_FORWARD,        /* its output */
	QMAC_NET_PART_ERROR,          /* the layer's error, or the sum of its gradient */
	QMAC_NET_PART_BACK_SUMS,      /* batch_norm: over its error, and over that times what it reads */
	QMAC_NET_PART_BACK,           /* what it gives back, and the sums of its parameters */
	QMAC_NET_PART_UPDATE,         /* its masters, where they lie on the device */
	QMAC_NET_PARTS
};
struct qmac_net_part {
	struct qmac_program *program; /* NULL: nothing to do */
	struct qmac_net_patch *patches;
	int patch_count, patch_room;
};

/* The two ways through a batch norm. */
enum qmac_net_pass { QMAC_NET_PASS_FORWARD, QMAC_NET_PASS_BACK, QMAC_NET_PASSES };

/* What a pass through a batch_norm has in memory. */
struct qmac_net_norm_place {
	struct qmac_view coefficients; /* three rows */
	struct qmac_view sum, product; /* over x and x^2, or E and E x, of one slice; others follow */
	struct qmac_slices slices;
	int64_t terms;                 /* positions that a sum may be over; 0: all */
	uint64_t slice_bytes;
};

struct qmac_arena;

struct qmac_net_plan_layer {
	struct qmac_shape in, out;   /* as they lie: behind flatten those before it; windows */
	int64_t kernel[2], stride;   /* on what lies there */
	int relu;                    /* the relu that is made together with it, or QMAC_NET_NONE */
	bool is_made;                /* a relu that is made together with its input */
	struct qmac_conv conv;       /* conv, linear */
	int fl;                      /* of the sum: p or q of docs/network-numerics.md; not of batch norm */
	struct qmac_net_amounts amounts, made_of; /* now, and those that its programs were made of */
	struct qmac_view output, error, sum;
	struct qmac_view weight, transposed, bias, table;
	struct qmac_view looked_up, derivative; /* where they are made apart */
	struct qmac_format table_format; /* of the table that lies there; bw 0: none does */
	bool has_pixels;             /* a bias for each pixel: behind flatten */
	struct qmac_view weight_sum, bias_sum; /* of one slice; the slices follow each other */
	struct qmac_slices slices;   /* of the sums, of one pixel where has_pixels */
	int64_t terms;               /* positions that a sum may be over; 0: all */
	uint64_t slice_bytes[2];
	struct qmac_view master[2], velocity[2]; /* of weights, of biases: as the sums lie, in words */
	struct qmac_net_norm_place norm[QMAC_NET_PASSES]; /* batch_norm */
	struct qmac_net_part parts[QMAC_NET_PARTS];
};

struct qmac_net_plan {
	struct qmac_net_flow flow;
	const struct qmac_net *net;
	const struct qmac_net_formats *formats;
	struct qmac_hw hw;
	int64_t batch;
	struct qmac_driver *driver;
	struct qmac_arena *arena;
	struct qmac_sequence sequence;
	/*
	 * The conv that reads the input, of few channels, where the host lays out its windows: then they are the
	 * input, and the conv has a kernel of 1. QMAC_NET_NONE: none.
	 */
	int windows;
	struct qmac_view input, ones;          /* ones: a channel of 1, for sums of errors */
	bool has_ones;                         /* they lie there */
	struct qmac_net_plan_layer *layers;
	struct qmac_view *contribution;        /* of each link; of those that are stored */
	enum qmac_net_use *use;                /* of each link */
	enum qmac_direction forward_counts;    /* as what commands that make outputs are counted */
	/*
	 * Set before the plan is opened, by who needs each program a few times only: it is made when it is
	 * submitted, and gone when another one is made behind it, in its memory.
	 */
	bool passing;
	struct qmac_program *spare;            /* cleared; NULL: none */
	int64_t compiled;                      /* programs so far */
	int *widths;                           /* that programs were made of, as plan_programs.c has them */
	int64_t *values;                       /* room of minibatch.h, its own affair */
	int64_t values_room;
};

/*
 * What lies where, and whether it fits: refuses what hardware cannot hold, with the name of the layer. net
 * and formats are to outlive the plan. The formats may change afterwards, but none may ever be wider, or
 * have more fraction bits, than now: every tensor has a place for that. Free also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_plan_make(struct qmac_net_plan *plan, const struct qmac_net *net,
                                                    const struct qmac_net_formats *formats, int64_t batch,
                                                    const struct qmac_hw *hw, struct qmac_error *err);

/* Bytes of device memory that the plan takes. */
uint64_t qmac_net_plan_bytes(const struct qmac_net_plan *plan);

/*
 * Takes them from a driver of that hardware, which is to outlive the plan, and makes the programs for the
 * formats as they are now. Once.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_plan_open(struct qmac_net_plan *plan, struct qmac_driver *driver,
                                                    struct qmac_error *err);

/*
 * The formats are others than when the plan was opened, or renewed: what depends on them is made anew, and of
 * the programs those whose commands are not what they were. All are then what a plan has that is opened with
 * these formats. Nothing may be running. After a failure the plan is good for nothing but to be freed.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_plan_renew(struct qmac_net_plan *plan, struct qmac_error *err);

/*
 * What a batch_norm has to be computed with, for the formats as they are; gamma and beta are left to the
 * caller.
 */
struct qmac_net_norm qmac_net_norm_of(const struct qmac_net_plan *plan, int layer);

/* Gives the memory back where nothing was allocated since. */
void qmac_net_plan_free(struct qmac_net_plan *plan);

/* ---- for host/net ------------------------------------------------------------------------------ */

/* The output of a layer, or the network's input, where it lies. */
const struct qmac_view *qmac_net_output(const struct qmac_net_plan *plan, int layer);

/* What a layer gives back: its error, or the sum of its gradient. */
const struct qmac_view *qmac_net_back(const struct qmac_net_plan *plan, int layer);

/* What comes along a link: of one that is stored or passed. */
const struct qmac_view *qmac_net_link_view(const struct qmac_net_plan *plan, int link);

/*
 * Exact work on a tensor of few channels can go over memory in full rows (lower/map_flat.h), what is rounded
 * stochastically cannot. Where that saves cycles such work is done apart and stored: what a tanh or sigmoid
 * looks up, before it is rounded; and what the error of a layer is multiplied by that only one of them reads.
 */
bool qmac_net_looks_up_apart(const struct qmac_net_plan *plan, int layer);
bool qmac_net_derives_apart(const struct qmac_net_plan *plan, int layer);

/* Of one that is split: of a class of pixels. */
struct qmac_view qmac_net_class_view(const struct qmac_net_plan *plan, int link, int64_t class);

/* Fills `use`. */
void qmac_net_find_uses(struct qmac_net_plan *plan);

/*
 * The only reader of a layer's output where what is given back to that reader is looked at for the layer's
 * own error, or sum, without being stored: behind an inline relu, tanh or sigmoid, or flatten. QMAC_NET_NONE:
 * contributions to the layer itself are looked at.
 */
int qmac_net_behind(const struct qmac_net_plan *plan, int layer);

/* The layer for whose error, or sum, the contributions to a layer are looked at: it, or one in front. */
int qmac_net_gatherer(const struct qmac_net_plan *plan, int layer);

/*
 * Lines and pixels to one position of the map that makes a layer's error, or sum: 2 where contributions come
 * from 2 x 2 pixels, or for them, class by class; otherwise 1.
 */
int64_t qmac_net_times(const struct qmac_net_plan *plan, int layer);

/* Whether pixels of a class (conv.h) of what a conv reads see a tap of its: if not, it gives them 0. */
bool qmac_net_sees(const struct qmac_net_plan_layer *p, int64_t class);

/* avg_pool, global_pool: a mean of 2 x 2 pixels, all of which are in one window. */
bool qmac_net_is_quarter(const struct qmac_net_plan *plan, int layer);

/* The link whose product ends in a layer's error, or sum; QMAC_NET_NONE: none does. */
int qmac_net_ended(const struct qmac_net_plan *plan, int layer);

/*
 * Whether a layer's error is summed where it is made: into such slices, with a few rows more. If not, sums
 * over it are programs, or products, of their own.
 */
bool qmac_net_sums_error(const struct qmac_net_plan *plan, int layer, const struct qmac_slices *slices);

/* The batch_norm whose sums over a conv's or linear's output are made with that; QMAC_NET_NONE: none. */
int qmac_net_sums_output(const struct qmac_net_plan *plan, int layer);

/* conv, linear: whether the window is the whole image, of more than one pixel. */
bool qmac_net_is_whole(const struct qmac_net_plan_layer *p);

/* A layer's format of the output. */
static inline struct qmac_format qmac_net_format(const struct qmac_net_plan *plan, int layer)
{
	return plan->formats->output[layer + 1];
}

/* Notes a command that is patched. */
QMAC_MUST_CHECK enum qmac_status qmac_net_add_patch(struct qmac_net_part *part,
                                                    const struct qmac_net_patch *patch,
                                                    struct qmac_error *err);

/* The part, which is there then if there is anything to do. */
QMAC_MUST_CHECK enum qmac_status qmac_net_ready_part(struct qmac_net_plan *plan, int layer,
                                                     enum qmac_net_part_kind kind,
                                                     struct qmac_net_part **part, struct qmac_error *err);

/* Makes the programs, but for those that are there and would be made of the same; frees them. */
QMAC_MUST_CHECK enum qmac_status qmac_net_make_programs(struct qmac_net_plan *plan, struct qmac_error *err);
void qmac_net_free_programs(struct qmac_net_plan *plan);

/* What "What fits" of docs/network-numerics.md says, for the plan's shapes. */
QMAC_MUST_CHECK enum qmac_status qmac_net_check(const struct qmac_net_plan *plan, struct qmac_error *err);

/*
 * Makes the views of the plan's tensors. At first, without a driver, it plans where they lie; then, with
 * their memory, it gives them their addresses there.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_place(struct qmac_net_plan *plan, struct qmac_error *err);

#endif
