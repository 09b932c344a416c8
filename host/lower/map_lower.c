/* A map by itself: into which pieces it is cut, and the commands of them all. */
#include <math.h>

#include "lower/map_flat.h"
#include "lower/map_piece.h"
#include "lower/whole.h"

struct job {
	struct qmac_map_work work;
	struct qmac_slices slices;
	int64_t most[3], most_channels; /* of a piece */
	uint32_t half[2];               /* 1: the second half of ACC and W is another one */
};

/* ---- pieces -------------------------------------------------------------------------- */

static bool fits(const struct job *job, int64_t blocks, int parts)
{
	const struct qmac_hw *hw = job->work.hw;

	return qmac_map_rows(&job->work, false, job->most, blocks) + qmac_map_sum_rows(job->work.map, blocks) <=
	       hw->acc_depth / parts && qmac_map_rows(&job->work, true, job->most, blocks) <= hw->w_depth / parts;
}

/* The most positions that fit, whole images, whole lines of one, or a part of a line; false: not one. */
static bool most_positions(struct job *job, int64_t blocks, int parts)
{
	const int64_t *whole = job->slices.each;

	for (int d = 0; d < 3; d++) {
		int64_t low = 0, high = whole[d];

		for (int e = 0; e < 3; e++)
			job->most[e] = e < d ? 1 : whole[e];
		while (low < high) {
			job->most[d] = low + (high - low + 1) / 2;
			if (fits(job, blocks, parts))
				low = job->most[d];
			else
				high = job->most[d] - 1;
		}
		if (low) {
			/* as even as they can be */
			job->most[d] = qmac_ceil_div(whole[d], qmac_ceil_div(whole[d], low));
			return true;
		}
	}
	return false;
}

/* Whole images of all blocks, of fewer, of one; then less than an image of one block. */
static bool choose_pieces(struct job *job, int parts)
{
	const int64_t *whole = job->slices.each;
	int64_t channels = job->work.map->channels, blocks = qmac_ceil_div(channels, job->work.hw->cols);

	for (; blocks > 1; blocks = (blocks + 1) / 2)
		if (most_positions(job, blocks, parts) && job->most[1] == whole[1] && job->most[2] == whole[2])
			break;
	job->most_channels = qmac_smaller(blocks * job->work.hw->cols, channels);
	job->half[1] = parts == 2;
	return most_positions(job, blocks, parts);
}

static bool plan_fits(struct job *job, const struct qmac_map *map, const struct qmac_hw *hw)
{
	*job = (struct job){.work = {.hw = hw, .map = map}, .slices = qmac_slices_of(map->positions, map->terms)};
	qmac_map_choose_w(&job->work);
	if (choose_pieces(job, 2) || choose_pieces(job, 1))
		return true;
	for (int i = 0; i < map->panel_count; i++)
		job->work.in_w[i] = map->panels[i].narrow;
	return choose_pieces(job, 2) || choose_pieces(job, 1);
}

bool qmac_map_fits(const struct qmac_map *map, const struct qmac_hw *hw)
{
	struct job job;

	return plan_fits(&job, map, hw);
}

static enum qmac_status plan(struct job *job, const struct qmac_map *map, const struct qmac_hw *hw,
                             struct qmac_error *err)
{
	int64_t one[3] = {1, 1, 1};

	if (plan_fits(job, map, hw))
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "one position takes %lld rows of ACC, which has %d: take hardware "
	                 "with a larger acc_depth",
	                 (long long)(qmac_map_rows(&job->work, false, one, 1) + qmac_map_sum_rows(map, 1)),
	                 hw->acc_depth);
}

/* ---- commands ------------------------------------------------------------------------ */

/* Some channels of a slice. */
struct slice {
	struct qmac_map_piece channels;
	int64_t first[3], count[3], cuts[3], pieces;
};

/* Cycles that the memory, or an engine by itself, takes for a position of what is loaded, or stored. */
static double move_cycles(const struct job *job, bool stores, bool by_itself)
{
	const struct qmac_map *map = job->work.map;
	const struct qmac_hw *hw = job->work.hw;
	double per_cycle = fmin(hw->bus_bytes, hw->dram_bytes_per_cycle / 256.0), cycles = 0;
	int64_t lanes = qmac_smaller(map->channels, hw->cols);

	for (int i = 0; i < map->panel_count; i++) {
		const struct qmac_map_panel *panel = &map->panels[i];
		double rows = (double)(panel->reach.scale[0] * panel->reach.scale[1]);
		double row = (double)(lanes << panel->view.element.container) / per_cycle;

		/* an engine takes a row a cycle at most */
		if (stores ? panel->stores : panel->loads)
			cycles += rows * (by_itself ? fmax(1, row) : row);
	}
	return cycles;
}

/*
 * Whether LOADs and STOREs are better one behind the other than side by side. Side by side they share the
 * memory, which turns round between their bursts, half of it hidden; one behind the other both begin anew
 * with each piece. Where the work takes longer it does not matter, and rows that are no whole beats of the
 * bus are bound by their engines.
 */
static bool takes_turns(const struct job *job)
{
	const struct qmac_hw *hw = job->work.hw;
	double beat = fmax(1, hw->bus_bytes / (hw->dram_bytes_per_cycle / 256.0)), burst = hw->burst_beats * beat;
	double load = move_cycles(job, false, true), store = move_cycles(job, true, true);
	double shared = move_cycles(job, false, false) + move_cycles(job, true, false);
	double begin = (hw->dram_latency + hw->dram_miss) / (double)(job->most[0] * job->most[1] * job->most[2]);
	double turns = load + store + 2 * begin;

	shared *= 1 + hw->dram_turnaround / burst / 2;
	return job->half[1] && qmac_smaller(job->work.map->channels, hw->cols) % hw->bus_bytes == 0 && load > 0 &&
	       store > 0 && turns > job->work.map->op_count && turns < fmax(shared, fmax(load, store));
}

