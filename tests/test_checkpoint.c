/*
 * Checkpoints: a run that is ended at any of them and goes on in a new process has the weights, rows and
 * retired commands of one that was left alone, for every algorithm; the file comes back as it was written;
 * one that was damaged anywhere, or belongs to another run, is refused.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_files.h"
#include "run/checkpoint.h"
#include "shipped_hw.h"
#include "run/train.h"

enum { ROWS = 90, FEATURES = 9, CLASSES = 3, EPOCHS = 4, STEPS = 23 };

static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static uint64_t state;

/* ---- runs ------------------------------------------------------------------------- */

/* What an observer saw, over all parts of a run. */
struct watch {
	struct qmac_metrics rows[EPOCHS + 1];
	int count;
	uint64_t retired, hash;  /* commands; over them and the records of all epochs */
	int checkpoints;
	/* Ends the run at the checkpoint of that number, from 1; 0: nowhere. */
	int stop_at;
	const struct qmac_checkpoint *from;
	double *weights;
};

static void add(struct watch *watch, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		watch->hash = (watch->hash ^ values[i]) * 0x9E3779B97F4A7C15 + (watch->hash >> 29);
}

static int on_metrics(void *context, const struct qmac_metrics *metrics, const struct qmac_records *records)
{
	struct watch *watch = context;

	CU_ASSERT_FATAL(watch->count <= EPOCHS);
	CU_ASSERT_EQUAL(records->epoch, watch->count);
	watch->rows[watch->count++] = *metrics;
	for (int i = 0; i < records->layers * QMAC_DIRECTIONS; i++)
		add(watch, records->spent[i], QMAC_COUNTERS);
	for (int i = 0; i < records->layers; i++)
		add(watch, records->layer[i].shared_macs, QMAC_DIRECTIONS);
	return 0;
}

static void on_retire(void *context, const struct qmac_retire *r)
{
	struct watch *watch = context;
	uint64_t values[] = {r->number, r->engine, r->opcode, r->tag, r->start, r->cycle};

	add(watch, values, TEST_COUNT(values));
	watch->retired++;
}

static int on_checkpoint(void *context, struct qmac_state *pieces)
{
	struct watch *watch = context;

	watch->checkpoints++;
	if (watch->checkpoints != watch->stop_at)
		return 0;
	QMAC_STATE_VALUE(pieces, "watch", *watch);
	CU_ASSERT_EQUAL_FATAL(qmac_checkpoint_write(test_folder(), digest, pieces, NULL), QMAC_OK);
	return 1;
}

static enum qmac_status on_start(void *context, struct qmac_state *pieces, bool *loaded,
                                 struct qmac_error *err)
{
	struct watch *watch = context;

	*loaded = watch->from != NULL;
	return watch->from ? qmac_checkpoint_load(watch->from, pieces, err) : QMAC_OK;
}

/* To the end, or to the checkpoint where it stops. */
static void run_on(const struct qmac_run *run, const char *hw_name, struct watch *watch)
{
	const struct qmac_hw hw = shipped_hw(hw_name);
	const struct qmac_train_observer observer = {
		.on_metrics = on_metrics, .on_retire = on_retire, .on_checkpoint = on_checkpoint,
		.on_start = on_start, .context = watch,
	};
	struct qmac_train_result result;
	struct qmac_error err;
	enum qmac_status status = qmac_train(run, &hw, &observer, &result, &err);

	if (status != QMAC_OK)
		printf("%s\n", err.message);
	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
	free(watch->weights);
	watch->weights = result.weights;
}

