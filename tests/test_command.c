/* Descriptors: encoding, every refusal of docs/command-set.md, and text. */
#include "isa/command.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "reference/random_commands.h"
#include "reference/ref_device.h"
#include "reference/ref_fields.h"
#include "test.h"

static const struct qmac_hw hw = {
	.rows = 12, .cols = 20, .a_bits = 7, .w_bits = 11, .acc_bits = 40, .acc_overflow = QMAC_OVERFLOW_SATURATE,
	.os_max = 256, .a_depth = 64, .w_depth = 80, .acc_depth = 90, .bus_bytes = 8, .burst_beats = 16,
	.outstanding = 4, .queue_depth = 4, .lut_bits = 6, .lut_ports = 4, .clock_mhz = 500,
	.dram_bytes_per_cycle = 2048, .dram_banks = 8, .dram_row_bytes = 2048,
};
static const struct qmac_dispatch_state state = {4096, 1048576, {5, 70000, 0}};

/* Legal commands, of which each case below changes a few fields. */
#define MOVE_PART \
	.base = 8192, .s0 = 16, .s1 = 64, .s2 = 256, .n0 = 4, .n1 = 3, .n2 = 2, .len = 2, .hi0 = 3, .hi1 = 2, \
	.ds0 = 1, .ds1 = 4, .ds2 = 12
#define VEC_PART \
	.opcode = QMAC_OPCODE_VEC, .n0 = 4, .n1 = 3, .a0 = 1, .a1 = 4, .d0 = 1, .d1 = 4, .lanes = 5, .bw = 16
static const struct qmac_command load_a = {
	.opcode = QMAC_OPCODE_LOAD, MOVE_PART, .space = QMAC_SPACE_A, .container = QMAC_CONTAINER_HALF, .lsb = 4,
	.nbits = 7,
};
static const struct qmac_command load_w = {
	.opcode = QMAC_OPCODE_LOAD, MOVE_PART, .space = QMAC_SPACE_W, .container = QMAC_CONTAINER_HALF,
		.nbits = 11,
};
static const struct qmac_command load_acc = {
	.opcode = QMAC_OPCODE_LOAD, MOVE_PART, .space = QMAC_SPACE_ACC, .container = QMAC_CONTAINER_DOUBLE,
};
static const struct qmac_command load_lut = {
	.opcode = QMAC_OPCODE_LOAD, .base = 8192, .s0 = 4, .n0 = 64, .n1 = 1, .n2 = 1, .len = 1, .hi0 = 63,
		.ds0 = 1,
	.space = QMAC_SPACE_LUT, .container = QMAC_CONTAINER_WORD,
};
static const struct qmac_command store = {
	.opcode = QMAC_OPCODE_STORE, MOVE_PART, .space = QMAC_SPACE_ACC, .container = QMAC_CONTAINER_WORD,
};
static const struct qmac_command ws = {
	.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_WS, .n0 = 4, .n1 = 3, .n2 = 2, .as0 = 1, .as1 = 4,
		.as2 = 12,
	.cs0 = 1, .cs1 = 4, .cs2 = 12, .k = 12, .n = 20,
};
static const struct qmac_command os = {
	.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_OS, .n0 = 4, .n1 = 3, .n2 = 2, .as0 = 1, .as1 = 4,
		.as2 = 12,
	.ws0 = 1, .ws1 = 4, .ws2 = 12, .k = 12, .n = 20,
};
static const struct qmac_command add = {
	VEC_PART, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_W,
	.src0 = 40, .b0 = 1, .b1 = 4, .mult = 1,
};
static const struct qmac_command to_a = {
	VEC_PART, .op = QMAC_OP_MUL, .dspace = QMAC_SPACE_A, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM,
	.imm = -3, .nbits = 7, .lane0 = 7, .rnd = QMAC_ROUND_STOCHASTIC, .shift = 3, .seed = 9,
};
static const struct qmac_command lookup = {
	VEC_PART, .op = QMAC_OP_LOOKUP, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_A, .in_bits = 10,
		.lut_n = 4,
	.lut_base = 48,
};
static const struct qmac_command equal = {
	VEC_PART, .op = QMAC_OP_EQ, .dspace = QMAC_SPACE_W, .nbits = 1, .s0space = QMAC_SPACE_ACC,
	.s1space = QMAC_SPACE_IMM,
};
static const struct qmac_command sync_irq = {.opcode = QMAC_OPCODE_SYNC, .irq = 1, .stamp = 1, .tag = 77};

