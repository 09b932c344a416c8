#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "trace/trace.h"

enum which { SET, HW, BACKEND, DATA_DIR, OUT, RESUME, JOBS, TRACE, TRACE_FROM, TRACE_COUNT,
             TIMED, STALLS, WAVE, CONFIGS, COUNT, SEED, KIND, STALLED, QUIET, EVAL_ONLY, ARRAY, GOAL,
             TOPOLOGY, DATAFLOW, TRAINING, HELP, WHICH };

static const struct option {
	const char *name;
	char letter;      /* 0: none */
	bool takes_value;
	unsigned needs;   /* QMAC_CLI_*, 0: every command has it */
} table[WHICH] = {
	[SET] = {"--set", 0, true, QMAC_CLI_SETTINGS | QMAC_CLI_SET},
	[HW] = {"--hw", 0, true, QMAC_CLI_SETTINGS | QMAC_CLI_FUZZ},
	[BACKEND] = {"--backend", 0, true, QMAC_CLI_BACKEND},
	[DATA_DIR] = {"--data-dir", 0, true, QMAC_CLI_SETTINGS},
	[OUT] = {"--out", 0, true, QMAC_CLI_OUT},
	[RESUME] = {"--resume", 0, false, QMAC_CLI_RESUME},
	[JOBS] = {"--jobs", 'j', true, QMAC_CLI_JOBS},
	[TRACE] = {"--trace", 0, true, QMAC_CLI_TRACE},
	[TRACE_FROM] = {"--trace-from", 0, true, QMAC_CLI_TRACE},
	[TRACE_COUNT] = {"--trace-count", 0, true, QMAC_CLI_TRACE},
	[TIMED] = {"--timed", 0, false, QMAC_CLI_LOCKSTEP | QMAC_CLI_FUZZ},
	[STALLS] = {"--stalls", 0, true, QMAC_CLI_LOCKSTEP},
	[WAVE] = {"--wave", 0, true, QMAC_CLI_REPLAY},
	[CONFIGS] = {"--configs", 0, true, QMAC_CLI_FUZZ},
	[COUNT] = {"--count", 0, true, QMAC_CLI_FUZZ},
	[SEED] = {"--seed", 0, true, QMAC_CLI_FUZZ},
	[KIND] = {"--kind", 0, true, QMAC_CLI_FUZZ},
	[STALLED] = {"--stalls", 0, false, QMAC_CLI_FUZZ},
	[QUIET] = {"--quiet", 0, false, QMAC_CLI_QUIET},
	[EVAL_ONLY] = {"--eval-only", 0, true, QMAC_CLI_EVAL},
	[ARRAY] = {"--array", 0, false, QMAC_CLI_REPORT},
	[GOAL] = {"--goal", 0, true, QMAC_CLI_REPORT},
	[TOPOLOGY] = {"--topology", 0, true, QMAC_CLI_TOPOLOGY},
	[DATAFLOW] = {"--dataflow", 0, true, QMAC_CLI_TOPOLOGY},
	[TRAINING] = {"--training", 0, false, QMAC_CLI_TOPOLOGY},
	[HELP] = {"--help", 'h', false, 0},
};

/* Finds `--name`, `--name=value`, `-l` or `-lvalue`; *value points behind it, or is NULL. */
static int find_option(const struct qmac_cli_command *command, const char *argument, const char **value)
{
	for (int i = 0; i < WHICH; i++) {
		size_t length = strlen(table[i].name);

		if (table[i].needs && !(table[i].needs & command->options))
			continue;
		*value = NULL;
		if (strncmp(argument, table[i].name, length) == 0 && (!argument[length] || argument[length] == '=')) {
			if (argument[length])
				*value = argument + length + 1;
			return i;
		}
		if (table[i].letter && argument[1] == table[i].letter) {
			if (argument[2])
				*value = argument + 2;
			return i;
		}
	}
	return -1;
}

static enum qmac_status unknown_option(const struct qmac_cli_command *command, const char *argument,
                                       struct qmac_error *err)
{
	char words[256] = "", name[64];

