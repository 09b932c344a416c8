#include "backend/retire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isa/command.h"

/* A value as it is shown: the name of a code, bits, or a number. */
static const char *show(const char *group, int digits, uint64_t value, char *text, size_t size)
{
	if (group)
		snprintf(text, size, "%s", qmac_code_name(group, (unsigned)value));
	else if (digits)
		snprintf(text, size, "%0*" PRIx64, digits, value);
	else
		snprintf(text, size, "%" PRIu64, value);
	return text;
}

bool qmac_retire_differs(const struct qmac_retire *first, const struct qmac_retire *second, bool timed,
                         const char *first_name, const char *second_name, char *text, size_t size)
{
	const struct {
		const char *name;
		uint64_t first, second;
		int digits; /* hexadecimal ones; 0: decimal */
		bool timed;
		const char *group; /* of codes */
	} fields[] = {
		{"number", first->number, second->number, 0, false, NULL},
		{"engine", first->engine, second->engine, 0, false, "ENGINE"},
		{"opcode", first->opcode, second->opcode, 0, false, "OPCODE"},
		{"tag", first->tag, second->tag, 0, false, NULL},
		{"ACC saturations", first->acc_saturations, second->acc_saturations, 0, false, NULL},
		{"requantise saturations", first->requant_saturations, second->requant_saturations, 0, false, NULL},
		{"container saturations", first->container_saturations, second->container_saturations, 0, false,
		 NULL},
		{"magnitudes", first->magnitudes, second->magnitudes, 8, false, NULL},
		{"digest", first->digest, second->digest, 16, false, NULL},
		{"start cycle", first->start, second->start, 0, true, NULL},
		{"retire cycle", first->cycle, second->cycle, 0, true, NULL},
	};
	char a[40], b[40];

	text[0] = 0;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		size_t used = strlen(text);

		if (fields[i].first == fields[i].second || (fields[i].timed && !timed))
			continue;
		snprintf(text + used, size - used, "%s%s: %s %s, %s %s", used ? "; " : "", fields[i].name, first_name,
		         show(fields[i].group, fields[i].digits, fields[i].first, a, sizeof a), second_name,
		         show(fields[i].group, fields[i].digits, fields[i].second, b, sizeof b));
	}
	return text[0] != 0;
}
