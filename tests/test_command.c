/* Descriptors: encoding, every refusal of docs/command-set.md, and text. */
#include "isa/command.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/commands.h"
#include "fuzz/damage.h"
#include "fuzz/hardware.h"
#include "reference/fault_commands.h"
#include "reference/ref_device.h"
#include "reference/ref_fields.h"
#include "test.h"

static unsigned both_faults(const uint32_t words[QMAC_COMMAND_WORDS])
{
	char text[1024];
	struct qmac_command command;
	unsigned got, expected;

	qmac_command_decode(words, &command);
	got = qmac_command_fault(&fault_hw, &fault_state, words, &command);
	expected = ref_fault(&fault_hw, fault_state.mem_base, fault_state.mem_size, fault_state.dispatched,
	                     words);
	if (got != expected)
		printf("\n%s: expected %s got %s ", qmac_command_text(&command, text, sizeof text),
		       qmac_code_name("FAULT", expected), qmac_code_name("FAULT", got));
	CU_ASSERT_EQUAL(got, expected);
	return got;
}

static void test_faults(void)
{
	for (int i = 0; i < fault_case_count; i++) {
		const struct fault_case *c = &fault_cases[i];
		struct qmac_command command;
		uint32_t words[QMAC_COMMAND_WORDS];
		const char *got;

		fault_command(c, &command);
		qmac_command_encode(&command, words);
		got = qmac_code_name("FAULT", both_faults(words));
		if (strcmp(got, c->fault) != 0)
			printf("\ncase %d: expected %s got %s ", i, c->fault, got);
		CU_ASSERT_STRING_EQUAL(got, c->fault);
	}
}

/* Bits that belong to no field at all, of each class. */
static void test_reserved_bits(void)
{
	static const struct {
		enum fault_base base;
		int word;
		uint32_t mask;
	} holes[] = {
		{SYNC_IRQ, 0, 0xFE00}, {SYNC_IRQ, 2, 0xFFFF0000}, {SYNC_IRQ, 3, 0xFFFFFFFF},
		{SYNC_IRQ, 15, 0xFFFFFFFF}, {LOAD_A, 0, 0xFE00}, {LOAD_A, 2, 0xFFFF0000},
		{LOAD_A, 12, 0xFFFF0000}, {LOAD_A, 14, 0xFFFF0000}, {LOAD_A, 15, 0xFFFFFFFF},
		{STORE, 14, 0xFFFF0000}, {STORE, 15, 0xFFFFFFFF}, {WS, 11, 0xFFFFFF00}, {WS, 12, 0xFFFFFFFF},
		{OS, 13, 0xFFFFFFFF}, {OS, 14, 0xFFFFFFFF}, {OS, 15, 0xFFFFFFFF}, {ADD, 10, 0x80000000},
		{TO_A, 11, 0x80000000}, {LOOKUP, 12, 0xFFFFFFC0},
	};

	for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++)
		for (int bit = 0; bit < 32; bit++) {
			uint32_t words[QMAC_COMMAND_WORDS];

			if (!(holes[i].mask >> bit & 1))
				continue;
			qmac_command_encode(&fault_bases[holes[i].base], words);
			words[holes[i].word] |= 1U << bit;
			CU_ASSERT_EQUAL(both_faults(words), QMAC_FAULT_RESERVED);
		}
}

/* Every legal command with every one of its bits flipped: the reference says what becomes of it. */
static void test_flipped_bits(void)
{
	unsigned seen[QMAC_FAULT_RING + 1] = {0};

	for (size_t i = 0; i < FAULT_BASES; i++)
		for (int bit = 0; bit < 32 * (int)QMAC_COMMAND_WORDS; bit++) {
			uint32_t words[QMAC_COMMAND_WORDS];

			qmac_command_encode(&fault_bases[i], words);
			words[bit / 32] ^= 1U << bit % 32;
			seen[both_faults(words)]++;
		}
	for (unsigned fault = QMAC_FAULT_NONE; fault <= QMAC_FAULT_ADDRESS; fault++)
		CU_ASSERT_TRUE(seen[fault] > 0 || fault == QMAC_FAULT_ORDER); /* no waits in the commands above */
}

