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

/* The name of a copy, or an absolute path. */
static void place(char path[QMAC_PATH_MAX], const char *copy)
{
	if (copy)
		snprintf(path, QMAC_PATH_MAX, "%s", copy);
	else
		make_absolute(path);
}

/* What a copy is of; without a path of what is part of the program. */
static void print_origin(const char *path, FILE *out)
{
	fputs(path[0] ? ", copy of " : "default, part of the program", out);
	qmac_text_print_comment(path, out);
}

void qmac_run_config_print(const struct qmac_run_config *config, const struct qmac_run_copies *copies,
                           FILE *out)
{
	static const struct qmac_run_copies none;
	const struct qmac_run *given = &config->run;
	struct qmac_run run = *given;

	if (!copies)
		copies = &none;
	place(run.hw, copies->hw);
	place(run.network, run.network[0] ? copies->net : NULL);
	place(run.energy, copies->energy);
	place(run.area, copies->area);
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
		if ((i == QMAC_KEY_hw && copies->hw) || (i == QMAC_KEY_network && copies->net) ||
		    (i == QMAC_KEY_energy && copies->energy) || (i == QMAC_KEY_area && copies->area))
			print_origin((const char *)given + key->offset, out);
		if (stranger)
			fprintf(out, ", unused by %s", stranger);
		fputc('\n', out);
	}
}
