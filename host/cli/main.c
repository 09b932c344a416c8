#define _POSIX_C_SOURCE 200809L
#include <limits.h>
#include <string.h>

#include "cli/cli.h"
#include "config/text.h"
#include "qmac_isa.h"
#include "report/version.h"

#define QUIET_OPTION "  --quiet           says nothing of how far it is\n"
#define HW_OPTION "  --hw HW.yaml      hardware, instead of the run file's\n"
#define BACKEND_OPTION \
	"  --backend NAME    what executes: cmodel, rtl (the Verilog) or lockstep (both, compared)\n"
#define SET_OPTIONS \
	"  --set key=value   sets a key of the run file; again for another key\n" \
	"  --data-dir DIR    where to look for data files; $QMAC_DATA or ~/.cache/qmac/data where not given\n"
#define RUN_OPTIONS HW_OPTION BACKEND_OPTION SET_OPTIONS

static const struct qmac_cli_command commands[] = {
	{
		"train", "RUN.yaml [--hw HW.yaml] [--backend B] [--data-dir DIR] [--set key=value]..."
		" [--out DIR] [--resume] [--quiet] [--eval-only DIR]"
		" [--trace FILE [--trace-from N] [--trace-count M]]",
		"Runs a training and writes its result folder.\n\n" RUN_OPTIONS
		"  --out DIR         result folder; qmac-out/<run file>-<algorithm>[-<bits>][-<HW>] where not given\n"
		"  --resume          does nothing where DIR holds the complete result of the same configuration;\n"
		"                    a run that was stopped or killed goes on from its checkpoint\n"
		"  --eval-only DIR   trains nothing, writes nothing: the figures of the test part with the weights\n"
		"                    of the network in that result folder\n"
		"  --trace FILE      records commands for `qmac replay`\n"
		"  --trace-from N    the first of them, counted from 0; 0 where not given\n"
		"  --trace-count M   how many, at most 1000000; 1000 where not given\n" QUIET_OPTION,
		QMAC_CLI_EVAL | QMAC_CLI_QUIET | QMAC_CLI_SETTINGS | QMAC_CLI_BACKEND | QMAC_CLI_OUT |
		QMAC_CLI_RESUME | QMAC_CLI_TRACE, 1, 1,
		qmac_cli_train,
	},
	{
		"sweep", "SWEEP.yaml [-j N] [--resume] [--out DIR] [--quiet]",
		"Runs a grid of trainings in parallel; one row each in results.csv, one plot.\n\n"
		"  -j N, --jobs N    runs at a time; the number of processors where not given\n"
		"  --out DIR         folder of the results; qmac-out/<sweep file> where not given\n"
		"  --resume          keeps complete results of the same configurations, and goes on with runs that\n"
		"                    were stopped or killed\n" QUIET_OPTION,
		QMAC_CLI_QUIET | QMAC_CLI_JOBS | QMAC_CLI_OUT | QMAC_CLI_RESUME, 1, 1, qmac_cli_sweep,
	},
	{
		"report", "DIR... [--array] [--goal FIGURE=VALUE[,VALUE]...] [--out FILE.svg]",
		"Prints result folders side by side and draws the figure that tells how far each is. In place of\n"
		"a run's folder may stand one that holds several, such as that of a sweep.\n\n"
		"  --array           of one network on the device: cycles and joules of each layer and direction,\n"
		"                    how far it uses the array, and where the rest of its time goes\n"
		"  --goal F=V,V      when each run came to the value V of the figure F, a column of metrics.csv,\n"
		"                    and the cycles and joules until then: --goal test_accuracy=0.97,0.98\n"
		"  --out FILE.svg    the plot; qmac-out/report.svg where not given\n",
		QMAC_CLI_OUT | QMAC_CLI_REPORT, 1, INT_MAX, qmac_cli_report,
	},
	{
		"config", "RUN.yaml [--hw HW.yaml] [--backend B] [--data-dir DIR] [--set key=value]...",
		"Prints the effective configuration of a run, every key with its source.\n\n" RUN_OPTIONS,
		QMAC_CLI_SETTINGS | QMAC_CLI_BACKEND, 1, 1, qmac_cli_config,
	},
	{
		"net", "FILE [--set key=value]...",
		"Prints the layers of a network file: shape of the output, MACs, parameters, bytes.\n\n"
		"  --set net.times=N     every repeat of the file N times\n"
		"  --set net.classes=N   N outputs of the last linear layer\n"
		"  --set net.channels=N  N channels of the input\n",
		QMAC_CLI_SET, 1, 1, qmac_cli_net,
	},
	{
		"area", "HW.yaml TABLE.yaml",
		"Prints the area of a device by part: gates and um2 of its logic, bits of its memories. The model\n"
		"and its tables, configs/area/: docs/area.md.\n",
		0, 2, 2, qmac_cli_area,
	},
	{
		"cosim", "RUN.yaml [--hw HW.yaml] [--data-dir DIR] [--set key=value]... [--out DIR]"
		" [--resume] [--timed | --stalls SEED] [--quiet]",
		"Trains on the C model and on the RTL in lockstep: every command must leave the same behind.\n\n"
		"  --timed           cycles and timed counters must be equal, too\n"
		"  --stalls SEED     holds up every stream of the RTL at random\n" HW_OPTION SET_OPTIONS
		"  --out DIR         result folder; a trace of the first difference goes there, too\n"
		"  --resume          as for train; what was compared before is not compared again\n" QUIET_OPTION,
		QMAC_CLI_QUIET | QMAC_CLI_SETTINGS | QMAC_CLI_OUT | QMAC_CLI_RESUME | QMAC_CLI_LOCKSTEP, 1, 1,
		qmac_cli_cosim,
	},
	{
		"replay", "TRACE [--backend B] [--timed | --stalls SEED] [--wave FILE.fst]",
		"Plays a recorded command trace on a fresh device and compares everything it left behind.\n\n"
		BACKEND_OPTION
		"  --timed           also compares the cycles in which commands start and retire\n"
		"  --stalls SEED     holds up every stream of the RTL at random: not with --backend cmodel\n"
		"  --wave FILE.fst   writes waves of the RTL: with --backend rtl or lockstep\n",
		QMAC_CLI_BACKEND | QMAC_CLI_REPLAY | QMAC_CLI_LOCKSTEP, 1, 1, qmac_cli_replay,
	},
	{
		"estimate", "RUN.yaml|DIR [--hw HW.yaml] [--data-dir DIR] [--set key=value]... [--out DIR]"
		" [--quiet]\n       qmac estimate --topology FILE.csv --hw HW.yaml [--dataflow ws|os] [--training]"
		" [--set key=value]... [--out DIR]",
		"Cycles, bytes and counts that a training would take of the device: the same commands, checked,\n"
		"counted and timed, without their values. What depends on data is named. In place of the run file\n"
		"may stand the result folder of a run: a network whose formats changed while it was trained has\n"
		"them again at the same steps, and so its costs, also on other hardware. A network is compared\n"
		"with itself in 32 bits where the run file or --set says speedup: true, which takes longer.\n"
		"With --topology: what each layer of a file of shapes takes, convolutions or products as\n"
		"SCALE-Sim's files have them, and its COMPUTE_REPORT.csv.\n\n" HW_OPTION SET_OPTIONS
		"  --out DIR         result folder; that of `qmac train` with -estimate behind it where not given,\n"
		"                    of shapes qmac-out/<topology file>-<HW>-estimate\n"
		"  --topology FILE   shapes of layers; --set then takes batch, x_bits, w_bits, y_bits, energy, area\n"
		"  --dataflow D      what the array holds: ws (weights) or os (results); as lowered where not given\n"
		"  --training        data gradient and weight gradient of each layer, too\n"
		QUIET_OPTION,
		QMAC_CLI_QUIET | QMAC_CLI_SETTINGS | QMAC_CLI_OUT | QMAC_CLI_TOPOLOGY, 0, 1, qmac_cli_estimate,
	},
	{
		"fuzz", "[--configs N] [--count COMMANDS] [--seed S] [--kind K] [--timed | --stalls]"
		" [--hw HW.yaml]... [--backend B] [-j N] [--out DIR] [--quiet]",
		"Plays random streams of commands on random hardware and compares; a difference is made small\n"
		"and written as a trace.\n\n"
		"  --configs N       hardware configurations; 8, or as many as --hw gives\n"
		"  --count COMMANDS  over all configurations; 10000 where not given\n"
		"  --seed S          the same seed gives the same run; 1 where not given\n"
		"  --kind K          legal, training, malformed, or all\n"
		"  --timed           also compares cycles: only in lockstep\n"
		"  --stalls          random stalls on every stream of the RTL: not with --backend cmodel\n"
		"  --hw HW.yaml      this hardware, not a random one; may be repeated\n"
		"  --backend NAME    what is tested: lockstep, rtl or cmodel; lockstep where not given\n"
		"  -j N, --jobs N    configurations at a time; 1 where not given\n"
		"  --out DIR         folder of traces; qmac-out/fuzz where not given\n" QUIET_OPTION,
		QMAC_CLI_QUIET | QMAC_CLI_FUZZ | QMAC_CLI_BACKEND | QMAC_CLI_JOBS | QMAC_CLI_OUT, 0, 0,
		qmac_cli_fuzz,
	},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out)
{
	fputs("qmac simulates a fixed-point accelerator that trains.\n\nusage:\n", out);
	for (int i = 0; i < COMMANDS; i++)
		if (commands[i].run)
			fprintf(out, "  qmac %s %s\n", commands[i].name, commands[i].arguments);
	fputs("  qmac help [COMMAND]\n  qmac --version\n\n"
	      "Exit status: 0 success, 1 a check failed (divergence where forbidden, a run stopped),\n"
	      "2 usage, configuration or files, 3 an error of qmac itself, 4 another process writes into the\n"
	      "folder.\n", out);
}

