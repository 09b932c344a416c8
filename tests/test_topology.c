/*
 * Topology files (host/topology): both forms, what is accepted with a note, every kind of fault with its text
 * and its place, damaged files.
 */
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "topology/topology.h"

#define HEAD "Layer, anything, at all,\n"
#define CONV "conv, 10, 9, 3, 2, 4, 5, 2,\n"

static void load(struct qmac_topology *topology, const char *text)
{
	struct qmac_error err = {0};

	test_write("t.csv", text);
	if (qmac_topology_read(topology, test_path("t.csv"), &err) == QMAC_OK)
		return;
	printf("\n    %d:%d: %s\n", err.line, err.column, err.message);
	CU_FAIL_FATAL("the file must load");
}

static void test_forms(void)
{
	const struct qmac_topology_layer *l;
	struct qmac_topology t;

	load(&t, HEAD "\n" CONV " a b , 7,7 ,7,7,1,1,64\t,\r\n");
	CU_ASSERT_EQUAL_FATAL(t.count, 2);
	l = &t.layers[0];
	CU_ASSERT_STRING_EQUAL(l->name, "conv");
	CU_ASSERT(l->line == 3 && l->images == 1 && l->image[0] == 10 && l->image[1] == 9 && l->kernel[0] == 3 &&
	          l->kernel[1] == 2 && l->channels == 4 && l->filters == 5 && l->stride == 2 && l->copies == 1);
	/* ceil((10 - 3 + 2) / 2), ceil((9 - 2 + 2) / 2) */
	CU_ASSERT(qmac_topology_out(l, 0) == 5 && qmac_topology_out(l, 1) == 5);
	CU_ASSERT_STRING_EQUAL(t.layers[1].name, "a b");
	CU_ASSERT(t.layers[1].line == 4 && qmac_topology_out(&t.layers[1], 0) == 1);
	CU_ASSERT_STRING_EQUAL(t.note, "");
	qmac_topology_free(&t);

	load(&t, HEAD "fc, 11, 12, 13,\nDP, 1, 2, 3,");
	CU_ASSERT_EQUAL_FATAL(t.count, 2);
	l = &t.layers[0];
	CU_ASSERT(l->images == 11 && l->filters == 12 && l->channels == 13 && l->image[0] == 1 &&
	          l->image[1] == 1 && l->kernel[0] == 1 && l->kernel[1] == 1 && l->stride == 1);
	CU_ASSERT(t.layers[1].copies == 1 && !t.layers[1].is_depthwise);
	qmac_topology_free(&t);
}

/* One layer a channel, each of all filters. */
static void test_depthwise(void)
{
	struct qmac_topology t;

	load(&t, HEAD "c2_DP, 10, 9, 3, 2, 4, 5, 2,\n");
	CU_ASSERT(t.count == 1 && t.layers[0].is_depthwise && t.layers[0].copies == 4);
	CU_ASSERT(t.layers[0].channels == 1 && t.layers[0].filters == 5);
	qmac_topology_free(&t);
}

static void check_note(const char *text, int layers, const char *note)
{
	struct qmac_topology t;

	load(&t, text);
	CU_ASSERT_EQUAL(t.count, layers);
	if (!strstr(t.note, note)) {
		printf("\n    not '%s' in '%s'\n", note, t.note);
		CU_FAIL("the note");
	}
	qmac_topology_free(&t);
}

static void test_notes(void)
{
	check_note(HEAD CONV "b, 10, 9, 3, 2, 4, 5, 2\n", 2, "t.csv:3: no comma at the end of the line");
	check_note(HEAD "fc, 1, 2, 3", 1, "t.csv:2: no comma");
	check_note(HEAD "c, 10, 9, 3, 2, 4, 5, 2, 1:4,\n", 1, "t.csv:2: sparsity 1:4 is not looked at");
	check_note("c, 10, 9, 3, 2, 4, 5, 2,\n" CONV, 1, "t.csv:1: the first line is taken for a header");
	check_note(HEAD "c, 10, 9, 3, 2, 4, 5, 2, 2,\n", 1, "");
}

