#include "config/run_table.h"

#include <stddef.h>

enum {
	LP_SGD = 1 << QMAC_LP_SGD,
	LP_SVRG = 1 << QMAC_LP_SVRG,
	HALP = 1 << QMAC_HALP,
	LP = LP_SGD | LP_SVRG | HALP,
	OUTER = 1 << QMAC_SVRG | LP_SVRG | HALP,
	ALL = 1 << QMAC_SGD | OUTER | LP,
	FIXED = QMAC_RUN_NETWORK << QMAC_POLICY_FIXED,
	ADAPT = QMAC_RUN_NETWORK << QMAC_POLICY_ADAPT,
	MUPPET = QMAC_RUN_NETWORK << QMAC_POLICY_MUPPET,
	DEVICE_NETWORKS = FIXED | ADAPT | MUPPET,
	NETWORKS = QMAC_RUN_NETWORK << QMAC_POLICY_FLOAT | DEVICE_NETWORKS,
	EVERY = ALL | NETWORKS,
	QUADRATIC = QMAC_RUN_DATA << QMAC_DATA_QUADRATIC,
	SHAPED = QUADRATIC | QMAC_RUN_DATA << QMAC_DATA_CONDITIONED,
	GENERATED = SHAPED | QMAC_RUN_DATA << QMAC_DATA_MAKE_REGRESSION,
	CSV = QMAC_RUN_DATA << QMAC_DATA_CSV,
	TABLES = CSV | QMAC_RUN_DATA << QMAC_DATA_LIBSVM,
	SPLIT = TABLES | (GENERATED & ~QUADRATIC),
	EMNIST = QMAC_RUN_DATA << QMAC_DATA_EMNIST,
	IMAGES = QMAC_RUN_DATA << QMAC_DATA_MNIST | QMAC_RUN_DATA << QMAC_DATA_FASHION_MNIST |
	         QMAC_RUN_DATA << QMAC_DATA_CIFAR10 | QMAC_RUN_DATA << QMAC_DATA_CIFAR100 | EMNIST,
	FILES = TABLES | IMAGES
};

/* member: of struct qmac_run */
#define ROW(group, name, member, kind, low, high, words, aliases, fallback, used_by, help) \
	{group, #name, QMAC_KIND_##kind, low, high, words, aliases, fallback, used_by, help, \
	 offsetof(struct qmac_run, member), sizeof((struct qmac_run *)0)->member},

const struct qmac_key qmac_run_keys[QMAC_RUN_KEYS] = {
#define KEY(name, ...) ROW("", name, name, __VA_ARGS__)
#define GROUPED(group, name, ...) ROW(#group, name, group##_##name, __VA_ARGS__)
#include "config/run_keys.def"
#undef KEY
#undef GROUPED
};

const struct qmac_key_table qmac_run_table = {qmac_run_keys, QMAC_RUN_KEYS};

_Static_assert((int)QMAC_RUN_KEYS <= (int)QMAC_RUN_KEYS_MAX, "every key has a source");
_Static_assert(sizeof(enum qmac_algorithm) == sizeof(int), "enums of the table are stored as int");

bool qmac_run_has_number(const char *key)
{
	int index = qmac_key_table_find(&qmac_run_table, key);

	return index >= 0 && qmac_key_is_number(&qmac_run_keys[index]);
}

double qmac_run_number(const struct qmac_run *run, const char *key)
{
	return qmac_key_number(&qmac_run_keys[qmac_key_table_find(&qmac_run_table, key)], run);
}

const char *qmac_run_ignores(const struct qmac_run *run, const char *key)
{
	return qmac_run_unused_by(run, &qmac_run_keys[qmac_key_table_find(&qmac_run_table, key)]);
}

const char *qmac_run_unused_by(const struct qmac_run *run, const struct qmac_key *key)
{
	unsigned data = key->used_by / QMAC_RUN_DATA;
	unsigned method = run->network[0] ? (unsigned)QMAC_RUN_NETWORK << run->precision_policy
	                                  : 1u << run->algorithm;

	if (data && !(data >> run->data & 1))
		return qmac_data_name(run->data);
	return key->used_by & method ? NULL : qmac_run_method(run);
}

const char *qmac_run_method(const struct qmac_run *run)
{
	static const char *const policies[] = {"float", "fixed", "adapt", "muppet"};

	return run->network[0] ? policies[run->precision_policy] : qmac_algorithm_name(run->algorithm);
}

bool qmac_run_uses_device(const struct qmac_run *run)
{
	if (run->network[0])
		return run->precision_policy != QMAC_POLICY_FLOAT;
	return run->algorithm != QMAC_SGD && run->algorithm != QMAC_SVRG;
}

const char *qmac_run_energy(const struct qmac_run *run)
{
	return qmac_run_uses_device(run) ? run->energy : "";
}

const char *qmac_run_area(const struct qmac_run *run)
{
	return qmac_run_uses_device(run) ? run->area : "";
}

bool qmac_run_switches_formats(const struct qmac_run *run)
{
	return run->network[0] && (run->precision_policy > QMAC_POLICY_FIXED ||
	                           (run->precision_policy == QMAC_POLICY_FIXED &&
	                            (run->precision_fl_rule == QMAC_FL_CURRENT ||
	                             run->precision_activation_fl == QMAC_ACTIVATION_FL_OWN ||
	                             run->precision_activation_scale == QMAC_ACTIVATION_SCALE_EPOCH)));
}

const char *qmac_data_name(enum qmac_data data)
{
	static const char *const names[] = {"make_regression", "csv", "libsvm", "mnist", "fashion_mnist",
	                                    "conditioned", "quadratic", "cifar10", "cifar100", "emnist"};

	return names[data];
}

const char *qmac_algorithm_name(enum qmac_algorithm algorithm)
{
	static const char *const names[] = {"sgd", "svrg", "lp_sgd", "lp_svrg", "halp"};

	return names[algorithm];
}

const char *qmac_problem_name(enum qmac_problem problem)
{
	static const char *const names[] = {"linear_regression", "logistic_regression"};

	return names[problem];
}
