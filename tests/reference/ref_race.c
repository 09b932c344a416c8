#include "reference/ref_race.h"

#include <stdlib.h>
#include <string.h>

#include "reference/ref_device.h"

/* Which rows, table words and bytes a command reads [0] and writes [1]; space 4 is memory. */
struct touches {
	bool at[5][2][REF_RACE_PLACES];
};

static void touch(struct touches *t, int64_t space, int64_t place, bool writes)
{
	if (place < 0 || place >= REF_RACE_PLACES)
		abort();
	t->at[space][writes][place] = true;
}

static void touch_move(struct touches *t, const struct qmac_command *c, int64_t i2, int64_t i1, int64_t i0)
{
	bool load = c->opcode == QMAC_OPCODE_LOAD;
	bool inside = c->lo1 <= i1 && i1 <= c->hi1 && c->lo0 <= i0 && i0 <= c->hi0;
	int64_t address = ((int64_t)c->base + i2 * c->s2 + i1 * c->s1 + i0 * c->s0) % ((int64_t)1 << 48);

	if (load || inside)
		touch(t, c->space, c->row + i2 * c->ds2 + i1 * c->ds1 + i0 * c->ds0, load);
	for (int64_t byte = 0; inside && byte < (int64_t)c->len << c->container; byte++)
		touch(t, 4, address + byte, !load);
}

static void touch_gemm(struct touches *t, const struct qmac_command *c, int64_t i2, int64_t i1, int64_t i0)
{
	bool ws = c->mode == QMAC_MODE_WS;
	int64_t nest = i2 * c->cs2 + i1 * c->cs1 + i0 * c->cs0;

	touch(t, QMAC_SPACE_A, c->a + i2 * c->as2 + i1 * c->as1 + i0 * c->as0, false);
	if (!ws)
		touch(t, QMAC_SPACE_W, c->w + i2 * c->ws2 + i1 * c->ws1 + i0 * c->ws0, false);
	for (int64_t r = 0; ws && r < c->k; r++)
		touch(t, QMAC_SPACE_W, c->w + r, false);
	for (int64_t r = 0; r < (ws ? 1 : c->k); r++)
		for (uint32_t writes = !c->accumulate; writes <= 1; writes++)
			touch(t, QMAC_SPACE_ACC, c->c + (ws ? nest : r), writes);
}

static void touch_vec(struct touches *t, const struct qmac_command *c, int64_t i1, int64_t i0)
{
	touch(t, c->s0space, c->src0 + i1 * c->a1 + i0 * c->a0, false);
	if (c->op != QMAC_OP_LOOKUP && c->s1space != QMAC_SPACE_IMM)
		touch(t, c->s1space, c->src1 + i1 * c->b1 + i0 * c->b0, false);
	for (int64_t word = 0; c->op == QMAC_OP_LOOKUP && word < 1 << c->lut_n; word++)
		touch(t, QMAC_SPACE_LUT, c->lut_base + word, false);
	for (int64_t row = 0; c->op == QMAC_OP_AFFINE && row < 3; row++)
		touch(t, QMAC_SPACE_ACC, c->coef + (c->coef_step ? 3 * i1 : 0) + row, false);
	if (!c->red_rows || i0 == 0)
		touch(t, c->dspace, c->dst + i1 * c->d1 + i0 * c->d0, true);
	if (c->sum)
		touch(t, QMAC_SPACE_ACC, c->sum + i1, true);
}

static void touch_all(struct touches *t, const struct qmac_command *c)
{
	int64_t n2 = c->opcode == QMAC_OPCODE_VEC ? 1 : c->n2;

	for (int64_t i2 = 0; c->opcode != QMAC_OPCODE_SYNC && i2 < n2; i2++)
		for (int64_t i1 = 0; i1 < c->n1; i1++)
			for (int64_t i0 = 0; i0 < c->n0; i0++) {
				if (c->opcode == QMAC_OPCODE_GEMM)
					touch_gemm(t, c, i2, i1, i0);
				else if (c->opcode == QMAC_OPCODE_VEC)
					touch_vec(t, c, i1, i0);
				else
					touch_move(t, c, i2, i1, i0);
			}
}

static bool report(struct qmac_race *race, enum qmac_race_kind kind, int64_t space, int64_t place)
{
	race->kind = kind;
	race->space = space < 4 ? (unsigned)space : 0;
	race->place = (uint64_t)place;
	return true;
}

/* The first row, word or byte that both touch and one writes. */
static bool same_place(const struct touches *x, const struct touches *y, struct qmac_race *race)
{
	for (int64_t space = 0; space < 5; space++)
		for (int64_t place = 0; place < REF_RACE_PLACES; place++) {
			bool x_reads = x->at[space][0][place], x_writes = x->at[space][1][place];
			bool y_reads = y->at[space][0][place], y_writes = y->at[space][1][place];

			if (!(x_writes && (y_reads || y_writes)) && !(x_reads && y_writes))
				continue;
			race->writes[0] = x_writes;
			race->writes[1] = y_writes;
			return report(race, space < 4 ? QMAC_RACE_ROW : QMAC_RACE_MEMORY, space, place);
		}
	return false;
}

