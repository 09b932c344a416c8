#include "lower/map.h"

#include <assert.h>
#include <stdlib.h>

const struct qmac_map_reach qmac_map_same = {.scale = {1, 1}};
const struct qmac_map_reach qmac_map_point = {.extra = {1, 1}};
const struct qmac_map_operand qmac_map_number = {.panel = -1};

/* ---- making one ---------------------------------------------------------------------- */

void qmac_map_free(struct qmac_map *map)
{
	free(map->ops);
	map->ops = NULL;
	map->op_count = map->op_room = 0;
}

static int add_panel(struct qmac_map *map, struct qmac_map_panel panel)
{
	assert(map->panel_count < QMAC_MAP_PANELS);
	map->panels[map->panel_count] = panel;
	return map->panel_count++;
}

int qmac_map_load(struct qmac_map *map, const struct qmac_view *view, struct qmac_map_reach reach)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .loads = true, .reach = reach});
}

int qmac_map_load_shared(struct qmac_map *map, const struct qmac_view *view,
                           struct qmac_map_reach reach)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .loads = true, .shared = true,
	                                                  .reach = reach});
}

int qmac_map_store(struct qmac_map *map, const struct qmac_view *view, struct qmac_map_reach reach)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .stores = true, .reach = reach});
}

int qmac_map_part(struct qmac_map *map, const struct qmac_view *view)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .reach = qmac_map_same});
}

int qmac_map_temporary(struct qmac_map *map, struct qmac_map_reach reach)
{
	return add_panel(map, (struct qmac_map_panel){.reach = reach});
}

int qmac_map_narrow(struct qmac_map *map, int bits, struct qmac_map_reach reach)
{
	const struct qmac_view view = {.element = {.bits = bits}};

	return add_panel(map, (struct qmac_map_panel){.view = view, .narrow = true, .reach = reach});
}

int qmac_map_tile(struct qmac_map *map)
{
	return add_panel(map, (struct qmac_map_panel){.tile = true, .reach = qmac_map_same});
}

void qmac_map_keep(struct qmac_map *map, int panel, const struct qmac_view *view)
{
	assert(!map->panels[panel].loads && !map->panels[panel].narrow);
	map->panels[panel].stores = true;
	map->panels[panel].view = *view;
}

int qmac_map_coefficients(struct qmac_map *map, const struct qmac_view *view)
{
	static const struct qmac_map_reach rows = {.extra = {1, QMAC_COEFFICIENTS}};

	assert(view->positions[2] == QMAC_COEFFICIENTS);
	return qmac_map_load_shared(map, view, rows);
}

int qmac_map_sums(struct qmac_map *map, const struct qmac_view *view, uint64_t slice_bytes)
{
	return add_panel(map, (struct qmac_map_panel){.view = *view, .sums = true, .slice_bytes = slice_bytes});
}

struct qmac_map_operand qmac_map_tap(int panel, int64_t line, int64_t pixel, int64_t step)
{
	return (struct qmac_map_operand){panel, {line, pixel}, {step, step}};
}

struct qmac_map_operand qmac_map_whole(int panel)
{
	return qmac_map_tap(panel, 0, 0, 1);
}

enum qmac_status qmac_map_add(struct qmac_map *map, const struct qmac_map_op *op,
                                struct qmac_error *err)
{
	if (map->op_count == map->op_room) {
		int room = map->op_room ? 2 * map->op_room : 16;
		struct qmac_map_op *ops = realloc(map->ops, (size_t)room * sizeof *ops);

		if (!ops)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory for a map of %d operations", room);
		map->ops = ops;
		map->op_room = room;
	}
	map->ops[map->op_count++] = *op;
	return QMAC_OK;
}
