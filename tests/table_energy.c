/*
 * Prints the tables of docs/cost.md, "A MAC": the fit to Bit Fusion's processing elements, and what it says
 * of 8 bits, which are not among them.
 */
#include <stdio.h>

#include "bit_fusion.h"
#include "test.h"

int main(void)
{
	static const int more[] = {4, 8};

	printf("| sums of | k1, pJ/bit^2 | k2, pJ/bit | k3, pJ/bit | 2 bits | 4 bits | 8 bits | 16 bits |\n");
	printf("|---|---|---|---|---|---|---|---|\n");
	for (int i = 0; i < TEST_COUNT(more); i++) {
		struct mac_fit fit = fit_macs(more[i]);

		printf("| 2 n + %d bits | %.5g | %.5g | %.5g |", more[i], fit.k[0], fit.k[1], fit.k[2]);
		for (int n = 2; n <= 16; n *= 2)
			printf(" %.4f |", fitted_energy(&fit, n, more[i]));
		printf("\n");
	}
	return 0;
}
