/*
 * Turns isa.def into the C header, the Verilog header and the field tables of
 * docs/command-set.md:   gen c | verilog | markdown
 *
 * A condition of isa.def is text: lower-case names are fields, upper-case names
 * are codes, everything else is the same in C and in Verilog.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct field {
	const char *class, *name;
	int word, lsb, bits, shift;
	char kind;
	const char *condition, *help;
};

struct item {
	const char *group, *name;
	unsigned long value;
	const char *access, *help; /* of a counter: its source */
};

static const struct field fields[] = {
#define CONSTANT(name, value, help)
#define ENUM(group, name, value, help)
#define REGISTER(name, offset, access, help)
#define COUNTER(name, source, help)
#define FIELD(class, name, word, lsb, bits, shift, kind, condition, help) \
	{#class, #name, word, lsb, bits, shift, #kind[0], #condition, help},
#include "isa/isa.def"
#undef CONSTANT
#undef ENUM
#undef REGISTER
#undef COUNTER
#undef FIELD
};

#define FIELD(class, name, word, lsb, bits, shift, kind, condition, help)
#define CONSTANT(name, value, help) {"", #name, value, "", help},
#define ENUM(group, name, value, help)
#define REGISTER(name, offset, access, help)
#define COUNTER(name, source, help)
static const struct item constants[] = {
#include "isa/isa.def"
};
#undef CONSTANT
#define CONSTANT(name, value, help)
#undef ENUM
#define ENUM(group, name, value, help) {#group, #name, value, "", help},
static const struct item enums[] = {
#include "isa/isa.def"
};
#undef ENUM
#define ENUM(group, name, value, help)
#undef REGISTER
#define REGISTER(name, offset, access, help) {"REG", #name, offset, #access, help},
static const struct item registers[] = {
#include "isa/isa.def"
};
#undef REGISTER
#define REGISTER(name, offset, access, help)
#undef COUNTER
#define COUNTER(name, source, help) {"COUNTER", #name, 0, #source, help},
static const struct item counters[] = {
#include "isa/isa.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIELDS COUNT(fields)

enum { WORDS = 16 }; /* of a descriptor */

static const char *const classes[] = {"COMMON", "MOVE", "GEMM", "VEC"};

static const char *lower(const char *text)
{
	static char buffer[4][64];
	static int next;
	char *out = buffer[next = (next + 1) % 4];
	size_t i;

	for (i = 0; i < sizeof buffer[0] - 1 && text[i]; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[i] = 0;
	return out;
}

static int has_source(const struct item *counter, const char *source)
{
	return strcmp(counter->access, source) == 0;
}

/* Prints a condition with a prefix before fields and one before codes. */
static void print_condition(const char *text, const char *field_prefix, const char *code_prefix)
{
	while (*text) {
		size_t n = 0;

		if (!isalpha((unsigned char)*text)) {
			putchar(*text++);
			continue;
		}
		while (isalnum((unsigned char)text[n]) || text[n] == '_')
			n++;
		printf("%s%.*s", islower((unsigned char)*text) ? field_prefix : code_prefix, (int)n, text);
		text += n;
	}
}

static unsigned long mask_of(const struct field *f)
{
	return (f->bits == 32 ? 0xFFFFFFFFUL : (1UL << f->bits) - 1) << f->lsb;
}

static int same_class(const struct field *f, const char *class)
{
	return strcmp(f->class, class) == 0;
}

/* True where another field of the class, under another condition, has some of the same bits. */
static int overlaps(const struct field *f)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (&fields[i] != f && same_class(&fields[i], f->class) && fields[i].word == f->word &&
		    (mask_of(&fields[i]) & mask_of(f)))
			return 1;
	return 0;
}

static int first_of_name(size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(fields[i].name, fields[index].name) == 0)
			return 0;
	return 1;
}

static int widest_of_name(const char *name)
{
	int width = 0;

	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(fields[i].name, name) == 0 && fields[i].shift + fields[i].bits > width)
			width = fields[i].shift + fields[i].bits;
	return width;
}

