#define _POSIX_C_SOURCE 200809L
#include "backend/rtl_library.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The Makefile says where the sources are. */
#ifndef QMAC_SOURCE_ROOT
#define QMAC_SOURCE_ROOT "."
#endif

enum { PATH_SIZE = 1024, PARAMETERS_MAX = 40, PARAMETER_SIZE = 40, POLL_MS = 100, PATIENCE_MS = 5000 };

/* Exit statuses of build.sh. */
enum { BUILD_DONE = 0, BUILD_FAILED = 2, BUILD_NO_VERILATOR = 4, BUILD_NO_COMPILER = 5, BUILD_STOPPED = 6,
       BUILD_NOT_RUN = 127 };

struct qmac_rtl_library {
	void *handle;
	const struct qmac_rtl_table *table;
};

/* What build.sh gets. */
struct build {
	const char *root;
	char cache[PATH_SIZE];
	const char *kind;
	char parameters[PARAMETERS_MAX][PARAMETER_SIZE]; /* "ROWS=8" */
	int parameter_count;
};

/* ---- signals ------------------------------------------------------------------ */

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

enum { STOP_SIGNALS = sizeof stop_signals / sizeof stop_signals[0] };

/* The one that stops the script; static, because a handler can reach nothing else. */
static volatile sig_atomic_t stopped_by;

static void note(int number)
{
	stopped_by = number;
}

static void hold_signals(struct sigaction before[STOP_SIGNALS])
{
	struct sigaction action = {.sa_handler = note};

	stopped_by = 0;
	sigemptyset(&action.sa_mask);
	for (int i = 0; i < STOP_SIGNALS; i++) {
		sigaction(stop_signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(stop_signals[i], &action, NULL);
	}
}

/* The one that came now does what it would have done before. */
static void release_signals(const struct sigaction before[STOP_SIGNALS])
{
	for (int i = 0; i < STOP_SIGNALS; i++)
		sigaction(stop_signals[i], &before[i], NULL);
	if (stopped_by)
		raise(stopped_by);
}

/* ---- running the script ------------------------------------------------------- */

/* In the child. */
static void become_script(const struct build *build, const char *what, int out)
{
	const char *arguments[PARAMETERS_MAX + 7] = {"sh", "rtl/sim/build.sh", what, build->cache, build->kind};
	int nowhere = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	/* A TERM that came until now has been held, and would be lost. */
	(void)signal(SIGTERM, SIG_DFL);
	if (stopped_by)
		_exit(BUILD_STOPPED);
	for (int i = 0; i < build->parameter_count; i++)
		arguments[5 + i] = build->parameters[i];
	if (chdir(build->root) == 0 && dup2(nowhere, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(nowhere, STDERR_FILENO) >= 0)
		execvp("sh", (char **)(void *)arguments);
	_exit(BUILD_NOT_RUN);
}

/* The exit status, also of a script that a signal ended before it could say so. */
static int status_of(int status)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (number == SIGINT || number == SIGTERM || number == SIGHUP)
		return BUILD_STOPPED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : BUILD_NOT_RUN;
}

/* Reads what the script prints until it ends; a signal ends the script and all that it has started. */
static void listen(int from, pid_t script, char *text, size_t size)
{
	struct pollfd input = {.fd = from, .events = POLLIN};
	size_t used = 0;
	ssize_t got = 1;
	int waited = 0;

	while (got != 0 && used + 1 < size) {
		if (stopped_by && (waited == 0 || waited >= PATIENCE_MS))
			kill(-script, waited ? SIGKILL : SIGTERM);
		waited += stopped_by ? POLL_MS : 0;
		if (poll(&input, 1, POLL_MS) <= 0)
			continue;
		got = read(from, text + used, size - 1 - used);
		if (got < 0 && errno != EINTR)
			break;
		used += got > 0 ? (size_t)got : 0;
	}
	text[used] = 0;
}

/*
 * Runs build.sh, in a process group of its own, and gives its exit status and the first line it printed.
 * Signals are held.
 */
static int run_script(const struct build *build, const char *what, char *line, size_t size)
{
	int ends[2], status = 0;
	pid_t child;

	line[0] = 0;
	if (pipe(ends))
		return BUILD_NOT_RUN;
	child = fork();
	if (child == 0)
		become_script(build, what, ends[1]);
	close(ends[1]);
	if (child > 0) {
		setpgid(child, child); /* here, too: who comes first is not known */
		listen(ends[0], child, line, size);
	}
	close(ends[0]);
	line[strcspn(line, "\n")] = 0;
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return BUILD_NOT_RUN;
	status = child > 0 ? status_of(status) : BUILD_NOT_RUN;
	return stopped_by && status ? BUILD_STOPPED : status;
}

/* The keys of the hardware file that are parameters of the RTL: all but the memory's and the clock. */
static void set_parameters(struct build *build, const struct qmac_hw *hw)
{
	struct qmac_hw copy = *hw;

	build->parameter_count = 0;
	for (int i = 0; i < qmac_param_count && build->parameter_count < PARAMETERS_MAX; i++) {
		const struct qmac_key *p = &qmac_params[i];
		char *text = build->parameters[build->parameter_count];

		if (p->group[0] || strcmp(p->name, "clock_mhz") == 0)
			continue;
		build->parameter_count++;
		snprintf(text, PARAMETER_SIZE, "%s=%d", p->name, *qmac_hw_member(&copy, p));
		for (char *c = text; *c != '='; c++)
			*c = (char)toupper((unsigned char)*c);
	}
}

/* ---- places ------------------------------------------------------------------- */

static enum qmac_status set_cache(char *cache, struct qmac_error *err)
{
	const char *named = getenv("QMAC_CACHE"), *home = getenv("HOME");
	char here[PATH_SIZE] = "";
	int length;

	if (named && named[0] && named[0] != '/' && !getcwd(here, sizeof here))
		return qmac_fail(err, QMAC_BAD_INPUT, "QMAC_CACHE: set it to an absolute path");
	if (named && named[0])
		length = snprintf(cache, PATH_SIZE, "%s%s%s/rtl", here, here[0] ? "/" : "", named);
	else if (home && home[0])
		length = snprintf(cache, PATH_SIZE, "%s/.cache/qmac/rtl", home);
	else
		return qmac_fail(err, QMAC_BAD_INPUT, "there is no place for built RTL: set QMAC_CACHE to a folder");
	if (length < 0 || length >= PATH_SIZE)
		return qmac_fail(err, QMAC_BAD_INPUT, "QMAC_CACHE: the path is too long");
	return QMAC_OK;
}

static enum qmac_status set_root(struct build *build, struct qmac_error *err)
{
	const char *named = getenv("QMAC_RTL");
	char script[PATH_SIZE];

	build->root = named && named[0] ? named : QMAC_SOURCE_ROOT;
	snprintf(script, sizeof script, "%s/rtl/sim/build.sh", build->root);
	if (access(script, R_OK))
		return qmac_fail(err, QMAC_BAD_INPUT, "the RTL is not where it should be: cannot read '%s'; set "
		                 "QMAC_RTL to the folder that holds the project's rtl/", script);
	return QMAC_OK;
}

/* ---- building ----------------------------------------------------------------- */

static enum qmac_status explain(const struct build *build, int exit_status, const char *library,
                                struct qmac_error *err)
{
	char log[PATH_SIZE];
	struct stat there;

	switch (exit_status) {
	case BUILD_NO_VERILATOR:
		return qmac_fail(err, QMAC_BAD_INPUT, "the backends 'rtl' and 'lockstep' need Verilator, which is "
		                 "not installed: install the package verilator, or use the backend 'cmodel'");
	case BUILD_NO_COMPILER:
		return qmac_fail(err, QMAC_BAD_INPUT, "building the RTL needs make, a C and a C++ compiler: install "
		                 "the packages make and clang, or g++");
	case BUILD_STOPPED:
		return qmac_fail(err, QMAC_CHECK_FAILED, "stopped while the RTL of this hardware configuration was "
		                 "being built; the next run builds it again");
	case BUILD_FAILED:
		snprintf(log, sizeof log, "%.*s.log", library[0] ? (int)strlen(library) - 3 : 0, library);
		if (stat(log, &there) == 0)
			return qmac_fail(err, QMAC_BAD_INPUT, "the RTL of this hardware configuration does not compile: "
			                 "see %s", log);
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot build the RTL in %s: is the folder writable, and is "
		                 "there room? QMAC_CACHE names another one", build->cache);
	default:
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot run %s/rtl/sim/build.sh (exit status %d)", build->root,
		                 exit_status);
	}
}

