#include "data/number.h"

#include <string.h>
#include <strings.h>

#include "config/text.h"

/* Without regard to case. */
static bool is_one_of(const char *text, const char *const *words)
{
	while (*words && strcasecmp(text, *words) != 0)
		words++;
	return *words != NULL;
}

enum qmac_status qmac_data_number(const char *text, double *value, struct qmac_error *err)
{
	/* "" behind a sign alone */
	static const char *const missing[] = {"", "?", ".", "na", "n/a", "#n/a", "nan", "null", "none", NULL};
	static const char *const infinite[] = {"inf", "infinity", NULL};
	enum qmac_status status = qmac_text_real(text, value, err);
	size_t sign = text[0] == '-' || text[0] == '+';
	struct qmac_error plain;

	if (!status || !err)
		return status;
	plain = *err;
	if (!text[0])
		return qmac_fail(err, status, "no value; fill it in or remove the line");
	if (is_one_of(text + sign, missing))
		return qmac_fail(err, status, "'%.60s' is a missing value; fill it in or remove the line", text);
	if (is_one_of(text + sign, infinite))
		return qmac_fail(err, status, "'%.60s' is not finite; put a number there or remove the line", text);
	if (strchr(text, ',') && !text[strspn(text, "0123456789+-.,eE")])
		return qmac_fail(err, status, "%s: a number has a decimal point, and no comma", plain.message);
	return status;
}
