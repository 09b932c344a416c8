/* What the dispatcher refuses: docs/command-set.md, "What is refused", clause by clause. */
#include "reference/ref_device.h"
#include "reference/ref_fields.h"

#define MOVE(name) REF_GET(words, MOVE, name)
#define GEMM(name) REF_GET(words, GEMM, name)
#define VEC(name) REF_GET(words, VEC, name)
#define OPCODE() REF_GET(words, COMMON, opcode)

static bool is_move(const uint32_t *words)
{
	return OPCODE() == QMAC_OPCODE_LOAD || OPCODE() == QMAC_OPCODE_STORE;
}

static int64_t container_bytes(const uint32_t *words)
{
	return (int64_t)ref_power((int)MOVE(container));
}

static bool bad_opcode(const uint32_t *words)
{
	if (OPCODE() < 1 || OPCODE() > 5)
		return true;
	if (OPCODE() == QMAC_OPCODE_STORE)
		return MOVE(space) != QMAC_SPACE_ACC;
	if (OPCODE() == QMAC_OPCODE_VEC)
		return VEC(op) > 8 || (VEC(rnd) == 3 && VEC(op) != QMAC_OP_EQ) || VEC(dspace) == 3 ||
		       VEC(s0space) == 3 || (VEC(op) == QMAC_OP_AFFINE && VEC(s1space) == 3);
	return false;
}

/* nbits of a limb that goes to A or W. */
static bool bad_limb(const struct qmac_hw *hw, int64_t space, int64_t nbits)
{
	return space <= QMAC_SPACE_W && (nbits < 1 || nbits > ref_word_bits(hw, space));
}

static bool bad_width(const struct qmac_hw *hw, const uint32_t *words)
{
	if (OPCODE() == QMAC_OPCODE_LOAD) {
		if (bad_limb(hw, MOVE(space), MOVE(nbits)))
			return true;
		if (MOVE(space) == QMAC_SPACE_LUT)
			return MOVE(container) != QMAC_CONTAINER_WORD;
		return MOVE(space) <= QMAC_SPACE_W && MOVE(lsb) + MOVE(nbits) > 8 * container_bytes(words);
	}
	if (OPCODE() == QMAC_OPCODE_VEC) {
		if (bad_limb(hw, VEC(dspace), VEC(nbits)))
			return true;
		if (VEC(bw) < 1 || VEC(bw) > 63 || VEC(bw) > hw->acc_bits)
			return true;
		if (VEC(op) == QMAC_OP_LOOKUP)
			return VEC(in_bits) < 1 || VEC(in_bits) > 32 || VEC(in_bits) < VEC(lut_n) ||
			       VEC(lut_n) > hw->lut_bits;
	}
	return false;
}

/* The highest row of a nest of three loops. */
static int64_t highest(int64_t first, int64_t n2, int64_t s2, int64_t n1, int64_t s1, int64_t n0, int64_t s0)
{
	return first + (n2 - 1) * s2 + (n1 - 1) * s1 + (n0 - 1) * s0;
}

static bool bad_counts(int64_t n2, int64_t n1, int64_t n0)
{
	return n2 == 0 || n1 == 0 || n0 == 0 || n2 * n1 * n0 > 65536;
}

static bool bad_range_move(const struct qmac_hw *hw, const uint32_t *words)
{
	int64_t n0 = MOVE(n0), n1 = MOVE(n1), n2 = MOVE(n2), len = MOVE(len), space = MOVE(space);

	if (bad_counts(n2, n1, n0) || len == 0)
		return true;
	if (space == QMAC_SPACE_LUT ? len != 1 : MOVE(lane0) + len > ref_width(hw, space))
		return true;
	if (highest(MOVE(row), n2, MOVE(ds2), n1, MOVE(ds1), n0, MOVE(ds0)) >= ref_depth(hw, space))
		return true;
	if (MOVE(lo0) > MOVE(hi0) || MOVE(hi0) >= n0 || MOVE(lo1) > MOVE(hi1) || MOVE(hi1) >= n1)
		return true;
	return MOVE(coalesce) &&
	       (MOVE(s0) != len * container_bytes(words) || MOVE(lo0) != 0 || MOVE(hi0) != n0 - 1);
}

