#include "net/copy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int64_t qmac_net_count(const struct qmac_view *view)
{
	return view->positions[0] * view->positions[1] * view->positions[2] * view->channels;
}

/* ---- containers -------------------------------------------------------------------------------- */

/* n containers, little-endian, of each step-th value. */
static void pack(unsigned container, const int64_t *values, int64_t step, int64_t n, unsigned char *to)
{
	switch (container) {
	case QMAC_CONTAINER_BYTE:
		for (int64_t i = 0; i < n; i++)
			to[i] = (unsigned char)values[i * step];
		return;
	case QMAC_CONTAINER_HALF:
		for (int64_t i = 0; i < n; i++) {
			to[2 * i] = (unsigned char)values[i * step];
			to[2 * i + 1] = (unsigned char)((uint64_t)values[i * step] >> 8);
		}
		return;
	default:
		for (int64_t i = 0; i < n; i++)
			for (int b = 0; b < 1 << container; b++)
				to[(i << container) + b] = (unsigned char)((uint64_t)values[i * step] >> 8 * b);
	}
}

/* For a container that is known where this is called: its bytes then are one load. */
static inline void unpack_of(unsigned container, const unsigned char *from, int64_t n, int64_t *values)
{
	int size = 1 << container, unused = 64 - 8 * size;

	for (int64_t i = 0; i < n; i++) {
		uint64_t value = 0;

		for (int b = 0; b < size; b++)
			value |= (uint64_t)from[(i << container) + b] << 8 * b;
		values[i] = (int64_t)(value << unused) >> unused;
	}
}

static void unpack(unsigned container, const unsigned char *from, int64_t n, int64_t *values)
{
	switch (container) {
	case QMAC_CONTAINER_BYTE:
		unpack_of(QMAC_CONTAINER_BYTE, from, n, values);
		return;
	case QMAC_CONTAINER_HALF:
		unpack_of(QMAC_CONTAINER_HALF, from, n, values);
		return;
	case QMAC_CONTAINER_WORD:
		unpack_of(QMAC_CONTAINER_WORD, from, n, values);
		return;
	default:
		unpack_of(QMAC_CONTAINER_DOUBLE, from, n, values);
	}
}

/* ---- bytes of a view, one after the other --------------------------------------------------------- */

/* SLACK: whoever copies by words may read or write so many bytes behind a row. */
enum { PIECE = 1 << 14, SLACK = 8 };

/* Between a view and device memory; `at` is the first byte of the piece, from the view's first. */
struct stream {
	struct qmac_driver *driver;
	struct qmac_buffer buffer;
	uint64_t at;
	uint64_t fill;             /* bytes of the piece that are there */
	unsigned char piece[PIECE + SLACK];
};

static void open(struct stream *stream, struct qmac_driver *driver, const struct qmac_view *view)
{
	stream->driver = driver;
	stream->buffer = (struct qmac_buffer){view->address, qmac_view_bytes(view)};
	stream->at = stream->fill = 0;
}

static void flush(struct stream *stream)
{
	qmac_driver_upload(stream->driver, stream->buffer, stream->at, stream->piece, stream->fill);
	stream->at += stream->fill;
	stream->fill = 0;
}

/* Zeros up to a byte of the view. */
static void fill_up(struct stream *stream, uint64_t to)
{
	while (stream->at + stream->fill < to) {
		uint64_t bytes = to - stream->at - stream->fill, room = PIECE - stream->fill;

		bytes = bytes < room ? bytes : room;
		memset(stream->piece + stream->fill, 0, bytes);
		stream->fill += bytes;
		if (stream->fill == PIECE)
			flush(stream);
	}
}

/* Where to write `bytes` bytes, the first of which is number `at` of the view. */
static unsigned char *next_written(struct stream *stream, uint64_t at, uint64_t bytes)
{
	unsigned char *to;

	assert(bytes <= PIECE && at >= stream->at + stream->fill);
	fill_up(stream, at);
	if (stream->fill + bytes > PIECE)
		flush(stream);
	to = stream->piece + stream->fill;
	stream->fill += bytes;
	return to;
}

static void close_written(struct stream *stream)
{
	fill_up(stream, stream->buffer.bytes);
	if (stream->fill)
		flush(stream);
}

/* The next bytes in the place of those before number `at` of the view. */
static void read_on(struct stream *stream, uint64_t at)
{
	uint64_t old = at - stream->at < stream->fill ? at - stream->at : stream->fill, rest, room;

	memmove(stream->piece, stream->piece + old, stream->fill - old);
	stream->at += old;
	stream->fill -= old;
	rest = stream->buffer.bytes - stream->at - stream->fill;
	room = PIECE - stream->fill;
	room = room < rest ? room : rest;
	qmac_driver_download(stream->driver, stream->buffer, stream->at + stream->fill,
	                     stream->piece + stream->fill, room);
	stream->fill += room;
}

