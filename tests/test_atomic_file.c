/* Files that are whole or absent, their temporary names, and the folders they are in. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary.h"
#include "report/atomic_file.h"
#include "test.h"

static void test_atomic(void)
{
	struct qmac_atomic_file file;
	struct qmac_error err;

	CU_ASSERT_FATAL(qmac_atomic_open(&file, test_folder(), "whole", &err) == QMAC_OK);
	fputs("text", file.stream);
	CU_ASSERT(access(test_path("whole"), F_OK) != 0);
	CU_ASSERT_EQUAL(qmac_atomic_commit(&file, &err), QMAC_OK);
	qmac_atomic_abandon(&file);
	CU_ASSERT(access(test_path("whole"), F_OK) == 0);
	CU_ASSERT(!test_temporary(test_path("whole")));

	CU_ASSERT_FATAL(qmac_atomic_open(&file, test_folder(), "dropped", &err) == QMAC_OK);
	qmac_atomic_abandon(&file);
	qmac_atomic_abandon(&file);
	CU_ASSERT(!test_temporary(test_path("dropped")));
	CU_ASSERT(access(test_path("dropped"), F_OK) != 0);

	CU_ASSERT_EQUAL(qmac_atomic_open(&file, test_path("whole"), "below", &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "whole/below"));
	qmac_atomic_abandon(&file);

	/* The final name is taken by a folder that is not empty: between open and commit, and before open. */
	CU_ASSERT_FATAL(qmac_atomic_open(&file, test_folder(), "taken", &err) == QMAC_OK);
	CU_ASSERT_FATAL(qmac_make_folder(test_path("taken/inside"), &err) == QMAC_OK);
	CU_ASSERT_EQUAL(qmac_atomic_commit(&file, &err), QMAC_BAD_INPUT);
	CU_ASSERT(!test_temporary(test_path("taken")));
	CU_ASSERT_EQUAL(qmac_atomic_open(&file, test_folder(), "taken", &err), QMAC_BAD_INPUT);
	CU_ASSERT(!test_temporary(test_path("taken")));
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	return stat(path, &status) ? 0 : status.st_mode & 07777;
}

