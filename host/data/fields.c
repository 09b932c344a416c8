#include "data/fields.h"

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/separator.h"

struct cutter {
	const struct qmac_lines *lines;
	enum qmac_separator separator;
	const char *marks;  /* which end a field */
	const char *blanks; /* which do not count around it */
	struct qmac_error *err;
};

static enum qmac_status refuse(const struct cutter *cutter, const char *at, const char *why)
{
	return qmac_fail_at(cutter->err, QMAC_BAD_INPUT, cutter->lines->path, cutter->lines->number,
	                    (int)(at - cutter->lines->text) + 1, "%s", why);
}

static char *skip_blanks(const struct cutter *cutter, char *text)
{
	return text + strspn(text, cutter->blanks);
}

/* Where the next field begins, behind one that ends in `end`; NULL: there is none. */
static char *behind(const struct cutter *cutter, char *end)
{
	if (cutter->separator != QMAC_SEPARATOR_BLANK)
		return *end ? end + 1 : NULL;
	end = skip_blanks(cutter, end);
	return *end ? end : NULL;
}

static enum qmac_status cut_quoted(const struct cutter *cutter, struct qmac_field *field, char **next)
{
	char *from = field->text + 1, *to = field->text, *end;

	for (; *from; *to++ = *from++) {
		if (*from != '"' || *++from == '"')
			continue;
		end = strchr(cutter->marks, *from) ? from : skip_blanks(cutter, from);
		if (!strchr(cutter->marks, *end))
			return qmac_fail_at(cutter->err, QMAC_BAD_INPUT, cutter->lines->path, cutter->lines->number,
			                    (int)(end - cutter->lines->text) + 1,
			                    "expected a %s behind the closing quote",
			                    qmac_separator_name(cutter->separator));
		*next = behind(cutter, end);
		*to = 0;
		return QMAC_OK;
	}
	return refuse(cutter, field->text, "the quote is not closed in this line");
}

static void cut_plain(const struct cutter *cutter, struct qmac_field *field, char **next)
{
	char *end = field->text + strcspn(field->text, cutter->marks);

	*next = behind(cutter, end);
	while (end > field->text && strchr(cutter->blanks, end[-1]))
		end--;
	*end = 0;
}

enum qmac_status qmac_fields_cut(struct qmac_fields *fields, struct qmac_lines *lines,
                                 enum qmac_separator separator, struct qmac_error *err)
{
	static const char *const marks[] = {"", ",", ";", "\t", " \t"};
	const struct cutter cutter = {
		lines, separator, marks[separator], separator == QMAC_SEPARATOR_TAB ? " " : " \t", err,
	};
	char *text = lines->text;

	fields->end = (int)lines->length + 1;
	for (fields->count = 0; text; fields->count++) {
		void *array = fields->field;
		struct qmac_field *field;

		text = skip_blanks(&cutter, text);
		if (fields->count == QMAC_FEATURES_MAX + 1)
			return refuse(&cutter, text, "more than 65536 features; take fewer columns");
		if (!qmac_grow(&array, &fields->capacity, fields->count + 1, sizeof fields->field[0]))
			return qmac_fail_at(err, QMAC_INTERNAL, lines->path, lines->number, 1, "out of memory");
		fields->field = array;
		field = &fields->field[fields->count];
		*field = (struct qmac_field){text, (int)(text - lines->text) + 1};
		if (*text != '"')
			cut_plain(&cutter, field, &text);
		else if (cut_quoted(&cutter, field, &text))
			return QMAC_BAD_INPUT;
	}
	return QMAC_OK;
}

void qmac_fields_free(struct qmac_fields *fields)
{
	free(fields->field);
	*fields = (struct qmac_fields){0};
}
