/*
 * Tiles that are moved: every kernel beside the oracle, in memory of just the bytes that it may touch, as the
 * sanitizers see. Rows of every length up to that of the widest array and beyond; neighbours, far apart, and
 * such that overlap; words around the limits of every container.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "test.h"

enum { LEN_MAX = QMAC_LANES_MAX + 9, ROWS_MAX = 7, WIDEST = 8 /* bytes of a container, of a word */ };

static uint64_t state;

static uint32_t below(uint32_t count)
{
	return (uint32_t)(test_random(&state) % count);
}

static struct qmac_tile any_tile(uint32_t len, unsigned container)
{
	struct qmac_tile tile = {
		.rows = below(ROWS_MAX) + 1, .len = len, .after = below(2) ? 0 : below(LEN_MAX),
		.container = container, .is_signed = below(2),
	};
	uint64_t bytes = (uint64_t)len << container;

	tile.pitch = bytes + (below(2) ? 0 : (uint64_t)below(20) << container);
	if (below(4) == 0)
		tile.pitch = (uint64_t)below(len) << container;
	tile.step = (ptrdiff_t)(len + tile.after + (below(2) ? 0 : below(20)));
	if (below(8) == 0)
		tile.step = 0;
	return tile;
}

static size_t memory_bytes(const struct qmac_tile *tile)
{
	return (size_t)((tile->rows - 1) * tile->pitch) + ((size_t)tile->len << tile->container);
}

static size_t chip_lanes(const struct qmac_tile *tile)
{
	return (tile->rows - 1) * (size_t)tile->step + tile->len + tile->after;
}

/* Random bytes, the same ones twice. */
static void fill(uint8_t *data, uint8_t *again, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		data[i] = again[i] = (uint8_t)test_random(&state);
}

static int64_t any_word(unsigned container)
{
	int bits = (8 << container) - (int)below(2);
	int64_t edge = (int64_t)1 << (bits < 62 ? bits : 62);

	switch (below(4)) {
	case 0:
		return (int64_t)test_random(&state);
	case 1:
		return edge - 1 + below(2);
	case 2:
		return -edge + 1 - below(3);
	default:
		return (int64_t)below(256) - 128;
	}
}

/* Memory and chip of a tile, twice: for the oracle, and for a kernel. */
struct place {
	uint8_t *memory[2], *chip[2];
	size_t bytes, lanes;
};

static void place_open(struct place *p, const struct qmac_tile *tile, size_t size)
{
	p->bytes = memory_bytes(tile);
	p->lanes = chip_lanes(tile);
	for (int i = 0; i < 2; i++) {
		p->memory[i] = malloc(p->bytes);
		p->chip[i] = malloc(p->lanes * size);
		if (!p->memory[i] || !p->chip[i])
			abort();
	}
	fill(p->memory[0], p->memory[1], p->bytes);
	fill(p->chip[0], p->chip[1], p->lanes * size);
}

/* Is there a difference? */
static bool place_close(struct place *p, size_t size)
{
	bool differs = memcmp(p->memory[0], p->memory[1], p->bytes) != 0 ||
	               memcmp(p->chip[0], p->chip[1], p->lanes * size) != 0;

	for (int i = 0; i < 2; i++) {
		free(p->memory[i]);
		free(p->chip[i]);
	}
	return differs;
}

static bool cut_differs(const struct qmac_kernel *kernel, const struct qmac_tile *tile)
{
	int bits = 8 << tile->container, lsb = (int)below((uint32_t)bits);
	int width = (int)below((uint32_t)(bits - lsb)) + 1;
	const struct qmac_cut cut = {
		.lsb = lsb, .mask = (uint16_t)((1U << width) - 1),
		.sign = (uint16_t)(width == 16 || below(2) ? 1U << (width - 1) : 0),
	};
	struct place p;

	place_open(&p, tile, sizeof(int16_t));
	qmac_kernel_scalar.cut(&cut, tile, p.memory[0], (int16_t *)(void *)p.chip[0]);
	kernel->cut(&cut, tile, p.memory[1], (int16_t *)(void *)p.chip[1]);
	return place_close(&p, sizeof(int16_t));
}