static const struct qmac_command *const bases[] = {&load_a, &load_w, &load_acc, &load_lut, &store, &ws, &os,
                                                   &add, &to_a, &lookup, &equal, &sync_irq};
#define BASES (sizeof bases / sizeof bases[0])

struct change {
	int used;
	size_t offset;
	int64_t value;
};

struct fault_case {
	const struct qmac_command *base;
	const char *fault; /* the code's name in isa.def */
	struct change changes[6];
};

#define SET(field, value) {1, offsetof(struct qmac_command, field), value}

static const struct fault_case fault_cases[] = {
#include "reference/fault_cases.h"
};

static void apply(const struct change *change, struct qmac_command *command)
{
	uint32_t word = (uint32_t)change->value;
	int wide = change->offset == offsetof(struct qmac_command, base);

	if (change->used && wide)
		memcpy((char *)command + change->offset, &change->value, sizeof change->value);
	else if (change->used)
		memcpy((char *)command + change->offset, &word, sizeof word);
}

static unsigned both_faults(const uint32_t words[QMAC_COMMAND_WORDS])
{
	char text[1024];
	struct qmac_command command;
	unsigned got, expected;

	qmac_command_decode(words, &command);
	got = qmac_command_fault(&hw, &state, words, &command);
	expected = ref_fault(&hw, state.mem_base, state.mem_size, state.dispatched, words);
	if (got != expected)
		printf("\n%s: expected %s got %s ", qmac_command_text(&command, text, sizeof text),
		       qmac_code_name("FAULT", expected), qmac_code_name("FAULT", got));
	CU_ASSERT_EQUAL(got, expected);
	return got;
}

static void test_faults(void)
{
	for (size_t i = 0; i < sizeof fault_cases / sizeof fault_cases[0]; i++) {
		const struct fault_case *c = &fault_cases[i];
		struct qmac_command command = *c->base;
		uint32_t words[QMAC_COMMAND_WORDS];
		const char *got;

		for (int k = 0; k < 6; k++)
			apply(&c->changes[k], &command);
		qmac_command_encode(&command, words);
		got = qmac_code_name("FAULT", both_faults(words));
		if (strcmp(got, c->fault) != 0)
			printf("\ncase %zu: expected %s got %s ", i, c->fault, got);
		CU_ASSERT_STRING_EQUAL(got, c->fault);
	}
}

/* Bits that belong to no field at all, of each class. */
static void test_reserved_bits(void)
{
	static const struct {
		const struct qmac_command *base;
		int word;
		uint32_t mask;
	} holes[] = {
		{&sync_irq, 0, 0xFE00}, {&sync_irq, 2, 0xFFFF0000}, {&sync_irq, 3, 0xFFFFFFFF},
		{&sync_irq, 15, 0xFFFFFFFF}, {&load_a, 0, 0xFE00}, {&load_a, 2, 0xFFFF0000},
		{&load_a, 12, 0xFFFF0000}, {&load_a, 14, 0xFFFF0000}, {&load_a, 15, 0xFFFFFFFF},
		{&store, 14, 0xFFFF0000}, {&store, 15, 0xFFFFFFFF}, {&ws, 11, 0xFFFFFF00}, {&ws, 12, 0xFFFFFFFF},
		{&os, 13, 0xFFFFFFFF}, {&os, 14, 0xFFFFFFFF}, {&os, 15, 0xFFFFFFFF}, {&add, 10, 0x80000000},
		{&to_a, 11, 0x80000000}, {&lookup, 12, 0xFFFFFFC0},
	};

	for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++)
		for (int bit = 0; bit < 32; bit++) {
			uint32_t words[QMAC_COMMAND_WORDS];

			if (!(holes[i].mask >> bit & 1))
				continue;
			qmac_command_encode(holes[i].base, words);
			words[holes[i].word] |= 1U << bit;
			CU_ASSERT_EQUAL(both_faults(words), QMAC_FAULT_RESERVED);
		}
}

