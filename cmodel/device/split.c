#include "device/split.h"

#include <stdlib.h>
#include <string.h>

#include "isa/space.h"
#include "race/access.h"

enum {
	BOTH = 3,          /* bits of threads */
	NOBODY = 0,
	OPERAND_SPACES = 2 /* A and W, of which each thread has its own */
};

#define ROW_MASK (((uint64_t)1 << QMAC_PLACE_SHIFT) - 1)

/* `command` reads what `maker` put into A or W. */
struct edge {
	uint32_t command, maker;
};

struct bytes {
	uint64_t first, last;
	uint32_t step; /* of the thread, counted from 1 */
	bool writes;
};

/* What a thread touched of what is shared. */
struct trail {
	uint32_t *read[2], *written[2]; /* per row of ACC and LUT: its last step there, counted from 1; 0: none */
	struct bytes *bytes;
	uint32_t byte_count;
	uint32_t seen;                  /* steps of the other thread that it has waited for */
};

struct work {
	const struct qmac_hw *hw;
	struct qmac_command *commands;
	uint32_t count;
	uint8_t *who;                      /* per command: bits of threads */
	uint32_t *writer[OPERAND_SPACES];  /* per row of A and W: the command that wrote it last, from 1 */
	uint32_t *stamp;                   /* per command: the last one that was found to read what it makes */
	struct edge *edges;
	uint32_t edge_count, edge_room;
	struct trail trails[QMAC_CREW];
	struct qmac_split *split;
	bool failed, alone;
};

/* ---- who carries a command out ------------------------------------------------------------------ */

static unsigned bank_of(const struct work *w, uint32_t row)
{
	return row >= (uint32_t)w->hw->acc_depth / 2;
}

static bool is_os(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_GEMM && c->mode == QMAC_MODE_OS;
}

static bool executes(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_GEMM || c->opcode == QMAC_OPCODE_VEC;
}

/*
 * Where output-stationary commands begin to be those of the second thread: in the middle of the rows of ACC
 * that command `first` and those of its kind behind it write in its bank. Their tiles come from many chunks
 * of A and W, one after the other, and often there is one tile alone.
 */
static uint32_t middle_of(const struct work *w, uint32_t first)
{
	uint32_t low = w->commands[first].c, high = low;

	for (uint32_t i = first + 1; i < w->count; i++) {
		const struct qmac_command *c = &w->commands[i];

		if (!executes(c))
			continue;
		if (!is_os(c) || bank_of(w, c->c) != bank_of(w, low))
			break;
		low = c->c < low ? c->c : low;
		high = c->c > high ? c->c : high;
	}
	return low + (high - low + 1) / 2;
}

/* The first row of ACC that a command works on; false: it works on none. */
static bool acc_row_of(const struct qmac_command *c, uint32_t *row)
{
	switch (c->opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_STORE:
		*row = c->row;
		return c->opcode == QMAC_OPCODE_STORE || c->space == QMAC_SPACE_ACC;
	case QMAC_OPCODE_GEMM:
		*row = c->c;
		return true;
	default:
		*row = c->dspace == QMAC_SPACE_ACC ? c->dst : c->src0;
		return c->dspace == QMAC_SPACE_ACC || c->s0space == QMAC_SPACE_ACC;
	}
}

/* Threads by rows of ACC: those of a bank are one thread's, but where there is a middle in it. */
struct owners {
	uint32_t middle[2]; /* of each bank; 0: none */
	bool summed[2];     /* output-stationary commands are the last that worked there */
	unsigned before;    /* the thread of the last command of EXECUTE */
};

/* The thread of command i, which does more than make operands. */
static unsigned thread_of(const struct work *w, struct owners *o, uint32_t i)
{
	const struct qmac_command *c = &w->commands[i];
	unsigned bank, thread = o->before;
	uint32_t row;

	if (acc_row_of(c, &row)) {
		bank = bank_of(w, row);
		if (is_os(c) && !o->summed[bank])
			o->middle[bank] = middle_of(w, i);
		else if ((c->opcode == QMAC_OPCODE_GEMM || c->opcode == QMAC_OPCODE_LOAD) && !is_os(c))
			o->middle[bank] = 0;
		o->summed[bank] = is_os(c);
		thread = o->middle[bank] ? row >= o->middle[bank] : bank;
	}
	if (executes(c))
		o->before = thread;
	return thread;
}

