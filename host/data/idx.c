#define _POSIX_C_SOURCE 200809L
#include "data/idx.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "config/input.h"
#include "data/foreign.h"
#include "process/stop.h"

enum { DIMENSIONS_MAX = 3, UNSIGNED_BYTES = 8 };

struct idx {
	char path[QMAC_IDX_PATH];
	gzFile file;
	int64_t size[DIMENSIONS_MAX]; /* 1 beyond those of the file */
};

/* images and labels of one part, open behind their heads */
struct part {
	struct idx images, labels;
	int64_t rows, features;
};

/* ---- one file ------------------------------------------------------------------- */

static enum qmac_status refuse(const struct idx *idx, const char *why, struct qmac_error *err)
{
	return qmac_fail_at(err, QMAC_BAD_INPUT, idx->path, 0, 0, "%s", why);
}

static enum qmac_status read_bytes(struct idx *idx, uint8_t *bytes, int count, struct qmac_error *err)
{
	int got, problem;
	const char *why;

	errno = 0;
	got = gzread(idx->file, bytes, (unsigned)count);
	if (qmac_stop_is_asked())
		return qmac_stop_give_up(err);
	if (got == count)
		return QMAC_OK;
	why = gzerror(idx->file, &problem);
	if (problem == Z_ERRNO)
		why = strerror(errno);
	else if (got >= 0 || problem == Z_BUF_ERROR)
		why = "the file ends too early; fetch it again";
	return refuse(idx, why, err);
}

static uint32_t number_of(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum qmac_status read_head(struct idx *idx, int dimensions, struct qmac_error *err)
{
	uint32_t size, wanted = (uint32_t)(UNSIGNED_BYTES << 8 | dimensions);
	int64_t values = 1;
	uint8_t bytes[4];
	enum qmac_status status = read_bytes(idx, bytes, 4, err);
	const char *foreign;

	if (status)
		return status;
	foreign = bytes[0] ? qmac_foreign_format(bytes, 4) : NULL;
	if (number_of(bytes) != wanted)
		return qmac_fail_at(err, QMAC_BAD_INPUT, idx->path, 0, 0,
		                    "not an IDX file of bytes in %d dimensions: it starts with %08x, not %08x%s%s",
		                    dimensions, number_of(bytes), wanted, foreign ? "; it is " : "",
		                    foreign ? foreign : "");
	for (int i = 0; i < DIMENSIONS_MAX; i++) {
		idx->size[i] = 1;
		if (i >= dimensions)
			continue;
		status = read_bytes(idx, bytes, 4, err);
		if (status)
			return status;
		size = number_of(bytes);
		if (size == 0)
			return refuse(idx, "a dimension is 0: there are no data", err);
		if (size > QMAC_FILE_VALUES_MAX / values)
			return refuse(idx, "more than 2^28 values; take fewer", err);
		values *= size;
		idx->size[i] = size;
	}
	return QMAC_OK;
}

/*
 * Forms of a name: MNIST's own, the one with a dot that many copies have, and each with ".gz". Some archives
 * unpack to a folder of that name, with the file in it.
 */
bool qmac_idx_path(const char *folder, enum qmac_idx_file file, char path[QMAC_IDX_PATH])
{
	static const char *const names[] = {"train-images", "train-labels", "t10k-images", "t10k-labels"};
	int dimensions = file == QMAC_IDX_IMAGES || file == QMAC_IDX_TEST_IMAGES ? 3 : 1;
	struct stat found;

	for (int form = 0; form <= 4; form++) {
		int length = snprintf(path, QMAC_IDX_PATH, "%s/%s%cidx%d-ubyte%s", folder, names[file],
		                      form / 2 == 1 ? '.' : '-', dimensions, form % 2 ? ".gz" : "");

		assert(length < QMAC_IDX_PATH);
		if (form < 4 && stat(path, &found) == 0 && !S_ISDIR(found.st_mode))
			return true;
	}
	return false;
}

static enum qmac_status open_file(struct idx *idx, const char *folder, enum qmac_idx_file file,
                                  int dimensions, struct qmac_error *err)
{
	enum qmac_status status;

	if (!qmac_idx_path(folder, file, idx->path))
		return refuse(idx, "there is no such file, nor one with a dot before idx or with .gz behind its name;"
		              " `make data` fetches MNIST and Fashion-MNIST, docs/data.md says where they come from",
		              err);
	status = qmac_input_gzip(idx->path, &idx->file, err);
	if (status)
		return status;
	(void)gzbuffer(idx->file, 1 << 16);
	return read_head(idx, dimensions, err);
}

static void close_file(struct idx *idx)
{
	if (idx->file)
		(void)gzclose_r(idx->file);
}

/* All values have been read: this must be the end. */
static enum qmac_status check_end(struct idx *idx, struct qmac_error *err)
{
	uint8_t byte;
	int got = gzread(idx->file, &byte, 1), problem;

	if (got > 0)
		return refuse(idx, "more bytes than its dimensions say", err);
	(void)gzerror(idx->file, &problem);
	/* A compressed file has its checksum behind the values: without it gzread() gives no byte, either. */
	if (problem == Z_BUF_ERROR)
		return refuse(idx, "the file ends too early; fetch it again", err);
	return got == 0 ? QMAC_OK : refuse(idx, "damaged at its end; fetch it again", err);
}

/* ---- a part: images and labels ---------------------------------------------------- */

static enum qmac_status open_part(struct part *part, const char *folder, enum qmac_idx_file images,
                                  enum qmac_idx_file labels, struct qmac_error *err)
{
	enum qmac_status status = open_file(&part->images, folder, images, 3, err);

	if (status == QMAC_OK)
		status = open_file(&part->labels, folder, labels, 1, err);
	if (status)
		return status;
	part->rows = part->images.size[0];
	part->features = part->images.size[1] * part->images.size[2];
	if (part->features > QMAC_FEATURES_MAX)
		return refuse(&part->images, "an image has more than 65536 pixels", err);
	if (part->labels.size[0] != part->rows)
		return qmac_fail_at(err, QMAC_BAD_INPUT, part->labels.path, 0, 0, "%lld labels for %lld images",
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

		status = read_bytes(&part->images, image, (int)part->features, err);
		if (status == QMAC_OK)
			status = read_bytes(&part->labels, &label, 1, err);
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

enum qmac_status qmac_dataset_read_idx(struct qmac_dataset *data, const char *folder, int64_t limit,
                                       int64_t test_limit, struct qmac_error *err)
{
	struct part train = {0}, test = {0};
	int64_t keep, keep_test;
	enum qmac_status status;

	memset(data, 0, sizeof *data);
	status = open_part(&train, folder, QMAC_IDX_IMAGES, QMAC_IDX_LABELS, err);
	if (status == QMAC_OK)
		status = open_part(&test, folder, QMAC_IDX_TEST_IMAGES, QMAC_IDX_TEST_LABELS, err);
	if (status == QMAC_OK && memcmp(test.images.size + 1, train.images.size + 1, 2 * sizeof(int64_t)) != 0)
		status = refuse(&test.images, "its images have another size than those of the training part", err);
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
	close_file(&train.images);
	close_file(&train.labels);
	close_file(&test.images);
	close_file(&test.labels);
	return status;
}
