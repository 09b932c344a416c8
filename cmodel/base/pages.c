#include "base/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 64 }; /* bits */

enum qmac_status qmac_pages_init(struct qmac_pages *pages, uint64_t memory_bytes, struct qmac_error *err)
{
	uint64_t bits;

	memset(pages, 0, sizeof *pages);
	pages->count = bits = memory_bytes / QMAC_PAGE_BYTES + (memory_bytes % QMAC_PAGE_BYTES != 0);
	do {
		int l = pages->levels;

		assert(l < QMAC_PAGES_LEVELS);
		pages->words[l] = bits / WORD + (bits % WORD != 0 || bits == 0);
		pages->level[l] = calloc(pages->words[l], sizeof pages->level[l][0]);
		if (!pages->level[l])
			return qmac_fail(err, QMAC_INTERNAL, "out of memory for the pages of %llu bytes",
			                 (unsigned long long)memory_bytes);
		pages->levels++;
		bits = pages->words[l];
	} while (bits > 1);
	return QMAC_OK;
}

void qmac_pages_free(struct qmac_pages *pages)
{
	for (int l = 0; l < pages->levels; l++)
		free(pages->level[l]);
	memset(pages, 0, sizeof *pages);
}

void qmac_pages_add(struct qmac_pages *pages, uint64_t page)
{
	assert(page < pages->count);
	for (int l = 0; l < pages->levels; l++, page /= WORD) {
		uint64_t *word = &pages->level[l][page / WORD], before = *word;

		*word |= 1ULL << page % WORD;
		if (before)
			return;
	}
}

bool qmac_pages_has(const struct qmac_pages *pages, uint64_t page)
{
	assert(page < pages->count);
	return pages->level[0][page / WORD] >> page % WORD & 1;
}

void qmac_pages_add_range(struct qmac_pages *pages, uint64_t address, uint64_t bytes)
{
	for (uint64_t page = address / QMAC_PAGE_BYTES; bytes && page <= (address + bytes - 1) / QMAC_PAGE_BYTES;)
		qmac_pages_add(pages, page++);
}

uint64_t qmac_pages_next(const struct qmac_pages *pages, uint64_t from)
{
	uint64_t at = from, word = 0;
	int l;

	/* Up to a word that has something behind, then down to its first. */
	for (l = 0; l < pages->levels; l++, at = at / WORD + 1) {
		if (at / WORD >= pages->words[l])
			return pages->count;
		word = pages->level[l][at / WORD] & UINT64_MAX << at % WORD;
		if (word)
			break;
	}
	if (!word)
		return pages->count;
	at = at / WORD * WORD + (uint64_t)__builtin_ctzll(word);
	while (l-- > 0)
		at = at * WORD + (uint64_t)__builtin_ctzll(pages->level[l][at]);
	return at;
}

void qmac_pages_clear(struct qmac_pages *pages)
{
	for (uint64_t page; (page = qmac_pages_next(pages, 0)) < pages->count;) {
		pages->level[0][page / WORD] = 0;
		page /= WORD;
		for (int l = 1; l < pages->levels; l++, page /= WORD) {
			pages->level[l][page / WORD] &= ~(1ULL << page % WORD);
			if (pages->level[l][page / WORD])
				break;
		}
	}
}
