/* Energy: the model of a MAC, energies of a few commands by hand, and that parts sum to the whole. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit_fusion.h"
#include "config/energy_file.h"
#include "mac_rows.h"
#include "shipped_hw.h"
#include "test.h"

static struct qmac_energy_table default_table(void)
{
	struct qmac_energy_table table;

	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&table, "", NULL), QMAC_OK);
	return table;
}

/* All coefficients are 1, so that energies are counts. */
static struct qmac_energy_table ones(void)
{
	struct qmac_energy_table table = default_table();

	for (int i = 0; i < QMAC_ENERGY_COEFFICIENTS; i++)
		table.of[i].band = (struct qmac_band){.5, 1, 2};
	return table;
}

static bool is_near(double got, double wanted, double share)
{
	if (fabs(got - wanted) <= share * fabs(wanted))
		return true;
	printf("\n    got %.17g, wanted %.17g ", got, wanted);
	return false;
}

/* ---- the MAC ---------------------------------------------------------------------- */

/* The coefficients of the default table are the fit, and the fit tells the width that is not in it. */
static void test_mac_model(void)
{
	struct qmac_energy_table table = default_table();
	static const int shared[] = {QMAC_ENERGY_MULTIPLIER, QMAC_ENERGY_ACCUMULATOR, QMAC_ENERGY_REGISTER};
	struct mac_fit narrow = fit_macs(4), wide = fit_macs(8);
	/*
	 * A fixed element of 8 bits: Bit Fusion's growth from 4 to 8 bits, 2^1.31. And Horowitz's product of
	 * 8 bits and addition of 32.
	 */
	const double fixed_8 = .1202 * pow(2, 1.31), horowitz = .2 + .1;

	for (int i = 0; i < 3; i++)
		CU_ASSERT(is_near(table.of[shared[i]].band.nominal, narrow.k[i], 1e-4));
	CU_ASSERT(is_near(table.of[QMAC_ENERGY_ACCUMULATOR].band.low, wide.k[1], 1e-4));
	for (int i = 0; i < PE_COUNT; i++) {
		int n = pes[i].bits;

		CU_ASSERT(is_near(qmac_energy_of_mac(&table, n, n, 2 * n + 4).nominal, pes[i].energy, 1e-3));
	}
	for (int more = 4; more <= 8; more += 4) {
		struct mac_fit fit = fit_macs(more);

		CU_ASSERT(is_near(fitted_energy(&fit, 8, more), fixed_8, .15));
		CU_ASSERT(is_near(fitted_energy(&fit, 8, more), horowitz, .15));
	}
	CU_ASSERT(is_near(qmac_energy_of_mac(&table, 8, 8, 20).nominal, fixed_8, .15));
	/* Operands may differ in width. */
	CU_ASSERT(is_near(qmac_energy_of_mac(&table, 4, 16, 24).nominal,
	                  narrow.k[0] * 64 + narrow.k[1] * 24 + narrow.k[2] * 20, 1e-4));
}

/*
 * The table of this RTL is what a fit to its rows gives, and has their energies by width: MACs are as far
 * from one of 8 bits as in the netlist, and one of 8 bits costs what it costs by the default table, which is
 * as near to the netlist.
 */
static void test_mac_of_rtl(void)
{
	static struct mac_rows rows;
	struct qmac_energy_table table, fitted = default_table();
	double pinned;

	mac_read(&rows);
	pinned = mac_energy(&fitted, &rows.row[rows.pinned]);
	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&table, "configs/energy/rtl_45nm.yaml", NULL), QMAC_OK);
	CU_ASSERT(rows.count >= 5);
	CU_ASSERT(is_near(mac_energy(&table, &rows.row[rows.pinned]), pinned, 1e-3));
	for (int r = 0; r < rows.count; r++) {
		const struct mac_row *row = &rows.row[r];

		CU_ASSERT(is_near(mac_energy(&table, row) / pinned, row->pj / rows.row[rows.pinned].pj, .08));
		CU_ASSERT(is_near(mac_energy(&fitted, row) / pinned, row->pj / rows.row[rows.pinned].pj, .09));
		CU_ASSERT(row->pj_delays >= row->pj);
	}
	mac_calibrate(&rows, &fitted);
	for (int i = 0; i < QMAC_ENERGY_COEFFICIENTS; i++) {
		const struct qmac_band *got = &table.of[i].band, *wanted = &fitted.of[i].band;

		CU_ASSERT(is_near(got->low, wanted->low, 1e-3) && is_near(got->nominal, wanted->nominal, 1e-3) &&
		          is_near(got->high, wanted->high, 1e-3));
	}
}

