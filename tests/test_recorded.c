/*
 * Estimates of runs whose formats changed while they were trained, from what the runs have recorded: every
 * cost of the training, to the last digit, in every row and layer, on its hardware and on other; and what is
 * said of a folder that does not fit.
 */
#define _XOPEN_SOURCE 700
#include "config/hw_file.h"
#include "cost/energy.h"
#include "image_files.h"
#include "net_costs.h"
#include "report/members.h"
#include "report/recorded.h"
#include "run/train.h"

static const char layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - tanh\n  - conv: {out: 5, kernel: 3, pad: 1, bias: false}\n  - relu\n"
	"  - avg_pool: {size: 2}\n  - flatten\n  - linear: {out: 3}\n";

/* Layers change at different steps, with an evaluation between them and one behind the last epoch. */
static const char adapt_lines[] =
	"alpha: 0.05\nl2: 1.0e-4\nepochs: 3\neval_every: 2\naccumulate: 2\nbatch: 10\n"
	"precision: {policy: adapt, lookback_low: 3, lookback_high: 8, buffer_bits: 6, bw_max: 12}\n";

/* A threshold of 0: whenever the diversity falls the width rises. */
static const char muppet_lines[] =
	"alpha: 0.1\nepochs: 6\nbatch: 20\ncheckpoint: {every: 2, steps: 6}\n"
	"precision: {policy: muppet, levels: \"6, 10\", threshold_alpha: 0, threshold_beta: 0,"
	" resolution: 2, patience: 1, grad_quant: scaled}\n";

/* Ranges of activations change, formats of weights do not. */
static const char fixed_lines[] =
	"alpha: 0.1\nepochs: 2\nbatch: 20\n"
	"precision: {policy: fixed, bw: 9, fl_rule: range, activation_fl: own}\n";

/* Behind the only width two epochs in float32, on the host, then two more; then it is over. */
static const char float_lines[] =
	"alpha: 0.1\nepochs: 20\nbatch: 20\neval_every: 0\n"
	"precision: {policy: muppet, levels: \"8\", threshold_alpha: 0, threshold_beta: 0, resolution: 2,"
	" patience: 1, grad_quant: scaled, float_epochs: 2, float_lr_min: 0.011}\n";

static void configure_run(const char *lines, const char *hw)
{
	const struct qmac_setting setting = {"hw", hw, "--set"};

	/* write_net_run() has epochs and batch already: the lines' are set on top */
	char text[2000], folder[512];

	CU_ASSERT_FATAL(getcwd(folder, sizeof folder) != NULL);
	(void)write_net_run(layers, "");
	snprintf(text, sizeof text, "network: net.yaml\ndata: mnist\nfile: images\nhw: %s/%s\n%s", folder,
	         "configs/hw/16x16_w8.yaml", lines);
	configure(config_file("run.yaml", text), hw ? 1 : 0, &setting);
}

/* An estimate of what `config` says, with the formats recorded in a folder, into another. */
static enum qmac_status estimate(const char *from, const char *name, struct qmac_error *err)
{
	char folder[600];

	snprintf(folder, sizeof folder, "%s/%s", test_folder(), from);
	return run_job((struct qmac_job){.estimate = true, .recorded = folder, .counted = folder}, name, err);
}

static void estimate_well(const char *from, const char *name)
{
	struct qmac_error err;
	enum qmac_status status = estimate(from, name, &err);

	if (status)
		printf("%s:%d: %s\n", err.file, err.line, err.message);
	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
}

static void check_costs(const char *trained, const char *estimated)
{
	check_all_costs(trained, estimated, "delta|");
	check_file(trained, estimated, "switches.csv");
	check_file(trained, estimated, "formats.csv");
}

/* On the hardware of the training products with a zero operand, and with them energies, are its own. */
static void check_energies(const char *trained, const char *estimated)
{
	struct qmac_json *a = json_of(trained, "summary.json"), *b = json_of(estimated, "summary.json");
	char path[64];

	check_columns(trained, estimated, "metrics.csv", "energy_j");
	check_columns(trained, estimated, "layers.csv", "energy_j|zero_macs|zero_mac_fraction");
	CU_ASSERT(qmac_json_real(a, "counters.zero_macs") > 0);
	CU_ASSERT_EQUAL(qmac_json_real(a, "counters.zero_macs"), qmac_json_real(b, "counters.zero_macs"));
	CU_ASSERT_EQUAL(qmac_json_real(a, "energy_low_j"), qmac_json_real(b, "energy_low_j"));
	CU_ASSERT_EQUAL(qmac_json_real(a, "energy_high_j"), qmac_json_real(b, "energy_high_j"));
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++) {
		snprintf(path, sizeof path, "energy.%s.nominal", qmac_energy_component_names[c]);
		CU_ASSERT_EQUAL(qmac_json_real(a, path), qmac_json_real(b, path));
	}
	CU_ASSERT_PTR_NULL(qmac_json_text(b, "energy_note"));
	qmac_json_free(a);
	qmac_json_free(b);
}

static const char ragged[] = "configs/hw/ragged.yaml", small[] = "configs/hw/8x8_w8.yaml";

