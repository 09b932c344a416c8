/* The effective configuration of a run as YAML: qmac_run_config_print(). */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>

#include "config/run_table.h"
#include "config/text.h"

/* path holds QMAC_PATH_MAX bytes. What cannot be read back stays relative: it still names the file. */
static void make_absolute(char *path)
{
	char *absolute = realpath(path, NULL);

	if (absolute && strlen(absolute) < QMAC_PATH_MAX && qmac_text_is_utf8(absolute))
		strcpy(path, absolute);
	free(absolute);
}

void qmac_run_config_print(const struct qmac_run_config *config, const char *hw, const char *net, FILE *out)
{
	struct qmac_run run = config->run;

	if (hw)
		snprintf(run.hw, sizeof run.hw, "%s", hw);
	else
		make_absolute(run.hw);
	if (net && run.network[0])
		snprintf(run.network, sizeof run.network, "%s", net);
	else
		make_absolute(run.network);
	make_absolute(run.file);
	make_absolute(run.test_file);
	for (int i = 0; i < QMAC_RUN_KEYS; i++) {
		const struct qmac_key *key = &qmac_run_keys[i];
		const char *stranger = qmac_run_unused_by(&run, key);

		if (key->kind == QMAC_KIND_PATH && !((const char *)&run)[key->offset]) {
			fprintf(out, "# %s: not given\n", key->name);
			continue;
		}
		qmac_key_table_print(&qmac_run_table, i, &run, out);
		fputs("  # ", out);
		qmac_text_print_comment(config->source[i], out);
		if ((i == QMAC_KEY_hw && hw) || (i == QMAC_KEY_network && net)) {
			fputs(", copy of ", out);
			qmac_text_print_comment(i == QMAC_KEY_hw ? config->run.hw : config->run.network, out);
		}
		if (stranger)
			fprintf(out, ", unused by %s", stranger);
		fputc('\n', out);
	}
}
