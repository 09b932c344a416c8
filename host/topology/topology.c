#include "topology/topology.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "data/fields.h"

/* Fields of a layer, without what stands behind the comma at the end. */
enum { PRODUCT = 4, CONVOLUTION = 8, EXTENDED = 9 };

struct reader {
	struct qmac_topology *topology;
	struct qmac_lines lines;
	struct qmac_fields row;    /* of the running line */
	int64_t capacity;
	bool is_product;           /* the form of the first layer, and so of all */
	bool told_comma, told_sparse;
	struct qmac_error *err;
};

static const char *const names[2][EXTENDED] = {
	{"name", "IFMAP height", "IFMAP width", "filter height", "filter width", "channels", "number of filters",
	 "stride", "width stride"},
	{"name", "M", "N", "K"},
};

__attribute__((format(printf, 3, 4)))
static enum qmac_status refuse(const struct reader *r, int field, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
	                    field < r->row.count ? r->row.field[field].column : r->row.end, "%s", text);
}

/* Adds a line to the note, as long as there is room. */
__attribute__((format(printf, 2, 3)))
static void note(const struct reader *r, const char *format, ...)
{
	char *text = r->topology->note;
	size_t used = strlen(text);
	va_list args;

	used += (size_t)snprintf(text + used, sizeof r->topology->note - used, "%s%.200s:%d: ",
	                         used ? "\n  " : "", r->lines.path, r->lines.number);
	if (used >= sizeof r->topology->note)
		return;
	va_start(args, format);
	vsnprintf(text + used, sizeof r->topology->note - used, format, args);
	va_end(args);
}

/* ---- fields ------------------------------------------------------------------------------ */

static enum qmac_status read_size(const struct reader *r, int field, int64_t most, int64_t *value)
{
	const char *text = r->row.field[field].text, *name = names[r->is_product][field];
	struct qmac_error why;

	if (!text[0])
		return refuse(r, field, "the %s is missing: put a number before the comma", name);
	if (qmac_text_integer(text, 1, most, value, &why))
		return refuse(r, field, "%s: %.300s", name, why.message);
	return QMAC_OK;
}

static enum qmac_status read_name(const struct reader *r, struct qmac_topology_layer *layer)
{
	const char *name = r->row.field[0].text;

	if (!name[0])
		return refuse(r, 0, "the layer has no name: put one before the first comma");
	if (strlen(name) >= sizeof layer->name)
		return refuse(r, 0, "the name has %zu bytes: shorten it to %d", strlen(name), QMAC_TOPOLOGY_NAME - 1);
	strcpy(layer->name, name);
	return QMAC_OK;
}

/* Behind the stride of a convolution: N:M, so many weights of each M that are not 0, or a stride along W. */
static enum qmac_status read_extension(struct reader *r, const struct qmac_topology_layer *layer)
{
	const char *text = r->row.field[EXTENDED - 1].text;
	int64_t across;

	if (strchr(text, ':')) {
		if (!r->told_sparse)
			note(r, "sparsity %.20s is not looked at: zeros are multiplied like other weights", text);
		r->told_sparse = true;
		return QMAC_OK;
	}
	if (read_size(r, EXTENDED - 1, QMAC_TOPOLOGY_STRIDE_MAX, &across))
		return QMAC_BAD_INPUT;
	if (across != layer->stride)
		return refuse(r, EXTENDED - 1, "the strides differ, %lld down and %lld across: this lowering has one"
		              " for both; give the layer one stride", (long long)layer->stride, (long long)across);
	return QMAC_OK;
}

/* ---- layers ------------------------------------------------------------------------------ */

static enum qmac_status read_product(const struct reader *r, struct qmac_topology_layer *layer)
{
	int64_t *const sizes[] = {&layer->images, &layer->filters, &layer->channels};
	enum qmac_status status = QMAC_OK;

	for (int i = 0; !status && i < PRODUCT - 1; i++)
		status = read_size(r, i + 1, QMAC_TOPOLOGY_SIZE_MAX, sizes[i]);
	return status;
}

static enum qmac_status read_convolution(struct reader *r, struct qmac_topology_layer *layer)
{
	int64_t *const sizes[] = {&layer->image[0], &layer->image[1], &layer->kernel[0], &layer->kernel[1],
	                          &layer->channels, &layer->filters, &layer->stride};
	enum qmac_status status = QMAC_OK;

