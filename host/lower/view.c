#include "lower/view.h"

#include <assert.h>

#include "lower/whole.h"

enum { LOOPS = 3 }; /* of a LOAD or STORE */

#define ADDRESS_MASK 0xFFFFFFFFFFFFULL

/* ---- views ----------------------------------------------------------------------- */

struct qmac_view qmac_view_matrix(uint64_t address, struct qmac_element element, int64_t rows, int64_t cols,
                                  uint64_t row_bytes)
{
	return (struct qmac_view){
		.address = address, .element = element, .channels = cols, .lanes = cols,
		.positions = {1, 1, rows}, .position_bytes = {0, 0, row_bytes},
	};
}

struct qmac_view qmac_view_transposed(uint64_t address, struct qmac_element element, int64_t rows,
                                      int64_t cols, uint64_t row_bytes)
{
	return (struct qmac_view){
		.address = address, .element = element, .channels = cols, .lanes = 1, .block_bytes = row_bytes,
		.positions = {1, 1, rows}, .position_bytes = {0, 0, (uint64_t)1 << element.container},
	};
}

struct qmac_view qmac_view_images(uint64_t address, struct qmac_element element, int64_t images,
                                  int64_t channels, int64_t height, int64_t width, int64_t lanes)
{
	uint64_t pixel = (uint64_t)lanes << element.container, line = pixel * (uint64_t)width;
	uint64_t block = line * (uint64_t)height, blocks = (uint64_t)((channels + lanes - 1) / lanes);

	return (struct qmac_view){
		.address = address, .element = element, .channels = channels, .lanes = lanes, .block_bytes = block,
		.positions = {images, height, width}, .position_bytes = {blocks * block, line, pixel},
	};
}

uint64_t qmac_view_bytes(const struct qmac_view *view)
{
	uint64_t blocks = (uint64_t)((view->channels + view->lanes - 1) / view->lanes);
	uint64_t bytes = ((uint64_t)view->lanes << view->element.container) + (blocks - 1) * view->block_bytes;

	for (int d = 0; d < 3; d++)
		bytes += (uint64_t)(view->positions[d] - 1) * view->position_bytes[d];
	return bytes;
}

/* ---- regions --------------------------------------------------------------------- */

struct qmac_move qmac_move_whole(unsigned opcode, const struct qmac_view *view,
                                 const struct qmac_panel *panel)
{
	struct qmac_move move = {
		.opcode = opcode, .view = *view, .panel = *panel, .step = {1, 1, 1},
	};

	for (int d = 0; d < 3; d++)
		move.count[d] = (uint32_t)view->positions[d];
	return move;
}

/* Iterations of dimension d that lie in the view: first <= i <= last, none where first > last. */
static void inside(const struct qmac_move *move, int d, int64_t *first, int64_t *last)
{
	int64_t step = move->step[d], count = move->count[d], begin = move->first[d];

	if (step == 0 || count == 1) {
		*first = 0;
		*last = begin >= 0 && begin < move->view.positions[d] ? count - 1 : -1;
		return;
	}
	*first = begin < 0 ? qmac_ceil_div(-begin, step) : 0;
	*last = qmac_ceil_div(move->view.positions[d] - begin, step) - 1;
	if (*last > count - 1)
		*last = count - 1;
}

bool qmac_move_is_inside(const struct qmac_move *move)
{
	for (int d = 0; d < 3; d++) {
		int64_t first, last;

		inside(move, d, &first, &last);
		if (first > last)
			return false;
	}
	return true;
}

/* ---- commands -------------------------------------------------------------------- */

/* The loops of a command: over positions and, innermost, over `blocks` blocks that are neighbours. */
static int make_loops(const struct qmac_move *move, uint32_t blocks, struct qmac_nest_loop loops[LOOPS + 1])
{
	for (int d = 0; d < 3; d++) {
		int64_t first, last;

		inside(move, d, &first, &last);
		assert(first <= last && (d > 0 || (first == 0 && last == move->count[0] - 1)));
		loops[d] = (struct qmac_nest_loop){
			.n = move->count[d], .lo = (uint32_t)first, .hi = (uint32_t)last,
			.s = {(uint64_t)move->step[d] * move->view.position_bytes[d], move->panel.step[d]},
		};
	}
	loops[3] = (struct qmac_nest_loop){
		.n = blocks, .hi = blocks - 1,
		.s = {(uint64_t)move->panel.lanes << move->view.element.container, move->panel.block_rows},
	};
	return qmac_nest_merge(loops, LOOPS + 1);
}