static bool uses_port(const struct qmac_hw *hw, const struct touches *t, int64_t space, int writes,
                      int64_t bank)
{
	int64_t half = ref_depth(hw, space) / 2;

	for (int64_t row = bank * half; row < (bank + 1) * half; row++)
		if (t->at[space][writes][row])
			return true;
	return false;
}

static bool same_port(const struct qmac_hw *hw, const struct touches *x, const struct touches *y,
                      struct qmac_race *race)
{
	for (int64_t space = QMAC_SPACE_A; space <= QMAC_SPACE_ACC; space++)
		for (int writes = 0; writes < 2; writes++)
			for (int64_t bank = 0; bank < 2; bank++) {
				if (!uses_port(hw, x, space, writes, bank) || !uses_port(hw, y, space, writes, bank))
					continue;
				race->writes[0] = race->writes[1] = writes;
				return report(race, QMAC_RACE_PORT, space, bank);
			}
	return false;
}

/* Nodes 2i and 2i+1: command i starts, command i retires. */
typedef bool graph[2 * REF_RACE_COMMANDS][2 * REF_RACE_COMMANDS];

static void add_edges(const struct qmac_command *commands, uint32_t y, graph g)
{
	const struct qmac_command *c = &commands[y];
	const int64_t waits[3] = {c->wait_load, c->wait_exec, c->wait_store};
	int64_t given[3] = {0, 0, 0}, seen[3] = {0, 0, 0};

	for (uint32_t x = 0; x < y; x++)
		if (ref_engine(commands[x].opcode) < 3)
			given[ref_engine(commands[x].opcode)]++;
	g[2 * y][2 * y + 1] = true;
	for (uint32_t x = 0; x < y; x++) {
		unsigned engine = ref_engine(commands[x].opcode);
		bool both_gemm = commands[x].opcode == QMAC_OPCODE_GEMM && c->opcode == QMAC_OPCODE_GEMM;

		if (engine == 3 || c->opcode == QMAC_OPCODE_SYNC) {
			g[2 * x + 1][2 * y] = true;
			continue;
		}
		seen[engine]++;
		if (engine == ref_engine(c->opcode)) {
			g[2 * x][2 * y] = g[2 * x + 1][2 * y + 1] = true;
			g[2 * x + 1][2 * y] = g[2 * x + 1][2 * y] || !both_gemm;
		}
		/* count = given - (given - wait) mod 2^16 is the one awaited */
		if (c->wait_mask >> engine & 1 &&
		    seen[engine] == given[engine] - (given[engine] - waits[engine] + 65536) % 65536)
			g[2 * x + 1][2 * y] = true;
	}
}

static void close_graph(uint32_t nodes, graph g)
{
	for (uint32_t via = 0; via < nodes; via++)
		for (uint32_t from = 0; from < nodes; from++)
			for (uint32_t to = 0; g[from][via] && to < nodes; to++)
				g[from][to] = g[from][to] || g[via][to];
}

/* The later command y of a race with x, as it is to be reported. */
static void describe(const struct qmac_command *commands, uint32_t x, uint32_t y, struct qmac_race *race)
{
	unsigned engine = ref_engine(commands[x].opcode);

	race->command[0] = x;
	race->command[1] = y;
	race->engine[0] = engine;
	race->engine[1] = ref_engine(commands[y].opcode);
	race->wait_count = 0;
	for (uint32_t i = 0; i <= x; i++)
		race->wait_count += ref_engine(commands[i].opcode) == engine;
}

bool ref_race_find(const struct qmac_hw *hw, const struct qmac_command *commands, uint32_t count,
                   struct qmac_race *race)
{
	static struct touches touches[REF_RACE_COMMANDS];
	static graph g;

	if (count > REF_RACE_COMMANDS)
		abort();
	memset(g, 0, sizeof g);
	memset(touches, 0, sizeof touches);
	memset(race, 0, sizeof *race);
	for (uint32_t y = 0; y < count; y++) {
		add_edges(commands, y, g);
		touch_all(&touches[y], &commands[y]);
	}
	close_graph(2 * count, g);
	for (uint32_t y = 0; y < count; y++)
		for (uint32_t x = y; x-- > 0;) {
			if (ref_engine(commands[x].opcode) == ref_engine(commands[y].opcode) || g[2 * x + 1][2 * y])
				continue;
			if (same_place(&touches[x], &touches[y], race) ||
			    same_port(hw, &touches[x], &touches[y], race)) {
				describe(commands, x, y, race);
				return true;
			}
		}
	return false;
}