/* Where `bytes` bytes are, the first of which is number `at` of the view. */
static const unsigned char *next_read(struct stream *stream, uint64_t at, uint64_t bytes)
{
	assert(bytes <= PIECE && at >= stream->at && at + bytes <= stream->buffer.bytes);
	while (at + bytes > stream->at + stream->fill)
		read_on(stream, at);
	return stream->piece + (at - stream->at);
}

static void close_read(struct stream *stream)
{
	while (stream->at + stream->fill < stream->buffer.bytes)
		read_on(stream, stream->at + stream->fill);
}

/* ---- rows ------------------------------------------------------------------------------------------ */

enum { ROW = 1 << 10 }; /* channels that are taken together at most: they fit a piece */

/* A row of a view: the channels of one position in one block, from `lane` on. */
struct row {
	int64_t position[3], block, lane;
};

static int64_t blocks_of(const struct qmac_view *view)
{
	return (view->channels + view->lanes - 1) / view->lanes;
}

static uint64_t place_of(const struct qmac_view *view, const struct row *row)
{
	uint64_t bytes = (uint64_t)row->block * view->block_bytes +
	                 ((uint64_t)row->lane << view->element.container);

	for (int d = 0; d < 3; d++)
		bytes += (uint64_t)row->position[d] * view->position_bytes[d];
	return bytes;
}

static int64_t channels_of(const struct qmac_view *view, const struct row *row)
{
	int64_t rest = view->channels - row->block * view->lanes;
	int64_t left = (rest < view->lanes ? rest : view->lanes) - row->lane;

	return left < ROW ? left : ROW;
}

/*
 * Rows from this one on that are taken together: all pixels of a line, where they follow each other and fit a
 * piece; otherwise 1.
 */
static int64_t rows_of(const struct qmac_view *view, const struct row *row)
{
	uint64_t pitch = view->position_bytes[2];
	uint64_t bytes = (uint64_t)channels_of(view, row) << view->element.container;
	bool fits = pitch <= PIECE && (uint64_t)view->positions[2] * pitch <= PIECE;

	return view->lanes <= ROW && pitch >= bytes && fits ? view->positions[2] : 1;
}

/* The next one behind `rows` of them in the order of addresses: images, blocks, lines, pixels. */
static bool next_row(const struct qmac_view *view, struct row *row, int64_t rows)
{
	row->lane += ROW;
	if (channels_of(view, row) > 0)
		return true;
	row->lane = 0;
	row->position[2] += rows;
	if (row->position[2] < view->positions[2])
		return true;
	row->position[2] = 0;
	if (++row->position[1] < view->positions[1])
		return true;
	row->position[1] = 0;
	if (++row->block < blocks_of(view))
		return true;
	row->block = 0;
	return ++row->position[0] < view->positions[0];
}

/* Number of the row's first in [i2][i1][i0][channel]. */
static int64_t number_of(const struct qmac_view *view, const struct row *row)
{
	int64_t line = row->position[0] * view->positions[1] + row->position[1];

	return (line * view->positions[2] + row->position[2]) * view->channels + row->block * view->lanes +
	       row->lane;
}

/* Bytes of `rows` rows of n channels, with the gaps between them. */
static uint64_t bytes_of(const struct qmac_view *view, int64_t rows, int64_t n)
{
	return (uint64_t)(rows - 1) * view->position_bytes[2] + ((uint64_t)n << view->element.container);
}

void qmac_net_put(struct qmac_driver *driver, const struct qmac_view *view, const int64_t *values)
{
	unsigned container = view->element.container;
	uint64_t pitch = view->position_bytes[2];
	struct row row = {.block = 0};
	struct stream stream;
	int64_t rows;

	open(&stream, driver, view);
	do {
		int64_t n = channels_of(view, &row);
		const int64_t *from = values + number_of(view, &row);
		unsigned char *to;

		rows = rows_of(view, &row);
		to = next_written(&stream, place_of(view, &row), bytes_of(view, rows, n));
		if (n == view->channels && pitch == (uint64_t)n << container) {
			pack(container, from, 1, rows * n, to);
			continue;
		}
		if (rows > 1)
			memset(to, 0, bytes_of(view, rows, n));
		for (int64_t i = 0; i < rows; i++)
			pack(container, from + i * view->channels, 1, n, to + (uint64_t)i * pitch);
	} while (next_row(view, &row, rows));
	close_written(&stream);
}