	for (int i = 0; i < WHICH; i++)
		if (!table[i].needs || (table[i].needs & command->options))
			snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", words[0] ? "|" : "",
			         table[i].name);
	snprintf(name, sizeof name, "%.*s", (int)strcspn(argument, "="), argument);
	return qmac_text_unknown("option", name, words, err);
}

/* "key=value" becomes a setting; its key is copied to *storage, which moves on. */
static enum qmac_status add_set(struct qmac_cli_options *options, const char *text, char **storage,
                                struct qmac_error *err)
{
	size_t length = strcspn(text, "=");
	char *key = *storage;

	if (!text[length] || !length)
		return qmac_fail(err, QMAC_BAD_INPUT, "--set wants key=value, not '%s'", text);
	memcpy(key, text, length);
	key[length] = 0;
	*storage += length + 1;
	options->settings[options->setting_count++] = (struct qmac_setting){key, text + length + 1, "--set"};
	return QMAC_OK;
}

/* A whole number as the value of an option. */
static enum qmac_status take_number(const char *name, const char *text, int64_t low, int64_t high,
                                    int64_t *value, struct qmac_error *err)
{
	enum qmac_status status = qmac_text_integer(text, low, high, value, err);

	if (status)
		qmac_text_blame(name, err);
	return status;
}

/* An option of fuzz alone. */
static enum qmac_status take_fuzz(struct qmac_cli_options *options, int which, const char *value,
                                  struct qmac_error *err)
{
	enum qmac_status status;
	int64_t number = 0;

	switch (which) {
	case CONFIGS:
		status = take_number("--configs", value, 1, 100000, &number, err);
		options->configs = (int)number;
		return status;
	case COUNT:
		return take_number("--count", value, 1, INT64_MAX, &options->count, err);
	case SEED:
		return take_number("--seed", value, 0, INT64_MAX, &options->seed, err);
	case KIND:
		options->kind = value;
		return QMAC_OK;
	default:
		options->stalled = true;
		return QMAC_OK;
	}
}

static enum qmac_status take(struct qmac_cli_options *options, int which, const char *value, char **storage,
                             struct qmac_error *err)
{
	enum qmac_status status;
	int64_t number = 0;

	switch (which) {
	case SET:
		return add_set(options, value, storage, err);
	case HW:
		options->hw[options->hw_count++] = value;
		options->settings[options->setting_count++] = (struct qmac_setting){"hw", value, "--hw"};
		return QMAC_OK;
	case BACKEND:
		options->backend = value;
		options->settings[options->setting_count++] = (struct qmac_setting){"backend", value, "--backend"};
		return QMAC_OK;
	case DATA_DIR:
		options->settings[options->setting_count++] = (struct qmac_setting){NULL, value, "--data-dir"};
		return QMAC_OK;
	case OUT:
		options->out = value;
		return QMAC_OK;
	case JOBS:
		status = take_number("-j", value, 1, 1024, &number, err);
		options->jobs = (int)number;
		return status;
	case TRACE:
		options->trace = value;
		return QMAC_OK;
	case TRACE_FROM:
		return take_number("--trace-from", value, 0, INT64_MAX, &options->trace_from, err);
	case TRACE_COUNT:
		return take_number("--trace-count", value, 1, QMAC_TRACE_COMMANDS_MAX, &options->trace_count, err);
	case TIMED:
		options->timed = true;
		return QMAC_OK;
	case STALLS:
		return take_number("--stalls", value, 1, INT64_MAX, &options->stalls, err);
	case WAVE:
		options->wave = value;
		return QMAC_OK;
	case RESUME:
		options->resume = true;
		return QMAC_OK;
	case QUIET:
		options->quiet = true;
		return QMAC_OK;
	case EVAL_ONLY:
		options->eval_only = value;
		return QMAC_OK;
	case ARRAY:
		options->array = true;
		return QMAC_OK;
	case GOAL:
		options->goal = value;
		return QMAC_OK;
	case TOPOLOGY:
		options->topology = value;
		return QMAC_OK;
	case DATAFLOW:
		options->dataflow = value;
		return QMAC_OK;
	case TRAINING:
		options->training = true;
		return QMAC_OK;
	case HELP:
		options->help = true;
		return QMAC_OK;
	default:
		return take_fuzz(options, which, value, err);
	}
}

