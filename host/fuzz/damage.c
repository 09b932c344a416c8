#include "fuzz/damage.h"

#include <string.h>

#include "fuzz/random.h"

#define CONSTANT(name, value, help)
#define ENUM(group, name, value, help)
#define REGISTER(name, offset, access, help)
#define COUNTER(name, source, help)

static const struct {
	const char *class;
	int word, lsb, bits;
} fields[] = {
#define FIELD(class, name, word, lsb, bits, shift, kind, condition, help) {#class, word, lsb, bits},
#include "isa/isa.def"
#undef FIELD
};

enum { FIELDS = sizeof fields / sizeof fields[0] };

static uint32_t mask_of(int field)
{
	return UINT32_MAX >> (32 - fields[field].bits) << fields[field].lsb;
}

static void insert(uint32_t words[QMAC_COMMAND_WORDS], int field, uint64_t value)
{
	uint32_t *word = &words[fields[field].word], mask = mask_of(field);

	*word = (*word & ~mask) | ((uint32_t)(value << fields[field].lsb) & mask);
}

void qmac_fuzz_damage(uint64_t *rng, uint32_t words[QMAC_COMMAND_WORDS])
{
	int64_t hits = qmac_fuzz_pick(rng, 1, 6);
	int way = (int)qmac_fuzz_below(rng, 6);

	for (int64_t i = 0; i < hits; i++) {
		int field = (int)qmac_fuzz_below(rng, FIELDS);
		int64_t bits = fields[field].bits;
		uint32_t *word = &words[qmac_fuzz_below(rng, QMAC_COMMAND_WORDS)];

		if (way == 0)
			*word ^= 1U << qmac_fuzz_below(rng, 32);
		else if (way == 1)
			*word = (uint32_t)qmac_fuzz_word(rng);
		else /* a field whose value, or whose meaning in the other commands, changes */
			insert(words, field, (uint64_t)qmac_fuzz_pick(rng, 0, ((int64_t)1 << bits) - 1));
	}
}

int qmac_fuzz_field_count(void)
{
	return FIELDS;
}

static const char *class_of(uint32_t opcode)
{
	switch (opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_STORE:
		return "MOVE";
	case QMAC_OPCODE_GEMM:
		return "GEMM";
	case QMAC_OPCODE_VEC:
		return "VEC";
	default:
		return "COMMON";
	}
}

static bool belongs(int field, uint32_t opcode)
{
	return strcmp(fields[field].class, class_of(opcode)) == 0;
}

int qmac_fuzz_own_field(uint64_t *rng, const uint32_t words[QMAC_COMMAND_WORDS])
{
	int field;

	do {
		field = (int)qmac_fuzz_below(rng, FIELDS);
	} while (!belongs(field, words[0] & 0xF));
	return field;
}

void qmac_fuzz_change(uint64_t *rng, uint32_t words[QMAC_COMMAND_WORDS], int field)
{
	int64_t most = ((int64_t)1 << fields[field].bits) - 1;
	int64_t value = (words[fields[field].word] & mask_of(field)) >> fields[field].lsb;

	switch (qmac_fuzz_below(rng, 3)) {
	case 0:
		value = qmac_fuzz_pick(rng, 0, most);
		break;
	case 1:
		value = qmac_fuzz_below(rng, most < 8 ? most + 1 : 9);
		break;
	default:
		value += qmac_fuzz_below(rng, 7) - 3;
	}
	insert(words, field, (uint64_t)value);
}

bool qmac_fuzz_field_lower(uint32_t words[QMAC_COMMAND_WORDS], int field, uint32_t value)
{
	if (strcmp(fields[field].class, "COMMON") != 0 && !belongs(field, words[0] & 0xF))
		return false;
	if ((words[fields[field].word] & mask_of(field)) >> fields[field].lsb <= value)
		return false;
	insert(words, field, value);
	return true;
}
