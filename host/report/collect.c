#define _POSIX_C_SOURCE 200809L
#include "report/collect.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/members.h"

enum { DEPTH_MAX = 16 };

static bool has(const char *folder, const char *name)
{
	char path[QMAC_PATH_MAX + 64];
	struct stat there;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return lstat(path, &there) == 0;
}

/* A run leaves something in its folder from its first moment on. */
static bool has_begun(const char *folder)
{
	char path[QMAC_MEMBER_PATH];
	struct stat there;

	for (int i = 0; qmac_member_path(folder, i, path); i++)
		if (lstat(path, &there) == 0)
			return true;
	return has(folder, "metrics.csv.tmp");
}

static enum qmac_status add(struct qmac_collection *collection, const char *folder, bool named, bool failed,
                            struct qmac_error *err)
{
	size_t wanted = (size_t)collection->count + 1;
	struct qmac_collected *items = realloc(collection->items, wanted * sizeof *items), *item;

	if (!items)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	collection->items = items;
	item = &items[collection->count++];
	*item = (struct qmac_collected){.named = named, .failed = failed};
	snprintf(item->folder, sizeof item->folder, "%s", folder);
	return QMAC_OK;
}

/* folder/name, without a slash too many. */
static enum qmac_status join(const char *folder, const char *name, char path[QMAC_PATH_MAX],
                             struct qmac_error *err)
{
	size_t length = strlen(folder);

	while (length > 1 && folder[length - 1] == '/')
		length--;
	if (snprintf(path, QMAC_PATH_MAX, "%.*s%s%s", (int)length, folder, folder[length - 1] == '/' ? "" : "/",
	             name) >= QMAC_PATH_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path is too long: %.200s...", folder);
	return QMAC_OK;
}

/* ---- the rows of a sweep ---------------------------------------------------------- */

/* Takes the next field of a line; false where there is none. */
static bool next_field(const char **at, char *field, size_t size)
{
	bool quoted = **at == '"';
	size_t used = 0;

	if (!**at)
		return false;
	for (*at += quoted; **at && (quoted || !strchr(",\r\n", **at)); (*at)++) {
		if (quoted && **at == '"' && *++*at != '"')
			break;
		if (used + 1 < size)
			field[used++] = **at;
	}
	field[used] = 0;
	*at += strcspn(*at, ",\r\n");
	*at += **at != 0;
	return true;
}

/* Of a row its name; failed: and nothing is known of it, for a diverged one has figures, too. */
static void read_row(const char *line, const char *head, char name[QMAC_PATH_MAX], bool *failed)
{
	char column[64], field[QMAC_PATH_MAX];
	bool is_failed = false, has_figures = false;

	name[0] = 0;
	while (next_field(&head, column, sizeof column) && next_field(&line, field, sizeof field)) {
		if (strcmp(column, "name") == 0)
			strcpy(name, field);
		else if (strcmp(column, "status") == 0)
			is_failed = strcmp(field, "failed") == 0;
		else if (strcmp(column, "epochs") == 0)
			has_figures = field[0] != 0;
	}
	*failed = is_failed && !has_figures;
}

static enum qmac_status add_rows(struct qmac_collection *collection, const char *folder,
                                 struct qmac_error *err)
{
	enum qmac_status status;
	char *head = NULL, *line = NULL, path[QMAC_PATH_MAX], name[QMAC_PATH_MAX];
	size_t head_size = 0, line_size = 0;
	FILE *in = NULL;
	int number = 1;

	status = join(folder, "results.csv", path, err);
	if (!status && !(in = fopen(path, "r")))
		status = qmac_fail(err, QMAC_BAD_INPUT, "cannot read %s: %s", path, strerror(errno));
	if (!status && (getline(&head, &head_size, in) < 0 || strncmp(head, "name,", 5) != 0))
		status = qmac_fail_at(err, QMAC_BAD_INPUT, path, 1, 1, "this is not the results.csv of a sweep: its "
		                      "first column is not name");
	while (!status && getline(&line, &line_size, in) >= 0) {
		char row[QMAC_PATH_MAX];
		bool failed;

		number++;
		read_row(line, head, name, &failed);
		if (!name[0] || strchr(name, '/'))
			status = qmac_fail_at(err, QMAC_BAD_INPUT, path, number, 1, "this is no name of a run");
		if (!status)
			status = join(folder, name, row, err);
		if (!status)
			status = add(collection, row, false, failed, err);
	}
	free(head);
	free(line);
	if (in)
		fclose(in);
	return status;
}

/* ---- what is found ------------------------------------------------------------------ */

static enum qmac_status add_found(struct qmac_collection *collection, const char *folder, int depth,
                                  struct qmac_error *err);

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static enum qmac_status add_entry(struct qmac_collection *collection, const char *folder, const char *name,
                                  int depth, struct qmac_error *err)
{
	char path[QMAC_PATH_MAX];
	struct stat there;
	enum qmac_status status = join(folder, name, path, err);

	if (status || lstat(path, &there) || !S_ISDIR(there.st_mode))
		return status;
	return has_begun(path) ? add(collection, path, false, false, err)
	       : add_found(collection, path, depth + 1, err);
}

static enum qmac_status add_found(struct qmac_collection *collection, const char *folder, int depth,
                                  struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	struct dirent **entries;
	int count;

	if (has(folder, "results.csv"))
		return add_rows(collection, folder, err);
	if (depth > DEPTH_MAX)
		return QMAC_OK;
	count = scandir(folder, &entries, is_no_dot, by_name);
	if (count < 0 && depth)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot read %s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!status)
			status = add_entry(collection, folder, entries[i]->d_name, depth, err);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return status;
}

enum qmac_status qmac_collect(struct qmac_collection *collection, const char *path, struct qmac_error *err)
{
	int before = collection->count;
	enum qmac_status status;

	if (strlen(path) >= QMAC_PATH_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path is too long: %.200s...", path);
	status = has_begun(path) ? QMAC_OK : add_found(collection, path, 0, err);
	if (status || collection->count > before)
		return status;
	return add(collection, path, true, false, err);
}

void qmac_collection_free(struct qmac_collection *collection)
{
	free(collection->items);
	*collection = (struct qmac_collection){0};
}
