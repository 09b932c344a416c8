/*
 * What train, cosim and estimate begin with: the configuration of a run, what the command line says of it in
 * vain, and the folder of its results.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "config/hw_file.h"
#include "report/results.h"

enum qmac_status qmac_cli_load(const struct qmac_cli_options *options, struct qmac_run_config *config,
                               struct qmac_error *err)
{
	return qmac_run_config_load(config, options->files[0], options->settings, options->setting_count, err);
}

void qmac_cli_stem(const char *file, char *stem, size_t size)
{
	const char *slash = strrchr(file, '/');
	char *point;

	snprintf(stem, size, "%s", slash ? slash + 1 : file);
	point = strrchr(stem, '.');
	if (point && point != stem)
		*point = 0;
	/* "." and ".." are other folders, "-x" is an option, a control character does something to a terminal */
	for (char *c = stem; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7F || (c == stem && (*c == '.' || *c == '-')))
			*c = '_';
}

/*
 * "qmac-out/fig1-halp-8" of configs/run/fig1.yaml; "-ragged" behind it of --hw configs/hw/ragged.yaml. Where
 * there is a base, that takes the place of what is in front of the hardware.
 */
static void default_folder(const struct qmac_cli_options *options, const struct qmac_run_config *config,
                           const char *suffix, char folder[QMAC_PATH_MAX])
{
	const struct qmac_run *run = &config->run;
	char stem[256], hw[256], bits[16] = "";
	const char *dash = "";

	hw[0] = 0;
	qmac_cli_stem(config->file, stem, sizeof stem);
	if (qmac_run_uses_device(run))
		snprintf(bits, sizeof bits, "-%d", run->bits);
	for (int i = 0; i < options->setting_count; i++)
		if (options->settings[i].key && strcmp(options->settings[i].key, "hw") == 0) {
			qmac_cli_stem(options->settings[i].value, hw, sizeof hw);
			dash = "-";
		}
	if (options->base)
		snprintf(folder, QMAC_PATH_MAX, "%s%s%s%s", options->base, dash, hw, suffix);
	else
		snprintf(folder, QMAC_PATH_MAX, "qmac-out/%s-%s%s%s%s%s", stem, qmac_run_method(run), bits, dash, hw,
		         suffix);
}

/* A setting of the command line that changes nothing is a slip of who gives it. */
static void note_unused(const struct qmac_cli_options *options, const struct qmac_run_config *config)
{
	for (int i = 0; i < options->setting_count; i++) {
		const struct qmac_setting *setting = &options->settings[i];
		const char *stranger = setting->key ? qmac_run_ignores(&config->run, setting->key) : NULL;

		if (stranger)
			qmac_cli_warn("qmac: %s %s=%s changes nothing: %s does not look at it\n", setting->option,
			              setting->key, setting->value, stranger);
	}
}

/* Nobody has named this folder: who did not mean to replace what is there is told in time. */
static enum qmac_status note_replaced(const struct qmac_run_config *config, const char *folder,
                                      struct qmac_error *err)
{
	struct qmac_hw_file hw;
	enum qmac_status status = qmac_hw_file_load(&hw, config->run.hw, err);

	if (!status && qmac_results_are_of_another(folder, config, &hw))
		qmac_cli_warn("qmac: %s holds the result of another configuration, which this run replaces: --out DIR"
		              " would keep it\n", folder);
	return status;
}

enum qmac_status qmac_cli_prepare(const struct qmac_cli_options *options, const char *suffix,
                                  struct qmac_run_config *config, char folder[QMAC_PATH_MAX],
                                  struct qmac_error *err)
{
	enum qmac_status status = qmac_cli_load(options, config, err);

	if (status)
		return status;
	if (options->out && strlen(options->out) >= QMAC_PATH_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long: %.200s...",
		                 options->out);
	note_unused(options, config);
	if (options->out)
		strcpy(folder, options->out);
	else
		default_folder(options, config, suffix, folder);
	return options->out ? QMAC_OK : note_replaced(config, folder, err);
}