/* Does it make operands of memory or of operands, and nothing else? Then any thread may that reads them. */
static bool makes_operands(const struct qmac_command *c)
{
	if (c->opcode == QMAC_OPCODE_LOAD)
		return c->space < OPERAND_SPACES;
	return c->opcode == QMAC_OPCODE_VEC && c->dspace < OPERAND_SPACES && c->s0space < OPERAND_SPACES &&
	       c->s1space != QMAC_SPACE_ACC && !c->sum && c->op != QMAC_OP_AFFINE;
}

static void add_edge(struct work *w, uint32_t command, uint32_t maker)
{
	if (w->stamp[maker] == command + 1)
		return;
	w->stamp[maker] = command + 1;
	if (w->edge_count == w->edge_room) {
		uint32_t room = w->edge_room ? 2 * w->edge_room : 4096;
		struct edge *more = realloc(w->edges, room * sizeof *more);

		if (!more) {
			w->failed = true;
			return;
		}
		w->edges = more;
		w->edge_room = room;
	}
	w->edges[w->edge_count++] = (struct edge){command, maker};
}

struct visit {
	struct work *w;
	uint32_t command;
	unsigned space;
};

static bool visit_read(void *context, uint64_t begin, uint64_t end)
{
	const struct visit *v = context;
	const uint32_t *writer = v->w->writer[v->space];
	uint32_t last = 0;

	for (uint64_t row = begin & ROW_MASK, rows = end - begin; rows; row++, rows--)
		if (writer[row] != last && writer[row]) {
			last = writer[row];
			add_edge(v->w, v->command, last - 1);
		}
	return true;
}

static bool visit_write(void *context, uint64_t begin, uint64_t end)
{
	const struct visit *v = context;
	uint32_t *writer = v->w->writer[v->space];

	for (uint64_t row = begin & ROW_MASK, rows = end - begin; rows; row++, rows--)
		writer[row] = v->command + 1;
	return true;
}

/* Notes which commands wrote the rows of A and W that this one reads, and which it writes. */
static void note_operands(struct work *w, uint32_t command)
{
	const struct qmac_command *c = &w->commands[command];
	struct qmac_access accesses[QMAC_ACCESSES_MAX];
	int count = qmac_access_list(w->hw, c, accesses);
	struct visit visit = {w, command, 0};
	bool keeps = c->opcode == QMAC_OPCODE_LOAD && c->keep;

	for (int i = 0; i < count; i++) {
		visit.space = (unsigned)(accesses[i].first >> QMAC_PLACE_SHIFT);
		/* what is kept of a row is read, so to say */
		if (visit.space < OPERAND_SPACES && (!accesses[i].writes || keeps))
			(void)qmac_access_each_run(&accesses[i], visit_read, &visit);
	}
	for (int i = 0; i < count; i++) {
		visit.space = (unsigned)(accesses[i].first >> QMAC_PLACE_SHIFT);
		if (visit.space < OPERAND_SPACES && accesses[i].writes)
			(void)qmac_access_each_run(&accesses[i], visit_write, &visit);
	}
}

/*
 * Who reads operands that a command makes carries it out. What comes from ACC to A or W must be read by its
 * own thread.
 */
static void find_threads(struct work *w)
{
	struct owners owners = {0};

	for (uint32_t i = 0; i < w->count; i++) {
		note_operands(w, i);
		if (!makes_operands(&w->commands[i]))
			w->who[i] = (uint8_t)(1U << thread_of(w, &owners, i));
	}
	for (uint32_t i = w->count, e = w->edge_count; i-- > 0;) {
		if (w->who[i] == NOBODY) /* nobody reads it, but later parts may */
			w->who[i] = 1;
		for (; e > 0 && w->edges[e - 1].command == i; e--) {
			uint32_t maker = w->edges[e - 1].maker;

			if (makes_operands(&w->commands[maker]))
				w->who[maker] |= w->who[i];
			else
				w->alone |= w->who[maker] != w->who[i];
		}
	}
}

/* ---- who waits for whom ------------------------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* The last step of the other thread that an access to rows of ACC (space 0) or LUT (1) has to wait for. */
static uint32_t touch_rows(struct work *w, unsigned thread, uint32_t step, const struct qmac_access *a,
                           unsigned space)
{
	struct trail *own = &w->trails[thread], *other = &w->trails[1 - thread];
	uint64_t row = a->first & ROW_MASK;
	uint32_t waits = 0;

	for (uint64_t i2 = 0; i2 < a->n[2]; i2++)
		for (uint64_t i1 = 0; i1 < a->n[1]; i1++)
			for (uint64_t i0 = 0; i0 < a->n[0]; i0++)
				for (uint64_t u = 0; u < a->unit; u++) {
					uint64_t at = row + i2 * a->s[2] + i1 * a->s[1] + i0 * a->s[0] + u;

					waits = larger(waits, other->written[space][at]);
					if (a->writes) {
						waits = larger(waits, other->read[space][at]);
						own->written[space][at] = step;
					} else {
						own->read[space][at] = step;
					}
				}
	return waits;
}

