/*
 * What a choice of pieces is estimated to cost. The estimate only orders choices; docs/timing.md has the
 * exact rules.
 */
#include "lower/chunk.h"
#include "lower/whole.h"

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* From a request to what it asked for, at worst with an idle memory. */
static double reply_cycles(const struct qmac_hw *hw)
{
	return hw->dram_latency + hw->dram_miss + (int)QMAC_MOVE_LATENCY;
}

/*
 * Cycles to move a panel between memory and rows of `lanes`. A command has to wait for memory before its
 * first row; behind that the slowest of unpacking, the bus and the requests counts. Blocks that are
 * neighbours in memory are one run at each position, and one command; else each has its own. Positions of
 * images that touch make long runs: all of them, or, where there is padding, each line.
 * line: pixels of a padded line; 0: there is no padding.
 */
static double move_cycles(const struct qmac_hw *hw, const struct qmac_view *view, double positions,
                          int64_t channels, int lanes, int64_t line)
{
	int64_t run = qmac_smaller(channels, view->lanes), block = qmac_smaller(run, lanes);
	double commands = view->lanes >= channels ? (channels >= lanes) + (channels % lanes != 0)
	                                          : (double)qmac_ceil_div(channels, block);
	double parts = view->lanes >= channels ? 1 : commands; /* runs at a position */
	double reply = reply_cycles(hw), bus = hw->bus_bytes, burst = bus * hw->burst_beats;
	double bytes = (double)(run << view->element.container);
	double block_bytes = (double)(block << view->element.container);
	bool touch = (view->lanes < channels || line > 0) && (double)view->position_bytes[2] <= bytes;
	double alone = !touch ? 1 : line > 0 ? 1 / (double)line : 0; /* runs of a position */
	double unpack = (double)qmac_ceil_div(run, block) * larger(1, block_bytes / bus);
	double transfer = bytes / bus * larger(1, 256 * bus / hw->dram_bytes_per_cycle);
	double requests = larger(alone, bytes / burst) * reply / hw->outstanding;

	return commands * reply + positions * parts * larger(unpack, larger(transfer, requests));
}

/* A typical piece: the whole first one. */
struct typical {
	double positions, features; /* of the product */
	double region;              /* positions of A's panel, with padding */
	int64_t taps;
	int64_t line;               /* pixels of one of its lines, with padding; 0: there is no padding */
};

/* Does the window reach beyond A anywhere? Then the pixels of a line come one by one. */
static bool is_padded(const struct qmac_product *p)
{
	const struct qmac_window *w = &p->window;

	for (int d = 0; d < 2; d++) {
		int64_t reach = w->taps[d] - 1, first = w->first[d] - (w->flipped ? reach : 0);
		int64_t last = first + (p->positions[d + 1] - 1) * w->stride[d] + reach;

		if (first < 0 || last >= p->a.positions[d + 1])
			return true;
	}
	return false;
}

static struct typical typical_of(const struct qmac_product_plan *plan)
{
	const struct qmac_window *w = &plan->product.window;
	struct qmac_chunk chunk = {.at = 0};
	struct qmac_region region;
	struct typical t = {.positions = 1, .region = 1};

	for (int d = 0; d < 3; d++)
		chunk.positions[d].count = plan->piece.positions[d];
	for (int d = 0; d < 2; d++)
		chunk.taps[d].count = qmac_smaller(plan->piece.taps[d], w->taps[d] ? w->taps[d] : 1);
	region = qmac_chunk_region(plan, &chunk);
	for (int d = 0; d < 3; d++) {
		t.positions *= (double)plan->piece.positions[d];
		t.region *= region.count[d];
	}
	t.line = is_padded(&plan->product) ? region.count[2] : 0;
	t.taps = chunk.taps[0].count * chunk.taps[1].count;
	t.features = (double)(t.taps * plan->piece.channels);
	return t;
}

/* What the map at the end of a product adds, all tiles together. */
struct end_cost {
	double load, store, execute;
};

/* Sources that both lie in the half of ACC are read one after the other. */
static double operation_cycles(const struct qmac_map_work *end, const struct qmac_map_op *op, double rows)
{
	const struct qmac_hw *hw = end->hw;
	bool both = op->other.panel >= 0 && op->other.panel != op->from.panel &&
	            end->in_w[op->other.panel] == end->in_w[op->from.panel];

	if (op->op == QMAC_OP_LOOKUP)
		rows *= (double)qmac_ceil_div(hw->cols, hw->lut_ports);
	return rows * (1 + both) + (int)QMAC_VEC_LATENCY;
}