/* Every legal command with every one of its bits flipped: the reference says what becomes of it. */
static void test_flipped_bits(void)
{
	unsigned seen[QMAC_FAULT_RING + 1] = {0};

	for (size_t i = 0; i < BASES; i++)
		for (int bit = 0; bit < 32 * (int)QMAC_COMMAND_WORDS; bit++) {
			uint32_t words[QMAC_COMMAND_WORDS];

			qmac_command_encode(bases[i], words);
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

/* The encoder puts fields where the reference reads them. */
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
	    strcmp(#name, "imm") != 0 && strcmp(#name, "in_bits") != 0) \
		CU_ASSERT_EQUAL(REF_GET(words, group, name), (int64_t)c->name);
	QMAC_FIELD_TABLE(COMPARE)
#undef COMPARE
	if (c->opcode == QMAC_OPCODE_VEC)
		CU_ASSERT_EQUAL(c->op == QMAC_OP_LOOKUP ? REF_GET(words, VEC, in_bits) : REF_GET(words, VEC, imm),
		                c->op == QMAC_OP_LOOKUP ? (int64_t)c->in_bits : c->imm);
}

/* Legal programs of random devices are accepted; damaged commands are judged as the reference does. */
static void test_random_commands(void)
{
	struct random_program program = {.rng = test_seed(), .data_base = 64, .data_bytes = 8192};

	for (int i = 0; i < 3000; i++) {
		struct qmac_dispatch_state now = {64, 8192, {0, 0, 0}};
		struct qmac_command command;
		uint32_t words[QMAC_COMMAND_WORDS];
		unsigned got, expected;
		char text[1024];

		if (i % 50 == 0)
			random_hw(&program.rng, &program.hw);
		memcpy(now.dispatched, program.dispatched, sizeof now.dispatched);
		random_command(&program, &command);
		check_round_trip(&command);
		check_positions(&command);
		qmac_command_encode(&command, words);
		got = qmac_command_fault(&program.hw, &now, words, &command);
		expected = ref_fault(&program.hw, 64, 8192, now.dispatched, words);
		if (got || expected)
			printf("\n%s: got %u expected %u ", qmac_command_text(&command, text, sizeof text), got,
				expected);
		CU_ASSERT_TRUE(got == QMAC_FAULT_NONE && expected == QMAC_FAULT_NONE);
		random_damage(&program.rng, words);
		qmac_command_decode(words, &command);
		got = qmac_command_fault(&program.hw, &now, words, &command);
		expected = ref_fault(&program.hw, 64, 8192, now.dispatched, words);
		if (got != expected)
			printf("\n%s: got %u expected %u ", qmac_command_text(&command, text, sizeof text), got,
				expected);
		CU_ASSERT_EQUAL(got, expected);
	}
}

static void test_text(void)
{
	static const struct {
		const struct qmac_command *command;
		const char *words[12];
	} cases[] = {
		{&load_a, {"LOAD ", "A", "8192|0x2000", "n0=4", "n1=3", "n2=2", "len=2", "lsb=4", "nbits=7", "HALF"}},
		{&store, {"STORE ", "ACC", "s0=16", "s1=64", "s2=256", "hi0=3", "hi1=2", "ds1=4", "WORD"}},
		{&ws, {"GEMM ", "WS", "n0=4", "as2=12", "cs2=12", "k=12", "n=20"}},
		{&os, {"GEMM ", "OS", "ws0=1", "ws2=12"}},
		{&to_a, {"VEC ", "MUL", "imm=-3", "nbits=7", "lane0=7", "STOCHASTIC", "shift=3", "seed=9", "bw=16"}},
		{&lookup, {"VEC ", "LOOKUP", "in_bits=10", "lut_n=4", "lut_base=48"}},
		{&sync_irq, {"SYNC", "irq=1", "stamp=1", "tag=77"}},
	};
	char text[1024], small[8];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CU_ASSERT_PTR_EQUAL(qmac_command_text(cases[i].command, text, sizeof text), text);
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
		qmac_command_text(cases[i].command, small, sizeof small);
		CU_ASSERT_TRUE(strlen(small) < sizeof small);
	}
	CU_ASSERT_PTR_NULL(strstr(qmac_command_text(&ws, text, sizeof text), "ws0"));
	CU_ASSERT_PTR_NULL(strstr(qmac_command_text(&store, text, sizeof text), "nbits"));
	CU_ASSERT_PTR_NULL(strstr(qmac_command_text(&lookup, text, sizeof text), "imm"));
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
		{"text", test_text},
	};

	return test_main("test_command", cases, TEST_COUNT(cases));
}
