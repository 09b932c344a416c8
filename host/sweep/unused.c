#include "sweep/unused.h"

#include <stdlib.h>
#include <string.h>

/* A key in a line of the sweep file. */
struct use {
	const struct qmac_setting *setting;
	const char *stranger; /* the last that does not look at it; NULL: some run does */
};

static struct use *find(struct use *uses, int *count, const struct qmac_setting *setting)
{
	for (int i = 0; i < *count; i++)
		if (strcmp(uses[i].setting->option, setting->option) == 0 &&
		    strcmp(uses[i].setting->key, setting->key) == 0)
			return &uses[i];
	uses[*count] = (struct use){setting, ""};
	return &uses[(*count)++];
}

void qmac_sweep_note_unused(const struct qmac_sweep *sweep, const struct qmac_sweep_row *rows,
                            void (*on_note)(void *context, const char *text), void *context)
{
	size_t room = 1;
	struct use *uses;
	char text[512];
	int count = 0;

	for (int i = 0; i < sweep->run_count; i++)
		room += (size_t)sweep->runs[i].setting_count;
	uses = calloc(room, sizeof *uses);
	for (int i = 0; uses && i < sweep->run_count; i++)
		for (int k = 0; k < sweep->runs[i].setting_count; k++) {
			const struct qmac_setting *setting = &sweep->runs[i].settings[k];
			struct use *use = find(uses, &count, setting);

			if (use->stranger)
				use->stranger = qmac_run_ignores(&rows[i].config.run, setting->key);
		}
	for (int i = 0; i < count; i++) {
		if (!uses[i].stranger)
			continue;
		snprintf(text, sizeof text, "%s: %s changes nothing: no run that has it looks at it (%s)",
		         uses[i].setting->option, uses[i].setting->key, uses[i].stranger);
		on_note(context, text);
	}
	free(uses);
}
