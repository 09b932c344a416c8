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
#include <sys/wait.h>
#include <unistd.h>

#include "backend/rtl_cache.h"
#include "process/stop.h"

/* The Makefile says where the sources are. */
#ifndef QMAC_SOURCE_ROOT
#define QMAC_SOURCE_ROOT "."
#endif

enum { LINE_SIZE = 1024, PARAMETERS_MAX = 40, PARAMETER_SIZE = 40, POLL_MS = 100, PATIENCE_MS = 5000,
       NAME_SIZE = 33 };

/* Exit statuses of build.sh. */
enum { BUILD_DONE = 0, BUILD_FAILED = 2, BUILD_NO_VERILATOR = 4, BUILD_NO_COMPILER = 5, BUILD_STOPPED = 6,
       BUILD_TOOL_BROKEN = 7, BUILD_NOT_RUN = 127 };

/* "/proc/self/fd/N". */
enum { LOADED_SIZE = 40 };

struct qmac_rtl_library {
	int file;
	void *handle;
	const struct qmac_rtl_table *table;
};

/* What build.sh gets, and the line it printed. */
struct build {
	const char *root;
	char cache[QMAC_RTL_PATH];
	const char *kind;
	char line[LINE_SIZE];
	char name[NAME_SIZE];
	char parameters[PARAMETERS_MAX][PARAMETER_SIZE]; /* "ROWS=8" */
	int parameter_count;
};

/* ---- running the script ------------------------------------------------------- */

/*
 * A process beside the script, in its group: the end of what qmac holds the other end of is qmac's own, or
 * that of the script. Whatever the group still does then is for nobody.
 */
static void end_with_qmac(int qmac)
{
	char none;

	while (read(qmac, &none, 1) < 0 && errno == EINTR)
		continue;
	kill(0, SIGTERM);
	_exit(0);
}

/* In the child. out: what it prints goes there. qmac: an end of a pipe whose other end qmac alone has. */
static void become_script(const struct build *build, const char *what, int out, int qmac)
{
	const char *arguments[PARAMETERS_MAX + 7] = {"sh", "rtl/sim/build.sh", what, build->cache, build->kind};
	int nowhere = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	/* A signal that came until now would be lost with the handlers. */
	if (qmac_stop_is_asked())
		_exit(BUILD_STOPPED);
	(void)signal(SIGTERM, SIG_DFL);
	if (fork() == 0) {
		close(out);
		end_with_qmac(qmac);
	}
	close(qmac);
	for (int i = 0; i < build->parameter_count; i++)
		arguments[5 + i] = build->parameters[i];
	if (chdir(build->root) == 0 && dup2(nowhere, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(out, STDERR_FILENO) >= 0)
		execvp("sh", (char **)(void *)arguments);
	dprintf(out, "%s\n", strerror(errno));
	_exit(BUILD_NOT_RUN);
}

/* The exit status, also of a script that a signal ended before it could say so. */
static int status_of(int status)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (number == SIGINT || number == SIGTERM || number == SIGHUP)
		return BUILD_STOPPED;
	return number ? 128 + number : WEXITSTATUS(status); /* as shells do */
}

/* Reads what the script prints until it ends; a stop ends the script and all that it has started. */
static void listen(int from, pid_t script, char line[LINE_SIZE])
{
	size_t used = 0;
	ssize_t got = 1;
	int waited = 0;

	while (got != 0) {
		struct pollfd input = {.fd = from, .events = POLLIN};
		bool stopped = qmac_stop_is_asked();
		char text[LINE_SIZE];

		if (stopped && (waited == 0 || waited >= PATIENCE_MS))
			kill(-script, waited ? SIGKILL : SIGTERM);
		waited += stopped ? POLL_MS : 0;
		if (poll(&input, 1, POLL_MS) <= 0)
			continue;
		got = read(from, text, sizeof text);
		if (got < 0 && errno != EINTR)
			break;
		for (ssize_t i = 0; i < got && used + 1 < LINE_SIZE; i++)
			line[used++] = text[i];
	}
	line[used] = 0;
	line[strcspn(line, "\n")] = 0;
}

/*
 * Runs build.sh, in a process group of its own, and gives its exit status; the first line it printed is in
 * build->line.
 */
