#include "reference/stream_checks.h"

#include <stdio.h>
#include <stdlib.h>

#include "race/race.h"
#include "reference/ref_device.h"
#include "test.h"

void stream_check_faults(const struct qmac_fuzz_stream *stream)
{
	const struct qmac_trace *t = stream->trace;
	uint32_t dispatched[3] = {0};

	for (size_t i = 0; i < stream->retiring; i++) {
		const uint32_t *words = t->commands[i].words;
		unsigned engine;

		CU_ASSERT_EQUAL(ref_fault(&t->hw, t->mem_base, t->mem_size, dispatched, words), QMAC_FAULT_NONE);
		engine = ref_engine(words[0] & 0xF);
		if (engine < 3)
			dispatched[engine]++;
	}
	if (stream->fault == QMAC_FAULT_NONE) {
		CU_ASSERT_EQUAL(stream->retiring, t->command_count);
	} else if (stream->fault != QMAC_FAULT_RING && stream->fault != QMAC_FAULT_BUS) {
		CU_ASSERT_EQUAL(ref_fault(&t->hw, t->mem_base, t->mem_size, dispatched,
		                          t->commands[stream->retiring].words), stream->fault);
	}
}

void stream_check_race_free(const struct qmac_fuzz_stream *stream)
{
	struct qmac_command *commands = qmac_fuzz_stream_decode(stream, stream->retiring);
	struct qmac_race race;
	struct qmac_error err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(commands);
	if (qmac_race_check(&stream->trace->hw, commands, (uint32_t)stream->retiring, &race, &err)) {
		puts(err.message);
		CU_FAIL("race");
	}
	free(commands);
}