/* ---- by hand ------------------------------------------------------------------------ */

/* On ragged: 12 x 20, a 7 bits, w 11, acc 40, sums of 28, depths 1000, 1002, 1004, table of 2^5, 1 GHz. */
static void count(const struct qmac_hw *hw, const struct qmac_command *command, uint64_t counts[QMAC_COUNTS])
{
	qmac_count(hw, command, counts);
	qmac_count_actions(command, counts);
	counts[QMAC_COUNTER_FETCH_BYTES] += QMAC_COMMAND_BYTES;
}

/* A LOAD of 6 rows of 12 bytes, a product of 5 slots by 12 x 20, its requantisation, a STORE of 5 rows. */
static void tiny_program(const struct qmac_hw *hw, uint64_t counts[QMAC_COUNTS])
{
	const struct qmac_command load = {
		.opcode = QMAC_OPCODE_LOAD, .n0 = 6, .n1 = 1, .n2 = 1, .hi0 = 5, .len = 12, .s0 = 12, .ds0 = 1,
		.space = QMAC_SPACE_A, .is_signed = 1, .nbits = 7,
	};
	const struct qmac_command gemm = {
		.opcode = QMAC_OPCODE_GEMM, .n0 = 5, .n1 = 1, .n2 = 1, .k = 12, .n = 20, .as0 = 1, .cs0 = 1,
		.accumulate = 1,
	};
	const struct qmac_command vec = {
		.opcode = QMAC_OPCODE_VEC, .n0 = 5, .n1 = 1, .a0 = 1, .d0 = 1, .op = QMAC_OP_ADD, .lanes = 20,
		.s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM, .dspace = QMAC_SPACE_ACC, .mult = 3, .bw = 8,
		.rnd = QMAC_ROUND_STOCHASTIC,
	};
	const struct qmac_command store = {
		.opcode = QMAC_OPCODE_STORE, .n0 = 5, .n1 = 1, .n2 = 1, .hi0 = 4, .len = 20, .s0 = 20, .ds0 = 1,
		.space = QMAC_SPACE_ACC, .is_signed = 1,
	};

	count(hw, &load, counts);
	count(hw, &gemm, counts);
	count(hw, &vec, counts);
	count(hw, &store, counts);
}

