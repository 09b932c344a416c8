/*
 * What reports tell of a network's layers: formats over steps, sparsity and cycles as they stand in files
 * that are written here; the heat map as gnuplot gets it; tables that are missing, cut off, or contradict one
 * another; and the formats of a training.
 */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdlib.h>

#include "image_files.h"
#include "report/array_table.h"
#include "report/layer_table.h"
#include "report/members.h"
#include "report/page.h"
#include "run/job.h"

/* ---- a result by hand: two epochs of four steps ---------------------------------------------- */

static const char metrics[] = "epoch,test_accuracy,train_loss\n0,0.1,\n1,0.5,2\n2,0.75,1\n";
static const char layers[] =
	"epoch,layer,direction,w_bits,delta,cycles,sparsity\n"
	"1,conv1,forward,8,0.0625,10,0.5\n1,conv1,weight_grad,8,0.0625,20,0.5\n1,tanh1,forward,,,3,\n"
	"1,fc,forward,8,0.0625,5,0.25\n"
	"2,conv1,forward,12,0.015625,11,0.125\n2,conv1,eval,12,0.015625,100,0.125\n2,tanh1,forward,,,4,\n"
	"2,fc,forward,8,0.03125,6,0.75\n";
static const char head[] = "epoch,step,layer,bw_old,fl_old,bw_new,fl_new,host_flops,bytes,cycles\n";
static const char rows[] =
	"1,2,conv1,8,4,10,4,1,1,1\n2,5,conv1,10,4,12,6,1,1,1\n2,5,fc,8,4,8,5,1,1,1\n";

static void write_result(const char *name, const char *layer_rows, const char *switch_rows)
{
	char path[100], text[2000];

	(void)mkdir(test_path(name), 0777);
	snprintf(path, sizeof path, "%s/metrics.csv", name);
	test_write(path, metrics);
	snprintf(path, sizeof path, "%s/layers.csv", name);
	test_write(path, layer_rows);
	snprintf(path, sizeof path, "%s/switches.csv", name);
	(void)unlink(test_path(path));
	if (switch_rows)
		test_write(path, switch_rows);
	snprintf(path, sizeof path, "%s/summary.json", name);
	snprintf(text, sizeof text, "{\"problem\": \"network\", \"network\": \"n\", \"algorithm\": \"adapt\","
	         " \"seed\": 1, \"epochs\": 2, \"steps\": 8, \"cycles\": 159, \"headline\": \"test_accuracy\","
	         " \"files\": {%s}}",
	         switch_rows ? "\"switches.csv\": \"\"" : "");
	test_write(path, text);
}

static const char *with_head(const char *switch_rows)
{
	static char text[1000];

	snprintf(text, sizeof text, "%s%s", head, switch_rows);
	return text;
}

static enum qmac_status read_result(const char *name, struct qmac_net_history *history,
                                    struct qmac_error *err)
{
	struct qmac_stored stored;
	char folder[600];
	enum qmac_status status;

	snprintf(folder, sizeof folder, "%s", test_path(name));
	CU_ASSERT_EQUAL_FATAL(qmac_stored_read(folder, &stored, err), QMAC_OK);
	status = qmac_net_history_read(folder, &stored, history, err);
	qmac_stored_free(&stored);
	return status;
}

static void check_formats(const struct qmac_layer_history *layer, const struct qmac_format_since *wanted,
                          int count)
{
	CU_ASSERT_EQUAL_FATAL(layer->format_count, count);
	for (int i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(layer->formats[i].step, wanted[i].step);
		CU_ASSERT_EQUAL(layer->formats[i].format.bw, wanted[i].format.bw);
		CU_ASSERT_EQUAL(layer->formats[i].format.fl, wanted[i].format.fl);
	}
}

