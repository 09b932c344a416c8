/*
 * A network's training takes as much memory for many steps as for few: the largest resident size of a process
 * that trains for EPOCHS epochs, less that of one which trains for one.
 */
#define _DEFAULT_SOURCE
#include <sys/resource.h>
#include <sys/wait.h>

#include "image_files.h"
#include "net_runs.h"

enum { EPOCHS = 25, SIZE_MAX_KB = 300 };

static const char layers[] =
	"  - conv: {out: 4, kernel: 3, pad: 1}\n  - batch_norm\n  - relu\n"
	"  - residual: {main: [conv: {out: 4, kernel: 3, pad: 1}, batch_norm]}\n  - tanh\n"
	"  - avg_pool: {size: 2}\n  - flatten\n  - linear: {out: 3}\n";

/* The largest resident size of a process that trains for so many epochs, in KB. */
static long size_of(const char *lines, const char *epochs)
{
	const struct qmac_setting setting = {"epochs", epochs, "--set"};
	struct rusage usage;
	int status = -1;
	pid_t child;

	configure(write_net_run(layers, lines), 1, &setting);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		struct qmac_error err = {0};
		enum qmac_status trained = train(epochs, false, NULL, &err);

		if (trained)
			puts(err.message);
		fflush(NULL);
		_exit((int)trained);
	}
	CU_ASSERT_FATAL(child > 0 && wait4(child, &status, 0, &usage) == child);
	CU_ASSERT_EQUAL_FATAL(status, 0);
	return usage.ru_maxrss;
}

static void test_flat(void)
{
	static const char *const lines[] = {
		"precision: {policy: float}\nalpha: 0.05\n",
		"precision: {policy: fixed, fl_rule: current}\naugment: {crop: 1, flip: true}\nalpha: 0.05\n",
		/* formats, and with them programs, change all the time */
		"precision: {policy: adapt, lookback_low: 2, lookback_high: 4}\ncheckpoint: {steps: 3}\n"
		"alpha: 0.05\n",
		"precision: {policy: muppet, resolution: 1, levels: \"8, 12\"}\nalpha: 0.01\n",
	};

#ifdef TEST_SANITIZED
	test_skip("the address sanitizer has memory of its own");
	return;
#endif
	write_images();
	for (int i = 0; i < TEST_COUNT(lines); i++) {
		char many[16];
		long one = size_of(lines[i], "1"), all;

		snprintf(many, sizeof many, "%d", EPOCHS);
		all = size_of(lines[i], many);
		printf("(%ld + %ld KB) ", one, all - one);
		CU_ASSERT(all - one < SIZE_MAX_KB);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"as much for many steps as for few", test_flat},
	};

	return test_main("test_net_memory", cases, TEST_COUNT(cases));
}