static bool bad_range_gemm(const struct qmac_hw *hw, const uint32_t *words)
{
	int64_t n0 = GEMM(n0), n1 = GEMM(n1), n2 = GEMM(n2), k = GEMM(k), n = GEMM(n);

	if (bad_counts(n2, n1, n0) || k < 1 || k > hw->rows || n < 1 || n > hw->cols)
		return true;
	if (GEMM(acc_shift) >= hw->acc_bits)
		return true;
	if (highest(GEMM(a), n2, GEMM(as2), n1, GEMM(as1), n0, GEMM(as0)) >= hw->a_depth)
		return true;
	if (GEMM(mode) == QMAC_MODE_WS)
		return GEMM(w) + k > hw->w_depth ||
		       highest(GEMM(c), n2, GEMM(cs2), n1, GEMM(cs1), n0, GEMM(cs0)) >= hw->acc_depth;
	return n2 * n1 * n0 > hw->os_max || GEMM(c) + k > hw->acc_depth ||
	       highest(GEMM(w), n2, GEMM(ws2), n1, GEMM(ws1), n0, GEMM(ws0)) >= hw->w_depth;
}

static int64_t vec_highest_dst(const uint32_t *words)
{
	return highest(VEC(dst), 1, 0, VEC(n1), VEC(d1), VEC(red_rows) ? 1 : VEC(n0), VEC(d0));
}

static int64_t vec_highest_src0(const uint32_t *words)
{
	return highest(VEC(src0), 1, 0, VEC(n1), VEC(a1), VEC(n0), VEC(a0));
}

static int64_t vec_highest_src1(const uint32_t *words)
{
	return highest(VEC(src1), 1, 0, VEC(n1), VEC(b1), VEC(n0), VEC(b0));
}

static int64_t vec_last_coefficients(const uint32_t *words)
{
	return VEC(coef) + 3 * (VEC(coef_step) ? VEC(n1) : 1) - 1;
}

static int64_t vec_last_sum(const uint32_t *words)
{
	return VEC(sum) + VEC(n1) - 1;
}

/* What stands in ACC beside destination and sources. */
static bool bad_range_beside(const struct qmac_hw *hw, const uint32_t *words)
{
	if (VEC(op) == QMAC_OP_AFFINE &&
	    (VEC(lanes) > hw->cols || vec_last_coefficients(words) >= hw->acc_depth))
		return true;
	return ref_vec_has_sum(words) && (VEC(lanes) > hw->cols || vec_last_sum(words) >= hw->acc_depth);
}

static bool bad_range_vec(const struct qmac_hw *hw, const uint32_t *words)
{
	int64_t lanes = VEC(lanes), op = VEC(op);

	if (bad_counts(1, VEC(n1), VEC(n0)) || lanes == 0 || lanes > ref_width(hw, VEC(s0space)))
		return true;
	if (lanes + (VEC(dspace) == QMAC_SPACE_ACC ? 0 : VEC(lane0)) > ref_width(hw, VEC(dspace)))
		return true;
	if (vec_highest_dst(words) >= ref_depth(hw, VEC(dspace)) ||
	    vec_highest_src0(words) >= ref_depth(hw, VEC(s0space)))
		return true;
	if (ref_vec_has_rows_of_src1(words) && (lanes > ref_width(hw, VEC(s1space)) ||
	                                        vec_highest_src1(words) >= ref_depth(hw, VEC(s1space))))
		return true;
	if (bad_range_beside(hw, words))
		return true;
	if (op == QMAC_OP_LOOKUP)
		return VEC(lut_base) + ref_power((int)VEC(lut_n)) > ref_power(hw->lut_bits);
	return VEC(l0) > 31;
}

static bool bad_range(const struct qmac_hw *hw, const uint32_t *words)
{
	if (is_move(words))
		return bad_range_move(hw, words);
	if (OPCODE() == QMAC_OPCODE_GEMM)
		return bad_range_gemm(hw, words);
	return OPCODE() == QMAC_OPCODE_VEC && bad_range_vec(hw, words);
}

static bool bad_align(const uint32_t *words)
{
	int64_t bytes;

	if (!is_move(words))
		return false;
	bytes = container_bytes(words);
	return ref_base(words) % bytes != 0 || (MOVE(n0) > 1 && MOVE(s0) % bytes != 0) ||
	       (MOVE(n1) > 1 && MOVE(s1) % bytes != 0) || (MOVE(n2) > 1 && MOVE(s2) % bytes != 0);
}

static bool bad_order(const uint32_t *words, const uint32_t dispatched[3])
{
	const int64_t counts[3] = {REF_GET(words, COMMON, wait_load), REF_GET(words, COMMON, wait_exec),
	                           REF_GET(words, COMMON, wait_store)};

	for (int engine = 0; engine < 3; engine++) {
		int64_t ahead = ((int64_t)dispatched[engine] - counts[engine]) % 65536;

		if (REF_GET(words, COMMON, wait_mask) >> engine & 1 && (ahead + 65536) % 65536 >= 32768)
			return true;
	}
	return false;
}

