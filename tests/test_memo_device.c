/*
 * A device that remembers times beside one that does not: every trace of the corpus and random streams, those
 * with faults among them, each played three times, and two streams in turn.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/player.h"
#include "test.h"

enum { STREAMS = 150, TIMES = 3 };

/* The fuzzer asks for digests; a device without them remembers. */
struct device_kind {
	uint64_t memory_bytes;
	bool digests;
};

static enum qmac_status open_device(void *context, const struct qmac_hw *hw,
                                    const struct qmac_device_options *options, uint64_t stalls,
                                    struct qmac_backend **backend, struct qmac_error *err)
{
	const struct device_kind *kind = context;
	struct qmac_device_options plain = *options;

	(void)stalls;
	plain.digests = kind->digests;
	plain.memory_bytes = kind->memory_bytes;
	return qmac_backend_create("cmodel", hw, &plain, backend, err);
}

static void expect_ok(enum qmac_status status, const struct qmac_error *err)
{
	if (status) {
		puts(err->message);
		CU_FAIL_FATAL("the device");
	}
}

static uint32_t value(const struct qmac_fuzz_device *device, uint32_t offset)
{
	return device->backend->operations->read(device->backend, offset);
}

/* All but digests, and zero MACs, which are counted with any kernel. */
static void compare(const struct qmac_fuzz_device *plain, const struct qmac_fuzz_device *tested)
{
	int differ = 0;

	CU_ASSERT_EQUAL(tested->strays, plain->strays);
	for (size_t i = 0; i < plain->count; i++) {
		struct qmac_retire record = plain->records[i];

		record.digest = 0;
		differ += plain->retired[i] != tested->retired[i] ||
		          (plain->retired[i] && memcmp(&record, &tested->records[i], sizeof record) != 0);
	}
	CU_ASSERT_EQUAL(differ, 0);
	for (uint32_t i = 0; i < 2 * QMAC_COUNTERS; i++)
		CU_ASSERT_EQUAL(value(tested, QMAC_COUNTER_BASE + 4 * i), value(plain, QMAC_COUNTER_BASE + 4 * i));
	CU_ASSERT_EQUAL(value(tested, QMAC_REG_STAMP_LO), value(plain, QMAC_REG_STAMP_LO));
	CU_ASSERT_EQUAL(value(tested, QMAC_REG_ERROR_CODE), value(plain, QMAC_REG_ERROR_CODE));
}

static void play_all(const struct qmac_hw *hw, const struct qmac_fuzz_stream *streams, int count)
{
	const uint64_t memory_bytes = streams[0].trace->memory_bytes;
	struct device_kind kinds[2] = {{memory_bytes, true}, {memory_bytes, false}};
	const struct qmac_fuzz_target target[2] = {{open_device, &kinds[0]}, {open_device, &kinds[1]}};
	struct qmac_fuzz_device plain, tested;
	struct qmac_error err;

	expect_ok(qmac_fuzz_device_open(&plain, &target[0], hw, 0, &err), &err);
	expect_ok(qmac_fuzz_device_open(&tested, &target[1], hw, 0, &err), &err);
	for (int i = 0; i < TIMES * count; i++) {
		const struct qmac_fuzz_stream *stream = &streams[i % count];

		expect_ok(qmac_fuzz_play(&plain, stream, true, &err), &err);
		expect_ok(qmac_fuzz_play(&tested, stream, true, &err), &err);
		compare(&plain, &tested);
	}
	qmac_fuzz_device_close(&plain);
	qmac_fuzz_device_close(&tested);
}

static void test_streams(void)
{
	uint64_t rng = test_seed();

	for (int i = 0; i < STREAMS; i++) {
		struct qmac_fuzz_stream streams[2];
		struct qmac_error err;
		struct qmac_hw hw;

		qmac_fuzz_hw_small(&rng, &hw);
		for (int s = 0; s < 2; s++)
			expect_ok(qmac_fuzz_stream_make(&hw, (enum qmac_fuzz_kind)((i + s) % QMAC_FUZZ_KINDS),
			                                test_random(&rng), QMAC_FUZZ_COMMANDS_MAX, &streams[s], &err),
			          &err);
		play_all(&hw, streams, 2);
		for (int s = 0; s < 2; s++)
			qmac_fuzz_stream_free(&streams[s]);
	}
}

static void test_corpus(void)
{
	glob_t files;

	CU_ASSERT_EQUAL_FATAL(glob("traces/*.trace", 0, NULL, &files), 0);
	CU_ASSERT(files.gl_pathc >= 5);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct qmac_fuzz_stream stream = {.kind = QMAC_FUZZ_LEGAL};
		struct qmac_error err;

		expect_ok(qmac_trace_read(files.gl_pathv[i], &stream.trace, &err), &err);
		play_all(&stream.trace->hw, &stream, 1);
		qmac_fuzz_stream_free(&stream);
	}
	globfree(&files);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random streams", test_streams},
		{"the corpus", test_corpus},
	};

	return test_main("test_memo_device", cases, (int)(sizeof cases / sizeof cases[0]));
}