	for (int i = 0; !status && i < CONVOLUTION - 1; i++)
		status = read_size(r, i + 1, i == CONVOLUTION - 2 ? QMAC_TOPOLOGY_STRIDE_MAX : QMAC_TOPOLOGY_SIZE_MAX,
		                   sizes[i]);
	for (int d = 0; !status && d < 2; d++)
		if (layer->kernel[d] > layer->image[d])
			status = refuse(r, 3 + d, "%s %lld is larger than %s %lld: such a file has no padding, so give"
			                " the image with its padding", names[0][3 + d], (long long)layer->kernel[d],
			                names[0][1 + d], (long long)layer->image[d]);
	if (!status && r->row.count == EXTENDED)
		status = read_extension(r, layer);
	if (!status && strstr(layer->name, "DP")) {
		layer->is_depthwise = true;
		layer->copies = layer->channels;
		layer->channels = 1;
	}
	return status;
}

/* What stands behind the last comma is no field; where there is something, it is one to us alone. */
static void drop_end(struct reader *r)
{
	if (!r->row.field[r->row.count - 1].text[0] && r->row.count > 1) {
		r->row.count--;
		return;
	}
	if (!r->told_comma)
		note(r, "no comma at the end of the line: SCALE-Sim would drop its last field; here it counts");
	r->told_comma = true;
}

static bool is_expected(const struct reader *r)
{
	int count = r->row.count;

	if (r->topology->count == 0)
		return count == PRODUCT || count == CONVOLUTION || count == EXTENDED;
	return r->is_product ? count == PRODUCT : count == CONVOLUTION || count == EXTENDED;
}

static enum qmac_status read_layer(struct reader *r)
{
	struct qmac_topology_layer layer = {
		.line = r->lines.number, .images = 1, .image = {1, 1}, .kernel = {1, 1}, .stride = 1, .copies = 1,
	};
	void *layers = r->topology->layers;
	enum qmac_status status;

	drop_end(r);
	if (!is_expected(r))
		return refuse(r, 0, "%d field%s: a convolution has 8 (name, IFMAP height and width, filter height and"
		              " width, channels, filters, stride), a product 4 (name, M, N, K), and all layers of a"
		              " file are of one form", r->row.count, r->row.count == 1 ? "" : "s");
	if (r->topology->count == QMAC_TOPOLOGY_LAYERS_MAX)
		return refuse(r, 0, "more than %d layers: cut the file", QMAC_TOPOLOGY_LAYERS_MAX);
	r->is_product = r->row.count == PRODUCT;
	status = read_name(r, &layer);
	if (!status)
		status = r->is_product ? read_product(r, &layer) : read_convolution(r, &layer);
	if (status)
		return status;
	if (!qmac_grow(&layers, &r->capacity, r->topology->count + 1, sizeof layer))
		return qmac_fail(r->err, QMAC_INTERNAL, "out of memory for the layers of %.400s", r->lines.path);
	r->topology->layers = layers;
	r->topology->layers[r->topology->count++] = layer;
	return QMAC_OK;
}

/* The first line is skipped, whatever it says; where it looks like a layer, somebody has forgotten it. */
static void look_at_header(const struct reader *r)
{
	struct qmac_error why;
	int64_t value;

	if (r->row.count > 1 && qmac_text_integer(r->row.field[1].text, 1, INT64_MAX, &value, &why) == QMAC_OK)
		note(r, "the first line is taken for a header, as SCALE-Sim does, although it looks like a layer");
}

static enum qmac_status read_lines(struct reader *r)
{
	bool got, begun = false;

	for (;;) {
		enum qmac_status status = qmac_lines_next(&r->lines, &got, r->err);

		if (!status && got && !r->lines.text[strspn(r->lines.text, " \t")] && begun)
			continue;
		if (status || !got)
			return status;
		status = qmac_fields_cut(&r->row, &r->lines, QMAC_SEPARATOR_COMMA, r->err);
		if (!status && begun)
			status = read_layer(r);
		else if (!status)
			look_at_header(r);
		if (status)
			return status;
		begun = true;
	}
}

enum qmac_status qmac_topology_read(struct qmac_topology *topology, const char *path, struct qmac_error *err)
{
	struct reader r = {.topology = topology, .err = err};
	enum qmac_status status;

	memset(topology, 0, sizeof *topology);
	status = qmac_lines_open(&r.lines, path, err);
	if (status)
		return status;
	status = read_lines(&r);
	if (!status && topology->count == 0)
		status = qmac_fail_at(err, QMAC_BAD_INPUT, path, r.lines.number + 1, 1,
		                      "no layer stands behind the header: add one to a line");
	qmac_fields_free(&r.row);
	qmac_lines_close(&r.lines);
	return status;
}

void qmac_topology_free(struct qmac_topology *topology)
{
	free(topology->layers);
	*topology = (struct qmac_topology){0};
}
