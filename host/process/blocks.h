/*
 * Work on many samples whose result does not depend on the number of threads: the samples are
 * cut into a fixed number of blocks; threads share out the blocks, and the caller adds
 * what the blocks gave in block order.
 */
#ifndef QMAC_PROCESS_BLOCKS_H
#define QMAC_PROCESS_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

enum { QMAC_BLOCKS = 64 };

/* First sample of a block of `blocks`; block number `blocks` begins behind the last one. */
static inline int64_t qmac_block_begin(int64_t samples, int block, int blocks)
{
	return samples * block / blocks;
}

/*
 * Calls work(context, block) once for each of `blocks` blocks, at most QMAC_BLOCKS, on up to `threads`
 * threads, and waits for all. False where blocks were left out, because a stop of the process was due.
 */
bool qmac_blocks_run(int threads, int blocks, void (*work)(void *context, int block), void *context);

#endif