static uint32_t touch_bytes(struct work *w, unsigned thread, uint32_t step, const struct qmac_access *a)
{
	struct trail *own = &w->trails[thread], *other = &w->trails[1 - thread];
	uint64_t first = a->first & ROW_MASK, last = first + a->unit - 1;

	for (int i = 0; i < 3; i++)
		last += (a->n[i] - 1) * a->s[i];
	own->bytes[own->byte_count++] = (struct bytes){first, last, step, a->writes};
	for (uint32_t i = other->byte_count; i-- > 0 && other->bytes[i].step > own->seen;)
		if ((a->writes || other->bytes[i].writes) && first <= other->bytes[i].last &&
		    other->bytes[i].first <= last)
			return other->bytes[i].step;
	return 0;
}

/* Rows of ACC count as written where they are read, too: what is known of them may change then. */
static uint32_t find_wait(struct work *w, unsigned thread, uint32_t step, const struct qmac_command *c)
{
	struct qmac_access accesses[QMAC_ACCESSES_MAX];
	int count = qmac_access_list(w->hw, c, accesses);
	uint32_t waits = 0;

	for (int i = 0; i < count; i++) {
		unsigned region = (unsigned)(accesses[i].first >> QMAC_PLACE_SHIFT);

		accesses[i].writes |= region == QMAC_SPACE_ACC;
		if (region == QMAC_SPACE_ACC || region == QMAC_SPACE_LUT)
			waits = larger(waits, touch_rows(w, thread, step, &accesses[i], region == QMAC_SPACE_LUT));
		else if (region == QMAC_REGION_MEMORY)
			waits = larger(waits, touch_bytes(w, thread, step, &accesses[i]));
	}
	return waits;
}

static void add_step(struct work *w, unsigned thread, uint32_t command)
{
	struct qmac_split *split = w->split;
	struct trail *own = &w->trails[thread];
	uint32_t at = split->counts[thread]++;
	uint32_t waits = find_wait(w, thread, at + 1, &w->commands[command]);
	struct qmac_split_step *step = &split->steps[thread][at];

	*step = (struct qmac_split_step){.command = command, .again = thread > 0 && w->who[command] == BOTH};
	if (waits <= own->seen)
		return;
	step->waits = own->seen = waits;
	split->steps[1 - thread][waits - 1].tells = true;
}

static void find_waits(struct work *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		for (unsigned thread = 0; thread < QMAC_CREW; thread++)
			if (w->who[i] >> thread & 1)
				add_step(w, thread, i);
}

/* ---- the end ------------------------------------------------------------------------------------ */

/* Rows whose last writer was one thread alone. */
static void find_copies(struct work *w)
{
	struct qmac_split *split = w->split;

	for (unsigned space = 0; space < OPERAND_SPACES; space++) {
		uint32_t rows = qmac_space_rows(w->hw, space);

		for (uint32_t row = 0; row < rows; row++) {
			uint32_t writer = w->writer[space][row];
			uint8_t who = writer ? w->who[writer - 1] : BOTH;
			struct qmac_split_copy *last = split->copies + split->copy_count - 1;

			if (who == BOTH)
				continue;
			if (split->copy_count && last->space == space && last->row + last->rows == row &&
			    last->from == (who >> 1 & 1U))
				last->rows++;
			else
				split->copies[split->copy_count++] = (struct qmac_split_copy){
					space, who >> 1 & 1U, row, 1,
				};
		}
	}
}

/* Is there enough for each thread? */
static bool is_worth_it(const struct work *w)
{
	enum { SHARE = 8 };
	uint32_t own[QMAC_CREW] = {0};

	for (uint32_t i = 0; i < w->count; i++)
		for (unsigned thread = 0; thread < QMAC_CREW; thread++)
			own[thread] += w->who[i] == 1U << thread;
	return own[0] > w->count / SHARE && own[1] > w->count / SHARE;
}

