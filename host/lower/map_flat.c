#include "lower/map_flat.h"

#include <string.h>

#include "lower/whole.h"

/* All elements one behind the other, in the order of a map's positions and channels. */
static bool is_dense(const struct qmac_view *view, const struct qmac_map *map)
{
	uint64_t bytes = (uint64_t)map->channels << view->element.container;
	bool dense = view->channels == map->channels && view->lanes >= map->channels;

	for (int d = 2; d >= 0; d--) {
		dense = dense && view->positions[d] == map->positions[d] && view->position_bytes[d] == bytes;
		bytes *= (uint64_t)map->positions[d];
	}
	return dense;
}

static bool is_flat_panel(const struct qmac_map_panel *panel, const struct qmac_map *map)
{
	const struct qmac_map_reach *reach = &panel->reach;
	bool same = true;

	for (int d = 0; d < 2; d++)
		same = same && reach->scale[d] == 1 && reach->first[d] == 0 && reach->extra[d] == 0;
	return same && !panel->shared && !panel->sums && !panel->tile &&
	       ((!panel->loads && !panel->stores) || is_dense(&panel->view, map));
}

static bool is_whole(const struct qmac_map_operand *operand)
{
	return operand->panel < 0 || (operand->at[0] == 0 && operand->at[1] == 0 && operand->step[0] == 1 &&
	                              operand->step[1] == 1);
}

static bool is_flat_op(const struct qmac_map_op *op)
{
	return !op->move && !op->sums && !op->reduces && op->op != QMAC_OP_AFFINE && op->more[0] == 0 &&
	       op->more[1] == 0 && op->scale.rounding != QMAC_ROUND_STOCHASTIC && is_whole(&op->to) &&
	       is_whole(&op->from) && is_whole(&op->other);
}

/* Rows of `channels` elements, from element number `first` on. */
static struct qmac_map part(const struct qmac_map *map, int64_t first, int64_t rows, int64_t channels)
{
	struct qmac_map flat = *map;

	flat.positions[0] = flat.positions[1] = 1;
	flat.positions[2] = rows;
	flat.channels = channels;
	for (int i = 0; i < map->panel_count; i++) {
		struct qmac_view *view = &flat.panels[i].view;
		uint64_t size = UINT64_C(1) << view->element.container;

		*view = qmac_view_matrix(view->address + (uint64_t)first * size, view->element, rows, channels,
		                         (uint64_t)channels * size);
	}
	return flat;
}

int qmac_map_flatten(const struct qmac_map *map, int cols, struct qmac_map flat[2])
{
	int64_t all = map->positions[0] * map->positions[1] * map->positions[2] * map->channels;
	int64_t rows = all / cols, rest = all % cols;
	int count = 0;

	if (map->channels >= cols)
		return 0;
	for (int i = 0; i < map->panel_count; i++)
		if (!is_flat_panel(&map->panels[i], map))
			return 0;
	for (int i = 0; i < map->op_count; i++)
		if (!is_flat_op(&map->ops[i]))
			return 0;
	if (rows)
		flat[count++] = part(map, 0, rows, cols);
	if (rest)
		flat[count++] = part(map, rows * cols, 1, rest);
	return count;
}