static int run_script(struct build *build, const char *what)
{
	int ends[2], alive[2], status = 0;
	pid_t child;

	build->line[0] = 0;
	if (pipe(ends))
		return BUILD_NOT_RUN;
	if (pipe(alive)) {
		close(ends[0]);
		close(ends[1]);
		return BUILD_NOT_RUN;
	}
	child = fork();
	if (child == 0) {
		close(alive[1]);
		become_script(build, what, ends[1], alive[0]);
	}
	close(ends[1]);
	close(alive[0]);
	if (child > 0) {
		setpgid(child, child); /* here, too: who comes first is not known */
		listen(ends[0], child, build->line);
	}
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			break;
	close(alive[1]);
	status = child > 0 ? status_of(status) : BUILD_NOT_RUN;
	return qmac_stop_is_asked() && status ? BUILD_STOPPED : status;
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

static enum qmac_status set_root(struct build *build, struct qmac_error *err)
{
	const char *named = getenv("QMAC_RTL");
	char script[QMAC_RTL_PATH];

	build->root = named && named[0] ? named : QMAC_SOURCE_ROOT;
	snprintf(script, sizeof script, "%s/rtl/sim/build.sh", build->root);
	if (access(script, R_OK))
		return qmac_fail(err, QMAC_BAD_INPUT, "the RTL is not where it should be: cannot read '%s': %s; "
		                 "set QMAC_RTL to the folder that holds the project's rtl/", script, strerror(errno));
	return QMAC_OK;
}

/* ---- building ----------------------------------------------------------------- */

static enum qmac_status explain(const struct build *build, int exit_status, struct qmac_error *err)
{
	switch (exit_status) {
	case BUILD_NO_VERILATOR:
		return qmac_fail(err, QMAC_BAD_INPUT, "the backends 'rtl' and 'lockstep' need Verilator, which is "
		                 "not installed: install the package verilator, or use the backend 'cmodel'");
	case BUILD_NO_COMPILER:
		return qmac_fail(err, QMAC_BAD_INPUT, "building the RTL needs make, a C and a C++ compiler: install "
		                 "the packages make and clang, or g++");
	case BUILD_TOOL_BROKEN:
		return qmac_fail(err, QMAC_BAD_INPUT, "a tool that the RTL is built with does not work: %s",
		                 build->line);
	case BUILD_STOPPED:
		return qmac_stop_give_up(err);
	case BUILD_FAILED:
		return qmac_fail(err, QMAC_BAD_INPUT, "the RTL of this hardware configuration cannot be built: %s; "
		                 "more is in %s/%s.log", build->line, build->cache, build->name);
	default:
		return qmac_fail(err, QMAC_BAD_INPUT, "%s/rtl/sim/build.sh failed (exit status %d): %s",
		                 build->root, exit_status, build->line);
	}
}

/* Whom a caller has named to be told of what takes long. */
struct listener {
	void (*on_note)(void *context, const char *text);
	void *context;
};

static void tell(const struct listener *listener, const char *text)
{
	if (listener->on_note)
		listener->on_note(listener->context, text);
}

/* Waits for another process that builds the same. */
static enum qmac_status take_lock(const struct build *build, const struct listener *listener,
                                  const char *path, int *lock, struct qmac_error *err)
{
	bool told = false;

	for (;;) {
		enum qmac_status status = qmac_rtl_cache_lock(path, lock, err);

		if (status || *lock >= 0)
			return status;
		if (!told)
			tell(listener, "another process builds the RTL of this hardware configuration: waiting for it");
		told = true;
		(void)poll(NULL, 0, POLL_MS);
		if (qmac_stop_is_asked())
			return explain(build, BUILD_STOPPED, err);
	}
}

/* Builds a library under its lock, where another process has not done so meanwhile. */
static enum qmac_status build_library(struct build *build, const struct listener *listener, const char *path,
                                      int *file, struct qmac_error *err)
{
	enum qmac_rtl_found found;
	enum qmac_status status = qmac_rtl_cache_find(path, &found, file, err);
	int exit_status;

	if (status || found == QMAC_RTL_WHOLE)
		return status;
	if (found == QMAC_RTL_DAMAGED)
		tell(listener, "the library of the RTL of this hardware configuration is damaged");
	tell(listener, "building the RTL of this hardware configuration: this takes a minute or more");
	exit_status = run_script(build, "build");
	if (exit_status)
		return explain(build, exit_status, err);
	status = qmac_rtl_cache_find(path, &found, file, err);
	if (!status && found != QMAC_RTL_WHOLE)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s is %s although it was just built; did the sources of the "
		                 "RTL change meanwhile? Run it again", path,
		                 found == QMAC_RTL_ABSENT ? "missing" : "damaged");
	return status;
}