/* Goes on from the file, in a new device, with what had been seen before. */
static void resume(const struct qmac_run *run, const char *hw_name, int stop_at, struct watch *watch)
{
	struct qmac_checkpoint *from;
	const struct watch *before;
	size_t bytes;

	CU_ASSERT_EQUAL_FATAL(qmac_checkpoint_read(test_folder(), digest, &from, NULL), QMAC_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(from);
	before = qmac_checkpoint_piece(from, "watch", &bytes);
	CU_ASSERT_FATAL(before && bytes == sizeof *before);
	free(watch->weights);
	memcpy(watch, before, sizeof *watch);
	watch->weights = NULL;
	watch->from = from;
	watch->stop_at = stop_at;
	run_on(run, hw_name, watch);
	qmac_checkpoint_free(from);
}

static void check_same(const struct watch *got, const struct watch *expected, int64_t weights)
{
	CU_ASSERT_EQUAL_FATAL(got->count, expected->count);
	CU_ASSERT_EQUAL(memcmp(got->rows, expected->rows, (size_t)got->count * sizeof got->rows[0]), 0);
	CU_ASSERT_EQUAL(memcmp(got->weights, expected->weights, (size_t)weights * sizeof(double)), 0);
	CU_ASSERT_EQUAL(got->checkpoints, expected->checkpoints);
	CU_ASSERT_EQUAL(got->retired, expected->retired);
	CU_ASSERT_EQUAL(got->hash, expected->hash);
}

/* A run in as many parts as there are checkpoints; runs in two parts. */
static void check_run(const struct qmac_run *run, const char *hw_name)
{
	bool logistic = run->problem == QMAC_PROBLEM_LOGISTIC_REGRESSION;
	int64_t weights = FEATURES * (logistic ? CLASSES : 1);
	struct watch whole = {.count = 0}, parts = {.stop_at = 1}, once;

	run_on(run, hw_name, &whole);
	run_on(run, hw_name, &parts);
	for (int k = 2; k <= whole.checkpoints + 1; k++)
		resume(run, hw_name, k, &parts);
	check_same(&parts, &whole, weights);
	for (int n = 0; n < 2 && whole.checkpoints > 0; n++) {
		once = (struct watch){.stop_at = 1 + (int)(test_random(&state) % (uint64_t)whole.checkpoints)};
		run_on(run, hw_name, &once);
		resume(run, hw_name, 0, &once);
		check_same(&once, &whole, weights);
		free(once.weights);
	}
	free(whole.weights);
	free(parts.weights);
}

static struct qmac_run make_run(enum qmac_problem problem, enum qmac_algorithm algorithm, int64_t batch)
{
	bool logistic = problem == QMAC_PROBLEM_LOGISTIC_REGRESSION;
	struct qmac_run run = {
		.problem = problem, .data = logistic ? QMAC_DATA_CSV : QMAC_DATA_MAKE_REGRESSION,
		.algorithm = algorithm, .target = "last", .standardise = true, .clip = 3, .samples = ROWS,
		.features = FEATURES, .informative = 4, .bits = 8, .x_bits = 8, .frac_bits = logistic ? 16 : 8,
		.mp_bits = 16, .y_frac_bits = 4, .alpha = 0.02, .delta = logistic ? 1.0 / 64 : 1,
		.mu = logistic ? 0.3 : 1, .lambda = logistic ? 0.02 : 0, .batch = batch, .inner_steps = STEPS,
		.epochs = EPOCHS, .seed = 1, .backend = "cmodel", .kernel = "auto", .threads = 1,
		.checkpoint_every = 1,
	};

	snprintf(run.file, sizeof run.file, "%s", test_write_clouds(ROWS, FEATURES, CLASSES));
	return run;
}

static void check_algorithms(enum qmac_problem problem, int64_t batch, const char *hw_name)
{
#ifdef TEST_SANITIZED
	const int stride = 3; /* other forms for each algorithm */
#else
	const int stride = 1;
#endif

	for (int a = QMAC_SGD; a <= QMAC_HALP; a++)
		for (int form = a % stride; form < 6; form += stride) {
			struct qmac_run run = make_run(problem, (enum qmac_algorithm)a, batch);
			static const int64_t steps[] = {0, 5, 11, 22, 7, 30}, every[] = {1, 1, 3, 0, 2, 1};

			run.checkpoint_steps = steps[form];
			run.checkpoint_every = every[form];
			run.option = form % 2 ? QMAC_OPTION_II : QMAC_OPTION_I;
			run.seed = (uint32_t)test_random(&state);
			run.outer = form >= 3 && strcmp(hw_name, "16x16_w16") == 0 ? QMAC_OUTER_DEVICE : QMAC_OUTER_HOST;
			check_run(&run, hw_name);
		}
}

static void test_runs(void)
{
	state = test_seed();
	check_algorithms(QMAC_PROBLEM_LINEAR_REGRESSION, 1, "16x16_w8");
	check_algorithms(QMAC_PROBLEM_LINEAR_REGRESSION, 1, "16x16_w16");
	check_algorithms(QMAC_PROBLEM_LINEAR_REGRESSION, 6, "8x8_w8");
	check_algorithms(QMAC_PROBLEM_LINEAR_REGRESSION, 6, "16x16_w16");
	check_algorithms(QMAC_PROBLEM_LOGISTIC_REGRESSION, 1, "ragged");
	check_algorithms(QMAC_PROBLEM_LOGISTIC_REGRESSION, 6, "16x16_w16");
}

/* Checkpoints within an epoch change cycles, and what the device stores, but no weight. */
static void test_cuts(void)
{
	for (int a = QMAC_SGD; a <= QMAC_HALP; a++) {
		struct qmac_run run = make_run(QMAC_PROBLEM_LOGISTIC_REGRESSION, (enum qmac_algorithm)a, 6);
		struct watch without = {.count = 0}, with = {.count = 0};
		bool device = a >= QMAC_LP_SGD;

		run.option = QMAC_OPTION_II;
		run.checkpoint_every = 0;
		run_on(&run, "16x16_w8", &without);
		run.checkpoint_steps = 4;
		run_on(&run, "16x16_w8", &with);
		CU_ASSERT(without.checkpoints == 0 && with.checkpoints == EPOCHS * (STEPS / 4));
		CU_ASSERT_EQUAL(memcmp(with.weights, without.weights, FEATURES * CLASSES * sizeof(double)), 0);
		CU_ASSERT_EQUAL(with.rows[EPOCHS].counters[QMAC_COUNTER_MACS],
		                without.rows[EPOCHS].counters[QMAC_COUNTER_MACS]);
		CU_ASSERT(!device || with.rows[EPOCHS].counters[QMAC_COUNTER_CYCLES] >
		                     without.rows[EPOCHS].counters[QMAC_COUNTER_CYCLES]);
		free(without.weights);
		free(with.weights);
	}
}

/* A file of other data behind the same path. */
static void test_other_data(void)
{
	struct qmac_run run = make_run(QMAC_PROBLEM_LOGISTIC_REGRESSION, QMAC_HALP, 6);
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	struct watch watch = {.stop_at = 2};
	const struct qmac_train_observer observer = {.on_start = on_start, .context = &watch};
	struct qmac_train_result result;
	struct qmac_checkpoint *from;
	struct qmac_error err;
	FILE *file;

	run_on(&run, "16x16_w8", &watch);
	CU_ASSERT_EQUAL_FATAL(qmac_checkpoint_read(test_folder(), digest, &from, NULL), QMAC_OK);
	watch.from = from;
	file = fopen(run.file, "r+");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT(fputs("9", file) >= 0 && fclose(file) == 0);
	CU_ASSERT_EQUAL(qmac_train(&run, &hw, &observer, &result, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "the data are not those of the checkpoint: f of its weights is");
	CU_ASSERT_PTR_NULL(result.weights);
	qmac_checkpoint_free(from);
	free(watch.weights);
}

/* ---- files ------------------------------------------------------------------------ */

enum { NUMBERS = 5 };

struct content {
	double numbers[NUMBERS];
	uint8_t byte;
	char text[20];
};

static void list(struct qmac_state *pieces, struct content *content)
{
	pieces->count = 0;
	qmac_state_add(pieces, "numbers", content->numbers, sizeof content->numbers);
	QMAC_STATE_VALUE(pieces, "byte", content->byte);
	qmac_state_add(pieces, "nothing", NULL, 0);
	QMAC_STATE_VALUE(pieces, "a_name_of_thirty_one_characters", content->text);
}

static void write_one(struct content *content)
{
	struct qmac_state pieces;

	*content = (struct content){{1, -0.0, NAN, INFINITY, 0x1p-1074}, 200, "twenty characters.."};
	list(&pieces, content);
	CU_ASSERT_EQUAL_FATAL(qmac_checkpoint_write(test_folder(), digest, &pieces, NULL), QMAC_OK);
}

static void test_round_trip(void)
{
	struct content written, read;
	struct qmac_checkpoint *checkpoint;
	struct qmac_state pieces;
	size_t bytes = 0;

	qmac_checkpoint_remove(test_folder());
	qmac_checkpoint_remove(test_folder());
	CU_ASSERT_EQUAL_FATAL(qmac_checkpoint_read(test_folder(), digest, &checkpoint, NULL), QMAC_OK);
	CU_ASSERT_PTR_NULL(checkpoint);
	write_one(&written);
	CU_ASSERT_EQUAL_FATAL(qmac_checkpoint_read(test_folder(), digest, &checkpoint, NULL), QMAC_OK);
	memset(&read, 0xFF, sizeof read);
	list(&pieces, &read);
	CU_ASSERT_EQUAL(qmac_checkpoint_load(checkpoint, &pieces, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(memcmp(read.numbers, written.numbers, sizeof read.numbers), 0);
	CU_ASSERT(read.byte == 200 && strcmp(read.text, written.text) == 0);
	CU_ASSERT(qmac_checkpoint_piece(checkpoint, "byte", &bytes) && bytes == 1);
	CU_ASSERT(qmac_checkpoint_piece(checkpoint, "nothing", &bytes) && bytes == 0);
	CU_ASSERT_PTR_NULL(qmac_checkpoint_piece(checkpoint, "byt", &bytes));
	qmac_checkpoint_free(checkpoint);
	qmac_checkpoint_free(NULL);
}

/* A state that asks for more, or for other sizes, gets nothing at all. */
static void test_other_pieces(void)
{
	struct content written, read;
	struct qmac_checkpoint *checkpoint;
	struct qmac_state pieces;
	struct qmac_error err;

	write_one(&written);
	CU_ASSERT_EQUAL_FATAL(qmac_checkpoint_read(test_folder(), digest, &checkpoint, NULL), QMAC_OK);
	for (int wrong = 0; wrong < 2; wrong++) {
		memset(&read, 0, sizeof read);
		list(&pieces, &read);
		if (wrong)
			pieces.pieces[3].bytes--;
		else
			QMAC_STATE_VALUE(&pieces, "more", read.byte);
		CU_ASSERT_EQUAL(qmac_checkpoint_load(checkpoint, &pieces, &err), QMAC_BAD_INPUT);
		check_error(&err, NULL, 0, 0, wrong ?
		            "has 20 bytes of a_name_of_thirty_one_characters, this run has 19" :
		            "has 0 bytes of more, this run has 1: start over without --resume");
		CU_ASSERT(read.byte == 0 && read.numbers[0] == 0);
	}
	qmac_checkpoint_free(checkpoint);
}

static void refuse(const char *bytes, size_t size, const char *wanted, const char *message)
{
	struct qmac_checkpoint *checkpoint;
	struct qmac_error err = {.message = ""};

	(void)config_bytes("checkpoint", bytes, size);
	CU_ASSERT_EQUAL(qmac_checkpoint_read(test_folder(), wanted, &checkpoint, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NULL(checkpoint);
	check_error(&err, NULL, 0, 0, message);
	check_error(&err, NULL, 0, 0, "/checkpoint ");
	check_error(&err, NULL, 0, 0, ": start over without --resume");
}

/* Cut off anywhere, and with any bit turned. */
static void test_damage(void)
{
	struct content content;
	char path[512], bytes[2048], other[sizeof digest];
	size_t size;
	FILE *file;

	write_one(&content);
	snprintf(path, sizeof path, "%s/checkpoint", test_folder());
	file = fopen(path, "rb");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	size = fread(bytes, 1, sizeof bytes, file);
	CU_ASSERT_FATAL(size > 200 && size < sizeof bytes && fclose(file) == 0);
	for (size_t cut = 0; cut < size; cut++)
		refuse(bytes, cut, digest, " is cut off");
	for (size_t at = 0; at < size; at++) {
		const char *why = at < 8 ? " is no checkpoint of qmac" :
		                  at < 12 ? " was written by another version of qmac" : "its SHA-256 is another one";

		bytes[at] ^= (char)(1 << at % 8);
		refuse(bytes, size, digest, why);
		bytes[at] ^= (char)(1 << at % 8);
	}
	bytes[size] = 0;
	refuse(bytes, size + 1, digest, "its SHA-256 is another one");
	memcpy(other, digest, sizeof other);
	other[63] = '0';
	refuse(bytes, size, other, "belongs to another configuration, hardware or version of qmac");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"runs in parts are the same", test_runs},
		{"cuts within an epoch change no weight", test_cuts},
		{"other data are noticed", test_other_data},
		{"a file comes back as it was written", test_round_trip},
		{"a state of other pieces gets nothing", test_other_pieces},
		{"damaged files are refused", test_damage},
	};

	return test_main("test_checkpoint", cases, TEST_COUNT(cases));
}
