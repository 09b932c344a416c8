/* VEC of the reference device. */
#include "reference/ref_device.h"
#include "reference/ref_fields.h"

#define VEC(name) REF_GET(words, VEC, name)

static ref_int smaller(ref_int a, ref_int b)
{
	return a < b ? a : b;
}

static ref_int larger(ref_int a, ref_int b)
{
	return a > b ? a : b;
}

static bool has_mult(int64_t op)
{
	return op == QMAC_OP_ADD || op == QMAC_OP_SUB || op == QMAC_OP_MIN || op == QMAC_OP_MAX;
}

static ref_int lookup(struct ref_device *device, const uint32_t *words, int64_t a, uint64_t *saturations)
{
	int in_bits = (int)VEC(in_bits), m = in_bits - (int)VEC(lut_n);
	ref_int i = ref_clamp(a, in_bits, saturations) + ref_power(in_bits - 1);
	ref_int entry = ref_floor_div(i, ref_power(m)), rest = i - entry * ref_power(m);
	ref_int word = (ref_int)ref_peek(device, QMAC_SPACE_LUT, VEC(lut_base) + (int64_t)entry, 0);
	ref_int value = ref_wrap(word, 16), slope = ref_wrap(ref_floor_div(word, ref_power(16)), 16);

	++*ref_reads(device, QMAC_SPACE_LUT);
	return value * ref_power(m) + slope * rest;
}

/* The three rows of coefficients, c0 and c1 clamped. */
struct coefficients {
	ref_int c[QMAC_COEFFICIENTS][64];
};

static void latch(struct ref_device *device, const uint32_t *words, int64_t i1, struct coefficients *of,
                  uint64_t *saturations)
{
	for (int row = 0; row < 3; row++) {
		int64_t from = VEC(coef) + (VEC(coef_step) ? 3 * i1 : 0) + row;

		++*ref_reads(device, QMAC_SPACE_ACC);
		for (int64_t j = 0; j < VEC(lanes); j++) {
			of->c[row][j] = ref_operand(device, QMAC_SPACE_ACC, from, j, false);
			if (row < 2)
				of->c[row][j] = ref_clamp(of->c[row][j], 18, saturations);
		}
	}
}

static ref_int combine(struct ref_device *device, const uint32_t *words, int64_t a, int64_t b,
                       uint64_t *saturations)
{
	ref_int shifted = a * ref_power((int)VEC(l0));

	switch (VEC(op)) {
	case QMAC_OP_ADD:
		return (shifted + b) * VEC(mult);
	case QMAC_OP_SUB:
		return (shifted - b) * VEC(mult);
	case QMAC_OP_MIN:
		return smaller(shifted, b) * VEC(mult);
	case QMAC_OP_MAX:
		return larger(shifted, b) * VEC(mult);
	case QMAC_OP_MUL:
		return (ref_int)a * ref_clamp(b, 18, saturations);
	case QMAC_OP_EQ:
		return a == b;
	case QMAC_OP_SELECT:
		return b > 0 ? a : 0;
	default:
		return lookup(device, words, a, saturations);
	}
}

static int64_t row_of_src0(const uint32_t *words, int64_t i1, int64_t i0)
{
	return VEC(src0) + i1 * VEC(a1) + i0 * VEC(a0);
}

static int64_t row_of_src1(const uint32_t *words, int64_t i1, int64_t i0)
{
	return VEC(src1) + i1 * VEC(b1) + i0 * VEC(b0);
}

bool ref_vec_has_rows_of_src1(const uint32_t *words)
{
	return VEC(op) != QMAC_OP_LOOKUP && VEC(s1space) != QMAC_SPACE_IMM;
}

bool ref_vec_reads_src1(const uint32_t *words, int64_t i1, int64_t i0)
{
	if (!ref_vec_has_rows_of_src1(words))
		return false;
	if (VEC(b0) == 0 && i0 != 0)
		return false; /* held since i0 = 0 */
	return VEC(s0space) != VEC(s1space) || row_of_src0(words, i1, i0) != row_of_src1(words, i1, i0);
}

/* x(i1,i0,j), saturated to 64 bits. */
static int64_t element(struct ref_device *device, const uint32_t *words, int64_t i1, int64_t i0, int64_t j,
                       const struct coefficients *with, uint64_t *saturations)
{
	int64_t op = VEC(op), a, b = 0;

	a = ref_operand(device, VEC(s0space), row_of_src0(words, i1, i0), j, VEC(s0_unsigned));
	if (op != QMAC_OP_LOOKUP && VEC(s1space) == QMAC_SPACE_IMM)
		b = VEC(imm);
	else if (op != QMAC_OP_LOOKUP)
		b = ref_operand(device, VEC(s1space), row_of_src1(words, i1, i0), j, VEC(s1_unsigned));
	if (op == QMAC_OP_AFFINE) {
		device->counters[QMAC_COUNTER_VEC_MULTS] += 2;
		return ref_clamp(a * with->c[0][j] + b * with->c[1][j] + with->c[2][j], 64, saturations);
	}
	if (op == QMAC_OP_MUL || op == QMAC_OP_LOOKUP || (has_mult(op) && VEC(mult) != 0 && VEC(mult) != 1))
		device->counters[QMAC_COUNTER_VEC_MULTS]++;
	return ref_clamp(combine(device, words, a, b, saturations), 64, saturations);
}

