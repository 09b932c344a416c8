#include "data/idx.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/foreign.h"

enum { DIMENSIONS_MAX = 3, UNSIGNED_BYTES = 8 };

struct idx {
	struct qmac_byte_file file;
	int64_t size[DIMENSIONS_MAX]; /* 1 beyond those of the file */
};

/* images and labels of one part, open behind their heads */
struct part {
	struct idx images, labels;
	int64_t rows, features;
};

const struct qmac_idx_names qmac_idx_mnist = {"train", "t10k"};

/* ---- one file ------------------------------------------------------------------- */

static uint32_t number_of(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum qmac_status read_head(struct idx *idx, int dimensions, struct qmac_error *err)
{
	uint32_t size, wanted = (uint32_t)(UNSIGNED_BYTES << 8 | dimensions);
	int64_t values = 1;
	uint8_t bytes[4];
	enum qmac_status status = qmac_byte_file_read(&idx->file, bytes, 4, err);
	const char *foreign;

	if (status)
		return status;
	foreign = bytes[0] ? qmac_foreign_format(bytes, 4) : NULL;
	if (number_of(bytes) != wanted)
		return qmac_fail_at(err, QMAC_BAD_INPUT, idx->file.path, 0, 0,
		                    "not an IDX file of bytes in %d dimensions: it starts with %08x, not %08x%s%s",
		                    dimensions, number_of(bytes), wanted, foreign ? "; it is " : "",
		                    foreign ? foreign : "");
	for (int i = 0; i < DIMENSIONS_MAX; i++) {
		idx->size[i] = 1;
		if (i >= dimensions)
			continue;
		status = qmac_byte_file_read(&idx->file, bytes, 4, err);
		if (status)
			return status;
		size = number_of(bytes);
		if (size == 0)
			return qmac_byte_file_refuse(&idx->file, "a dimension is 0: there are no data", err);
		if (size > QMAC_IMAGE_VALUES_MAX / values)
			return qmac_byte_file_refuse(&idx->file, "more than 2^30 values", err);
		values *= size;
		idx->size[i] = size;
	}
	return QMAC_OK;
}

/* Forms of a name: MNIST's own, and the one with a dot that many copies have. */
bool qmac_idx_path(const char *folder, const struct qmac_idx_names *names, enum qmac_idx_file file,
                   char path[QMAC_BYTE_FILE_PATH])
{
	bool images = file == QMAC_IDX_IMAGES || file == QMAC_IDX_TEST_IMAGES;
	const char *part = file <= QMAC_IDX_LABELS ? names->train : names->test;
	char name[64];

	for (int form = 0; form < 2; form++) {
		(void)snprintf(name, sizeof name, "%s-%s%cidx%d-ubyte", part, images ? "images" : "labels",
		               form ? '.' : '-', images ? 3 : 1);
		if (qmac_byte_file_find(folder, name, path))
			return true;
	}
	*strrchr(path, '.') = '-';
	return false;
}

static enum qmac_status open_file(struct idx *idx, const char *folder, const struct qmac_idx_names *names,
                                  enum qmac_idx_file file, int dimensions, struct qmac_error *err)
{
	enum qmac_status status;

	if (!qmac_idx_path(folder, names, file, idx->file.path))
		return qmac_byte_file_refuse(&idx->file, "there is no such file, nor one with a dot before idx or"
		                             " with .gz behind its name; `make data` says where it comes from", err);
	status = qmac_byte_file_open(&idx->file, err);
	return status ? status : read_head(idx, dimensions, err);
}

static enum qmac_status check_end(struct idx *idx, struct qmac_error *err)
{
	return qmac_byte_file_end(&idx->file, "more bytes than its dimensions say", err);
}

/* ---- a part: images and labels ---------------------------------------------------- */

static enum qmac_status open_part(struct part *part, const char *folder, const struct qmac_idx_names *names,
                                  enum qmac_idx_file images, struct qmac_error *err)
{
	enum qmac_status status = open_file(&part->images, folder, names, images, 3, err);

	if (status == QMAC_OK)
		status = open_file(&part->labels, folder, names, (enum qmac_idx_file)(images + 1), 1, err);
	if (status)
		return status;
	part->rows = part->images.size[0];
	part->features = part->images.size[1] * part->images.size[2];
	if (part->features > QMAC_FEATURES_MAX)
		return qmac_byte_file_refuse(&part->images.file, "an image has more than 65536 pixels", err);
	if (part->labels.size[0] != part->rows)
		return qmac_fail_at(err, QMAC_BAD_INPUT, part->labels.file.path, 0, 0, "%lld labels for %lld images",
		                    (long long)part->labels.size[0], (long long)part->rows);
	return QMAC_OK;
}

/* The first `keep` rows go to row `first` of data and on; the others are only checked. */
static enum qmac_status read_part(struct part *part, struct qmac_dataset *data, int64_t first, int64_t keep,
                                  struct qmac_error *err)
{
	uint8_t *unused = malloc((size_t)part->features), label;
	enum qmac_status status = QMAC_OK;

	if (!unused)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for an image");
	for (int64_t i = 0; status == QMAC_OK && i < part->rows; i++) {
		uint8_t *image = i < keep ? data->x.pixel + (first + i) * part->features : unused;

		status = qmac_byte_file_read(&part->images.file, image, (int)part->features, err);
		if (status == QMAC_OK)
			status = qmac_byte_file_read(&part->labels.file, &label, 1, err);
		if (status == QMAC_OK && i < keep)
			data->y[first + i] = label;
	}
	if (status == QMAC_OK)
		status = check_end(&part->images, err);
	if (status == QMAC_OK)
		status = check_end(&part->labels, err);
	free(unused);
	return status;
}

static int64_t rows_kept(const struct part *part, int64_t limit)
{
	return limit > 0 && limit < part->rows ? limit : part->rows;
}

enum qmac_status qmac_dataset_read_idx(struct qmac_dataset *data, const char *folder,
                                       const struct qmac_idx_names *names, int64_t limit, int64_t test_limit,
                                       struct qmac_error *err)
{
	struct part train = {0}, test = {0};
	int64_t keep, keep_test;
	enum qmac_status status;

	memset(data, 0, sizeof *data);
	status = open_part(&train, folder, names, QMAC_IDX_IMAGES, err);
	if (status == QMAC_OK)
		status = open_part(&test, folder, names, QMAC_IDX_TEST_IMAGES, err);
	if (status == QMAC_OK && memcmp(test.images.size + 1, train.images.size + 1, 2 * sizeof(int64_t)) != 0)
		status = qmac_byte_file_refuse(&test.images.file,
		                               "its images have another size than those of the training part", err);
	if (status)
		goto out;
	keep = rows_kept(&train, limit);
	keep_test = rows_kept(&test, test_limit);
	status = qmac_dataset_allocate_images(data, keep + keep_test, 1, (int)train.images.size[1],
	                                      (int)train.images.size[2], err);
	if (status)
		goto out;
	data->samples = keep;
	data->test_samples = keep_test;
	status = read_part(&train, data, 0, keep, err);
	if (status == QMAC_OK)
		status = read_part(&test, data, keep, keep_test, err);
out:
	qmac_byte_file_close(&train.images.file);
	qmac_byte_file_close(&train.labels.file);
	qmac_byte_file_close(&test.images.file);
	qmac_byte_file_close(&test.labels.file);
	return status;
}