static void print_struct(void)
{
	printf("/* A decoded descriptor. Fields of other classes, and unused ones, are zero. */\n"
	       "struct qmac_command {\n");
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];

		if (!first_of_name(i))
			continue;
		printf("\t%s %s; /* %s */\n",
		       f->kind == 'S' ? "int32_t" : widest_of_name(f->name) > 32 ? "uint64_t" : "uint32_t",
		       f->name, f->help);
	}
	printf("\tdouble unit; /* not in the descriptor: real value of 1 in what it writes; 0: not known */\n"
	       "\tuint16_t layer; /* not in the descriptor, nor is the next: whose record counts it */\n"
	       "\tuint8_t direction; /* QMAC_DIRECTION_* */\n"
	       "};\n\n");
}

static void print_pack(const char *class)
{
	printf("static inline void qmac_pack_%s(const struct qmac_command *c, uint32_t *w)\n{\n", lower(class));
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];

		if (same_class(f, class))
			printf("\tw[%d] |= (uint32_t)((uint64_t)(c->%s >> %d) << %d & 0x%lXU);\n", f->word,
			       f->name, f->shift, f->lsb, mask_of(f));
	}
	printf("}\n\n");
}

static void print_unpack_line(const struct field *f)
{
	if (f->kind == 'S')
		printf("\tc->%s = (int32_t)(w[%d] << %d) >> %d;\n", f->name, f->word, 32 - f->lsb - f->bits,
		       32 - f->bits);
	else if (widest_of_name(f->name) > 32)
		printf("\tc->%s |= (uint64_t)(w[%d] >> %d & 0x%lXU) << %d;\n", f->name, f->word, f->lsb,
		       mask_of(f) >> f->lsb, f->shift);
	else
		printf("\tc->%s = w[%d] >> %d & 0x%lXU;\n", f->name, f->word, f->lsb, mask_of(f) >> f->lsb);
}

static void print_unpack(const char *class)
{
	printf("static inline void qmac_unpack_%s(struct qmac_command *c, const uint32_t *w)\n{\n", lower(class));
	for (int conditional = 0; conditional < 2; conditional++)
		for (size_t i = 0; i < FIELDS; i++) {
			const struct field *f = &fields[i];

			if (!same_class(f, class) || overlaps(f) != conditional)
				continue;
			if (conditional) {
				printf("\tif (");
				print_condition(f->condition, "c->", "QMAC_");
				printf(")\n\t");
			}
			print_unpack_line(f);
		}
	printf("}\n\n");
}

/* True for the first field of the class with its condition: fields are masked in groups of one condition. */
static int first_of_condition(size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (same_class(&fields[i], fields[index].class) &&
		    strcmp(fields[i].condition, fields[index].condition) == 0)
			return 0;
	return 1;
}

/* The bits of one word that belong to the group. */
static unsigned long group_mask(const struct field *group, int word)
{
	unsigned long mask = 0;

	for (size_t i = 0; i < FIELDS; i++)
		if (same_class(&fields[i], group->class) && fields[i].word == word &&
		    strcmp(fields[i].condition, group->condition) == 0)
			mask |= mask_of(&fields[i]);
	return mask;
}

/* " | mask where condition" for the groups of a class in one word. */
static void print_used(const char *class, int word)
{
	for (size_t i = 0; i < FIELDS; i++) {
		unsigned long mask = group_mask(&fields[i], word);

		if (!mask || !same_class(&fields[i], class) || !first_of_condition(i))
			continue;
		if (strcmp(fields[i].condition, "1") == 0) {
			printf(" | 0x%lXU", mask);
			continue;
		}
		printf(" | (");
		print_condition(fields[i].condition, "c->", "QMAC_");
		printf(" ? 0x%lXU : 0)", mask);
	}
}

/* The bits that a valid descriptor of the class may not set, of all words together. */
static void print_unused(const char *class)
{
	int common = strcmp(class, "COMMON") == 0;

	printf("static inline uint32_t qmac_unused_%s(const struct qmac_command *c, const uint32_t *w)\n{\n"
	       "\tuint32_t unused = 0;\n\n", lower(class));
	for (int word = 0; word < WORDS; word++) {
		printf("\tunused |= w[%d] & ~(0U", word);
		print_used("COMMON", word);
		if (!common)
			print_used(class, word);
		printf(");\n");
	}
	printf("\treturn unused;\n}\n\n");
}

static void print_fields_table(void)
{
	printf("#define QMAC_FIELD_TABLE(X) \\\n");
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].shift == 0)
			printf("\tX(%s, %s, %d) \\\n", fields[i].class, fields[i].name, widest_of_name(fields[i].name));
	printf("\t/* end */\n\n");
}

