/*
 * The run configuration: what is trained, how, on which hardware.
 *
 * One table row per key (run_keys.def): name, kind, bounds, help. A value comes
 * from, in rising order: the default, which may depend on (problem, algorithm,
 * bits); the run file; --set key=value. Every key remembers its source.
 */
#ifndef QMAC_CONFIG_RUN_CONFIG_H
#define QMAC_CONFIG_RUN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum qmac_problem { QMAC_PROBLEM_LINEAR_REGRESSION, QMAC_PROBLEM_LOGISTIC_REGRESSION };
enum qmac_data {
	QMAC_DATA_MAKE_REGRESSION, QMAC_DATA_CSV, QMAC_DATA_LIBSVM, QMAC_DATA_MNIST, QMAC_DATA_FASHION_MNIST,
	QMAC_DATA_CONDITIONED, QMAC_DATA_QUADRATIC, QMAC_DATA_CIFAR10, QMAC_DATA_CIFAR100, QMAC_DATA_EMNIST
};
enum qmac_transpose { QMAC_TRANSPOSE_AUTO, QMAC_TRANSPOSE_TRUE, QMAC_TRANSPOSE_FALSE };
enum qmac_separator {
	QMAC_SEPARATOR_AUTO, QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_SEMICOLON, QMAC_SEPARATOR_TAB,
	QMAC_SEPARATOR_BLANK
};
enum qmac_algorithm { QMAC_SGD, QMAC_SVRG, QMAC_LP_SGD, QMAC_LP_SVRG, QMAC_HALP };
enum qmac_option { QMAC_OPTION_I, QMAC_OPTION_II };
enum qmac_outer_place { QMAC_OUTER_HOST, QMAC_OUTER_DEVICE };
enum qmac_policy { QMAC_POLICY_FLOAT, QMAC_POLICY_FIXED, QMAC_POLICY_ADAPT, QMAC_POLICY_MUPPET };
enum qmac_fl_rule { QMAC_FL_GIVEN, QMAC_FL_RANGE, QMAC_FL_CURRENT };
enum qmac_activation_fl { QMAC_ACTIVATION_FL_AUTO, QMAC_ACTIVATION_FL_LAYER, QMAC_ACTIVATION_FL_OWN };
enum qmac_activation_scale {
	QMAC_ACTIVATION_SCALE_AUTO, QMAC_ACTIVATION_SCALE_DELAY, QMAC_ACTIVATION_SCALE_EPOCH
};
enum qmac_err_scale { QMAC_ERR_SCALE_DELAY, QMAC_ERR_SCALE_CUR, QMAC_ERR_SCALE_FIXED };
enum qmac_ste { QMAC_STE_CLIP, QMAC_STE_THROUGH };
enum qmac_grad_quant { QMAC_GRAD_QUANT_EXACT, QMAC_GRAD_QUANT_SCALED, QMAC_GRAD_QUANT_LAYER };
enum qmac_update_place { QMAC_UPDATE_HOST, QMAC_UPDATE_DEVICE };
enum qmac_l1_of { QMAC_L1_OF_MASTERS, QMAC_L1_OF_CODES };
enum qmac_precision_kl { QMAC_PRECISION_KL_TRUE, QMAC_PRECISION_KL_REPO };
enum qmac_precision_bisect { QMAC_PRECISION_BISECT_FIXED, QMAC_PRECISION_BISECT_REPO };
enum qmac_strategy { QMAC_STRATEGY_MIN, QMAC_STRATEGY_MEAN, QMAC_STRATEGY_MAX };
enum qmac_softmax_count { QMAC_SOFTMAX_SINGLE, QMAC_SOFTMAX_DOUBLE };
enum qmac_schedule_word { QMAC_FALL_CONSTANT, QMAC_FALL_STEPS, QMAC_FALL_PLATEAU };
enum qmac_divergence { QMAC_DIVERGENCE_REPORT, QMAC_DIVERGENCE_FAIL };

enum {
	QMAC_PATH_MAX = 1024, QMAC_TEXT_MAX = 64, QMAC_IGNORE_MAX = 512, QMAC_LAYERS_MAX = 2048,
	QMAC_RUN_KEYS_MAX = 128
};