static void test_history(void)
{
	static const struct qmac_format_since conv1[] = {{0, {8, 4}, false}, {2, {10, 4}, false},
	                                                 {5, {12, 6}, false}};
	static const struct qmac_format_since fc[] = {{0, {8, 4}, false}, {5, {8, 5}, false}};
	struct qmac_net_history history;
	struct qmac_error err;

	write_result("hand", layers, with_head(rows));
	CU_ASSERT_EQUAL_FATAL(read_result("hand", &history, &err), QMAC_OK);
	CU_ASSERT(history.steps == 8 && history.epochs == 2);
	CU_ASSERT_EQUAL_FATAL(history.layer_count, 3);
	CU_ASSERT_STRING_EQUAL(history.layers[0].name, "conv1");
	CU_ASSERT_STRING_EQUAL(history.layers[2].name, "fc");
	check_formats(&history.layers[0], conv1, 3);
	CU_ASSERT_EQUAL(history.layers[1].format_count, 0);
	check_formats(&history.layers[2], fc, 2);
	CU_ASSERT(history.layers[0].cycles[QMAC_DIRECTION_FORWARD] == 21 &&
	          history.layers[0].cycles[QMAC_DIRECTION_WEIGHTS] == 20 &&
	          history.layers[0].cycles[QMAC_DIRECTION_EVAL] == 100 &&
	          history.layers[0].cycles[QMAC_DIRECTION_DATA] == 0);
	CU_ASSERT(history.layers[2].sparsity[0] == 0.25 && history.layers[2].sparsity[1] == 0.75);
	CU_ASSERT(isnan(history.layers[1].sparsity[0]));
	CU_ASSERT_EQUAL(qmac_net_history_weighted(&history), 2);
	qmac_net_history_free(&history);
}

/* What a result looks like on a terminal: its layers, or, on hardware `hw`, how these use the array. */
static void expect_table(const char *name, const struct qmac_hw *hw, const char *wanted)
{
	struct qmac_net_history history;
	struct qmac_error err;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL_FATAL(read_result(name, &history, &err), QMAC_OK);
	if (hw)
		qmac_array_table_print(&history, hw, out);
	else
		qmac_layer_table_print(&history, out);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, wanted);
	if (strcmp(text, wanted) != 0)
		printf("%s", text);
	free(text);
	qmac_net_history_free(&history);
}

/* The same: conv1 has 8 bits in two steps, 10 in three, 12 in three; 159 cycles in all. */
static void test_table(void)
{
	expect_table("hand", NULL,
		"layer       first    last  switches  mean BW        sparsity  forward"
		"  weight_grad  eval   cycles  joules\n"
		"conv1       <8,4>  <12,6>         2     10.2  0.500 .. 0.125       21         "
		"  20   100   88.7 %       -\n"
		"tanh1                                                               7         "
		"   0     0    4.4 %       -\n"
		"fc          <8,4>   <8,5>         1      8.0  0.250 .. 0.750       11         "
		"   0     0    6.9 %       -\n"
		"all layers                                                         39         "
		"  20   100  100.0 %       -\n");
}

/*
 * Use of a 4x5 array: conv1 forward has 200 of 20 * 21 possible MACs in 12 of its 21 cycles, and EXECUTE is
 * busy in 18; backward it waits for LOAD. What a layer without products does is vector work; fc waits, and
 * not for memory. What comes before training, and what is in no direction, is in the sums. Of 8 joules conv1
 * takes 2 forward, half of them for its MACs; conv2, which
 * takes none, is of its kind.
 */