/* A new file has the mode that the umask gives it, one that is replaced keeps its own. */
static void test_atomic_mode(void)
{
	const mode_t before = umask(027);
	struct qmac_atomic_file file;
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_atomic_open(&file, test_folder(), "mode", &err), QMAC_OK);
	CU_ASSERT_EQUAL(fcntl(fileno(file.stream), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CU_ASSERT_EQUAL(qmac_atomic_commit(&file, &err), QMAC_OK);
	CU_ASSERT_EQUAL(mode_of(test_path("mode")), 0640);
	CU_ASSERT_EQUAL(chmod(test_path("mode"), 0606), 0);
	CU_ASSERT_EQUAL_FATAL(qmac_atomic_open(&file, test_folder(), "mode", &err), QMAC_OK);
	CU_ASSERT_EQUAL(mode_of(file.temporary), 0606);
	CU_ASSERT_EQUAL(qmac_atomic_commit(&file, &err), QMAC_OK);
	CU_ASSERT_EQUAL(mode_of(test_path("mode")), 0606);
	umask(before);
}

/* Two at one place write two files, and disturb none of the user's. */
static void test_atomic_two(void)
{
	struct qmac_atomic_file first, second;
	struct qmac_error err;

	test_write("two.tmp", "mine");
	test_write("target", "mine, too");
	CU_ASSERT_FATAL(symlink("target", test_path("two.link.tmp")) == 0);
	CU_ASSERT_EQUAL_FATAL(qmac_atomic_open(&first, test_folder(), "two", &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_atomic_open(&second, test_folder(), "two", &err), QMAC_OK);
	CU_ASSERT_STRING_NOT_EQUAL(first.temporary, second.temporary);
	for (int i = 0; i < 5000; i++) {
		fputs("first", first.stream);
		if (i < 1000)
			fputs("2nd", second.stream);
	}
	CU_ASSERT_EQUAL(qmac_atomic_commit(&first, &err), QMAC_OK);
	CU_ASSERT_EQUAL(strlen(test_text("two")), 25000);
	CU_ASSERT_EQUAL(qmac_atomic_commit(&second, &err), QMAC_OK);
	CU_ASSERT_EQUAL(strlen(test_text("two")), 3000);
	CU_ASSERT_EQUAL_FATAL(qmac_atomic_open(&first, test_folder(), "two.link", &err), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_atomic_commit(&first, &err), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(test_text("two.tmp"), "mine");
	CU_ASSERT_STRING_EQUAL(test_text("target"), "mine, too");
}

/* What a killed process left goes; what is being written stays, and so does all that is not ours. */
static void test_left_behind(void)
{
	static const char *const users[] = {
		"left/a.tmp", "left/a.qmac-backup", "left/a.qmac-2018.tmp", "left/a.qmac-2018030.tmp",
		"left/a.qmac-20-303.tmp", "left/.qmac-123456.tmp", "left/a.qmac-123456.tmp~",
	};
	struct qmac_atomic_file file;
	struct qmac_error err;
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(qmac_make_folder(test_path("left/b.qmac-folder.tmp"), &err), QMAC_OK);
	for (int i = 0; i < TEST_COUNT(users); i++)
		test_write(users[i], "mine");
	test_write("left/metrics.csv.qmac-0aZ9bY.tmp", "");
	CU_ASSERT_FATAL(symlink("a.tmp", test_path("left/c.qmac-linked.tmp")) == 0);
	CU_ASSERT_EQUAL_FATAL(qmac_atomic_open(&file, test_folder(), "left/alive", &err), QMAC_OK);
	child = fork();
	if (child == 0) {
		qmac_temporary_clean(test_path("left"));
		_exit(0);
	}
	CU_ASSERT(child > 0 && waitpid(child, NULL, 0) == child);
	CU_ASSERT(access(test_path("left/metrics.csv.qmac-0aZ9bY.tmp"), F_OK) != 0);
	for (int i = 0; i < TEST_COUNT(users); i++)
		CU_ASSERT_STRING_EQUAL(test_text(users[i]), "mine");
	CU_ASSERT(access(test_path("left/b.qmac-folder.tmp"), F_OK) == 0);
	CU_ASSERT(access(test_path("left/c.qmac-linked.tmp"), F_OK) == 0);
	fputs("text", file.stream);
	CU_ASSERT_EQUAL(qmac_atomic_commit(&file, &err), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(test_text("left/alive"), "text");
	qmac_temporary_clean(test_path("no such folder"));
}

static void test_atomic_full_disk(void)
{
	struct qmac_atomic_file early, late;
	enum qmac_status early_status, late_status;
	struct qmac_error err;
	struct rlimit old;

	CU_ASSERT_FATAL(qmac_atomic_open(&early, test_folder(), "early", &err) == QMAC_OK);
	CU_ASSERT_FATAL(qmac_atomic_open(&late, test_folder(), "late", &err) == QMAC_OK);
	test_limit_file_size(100, &old);
	/* The first fails at a flush in between, the second only when it is committed. */
	for (int i = 0; i < 100000; i++)
		fputs("0123456789", early.stream);
	for (int i = 0; i < 20; i++)
		fputs("0123456789", late.stream);
	early_status = qmac_atomic_commit(&early, &err);
	late_status = qmac_atomic_commit(&late, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	CU_ASSERT_EQUAL(early_status, QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(late_status, QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "late"));
	CU_ASSERT(access(test_path("early"), F_OK) != 0);
	CU_ASSERT(!test_temporary(test_path("early")));
	CU_ASSERT(access(test_path("late"), F_OK) != 0);
	CU_ASSERT(!test_temporary(test_path("late")));
}

static void test_make_folder(void)
{
	struct qmac_error err;
	struct stat status;

	CU_ASSERT_EQUAL(qmac_make_folder(test_path("one/two//three/"), &err), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_make_folder(test_path("one/two"), &err), QMAC_OK);
	CU_ASSERT(stat(test_path("one/two/three"), &status) == 0 && S_ISDIR(status.st_mode));
	CU_ASSERT(!test_temporary(test_path("one/two/three/probe")));
	test_write("plain", "");
	CU_ASSERT_EQUAL(qmac_make_folder(test_path("plain"), &err), QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(qmac_make_folder(test_path("plain/below"), &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "plain/below"));
	CU_ASSERT_EQUAL(qmac_make_folder("", &err), QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(qmac_make_folder("/proc/qmac-test", &err), QMAC_BAD_INPUT);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"atomic files are whole or absent", test_atomic},
		{"modes of atomic files", test_atomic_mode},
		{"two writers of one file", test_atomic_two},
		{"temporary files that were left", test_left_behind},
		{"a full disk leaves nothing", test_atomic_full_disk},
		{"folders are made, or refused", test_make_folder},
	};

	return test_main("test_atomic_file", cases, TEST_COUNT(cases));
}