/* Trained on one kind of hardware and on two others, estimated for all three from the first. */
static void check_policy(const char *lines, const char *name)
{
	static const char *const hw[] = {NULL, ragged, small};

	for (int i = 0; i < TEST_COUNT(hw); i++) {
		char trained[60], estimated[60];

		snprintf(trained, sizeof trained, "%s%d", name, i);
		snprintf(estimated, sizeof estimated, "%s%d-estimate", name, i);
		configure_run(lines, hw[i]);
		train_well(trained, false);
		snprintf(trained, sizeof trained, "%s0", name);
		estimate_well(trained, estimated);
		snprintf(trained, sizeof trained, "%s%d", name, i);
		check_costs(trained, estimated);
		if (i == 0)
			check_energies(trained, estimated);
	}
}

static int rows_of(const char *name)
{
	int rows = -1;

	for (const char *c = test_text(name); *c; c++)
		rows += *c == '\n';
	return rows;
}

static void test_adapt(void)
{
	check_policy(adapt_lines, "adapt");
	CU_ASSERT(rows_of("adapt0/switches.csv") >= 6);
	CU_ASSERT(rows_of("adapt0/formats.csv") > 6 + rows_of("adapt0/switches.csv")); /* biases, too */
}

/* Scales of activations and biases change at other steps than those of weights; a width behind an epoch. */
static void test_muppet(void)
{
	check_policy(muppet_lines, "muppet");
	CU_ASSERT(rows_of("muppet0/switches.csv") >= 3);
	CU_ASSERT(rows_of("muppet0/formats.csv") > 2 * rows_of("muppet0/switches.csv"));
	CU_ASSERT(strstr(test_text("muppet0/formats.csv"), ",epoch,conv1.weight,10,") != NULL);
	CU_ASSERT(strstr(test_text("muppet0/formats.csv"), ",step,tanh1.output,6,") != NULL);
}

static void test_fixed(void)
{
	check_policy(fixed_lines, "fixed");
	CU_ASSERT_EQUAL(rows_of("fixed0/switches.csv"), 0);
	CU_ASSERT(strstr(test_text("fixed0/formats.csv"), "\n1,1,step,") != NULL);
}

static void test_float_phase(void)
{
	struct qmac_json *summary;

	check_policy(float_lines, "float");
	CU_ASSERT(strstr(test_text("float0/formats.csv"), ",epoch,tanh1.output,32,\n") != NULL);
	summary = json_of("float0-estimate", "summary.json");
	CU_ASSERT(qmac_json_real(summary, "epochs") > 5 && qmac_json_real(summary, "epochs") < 20);
	qmac_json_free(summary);
}

/* An estimate has recorded the same: it does as well as the run. */
static void test_estimate_of_estimate(void)
{
	configure_run(muppet_lines, ragged);
	estimate_well("muppet0-estimate", "muppet-again");
	check_costs("muppet1", "muppet-again");
	configure_run(muppet_lines, NULL);
	estimate_well("muppet0-estimate", "muppet-once-more");
	check_energies("muppet0", "muppet-once-more");
}

/* A run that ended at a checkpoint and goes on has recorded all of it. */
static void test_resumes(void)
{
	struct ending ending = {.epoch = 3};
	struct qmac_error err;

	configure_run(muppet_lines, NULL);
	CU_ASSERT_EQUAL(train("parts", false, &ending, &err), QMAC_CHECK_FAILED);
	train_well("parts", true);
	check_file("muppet0", "parts", "formats.csv");
	check_file("muppet0", "parts", "switches.csv");
}

