#include "config/milestones.h"

#include <string.h>

#include "config/text.h"

enum qmac_status qmac_milestones_read(const char *text, int *epochs, int room, int *count,
                                      struct qmac_error *err)
{
	*count = 0;
	if (strcmp(text, "none") == 0)
		return QMAC_OK;
	for (bool more = true; more; text++) {
		size_t length = strcspn(text += strspn(text, " "), ",");
		size_t used = length;
		char word[16];
		int64_t epoch;

		more = text[length] == ',';
		while (used > 0 && text[used - 1] == ' ')
			used--;
		snprintf(word, sizeof word, "%.*s", (int)used, text);
		text += length;
		if (*count == room)
			return qmac_fail(err, QMAC_BAD_INPUT, "more than %d epochs", room);
		if (qmac_text_integer(word, 1, 1000000, &epoch, err))
			return QMAC_BAD_INPUT;
		if (*count > 0 && epoch <= epochs[*count - 1])
			return qmac_fail(err, QMAC_BAD_INPUT, "%d does not rise: write epochs in their order",
			                 (int)epoch);
		epochs[(*count)++] = (int)epoch;
		if (!more)
			return QMAC_OK;
	}
	return QMAC_OK;
}
