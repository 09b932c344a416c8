#include "data/emnist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory for the names of the files of a split. */
struct split {
	char train[40], test[40];
	struct qmac_idx_names names;
};

static void name_split(struct split *split, const char *name)
{
	(void)snprintf(split->train, sizeof split->train, "emnist-%.15s-train", name);
	(void)snprintf(split->test, sizeof split->test, "emnist-%.15s-test", name);
	split->names = (struct qmac_idx_names){split->train, split->test};
}

static bool has_files(const char *folder, const struct qmac_idx_names *names)
{
	char path[QMAC_BYTE_FILE_PATH];

	for (int file = 0; file < QMAC_IDX_FILES; file++)
		if (qmac_idx_path(folder, names, (enum qmac_idx_file)file, path))
			return true;
	return false;
}

/* Names of the files to read: of the split, where there are none of MNIST's names alone. */
static const struct qmac_idx_names *names_of(const struct qmac_run *run, struct split *split)
{
	name_split(split, run->split);
	return !has_files(run->file, &split->names) && has_files(run->file, &qmac_idx_mnist) ? &qmac_idx_mnist :
	       &split->names;
}

bool qmac_emnist_path(const struct qmac_run *run, enum qmac_idx_file file, char path[QMAC_BYTE_FILE_PATH])
{
	struct split split;

	return qmac_idx_path(run->file, names_of(run, &split), file, path);
}

/* The folder lacks the split, and may have another one. */
static enum qmac_status check_split(const struct qmac_run *run, const struct qmac_idx_names *names,
                                    struct qmac_error *err)
{
	static const char *const others[] = {"balanced", "byclass", "bymerge", "letters", "digits", "mnist"};
	struct split other;

	for (size_t i = 0; !has_files(run->file, names) && i < sizeof others / sizeof others[0]; i++) {
		name_split(&other, others[i]);
		if (has_files(run->file, &other.names))
			return qmac_fail_at(err, QMAC_BAD_INPUT, run->file, 0, 0, "the folder has no files of the split"
			                    " %s, but of %s: set split", run->split, others[i]);
	}
	return QMAC_OK;
}

/* Line y, column x of every image becomes line x, column y. */
static enum qmac_status transpose(struct qmac_dataset *data, struct qmac_error *err)
{
	int64_t images = data->samples + data->test_samples, height = data->height, width = data->width;
	uint8_t *room = malloc((size_t)data->features);

	if (!room)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for an image");
	for (int64_t i = 0; i < images; i++) {
		uint8_t *image = data->x.pixel + i * data->features;

		memcpy(room, image, (size_t)data->features);
		for (int64_t p = 0; p < height * width; p++)
			image[p % width * height + p / width] = room[p];
	}
	free(room);
	data->height = (int)width;
	data->width = (int)height;
	return QMAC_OK;
}

enum qmac_status qmac_dataset_read_emnist(struct qmac_dataset *data, const struct qmac_run *run,
                                          struct qmac_error *err)
{
	struct split split;
	const struct qmac_idx_names *names = names_of(run, &split);
	bool turned = run->transpose == QMAC_TRANSPOSE_TRUE ||
	              (run->transpose == QMAC_TRANSPOSE_AUTO && names != &qmac_idx_mnist);
	enum qmac_status status;

	memset(data, 0, sizeof *data);
	status = check_split(run, names, err);
	if (!status)
		status = qmac_dataset_read_idx(data, run->file, names, run->limit, run->test_limit, err);
	return !status && turned ? transpose(data, err) : status;
}