static void refuse(const char *text, int line, int column, const char *part)
{
	struct qmac_error err = {0};
	struct qmac_topology t;

	test_write("t.csv", text);
	test_refusal(qmac_topology_read(&t, test_path("t.csv"), &err), &err, part);
	CU_ASSERT_STRING_EQUAL(err.file, test_path("t.csv"));
	if (err.line != line || err.column != column) {
		printf("\n    %s: at %d:%d, not %d:%d\n", part, err.line, err.column, line, column);
		CU_FAIL("the place");
	}
	qmac_topology_free(&t);
}

static void test_faults(void)
{
	char text[200];

	refuse("", 1, 1, "no layer stands behind the header");
	refuse(HEAD "\n \n", 4, 1, "no layer stands behind the header");
	refuse(HEAD "c, 10, 9, 3, 2, 4, 5,\n", 2, 1, "7 fields: a convolution has 8 (");
	refuse(HEAD "c, 10, 9, 3, 2, 4, 5, 2, 2, 7,\n", 2, 1, "10 fields: ");
	refuse(HEAD "c,\n", 2, 1, "1 field: ");
	refuse(HEAD "fc, 1, 2, 3,\n" CONV, 3, 1, "8 fields: ");
	refuse(HEAD CONV "fc, 1, 2, 3,\n", 3, 1, "all layers of a file are of one form");
	refuse(HEAD "fc, 1, 0, 3,\n", 2, 8, "N: 0 is out of range 1..1048576");
	refuse(HEAD "c, 10, 9, -3, 2, 4, 5, 2,\n", 2, 11, "filter height: -3 is out of range");
	refuse(HEAD "c, 10, 9, 3, 2, 4, 5, 65,\n", 2, 23, "stride: 65 is out of range 1..64");
	refuse(HEAD "c, 10, 9, 3, 2, 4.5, 5, 2,\n", 2, 17, "channels: ");
	refuse(HEAD "c, 10, , 3, 2, 4, 5, 2,\n", 2, 8, "the IFMAP width is missing");
	refuse(HEAD " , 10, 9, 3, 2, 4, 5, 2,\n", 2, 2, "the layer has no name");
	refuse(HEAD "c, 10, 9, 11, 2, 4, 5, 2,\n", 2, 11, "filter height 11 is larger than IFMAP height 10");
	refuse(HEAD "c, 10, 9, 3, 10, 4, 5, 2,\n", 2, 14, "filter width 10 is larger than IFMAP width 9");
	refuse(HEAD "c, 10, 9, 3, 2, 4, 5, 2, 1,\n", 2, 26, "the strides differ, 2 down and 1 across");
	refuse(HEAD "\"c, 10, 9, 3, 2, 4, 5, 2,\n", 2, 1, "the quote is not closed");
	snprintf(text, sizeof text, HEAD "%064d, 1, 2, 3,\n", 0);
	refuse(text, 2, 1, "the name has 64 bytes: shorten it to 63");
}

/* Whatever stands in a file: it is read, or refused with a place; nothing else. */
static void test_damaged(void)
{
	static const char good[] = HEAD CONV "c2DP, 8, 8, 3, 3, 4, 1, 1, 2:4,\n" CONV;
	static const char odd[] = ",\n\r\"0-: \tD";
	uint64_t state = test_seed();
	int read = 0;

	for (int i = 0; i < TEST_CASES(2000); i++) {
		char text[sizeof good];
		struct qmac_error err = {0};
		struct qmac_topology t;

		memcpy(text, good, sizeof good);
		for (int64_t n = test_between(&state, 1, 3); n > 0; n--)
			text[test_between(&state, 0, (int64_t)sizeof good - 2)] =
				odd[test_between(&state, 0, (int64_t)sizeof odd - 2)];
		test_write("t.csv", text);
		if (qmac_topology_read(&t, test_path("t.csv"), &err) == QMAC_OK)
			read++;
		else
			CU_ASSERT(err.line > 0 && err.column > 0 && err.message[0]);
		qmac_topology_free(&t);
	}
	printf("(%d read) ", read);
	CU_ASSERT(read > 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"both forms", test_forms},
		{"depthwise layers", test_depthwise},
		{"notes", test_notes},
		{"faults", test_faults},
		{"damaged files", test_damaged},
	};

	return test_main("test_topology", cases, TEST_COUNT(cases));
}