/* Does the destination meet a source, other than by being the same rows in the same order, each but once? */
static bool meets(const uint32_t *words, int64_t space, int64_t first, int64_t last, int64_t s1, int64_t s0)
{
	bool same, once;

	if (space != VEC(dspace) || last < VEC(dst) || first > vec_highest_dst(words))
		return false;
	same = first == VEC(dst) && (VEC(n1) == 1 || s1 == VEC(d1)) && (VEC(n0) == 1 || s0 == VEC(d0)) &&
	       (!VEC(red_rows) || VEC(n0) == 1);
	once = VEC(n1) == 1 || VEC(n0) == 1 || VEC(d1) > (VEC(n0) - 1) * VEC(d0);
	return !(same && once);
}

/* Do the ACC rows first .. last lie among first1 .. last1 of a space? */
static bool overlap(int64_t first, int64_t last, int64_t space, int64_t first1, int64_t last1)
{
	return space == QMAC_SPACE_ACC && first <= last1 && first1 <= last;
}

static bool meets_coefficients(const uint32_t *words)
{
	return VEC(op) == QMAC_OP_AFFINE &&
	       overlap(VEC(coef), vec_last_coefficients(words), VEC(dspace), VEC(dst), vec_highest_dst(words));
}

static bool meets_sums(const uint32_t *words)
{
	int64_t first = VEC(sum), last = vec_last_sum(words);

	if (!ref_vec_has_sum(words))
		return false;
	return overlap(first, last, VEC(dspace), VEC(dst), vec_highest_dst(words)) ||
	       overlap(first, last, VEC(s0space), VEC(src0), vec_highest_src0(words)) ||
	       overlap(first, last, VEC(s1space), VEC(src1), vec_highest_src1(words)) ||
	       (VEC(op) == QMAC_OP_AFFINE &&
	        overlap(first, last, QMAC_SPACE_ACC, VEC(coef), vec_last_coefficients(words)));
}

static bool bad_hazard(const uint32_t *words)
{
	if (OPCODE() != QMAC_OPCODE_VEC)
		return false;
	if ((VEC(n1) > 1 && VEC(d1) == 0) || (VEC(n0) > 1 && VEC(d0) == 0 && !VEC(red_rows)))
		return true;
	if (meets(words, VEC(s0space), VEC(src0), vec_highest_src0(words), VEC(a1), VEC(a0)))
		return true;
	if (meets_coefficients(words) || meets_sums(words))
		return true;
	return ref_vec_has_rows_of_src1(words) &&
	       meets(words, VEC(s1space), VEC(src1), vec_highest_src1(words), VEC(b1), VEC(b0));
}

static bool bad_address(const uint32_t *words, uint64_t mem_base, uint64_t mem_size)
{
	ref_int first, length;

	if (!is_move(words))
		return false;
	first = (ref_base(words) + (ref_int)MOVE(lo1) * MOVE(s1) + (ref_int)MOVE(lo0) * MOVE(s0)) % ref_power(48);
	length = (ref_int)(MOVE(n2) - 1) * MOVE(s2) + (ref_int)(MOVE(hi1) - MOVE(lo1)) * MOVE(s1) +
	         (ref_int)(MOVE(hi0) - MOVE(lo0)) * MOVE(s0) + MOVE(len) * container_bytes(words);
	return first < (ref_int)mem_base || first + length > (ref_int)mem_base + (ref_int)mem_size;
}

unsigned ref_fault(const struct qmac_hw *hw, uint64_t mem_base, uint64_t mem_size,
                   const uint32_t dispatched[3], const uint32_t words[QMAC_COMMAND_WORDS])
{
	if (bad_opcode(words))
		return QMAC_FAULT_OPCODE;
	if (ref_reserved_bit_set(words))
		return QMAC_FAULT_RESERVED;
	if (bad_width(hw, words))
		return QMAC_FAULT_WIDTH;
	if (bad_range(hw, words))
		return QMAC_FAULT_RANGE;
	if (bad_align(words))
		return QMAC_FAULT_ALIGN;
	if (bad_order(words, dispatched))
		return QMAC_FAULT_ORDER;
	if (bad_hazard(words))
		return QMAC_FAULT_HAZARD;
	if (bad_address(words, mem_base, mem_size))
		return QMAC_FAULT_ADDRESS;
	return QMAC_FAULT_NONE;
}
