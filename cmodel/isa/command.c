#include "isa/command.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void qmac_command_encode(const struct qmac_command *command, uint32_t words[QMAC_COMMAND_WORDS])
{
	memset(words, 0, QMAC_COMMAND_BYTES);
	qmac_pack_common(command, words);
	switch (command->opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_STORE:
		qmac_pack_move(command, words);
		break;
	case QMAC_OPCODE_GEMM:
		qmac_pack_gemm(command, words);
		break;
	case QMAC_OPCODE_VEC:
		qmac_pack_vec(command, words);
		break;
	default:
		break;
	}
}

void qmac_command_decode(const uint32_t words[QMAC_COMMAND_WORDS], struct qmac_command *command)
{
	memset(command, 0, sizeof *command);
	qmac_unpack_common(command, words);
	switch (command->opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_STORE:
		qmac_unpack_move(command, words);
		break;
	case QMAC_OPCODE_GEMM:
		qmac_unpack_gemm(command, words);
		break;
	case QMAC_OPCODE_VEC:
		qmac_unpack_vec(command, words);
		break;
	default:
		break;
	}
}

unsigned qmac_command_engine(unsigned opcode)
{
	switch (opcode) {
	case QMAC_OPCODE_LOAD:
		return QMAC_ENGINE_LOAD;
	case QMAC_OPCODE_STORE:
		return QMAC_ENGINE_STORE;
	case QMAC_OPCODE_GEMM:
	case QMAC_OPCODE_VEC:
		return QMAC_ENGINE_EXECUTE;
	default:
		assert(opcode == QMAC_OPCODE_SYNC);
		return QMAC_ENGINE_CONTROL;
	}
}

const char *qmac_code_name(const char *group, unsigned value)
{
	static const struct {
		const char *group, *name;
		unsigned value;
	} codes[] = {
#define CODE(group, name, lower, value) {#group, #name, value},
		QMAC_ENUM_TABLE(CODE)
#undef CODE
	};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i].value == value && strcmp(codes[i].group, group) == 0)
			return codes[i].name;
	return "?";
}

/* Appends to a text that may be full already. */
__attribute__((format(printf, 3, 4)))
static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

/* Appends " name=value" for a field that is not zero; codes are named. */
static void append_field(char *text, size_t size, const char *name, long long value)
{
	static const struct {
		const char *field, *group;
	} named[] = {
		{"space", "SPACE"}, {"dspace", "SPACE"}, {"s0space", "SPACE"}, {"rnd", "ROUND"},
		{"container", "CONTAINER"}, {"mode", "MODE"}, {"op", "OP"},
	};

	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		if (strcmp(named[i].field, name) == 0) {
			append(text, size, " %s=%s", name, qmac_code_name(named[i].group, (unsigned)value));
			return;
		}
	if (strcmp(name, "s1space") == 0)
		append(text, size, " s1space=%s", value == QMAC_SPACE_IMM ? "IMM" : qmac_code_name("SPACE",
			(unsigned)value));
	else if (strcmp(name, "base") == 0)
		append(text, size, " base=0x%llx", (unsigned long long)value);
	else if (value)
		append(text, size, " %s=%lld", name, value);
}

const char *qmac_command_text(const struct qmac_command *command, char *text, size_t size)
{
	unsigned op = command->opcode;
	const char *class = op == QMAC_OPCODE_LOAD || op == QMAC_OPCODE_STORE ? "MOVE"
	                    : op == QMAC_OPCODE_GEMM ? "GEMM" : op == QMAC_OPCODE_VEC ? "VEC" : "";

	snprintf(text, size, "%s", qmac_code_name("OPCODE", op));
#define SHOW(group, name, bits) \
	if (strcmp(#name, "opcode") != 0 && (strcmp(#group, "COMMON") == 0 || strcmp(#group, class) == 0)) \
		append_field(text, size, #name, (long long)command->name);
	QMAC_FIELD_TABLE(SHOW)
#undef SHOW
	for (char *c = text; *c && *c != ' '; c++)
		*c = (char)toupper((unsigned char)*c);
	return text;
}
