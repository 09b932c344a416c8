/* A map by itself: into which pieces it is cut, and the commands of them all. */
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

static enum qmac_status lower_piece(struct job *job, const struct qmac_map_piece *piece, int half,
                                    struct qmac_error *err)
{
	const struct qmac_hw *hw = job->work.hw;
	const uint32_t row[2] = {job->half[half] * (uint32_t)hw->acc_depth / 2,
	                         job->half[half] * (uint32_t)hw->w_depth / 2};
	enum qmac_status status = qmac_map_begin(&job->work, piece, half, NULL, row, err);

	if (status == QMAC_OK)
		status = qmac_map_operate(&job->work, err);
	return status == QMAC_OK ? qmac_map_end(&job->work, err) : status;
}

/* Some channels of a slice, piece by piece; then their sums. */
static enum qmac_status lower_slice(struct job *job, int64_t slice, struct qmac_map_piece piece, int *half,
                                    struct qmac_error *err)
{
	int64_t first[3], count[3], cuts[3], pieces = 1;
	enum qmac_status status = QMAC_OK;

	qmac_slices_at(&job->slices, slice, first, count);
	for (int d = 0; d < 3; d++) {
		cuts[d] = qmac_ceil_div(count[d], job->most[d]);
		pieces *= cuts[d];
	}
	for (int64_t i = 0; status == QMAC_OK && i < pieces; i++) {
		int64_t at = i;

		for (int d = 2; d >= 0; d--) {
			int64_t begin = qmac_turn(&at, cuts[d]) * job->most[d];

			piece.first[d] = first[d] + begin;
			piece.count[d] = qmac_smaller(job->most[d], count[d] - begin);
		}
		status = lower_piece(job, &piece, *half, err);
		*half = !*half;
	}
	return status == QMAC_OK ? qmac_map_store_sums(&job->work, slice, err) : status;
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
