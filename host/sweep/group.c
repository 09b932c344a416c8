#include "sweep/group.h"

#include <string.h>

#include "run/retime.h"

void qmac_sweep_group(const struct qmac_sweep *sweep, struct qmac_sweep_row *rows)
{
	for (int i = 0; i < sweep->run_count; i++) {
		bool may = sweep->retime && !qmac_retime_refusal(&rows[i].config.run);
		int first = may ? 0 : i;

		while (first < i && !(rows[first].group == first && rows[first].may_lead &&
		                      qmac_sweep_agree(&sweep->runs[first], &sweep->runs[i], "hw")))
			first++;
		rows[i].group = first;
		rows[i].may_lead = may;
		rows[i].trained = -1;
	}
}

int qmac_sweep_round(struct qmac_sweep_row *rows, int count, int *tasks)
{
	int used = 0;

	for (int i = 0; i < count; i++)
		rows[i].begun = false;
	for (int i = 0; i < count; i++) {
		struct qmac_sweep_row *first = &rows[rows[i].group];
		bool waits = first->trained < 0 && first->begun && !first->apart;

		if (rows[i].ended || waits)
			continue;
		rows[i].timed_from = first->trained < 0 || first->apart ? NULL : rows[first->trained].folder;
		first->begun = true;
		tasks[used++] = i;
	}
	return used;
}

bool qmac_sweep_leads(const struct qmac_sweep_row *rows, int count, int row)
{
	if (rows[row].timed_from || !rows[row].may_lead || rows[rows[row].group].apart)
		return false;
	for (int i = 0; i < count; i++)
		if (i != row && rows[i].group == rows[row].group && !rows[i].ended)
			return true;
	return false;
}

bool qmac_sweep_ended(struct qmac_sweep_row *rows, int row)
{
	struct qmac_sweep_row *own = &rows[row], *first = &rows[own->group];
	const struct qmac_sweep_answer *answer = &own->answer;
	bool has_result = !answer->status || answer->result.diverged;

	if (own->timed_from && !has_result && answer->status != QMAC_LOCKED) {
		first->apart = true;
		return false;
	}
	own->ended = true;
	if (own->timed_from || !has_result)
		return true;
	first->apart |= answer->why[0] != 0;
	first->trained = row;
	return true;
}