/* A device's command has three loops, and windows on the inner two. */
static bool fit(const struct qmac_nest_loop *loops, int count)
{
	return count < LOOPS || (count == LOOPS && loops[0].lo == 0 && loops[0].hi == loops[0].n - 1);
}

static void put_loops(struct qmac_command *c, const struct qmac_nest_loop *loops, int count)
{
	const struct qmac_nest_loop one = {.n = 1};
	const struct qmac_nest_loop *l0 = count > 0 ? &loops[count - 1] : &one;
	const struct qmac_nest_loop *l1 = count > 1 ? &loops[count - 2] : &one;
	const struct qmac_nest_loop *l2 = count > 2 ? &loops[0] : &one;

	assert(l0->s[0] <= UINT32_MAX && l1->s[0] <= UINT32_MAX && l2->s[0] <= UINT32_MAX);
	c->n0 = l0->n;
	c->n1 = l1->n;
	c->n2 = l2->n;
	c->s0 = (uint32_t)l0->s[0];
	c->s1 = (uint32_t)l1->s[0];
	c->s2 = (uint32_t)l2->s[0];
	c->ds0 = (uint32_t)l0->s[1];
	c->ds1 = (uint32_t)l1->s[1];
	c->ds2 = (uint32_t)l2->s[1];
	c->lo0 = l0->lo;
	c->hi0 = l0->hi;
	c->lo1 = l1->lo;
	c->hi1 = l1->hi;
	c->coalesce = c->s0 == c->len << c->container && c->lo0 == 0 && c->hi0 == c->n0 - 1;
}

/* Where the move's present channel lies at the region's first position, which may be outside. */
static uint64_t address(const struct qmac_move *move)
{
	const struct qmac_view *view = &move->view;
	uint64_t channel = (uint64_t)(move->channel0 + move->channel), lanes = (uint64_t)view->lanes;
	uint64_t at = view->address + channel / lanes * view->block_bytes +
	              (channel % lanes << view->element.container);

	for (int d = 0; d < 3; d++)
		at += (uint64_t)move->first[d] * view->position_bytes[d];
	return at & ADDRESS_MASK;
}

static void put_element(const struct qmac_move *move, struct qmac_command *c)
{
	c->is_signed = move->view.element.is_signed;
	if (c->opcode == QMAC_OPCODE_LOAD && c->space != QMAC_SPACE_ACC) {
		struct qmac_limb_cut cut = qmac_limb_cut(&move->panel.limbs, move->limb);

		c->lsb = cut.lsb;
		c->nbits = cut.bits;
		c->limb_unsigned = cut.is_unsigned;
	}
	c->keep = c->opcode == QMAC_OPCODE_LOAD && c->lane0 > 0;
}

/*
 * Whether a LOAD of `len` channels takes what fills up the last block of channels, too: lanes that nobody
 * looks at, but then neighbours in an image are one run of bytes, not a burst each.
 */
static bool fills_up(const struct qmac_move *move, int64_t lane0, int64_t len)
{
	const struct qmac_view *view = &move->view;
	int64_t first = move->channel0 + move->channel;

	/* ACC clamps what it takes, and counts: not what is not there to be taken */
	if (move->panel.space == QMAC_SPACE_ACC && view->element.container > QMAC_CONTAINER_HALF)
		return false;
	return move->opcode == QMAC_OPCODE_LOAD && lane0 == 0 && first % view->lanes == 0 &&
	       first + len == view->channels && len < view->lanes && view->lanes <= move->panel.lanes &&
	       view->position_bytes[2] == (uint64_t)view->lanes << view->element.container;
}

/* ---- sides of images ----------------------------------------------------------------------- */

