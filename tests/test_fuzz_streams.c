/*
 * Streams of the fuzzer: the same for the same seed, legal or refused as the slow reading of the contract
 * says, race-free, and of everything that there is.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/player.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "reference/stream_checks.h"
#include "test.h"

enum { STREAMS = 200 };

static struct qmac_fuzz_stream make(const struct qmac_hw *hw, enum qmac_fuzz_kind kind, uint64_t seed,
                                    uint32_t most)
{
	struct qmac_fuzz_stream stream;
	struct qmac_error err;

	if (qmac_fuzz_stream_make(hw, kind, seed, most, &stream, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("stream");
	}
	return stream;
}

static char *text_of(const struct qmac_trace *trace)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	qmac_trace_print(trace, out);
	fclose(out);
	return text;
}

static void test_same_seed(void)
{
	uint64_t rng = test_seed();
	int differ = 0;

	for (int i = 0; i < 30; i++) {
		enum qmac_fuzz_kind kind = (enum qmac_fuzz_kind)(i % QMAC_FUZZ_KINDS);
		uint64_t seed = test_random(&rng);
		struct qmac_fuzz_stream streams[3];
		struct qmac_hw hw;
		char *text[3];

		qmac_fuzz_hw_small(&rng, &hw);
		for (int k = 0; k < 3; k++) {
			streams[k] = make(&hw, kind, seed + (k == 2), QMAC_FUZZ_COMMANDS_MAX);
			text[k] = text_of(streams[k].trace);
		}
		CU_ASSERT_STRING_EQUAL(text[0], text[1]);
		CU_ASSERT(streams[0].fault == streams[1].fault && streams[0].retiring == streams[1].retiring);
		CU_ASSERT(streams[0].ring_register == streams[1].ring_register);
		differ += strcmp(text[0], text[2]) != 0;
		for (int k = 0; k < 3; k++) {
			free(text[k]);
			qmac_fuzz_stream_free(&streams[k]);
		}
	}
	CU_ASSERT_EQUAL(differ, 30);
}

/* Is command i one of the four before it, but for its waits, its tag and one word? */
static bool is_again(const struct qmac_trace *t, size_t i)
{
	for (size_t k = 1; k <= 4 && k <= i; k++) {
		const uint32_t *words = t->commands[i].words, *other = t->commands[i - k].words;
		int differ = (words[0] & 0xF) != (other[0] & 0xF);

		for (unsigned w = 3; w < QMAC_COMMAND_WORDS; w++)
			differ += words[w] != other[w];
		if (differ <= 1 && (words[0] & 0xF) != QMAC_OPCODE_SYNC)
			return true;
	}
	return false;
}

/* What VEC commands have that is worth counting. */
static struct {
	int all, affine, steps, sums, held, same, monitored, large, refused;
} vecs;

static void count_vec(const struct qmac_command *c, uint32_t magnitudes)
{
	bool row = c->op != QMAC_OP_LOOKUP && c->s1space != QMAC_SPACE_IMM;

	vecs.all++;
	vecs.affine += c->op == QMAC_OP_AFFINE;
	vecs.steps += c->coef_step && c->n1 > 1;
	vecs.sums += c->sum != 0;
	vecs.held += row && c->n0 > 1 && c->b0 == 0;
	vecs.same += row && c->s0space == c->s1space && c->src0 == c->src1;
	vecs.monitored += c->monitor != 0;
	vecs.large += magnitudes >= 1U << 31;
}

static void count_vecs(const struct qmac_fuzz_stream *stream, const struct qmac_fuzz_device *device)
{
	struct qmac_command command;

	for (size_t i = 0; i < stream->retiring; i++) {
		qmac_command_decode(stream->trace->commands[i].words, &command);
		if (command.opcode == QMAC_OPCODE_VEC)
			count_vec(&command, device->records[i].magnitudes);
	}
	if (stream->fault != QMAC_FAULT_RANGE && stream->fault != QMAC_FAULT_HAZARD)
		return;
	qmac_command_decode(stream->trace->commands[stream->retiring].words, &command);
	vecs.refused += command.opcode == QMAC_OPCODE_VEC && (command.op == QMAC_OP_AFFINE || command.sum);
}