static void print_c(void)
{
	printf("/* Generated from cmodel/isa/isa.def; do not edit. */\n#ifndef QMAC_ISA_H\n#define QMAC_ISA_H\n\n"
	       "#include <stdint.h>\n\n");
	for (size_t i = 0; i < COUNT(constants); i++)
		printf("#define QMAC_%s 0x%lXU /* %s */\n", constants[i].name, constants[i].value, constants[i].help);
	for (size_t i = 0; i < COUNT(enums); i++)
		printf("#define QMAC_%s_%s 0x%lXU /* %s */\n", enums[i].group, enums[i].name, enums[i].value,
		       enums[i].help);
	for (size_t i = 0; i < COUNT(registers); i++)
		printf("#define QMAC_REG_%s 0x%lXU /* %s: %s */\n", registers[i].name, registers[i].value,
		       registers[i].access, registers[i].help);
	printf("\n/* Counters in register order; X(NAME, lower-case name, timed, help) */\n"
	       "enum qmac_counter {\n");
	for (size_t i = 0; i < COUNT(counters); i++)
		printf("\tQMAC_COUNTER_%s,\n", counters[i].name);
	printf("\tQMAC_COUNTERS\n};\n\n#define QMAC_COUNTER_TABLE(X) \\\n");
	for (size_t i = 0; i < COUNT(counters); i++)
		printf("\tX(%s, %s, %d, \"%s\") \\\n", counters[i].name, lower(counters[i].name),
		       has_source(&counters[i], "TIME"), counters[i].help);
	printf("\t/* end */\n\n/* Those that depend on data; X(NAME, lower-case name) */\n"
	       "#define QMAC_DATA_COUNTER_TABLE(X) \\\n");
	for (size_t i = 0; i < COUNT(counters); i++)
		if (has_source(&counters[i], "DATA"))
			printf("\tX(%s, %s) \\\n", counters[i].name, lower(counters[i].name));
	printf("\t/* end */\n\n/* Codes; X(group, NAME, lower-case name, value) */\n"
	       "#define QMAC_ENUM_TABLE(X) \\\n");
	for (size_t i = 0; i < COUNT(enums); i++)
		printf("\tX(%s, %s, \"%s\", 0x%lXU) \\\n", enums[i].group, enums[i].name, lower(enums[i].name),
		       enums[i].value);
	printf("\t/* end */\n\n/* Fields; X(class, name, bits) */\n");
	print_fields_table();
	print_struct();
	for (size_t i = 0; i < COUNT(classes); i++) {
		print_pack(classes[i]);
		print_unpack(classes[i]);
		print_unused(classes[i]);
	}
	printf("#endif\n");
}

/* The field that a condition of `class` calls by this name of n letters: its own, or a common one. */
static const struct field *field_named(const char *class, const char *name, size_t n)
{
	for (int common = 0; common < 2; common++)
		for (size_t i = 0; i < FIELDS; i++)
			if (same_class(&fields[i], common ? "COMMON" : class) && strlen(fields[i].name) == n &&
			    memcmp(fields[i].name, name, n) == 0)
				return &fields[i];
	fprintf(stderr, "isa.def: no field %.*s in class %s\n", (int)n, name, class);
	exit(1);
}

/* A condition over the macro argument `command`; fields are widened to the 32 bits of the codes. */
static void print_verilog_condition(const char *class, const char *text)
{
	while (*text) {
		size_t n = 0;

		while (isalnum((unsigned char)text[n]) || text[n] == '_')
			n++;
		if (islower((unsigned char)*text)) {
			const struct field *f = field_named(class, text, n);

			printf("{%d'd0, command[`QMAC_%s_%s]}", 32 - f->bits, f->class, f->name);
		} else if (n > 0) {
			printf("%s%.*s", isupper((unsigned char)*text) ? "`QMAC_" : "", (int)n, text);
		} else {
			putchar(*text);
			n = 1;
		}
		text += n;
	}
}