/* Effective values; members are named as the keys, <group>_<name> where a key has a group. */
struct qmac_run {
	char network[QMAC_PATH_MAX];   /* network file; "": problem and algorithm say what is trained */
	enum qmac_problem problem;     /* "linear_regression", "logistic_regression" */
	enum qmac_algorithm algorithm; /* "sgd", "svrg", "lp_sgd", "lp_svrg", "halp" */
	enum qmac_data data;           /* "make_regression", "csv", "libsvm", "mnist", "fashion_mnist",
	                                  "conditioned", "quadratic", "cifar10", "cifar100", "emnist" */
	char file[QMAC_PATH_MAX];      /* of the data, of images their folder; where it was found */
	char test_file[QMAC_PATH_MAX]; /* of a table: the test part; "": none but a share of `file` */
	char target[QMAC_TEXT_MAX];    /* CSV: the column of the targets: a name, a number from 1, or "last" */
	char ignore[QMAC_IGNORE_MAX];  /* CSV: columns to leave out, likewise, with commas between; or "none" */
	enum qmac_separator separator; /* CSV: "auto" (as the first lines have it), "comma", "semicolon", "tab",
	                                  "blank" */
	char split[16];                /* EMNIST: "balanced", "byclass", "bymerge", "letters", "digits",
	                                  "mnist" */
	enum qmac_transpose transpose; /* EMNIST: lines and columns exchanged: "auto" (of files under the
	                                  published names), "true", "false" */
	int classes;                   /* of a classification; 0: as many as the data have */
	int64_t limit;                 /* the first so many samples of a file, of several the training file;
	                                  0: all */
	int64_t test_limit;            /* the first so many test images; 0: all */
	bool standardise;              /* a file's features and targets to mean 0, variance 1 */
	double clip;                   /* limit of a file's inputs after that; 0: none */
	bool bias;                     /* one more feature, always 1, for a file */
	double test_fraction;          /* share of the samples in the test part, 0..0.9 */
	int64_t samples;               /* of the generated problem, test part included */
	int64_t features;              /* d of the generated problem */
	int64_t informative;           /* features with a non-zero coefficient */
	double noise;                  /* standard deviation of the noise on y */
	double kappa;                  /* condition number of the problems "conditioned" and "quadratic" */
	int bits;                      /* b: width of w or z in the low-precision algorithms, 2..32 */
	int x_bits;                    /* width of the quantised inputs, 2..16 */
	int frac_bits;                 /* F: fraction bits of h and of the step, 0..24 */
	int mp_bits;                   /* width of m', the scaled residual, 2..32 */
	int y_frac_bits;               /* e: fraction bits of the targets in LP-SGD, 0..16 */
	double alpha;                  /* step size */
	double delta;                  /* quantum of LP-SGD and LP-SVRG */
	double mu;                     /* HALP: s = ||g|| / mu */
	double lambda;                 /* L2 regulariser */
	int64_t batch;
	int64_t inner_steps;           /* T per epoch; 0: two passes over the training part, of a network one */
	enum qmac_option option;       /* "I" (or 1), "II" (or 2): which inner iterate becomes the centre */
	enum qmac_outer_place outer;   /* "host" in double, "device" in 32-bit integers: full gradients */
	int64_t epochs;
	uint32_t seed;
	char hw[QMAC_PATH_MAX];        /* hardware file; where the run file names it, beside that file */
	char energy[QMAC_PATH_MAX];    /* energy table, likewise; "": the one that is part of the program */
	char area[QMAC_PATH_MAX];      /* area table, likewise */
	char backend[16];              /* "cmodel", "rtl", "lockstep" */
	char kernel[16];               /* "auto" or a kernel's name */
	int threads;                   /* host threads, 1..256; results do not depend on it */
	int64_t timeline;              /* commands recorded in timeline.json, from the first; 0: none */
	enum qmac_divergence divergence; /* "report" or "fail" (exit status 1) */
	int64_t checkpoint_every;      /* epochs from one checkpoint to the next; 0: none */
	int64_t checkpoint_steps;      /* inner steps from one to the next within an epoch; 0: none */
	/* Of a network: */
	int64_t net_channels;          /* of the input; 0: as the file says */
	int64_t net_times;             /* how often every `repeat` of the file is there; 0: as it says */
	enum qmac_update_place update; /* "host", "device": where masters are and change */
	enum qmac_policy precision_policy; /* "float", "fixed", "adapt", "muppet" */
	int precision_bw, precision_fl; /* of weights and activations, at first: docs/network-numerics.md */
	/* "fixed", docs/networks.md: */
	enum qmac_fl_rule precision_fl_rule; /* "given", "range", "current" */
	char precision_layers[QMAC_LAYERS_MAX]; /* formats of single layers (layer_formats.h); or "none" */
	enum qmac_activation_fl precision_activation_fl; /* "auto", "layer", "own" */
	enum qmac_activation_scale precision_activation_scale; /* "auto", "delay", "epoch" */
	int precision_activation_headroom; /* 0..8 bits, of "delay" */
	int precision_err_bits;        /* 2..16: errors of conv, linear and the last layer */
	int precision_dy_bits;         /* 2..16: of all other layers; 0: by the network */
	char precision_statistics[QMAC_TEXT_MAX]; /* "float", or "BW,FL" (layer_formats.h) */
	enum qmac_err_scale precision_err_scale; /* "delay", "cur", "fixed" */
	enum qmac_ste precision_ste;   /* "clip", "through": errors where an output is saturated */
	enum qmac_grad_quant precision_grad_quant; /* "exact", "scaled", "layer" */
	enum qmac_l1_of precision_l1_of; /* "masters", "codes" */
	/* QMAC_ROUND_*: "floor", "nearest", "stochastic" */
	unsigned precision_weight_rounding, precision_activation_rounding, precision_error_rounding;
	/* "adapt", docs/policies.md: */
	int precision_bw_max, precision_buffer_bits;
	enum qmac_precision_kl precision_kl; /* "true", "repo" */
	double precision_kl_tol;
	enum qmac_precision_bisect precision_bisect; /* "fixed", "repo" */
	int precision_lookback_low, precision_lookback_high;
	double precision_lookback_momentum;
	int precision_resolution_low, precision_resolution_high;
	enum qmac_strategy precision_strategy; /* "min", "mean", "max" */
	/* "muppet", docs/policies.md: */
	char precision_levels[QMAC_TEXT_MAX]; /* "8, 12" */
	double precision_threshold_alpha, precision_threshold_beta, precision_threshold_lambda;
	int precision_resolution, precision_patience;
	int precision_float_epochs; /* of float32, at each of its learning rates */
	double precision_float_factor, precision_float_lr_min; /* below 1; the last one is not above that */
	int augment_crop;              /* pixels of padding, in which a window is the image; 0: none */
	bool augment_flip;             /* images mirrored with probability 1/2 (data/augment.h) */
	int resize;                    /* height and width that its images get; 0: as they are */
	double init_gain;              /* a weight's initial variance is init_gain / fan-in */
	double init_biases;            /* initial biases are uniform in -init_biases..init_biases */
	enum qmac_softmax_count softmax; /* "single", "double" */
	double momentum;               /* 0 to below 1 */
	double l1, l2;
	int64_t accumulate;            /* minibatches whose gradients are added up for a step */
	bool normalise;                /* every parameter's gradient to norm 1 */
	enum qmac_schedule_word schedule_kind; /* "constant", "steps", "plateau": of alpha (policy/schedule.h) */
	double schedule_factor;        /* above 0, below 1 */
	char schedule_milestones[QMAC_TEXT_MAX]; /* "none", or rising epochs with commas between (milestones.h) */
	int schedule_patience;
	double schedule_threshold;     /* below 1 */
	double schedule_lr_min;
	int64_t eval_every;            /* epochs from one evaluation to the next; 0: the last only, -1: none */
	double target_accuracy;        /* 0 to below 1, for the speed-up until it is reached; 0: none */
	bool speedup;                  /* whether the device's cycles are compared with those in 32 bits */
};

