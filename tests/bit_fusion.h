/*
 * The processing elements that the model of a MAC is fitted to, and the fit: for the test of the shipped
 * table and the table of docs/cost.md.
 */
#ifndef QMAC_TESTS_BIT_FUSION_H
#define QMAC_TESTS_BIT_FUSION_H

enum { PE_COUNT = 3 };

/* Bit Fusion's fixed-point processing elements, 45 nm, 500 MHz: bits of both operands, pJ a cycle. */
static const struct {
	int bits;
	double energy;
} pes[PE_COUNT] = {{2, .0575}, {4, .1202}, {16, .9474}};

/* Multiplier, accumulator, register: the energy of a MAC is k[0] n n + k[1] (2 n + more) + k[2] 2 n. */
struct mac_fit {
	double k[3];
};

/* The model goes through all three; the sums of an element have 2 n + more bits. */
static inline struct mac_fit fit_macs(int more)
{
	double row[PE_COUNT][PE_COUNT + 1];
	struct mac_fit fit;

	for (int i = 0; i < PE_COUNT; i++) {
		double n = pes[i].bits;

		row[i][0] = n * n;
		row[i][1] = 2 * n + more;
		row[i][2] = 2 * n;
		row[i][3] = pes[i].energy;
	}
	for (int i = 0; i < PE_COUNT; i++) /* Gauss and Jordan; no pivot is 0 */
		for (int r = 0; r < PE_COUNT; r++) {
			double times = row[r][i] / row[i][i];

			for (int c = i; r != i && c <= PE_COUNT; c++)
				row[r][c] -= times * row[i][c];
		}
	for (int i = 0; i < PE_COUNT; i++)
		fit.k[i] = row[i][PE_COUNT] / row[i][i];
	return fit;
}

static inline double fitted_energy(const struct mac_fit *fit, int bits, int more)
{
	return fit->k[0] * bits * bits + fit->k[1] * (2 * bits + more) + fit->k[2] * 2 * bits;
}

#endif
