/*
 * Result folders when input and output fail, or the process is killed, at any call: the old result is there,
 * or the new one, or none that looks whole.
 *
 * The functions of the C library by which files are written are replaced here by ones that fail on demand.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "results_case.h"

enum fault {
	ONE_FAILS,   /* the call and no other */
	DISK_FULL,   /* from the call on nothing can be written; to rename and to remove goes on */
	KILLED       /* the process ends at the call */
};

enum kind { NO_CALL, WRITES, READS, NAMES };

static struct {
	enum fault fault;
	int at, calls;   /* at 0: all is well */
	enum kind struck; /* by the first fault */
} plan;

/* Counts a call; true where it has to fail. */
static bool strikes(enum kind kind)
{
	bool reached = plan.at && ++plan.calls >= plan.at;

	if (!reached || (plan.struck && (plan.fault == ONE_FAILS || kind != WRITES))
	    || (plan.fault == DISK_FULL && kind != WRITES))
		return false;
	if (plan.fault == KILLED)
		_exit(9);
	if (!plan.struck)
		plan.struck = kind;
	errno = kind == WRITES ? ENOSPC : EIO;
	return true;
}

#define REAL(name) (__extension__(__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return flags & O_CREAT && strikes(WRITES) ? -1 : REAL(open)(path, flags, mode);
}

FILE *fdopen(int file, const char *mode)
{
	return strikes(WRITES) ? NULL : REAL(fdopen)(file, mode);
}

int fflush(FILE *stream)
{
	return strikes(WRITES) ? EOF : REAL(fflush)(stream);
}

int fsync(int file)
{
	struct stat status;

	/* No power will fail here; to wait for a disk takes most of the time. */
	return strikes(fstat(file, &status) == 0 && S_ISDIR(status.st_mode) ? NAMES : WRITES) ? -1 : 0;
}

int fseek(FILE *stream, long to, int from)
{
	return strikes(READS) ? -1 : REAL(fseek)(stream, to, from);
}

int rename(const char *from, const char *to)
{
	return strikes(NAMES) ? -1 : REAL(rename)(from, to);
}

int unlink(const char *path)
{
	return strikes(NAMES) ? -1 : REAL(unlink)(path);
}

/* Under the sanitizers, where a fork is slow, every third call. */
#ifdef TEST_SANITIZED
enum { STEP = 3 };
#else
enum { STEP = 1 };
#endif

/* ---- runs ------------------------------------------------------------------------------ */

/* That of the old result, or of the new one. */
static void configure(int which)
{
	config.run.seed = which ? 7 : 1;
}

static bool has_result(int which)
{
	configure(which);
	return is_kept("run");
}

static int temporaries(void)
{
	glob_t names;
	int count = 0;

	if (glob(path_of("run", "*.tmp"), 0, NULL, &names) == 0)
		count = (int)names.gl_pathc;
	globfree(&names);
	return count;
}

static enum qmac_status run(int which, struct qmac_error *err)
{
	configure(which);
	return write_run("run", .125 + which, err);
}

/* The new run over the old result, with the fault at a call; false where the run has no such call. */
static bool run_with(enum fault fault, int at, enum qmac_status *status, struct qmac_error *err)
{
	CU_ASSERT_EQUAL_FATAL(run(0, err), QMAC_OK);
	plan.fault = fault;
	plan.at = at;
	plan.calls = plan.struck = 0;
	*status = run(1, err);
	plan.at = 0;
	return plan.struck != NO_CALL;
}

/* After the fault: a result is whole, or none is there; and the next run finds nothing in its way. */
static void check_folder(int at)
{
	bool old = has_result(0), new = has_result(1);
	struct qmac_error err;

	CU_ASSERT_FALSE(old && new);
	if (!old && !new && exists("run", "summary.json")) {
		printf("call %d: ", at);
		CU_FAIL("what is no result has a summary.json");
	}
	CU_ASSERT_EQUAL_FATAL(run(1, &err), QMAC_OK);
	CU_ASSERT(has_result(1) && temporaries() == 0);
}

static void test_failing(enum fault fault)
{
	struct qmac_error err;
	enum qmac_status status;
	int at = 1;

	for (; run_with(fault, at, &status, &err); at += STEP) {
		CU_ASSERT(status || has_result(1));
		if (status)
			CU_ASSERT(strstr(err.message, "cannot ") && strstr(err.message, path_of("run", "")));
		if (status && plan.struck != NAMES) /* nothing was on the disk yet, so nothing was removed */
			CU_ASSERT_TRUE(has_result(0));
		CU_ASSERT(temporaries() <= (plan.struck == NAMES)); /* it may be the one to remove it */
		check_folder(at);
	}
	CU_ASSERT(status == QMAC_OK && has_result(1));
	CU_ASSERT(at > 20);
}

static void test_one_fails(void)
{
	test_failing(ONE_FAILS);
}

static void test_disk_full(void)
{
	test_failing(DISK_FULL);
}

static void test_killed(void)
{
	struct qmac_error err;
	enum qmac_status status;
	int ended = 0, at = 1;

	for (; !ended; at += STEP) {
		pid_t child;
		int how = 0;

		CU_ASSERT_EQUAL_FATAL(run(0, &err), QMAC_OK);
		child = fork();
		CU_ASSERT_FATAL(child >= 0);
		if (child == 0) {
			(void)run_with(KILLED, at, &status, &err);
			_exit(status ? 8 : 0);
		}
		CU_ASSERT_EQUAL(waitpid(child, &how, 0), child);
		ended = WIFEXITED(how) && WEXITSTATUS(how) == 0;
		CU_ASSERT(ended || (WIFEXITED(how) && WEXITSTATUS(how) == 9));
		check_folder(at);
	}
	CU_ASSERT(at > 20);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"one call fails", test_one_fails},
		{"a disk that fills", test_disk_full},
		{"killed at any call", test_killed},
	};
	const char *path = getenv("PATH");
	char *before = strdup(path ? path : "/bin:/usr/bin");
	int status;

	/* Without gnuplot: a plot is no part of a result. */
	setenv("PATH", test_folder(), 1);
	load(NULL, NULL);
	status = test_main("test_results_faults", cases, TEST_COUNT(cases));
	setenv("PATH", before, 1);
	free(before);
	return status;
}