/* The library of this name, open as *file; built where it is not there, or damaged. */
static enum qmac_status provide(struct build *build, const struct listener *listener,
                                char path[QMAC_RTL_PATH], int *file, struct qmac_error *err)
{
	char lock_path[QMAC_RTL_PATH];
	enum qmac_rtl_found found;
	int exit_status = run_script(build, "name"), lock;
	enum qmac_status status;

	if (exit_status == 0 && strspn(build->line, "0123456789abcdef") != NAME_SIZE - 1)
		exit_status = BUILD_NOT_RUN;
	if (exit_status)
		return explain(build, exit_status, err);
	memcpy(build->name, build->line, NAME_SIZE);
	status = qmac_rtl_cache_open(build->cache, err);
	if (status)
		return status;
	if (snprintf(path, QMAC_RTL_PATH, "%s/%s.so", build->cache, build->name) >= QMAC_RTL_PATH ||
	    snprintf(lock_path, QMAC_RTL_PATH, "%s/%s.lock", build->cache, build->name) >= QMAC_RTL_PATH)
		return qmac_fail(err, QMAC_BAD_INPUT, "QMAC_CACHE: the path is too long");
	status = qmac_rtl_cache_find(path, &found, file, err);
	if (status || found == QMAC_RTL_WHOLE)
		return status;
	status = take_lock(build, listener, lock_path, &lock, err);
	if (status)
		return status;
	status = build_library(build, listener, path, file, err);
	qmac_rtl_cache_unlock(lock_path, lock);
	return status;
}

/* ---- loading ------------------------------------------------------------------ */

/* What was checked, even where the library's name stands for another file by now. */
static const char *loaded_name(int file, char name[LOADED_SIZE])
{
	snprintf(name, LOADED_SIZE, "/proc/self/fd/%d", file);
	return name;
}

static enum qmac_status load(struct qmac_rtl_library *library, const char *path, struct qmac_error *err)
{
	char name[LOADED_SIZE];

	library->handle = dlopen(loaded_name(library->file, name), RTLD_NOW | RTLD_LOCAL);
	if (!library->handle)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot load the built RTL %s: %s; remove the file to build it "
		                 "again", path, dlerror());
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
	struct listener listener = {.on_note = on_note, .context = context};
	struct qmac_rtl_library *made;
	char path[QMAC_RTL_PATH];
	enum qmac_status status = set_root(&build, err);

	*library = NULL;
	if (status)
		return status;
	made = calloc(1, sizeof *made);
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a library");
	made->file = -1;
	set_parameters(&build, hw);
	status = provide(&build, &listener, path, &made->file, err);
	if (!status)
		status = load(made, path, err);
	if (status)
		qmac_rtl_library_close(made);
	else
		*library = made;
	return status;
}

void qmac_rtl_library_close(struct qmac_rtl_library *library)
{
	char name[LOADED_SIZE];

	if (!library)
		return;
	if (library->handle)
		dlclose(library->handle);
	/* The loader knows what it has kept by this name, which another library must not get. */
	if (library->file >= 0 && !dlopen(loaded_name(library->file, name), RTLD_NOLOAD | RTLD_NOW))
		close(library->file);
	free(library);
}

const struct qmac_rtl_table *qmac_rtl_library_table(const struct qmac_rtl_library *library)
{
	return library->table;
}

bool qmac_rtl_available(void)
{
	const char *path = getenv("PATH");
	char file[QMAC_RTL_PATH];

	while (path && *path) {
		size_t length = strcspn(path, ":");

		snprintf(file, sizeof file, "%.*s/verilator", (int)length, path);
		if (access(file, X_OK) == 0)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}
