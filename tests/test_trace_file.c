/* Trace files that are wrong in one place, or damaged at random. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_files.h"
#include "reference/ref_device.h"
#include "trace/trace.h"
#include "test.h"

/* A whole trace: one LOAD of one A row from memory, then SYNC. */
static const char whole[] =
	"qmac-trace 2\n"            /* 1 */
	"revision 2\n"
	"hw rows 4\n"               /* 3 */
	"hw cols 2\n"
	"hw a_bits 8\n"
	"hw w_bits 8\n"
	"hw acc_bits 32\n"
	"hw acc_overflow wrap\n"
	"hw os_max 256\n"
	"hw a_depth 8\n"            /* 10 */
	"hw w_depth 8\n"
	"hw acc_depth 8\n"
	"hw bus_bytes 8\n"
	"hw burst_beats 16\n"
	"hw outstanding 2\n"
	"hw queue_depth 2\n"
	"hw lut_bits 4\n"
	"hw lut_ports 1\n"
	"hw mac_style parallel\n"
	"hw zero_gating false\n"    /* 20 */
	"hw clock_mhz 100\n"
	"hw dram.latency 3\n"
	"hw dram.bytes_per_cycle 4.5\n"
	"hw dram.banks 4\n"
	"hw dram.row_bytes 1024\n"
	"hw dram.miss 0\n"
	"hw dram.turnaround 0\n"
	"memory_bytes 4096\n"       /* 28 */
	"window 0x0 0x1000\n"
	"ring 0x800 2\n"            /* 30 */
	"first 12\n"
	"row A 3 1 2 ff 0 # lanes\n"
	"row ACC 7 ffffffff 1\n"
	"batch\n"                   /* 34 */
	"memory 0x40 0a0b0c0d\n"
	"command 0 00070001 00000000 00000000 00000040 00020000 00000004 00000000 00000000 00010001 00040001 "
	"00000000 00000000 00000800 00000000 00000000 00000000\n"
	"retire 0 LOAD LOAD 0 0 0 00000000 DIGEST 14 22\n"
	"batch\n"                   /* 38 */
	"command 1 00000005 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
	"00000000 00000000 00000000 00000000 00000000 00000000\n"
	"retire 1 CONTROL SYNC 0 0 0 00000000 0000000000000000 40 40\n"
	"end MEMORY\n";             /* 41 */

enum { LINES = 41, COMMAND = 36, SYNC = 39 };

struct file {
	char line[LINES + 1][400]; /* from 1 */
};

/* The trace above with its digests, which the slow formula gives. */
static void fill(struct file *file)
{
	uint64_t digest = 0, memory = 0;
	const char *text = whole;

	for (unsigned i = 0; i < 4; i++) {
		digest += ref_digest(QMAC_SPACE_A, 2, i, 10 + i);
		memory += ref_digest(4, 0x40 + i, 0, 10 + i);
	}
	for (int i = 1; i <= LINES; i++) {
		size_t n = strcspn(text, "\n");
		char *digits;

		snprintf(file->line[i], sizeof file->line[i], "%.*s", (int)n, text);
		text += n + 1;
		digits = strstr(file->line[i], "DIGEST");
		if (digits)
			snprintf(digits, 40, "%016llx 14 22", (unsigned long long)digest);
		digits = strstr(file->line[i], "MEMORY");
		if (digits)
			snprintf(digits, 40, "%016llx", (unsigned long long)memory);
	}
}

/* Writes the file with one line replaced (NULL: left out); returns its path. */
static const char *changed(const struct file *file, int at, const char *instead)
{
	char text[LINES * 400];
	size_t used = 0;

	for (int i = 1; i <= LINES; i++)
		if (i != at || instead)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s\n",
			                         i == at ? instead : file->line[i]);
	return config_file("changed.trace", text);
}

