#include "reference/ref_fields.h"

#include <string.h>

#include "reference/ref_num.h"

#define CONSTANT(name, value, help)
#define REGISTER(name, offset, access, help)
#define COUNTER(name, source, help)

/* The codes without their prefix, as the conditions of isa.def write them. */
enum {
#define ENUM(group, name, value, help) group##_##name = value,
#define FIELD(class, name, word, lsb, bits, shift, kind, condition, help)
#include "isa/isa.def"
#undef ENUM
#undef FIELD
};

#define ENUM(group, name, value, help)

static const struct {
	const char *class;
	int word, lsb, bits, shift;
	char kind;
} fields[] = {
#define FIELD(class, name, word, lsb, bits, shift, kind, condition, help) \
	{#class, word, lsb, bits, shift, #kind[0]},
#include "isa/isa.def"
#undef FIELD
};

int64_t ref_extract(const uint32_t *words, enum ref_field field)
{
	int64_t value = 0, weight = 1;

	for (int i = 0; i < fields[field].bits; i++, weight *= 2)
		if (words[fields[field].word] >> (fields[field].lsb + i) & 1)
			value += i == fields[field].bits - 1 && fields[field].kind == 'S' ? -weight : weight;
	return value;
}

void ref_insert(uint32_t *words, enum ref_field field, uint64_t value)
{
	for (int i = 0; i < fields[field].bits; i++) {
		uint32_t bit = 1U << (fields[field].lsb + i);

		words[fields[field].word] &= ~bit;
		words[fields[field].word] |= value >> i & 1 ? bit : 0;
	}
}

int ref_field_bits(enum ref_field field)
{
	return fields[field].bits;
}

int64_t ref_base(const uint32_t *words)
{
	return REF_GET(words, MOVE, base) + ref_extract(words, REF_MOVE_base_32) * (int64_t)ref_power(32);
}

static const char *class_of(int64_t code)
{
	return code == OPCODE_LOAD || code == OPCODE_STORE ? "MOVE"
	       : code == OPCODE_GEMM                       ? "GEMM"
	       : code == OPCODE_VEC                        ? "VEC"
	                                                   : "";
}

int ref_reserved_bit_set(const uint32_t *words)
{
	/* The fields that conditions of isa.def speak of, under the names they use. */
	const int64_t opcode = REF_GET(words, COMMON, opcode), wait_mask = REF_GET(words, COMMON, wait_mask);
	const int64_t space = REF_GET(words, MOVE, space), mode = REF_GET(words, GEMM, mode);
	const int64_t op = REF_GET(words, VEC, op), rnd = REF_GET(words, VEC, rnd);
	const int64_t dspace = REF_GET(words, VEC, dspace);
	const int64_t red_rows = REF_GET(words, VEC, red_rows), red_lanes = REF_GET(words, VEC, red_lanes);
	const int64_t s0space = REF_GET(words, VEC, s0space), s1space = REF_GET(words, VEC, s1space);
	const int used[] = {
#define FIELD(class, name, word, lsb, bits, shift, kind, condition, help) (condition),
#include "isa/isa.def"
#undef FIELD
	};

	char covered[512] = {0};

	for (int i = 0; i < REF_FIELDS; i++) {
		int first = fields[i].word * 32 + fields[i].lsb;

		if (strcmp(fields[i].class, "COMMON") != 0 && strcmp(fields[i].class, class_of(opcode)) != 0)
			continue;
		if (!used[i])
			continue;
		for (int bit = first; bit < first + fields[i].bits; bit++)
			covered[bit] = 1;
	}
	for (int bit = 0; bit < 512; bit++)
		if ((words[bit / 32] >> bit % 32 & 1) && !covered[bit])
			return 1;
	return 0;
}