static void test_by_hand(void)
{
	struct qmac_energy_table table = ones();
	struct qmac_hw hw = shipped_hw("ragged");
	uint64_t counts[QMAC_COUNTS] = {0};
	struct qmac_band got[QMAC_ENERGY_COMPONENTS], total;
	/* 1,200 MACs, of which 200 are gated; 12 x 20 weights go 12 rows down; 100 sums go to ACC. */
	const double mac = 1000 * 77. + 1200 * (28 + 18.) + 240 * 12 * 11. + 100 * 2 * 40.;
	const double wanted[QMAC_ENERGY_COMPONENTS] = {
		[QMAC_ENERGY_MAC] = mac,
		[QMAC_ENERGY_VEC] = 100 * 40 * 18. + 100 * 40. + 100 * 6 * 40.,
		[QMAC_ENERGY_REQUANTISE] = 100 * 3 * 64.,
		[QMAC_ENERGY_RANDOM] = 100 * 640.,
		[QMAC_ENERGY_LOOKUP] = 0,
		[QMAC_ENERGY_A] = (6 + 5) * 84 / 32.,
		[QMAC_ENERGY_W] = 12 * 220 / 32.,
		[QMAC_ENERGY_ACC] = (5 + 5 + 5 + 5 + 5) * 800 / 32., /* GEMM and VEC read and write, STORE reads */
		[QMAC_ENERGY_CONTROL] = 70 * (3 * 4 * 512 + 2 * 64.),
		/* uW times us: PEs, 20 lanes; 2 banks of words; the table */
		[QMAC_ENERGY_LEAKAGE] = .07 * (240 * (77 + 46) + 20 * (2 * 40 * 18 + 6 * 40.)
		                              + 1000 * (2 * (84 + 220 + 800) / 32. + 1)),
		[QMAC_ENERGY_DRAM_DATA] = 8 * (72 + 100.),
		[QMAC_ENERGY_DRAM_DESCRIPTORS] = 8 * 256,
	};
	double sum = 0;

	tiny_program(&hw, counts);
	CU_ASSERT(counts[QMAC_COUNTER_MACS] == 1200);
	counts[QMAC_COUNTER_ZERO_MACS] = 200;
	counts[QMAC_COUNTER_CYCLES] = 70;
	total = qmac_energy(&table, &hw, QMAC_DRAM_LPDDR4, counts, got);
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++) {
		if (!is_near(got[c].nominal, 1e-12 * wanted[c], 1e-12))
			printf("for %s", qmac_energy_component_names[c]);
		CU_ASSERT(is_near(got[c].nominal, 1e-12 * wanted[c], 1e-12));
		CU_ASSERT(is_near(got[c].low, .5e-12 * wanted[c], 1e-12));
		CU_ASSERT(is_near(got[c].high, 2e-12 * wanted[c], 1e-12));
		sum += wanted[c];
	}
	CU_ASSERT(is_near(total.nominal, 1e-12 * sum, 1e-12));
	hw.zero_gating = 0;
	(void)qmac_energy(&table, &hw, QMAC_DRAM_LPDDR4, counts, got);
	CU_ASSERT(is_near(got[QMAC_ENERGY_MAC].nominal, 1e-12 * (mac + 200 * 77), 1e-12));
}

/* A memory between two sizes lies on the line between them; a larger one consists of blocks of 16 KiB. */
static void test_memories(void)
{
	struct qmac_energy_table table = default_table();
	struct qmac_hw hw = shipped_hw("16x16_w8");
	uint64_t counts[QMAC_COUNTS] = {0};
	struct qmac_band got[QMAC_ENERGY_COMPONENTS];

	counts[QMAC_COUNTER_A_READS] = 1; /* 128 bits: four memories, 2 banks of 4,096 words each */
	counts[QMAC_COUNTER_W_WRITES] = 1; /* 2,048 words: 8 KiB */
	(void)qmac_energy(&table, &hw, QMAC_DRAM_DDR4, counts, got);
	CU_ASSERT(is_near(got[QMAC_ENERGY_A].nominal, 4e-12 * 9.982, 1e-12));
	CU_ASSERT(is_near(got[QMAC_ENERGY_W].nominal, 4e-12 * (4.31 + (8.421 - 4.31) / 3), 1e-12));
	hw.a_depth = 65536;
	(void)qmac_energy(&table, &hw, QMAC_DRAM_DDR4, counts, got);
	CU_ASSERT(is_near(got[QMAC_ENERGY_A].nominal, 4e-12 * 9.982, 1e-12));
	hw.w_depth = 32; /* 64 bytes: as one of 128 */
	(void)qmac_energy(&table, &hw, QMAC_DRAM_DDR4, counts, got);
	CU_ASSERT(is_near(got[QMAC_ENERGY_W].nominal, 4e-12 * .925, 1e-12));
}