/* A piece of a slice, by its number there. */
static struct qmac_map_piece piece_at(const struct job *job, const struct slice *slice, int64_t at)
{
	struct qmac_map_piece piece = slice->channels;

	for (int d = 2; d >= 0; d--) {
		int64_t begin = qmac_turn(&at, slice->cuts[d]) * job->most[d];

		piece.first[d] = slice->first[d] + begin;
		piece.count[d] = qmac_smaller(job->most[d], slice->count[d] - begin);
	}
	return piece;
}

static enum qmac_status begin(const struct job *job, struct qmac_map_work *work, const struct slice *slice,
                              int64_t at, int half, struct qmac_error *err)
{
	const struct qmac_hw *hw = work->hw;
	const uint32_t row[2] = {job->half[half] * (uint32_t)hw->acc_depth / 2,
	                         job->half[half] * (uint32_t)hw->w_depth / 2};
	const struct qmac_map_piece piece = piece_at(job, slice, at);

	return qmac_map_begin(work, &piece, half, NULL, row, err);
}

/*
 * The pieces of a slice, the LOADs of each before the work of the one before, in the other half. LOADs and
 * STOREs take turns: side by side they would change the direction of the memory with every burst.
 */
static enum qmac_status lower_in_turns(struct job *job, const struct slice *slice, int *half,
                                       struct qmac_error *err)
{
	struct qmac_map_work works[2] = {job->work, job->work};
	enum qmac_status status = begin(job, &works[*half], slice, 0, *half, err);

	for (int64_t i = 0; status == QMAC_OK && i < slice->pieces; i++) {
		struct qmac_map_work *now = &works[*half], *next = &works[!*half];

		if (i + 1 < slice->pieces) {
			qmac_program_turn(job->work.program, QMAC_ENGINE_STORE);
			status = begin(job, next, slice, i + 1, !*half, err);
		}
		if (status == QMAC_OK)
			status = qmac_map_operate(now, err);
		if (status == QMAC_OK)
			qmac_program_turn(job->work.program, QMAC_ENGINE_LOAD);
		if (status == QMAC_OK)
			status = qmac_map_end(now, err);
		next->has_sums[now->half] = now->has_sums[now->half];
		job->work = *now;
		*half = !*half;
	}
	return status;
}

static enum qmac_status lower_in_order(struct job *job, const struct slice *slice, int *half,
                                       struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int64_t i = 0; status == QMAC_OK && i < slice->pieces; i++) {
		status = begin(job, &job->work, slice, i, *half, err);
		if (status == QMAC_OK)
			status = qmac_map_operate(&job->work, err);
		if (status == QMAC_OK)
			status = qmac_map_end(&job->work, err);
		*half = !*half;
	}
	return status;
}

/* Some channels of a slice, piece by piece; then their sums. */
static enum qmac_status lower_slice(struct job *job, int64_t number, struct qmac_map_piece channels,
                                    int *half, struct qmac_error *err)
{
	struct slice slice = {.channels = channels, .pieces = 1};
	enum qmac_status status;

	qmac_slices_at(&job->slices, number, slice.first, slice.count);
	for (int d = 0; d < 3; d++) {
		slice.cuts[d] = qmac_ceil_div(slice.count[d], job->most[d]);
		slice.pieces *= slice.cuts[d];
	}
	status = takes_turns(job) ? lower_in_turns(job, &slice, half, err) :
	         lower_in_order(job, &slice, half, err);
	return status == QMAC_OK ? qmac_map_store_sums(&job->work, number, err) : status;
}

static enum qmac_status lower(struct qmac_program *program, const struct qmac_hw *hw,
                              const struct qmac_map *map, const struct qmac_map_labels *labels,
                              struct qmac_error *err)
{
	struct job job;
	struct qmac_map_piece piece = {.channel = 0};
	enum qmac_status status = plan(&job, map, hw, err);
	int64_t sums;
	int half = 0;

	if (status != QMAC_OK)
		return status;
	job.work.program = program;
	job.work.labels = labels;
	sums = qmac_map_sum_rows(map, qmac_ceil_div(job.most_channels, hw->cols));
	job.work.sum_row[0] = (uint32_t)(hw->acc_depth / (1 + (int)job.half[1]) - sums);
	job.work.sum_row[1] = (uint32_t)(hw->acc_depth - sums);
	for (int64_t i = 0; i < job.slices.count; i++)
		for (piece.channel = 0; status == QMAC_OK && piece.channel < map->channels;
		     piece.channel += job.most_channels) {
			piece.channels = qmac_smaller(job.most_channels, map->channels - piece.channel);
			status = lower_slice(&job, i, piece, &half, err);
		}
	return status;
}

enum qmac_status qmac_map_lower(struct qmac_program *program, const struct qmac_hw *hw,
                                  const struct qmac_map *map, const struct qmac_map_labels *labels,
                                  struct qmac_error *err)
{
	struct qmac_map flat[2];
	int count = qmac_map_flatten(map, hw->cols, flat);
	enum qmac_status status = QMAC_OK;

	if (!count)
		return lower(program, hw, map, labels, err);
	for (int i = 0; status == QMAC_OK && i < count; i++)
		status = lower(program, hw, &flat[i], labels, err);
	return status;
}