/*
 * "key=value" from the command line, with the option that carried it ("--set", "--hw"). The option
 * "--data-dir" is no key: its value is the folder to search for data.
 */
struct qmac_setting {
	const char *key, *value, *option;
};

struct qmac_run_config {
	struct qmac_run run;
	char file[QMAC_PATH_MAX];                  /* the run file */
	char source[QMAC_RUN_KEYS_MAX][160];       /* per table row: where the value comes from */
};

/*
 * Reads file (NULL: defaults only), applies the settings, fills in defaults, checks every
 * range and every rule between keys. Errors name file:line:column, or the option.
 */
QMAC_MUST_CHECK enum qmac_status qmac_run_config_load(struct qmac_run_config *config, const char *file,
                                                      const struct qmac_setting *settings, int setting_count,
                                                      struct qmac_error *err);

/* Names of the copies of what a run file names. */
struct qmac_run_copies {
	const char *hw, *net, *energy, *area;
};

/*
 * Writes the effective configuration as YAML that qmac_run_config_load reads back to the
 * same values, a comment with the source behind each line. Paths are written as absolute ones; those of the
 * hardware file, of the network file and of the tables of costs as `copies` has them where it is not NULL:
 * where copies of them lie beside what is written.
 */
void qmac_run_config_print(const struct qmac_run_config *config, const struct qmac_run_copies *copies,
                           FILE *out);

static inline bool qmac_data_is_generated(enum qmac_data data)
{
	return data == QMAC_DATA_MAKE_REGRESSION || data == QMAC_DATA_CONDITIONED || data == QMAC_DATA_QUADRATIC;
}

/* Images come as training and test files, with pixels that need no preparation. */
static inline bool qmac_data_is_images(enum qmac_data data)
{
	return data == QMAC_DATA_MNIST || data == QMAC_DATA_FASHION_MNIST || data >= QMAC_DATA_CIFAR10;
}

/* Whether that is the name of a key with a number. */
bool qmac_run_has_number(const char *key);
double qmac_run_number(const struct qmac_run *run, const char *key);
/* The word for the run's algorithm, or its data, where they do not look at that key; NULL where they do. */
const char *qmac_run_ignores(const struct qmac_run *run, const char *key);

/* The tables of costs that the run looks at; "": the program's own, as of a run that uses no device. */
const char *qmac_run_energy(const struct qmac_run *run);
const char *qmac_run_area(const struct qmac_run *run);

/* What trains: the algorithm, or the precision policy of a network, as a word. */
const char *qmac_run_method(const struct qmac_run *run);
/* Whether the device is used; where not, the run has no bits and no figures of the device. */
bool qmac_run_uses_device(const struct qmac_run *run);
/*
 * Whether formats of a network, of weights or activations, may change while it is trained, and changes are
 * recorded; scales by the minibatch before are not.
 */
bool qmac_run_switches_formats(const struct qmac_run *run);

const char *qmac_data_name(enum qmac_data data);
const char *qmac_algorithm_name(enum qmac_algorithm algorithm);
const char *qmac_problem_name(enum qmac_problem problem);

#endif