enum { LEFT, RIGHT, LINES, WORTH = 4 }; /* of a padded LOAD; fewer pixels come one by one */

/* Whether the pixels of a LOAD, of `len` channels each, come as lines, apart from what lies beside them. */
static bool has_sides(const struct qmac_move *move, int64_t len, int64_t lo, int64_t hi)
{
	const struct qmac_view *view = &move->view;

	return move->opcode == QMAC_OPCODE_LOAD && move->step[2] == 1 && hi - lo + 1 >= WORTH &&
	       (lo > 0 || hi < (int64_t)move->count[2] - 1) && move->channel % move->panel.lanes == 0 &&
	       view->position_bytes[2] == (uint64_t)len << view->element.container;
}

/* The part of a move that comes next; the parts' loops differ in their pixels. */
static struct qmac_move part_of(const struct qmac_move *move, int64_t lo, int64_t hi)
{
	struct qmac_move part = *move;
	int64_t skipped = move->part == LEFT ? 0 : move->part == RIGHT ? hi : lo;
	int64_t end = move->part == LEFT ? lo + 1 : move->part == RIGHT ? (int64_t)move->count[2] : hi + 1;

	part.first[2] += skipped;
	part.count[2] = (uint32_t)(end - skipped);
	part.panel.row += (uint32_t)skipped * part.panel.step[2];
	return part;
}

/*
 * Makes *part what the next command takes of the move, `len` channels of one block: all, or a part. Returns
 * whether it is a side: zeros, but for one row, which the lines will overwrite as they do the others.
 */
static bool choose_part(struct qmac_move *move, int64_t len, struct qmac_move *part)
{
	int64_t lo, hi;

	*part = *move;
	inside(move, 2, &lo, &hi);
	if (!has_sides(move, len, lo, hi)) {
		move->part = LINES;
		return false;
	}
	if (move->part == LEFT && lo == 0)
		move->part = RIGHT;
	if (move->part == RIGHT && hi == (int64_t)move->count[2] - 1)
		move->part = LINES;
	*part = part_of(move, lo, hi);
	return move->part != LINES;
}

/*
 * What one command moves: neighbours in memory that lie in one block of the panel, or several whole
 * blocks where they follow each other in memory, for then it is one run of bytes.
 */
bool qmac_move_next(struct qmac_move *move, struct qmac_command *command)
{
	const struct qmac_panel *panel = &move->panel;
	int64_t lane0 = move->channel % panel->lanes, left = panel->channels - move->channel;
	int64_t in_memory = move->view.lanes - (move->channel0 + move->channel) % move->view.lanes;
	int64_t len = qmac_smaller(qmac_smaller(panel->lanes - lane0, in_memory), left);
	int64_t blocks = len == panel->lanes ? qmac_smaller(in_memory, left) / panel->lanes : 1;
	uint32_t lanes;
	struct qmac_nest_loop loops[LOOPS + 1];
	struct qmac_move part = *move;
	bool is_side = false;
	int count;

	if (move->limb == panel->limbs.count)
		return false;
	count = make_loops(move, (uint32_t)blocks, loops);
	if (!fit(loops, count))
		blocks = 1;
	lanes = (uint32_t)(blocks == 1 && fills_up(move, lane0, len) ? move->view.lanes : len);
	if (blocks == 1) {
		is_side = choose_part(move, lanes, &part);
		count = make_loops(&part, 1, loops);
		assert(fit(loops, count));
	}
	*command = (struct qmac_command){
		.opcode = move->opcode, .space = panel->space, .container = move->view.element.container,
		.base = address(&part), .len = lanes, .lane0 = (uint32_t)lane0,
		.row = qmac_panel_row(&part.panel, move->limb, move->channel / panel->lanes),
	};
	put_loops(command, loops, count);
	if (is_side)
		command->hi1 = command->lo1;
	put_element(move, command);
	if (is_side) {
		move->part++;
		return true;
	}
	move->part = LEFT;
	move->channel += blocks == 1 ? len : blocks * panel->lanes;
	if (move->channel == panel->channels) {
		move->channel = 0;
		move->limb++;
	}
	return true;
}