static void test_whole(void)
{
	const struct qmac_replay replay = {.backend = "cmodel"};
	struct qmac_retire records[2];
	struct qmac_trace *trace;
	struct qmac_error err;
	struct file file;

	fill(&file);
	CU_ASSERT_EQUAL_FATAL(qmac_trace_read(changed(&file, 0, NULL), &trace, &err), QMAC_OK);
	CU_ASSERT(trace->row_count == 2 && trace->batch_count == 2 && trace->command_count == 2);
	CU_ASSERT(trace->values[2] == 0xff && trace->hw.dram_bytes_per_cycle == 1152 && trace->first == 12);
	if (qmac_trace_replay(trace, &replay, records, NULL, &err)) {
		puts(err.message);
		CU_FAIL("replay");
	}
	CU_ASSERT(records[0].tag == 7 && records[1].number == 1);
	qmac_trace_destroy(trace);
}

/* Files as other systems and editors write them: places in messages are right, too. */
static void test_line_ends(void)
{
	static const char *const marks[] = {"", "\xEF\xBB\xBF"}, *const ends[] = {"\n", "\r\n", "\r"};
	char text[LINES * 400];
	struct qmac_trace *trace;
	struct file file;

	fill(&file);
	for (int form = 0; form < 12; form++) {
		int wrong = form / 6 ? 3 : 1; /* line 1 in forms 0..5 where it is to be wrong */
		const char *mark = marks[form % 2], *end = ends[form / 2 % 3];
		struct qmac_error err = {0};

		for (int refused = 0; refused < 2; refused++) {
			size_t used = (size_t)snprintf(text, sizeof text, "%s", mark);

			for (int i = 1; i <= LINES; i++)
				used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
				                         refused && i == wrong ? "nonsense" : file.line[i], end);
			if (!refused) {
				CU_ASSERT_EQUAL_FATAL(qmac_trace_parse("t", text, used, &trace, &err), QMAC_OK);
				CU_ASSERT(trace->command_count == 2 && trace->end_line == LINES);
				qmac_trace_destroy(trace);
			} else {
				CU_ASSERT_EQUAL(qmac_trace_parse("t", text, used, &trace, &err), QMAC_BAD_INPUT);
				CU_ASSERT(err.line == wrong && err.column == 1);
			}
		}
	}
}