/* Of a run that diverged to infinity behind its third epoch there are three: no more are estimated. */
static void test_fewer_epochs(void)
{
	struct qmac_train_result result = {.weights = NULL};
	struct qmac_recorded recorded;
	struct qmac_json *summary;
	struct qmac_hw_file hw;
	char folder[600];

	configure_run(muppet_lines, NULL);
	config.run.epochs = 3;
	train_well("three", false);
	config.run.epochs = 6;
	snprintf(folder, sizeof folder, "%s/three", test_folder());
	CU_ASSERT_EQUAL_FATAL(qmac_recorded_read(folder, &recorded, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(recorded.epochs, 3);
	CU_ASSERT_EQUAL_FATAL(qmac_hw_file_load(&hw, config.run.hw, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_estimate(&config.run, &hw.hw, &recorded, NULL, &result, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(result.last.epoch, 3);
	summary = json_of("three", "summary.json");
	CU_ASSERT_EQUAL((double)result.last.counters[QMAC_COUNTER_CYCLES], qmac_json_real(summary, "cycles"));
	CU_ASSERT_EQUAL((double)result.last.host_flops, qmac_json_real(summary, "host_flops"));
	qmac_json_free(summary);
	qmac_recorded_free(&recorded);
	qmac_trained_net_destroy(result.net);
}

/* ---- folders that do not fit ------------------------------------------------------------------ */

enum { CHANGED = 1 << 16 };

/*
 * muppet0 with one file changed: `what` becomes `by`, from there on (nothing behind it where `by` ends with a
 * dollar); what NULL: there is no such file.
 */
static void damage(const char *file, const char *what, const char *by)
{
	static const char *const files[] = {"formats.csv", "switches.csv", "metrics.csv", "summary.json"};
	static char text[CHANGED], changed[CHANGED];
	char name[100];

	for (int i = 0; i < TEST_COUNT(files); i++) {
		const char *at;

		snprintf(name, sizeof name, "muppet0/%s", files[i]);
		strcpy(text, test_text(name));
		snprintf(name, sizeof name, "bad/%s", files[i]);
		(void)unlink(test_path(name));
		if (strcmp(files[i], file) != 0) {
			config_file(name, text);
			continue;
		}
		if (!what)
			continue;
		at = strstr(text, what);
		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		snprintf(changed, sizeof changed, "%.*s%.*s%s", (int)(at - text), text,
		         (int)strcspn(by, "$"), by, strchr(by, '$') ? "" : at + strlen(what));
		config_file(name, changed);
	}
}

static void check_refused(const char *file, const char *what, const char *by, const char *says)
{
	struct qmac_error err = {.message = ""};

	damage(file, what, by);
	CU_ASSERT_EQUAL(estimate("bad", "refused", &err), QMAC_BAD_INPUT);
	if (!strstr(err.message, says))
		printf("%s: %s:%d: %s\n", says, err.file, err.line, err.message);
	CU_ASSERT(strstr(err.message, says) != NULL);
	CU_ASSERT(strstr(err.file, file) || strstr(err.message, file));
	CU_ASSERT_STRING_EQUAL(test_text("refused/summary.json"), "");
}

static void test_refused(void)
{
	static const char first[] = "\n0,0,step,conv1.bias,", cut[] = "\n0,0,step,conv2.weight$";
	char last[100], row[120], changed[240], file[600];
	const char *at;

	snprintf(file, sizeof file, "%s/bad", test_folder());
	CU_ASSERT_FATAL(mkdir(file, 0777) == 0);
	configure_run(muppet_lines, NULL);
	check_refused("formats.csv", NULL, NULL, "cannot open");
	check_refused("switches.csv", NULL, NULL, "cannot open");
	check_refused("metrics.csv", NULL, NULL, "cannot open");
	check_refused("summary.json", NULL, NULL, "no complete result");
	check_refused("formats.csv", first, cut, "the table is cut off here");
	check_refused("formats.csv", first, "\n$", "at first");
	check_refused("formats.csv", "tensor", "tensors", "the columns should be epoch,step,behind,tensor,bw,fl");
	check_refused("formats.csv", first, "\n0,0,step,", "cut off, or has fields too many");
	check_refused("formats.csv", "conv2.weight", "conv7.weight", "has no tensor 'conv7.weight'");
	check_refused("formats.csv", "\n0,0,step,conv1.bias,6", "\n0,0,step,conv1.bias,12",
	              "is no format that 'conv1.bias' may get here");
	check_refused("formats.csv", ",step,input", ",minibatch,input", "behind: step or epoch");
	check_refused("formats.csv", "\n1,", "\n2,", "out of order");
	check_refused("switches.csv", "conv", "conw", "formats.csv says otherwise");
	check_refused("metrics.csv", "\n2,30,", "\n2,29,", "the run comes to 30");
	check_refused("metrics.csv", "\n6,", "\n$", "another number of epochs");
	/* the last row alone is missing; comes before the first; comes twice */
	at = strrchr(test_text("muppet0/switches.csv"), '\n');
	while (at[-1] != '\n')
		at--;
	snprintf(last, sizeof last, "%s", at);
	snprintf(row, sizeof row, "\n%s", last);
	check_refused("switches.csv", row, "\n$", "rows are missing");
	snprintf(changed, sizeof changed, "cycles\n%s", last);
	check_refused("switches.csv", "cycles\n", changed, "out of order");
	snprintf(changed, sizeof changed, "%s%s", row, last);
	check_refused("switches.csv", row, changed, "formats.csv has no such change");
}

/* The same folder with fewer images or another network; and a run file alone. */
static void test_other_run(void)
{
	struct qmac_error err;

	configure_run(muppet_lines, NULL);
	config.run.limit = 200;
	CU_ASSERT_EQUAL(estimate("muppet0", "refused", &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "15 steps, but the run comes to 10") != NULL);
	configure_run(adapt_lines, NULL);
	CU_ASSERT_EQUAL(estimate("muppet0", "refused", &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "the formats are those of another") != NULL);
	CU_ASSERT_EQUAL(run_job((struct qmac_job){.estimate = true}, "refused", &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "estimate a run that is done, by its folder") != NULL);
}

int main(void)
{
	const struct test_case cases[] = {
		{"AdaPT", test_adapt}, {"MuPPET", test_muppet}, {"ranges of activations", test_fixed},
		{"a phase in float32", test_float_phase},
		{"an estimate of an estimate", test_estimate_of_estimate},
		{"a run in parts", test_resumes}, {"a run that diverged", test_fewer_epochs},
		{"folders that do not fit", test_refused}, {"another run", test_other_run},
	};

	write_images();
	return test_main("test_recorded", cases, TEST_COUNT(cases));
}