static void check_round_trip(const struct qmac_command *command)
{
	uint32_t words[QMAC_COMMAND_WORDS], again[QMAC_COMMAND_WORDS];
	struct qmac_command decoded;

	qmac_command_encode(command, words);
	qmac_command_decode(words, &decoded);
	qmac_command_encode(&decoded, again);
	CU_ASSERT_EQUAL(memcmp(words, again, sizeof words), 0);
#define COMPARE(class, name, bits) \
	if (decoded.name != command->name) \
		printf("\n" #name " expected %lld got %lld ", (long long)command->name, (long long)decoded.name); \
	CU_ASSERT_EQUAL(decoded.name, command->name);
	QMAC_FIELD_TABLE(COMPARE)
#undef COMPARE
}

/* The encoder puts fields where the reference reads them; word 12 of a VEC has several, one at a time. */
static void check_positions(const struct qmac_command *c)
{
	uint32_t words[QMAC_COMMAND_WORDS];
	const char *class = c->opcode == QMAC_OPCODE_LOAD || c->opcode == QMAC_OPCODE_STORE ? "MOVE"
	                    : c->opcode == QMAC_OPCODE_GEMM                                 ? "GEMM"
	                    : c->opcode == QMAC_OPCODE_VEC                                  ? "VEC"
	                                                                                    : "";

	qmac_command_encode(c, words);
	CU_ASSERT_TRUE(strcmp(class, "MOVE") != 0 || ref_base(words) == (int64_t)c->base);
#define COMPARE(group, name, bits) \
	if ((strcmp(#group, "COMMON") == 0 || strcmp(#group, class) == 0) && bits <= 32 && \
	    !strstr(" imm in_bits coef sum ", " " #name " ")) \
		CU_ASSERT_EQUAL(REF_GET(words, group, name), (int64_t)c->name);
	QMAC_FIELD_TABLE(COMPARE)
#undef COMPARE
	if (c->opcode != QMAC_OPCODE_VEC)
		return;
	if (c->op == QMAC_OP_LOOKUP) {
		CU_ASSERT_EQUAL(REF_GET(words, VEC, in_bits), (int64_t)c->in_bits);
	} else if (c->s1space == QMAC_SPACE_IMM) {
		CU_ASSERT_EQUAL(REF_GET(words, VEC, imm), c->imm);
	} else {
		CU_ASSERT_EQUAL(REF_GET(words, VEC, coef), (int64_t)c->coef);
		CU_ASSERT_EQUAL(REF_GET(words, VEC, sum), (int64_t)c->sum);
	}
}

/* Legal programs of random devices are accepted; damaged commands are judged as the reference does. */
static void test_random_commands(void)
{
	struct qmac_fuzz_program program = {.rng = test_seed(), .data_base = 64, .data_bytes = 8192, .again = 6};

	for (int i = 0; i < 3000; i++) {
		struct qmac_dispatch_state now = {64, 8192, {0, 0, 0}};
		struct qmac_command command;
		uint32_t words[QMAC_COMMAND_WORDS];
		unsigned got, expected;
		char text[1024];

		if (i % 50 == 0) {
			qmac_fuzz_hw(&program.rng, &program.hw);
			program.remembered = 0; /* those of the device before need not be legal */
		}
		memcpy(now.dispatched, program.dispatched, sizeof now.dispatched);
		qmac_fuzz_command(&program, &command);
		check_round_trip(&command);
		check_positions(&command);
		qmac_command_encode(&command, words);
		got = qmac_command_fault(&program.hw, &now, words, &command);
		expected = ref_fault(&program.hw, 64, 8192, now.dispatched, words);
		if (got || expected)
			printf("\n%s: got %u expected %u ", qmac_command_text(&command, text, sizeof text), got,
				expected);
		CU_ASSERT_TRUE(got == QMAC_FAULT_NONE && expected == QMAC_FAULT_NONE);
		qmac_fuzz_damage(&program.rng, words);
		qmac_command_decode(words, &command);
		got = qmac_command_fault(&program.hw, &now, words, &command);
		expected = ref_fault(&program.hw, 64, 8192, now.dispatched, words);
		if (got != expected)
			printf("\n%s: got %u expected %u ", qmac_command_text(&command, text, sizeof text), got,
				expected);
		CU_ASSERT_EQUAL(got, expected);
	}
}

static void test_text_form(void)
{
	static const struct {
		enum fault_base command;
		const char *words[12];
	} cases[] = {
		{LOAD_A, {"LOAD ", "A", "8192|0x2000", "n0=4", "n1=3", "n2=2", "len=2", "lsb=4", "nbits=7", "HALF"}},
		{STORE, {"STORE ", "ACC", "s0=16", "s1=64", "s2=256", "hi0=3", "hi1=2", "ds1=4", "WORD"}},
		{WS, {"GEMM ", "WS", "n0=4", "as2=12", "cs2=12", "k=12", "n=20"}},
		{OS, {"GEMM ", "OS", "ws0=1", "ws2=12"}},
		{TO_A, {"VEC ", "MUL", "imm=-3", "nbits=7", "lane0=7", "STOCHASTIC", "shift=3", "seed=9", "bw=16"}},
		{LOOKUP, {"VEC ", "LOOKUP", "in_bits=10", "lut_n=4", "lut_base=48"}},
		{AFFINE, {"VEC ", "op=AFFINE", "coef=60", "s1space=W", "b1=4"}},
		{SYNC_IRQ, {"SYNC", "irq=1", "stamp=1", "tag=77"}},
	};
	char text[1024], small[8];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CU_ASSERT_PTR_EQUAL(qmac_command_text(&fault_bases[cases[i].command], text, sizeof text), text);
		CU_ASSERT_PTR_NULL(strchr(text, '\n'));
		for (int k = 0; k < 12 && cases[i].words[k]; k++) {
			char word[32], *other;

			snprintf(word, sizeof word, "%s", cases[i].words[k]);
			other = strchr(word, '|');
			if (other)
				*other++ = 0;
			if (!strstr(text, word) && !(other && strstr(text, other)))
				printf("\n\"%s\" lacks \"%s\" ", text, cases[i].words[k]);
			CU_ASSERT_TRUE(strstr(text, word) || (other && strstr(text, other)));
		}
		qmac_command_text(&fault_bases[cases[i].command], small, sizeof small);
		CU_ASSERT_TRUE(strlen(small) < sizeof small);
	}
	CU_ASSERT_PTR_NULL(strstr(qmac_command_text(&fault_bases[WS], text, sizeof text), "ws0"));
	CU_ASSERT_PTR_NULL(strstr(qmac_command_text(&fault_bases[STORE], text, sizeof text), "nbits"));
	CU_ASSERT_PTR_NULL(strstr(qmac_command_text(&fault_bases[LOOKUP], text, sizeof text), "imm"));
	CU_ASSERT_STRING_EQUAL(qmac_code_name("FAULT", QMAC_FAULT_HAZARD), "HAZARD");
	CU_ASSERT_STRING_EQUAL(qmac_code_name("FAULT", 99), "?");
	CU_ASSERT_STRING_EQUAL(qmac_code_name("NOGROUP", 1), "?");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"every clause of refusal", test_faults},
		{"bits of no field", test_reserved_bits},
		{"every single flipped bit", test_flipped_bits},
		{"random commands, legal and damaged", test_random_commands},
		{"text", test_text_form},
	};

	return test_main("test_command", cases, TEST_COUNT(cases));
}
