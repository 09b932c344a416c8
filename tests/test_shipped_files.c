/*
 * Every file in configs/net, configs/run and configs/sweep loads, with the network and the hardware that it
 * names, and has no key that its run does not look at. Whether data are there is no matter: folders without
 * anything in them stand for them.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "config/hw_file.h"
#include "config/net_file.h"
#include "config/run_table.h"
#include "config/sweep_file.h"
#include "config_files.h"

/* What the run files read, as far as loading looks at it. */
static void pretend_data(void)
{
	static const char *const folders[] = {"data", "data/mnist", "data/fashion-mnist", "data/emnist",
	                                      "data/cifar-10-batches-bin", "data/cifar-100-binary",
	                                      "data/tabular"};
	char path[512];

	for (int i = 0; i < TEST_COUNT(folders); i++) {
		snprintf(path, sizeof path, "%s/%s", test_folder(), folders[i]);
		CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	}
	config_file("data/tabular/a9a", "");
	config_file("data/tabular/fetch_california_housing.csv", "");
	snprintf(path, sizeof path, "%s/data", test_folder());
	setenv("QMAC_DATA", path, 1);
}

/* Calls check() with every file of configs/FOLDER; how many there are. */
static int each_file(const char *folder, void (*check)(const char *file))
{
	char path[512];
	DIR *files;
	int count = 0;

	snprintf(path, sizeof path, "configs/%s", folder);
	files = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(files);
	for (struct dirent *entry = readdir(files); entry; entry = readdir(files)) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "configs/%s/%s", folder, entry->d_name);
		check(path);
		count++;
	}
	closedir(files);
	return count;
}

static void expect_ok(enum qmac_status status, const char *file, const struct qmac_error *err)
{
	CU_ASSERT_EQUAL(status, QMAC_OK);
	if (status)
		printf("\n    %s: %s:%d:%d: %s\n", file, err->file, err->line, err->column, err->message);
}

static void check_net(const char *file)
{
	struct qmac_error err = {0};
	struct qmac_net net;
	enum qmac_status status = qmac_net_load(&net, file, NULL, &err);

	expect_ok(status, file, &err);
	if (!status)
		qmac_net_free(&net);
}

static bool is_of(const struct qmac_run_config *config, int key, const char *file)
{
	return strncmp(config->source[key], file, strlen(file)) == 0;
}

static void check_keys(const struct qmac_run_config *config, const char *file)
{
	char name[QMAC_KEY_NAME_SIZE];
	int given = 0;

	for (int key = 0; key < QMAC_RUN_KEYS; key++) {
		const struct qmac_key *row = &qmac_run_keys[key];
		const char *by = qmac_run_unused_by(&config->run, row);

		given += is_of(config, key, file);
		/* files of linear models are a base of sweeps, in which other algorithms look at other keys */
		if (!is_of(config, key, file) || !by || !config->run.network[0])
			continue;
		printf("\n    %s: %s: %s does not look at it\n", file, qmac_key_name(row, name), by);
		CU_FAIL("a key in vain");
	}
	CU_ASSERT(given > 3);
}

static void check_run(const char *file)
{
	struct qmac_error err = {0};
	struct qmac_run_config config;
	struct qmac_hw hw;
	enum qmac_status status = qmac_run_config_load(&config, file, NULL, 0, &err);

	if (!status)
		status = qmac_hw_load(&hw, config.run.hw, &err);
	expect_ok(status, file, &err);
	if (status)
		return;
	check_keys(&config, file);
	if (config.run.network[0])
		check_net(config.run.network);
}

static void check_sweep(const char *file)
{
	struct qmac_error err = {0};
	struct qmac_sweep sweep;
	enum qmac_status status = qmac_sweep_load(&sweep, file, &err);

	expect_ok(status, file, &err);
	if (status)
		return;
	CU_ASSERT(sweep.run_count > 1);
	qmac_sweep_free(&sweep);
}

static void test_networks(void)
{
	CU_ASSERT(each_file("net", check_net) >= 5);
}

static void test_runs(void)
{
	pretend_data();
	printf("(%d files) ", each_file("run", check_run));
}

static void test_sweeps(void)
{
	CU_ASSERT(each_file("sweep", check_sweep) >= 9);
}

/* Each network on each of its data sets is there in all four precisions, the two on CIFAR-10 short, too. */
static void test_complete(void)
{
	static const char *const policies[] = {"float32", "fixed8", "adapt", "muppet"};
	static const char *const subjects[] = {
		"lenet5_%s", "lenet5_fmnist_%s", "lenet5_emnist_%s", "alexnet_mnist_%s", "alexnet_fmnist_%s",
		"alexnet_emnist_%s", "alexnet_cifar10_%s", "alexnet_cifar10_%s_short", "alexnet_cifar100_%s",
		"resnet20_emnist_%s", "resnet20_cifar10_%s", "resnet20_cifar10_%s_short", "resnet20_cifar100_%s",
	};
	static const enum qmac_policy expected[] = {QMAC_POLICY_FLOAT, QMAC_POLICY_FIXED, QMAC_POLICY_ADAPT,
	                                            QMAC_POLICY_MUPPET};

	for (int i = 0; i < TEST_COUNT(subjects); i++)
		for (int j = 0; j < TEST_COUNT(policies); j++) {
			char format[64], file[128];
			struct qmac_run_config config;
			struct qmac_error err = {0};
			const char *at = strstr(subjects[i], "%s");

			snprintf(format, sizeof format, "%.*s%s%s", (int)(at - subjects[i]), subjects[i], policies[j],
			         at + 2);
			snprintf(file, sizeof file, "configs/run/%s.yaml", format);
			expect_ok(qmac_run_config_load(&config, file, NULL, 0, &err), file, &err);
			CU_ASSERT_EQUAL(config.run.precision_policy, expected[j]);
		}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"networks", test_networks},
		{"runs", test_runs},
		{"sweeps", test_sweeps},
		{"networks, data sets and precisions", test_complete},
	};

	return test_main("test_shipped_files", cases, TEST_COUNT(cases));
}
