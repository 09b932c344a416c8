#include "data/libsvm.h"

#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "data/lines.h"
#include "data/number.h"

/* An index:value of the file. How many features a row has is known at the end only. */
struct entry {
	double value;
	int32_t feature; /* from 0 */
	int32_t sample;
};

struct reader {
	const struct qmac_run *run;
	struct qmac_lines lines;
	bool test;               /* the running file is that of the test part */
	struct entry *entries;
	double *targets;
	int32_t *line;           /* where each sample stands in its file */
	int64_t entry_count, entry_capacity, samples, target_capacity, line_capacity;
	int features;            /* highest index so far in the training file */
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
	const char *hint = "";

	if (qmac_data_number(text, value, &why) == QMAC_OK)
		return QMAC_OK;
	if (strchr(text, '"'))
		hint = "; there are no quotes in LIBSVM: remove them";
	else if (strpbrk(text, ",;"))
		hint = "; for a file with separators between columns set data: csv";
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
	                    (int)(text - r->lines.text) + 1, "%s: %.400s%s", what, why.message, hint);
}

static enum qmac_status read_target(struct reader *r, const char *word)
{
	void *targets = r->targets, *line = r->line;
	bool fits;

	if (strchr(word, ':'))
		return refuse(r, word, "a line starts with its target, not with index:value");
	if (r->samples == QMAC_FILE_VALUES_MAX)
		return refuse(r, word, "more than 2^28 samples");
	fits = qmac_grow(&targets, &r->target_capacity, r->samples + 1, sizeof r->targets[0]);
	r->targets = targets;
	fits = fits && qmac_grow(&line, &r->line_capacity, r->samples + 1, sizeof r->line[0]);
	r->line = line;
	if (!fits)
		return out_of_memory(r);
	r->line[r->samples] = r->lines.number;
	return read_real(r, word, "target", &r->targets[r->samples]);
}

/* The index in front of a colon; *last is the one before it in this line, 0 where there is none. */
static enum qmac_status read_index(struct reader *r, const char *word, int64_t *last)
{
	int column = (int)(word - r->lines.text) + 1;
	struct qmac_error why;
	int64_t index;

	if (strcmp(word, "0") == 0)
		return refuse(r, word, "index 0: indices start at 1; scikit-learn's dump_svmlight_file writes them so"
		              " with zero_based=False");
	if (strcmp(word, "qid") == 0)
		return refuse(r, word, "qid: stands in data for ranking, which is not available; remove qid:NUMBER"
		              " from the lines to take the targets as they are");
	if (word[0] == '"')
		return refuse(r, word, "there are no quotes in LIBSVM: remove them");
	if (qmac_text_integer(word, 1, QMAC_FEATURES_MAX, &index, &why))
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, column, "index: %.400s",
		                    why.message);
	if (index <= *last)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, column,
		                    "index %lld behind index %lld: indices must rise", (long long)index,
		                    (long long)*last);
	if (r->test && index > r->features)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, column,
		                    "index %lld, but %.300s has %d features; name it in a line of that file, as"
		                    " %lld:0, or leave it out here", (long long)index, r->run->file, r->features,
		                    (long long)index);
	*last = index;
	return QMAC_OK;
}

/* word is index:value; *last is the index before it. */
static enum qmac_status read_entry(struct reader *r, char *word, int64_t *last)
{
	char *colon = strchr(word, ':');
	void *entries = r->entries;
	double value;

	if (!colon)
		return refuse(r, word, "expected index:value; for a file of columns set data: csv");
	*colon = 0;
	if (read_index(r, word, last) || read_real(r, colon + 1, "value", &value))
		return QMAC_BAD_INPUT;
	if (!qmac_grow(&entries, &r->entry_capacity, r->entry_count + 1, sizeof r->entries[0]))
		return out_of_memory(r);
	r->entries = entries;
	r->entries[r->entry_count++] = (struct entry){value, (int32_t)*last - 1, (int32_t)r->samples};
	r->features = *last > r->features ? (int)*last : r->features;
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

/* Sparse entries to a dense data set; the first `training` samples are for training. */
static enum qmac_status spread(struct reader *r, int64_t training, struct qmac_dataset *data)
{
	enum qmac_status status = qmac_dataset_allocate(data, r->samples, r->features, false, r->err);

	if (status)
		return status;
	memcpy(data->y, r->targets, (size_t)r->samples * sizeof data->y[0]);
	for (int64_t i = 0; i < r->entry_count; i++)
		data->x.real[r->entries[i].sample * data->features + r->entries[i].feature] = r->entries[i].value;
	data->line = r->line;
	r->line = NULL;
	data->samples = training;
	data->test_samples = r->samples - training;
	return QMAC_OK;
}

static enum qmac_status read_file(struct reader *r, const char *path)
{
	int64_t before = r->samples;
	bool got = true;
	enum qmac_status status = qmac_lines_open(&r->lines, path, r->err);

	if (status)
		return status;
	while (!status && got) {
		status = qmac_lines_next(&r->lines, &got, r->err);
		if (!status && got)
			status = read_line(r);
	}
	if (!status && (r->samples == before || r->features == 0))
		status = qmac_fail_at(r->err, QMAC_BAD_INPUT, path, 0, 0, "%s",
		                      r->samples > before ? "no line has an index:value" : "empty: no data");
	qmac_lines_close(&r->lines);
	return status;
}

/* Forgets all samples but the first `limit`. */
static void limit_samples(struct reader *r, int64_t limit)
{
	if (limit < r->samples)
		r->samples = limit;
	while (r->entry_count > 0 && r->entries[r->entry_count - 1].sample >= r->samples)
		r->entry_count--;
}

enum qmac_status qmac_dataset_read_libsvm(struct qmac_dataset *data, const struct qmac_run *run,
                                          struct qmac_error *err)
{
	struct reader r = {.run = run, .err = err};
	enum qmac_status status;
	int64_t training;

	memset(data, 0, sizeof *data);
	status = read_file(&r, run->file);
	if (run->limit > 0)
		limit_samples(&r, run->limit);
	training = r.samples;
	r.test = true;
	if (!status && run->test_file[0])
		status = read_file(&r, run->test_file);
	if (!status)
		status = spread(&r, training, data);
	free(r.entries);
	free(r.targets);
	free(r.line);
	return status;
}
