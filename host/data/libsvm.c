#include "data/libsvm.h"

#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "data/lines.h"

/* An index:value of the file. How many features a row has is known at the end only. */
struct entry {
	double value;
	int32_t feature; /* from 0 */
	int32_t sample;
};

struct reader {
	struct qmac_lines lines;
	struct entry *entries;
	double *targets;
	int64_t entry_count, entry_capacity, samples, target_capacity;
	int features; /* highest index so far */
	struct qmac_error *err;
};

/* Fails at a place in the running line. */
static enum qmac_status refuse(struct reader *r, const char *at, const char *why)
{
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
	                    (int)(at - r->lines.text) + 1, "%s", why);
}

static enum qmac_status out_of_memory(struct reader *r)
{
	return qmac_fail_at(r->err, QMAC_INTERNAL, r->lines.path, r->lines.number, 1, "out of memory");
}

/* The next word of the line, NUL behind it; *word is NULL at the end. Returns where to go on. */
static char *next_word(char *text, char **word)
{
	char *end;

	text += strspn(text, " \t");
	*word = *text ? text : NULL;
	end = text + strcspn(text, " \t");
	if (!*end)
		return end;
	*end = 0;
	return end + 1;
}

static enum qmac_status read_real(struct reader *r, const char *text, const char *what, double *value)
{
	struct qmac_error why;

	if (qmac_text_real(text, value, &why) == QMAC_OK)
		return QMAC_OK;
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
	                    (int)(text - r->lines.text) + 1, "%s: %.400s", what, why.message);
}

static enum qmac_status read_target(struct reader *r, const char *word)
{
	void *targets = r->targets;

	if (strchr(word, ':'))
		return refuse(r, word, "a line starts with its target, not with index:value");
	if (r->samples == QMAC_FILE_VALUES_MAX)
		return refuse(r, word, "more than 2^28 samples");
	if (!qmac_grow(&targets, &r->target_capacity, r->samples + 1, sizeof r->targets[0]))
		return out_of_memory(r);
	r->targets = targets;
	return read_real(r, word, "target", &r->targets[r->samples]);
}

/* word is index:value; *last is the index before it in this line, 0 where there is none. */
static enum qmac_status read_entry(struct reader *r, char *word, int64_t *last)
{
	char *colon = strchr(word, ':');
	void *entries = r->entries;
	int64_t index;
	struct qmac_error why;
	double value;

	if (!colon)
		return refuse(r, word, "expected index:value");
	*colon = 0;
	if (strcmp(word, "0") == 0)
		return refuse(r, word, "index 0: indices start at 1");
	if (qmac_text_integer(word, 1, QMAC_FEATURES_MAX, &index, &why))
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
		                    (int)(word - r->lines.text) + 1, "index: %.400s", why.message);
	if (index <= *last)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
		                    (int)(word - r->lines.text) + 1,
		                    "index %lld behind index %lld: indices must rise", (long long)index,
		                    (long long)*last);
	*last = index;
	if (read_real(r, colon + 1, "value", &value))
		return QMAC_BAD_INPUT;
	if (!qmac_grow(&entries, &r->entry_capacity, r->entry_count + 1, sizeof r->entries[0]))
		return out_of_memory(r);
	r->entries = entries;
	r->entries[r->entry_count++] = (struct entry){value, (int32_t)index - 1, (int32_t)r->samples};
	r->features = index > r->features ? (int)index : r->features;
	return QMAC_OK;
}

static enum qmac_status read_line(struct reader *r)
{
	char *text = r->lines.text, *word;
	int64_t last = 0;
	enum qmac_status status;

	text[strcspn(text, "#")] = 0;
	text = next_word(text, &word);
	if (!word)
		return QMAC_OK;
	status = read_target(r, word);
	while (!status) {
		text = next_word(text, &word);
		if (!word)
			break;
		status = read_entry(r, word, &last);
	}
	r->samples++;
	if (!status && r->samples * r->features > QMAC_FILE_VALUES_MAX)
		status = qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, 1,
		                      "%lld samples of %d features are more than 2^28 values; take fewer",
		                      (long long)r->samples, r->features);
	return status;
}

/* Sparse entries to a dense data set. */
static enum qmac_status spread(struct reader *r, struct qmac_dataset *data)
{
	enum qmac_status status;

	if (r->samples == 0 || r->features == 0)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, 0, 0, "%s",
		                    r->samples ? "no line has an index:value" : "empty: no data");
	status = qmac_dataset_allocate(data, r->samples, r->features, false, r->err);
	if (status)
		return status;
	memcpy(data->y, r->targets, (size_t)r->samples * sizeof data->y[0]);
	for (int64_t i = 0; i < r->entry_count; i++)
		data->x.real[r->entries[i].sample * data->features + r->entries[i].feature] = r->entries[i].value;
	return QMAC_OK;
}

enum qmac_status qmac_dataset_read_libsvm(struct qmac_dataset *data, const char *path,
                                          struct qmac_error *err)
{
	struct reader r = {.err = err};
	enum qmac_status status;
	bool got = true;

	memset(data, 0, sizeof *data);
	status = qmac_lines_open(&r.lines, path, err);
	if (status)
		return status;
	while (!status && got) {
		status = qmac_lines_next(&r.lines, &got, err);
		if (!status && got)
			status = read_line(&r);
	}
	if (!status)
		status = spread(&r, data);
	if (status)
		qmac_lines_make_printable(err);
	qmac_lines_close(&r.lines);
	free(r.entries);
	free(r.targets);
	return status;
}
