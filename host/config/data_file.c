#define _POSIX_C_SOURCE 200809L
#include "config/data_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/* The path of `name` in the data folder; false where it is too long or there is no folder. */
static bool in_folder(char *path, size_t size, const char *folder, const char *name)
{
	const char *data = getenv("QMAC_DATA"), *home = getenv("HOME");
	int length = -1;

	if (folder && folder[0])
		length = snprintf(path, size, "%s/%s", folder, name);
	else if (data && data[0])
		length = snprintf(path, size, "%s/%s", data, name);
	else if (home && home[0])
		length = snprintf(path, size, "%s/.cache/qmac/data/%s", home, name);
	return length >= 0 && (size_t)length < size;
}

static enum qmac_status take(char *path, size_t size, const char *found, struct qmac_error *err)
{
	if (access(found, R_OK) != 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot open '%.300s': %s", found, strerror(errno));
	if (strlen(found) >= size)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path is longer than %zu bytes", size - 1);
	strcpy(path, found);
	return QMAC_OK;
}

/* There is nothing; what cannot be looked at is another matter, and take() says which. */
static bool is_missing(const char *path)
{
	return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

enum qmac_status qmac_data_file_find(char *path, size_t size, const char *first, const char *name,
                                     const char *folder, struct qmac_error *err)
{
	char other[QMAC_PATH_MAX] = "";

	if (!is_missing(first))
		return take(path, size, first, err);
	if (name[0] == '/')
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot open '%.300s': %s", first, strerror(errno));
	if (!in_folder(other, sizeof other, folder, name))
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "there is no '%.300s', and no data folder to look in; name one with --data-dir or"
		                 " $QMAC_DATA", first);
	if (!is_missing(other))
		return take(path, size, other, err);
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "there is neither '%.200s' nor '%.300s'; put the file there, or name its data folder"
	                 " with --data-dir or $QMAC_DATA; docs/data.md says where data come from", first, other);
}

/* ---- well-known sets --------------------------------------------------------------- */

/* Folders of a set of images, and what to do where there are none. */
struct image_set {
	const char *folder;    /* in the data folder */
	const char *installed; /* of a package; NULL: there is none */
	const char *other;     /* of a version that cannot be read, in the data folder; NULL: there is none */
	const char *source;
};

static const struct image_set image_sets[] = {
	[QMAC_DATA_MNIST] = {"mnist", NULL, NULL, "run `make data`, which fetches it"},
	[QMAC_DATA_FASHION_MNIST] = {"fashion-mnist", "/usr/share/datasets/fashion-mnist", NULL,
	                             "run `make data`, which fetches it"},
	[QMAC_DATA_CIFAR10] = {"cifar-10-batches-bin", NULL, "cifar-10-batches-py",
	                       "unpack cifar-10-binary.tar.gz in the data folder (`make data` says where it comes"
	                       " from)"},
	[QMAC_DATA_CIFAR100] = {"cifar-100-binary", NULL, "cifar-100-python",
	                        "unpack cifar-100-binary.tar.gz in the data folder (`make data` says where it"
	                        " comes from)"},
	[QMAC_DATA_EMNIST] = {"emnist", NULL, NULL,
	                      "put the files of a split there (`make data` says where they come from)"},
};

static enum qmac_status refuse_other(const char *path, const struct image_set *set, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_BAD_INPUT, "there is no '%.300s', and %s beside it is the version for Python:"
	                 " %s, or name the data folder with --data-dir or $QMAC_DATA", path, set->other,
	                 set->source);
}

enum qmac_status qmac_data_set_find(char *path, size_t size, enum qmac_data data, const char *folder,
                                    struct qmac_error *err)
{
	const struct image_set *set = &image_sets[data];
	char own[QMAC_PATH_MAX] = "", other[QMAC_PATH_MAX];
	bool has_folder = in_folder(own, sizeof own, folder, set->folder);

	if (has_folder && !is_missing(own))
		return take(path, size, own, err);
	if (set->installed && !is_missing(set->installed))
		return take(path, size, set->installed, err);
	if (!has_folder)
		return qmac_fail(err, QMAC_BAD_INPUT, "there is no data folder to look for %s in; name one with"
		                 " --data-dir or $QMAC_DATA", set->folder);
	if (set->other && in_folder(other, sizeof other, folder, set->other) && !is_missing(other))
		return refuse_other(own, set, err);
	return qmac_fail(err, QMAC_BAD_INPUT,
	                 "there is no '%.300s': %s, or name the data folder with --data-dir or $QMAC_DATA;"
	                 " docs/data.md says which files belong there", own, set->source);
}
