/* The smaller and the larger of two whole numbers, such as widths and fraction bits. */
#ifndef QMAC_NUM_WHOLE_H
#define QMAC_NUM_WHOLE_H

static inline int qmac_smaller_int(int a, int b)
{
	return a < b ? a : b;
}

static inline int qmac_larger_int(int a, int b)
{
	return a > b ? a : b;
}

#endif
