#include "backend/retire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isa/command.h"

/* A value as it is shown: the name of a code, a digest, or a number. */
static const char *show(const char *group, bool hexadecimal, uint64_t value, char *text, size_t size)
{
	if (group)
		snprintf(text, size, "%s", qmac_code_name(group, (unsigned)value));
	else
		snprintf(text, size, hexadecimal ? "%016" PRIx64 : "%" PRIu64, value);
	return text;
}

bool qmac_retire_differs(const struct qmac_retire *first, const struct qmac_retire *second, bool timed,
                         const char *first_name, const char *second_name, char *text, size_t size)
{
	const struct {
		const char *name;
		uint64_t first, second;
		bool hexadecimal, timed;
		const char *group; /* of codes */
	} fields[] = {
		{"number", first->number, second->number, false, false, NULL},
		{"engine", first->engine, second->engine, false, false, "ENGINE"},
		{"opcode", first->opcode, second->opcode, false, false, "OPCODE"},
		{"tag", first->tag, second->tag, false, false, NULL},
		{"ACC saturations", first->acc_saturations, second->acc_saturations, false, false, NULL},
		{"requantise saturations", first->requant_saturations, second->requant_saturations, false, false,
		 NULL},
		{"container saturations", first->container_saturations, second->container_saturations, false, false,
		 NULL},
		{"magnitudes", first->magnitudes, second->magnitudes, true, false, NULL},
		{"digest", first->digest, second->digest, true, false, NULL},
		{"start cycle", first->start, second->start, false, true, NULL},
		{"retire cycle", first->cycle, second->cycle, false, true, NULL},
	};
	char a[40], b[40];

	text[0] = 0;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		size_t used = strlen(text);

		if (fields[i].first == fields[i].second || (fields[i].timed && !timed))
			continue;
		snprintf(text + used, size - used, "%s%s: %s %s, %s %s", used ? "; " : "", fields[i].name, first_name,
		         show(fields[i].group, fields[i].hexadecimal, fields[i].first, a, sizeof a), second_name,
		         show(fields[i].group, fields[i].hexadecimal, fields[i].second, b, sizeof b));
	}
	return text[0] != 0;
}