static bool widen_differs(const struct qmac_kernel *kernel, const struct qmac_tile *tile)
{
	struct place p;

	place_open(&p, tile, sizeof(int64_t));
	qmac_kernel_scalar.widen(tile, p.memory[0], (int64_t *)(void *)p.chip[0]);
	kernel->widen(tile, p.memory[1], (int64_t *)(void *)p.chip[1]);
	return place_close(&p, sizeof(int64_t));
}

static bool fit_differs(const struct qmac_kernel *kernel, const struct qmac_tile *tile)
{
	uint64_t limited[2];
	struct place p;

	place_open(&p, tile, sizeof(int64_t));
	for (size_t i = 0; i < p.lanes; i++) {
		int64_t word = any_word(tile->container);

		memcpy(p.chip[0] + i * sizeof word, &word, sizeof word);
		memcpy(p.chip[1] + i * sizeof word, &word, sizeof word);
	}
	limited[0] = qmac_kernel_scalar.fit(tile, (const int64_t *)(void *)p.chip[0], p.memory[0]);
	limited[1] = kernel->fit(tile, (const int64_t *)(void *)p.chip[1], p.memory[1]);
	return place_close(&p, sizeof(int64_t)) || limited[0] != limited[1];
}

/* `differs` for tiles of every length with containers up to `container`, for every kernel. */
static void each_tile(bool (*differs)(const struct qmac_kernel *, const struct qmac_tile *),
                      unsigned container, bool stores)
{
	state = test_seed();
	for (const char *const *name = qmac_kernel_names(); *name; name++) {
		const struct qmac_kernel *kernel = NULL;
		int wrong = 0;

		CU_ASSERT_EQUAL_FATAL(qmac_kernel_find(*name, &kernel, NULL), QMAC_OK);
		for (uint32_t i = 0; i < 8 * LEN_MAX * (container + 1); i++) {
			struct qmac_tile tile = any_tile(i % LEN_MAX + 1, i / LEN_MAX % (container + 1));

			if (stores)
				tile.after = 0;
			wrong += differs(kernel, &tile);
		}
		CU_ASSERT_EQUAL(wrong, 0);
	}
}

static void test_cut(void)
{
	each_tile(cut_differs, QMAC_CONTAINER_HALF, false);
}

static void test_widen(void)
{
	each_tile(widen_differs, QMAC_CONTAINER_DOUBLE, false);
}

static void test_fit(void)
{
	each_tile(fit_differs, QMAC_CONTAINER_DOUBLE, true);
}

/* The oracle's limits by hand: the ends of each container, and what is one beyond. */
static void test_limits(void)
{
	static const struct {
		unsigned container;
		bool is_signed;
		int64_t low, high;
	} ends[] = {
		{QMAC_CONTAINER_BYTE, true, -128, 127}, {QMAC_CONTAINER_BYTE, false, 0, 255},
		{QMAC_CONTAINER_HALF, true, -32768, 32767}, {QMAC_CONTAINER_HALF, false, 0, 65535},
		{QMAC_CONTAINER_WORD, true, INT32_MIN, INT32_MAX}, {QMAC_CONTAINER_WORD, false, 0, UINT32_MAX},
	};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		const int64_t words[] = {ends[i].low - 1, ends[i].low, ends[i].high, ends[i].high + 1};
		const struct qmac_tile tile = {
			.rows = 1, .len = 4, .container = ends[i].container, .is_signed = ends[i].is_signed,
		};
		int bytes = 1 << ends[i].container;
		uint8_t to[4 * WIDEST];

		CU_ASSERT_EQUAL(qmac_kernel_scalar.fit(&tile, words, to), 2);
		for (int b = 0; b < bytes; b++) {
			uint8_t low = (uint8_t)((uint64_t)ends[i].low >> 8 * b);
			uint8_t high = (uint8_t)((uint64_t)ends[i].high >> 8 * b);

			CU_ASSERT(to[b] == low && to[bytes + b] == low);
			CU_ASSERT(to[2 * bytes + b] == high && to[3 * bytes + b] == high);
		}
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"operands from containers", test_cut},
		{"words from containers", test_widen},
		{"words to containers", test_fit},
		{"limits of containers", test_limits},
	};

	return test_main("test_kernel_move", cases, TEST_COUNT(cases));
}
