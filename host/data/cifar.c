#include "data/cifar.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/foreign.h"

enum { SIDE = 32, CHANNELS = 3, PIXELS = CHANNELS * SIDE * SIDE, LABELS_MAX = 2 };

/* What the two sets differ in. */
struct layout {
	const char *names[QMAC_CIFAR_FILES + 1]; /* training files, then that of the test part; NULL ends them */
	int64_t records, test_records; /* of a file as it is published */
	int labels;                    /* of a record: the last one counts */
	int classes[LABELS_MAX];
	const char *python;            /* one of the files of the version for Python */
	const char *archive;
};

static const struct layout cifar10 = {
	.names = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
	          "data_batch_5.bin", "test_batch.bin"},
	.records = 10000, .test_records = 10000, .labels = 1, .classes = {10}, .python = "test_batch",
	.archive = "cifar-10-binary.tar.gz",
};

static const struct layout cifar100 = {
	.names = {"train.bin", "test.bin"}, .records = 50000, .test_records = 10000, .labels = 2,
	.classes = {20, 100}, .python = "test", .archive = "cifar-100-binary.tar.gz",
};

static const struct layout *layout_of(enum qmac_data set)
{
	assert(set == QMAC_DATA_CIFAR10 || set == QMAC_DATA_CIFAR100);
	return set == QMAC_DATA_CIFAR10 ? &cifar10 : &cifar100;
}

/* Number of the file that is the test part; those before it are the training part. */
static int test_file_of(const struct layout *layout)
{
	int last = 0;

	while (layout->names[last + 1])
		last++;
	return last;
}

bool qmac_cifar_path(enum qmac_data set, const char *folder, int number, char path[QMAC_BYTE_FILE_PATH])
{
	const struct layout *layout = layout_of(set);

	return number <= test_file_of(layout) && qmac_byte_file_find(folder, layout->names[number], path);
}

/* ---- one file ------------------------------------------------------------------- */

static enum qmac_status open_file(struct qmac_byte_file *file, const struct layout *layout,
                                  const char *folder, int number, struct qmac_error *err)
{
	char python[QMAC_BYTE_FILE_PATH];

	if (qmac_byte_file_find(folder, layout->names[number], file->path))
		return qmac_byte_file_open(file, err);
	if (qmac_byte_file_find(folder, layout->python, python))
		return qmac_fail_at(err, QMAC_BAD_INPUT, file->path, 0, 0, "there is no such file: the folder has the"
		                    " version for Python; fetch the binary one, %s", layout->archive);
	return qmac_fail_at(err, QMAC_BAD_INPUT, file->path, 0, 0, "there is no such file, nor one with .gz"
	                    " behind its name: it is in the archive %s; `make data` says where it comes from",
	                    layout->archive);
}

/* The labels of record `number` of the file are of the set's. */
static enum qmac_status check_labels(const struct qmac_byte_file *file, const struct layout *layout,
                                     const uint8_t *record, int64_t number, struct qmac_error *err)
{
	const char *foreign = number ? NULL : qmac_foreign_format(record, (size_t)(layout->labels + PIXELS));

	for (int i = 0; i < layout->labels; i++)
		if (record[i] >= layout->classes[i])
			return qmac_fail_at(err, QMAC_BAD_INPUT, file->path, 0, 0, "image %lld has the %slabel %d, beyond"
			                    " %d: no file of the binary version (%s)%s%s", (long long)number + 1,
			                    i + 1 < layout->labels ? "coarse " : "", record[i], layout->classes[i] - 1,
			                    layout->archive, foreign ? "; it is " : "", foreign ? foreign : "");
	return QMAC_OK;
}

/* The next record of the file, of which there have been `number`; *ended: there is none. */
static enum qmac_status read_record(struct qmac_byte_file *file, const struct layout *layout, uint8_t *record,
                                    int64_t number, bool *ended, struct qmac_error *err)
{
	int size = layout->labels + PIXELS, got;
	enum qmac_status status = qmac_byte_file_take(file, record, size, &got, err);

	*ended = got == 0;
	if (status || *ended)
		return status;
	/* a short file of another kind is named as such, not as a part of a record */
	if (got >= layout->labels && check_labels(file, layout, record, number, err))
		return QMAC_BAD_INPUT;
	return got == size ? QMAC_OK :
	       qmac_fail_at(err, QMAC_BAD_INPUT, file->path, 0, 0, "the file ends too early, within image %lld"
	                    " of %d bytes; fetch it again", (long long)number + 1, size);
}

/* Up to *left of the file's records go to the rows of data from `row` on; the others are only checked. */
static enum qmac_status read_records(struct qmac_byte_file *file, const struct layout *layout,
                                     int64_t published, struct qmac_dataset *data, int64_t row, int64_t *left,
                                     struct qmac_error *err)
{
	uint8_t record[LABELS_MAX + PIXELS];
	enum qmac_status status = QMAC_OK;
	bool ended = false;
	int64_t number = 0;

	for (; !status && !ended && number < published; number += !ended) {
		status = read_record(file, layout, record, number, &ended, err);
		if (status || ended || *left == 0)
			continue;
		memcpy(data->x.pixel + row * PIXELS, record + layout->labels, PIXELS);
		data->y[row++] = record[layout->labels - 1];
		(*left)--;
	}
	if (!status && number == 0)
		status = qmac_byte_file_refuse(file, "the file is empty; fetch it again", err);
	if (!status && ended)
		qmac_dataset_note(data, "%.200s has %lld images, the published file %lld", file->path,
		                  (long long)number, (long long)published);
	if (!status && !ended)
		status = qmac_byte_file_end(file, "more images than the published file has", err);
	return status;
}

/* ---- the set ---------------------------------------------------------------------- */

/* Reads file `number`; *row: where its first record goes, and then the next one. */
static enum qmac_status read_file(struct qmac_dataset *data, const struct layout *layout, const char *folder,
                                  int number, int64_t *row, int64_t *left, struct qmac_error *err)
{
	bool test = number == test_file_of(layout);
	struct qmac_byte_file file = {.stream = NULL};
	int64_t before = *left;
	enum qmac_status status = open_file(&file, layout, folder, number, err);

	if (!status)
		status = read_records(&file, layout, test ? layout->test_records : layout->records, data, *row, left,
		                      err);
	*row += before - *left;
	qmac_byte_file_close(&file);
	return status;
}

static int64_t limited(int64_t rows, int64_t limit)
{
	return limit > 0 && limit < rows ? limit : rows;
}

enum qmac_status qmac_dataset_read_cifar(struct qmac_dataset *data, enum qmac_data set, const char *folder,
                                         int64_t limit, int64_t test_limit, struct qmac_error *err)
{
	const struct layout *layout = layout_of(set);
	int last = test_file_of(layout);
	int64_t left = limited(last * layout->records, limit), row = 0;
	int64_t test_left = limited(layout->test_records, test_limit);
	enum qmac_status status = qmac_dataset_allocate_images(data, left + test_left, CHANNELS, SIDE, SIDE, err);

	for (int number = 0; !status && number < last && left > 0; number++)
		status = read_file(data, layout, folder, number, &row, &left, err);
	data->samples = row;
	if (!status)
		status = read_file(data, layout, folder, last, &row, &test_left, err);
	if (status)
		return status;
	data->test_samples = row - data->samples;
	data->labels = layout->classes[layout->labels - 1];
	return QMAC_OK;
}