void qmac_net_get(struct qmac_driver *driver, const struct qmac_view *view, int64_t *values)
{
	unsigned container = view->element.container;
	struct row row = {.block = 0};
	struct stream stream;
	int64_t rows;

	open(&stream, driver, view);
	do {
		int64_t n = channels_of(view, &row), *to = values + number_of(view, &row);
		const unsigned char *from;

		rows = rows_of(view, &row);
		from = next_read(&stream, place_of(view, &row), bytes_of(view, rows, n));
		for (int64_t i = 0; i < rows; i++)
			unpack(container, from + (uint64_t)i * view->position_bytes[2], n, to + i * view->channels);
	} while (next_row(view, &row, rows));
	close_read(&stream);
}

/* ---- windows --------------------------------------------------------------------------------------- */

/* An image in containers, plane by plane, with a border of zeros around it. */
struct padded {
	const struct qmac_net_windows *of;
	unsigned container;
	int64_t height, width; /* with the border */
	unsigned char *bytes;  /* and SLACK */
};

static void pad(const struct padded *image, const int64_t *values)
{
	const struct qmac_net_windows *of = image->of;

	for (int64_t c = 0; c < of->channels; c++)
		for (int64_t y = 0; y < of->height; y++) {
			int64_t at = (c * image->height + y + of->pad) * image->width + of->pad;

			pack(image->container, values + y * of->width * of->channels + c, of->channels, of->width,
			     image->bytes + (at << image->container));
		}
}

/*
 * At most SLACK bytes of neighbours in a line of the kernel, of one block: where they lie in an image and in
 * a row of windows.
 */
struct run {
	int64_t from, to;
};

/* The runs of lanes first, ..., first + n - 1 of a window, in their order; their number. */
static int cut_window(const struct padded *image, int64_t first, int64_t n, struct run *runs)
{
	const int64_t most = SLACK >> image->container;
	const int64_t *kernel = image->of->kernel;
	int count = 0;

	for (int64_t lane = first, length; lane < first + n; lane += length) {
		int64_t line = lane / kernel[1], kx = lane % kernel[1], rest = first + n - lane;
		int64_t c = line / kernel[0], ky = line % kernel[0];

		length = kernel[1] - kx < rest ? kernel[1] - kx : rest;
		length = length < most ? length : most;
		runs[count++] = (struct run){
			((c * image->height + ky) * image->width + kx) << image->container,
			(lane - first) << image->container,
		};
	}
	return count;
}

/* A window as runs, and how windows that are neighbours in a line lie. */
struct cut {
	struct run runs[ROW];
	int count;
	int64_t step;          /* bytes of the image from one to the next */
	uint64_t bytes, pitch; /* of the view: used, and from one to the next */
};

/*
 * Every copy is of SLACK bytes: what it writes beyond its run, or beyond a gap, which becomes 0, is written
 * again or lies behind the last row.
 */
static void copy_windows(const struct cut *cut, int64_t rows, const unsigned char *from, unsigned char *to)
{
	for (int64_t i = 0; i < rows; i++, from += cut->step, to += cut->pitch) {
		for (int r = 0; r < cut->count; r++)
			memcpy(to + cut->runs[r].to, from + cut->runs[r].from, SLACK);
		for (uint64_t b = cut->bytes; b < cut->pitch && i + 1 < rows; b += SLACK)
			memset(to + b, 0, SLACK);
	}
}

bool qmac_net_put_windows(struct qmac_driver *driver, const struct qmac_view *view,
                          const struct qmac_net_windows *windows, const int64_t *values)
{
	struct padded image = {windows, view->element.container, windows->height + 2 * windows->pad,
	                       windows->width + 2 * windows->pad, NULL};
	int64_t size = windows->height * windows->width * windows->channels;
	struct cut cut = {.step = windows->stride << image.container, .pitch = view->position_bytes[2]};
	struct row row = {.block = 0};
	struct stream stream;
	int64_t rows;

	image.bytes = calloc(1, ((size_t)(image.height * image.width * windows->channels) << image.container) +
	                        SLACK);
	if (!image.bytes)
		return false;
	open(&stream, driver, view);
	do {
		int64_t n = channels_of(view, &row), y = row.position[1], x = row.position[2];
		const unsigned char *from = image.bytes + (y * image.width + x) * cut.step;
		unsigned char *to;

		rows = rows_of(view, &row);
		to = next_written(&stream, place_of(view, &row), bytes_of(view, rows, n));
		if (row.block + row.lane + y + x == 0)
			pad(&image, values + row.position[0] * size);
		if (view->channels > ROW || y + x == 0)
			cut.count = cut_window(&image, row.block * view->lanes + row.lane, n, cut.runs);
		cut.bytes = (uint64_t)n << image.container;
		copy_windows(&cut, rows, from, to);
	} while (next_row(view, &row, rows));
	close_written(&stream);
	free(image.bytes);
	return true;
}
