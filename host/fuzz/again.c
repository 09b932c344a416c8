#include "fuzz/again.h"

#include <string.h>

#include "fuzz/damage.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "isa/space.h"

/* Attempts at a change that is legal. */
enum { TRIES = 12 };

/* Places of a command at most. */
enum { USES = 5 };

/* The first row of what a command reads or writes in a space. */
struct use {
	unsigned space;
	uint32_t *row;
};

static int uses_of(struct qmac_command *c, struct use uses[USES])
{
	int count = 0;

	switch (c->opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_STORE:
		uses[count++] = (struct use){c->space, &c->row};
		break;
	case QMAC_OPCODE_GEMM:
		uses[count++] = (struct use){QMAC_SPACE_A, &c->a};
		uses[count++] = (struct use){QMAC_SPACE_W, &c->w};
		uses[count++] = (struct use){QMAC_SPACE_ACC, &c->c};
		break;
	case QMAC_OPCODE_VEC:
		uses[count++] = (struct use){c->dspace, &c->dst};
		uses[count++] = (struct use){c->s0space, &c->src0};
		if (c->op != QMAC_OP_LOOKUP && c->s1space != QMAC_SPACE_IMM)
			uses[count++] = (struct use){c->s1space, &c->src1};
		if (c->op == QMAC_OP_AFFINE)
			uses[count++] = (struct use){QMAC_SPACE_ACC, &c->coef};
		if (c->sum)
			uses[count++] = (struct use){QMAC_SPACE_ACC, &c->sum};
		break;
	default:
		break;
	}
	return count;
}

/* Products, or lanes that are moved. */
static int64_t work_of(const struct qmac_hw *hw, const struct qmac_command *c)
{
	int64_t rows = (int64_t)c->n0 * c->n1;

	if (c->opcode == QMAC_OPCODE_VEC)
		return rows * c->lanes;
	rows *= c->n2;
	return c->opcode == QMAC_OPCODE_GEMM ? rows * c->k * c->n : rows * qmac_space_lanes(hw, c->space);
}

static bool is_fit(const struct qmac_fuzz_program *p, const struct qmac_command *c,
                   const uint32_t words[QMAC_COMMAND_WORDS])
{
	/* The memory that commands may touch is less than the window. */
	const struct qmac_dispatch_state state = {.mem_base = p->data_base, .mem_size = p->data_bytes};

	return qmac_command_fault(&p->hw, &state, words, c) == QMAC_FAULT_NONE &&
	       work_of(&p->hw, c) <= 2 * QMAC_FUZZ_WORK;
}

void qmac_fuzz_remember(struct qmac_fuzz_program *program, const struct qmac_command *command)
{
	if (command->opcode != QMAC_OPCODE_SYNC)
		program->recent[program->remembered++ % QMAC_FUZZ_RECENT] = *command;
}

/* NULL: there is none. */
static const struct qmac_command *pick_recent(struct qmac_fuzz_program *p)
{
	uint32_t kept = p->remembered < QMAC_FUZZ_RECENT ? p->remembered : QMAC_FUZZ_RECENT;

	return kept ? &p->recent[qmac_fuzz_below(&p->rng, kept)] : NULL;
}

/* Changes one field; false: no value that was tried makes it another legal command. */
static bool change_field(struct qmac_fuzz_program *p, struct qmac_command *command)
{
	uint32_t words[QMAC_COMMAND_WORDS], changed[QMAC_COMMAND_WORDS];
	int field;

	qmac_command_encode(command, words);
	field = qmac_fuzz_own_field(&p->rng, words);
	for (int i = 0; i < TRIES; i++) {
		struct qmac_command other;

		memcpy(changed, words, sizeof changed);
		qmac_fuzz_change(&p->rng, changed, field);
		qmac_command_decode(changed, &other);
		if (memcmp(changed, words, sizeof changed) != 0 && is_fit(p, &other, changed)) {
			*command = other;
			return true;
		}
	}
	return false;
}

bool qmac_fuzz_again(struct qmac_fuzz_program *program, struct qmac_command *command)
{
	const struct qmac_command *recent = pick_recent(program);

	if (!recent)
		return false;
	*command = *recent;
	if (qmac_fuzz_chance(&program->rng, 8))
		return true;
	for (int i = 0; i < TRIES && !change_field(program, command); i++)
		;
	return true;
}

/* Of the recent commands' rows in a space, one at random; false: they used none. */
static bool recent_row(struct qmac_fuzz_program *p, unsigned space, uint32_t *row)
{
	for (int i = 0; i < TRIES; i++) {
		const struct qmac_command *recent = pick_recent(p);
		struct qmac_command copy;
		struct use uses[USES];
		int count;

		if (!recent)
			return false;
		copy = *recent;
		count = uses_of(&copy, uses);
		for (int u = 0; u < count; u++)
			if (uses[u].space == space) {
				*row = *uses[u].row;
				return true;
			}
	}
	return false;
}

void qmac_fuzz_aim(struct qmac_fuzz_program *program, struct qmac_command *command)
{
	struct use uses[USES];
	int count = uses_of(command, uses);

	for (int u = 0; u < count; u++) {
		uint32_t words[QMAC_COMMAND_WORDS], before = *uses[u].row;

		if (!recent_row(program, uses[u].space, uses[u].row))
			continue;
		qmac_command_encode(command, words);
		if (!is_fit(program, command, words))
			*uses[u].row = before;
	}
}