static bool allocate(struct work *w, const uint32_t (*words)[QMAC_COMMAND_WORDS])
{
	const uint32_t depths[] = {
		(uint32_t)w->hw->a_depth, (uint32_t)w->hw->w_depth, (uint32_t)w->hw->acc_depth,
		1U << w->hw->lut_bits,
	};
	bool there = true;

	w->commands = malloc(w->count * sizeof *w->commands);
	w->who = calloc(w->count, sizeof *w->who);
	w->stamp = calloc(w->count, sizeof *w->stamp);
	for (unsigned space = 0; space < OPERAND_SPACES; space++)
		there &= (w->writer[space] = calloc(depths[space], sizeof(uint32_t))) != NULL;
	for (unsigned thread = 0; thread < QMAC_CREW; thread++) {
		struct trail *t = &w->trails[thread];

		for (unsigned space = 0; space < 2; space++) {
			there &= (t->read[space] = calloc(depths[2 + space], sizeof(uint32_t))) != NULL;
			there &= (t->written[space] = calloc(depths[2 + space], sizeof(uint32_t))) != NULL;
		}
		there &= (t->bytes = malloc(w->count * sizeof *t->bytes)) != NULL;
		there &= (w->split->steps[thread] = malloc(w->count * sizeof(struct qmac_split_step))) != NULL;
	}
	there &= (w->split->copies = malloc((depths[0] + depths[1]) * sizeof *w->split->copies)) != NULL;
	if (!there || !w->commands || !w->who || !w->stamp)
		return false;
	for (uint32_t i = 0; i < w->count; i++)
		qmac_command_decode(words[i], &w->commands[i]);
	return true;
}

static void release(struct work *w)
{
	free(w->commands);
	free(w->who);
	free(w->stamp);
	free(w->edges);
	for (unsigned space = 0; space < OPERAND_SPACES; space++)
		free(w->writer[space]);
	for (unsigned thread = 0; thread < QMAC_CREW; thread++) {
		for (unsigned space = 0; space < 2; space++) {
			free(w->trails[thread].read[space]);
			free(w->trails[thread].written[space]);
		}
		free(w->trails[thread].bytes);
	}
}

/* Gives back what was allocated for the largest split. */
static void shrink(struct qmac_split *split)
{
	for (unsigned thread = 0; thread < QMAC_CREW; thread++) {
		void *less = realloc(split->steps[thread],
		                     (split->counts[thread] + 1) * sizeof *split->steps[thread]);

		split->steps[thread] = less ? less : split->steps[thread];
	}
	if (split->copy_count) {
		void *less = realloc(split->copies, split->copy_count * sizeof *split->copies);

		split->copies = less ? less : split->copies;
	}
}

enum qmac_status qmac_split_make(const struct qmac_hw *hw, const uint32_t (*words)[QMAC_COMMAND_WORDS],
                                 uint32_t count, struct qmac_split *split, struct qmac_error *err)
{
	struct work w = {.hw = hw, .count = count, .split = split};

	memset(split, 0, sizeof *split);
	w.failed = !allocate(&w, words);
	if (!w.failed) {
		find_threads(&w);
		w.alone |= !is_worth_it(&w);
	}
	if (!w.failed && !w.alone) {
		find_waits(&w);
		find_copies(&w);
		shrink(split);
	}
	release(&w);
	if (w.failed || w.alone)
		qmac_split_free(split);
	split->alone = w.alone;
	return w.failed ? qmac_fail(err, QMAC_INTERNAL, "out of memory for the plan of two threads") : QMAC_OK;
}

void qmac_split_free(struct qmac_split *split)
{
	for (unsigned thread = 0; thread < QMAC_CREW; thread++)
		free(split->steps[thread]);
	free(split->copies);
	memset(split, 0, sizeof *split);
}

void qmac_split_free_bits(unsigned opcode, uint32_t words[QMAC_COMMAND_WORDS])
{
	struct qmac_command c = {.opcode = opcode, .wait_mask = 7, .rnd = QMAC_ROUND_STOCHASTIC};
	uint32_t with[QMAC_COMMAND_WORDS];

	qmac_command_encode(&c, words);
	c.tag = c.wait_load = c.wait_exec = c.wait_store = UINT32_MAX;
	c.lsb = c.nbits = c.limb_unsigned = UINT32_MAX;
	c.monitor = c.shift = c.l0 = c.relu = c.bw = UINT32_MAX;
	c.mult = -1;
	c.seed = c.dither_row0 = c.dither_lane0 = c.dither_rs1 = UINT32_MAX;
	c.acc_shift = c.a_unsigned = c.w_unsigned = UINT32_MAX;
	qmac_command_encode(&c, with);
	for (unsigned i = 0; i < QMAC_COMMAND_WORDS; i++)
		words[i] ^= with[i];
}
