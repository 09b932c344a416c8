#include "config/layer_formats.h"

#include <string.h>

#include "config/text.h"

static enum qmac_status refuse(const char *word, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_BAD_INPUT, "'%.60s' is no format of a layer; write LAYER=BW,FL or"
	                 " LAYER=BW,range, with blanks between, or none", word);
}

/* The number behind `name`, which the message begins with. */
static enum qmac_status read_number(const char *name, const char *text, int low, int high, int *number,
                                    struct qmac_error *err)
{
	struct qmac_error bare;
	int64_t value;

	if (qmac_text_integer(text, low, high, &value, &bare))
		return qmac_fail(err, QMAC_BAD_INPUT, "%s: %.200s", name, bare.message);
	*number = (int)value;
	return QMAC_OK;
}

enum qmac_status qmac_layer_formats_next(const char **text, struct qmac_layer_format *entry, bool *found,
                                         struct qmac_error *err)
{
	char word[QMAC_LAYER_FORMAT_NAME + 32], *bw, *fl;
	size_t length;
	enum qmac_status status;

	*text += strspn(*text, " ");
	length = strcspn(*text, " ");
	*found = length > 0 && strcmp(*text, "none") != 0;
	if (!*found)
		return QMAC_OK;
	if (length >= sizeof word)
		return refuse(*text, err);
	memcpy(word, *text, length);
	word[length] = 0;
	bw = strchr(word, '=');
	fl = bw ? strchr(bw, ',') : NULL;
	if (!fl || bw == word || bw - word >= QMAC_LAYER_FORMAT_NAME)
		return refuse(word, err);
	*bw++ = *fl++ = 0;
	strcpy(entry->layer, word);
	entry->by_range = strcmp(fl, "range") == 0;
	entry->fl = 0;
	status = read_number(word, bw, 2, 32, &entry->bw, err);
	if (!status && !entry->by_range)
		status = read_number(word, fl, -31, 31, &entry->fl, err);
	*text += length;
	return status;
}

enum qmac_status qmac_bare_format_read(const char *text, int *bw, int *fl, struct qmac_error *err)
{
	char width[16];
	size_t length = strcspn(text, ",");
	enum qmac_status status;

	*bw = *fl = 0;
	if (strcmp(text, "float") == 0)
		return QMAC_OK;
	if (!text[length] || length >= sizeof width)
		return qmac_fail(err, QMAC_BAD_INPUT, "'%.60s' is no format; write BW,FL, or float", text);
	memcpy(width, text, length);
	width[length] = 0;
	status = read_number("width", width, 2, 32, bw, err);
	return status ? status : read_number("fraction bits", text + length + 1, -31, 31, fl, err);
}

enum qmac_status qmac_layer_formats_check(const char *text, struct qmac_error *err)
{
	for (bool found = true; found;) {
		struct qmac_layer_format entry, other = {.layer = ""};
		const char *rest;
		bool more = true;
		enum qmac_status status = qmac_layer_formats_next(&text, &entry, &found, err);

		rest = text;
		while (!status && found && more && strcmp(entry.layer, other.layer) != 0)
			status = qmac_layer_formats_next(&rest, &other, &more, err);
		if (status)
			return status;
		if (found && strcmp(entry.layer, other.layer) == 0)
			return qmac_fail(err, QMAC_BAD_INPUT, "layer '%s' has two formats: leave one out", entry.layer);
	}
	return QMAC_OK;
}