/* The same masks, as one expression of 512 bits. */
static void print_used_verilog(const char *class)
{
	const char *before = "";

	printf("`define QMAC_%s_USED(command) (", class);
	for (size_t i = 0; i < FIELDS; i++) {
		if (!same_class(&fields[i], class) || !first_of_condition(i))
			continue;
		printf("%s \\\n\t({512{", before);
		if (strcmp(fields[i].condition, "1") == 0)
			printf("1'b1");
		else
			print_verilog_condition(class, fields[i].condition);
		printf("}} & 512'h");
		for (int word = WORDS - 1; word >= 0; word--)
			printf("%s%08lX", word < WORDS - 1 ? "_" : "", group_mask(&fields[i], word));
		printf(")");
		before = " |";
	}
	printf(")\n");
}

static void print_verilog(void)
{
	printf("// Generated from cmodel/isa/isa.def; do not edit.\n");
	for (size_t i = 0; i < COUNT(constants); i++)
		printf("`define QMAC_%s 32'h%lX // %s\n", constants[i].name, constants[i].value, constants[i].help);
	for (size_t i = 0; i < COUNT(enums); i++)
		printf("`define QMAC_%s_%s 32'h%lX // %s\n", enums[i].group, enums[i].name, enums[i].value,
		       enums[i].help);
	for (size_t i = 0; i < COUNT(registers); i++)
		printf("`define QMAC_REG_%s 32'h%lX // %s\n", registers[i].name, registers[i].value,
			registers[i].help);
	for (size_t i = 0; i < COUNT(counters); i++)
		printf("`define QMAC_COUNTER_%s %lu // %s\n", counters[i].name, (unsigned long)i, counters[i].help);
	printf("`define QMAC_COUNTERS %lu // how many\n", (unsigned long)COUNT(counters));
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *f = &fields[i];
		int bit = f->word * 32 + f->lsb;

		printf("`define QMAC_%s_%s%s %d:%d\n", f->class, f->name, f->shift ? "_hi" : "", bit +
			f->bits - 1, bit);
	}
	printf("// The bits that a valid descriptor may set: those of COMMON and those of its class.\n");
	for (size_t i = 0; i < COUNT(classes); i++)
		print_used_verilog(classes[i]);
}

static void print_markdown(void)
{
	for (size_t k = 0; k < COUNT(classes); k++) {
		printf("### %s\n\n| word | bits | field | used where | meaning |\n|---|---|---|---|---|\n",
		       strcmp(classes[k], "COMMON") == 0 ? "All commands"
		       : strcmp(classes[k], "MOVE") == 0 ? "LOAD and STORE" : classes[k]);
		for (size_t i = 0; i < FIELDS; i++) {
			const struct field *f = &fields[i];

			if (!same_class(f, classes[k]))
				continue;
			printf("| %d | %d:%d | `%s`%s | ", f->word, f->lsb + f->bits - 1, f->lsb, f->name,
			       f->kind == 'S' ? " (signed)" : "");
			if (strcmp(f->condition, "1") == 0)
				printf("always");
			else
				for (const char *c = f->condition; *c; c++)
					printf(*c == '|' ? "\\%c" : "%c", *c);
			printf(" | %s |\n", f->help);
		}
		printf("\n");
	}
	printf("### Codes\n\n| code | value | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < COUNT(enums); i++)
		printf("| %s_%s | %lu | %s |\n", enums[i].group, enums[i].name, enums[i].value, enums[i].help);
	printf("\n### Registers\n\n| offset | register | access | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < COUNT(registers); i++)
		printf("| 0x%03lX | %s | %s | %s |\n", registers[i].value, registers[i].name, registers[i].access,
		       registers[i].help);
	printf("\n### Counters\n\n| offset | counter | follows from | counts |\n|---|---|---|---|\n");
	for (size_t i = 0; i < COUNT(counters); i++)
		printf("| 0x%03lX | %s | %s | %s |\n", 0x100 + 8 * (unsigned long)i, counters[i].name,
		       has_source(&counters[i], "TIME") ? "time" : has_source(&counters[i], "DATA") ?
		       "commands and data" : "commands", counters[i].help);
	printf("\n### Constants\n\n| constant | value | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < COUNT(constants); i++)
		printf("| %s | %lu | %s |\n", constants[i].name, constants[i].value, constants[i].help);
}

int main(int argc, char **argv)
{
	const char *form = argc == 2 ? argv[1] : "";

	if (strcmp(form, "c") == 0)
		print_c();
	else if (strcmp(form, "verilog") == 0)
		print_verilog();
	else if (strcmp(form, "markdown") == 0)
		print_markdown();
	else
		return fprintf(stderr, "usage: gen c|verilog|markdown\n"), 2;
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