/* The usage on one line: the arguments of a command may stand on several. */
static const char *usage_of(const struct qmac_cli_command *command, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "usage: qmac %s ", command->name);

	for (const char *c = command->arguments; *c && used < size - 1; c += *c == '\n' ? strspn(c, "\n ") : 1)
		text[used++] = *c == '\n' ? ' ' : *c;
	text[used] = 0;
	return text;
}

static enum qmac_status check_files(const struct qmac_cli_command *command,
                                    const struct qmac_cli_options *options, struct qmac_error *err)
{
	char usage[500];

	if (options->help)
		return QMAC_OK;
	if (options->file_count < command->files_min)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s", usage_of(command, usage, sizeof usage));
	if (options->file_count > command->files_max)
		return qmac_fail(err, QMAC_BAD_INPUT, "'%s' is one argument too many; %s",
		                 options->files[command->files_max], usage_of(command, usage, sizeof usage));
	return QMAC_OK;
}

static bool may_repeat(const struct qmac_cli_command *command, int which)
{
	return which == SET || which == HELP || (which == HW && command->options & QMAC_CLI_FUZZ);
}

enum qmac_status qmac_cli_parse(const struct qmac_cli_command *command, int argc, char **argv,
                                struct qmac_cli_options *options, struct qmac_error *err)
{
	bool only_files = false, seen[WHICH] = {false};
	size_t bytes = 1;
	char *storage;

	memset(options, 0, sizeof *options);
	options->trace_from = options->trace_count = options->count = options->seed = -1;
	for (int i = 0; i < argc; i++)
		bytes += strlen(argv[i]) + 1;
	options->files = calloc((size_t)argc + 1, sizeof *options->files);
	options->settings = calloc((size_t)argc + 1, sizeof *options->settings);
	options->hw = calloc((size_t)argc + 1, sizeof *options->hw);
	options->storage = storage = malloc(bytes);
	if (!options->files || !options->settings || !options->hw || !storage)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	for (int i = 0; i < argc; i++) {
		const char *argument = argv[i], *value;
		enum qmac_status status;
		int which;

		if (only_files || argument[0] != '-' || !argument[1]) {
			options->files[options->file_count++] = argument;
			continue;
		}
		if (strcmp(argument, "--") == 0) {
			only_files = true;
			continue;
		}
		which = find_option(command, argument, &value);
		if (which < 0)
			return unknown_option(command, argument, err);
		if (seen[which] && !may_repeat(command, which))
			return qmac_fail(err, QMAC_BAD_INPUT, "%s is given twice: leave one out", table[which].name);
		seen[which] = true;
		if (value && !table[which].takes_value)
			return qmac_fail(err, QMAC_BAD_INPUT, "%s takes no value", table[which].name);
		if (table[which].takes_value && !value && ++i < argc)
			value = argv[i];
		if (table[which].takes_value && !value)
			return qmac_fail(err, QMAC_BAD_INPUT, "%s wants a value", argument);
		status = take(options, which, value, &storage, err);
		if (status)
			return status;
	}
	return check_files(command, options, err);
}

void qmac_cli_options_free(struct qmac_cli_options *options)
{
	free(options->storage);
	free(options->settings);
	free(options->hw);
	free(options->files);
}

enum qmac_status qmac_cli_refuse_backend(const struct qmac_cli_options *options, const char *why,
                                         struct qmac_error *err)
{
	for (int i = 0; i < options->setting_count; i++)
		if (options->settings[i].key && strcmp(options->settings[i].key, "backend") == 0)
			return qmac_fail(err, QMAC_BAD_INPUT, "%s: leave out the setting of backend", why);
	return QMAC_OK;
}
