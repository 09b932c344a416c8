#define _POSIX_C_SOURCE 200809L
#include "config/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening -------------------------------------------------------------------- */

static enum qmac_status refuse(const char *path, const char *why, struct qmac_error *err)
{
	return qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0, "cannot open: %s", why);
}

/* NULL where there is nothing to be said against it. */
static const char *objection(const struct stat *found)
{
	if (S_ISREG(found->st_mode))
		return NULL;
	return S_ISDIR(found->st_mode) ? "this is a folder: give the name of a file, in it or elsewhere" :
	       S_ISFIFO(found->st_mode) ? "this is a pipe, not a regular file: write what comes from it to one" :
	       S_ISSOCK(found->st_mode) ? "this is a socket, not a regular file" :
	       "this is a device, not a regular file";
}

enum qmac_status qmac_input_open(const char *path, int *file, struct qmac_error *err)
{
	struct stat found;
	const char *why;

	if (stat(path, &found))
		return refuse(path, strerror(errno), err);
	why = objection(&found);
	if (why)
		return refuse(path, why, err);
	/* Another file may lie there by now. */
	*file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*file < 0)
		return refuse(path, strerror(errno), err);
	why = fstat(*file, &found) ? strerror(errno) : objection(&found);
	if (!why)
		return QMAC_OK;
	close(*file);
	return refuse(path, why, err);
}

enum qmac_status qmac_input_stream(const char *path, FILE **stream, struct qmac_error *err)
{
	int file;
	enum qmac_status status = qmac_input_open(path, &file, err);

	*stream = status ? NULL : fdopen(file, "rb");
	if (status || *stream)
		return status;
	close(file);
	return qmac_fail_at(err, QMAC_INTERNAL, path, 0, 0, "out of memory");
}

enum qmac_status qmac_input_copy(const char *path, FILE *out, struct qmac_error *err)
{
	char block[4096];
	size_t got;
	FILE *in;
	enum qmac_status status = qmac_input_stream(path, &in, err);

	if (status)
		return status;
	while ((got = fread(block, 1, sizeof block, in)) > 0)
		fwrite(block, 1, got, out);
	if (ferror(in))
		status = qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0, "cannot be read");
	fclose(in);
	return status;
}

enum qmac_status qmac_input_gzip(const char *path, gzFile *stream, struct qmac_error *err)
{
	int file;
	enum qmac_status status = qmac_input_open(path, &file, err);

	*stream = status ? NULL : gzdopen(file, "rb");
	if (status || *stream)
		return status;
	close(file);
	return qmac_fail_at(err, QMAC_INTERNAL, path, 0, 0, "out of memory");
}

/* ---- what must not be written ---------------------------------------------------- */

/* A file that is not there yet is known by its folder and its name there. */
struct identity {
	dev_t device;
	ino_t number;
	const char *name; /* "" where the file is there */
};

struct qmac_input {
	struct identity identity;
	const char *what;
	char *path;
};

/* False: nor is its folder. */
static bool identify(const char *path, struct identity *identity)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";
	struct stat found;

	identity->name = "";
	if (!path[0])
		return false;
	if (stat(path, &found)) {
		if (slash && (size_t)(slash - path) >= sizeof folder)
			return false;
		if (slash)
			snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
		if (stat(folder, &found))
			return false;
		identity->name = slash ? slash + 1 : path;
	}
	identity->device = found.st_dev;
	identity->number = found.st_ino;
	return true;
}

static const struct qmac_input *find(const struct qmac_inputs *inputs, const struct identity *identity)
{
	for (int i = 0; i < inputs->count; i++) {
		const struct identity *other = &inputs->list[i].identity;

		if (other->device == identity->device && other->number == identity->number &&
		    strcmp(other->name, identity->name) == 0)
			return &inputs->list[i];
	}
	return NULL;
}

enum qmac_status qmac_inputs_add(struct qmac_inputs *inputs, const char *what, const char *path,
                                 struct qmac_error *err)
{
	struct qmac_input input = {.what = what};
	char *copy;

	if (!identify(path, &input.identity) || find(inputs, &input.identity))
		return QMAC_OK;
	if (inputs->count == inputs->room) {
		int room = inputs->room ? 2 * inputs->room : 16;
		struct qmac_input *larger = realloc(inputs->list, (size_t)room * sizeof *larger);

		if (!larger)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory");
		inputs->list = larger;
		inputs->room = room;
	}
	copy = strdup(path);
	if (!copy)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	if (input.identity.name[0])
		input.identity.name = copy + (input.identity.name - path);
	input.path = copy;
	inputs->list[inputs->count++] = input;
	return QMAC_OK;
}

enum qmac_status qmac_inputs_spare(const struct qmac_inputs *inputs, const char *what, const char *path,
                                   struct qmac_error *err)
{
	const struct qmac_input *same = NULL;
	struct identity identity;

	if (identify(path, &identity))
		same = find(inputs, &identity);
	return same ? qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s to %.400s: %.400s is %s: write elsewhere",
	                        what, path, same->path, same->what) : QMAC_OK;
}

void qmac_inputs_free(struct qmac_inputs *inputs)
{
	for (int i = 0; i < inputs->count; i++)
		free(inputs->list[i].path);
	free(inputs->list);
	*inputs = (struct qmac_inputs){0};
}