static void test_array(void)
{
	static const char used[] =
		"epoch,layer,direction,w_bits,delta,cycles,sparsity,macs,a_reads,load_busy,execute_busy,store_busy,"
		"energy_j,mac_j,vec_j,requantise_j,random_j,lookup_j,sram_a_j,sram_w_j,sram_acc_j,"
		"control_j,leakage_j,dram_data_j,dram_descriptors_j\n"
		"0,conv1,none,8,0.0625,1,,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n"
		"1,conv1,forward,8,0.0625,10,0.5,100,5,1,9,1,1,.25,0,0,0,0,.25,0,0,0,.25,.25,0\n"
		"1,conv1,weight_grad,8,0.0625,20,0.5,80,4,16,5,2,1,0,0,0,0,0,0,.25,.25,0,0,0,.5\n"
		"1,tanh1,forward,,,3,,0,0,0,3,0,1,0,.25,.25,.25,.25,0,0,0,0,0,0,0\n"
		"1,fc,forward,8,0.0625,11,0.25,20,1,2,2,3,1,0,0,0,0,0,0,0,0,1,0,0,0\n"
		"2,conv1,forward,8,0.0625,11,0.5,100,7,1,9,1,1,.75,0,0,0,0,0,0,0,0,0,.25,0\n"
		"2,conv2,forward,8,0.0625,40,0.5,400,20,1,40,1,0,0,0,0,0,0,0,0,0,0,0,0,0\n"
		"2,tanh1,forward,,,4,,0,0,0,4,0,1,0,0,1,0,0,0,0,0,0,0,0,0\n"
		"2,fc,forward,8,0.0625,100,0.25,2000,100,2,100,3,2,0,0,0,0,0,0,0,0,1,1,0,0\n";
	const struct qmac_hw hw = {.rows = 4, .cols = 5};

	write_result("used", used, NULL);
	expect_table("used", &hw,
		"layer         direction  cycles    share   array      "
		"                  most of the rest  joules    share  arithmetic  scratchpads  standing  memory\n"
		"conv1           forward      21   10.5 %  47.6 %  28.6"
		" % vector work, preloads and fills       2   25.0 %      50.0 %       12.5 %    12.5 %  25.0 %\n"
		"conv1       weight_grad      20   10.0 %  20.0 %      "
		" 75.0 % waits for what LOAD brings       1   12.5 %       0.0 %       50.0 %     0.0 %  50.0 %\n"
		"tanh1           forward       7    3.5 %   0.0 %      "
		"         100.0 % vector work alone       2   25.0 %     100.0 %        0.0 %     0.0 %   0.0 %\n"
		"fc              forward     111   55.5 %  91.0 %   8.1"
		" % short programs: starts and ends       3   37.5 %       0.0 %        0.0 %   100.0 %   0.0 %\n"
		"conv2           forward      40   20.0 %  50.0 %  50.0"
		" % vector work, preloads and fills       0    0.0 %           -            -         -       -\n"
		"all conv        forward      61   30.5 %  49.2 %  42.6"
		" % vector work, preloads and fills       2   25.0 %      50.0 %       12.5 %    12.5 %  25.0 %\n"
		"all conv    weight_grad      20   10.0 %  20.0 %      "
		" 75.0 % waits for what LOAD brings       1   12.5 %       0.0 %       50.0 %     0.0 %  50.0 %\n"
		"all layers      forward     179   89.5 %  73.2 %  19.0"
		" % vector work, preloads and fills       7   87.5 %      42.9 %        3.6 %    46.4 %   7.1 %\n"
		"all layers  weight_grad      20   10.0 %  20.0 %      "
		" 75.0 % waits for what LOAD brings       1   12.5 %       0.0 %       50.0 %     0.0 %  50.0 %\n"
		"all layers                  200  100.0 %  67.5 %  17.5"
		" % vector work, preloads and fills       8  100.0 %      37.5 %        9.4 %    40.6 %  12.5 %\n");
}