static void test_malformed(void)
{
	static const struct {
		int at;              /* the line that is replaced */
		const char *instead; /* NULL: left out */
		int line, column;    /* of the error */
		const char *part;
	} cases[] = {
		{1, "# empty", 2, 1, "this is no trace"},
		{1, "qmac-trace", 1, 11, "version is missing"},
		{1, "qmac-trace 1", 1, 1, "this is version 1 of the format, the program reads version 2"},
		{1, "qmac-trace one", 1, 12, "version: expected a whole number"},
		{2, "revision 0", 2, 1, "command-set revision 0"},
		{2, NULL, 31, 1, "a line 'revision' must stand before this one"},
		{2, "revison 1", 2, 1, "unknown line 'revison'; did you mean 'revision'?"},
		{3, NULL, 31, 1, "a line 'hw rows' must stand before this one"},
		{27, NULL, 31, 1, "a line 'hw dram.turnaround' must stand"},
		{4, "hw rows 4", 4, 4, "rows stands in line 3 already"},
		{4, "hw colums 4", 4, 4, "there is no hardware parameter 'colums'"},
		{4, "hw cols 99", 4, 9, "99 is out of range 1..64"},
		{4, "hw cols two", 4, 9, "whole number"},
		{4, "hw cols", 4, 8, "its value is missing"},
		{4, "hw cols 2 3", 4, 11, "'3' is too much here"},
		{8, "hw acc_overflow warp", 8, 17, "expected one of wrap, saturate"},
		{10, "hw a_depth 9", 10, 1, "a_depth"},
		{19, "hw mac_style serial", 19, 1, "not available"},
		{23, "hw dram.bytes_per_cycle 4.51", 23, 25, "1/256"},
		{28, "memory_bytes 100", 28, 14, "out of range 4096..4294967296"},
		{28, "memory_bytes 9999999999999", 28, 14, "out of range"},
		{28, "first 12", 31, 1, "'first' stands in line 28 already"},
		{29, "window 0 0x1000", 29, 8, "MEM_BASE: expected 0x"},
		{29, "window 0x0 0x1000000000000", 29, 12, "beyond 0xffffffffffff"},
		{29, "window 0x0 0x7ff", 30, 1, "the ring must be aligned"},
		{30, "ring 0x801 2", 30, 1, "the ring must be aligned"},
		{30, "ring 0x800 16", 30, 12, "RING_LOG2: 16 is out of range 1..15"},
		{30, "ring 0xf80 2", 30, 1, "the ring must be aligned"},
		{32, "row B 3 1 2 3 4", 32, 5, "expected one of A, W, ACC, LUT, not 'B'"},
		{32, "row A 8 1 2 3 4", 32, 7, "row: 8 is out of range 0..7"},
		{32, "row A 3 1 2 3", 32, 14, "a lane is missing"},
		{32, "row A 3 1 2 3 4 5", 32, 17, "'5' is too much here"},
		{32, "row A 3 1 2 100 4", 32, 13, "a lane: 100 is beyond ff"},
		{32, "row A 3 1 2 FF 4", 32, 13, "lower-case hexadecimal digits, not 'FF'"},
		{32, "row LUT 0 1", 33, 1, "rows must ascend"},
		{32, "row ACC 7 1 1", 33, 1, "rows must ascend"},
		{34, "hw rows 4", 34, 1, "'hw' comes too late"},
		{34, NULL, 34, 1, "a line 'batch' must stand before this one"},
		{38, "row A 4 1 2 3 4", 38, 1, "'row' comes too late"},
		{35, "memory 0x1000 00", 35, 8, "beyond 0xfff"},
		{35, "memory 0xfff 0000", 35, 14, "these bytes end beyond the memory of 4096 bytes"},
		{35, "memory 0x7ff 0000", 35, 14, "these bytes meet the command ring at 0x800"},
		{35, "memory 0x8ff 00", 35, 14, "meet the command ring"},
		{35, "memory 0x40 000", 35, 13, "pairs of lower-case hexadecimal digits"},
		{35, "memory 0x40", 35, 12, "hexadecimal bytes is missing"},
		{37, "memory 0x40 00", 37, 1, "memory must stand before the commands of its batch"},
		{35, "batch", 35, 1, "the batch before this one has no command"},
		{COMMAND, "command 1", COMMAND, 9, "number: 1 is out of range 0..0"},
		{COMMAND, "command 0 00000001", COMMAND, 19, "a descriptor word is missing"},
		{COMMAND, "command 0 1", COMMAND, 11, "expected 8 lower-case hexadecimal digits, not '1'"},
		{37, NULL, 37, 1, "a line 'retire 0' or 'error 0' must stand before this one"},
		{37, "retire 1 LOAD LOAD 0 0 0 00000000 0000000000000000 1 2", 37, 8,
		 "number: 1 is out of range 0..0"},
		{37, "retire 0 LAOD LOAD 0 0 0 00000000 0000000000000000 1 2", 37, 10,
		 "expected one of LOAD, EXECUTE"},
		{37, "retire 0 LOAD LOAD 0 0 -1 00000000 0000000000000000 1 2", 37, 24,
		 "saturations: -1 is out of range"},
		{37, "retire 0 LOAD LOAD 0 0 0 1 0000000000000000 1 2", 37, 26, "magnitudes: expected 8"},
		{37, "retire 0 LOAD LOAD 0 0 0 00000000 0 1 2", 37, 35, "digest: expected 16"},
		{37, "retire 0 LOAD LOAD 0 0 0 00000000 0000000000000000 1", 37, 53, "retire cycle is missing"},
		{37, "error 0 RANGE", 38, 1, "'batch' comes too late: the error before it ends the trace"},
		{37, "error 0 NONE", 37, 9, "expected one of OPCODE"},
		{38, "retire 0 LOAD LOAD 0 0 0 00000000 0000000000000000 1 2", 38, 1, "a line 'command' must stand"},
		{40, NULL, 40, 1, "a line 'retire 1' or 'error 1' must stand before this one"},
		{LINES, NULL, LINES, 1, "the line 'end' is missing: the trace was cut"},
		{LINES, "end", LINES, 4, "digest is missing"},
		{LINES, "end 0000000000000000\nbatch", LINES + 1, 1, "nothing may follow the line 'end'"},
	};
	struct qmac_trace *trace;
	struct qmac_error err;
	struct file file;

	fill(&file);
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		const char *path = changed(&file, cases[i].at, cases[i].instead);

		CU_ASSERT_EQUAL(qmac_trace_read(path, &trace, &err), QMAC_BAD_INPUT);
		CU_ASSERT_PTR_NULL(trace);
		check_error(&err, path, cases[i].line, cases[i].column, cases[i].part);
	}
	CU_ASSERT_EQUAL(qmac_trace_read(config_bytes("nul.trace", "qmac-trace 2\nhw\0rows", 19), &trace, &err),
	                QMAC_BAD_INPUT);
	CU_ASSERT(err.line == 2 && err.column == 3);
	CU_ASSERT_EQUAL(qmac_trace_read(config_file("empty.trace", ""), &trace, &err), QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(qmac_trace_read("nowhere.trace", &trace, &err), QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(qmac_trace_read(test_folder(), &trace, &err), QMAC_BAD_INPUT);
}

/* A batch holds as many commands as the ring, not more. */
static void test_full_ring(void)
{
	char text[8000] = "";
	struct qmac_trace *trace;
	struct qmac_error err;
	struct file file;
	const char *path;

	fill(&file);
	for (int i = 0; i < 5; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "command %d%s\nretire %d%s\n", i,
		         file.line[SYNC] + 9, i, file.line[SYNC + 1] + 8);
	for (int i = COMMAND + 1; i < LINES; i++)
		strcpy(file.line[i], "#");
	path = changed(&file, COMMAND, text);
	CU_ASSERT_EQUAL(qmac_trace_read(path, &trace, &err), QMAC_BAD_INPUT);
	check_error(&err, path, COMMAND + 8, 1, "the commands of a batch must fit the ring of 4");
}

/* ---- damage at random -------------------------------------------------------------- */

static void damage(char *text, size_t *size, uint64_t *rng)
{
	static const char letters[] = "0123456789abcdefx -#\n\r\tz\x80";
	uint64_t hits = 1 + test_random(rng) % 3;

	while (hits--) {
		size_t at = test_random(rng) % *size, n = 1 + test_random(rng) % 40;

		switch (test_random(rng) % 4) {
		case 0: /* a piece is cut out */
			n = n < *size - at ? n : *size - at - 1;
			memmove(text + at, text + at + n, *size - at - n);
			*size -= n;
			break;
		case 1: /* a piece is doubled; there is room */
			n = n < *size - at ? n : *size - at;
			memmove(text + at + n, text + at, *size - at);
			*size += n;
			break;
		default:
			text[at] = letters[test_random(rng) % (sizeof letters - 1)];
		}
	}
}

static void test_damage(void)
{
	uint64_t rng = test_seed();
	int refused = 0, played = 0, differences = 0;
	char *text = malloc(LINES * 400 + 1000);
	struct file file;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	fill(&file);
	for (int i = 0; i < 4000; i++) {
		const struct qmac_replay replay = {.backend = "cmodel"};
		struct qmac_trace *trace;
		struct qmac_error err;
		size_t size = 0;

		for (int line = 1; line <= LINES; line++)
			size += (size_t)sprintf(text + size, "%s\n", file.line[line]);
		damage(text, &size, &rng);
		if (qmac_trace_parse("damaged.trace", text, size, &trace, &err)) {
			CU_ASSERT(err.line > 0 && err.column > 0);
			refused++;
			continue;
		}
		if (trace->memory_bytes < 1 << 20) {
			enum qmac_status status = qmac_trace_replay(trace, &replay, NULL, NULL, &err);

			CU_ASSERT(status == QMAC_OK || status == QMAC_CHECK_FAILED);
			played += status == QMAC_OK;
			differences += status == QMAC_CHECK_FAILED;
		}
		qmac_trace_destroy(trace);
	}
	CU_ASSERT(refused > 1000 && played > 50 && differences > 50);
	free(text);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"a trace written by hand", test_whole},
		{"line ends and a byte order mark", test_line_ends},
		{"malformed files have a place", test_malformed},
		{"a batch fits the ring", test_full_ring},
		{"damaged files", test_damage},
	};

	return test_main("test_trace_file", cases, TEST_COUNT(cases));
}