/* Reads the rows of iteration (i1,i0): x[j] for every lane. */
static void read_row(struct ref_device *device, const uint32_t *words, int64_t i1, int64_t i0,
                     const struct coefficients *with, ref_int x[64], uint64_t *saturations)
{
	++*ref_reads(device, VEC(s0space));
	if (ref_vec_reads_src1(words, i1, i0))
		++*ref_reads(device, VEC(s1space));
	for (int64_t j = 0; j < VEC(lanes); j++)
		x[j] = element(device, words, i1, i0, j, with, saturations);
}

static ref_int reduced(int64_t op, ref_int so_far, ref_int x)
{
	return op == QMAC_OP_MAX ? larger(so_far, x) : op == QMAC_OP_MIN ? smaller(so_far, x) : so_far + x;
}

static void reduce_lanes(const uint32_t *words, ref_int x[64])
{
	ref_int all = x[0];

	for (int64_t j = 1; j < VEC(lanes); j++)
		all = reduced(VEC(op), all, x[j]);
	for (int64_t j = 0; j < VEC(lanes); j++)
		x[j] = all;
}

/* Saturates what is left to 64 bits: an event for each lane, also where red_lanes made the lanes equal. */
static void saturate_sums(const uint32_t *words, ref_int x[64], uint64_t *saturations)
{
	for (int64_t j = 0; j < VEC(lanes); j++)
		x[j] = ref_clamp(x[j], 64, saturations);
}

/* |y| cut to 32 bits, the top one for itself and all above. */
static uint32_t magnitude(ref_int y)
{
	ref_int size = y < 0 ? -y : y, top = ref_power(31);
	uint32_t low = (uint32_t)(size % top);

	return size >= top ? low + (uint32_t)top : low;
}

static int64_t finish(const uint32_t *words, int64_t i1, int64_t i0, int64_t j, int64_t x,
                      struct ref_record *record)
{
	uint64_t row = (uint64_t)(VEC(dither_row0) + i1 * VEC(dither_rs1) + i0 * VEC(dither_rs0));
	uint64_t channel = (uint64_t)(VEC(dither_lane0) + i1 * VEC(dither_cs1) + i0 * VEC(dither_cs0) + j);
	uint32_t r = ref_dither((uint32_t)VEC(seed), (uint32_t)(row % 4294967296U), (uint32_t)(channel % 65536));
	int64_t y = ref_round(x, (int)VEC(shift), (unsigned)VEC(rnd), r);

	if (VEC(relu) && y < 0)
		y = 0;
	if (VEC(monitor))
		record->magnitudes |= magnitude(y);
	return ref_clamp(y, (int)VEC(bw), &record->requant_saturations);
}

/* The row that iteration (i1,i0) leaves; adds its results to sum[j]. */
static void write_row(struct ref_device *device, const uint32_t *words, int64_t i1, int64_t i0,
                      const ref_int x[64], ref_int sum[64], struct ref_record *record)
{
	int64_t space = VEC(dspace), row = VEC(dst) + i1 * VEC(d1) + i0 * VEC(d0);
	int64_t lane0 = space == QMAC_SPACE_ACC ? 0 : VEC(lane0);

	for (int64_t lane = 0; lane < ref_width(&device->hw, space); lane++) {
		int64_t j = lane - lane0, y;

		if (j >= 0 && j < VEC(lanes)) {
			y = finish(words, i1, i0, j, (int64_t)x[j], record);
			sum[j] += y;
			if (space != QMAC_SPACE_ACC)
				y = ref_limb(y, (int)VEC(lsb), (int)VEC(nbits), VEC(limb_unsigned));
			ref_write(device, record, space, row, lane, y);
		} else if (space != QMAC_SPACE_ACC) {
			ref_write(device, record, space, row, lane, 0);
		}
	}
	++*ref_writes(device, space);
}

static void write_sum(struct ref_device *device, const uint32_t *words, int64_t i1, const ref_int sum[64],
                      struct ref_record *record)
{
	for (int64_t j = 0; j < VEC(lanes); j++)
		ref_write(device, record, QMAC_SPACE_ACC, VEC(sum) + i1, j,
		          ref_clamp(sum[j], device->hw.acc_bits, &record->requant_saturations));
	++*ref_writes(device, QMAC_SPACE_ACC);
}

bool ref_vec_has_sum(const uint32_t *words)
{
	return ref_vec_has_rows_of_src1(words) && !VEC(red_rows) && !VEC(red_lanes) && VEC(sum) != 0;
}

void ref_execute_vec(struct ref_device *device, const uint32_t *words, struct ref_record *record)
{
	struct coefficients with;

	for (int64_t i1 = 0; i1 < VEC(n1); i1++) {
		ref_int all[64], sum[64] = {0};

		if (VEC(op) == QMAC_OP_AFFINE && (i1 == 0 || VEC(coef_step)))
			latch(device, words, i1, &with, &record->requant_saturations);
		for (int64_t i0 = 0; i0 < VEC(n0); i0++) {
			ref_int x[64];

			read_row(device, words, i1, i0, &with, x, &record->requant_saturations);
			if (VEC(red_lanes))
				reduce_lanes(words, x);
			for (int64_t j = 0; j < VEC(lanes); j++)
				all[j] = i0 == 0 || !VEC(red_rows) ? x[j] : reduced(VEC(op), all[j], x[j]);
			if (VEC(red_rows) && i0 + 1 < VEC(n0))
				continue;
			saturate_sums(words, all, &record->requant_saturations);
			write_row(device, words, i1, VEC(red_rows) ? 0 : i0, all, sum, record);
		}
		if (ref_vec_has_sum(words))
			write_sum(device, words, i1, sum, record);
	}
	if (VEC(monitor))
		device->monitors[VEC(monitor)] |= record->magnitudes;
}