/* Formats that stay need no switches.csv. */
static void test_fixed(void)
{
	static const struct qmac_format_since stays = {0, {8, 4}, false};
	struct qmac_net_history history;
	struct qmac_error err;

	write_result("fixed", "epoch,layer,direction,w_bits,delta,cycles\n1,fc,forward,8,0.0625,10\n", NULL);
	CU_ASSERT_EQUAL_FATAL(read_result("fixed", &history, &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(history.layer_count, 1);
	check_formats(&history.layers[0], &stays, 1);
	CU_ASSERT_FALSE(qmac_net_history_has_sparsity(&history));
	qmac_net_history_free(&history);
	/* Behind the last row of layers.csv a policy may switch once more. */
	write_result("fixed", "epoch,layer,direction,w_bits,delta,cycles\n2,fc,forward,8,0.0625,10\n",
	             with_head("2,8,fc,8,4,8,5,1,1,1\n"));
	CU_ASSERT_EQUAL(read_result("fixed", &history, &err), QMAC_OK);
	qmac_net_history_free(&history);
}

/* The last epoch is in float32; layers.csv has no formats there. */
static void test_float(void)
{
	static const struct qmac_format_since wanted[] = {{0, {8, 3}, false}, {2, {8, 4}, false},
	                                                  {4, {32, 0}, true}};
	static const char rows_of_layers[] =
		"epoch,layer,direction,w_bits,delta,cycles\n1,fc,forward,8,0.0625,10\n2,fc,none,,,0\n";
	struct qmac_net_history history;
	struct qmac_error err;

	write_result("float", rows_of_layers, with_head("1,2,fc,8,3,8,4,1,1,1\n1,4,fc,8,4,32,,1,1,1\n"));
	CU_ASSERT_EQUAL_FATAL(read_result("float", &history, &err), QMAC_OK);
	check_formats(&history.layers[0], wanted, 3);
	CU_ASSERT(history.layers[0].formats[2].is_float && !history.layers[0].formats[1].is_float);
	qmac_net_history_free(&history);
	write_result("float", rows_of_layers, with_head("1,2,fc,8,4,8,5,1,1,1\n1,4,fc,8,5,32,,1,1,1\n"));
	CU_ASSERT_EQUAL(read_result("float", &history, &err), QMAC_BAD_INPUT);
	write_result("float", rows_of_layers, with_head("1,2,fc,8,4,32,,1,1,1\n1,4,fc,32,0,8,4,1,1,1\n"));
	CU_ASSERT_EQUAL(read_result("float", &history, &err), QMAC_BAD_INPUT);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void test_damaged(void)
{
	static const struct {
		const char *switches;
		int line;
		const char *says;
	} cases[] = {
		{"1,2,conv1,8,4,10,4,1,1,1\n2,5,conv1,10,4,12,6,1,1", 2, "the table is cut off here"},
		{"1,2,conv1,8,4,10,4,1,1\n", 2, "a number of column bytes should end here"},
		{"2,5,conv1,8,4,12,6,1,1,1\n2,7,conv1,10,4,12,6,1,1,1\n", 3, "rows are missing"},
		{"1,2,conv1,8,4,10,4,1,1,1\n2,5,conv1,10,4,12,6,1,1,1\n", 0,
		 "switches.csv ends with <8,4> for fc, layers.csv with <8,5>: rows are missing"},
		{"1,2,tanh1,8,4,10,4,1,1,1\n", 2, "layers.csv has no such layer with weights"},
		{"1,9,conv1,8,4,10,4,1,1,1\n", 2, "the step is beyond the run"},
		{"1,5,conv1,8,4,10,4,1,1,1\n1,4,fc,8,4,8,5,1,1,1\n", 3, "before that of the row above"},
		{"1,2,conv1,8,4,1,4,1,1,1\n", 2, "no switch from a format to another"},
		{"1,2,,8,4,10,4,1,1,1\n", 2, "a word of column layer should stand here"},
	};
	struct qmac_net_history history;
	struct qmac_error err;

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		write_result("damaged", layers, with_head(cases[i].switches));
		CU_ASSERT_EQUAL(read_result("damaged", &history, &err), QMAC_BAD_INPUT);
		CU_ASSERT(strstr(err.message, cases[i].says) != NULL);
		if (!strstr(err.message, cases[i].says))
			printf("%s\n", err.message);
		CU_ASSERT_EQUAL(err.line, cases[i].line);
	}
	write_result("damaged", layers, "epoch,step,layer\n");
	CU_ASSERT_EQUAL(read_result("damaged", &history, &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, "there is no column bw_old");
	write_result("damaged", layers, with_head(rows));
	(void)unlink(test_path("damaged/switches.csv"));
	CU_ASSERT_EQUAL(read_result("damaged", &history, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.file, "damaged/switches.csv") != NULL);
	write_result("damaged", "epoch,layer,direction,w_bits,delta,cycles\n3,fc,forward,8,0.0625,10\n", NULL);
	CU_ASSERT_EQUAL(read_result("damaged", &history, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "there is no such epoch") != NULL);
}

/* ---- the heat map ------------------------------------------------------------------------------ */

/* A gnuplot that leaves its script in the file `script` of the test folder. */
static void listen(void)
{
	char text[1300], path[2600];

	(void)mkdir(test_path("bin"), 0777);
	snprintf(text, sizeof text, "#!/bin/sh\nPATH=/usr/bin:/bin\ncat > '%s'\n"
	         "echo '<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>'\n", test_path("script"));
	test_write("bin/gnuplot", text);
	CU_ASSERT_EQUAL(chmod(test_path("bin/gnuplot"), 0755), 0);
	snprintf(path, sizeof path, "%s:%s", test_path("bin"), getenv("PATH"));
	setenv("PATH", path, 1);
}

static const char *draw(const struct qmac_page *page, bool really)
{
	char old[4096], warning[512], folder[600];

	snprintf(old, sizeof old, "%s", getenv("PATH"));
	snprintf(folder, sizeof folder, "%s", test_folder());
	if (!really)
		listen();
	CU_ASSERT(qmac_page_write(page, folder, "page.svg", warning, sizeof warning));
	setenv("PATH", old, 1);
	return test_text(really ? "page.svg" : "script");
}

static void expect(const char *text, const char *part)
{
	CU_ASSERT(strstr(text, part) != NULL);
	if (!strstr(text, part))
		printf("not there: %s\n", part);
}

/* Cells are x, y, from, to, the ends of the row, BW. In 800 pixels and more every format has room. */
static void test_map(void)
{
	struct qmac_net_history history, stays;
	struct qmac_page_run runs[] = {{"it's <a> run", &history}, {"another", &stays}};
	struct qmac_page page = {.runs = runs, .run_count = 1};
	struct qmac_error err;
	const char *script;

	write_result("hand", layers, with_head(rows));
	CU_ASSERT_EQUAL_FATAL(read_result("hand", &history, &err), QMAC_OK);
	script = draw(&page, false);
	expect(script, "set title 'it''s <a> run'\nset xlabel 'step'\nset x2label 'epoch'\n");
	expect(script, "set ytics scale 0 ('conv1' 1, 'fc' 2)\nset x2tics ('1' 4, '2' 8)\n");
	expect(script, "set cbrange [7.5:12.5]\nset cbtics scale 0 8,1,12\nset cblabel 'word length BW, bits'");
	expect(script, "$cells << EOD\n0 1 0 2 0.55 1.45 8\n2 1 2 5 0.55 1.45 10\n5 1 5 8 0.55 1.45 12\n"
	       "0 2 0 8 1.55 2.45 8\nEOD\n");
	expect(script, "$widths << EOD\n2 1\n5 1\nEOD\n$fractions << EOD\n5 2\nEOD\n");
	expect(script, "$dark << EOD\n1 1 <8,4>\n3.5 1 <10,4>\n4 2 8\nEOD\n$light << EOD\n6.5 1 <12,6>\nEOD\n");
	expect(script, "$s1 << EOD\n1 0.25\n2 0.75\nEOD\n");
	expect(script, "$c0 << EOD\n1 0 2.1e-05\n"); /* forward of conv1, in 10^6 */
	/* Two runs have one scale; one without a switch has no marks. */
	write_result("fixed", "epoch,layer,direction,w_bits,delta,cycles\n1,fc,forward,6,0.0625,10\n", NULL);
	CU_ASSERT_EQUAL_FATAL(read_result("fixed", &stays, &err), QMAC_OK);
	page.run_count = 2;
	expect(draw(&page, false), "set cbrange [5.5:12.5]");
	page = (struct qmac_page){.runs = runs + 1, .run_count = 1};
	script = draw(&page, false);
	expect(script, "$cells << EOD\n0 1 0 8 0.55 1.45 6\nEOD\n$widths << EOD\nEOD\n");
	CU_ASSERT(strstr(script, "set cbrange [3.5:8.5]") && !strstr(script, "switch of"));
	CU_ASSERT(!strstr(script, "sparsity"));
	if (system("command -v gnuplot >/dev/null") == 0) {
		page = (struct qmac_page){.runs = runs, .run_count = 2};
		script = draw(&page, true);
		expect(script, "it's &lt;a> run");
		expect(script, ">&lt;10,4><");
		expect(script, "weight_grad");
	} else {
		test_skip("gnuplot is not installed");
	}
	qmac_net_history_free(&history);
	qmac_net_history_free(&stays);
}

/* Of marks in one pixel one is drawn, however many there are. */
static void test_many(void)
{
	enum { STEPS = 100000 };
	static struct qmac_format_since formats[STEPS];
	struct qmac_layer_history layer = {.name = "fc", .formats = formats, .format_count = STEPS};
	double sparsity = NAN;
	struct qmac_net_history history = {.steps = STEPS, .epochs = 1, .layers = &layer, .layer_count = 1};
	const struct qmac_page_run run = {"many", &history};
	const struct qmac_page page = {.runs = &run, .run_count = 1};

	layer.sparsity = &sparsity;
	for (int i = 0; i < STEPS; i++)
		formats[i] = (struct qmac_format_since){i, {8, i % 2}, false};
	CU_ASSERT(strlen(draw(&page, false)) < 30000);
}

/* ---- a training -------------------------------------------------------------------------------- */

static void test_training(void)
{
	static const char net[] = "  - conv: {out: 4, kernel: 3}\n  - tanh\n  - flatten\n  - linear: {out: 3}\n";
	static const char lines[] =
		"alpha: 0.05\nl2: 1.0e-4\nprecision: {policy: adapt, lookback_low: 4, lookback_high: 8,"
		" buffer_bits: 6, bw_max: 12}\n";
	struct qmac_run_config config;
	char folder[600];
	const struct qmac_job job = {.config = &config, .folder = folder};
	struct qmac_job_result result;
	struct qmac_net_history history;
	struct qmac_json *manifest = NULL;
	struct qmac_error err;

	CU_ASSERT_EQUAL_FATAL(qmac_run_config_load(&config, write_net_run(net, lines), NULL, 0, &err), QMAC_OK);
	snprintf(folder, sizeof folder, "%s/adapt", test_folder());
	CU_ASSERT_EQUAL_FATAL(qmac_job_run(&job, &result, &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(read_result("adapt", &history, &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_json_read(test_path("adapt/weights/manifest.json"), &manifest, &err), QMAC_OK);
	CU_ASSERT(history.layer_count == 4 && history.epochs == 4 && history.steps == 60);
	for (int l = 0; l < 4; l += 3) {
		const struct qmac_layer_history *layer = &history.layers[l];
		const struct qmac_format_since *last = &layer->formats[layer->format_count - 1];

		CU_ASSERT_FATAL(layer->format_count > 1);
		CU_ASSERT(layer->formats[0].format.bw == 8 && layer->formats[0].format.fl == 4);
		CU_ASSERT_EQUAL(last->format.bw, qmac_json_real(manifest, l ? "tensors.2.bw" : "tensors.0.bw"));
		CU_ASSERT_EQUAL(last->format.fl, qmac_json_real(manifest, l ? "tensors.2.fl" : "tensors.0.fl"));
		CU_ASSERT(layer->sparsity[3] >= 0 && layer->sparsity[3] < 1);
	}
	qmac_json_free(manifest);
	qmac_net_history_free(&history);
}

int main(void)
{
	const struct test_case cases[] = {
		{"tables by hand", test_history}, {"formats that stay", test_fixed}, {"float32", test_float},
		{"damaged", test_damaged}, {"a table for a terminal", test_table},
		{"use of the array", test_array},
		{"the heat map", test_map}, {"many switches", test_many}, {"a training", test_training},
	};

	write_images();
	return test_main("test_net_report", cases, TEST_COUNT(cases));
}
