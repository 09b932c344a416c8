#include "report/json.h"

#include <math.h>

void qmac_json_write_real(FILE *out, double value)
{
	char text[QMAC_REAL_TEXT];

	fputs(isfinite(value) ? qmac_real_text(value, text) : "null", out);
}

/* Bytes of the UTF-8 sequence at s, 0 where there is none (overlong forms and surrogates included). */
static int sequence_bytes(const unsigned char *s)
{
	int bytes = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
	            : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;

	for (int i = 1; i < bytes; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] >= 0xA0) || (s[0] == 0xF0 && s[1] < 0x90)
	    || (s[0] == 0xF4 && s[1] >= 0x90))
		return 0;
	return bytes;
}

void qmac_json_write_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', out);
	while (*s) {
		int bytes = sequence_bytes(s);

		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20)
			fprintf(out, "\\u%04x", *s);
		else if (!bytes)
			fputs("\\ufffd", out);
		else
			fwrite(s, 1, (size_t)bytes, out);
		s += bytes ? bytes : 1;
	}
	fputc('"', out);
}
