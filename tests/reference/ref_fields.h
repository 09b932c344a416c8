/*
 * Descriptor fields as the reference reads them: the positions of isa.def, taken
 * bit by bit. Nothing of the generated pack and unpack functions is used.
 */
#ifndef REF_FIELDS_H
#define REF_FIELDS_H

#include <stdint.h>

#define CONSTANT(name, value, help)
#define ENUM(group, name, value, help)
#define REGISTER(name, offset, access, help)
#define COUNTER(name, source, help)
#define FIELD(class, name, word, lsb, bits, shift, kind, condition, help) REF_##class##_##name##_##shift,
enum ref_field {
#include "isa/isa.def"
	REF_FIELDS
};
#undef CONSTANT
#undef ENUM
#undef REGISTER
#undef COUNTER
#undef FIELD

/* The value of one part of a field, sign extended where it is signed. */
int64_t ref_extract(const uint32_t *words, enum ref_field field);

/* MOVE base: the only field of two parts. */
int64_t ref_base(const uint32_t *words);

#define REF_GET(words, class, name) ref_extract(words, REF_##class##_##name##_0)

/* Puts the low bits of value into one part of a field. */
void ref_insert(uint32_t *words, enum ref_field field, uint64_t value);

/* Bits of one part of a field. */
int ref_field_bits(enum ref_field field);

/* True where a bit outside the used fields of the descriptor is set. */
int ref_reserved_bit_set(const uint32_t *words);

#endif