/* Every memory chip has its own coefficients, reads and descriptors those of reading. */
static void test_dram(void)
{
	static const struct {
		enum qmac_dram_kind kind;
		double read, write;
	} cases[] = {
		{QMAC_DRAM_DDR3, 40.625, 40.625}, {QMAC_DRAM_DDR4, 20.3125, 20.3125}, {QMAC_DRAM_GDDR5, 14, 14},
		{QMAC_DRAM_LPDDR4, 8, 8}, {QMAC_DRAM_HBM2, 3.9, 3.9},
	};
	struct qmac_energy_table table = default_table();
	struct qmac_hw hw = shipped_hw("8x8_w8");
	struct qmac_band got[QMAC_ENERGY_COMPONENTS];
	uint64_t counts[QMAC_COUNTS] = {0};

	counts[QMAC_COUNTER_DRAM_READ_BYTES] = 1000;
	counts[QMAC_COUNTER_DRAM_WRITE_BYTES] = 10;
	counts[QMAC_COUNTER_FETCH_BYTES] = 64;
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		(void)qmac_energy(&table, &hw, cases[i].kind, counts, got);
		CU_ASSERT(is_near(got[QMAC_ENERGY_DRAM_DATA].nominal,
		                  8e-12 * (1000 * cases[i].read + 10 * cases[i].write), 1e-4));
		CU_ASSERT(is_near(got[QMAC_ENERGY_DRAM_DESCRIPTORS].nominal, 8e-12 * 64 * cases[i].read, 1e-4));
	}
	(void)qmac_energy(&table, &hw, QMAC_DRAM_HBM2, counts, got);
	CU_ASSERT(is_near(got[QMAC_ENERGY_DRAM_DATA].low, 8e-12 * (1000 * 1.6 + 10 * 2.1), 1e-12));
}

/* ---- parts and the whole --------------------------------------------------------------- */

/* Random counts, cut into parts at random: the energies of the parts sum to that of the whole. */
static void test_parts(void)
{
	enum { TURNS = 300, PARTS = 7 };
	struct qmac_energy_table table = default_table();
	uint64_t rng = test_seed();

	for (int turn = 0; turn < TURNS; turn++) {
		struct qmac_hw hw = shipped_hw(turn % 2 ? "ragged" : "edge_16x16");
		enum qmac_dram_kind kind = (enum qmac_dram_kind)(turn % QMAC_DRAM_NONE);
		uint64_t whole[QMAC_COUNTS] = {0}, part[PARTS][QMAC_COUNTS];
		struct qmac_band sum = {0, 0, 0}, total, got;

		for (int p = 0; p < PARTS; p++)
			for (int i = 0; i < QMAC_COUNTS; i++) {
				part[p][i] = test_random(&rng) >> test_between(&rng, 24, 63);
				if (i == QMAC_COUNTER_ZERO_MACS)
					part[p][i] %= part[p][QMAC_COUNTER_MACS] + 1;
				whole[i] += part[p][i];
			}
		for (int p = 0; p < PARTS; p++) {
			got = qmac_energy(&table, &hw, kind, part[p], NULL);
			sum.low += got.low;
			sum.nominal += got.nominal;
			sum.high += got.high;
		}
		total = qmac_energy(&table, &hw, kind, whole, NULL);
		CU_ASSERT(total.low <= total.nominal && total.nominal <= total.high && total.low > 0);
		CU_ASSERT(is_near(sum.low, total.low, 1e-13));
		CU_ASSERT(is_near(sum.nominal, total.nominal, 1e-13));
		CU_ASSERT(is_near(sum.high, total.high, 1e-13));
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"the model of a MAC tells a width that it was not fitted to", test_mac_model},
		{"the MACs of this RTL", test_mac_of_rtl},
		{"a tiny program by hand", test_by_hand},
		{"memories by their size", test_memories},
		{"memory chips", test_dram},
		{"parts sum to the whole", test_parts},
	};

	return test_main("test_energy", cases, TEST_COUNT(cases));
}