static void test_streams(void)
{
	uint64_t rng = test_seed();
	int faults[16] = {0}, wraps = 0, turns = 0, behind = 0, opcodes[6] = {0}, commands = 0, again = 0;
	int full = 0, wide = 0;

	for (int i = 0; i < STREAMS; i++) {
		/* Every fault must come: most are malformed. */
		enum qmac_fuzz_kind kind = i % 5 < 2 ? (enum qmac_fuzz_kind)(i % 5) : QMAC_FUZZ_MALFORMED;
		uint32_t most = i % 4 ? QMAC_FUZZ_COMMANDS_MAX : 1 + (uint32_t)qmac_fuzz_below(&rng, 30);
		struct qmac_fuzz_device device;
		struct qmac_fuzz_stream stream;
		struct qmac_hw hw;

		qmac_fuzz_hw_small(&rng, &hw);
		CU_ASSERT_EQUAL(qmac_hw_check(&hw, NULL, NULL), QMAC_OK);
		stream = make(&hw, kind, test_random(&rng), most);
		CU_ASSERT(stream.trace->command_count >= 1 && stream.trace->command_count <= most);
		CU_ASSERT((stream.fault != QMAC_FAULT_NONE) == (kind == QMAC_FUZZ_MALFORMED));
		stream_check_faults(&stream);
		stream_check_race_free(&stream);
		/* The device must agree: comparing it with itself checks what the stream was made for. */
		CU_ASSERT_EQUAL_FATAL(qmac_fuzz_device_open(&device, &qmac_fuzz_reference, &hw, 0, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(qmac_fuzz_play(&device, &stream, false, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(qmac_fuzz_compare(&device, &device, &stream, NULL), QMAC_OK);
		if (kind != QMAC_FUZZ_TRAINING)
			count_vecs(&stream, &device);
		qmac_fuzz_device_close(&device);
		faults[stream.fault]++;
		wraps += stream.retiring > 1U << stream.trace->ring_log2;
		turns += stream.trace->batch_count > 2;
		behind += stream.fault && stream.retiring + 1 < stream.trace->command_count;
		for (size_t c = 0; c < stream.retiring; c++)
			opcodes[stream.trace->commands[c].words[0] & 0xF]++;
		for (size_t c = 0; kind != QMAC_FUZZ_TRAINING && c < stream.retiring; c++, commands++)
			again += is_again(stream.trace, c);
		full += hw.acc_bits <= hw.a_bits + hw.w_bits + 1 && hw.cols < 5;
		wide += hw.a_bits + hw.w_bits >= 27;
		qmac_fuzz_stream_free(&stream);
	}
	/* About a quarter; accumulators that few sums fill; products whose sums leave 32 bits. */
	CU_ASSERT(again > commands / 6 && again < commands / 2);
	CU_ASSERT(full > STREAMS / 10 && wide > STREAMS / 8);
	for (unsigned f = QMAC_FAULT_OPCODE; f <= QMAC_FAULT_RING; f++) {
		CU_ASSERT(faults[f] > 0);
		if (!faults[f])
			printf("\n    no stream with error %s ", qmac_code_name("FAULT", f));
	}
	for (unsigned opcode = QMAC_OPCODE_LOAD; opcode <= QMAC_OPCODE_SYNC; opcode++)
		CU_ASSERT(opcodes[opcode] > STREAMS);
	CU_ASSERT(vecs.affine > vecs.all / 8 && vecs.steps > vecs.all / 32 && vecs.sums > vecs.all / 16);
	CU_ASSERT(vecs.held > vecs.all / 16 && vecs.same > vecs.all / 16 && vecs.monitored > vecs.all / 2);
	CU_ASSERT(vecs.large > vecs.all / 64 && vecs.refused > 2);
	CU_ASSERT(wraps > STREAMS / 4 && turns > STREAMS / 4 && behind > STREAMS / 12);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"same seed, same stream", test_same_seed},
		{"streams are what they are meant to be", test_streams},
	};

	return test_main("test_fuzz_streams", cases, TEST_COUNT(cases));
}