/* The path of the library, built where it is not there yet. Signals are held. */
static enum qmac_status provide(const struct build *build, void (*on_note)(void *context, const char *text),
                                void *context, char *library, struct qmac_error *err)
{
	char ignored[PATH_SIZE];
	int status = run_script(build, "path", library, PATH_SIZE);

	if (status)
		return explain(build, status, "", err);
	if (access(library, R_OK) == 0) {
		/* What is used stays in the cache. */
		(void)utimensat(AT_FDCWD, library, NULL, 0);
		return QMAC_OK;
	}
	if (on_note)
		on_note(context, "building the RTL of this hardware configuration: this takes a minute or more");
	status = run_script(build, "build", ignored, sizeof ignored);
	return status ? explain(build, status, library, err) : QMAC_OK;
}

static enum qmac_status load(struct qmac_rtl_library *library, const char *path, struct qmac_error *err)
{
	library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot load the built RTL: %s; remove the file to build it "
		                 "again", dlerror());
	library->table = dlsym(library->handle, "qmac_rtl_table");
	if (!library->table || library->table->version != QMAC_RTL_VERSION)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s is not a library of this program; remove the file to build "
		                 "it again", path);
	return QMAC_OK;
}

enum qmac_status qmac_rtl_library_open(const struct qmac_hw *hw, bool waves,
                                       void (*on_note)(void *context, const char *text), void *context,
                                       struct qmac_rtl_library **library, struct qmac_error *err)
{
	struct build build = {.kind = waves ? "wave" : "fast"};
	struct qmac_rtl_library *made = NULL;
	struct sigaction before[STOP_SIGNALS];
	char path[PATH_SIZE];
	enum qmac_status status = set_root(&build, err);

	*library = NULL;
	if (!status)
		status = set_cache(build.cache, err);
	if (status)
		return status;
	set_parameters(&build, hw);
	hold_signals(before);
	status = provide(&build, on_note, context, path, err);
	release_signals(before);
	if (status)
		return status;
	made = calloc(1, sizeof *made);
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a library");
	status = load(made, path, err);
	if (status)
		qmac_rtl_library_close(made);
	else
		*library = made;
	return status;
}

void qmac_rtl_library_close(struct qmac_rtl_library *library)
{
	if (!library)
		return;
	if (library->handle)
		dlclose(library->handle);
	free(library);
}

const struct qmac_rtl_table *qmac_rtl_library_table(const struct qmac_rtl_library *library)
{
	return library->table;
}

bool qmac_rtl_available(void)
{
	const char *path = getenv("PATH");
	char file[PATH_SIZE];

	while (path && *path) {
		size_t length = strcspn(path, ":");

		snprintf(file, sizeof file, "%.*s/verilator", (int)length, path);
		if (access(file, X_OK) == 0)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}