static const struct qmac_cli_command *find_command(const char *name, struct qmac_error *err)
{
	char words[128] = "help";

	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
		if (commands[i].run)
			snprintf(words + strlen(words), sizeof words - strlen(words), "|%s", commands[i].name);
	}
	qmac_text_unknown("command", name, words, err);
	return NULL;
}

static void print_command(const struct qmac_cli_command *command)
{
	printf("usage: qmac %s %s\n\n%s", command->name, command->arguments, command->help);
}

static enum qmac_status help(int argc, char **argv, struct qmac_error *err)
{
	const struct qmac_cli_command *command;

	if (argc == 0) {
		print_usage(stdout);
		return QMAC_OK;
	}
	command = find_command(argv[0], err);
	if (!command)
		return QMAC_BAD_INPUT;
	print_command(command);
	return QMAC_OK;
}

static enum qmac_status run_command(const struct qmac_cli_command *command, int argc, char **argv,
                                    struct qmac_error *err)
{
	struct qmac_cli_options options;
	enum qmac_status status;

	if (!command->run)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s is not available yet", command->name);
	status = qmac_cli_parse(command, argc, argv, &options, err);
	if (!status && options.help)
		print_command(command);
	else if (!status)
		status = command->run(&options, err);
	qmac_cli_options_free(&options);
	return status;
}

static enum qmac_status dispatch(int argc, char **argv, struct qmac_error *err)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct qmac_cli_command *command;

	if (argc < 2) {
		print_usage(stderr);
		return qmac_fail(err, QMAC_BAD_INPUT, "a command is missing");
	}
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return help(argc - 2, argv + 2, err);
	if (strcmp(name, "--version") == 0) {
		printf("qmac %s, command set revision %u\n", QMAC_VERSION, QMAC_REVISION);
		return QMAC_OK;
	}
	command = find_command(name, err);
	return command ? run_command(command, argc - 2, argv + 2, err) : QMAC_BAD_INPUT;
}

/* Editors jump to file:line:column, so nothing stands before it. */
static void print_error(const struct qmac_error *err)
{
	char text[3200];

	qmac_cli_warn("%s%s\n", err->line ? "" : "qmac: ", qmac_error_text(err, text, sizeof text));
}

int main(int argc, char **argv)
{
	struct qmac_error err = {0};
	enum qmac_status status;

	qmac_cli_open_streams();
	qmac_cli_catch_bus_error();
	status = dispatch(argc, argv, &err);
	if (status)
		print_error(&err);
	return (int)qmac_cli_close_output(status);
}
