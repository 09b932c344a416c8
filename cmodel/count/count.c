#include "count/count.h"

#include <stdbool.h>

#include "isa/vec_rows.h"
#include "time/transfer.h"

/* By SPACE_*; LUT is written by LOAD and read by lookups only, lane by lane. */
static const enum qmac_counter reads[] = {QMAC_COUNTER_A_READS, QMAC_COUNTER_W_READS, QMAC_COUNTER_ACC_READS};
static const enum qmac_counter writes[] = {QMAC_COUNTER_A_WRITES, QMAC_COUNTER_W_WRITES,
                                           QMAC_COUNTER_ACC_WRITES, QMAC_COUNTER_LUT_WRITES};

/* A LOAD writes every row of its loops, those outside the window, too; a STORE has rows inside alone. */
static void count_move(const struct qmac_hw *hw, const struct qmac_command *c, uint64_t *counters)
{
	uint64_t inside = (uint64_t)c->n2 * (c->hi1 - c->lo1 + 1) * (c->hi0 - c->lo0 + 1);
	uint64_t bytes = inside * ((uint64_t)c->len << c->container);
	struct qmac_transfer transfer = qmac_transfer_of(c);
	uint64_t bursts = qmac_transfer_bursts(hw, &transfer);

	if (c->opcode == QMAC_OPCODE_LOAD) {
		counters[writes[c->space]] += (uint64_t)c->n2 * c->n1 * c->n0;
		counters[QMAC_COUNTER_DRAM_READ_BYTES] += bytes;
		counters[QMAC_COUNTER_DRAM_READ_BURSTS] += bursts;
	} else {
		counters[QMAC_COUNTER_ACC_READS] += inside;
		counters[QMAC_COUNTER_DRAM_WRITE_BYTES] += bytes;
		counters[QMAC_COUNTER_DRAM_WRITE_BURSTS] += bursts;
	}
}

static void count_gemm(const struct qmac_command *c, uint64_t *counters)
{
	uint64_t slots = (uint64_t)c->n2 * c->n1 * c->n0;
	bool ws = c->mode == QMAC_MODE_WS;
	uint64_t results = ws ? slots : c->k;

	counters[QMAC_COUNTER_MACS] += (uint64_t)c->k * c->n * slots;
	counters[QMAC_COUNTER_A_READS] += slots;
	counters[QMAC_COUNTER_W_READS] += ws ? c->k : slots;
	counters[QMAC_COUNTER_ACC_READS] += c->accumulate ? results : 0;
	counters[QMAC_COUNTER_ACC_WRITES] += results;
}

static void count_vec(const struct qmac_command *c, uint64_t *counters)
{
	uint64_t rows = (uint64_t)c->n1 * c->n0, elements = c->lanes * rows;
	bool lookup = c->op == QMAC_OP_LOOKUP;

	counters[reads[c->s0space]] += rows;
	if (qmac_vec_has_src1(c))
		counters[reads[c->s1space]] += qmac_vec_src1_reads(c);
	counters[QMAC_COUNTER_ACC_READS] += (uint64_t)QMAC_COEFFICIENTS * qmac_vec_latches(c);
	counters[writes[c->dspace]] += c->red_rows ? c->n1 : rows;
	counters[QMAC_COUNTER_ACC_WRITES] += qmac_vec_sums(c);
	if (lookup)
		counters[QMAC_COUNTER_LUT_READS] += elements;
	if (lookup || c->op == QMAC_OP_MUL || (c->mult != 0 && c->mult != 1))
		counters[QMAC_COUNTER_VEC_MULTS] += elements;
	if (c->op == QMAC_OP_AFFINE)
		counters[QMAC_COUNTER_VEC_MULTS] += 2 * elements;
}

void qmac_count(const struct qmac_hw *hw, const struct qmac_command *command,
                uint64_t counters[QMAC_COUNTERS])
{
	counters[QMAC_COUNTER_COMMANDS]++;
	switch (command->opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_STORE:
		count_move(hw, command, counters);
		break;
	case QMAC_OPCODE_GEMM:
		count_gemm(command, counters);
		break;
	case QMAC_OPCODE_VEC:
		count_vec(command, counters);
		break;
	default:
		break; /* SYNC */
	}
}

static void count_gemm_actions(const struct qmac_command *c, uint64_t *counts)
{
	bool ws = c->mode == QMAC_MODE_WS;

	counts[QMAC_ACTION_PRELOADS] += ws ? (uint64_t)c->k * c->n : 0;
	counts[QMAC_ACTION_ACC_SUMS] += c->n * (ws ? (uint64_t)c->n2 * c->n1 * c->n0 : c->k);
}

/* Additions of an element: those of its operation, of the reduction over rows, and of the written sums. */
static uint64_t additions_of(const struct qmac_command *c)
{
	uint64_t own = c->op == QMAC_OP_MUL ? 0 : c->op == QMAC_OP_AFFINE ? 2 : 1;

	return own + c->red_rows + (c->sum != 0);
}

static void count_vec_actions(const struct qmac_command *c, uint64_t *counts)
{
	uint64_t elements = (uint64_t)c->lanes * c->n1 * c->n0;
	uint64_t results = c->red_rows ? (uint64_t)c->lanes * c->n1 : elements;

	counts[QMAC_ACTION_VEC_ELEMENTS] += elements;
	counts[QMAC_ACTION_VEC_ADDS] += elements * additions_of(c) + (c->red_lanes ? results : 0);
	counts[QMAC_ACTION_REQUANTISATIONS] += results;
	counts[QMAC_ACTION_DRAWS] += c->rnd == QMAC_ROUND_STOCHASTIC ? results : 0;
}

void qmac_count_actions(const struct qmac_command *command, uint64_t counts[QMAC_COUNTS])
{
	if (command->opcode == QMAC_OPCODE_GEMM)
		count_gemm_actions(command, counts);
	else if (command->opcode == QMAC_OPCODE_VEC)
		count_vec_actions(command, counts);
}