static struct end_cost end_cost(const struct qmac_product_plan *plan, double tiles, double positions,
                                double blocks)
{
	struct qmac_map_work end = {.hw = &plan->hw, .map = plan->product.end};
	struct end_cost cost = {.execute = 0};

	if (!plan->product.end)
		return cost;
	end = qmac_product_end(plan);
	cost.execute = tiles * (plan->hw.rows + plan->hw.cols);
	for (int i = 0; i < end.map->panel_count; i++) {
		const struct qmac_map_panel *panel = &end.map->panels[i];
		double rows = (double)qmac_map_panel_rows(panel, plan->piece.positions, 1), cycles;

		if (!panel->loads && !panel->stores)
			continue;
		cycles = tiles * move_cycles(&plan->hw, &panel->view, rows, plan->piece.n, plan->hw.cols, 0);
		*(panel->loads ? &cost.load : &cost.store) += cycles;
	}
	for (int i = 0; i < end.map->op_count; i++) {
		const struct qmac_map_op *op = &end.map->ops[i];
		const struct qmac_map_panel *to = &end.map->panels[op->reduces ? op->from.panel : op->to.panel];
		double rows = op->all ? (double)qmac_map_panel_rows(to, plan->piece.positions, 1) : positions;

		cost.execute += tiles * operation_cycles(&end, op, rows * blocks);
	}
	return cost;
}

double qmac_product_cycles(const struct qmac_product_plan *plan)
{
	const struct qmac_product *p = &plan->product;
	const struct qmac_hw *hw = &plan->hw;
	const struct qmac_piece_counts c = qmac_piece_count(plan);
	const struct typical t = typical_of(plan);
	bool ab = p->form == QMAC_FORM_AB;
	int lanes = qmac_product_lanes(plan);
	double tiles = (double)c.tiles * (double)c.n, sums = (double)c.sums;
	double chunks = tiles * sums * c.a_parts * c.b_parts;
	/* A panel that a half still holds is not loaded again. */
	bool a_stays = (plan->n_inner || c.tiles == 1) && c.sums * c.a_parts <= 2;
	bool b_stays = (!plan->n_inner || c.n == 1) && c.sums * c.b_parts <= 2;
	double a_loads = (double)c.tiles * sums * c.a_parts * (a_stays ? 1 : (double)c.n);
	double b_loads = (double)c.n * sums * c.b_parts *
	                 (b_stays ? 1 : (double)c.tiles * (c.b_parts > 2 ? c.a_parts : 1));
	double a = plan->a_held * move_cycles(hw, &p->a, t.region, plan->piece.channels, hw->rows, t.line);
	double b = plan->b_held * move_cycles(hw, &p->b, ab ? t.features : t.positions, plan->piece.n, lanes,
	                                      0);
	double c_rows = (ab ? t.positions : t.features), blocks = (double)qmac_ceil_div(plan->piece.n, lanes);
	const struct end_cost end = end_cost(plan, tiles, c_rows, blocks);
	double tile = !qmac_product_stores(p) ? 0 : move_cycles(hw, &p->c, c_rows, plan->piece.n, lanes, 0);
	int64_t side = qmac_smaller(plan->piece.channels, hw->rows), shortest = ab ? side + 1 : 2 * side - 1;
	double execute, load, store, fetch;

	/* a short pass is bound by the way through the array before and behind it */
	execute = larger((double)plan->slots, (double)plan->passes * (double)shortest);
	if (p->rescales)
		execute += tiles * (blocks * (c_rows + p->has_bias) + hw->rows + hw->cols + (int)QMAC_VEC_LATENCY);
	execute += end.execute;
	/* panels come once EXECUTE has left those before them: the array has to run empty */
	load = a * a_loads + b * b_loads + chunks * (hw->rows + hw->cols) + (p->accumulate ? tile * tiles : 0) +
	       end.load;
	store = tile * tiles + end.store;
	fetch = (double)plan->passes * reply_cycles(hw) / (2 * (int)QMAC_FETCH_CHUNK);
	/*
	 * What runs side by side competes for memory, hence the share of it all; the first panels come, and the
	 * last tile goes, while nothing runs beside. Both weights are fitted to the products of docs/tiling.md.
	 */
	return larger(larger(execute, fetch), larger(load, store)) + (load + store + fetch) / 6 +
	       1.2 * (a + b + tile + (end.load + end.store) / tiles);
}
