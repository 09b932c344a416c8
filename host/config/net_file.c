#include "config/net_file.h"

#include <inttypes.h>
#include <string.h>

#include "config/key_table.h"
#include "config/text.h"
#include "config/yaml.h"

/* ---- what is set from outside --------------------------------------------------- */

#define OPTION(member, high, help) \
	{"net", #member, QMAC_KIND_INT, 1, high, "", "", NULL, 0, help, \
	 offsetof(struct qmac_net_options, member), sizeof((struct qmac_net_options *)0)->member}

static const struct qmac_key option_keys[] = {
	OPTION(times, QMAC_NET_TIMES_MAX, "how often every repeat of the network is there"),
	OPTION(classes, QMAC_NET_EXTENT_MAX, "outputs of its last linear layer"),
	OPTION(channels, QMAC_NET_EXTENT_MAX, "channels of its input"),
};
static const struct qmac_key_table option_table = {option_keys, sizeof option_keys / sizeof option_keys[0]};

enum qmac_status qmac_net_options_set(struct qmac_net_options *options, const char *key, const char *value,
                                      struct qmac_error *err)
{
	int i = qmac_key_table_find(&option_table, key);

	if (i < 0)
		return qmac_key_table_unknown(&option_table, key, "", err);
	if (qmac_key_number(&option_keys[i], options) != 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "this key has been set already: leave one out");
	return qmac_key_set(&option_keys[i], options, value, err);
}

/* ---- the tree --------------------------------------------------------------------- */

struct reader {
	struct qmac_yaml yaml;
	struct qmac_net *net;
	struct qmac_net_options options;
	int classifier; /* the layer whose outputs options.classes are, once it is known; else QMAC_NET_NONE */
	int repeats;    /* in so many we are */
	struct qmac_error *err;
};

/* Words of a list of layers: those of enum qmac_layer_kind, with `residual` for `add`, and `repeat`. */
#define ITEM_WORDS \
	"conv|linear|bias|relu|tanh|sigmoid|avg_pool|max_pool|global_pool|batch_norm|residual|flatten|" \
	"embedding|" \
	"lstm|repeat"

enum { REPEAT = QMAC_LAYER_KINDS };

/* The keys that a kind of layer has; NULL: it is not available yet. */
static const char *keys_of(enum qmac_layer_kind kind)
{
	switch (kind) {
	case QMAC_LAYER_CONV:
		return "out|kernel|stride|pad|groups|bias|name";
	case QMAC_LAYER_LINEAR:
		return "out|bias|name";
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_MAX_POOL:
		return "size|stride|name";
	case QMAC_LAYER_ADD:
		return "main|shortcut|name";
	case QMAC_LAYER_EMBEDDING:
	case QMAC_LAYER_LSTM:
		return NULL;
	default:
		return "name";
	}
}

/* A layer as it stands in a list: `- relu`, `- conv: {out: 16, kernel: 3}`. */
struct item {
	const struct qmac_yaml_node *node; /* the scalar, or the only pair of the mapping */
	const char *word;
	int kind;                          /* enum qmac_layer_kind, or REPEAT */
};

/* Gives the message in err the place of a layer. */
static enum qmac_status blame(struct reader *r, const struct item *item)
{
	return item->node->key ? qmac_yaml_blame_key(&r->yaml, item->node, r->err) :
	                         qmac_yaml_blame(&r->yaml, item->node, r->err);
}

static enum qmac_status read_item(struct reader *r, const struct qmac_yaml_node *entry, struct item *item)
{
	const char *keys;

	if (entry->kind == QMAC_YAML_SEQUENCE || (entry->kind == QMAC_YAML_MAPPING && !entry->child))
		return qmac_yaml_refuse(&r->yaml, entry, r->err,
		                        "expected a layer, such as relu or linear: {out: 10}");
	item->node = entry->kind == QMAC_YAML_MAPPING ? entry->child : entry;
	item->word = entry->kind == QMAC_YAML_MAPPING ? entry->child->key : entry->text;
	item->kind = qmac_words_find(ITEM_WORDS, item->word);
	if (item->kind < 0) {
		(void)qmac_text_unknown("layer", item->word, ITEM_WORDS, r->err);
		return blame(r, item);
	}
	if (item->node->next && entry->kind == QMAC_YAML_MAPPING) {
		(void)qmac_fail(r->err, QMAC_BAD_INPUT, "'%.60s': a second layer in one entry; begin it with '- '",
		                item->node->next->key);
		return qmac_yaml_blame_key(&r->yaml, item->node->next, r->err);
	}
	keys = item->kind == REPEAT ? "times|first|layers" : keys_of((enum qmac_layer_kind)item->kind);
	if (!keys) {
		(void)qmac_fail(r->err, QMAC_BAD_INPUT, "%s: not available yet", item->word);
		return blame(r, item);
	}
	if (entry->kind == QMAC_YAML_SCALAR)
		return QMAC_OK;
	if (qmac_yaml_expect(&r->yaml, item->node, item->word, QMAC_YAML_MAPPING, r->err))
		return QMAC_BAD_INPUT;
	return qmac_yaml_check_keys(&r->yaml, item->node, keys, r->err);
}

/* The value of one of its keys; NULL where it is not given. */
static const struct qmac_yaml_node *find(const struct item *item, const char *key)
{
	return item->node->kind == QMAC_YAML_MAPPING ? qmac_yaml_find(item->node, key) : NULL;
}

static enum qmac_status missing(struct reader *r, const struct item *item, const char *key)
{
	(void)qmac_fail(r->err, QMAC_BAD_INPUT, "%s: missing key '%s'", item->word, key);
	return blame(r, item);
}

/* The number that a node holds. */
static enum qmac_status read_number(struct reader *r, const struct qmac_yaml_node *node, int64_t low,
                                    int64_t high, int64_t *number)
{
	const char *text;
	enum qmac_status status = qmac_yaml_text(&r->yaml, node, node->key, true, &text, r->err);

	if (status || !qmac_text_integer(text, low, high, number, r->err))
		return status;
	qmac_text_blame(node->key, r->err);
	return qmac_yaml_blame(&r->yaml, node, r->err);
}

/* A number of a layer; `number` stays as it is where the key is not given. */
static enum qmac_status take_number(struct reader *r, const struct item *item, const char *key, bool required,
                                    int64_t low, int64_t high, int64_t *number)
{
	const struct qmac_yaml_node *node = find(item, key);

	if (!node)
		return required ? missing(r, item, key) : QMAC_OK;
	return read_number(r, node, low, high, number);
}

static enum qmac_status take_bias(struct reader *r, const struct item *item, bool *bias)
{
	const struct qmac_yaml_node *node = find(item, "bias");
	const char *text;
	enum qmac_status status;

	*bias = true;
	if (!node)
		return QMAC_OK;
	status = qmac_yaml_text(&r->yaml, node, "bias", true, &text, r->err);
	if (status || !qmac_text_bool(text, bias, r->err))
		return status;
	qmac_text_blame("bias", r->err);
	return qmac_yaml_blame(&r->yaml, node, r->err);
}

/* Copies of a layer cannot share a name. */
static enum qmac_status take_name(struct reader *r, const struct item *item, const char **name)
{
	const struct qmac_yaml_node *node = find(item, "name");

	if (node && r->repeats)
		return qmac_yaml_refuse(&r->yaml, node, r->err,
		                        "name: layers in a repeat get their names by number; leave it out");
	return node ? qmac_yaml_text(&r->yaml, node, "name", false, name, r->err) : QMAC_OK;
}

static enum qmac_status take_groups(struct reader *r, const struct item *item)
{
	int64_t groups = 1;
	enum qmac_status status = take_number(r, item, "groups", false, 1, QMAC_NET_EXTENT_MAX, &groups);

	if (status || groups == 1)
		return status;
	return qmac_yaml_refuse(&r->yaml, find(item, "groups"), r->err,
	                        "groups: %" PRId64 " is not available yet; use 1", groups);
}

/* A kernel is square. */
static enum qmac_status take_window(struct reader *r, const struct item *item, const char *size,
                                    struct qmac_layer_request *request)
{
	int64_t high = QMAC_NET_EXTENT_MAX;
	enum qmac_status status = take_number(r, item, size, true, 1, high, &request->kernel[0]);

	request->kernel[1] = request->kernel[0];
	if (!status)
		status = take_number(r, item, "stride", false, 1, high, &request->stride);
	return status;
}

/* Appends a layer that reads the one before, or whatever request->input is. */
static enum qmac_status append(struct reader *r, const struct item *item, struct qmac_layer_request *request)
{
	enum qmac_status status = take_name(r, item, &request->name);

	if (status)
		return status;
	if (r->net->layer_count == r->classifier)
		request->outputs = r->options.classes;
	status = qmac_net_append(r->net, request, r->err);
	return status == QMAC_BAD_INPUT ? blame(r, item) : status;
}

static enum qmac_status read_simple(struct reader *r, const struct item *item, int *last)
{
	struct qmac_layer_request request = {.kind = (enum qmac_layer_kind)item->kind, .input = *last};
	int64_t high = QMAC_NET_EXTENT_MAX;
	enum qmac_status status = QMAC_OK;

	switch (request.kind) {
	case QMAC_LAYER_CONV:
		status = take_window(r, item, "kernel", &request);
		if (!status)
			status = take_number(r, item, "pad", false, 0, high, &request.pad);
		if (!status)
			status = take_groups(r, item);
		/* fall through */
	case QMAC_LAYER_LINEAR:
		if (!status)
			status = take_number(r, item, "out", true, 1, high, &request.outputs);
		if (!status)
			status = take_bias(r, item, &request.bias);
		break;
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_MAX_POOL:
		status = take_window(r, item, "size", &request);
		break;
	default:
		break;
	}
	*last = r->net->layer_count;
	return status ? status : append(r, item, &request);
}

static enum qmac_status read_list(struct reader *r, const struct qmac_yaml_node *list, int *last);

/* Both branches begin with what `last` is; a shortcut without layers is that itself. */
static enum qmac_status read_residual(struct reader *r, const struct item *item, int *last)
{
	const struct qmac_yaml_node *main = find(item, "main"), *shortcut = find(item, "shortcut");
	struct qmac_layer_request request = {.kind = QMAC_LAYER_ADD, .input = *last, .other = *last};
	char one[QMAC_SHAPE_TEXT], two[QMAC_SHAPE_TEXT];
	struct qmac_shape shapes[2];
	enum qmac_status status = main ? read_list(r, main, &request.input) : missing(r, item, "main");

	if (!status && shortcut && (shortcut->child || shortcut->kind != QMAC_YAML_SEQUENCE))
		status = read_list(r, shortcut, &request.other);
	if (status)
		return status;
	shapes[0] = qmac_net_shape(r->net, request.input);
	shapes[1] = qmac_net_shape(r->net, request.other);
	if (!qmac_shape_is(shapes[0], shapes[1])) {
		(void)qmac_fail(r->err, QMAC_BAD_INPUT,
		                "residual: main gives %s, its shortcut %s: they cannot be added",
		                qmac_shape_text(shapes[0], one), qmac_shape_text(shapes[1], two));
		return blame(r, item);
	}
	*last = r->net->layer_count;
	return append(r, item, &request);
}

/* The list is never empty, so that the limit of layers ends this, however repeats are nested. */
static enum qmac_status read_repeat(struct reader *r, const struct item *item, int *last)
{
	const struct qmac_yaml_node *first = find(item, "first"), *layers = find(item, "layers");
	int64_t times = 0;
	enum qmac_status status = take_number(r, item, "times", true, 1, QMAC_NET_TIMES_MAX, &times);

	if (!status && !layers)
		status = missing(r, item, "layers");
	if (r->options.times)
		times = r->options.times;
	r->repeats++;
	for (int64_t i = 0; !status && i < times; i++)
		status = read_list(r, first && i == 0 ? first : layers, last);
	r->repeats--;
	return status;
}

/* A list of layers, the first of which reads what `last` is; then that is the last of them. */
static enum qmac_status read_list(struct reader *r, const struct qmac_yaml_node *list, int *last)
{
	enum qmac_status status = qmac_yaml_expect(&r->yaml, list, list->key, QMAC_YAML_SEQUENCE, r->err);

	if (!status && !list->child)
		return qmac_yaml_refuse(&r->yaml, list, r->err, "%s: no layers; give one at least", list->key);
	for (const struct qmac_yaml_node *n = list->child; !status && n; n = n->next) {
		struct item item;

		status = read_item(r, n, &item);
		if (status)
			return status;
		if (item.kind == REPEAT)
			status = read_repeat(r, &item, last);
		else if (item.kind == QMAC_LAYER_ADD)
			status = read_residual(r, &item, last);
		else
			status = read_simple(r, &item, last);
	}
	return status;
}

/* ---- the file --------------------------------------------------------------------- */

static enum qmac_status need(struct reader *r, const struct qmac_yaml_node *mapping, const char *key,
                             const struct qmac_yaml_node **node)
{
	*node = qmac_yaml_find(mapping, key);
	if (*node)
		return QMAC_OK;
	return qmac_yaml_refuse(&r->yaml, mapping, r->err, "missing key '%s%s'",
	                        mapping->key ? "input." : "", key);
}

static enum qmac_status read_input(struct reader *r, struct qmac_shape *shape)
{
	static const char *const keys[] = {"channels", "height", "width"};
	int64_t *const extents[] = {&shape->channels, &shape->height, &shape->width};
	const struct qmac_yaml_node *input, *node;
	enum qmac_status status = need(r, r->yaml.root, "input", &input);

	if (!status)
		status = qmac_yaml_expect(&r->yaml, input, "input", QMAC_YAML_MAPPING, r->err);
	if (!status)
		status = qmac_yaml_check_keys(&r->yaml, input, "channels|height|width", r->err);
	for (int i = 0; !status && i < 3; i++) {
		status = need(r, input, keys[i], &node);
		if (!status)
			status = read_number(r, node, 1, QMAC_NET_EXTENT_MAX, extents[i]);
	}
	if (r->options.channels)
		shape->channels = r->options.channels;
	return status;
}

/* One reading of the tree; the layer `classifier` gets the outputs that are set from outside. */
static enum qmac_status build(struct reader *r)
{
	const struct qmac_yaml_node *name, *layers;
	struct qmac_shape input = {0};
	int last = QMAC_NET_INPUT;
	const char *text = "";
	enum qmac_status status = need(r, r->yaml.root, "name", &name);

	if (!status)
		status = qmac_yaml_text(&r->yaml, name, "name", false, &text, r->err);
	if (!status)
		status = read_input(r, &input);
	if (!status)
		status = need(r, r->yaml.root, "layers", &layers);
	if (status)
		return status;
	status = qmac_net_create(r->net, text, input, r->err);
	if (status)
		return qmac_yaml_blame(&r->yaml,
		                       qmac_net_is_name(text) ? qmac_yaml_find(r->yaml.root, "input") : name,
		                       r->err);
	return read_list(r, layers, &last);
}

/* The last linear layer; where it is in the list is known when all has been read once. */
static enum qmac_status build_with_classes(struct reader *r)
{
	enum qmac_status status = build(r);

	if (status || !r->options.classes)
		return status;
	for (int i = 0; i < r->net->layer_count; i++)
		if (r->net->layers[i].kind == QMAC_LAYER_LINEAR)
			r->classifier = i;
	if (r->classifier == QMAC_NET_NONE)
		return qmac_yaml_refuse(&r->yaml, qmac_yaml_find(r->yaml.root, "layers"), r->err,
		                        "net.classes is set, but there is no linear layer whose outputs they could"
		                        " be");
	qmac_net_free(r->net);
	return build(r);
}

enum qmac_status qmac_net_load(struct qmac_net *net, const char *file, const struct qmac_net_options *options,
                               struct qmac_error *err)
{
	struct qmac_error local;
	struct reader r = {.net = net, .classifier = QMAC_NET_NONE, .err = err ? err : &local};
	enum qmac_status status;

	*net = (struct qmac_net){0};
	if (options)
		r.options = *options;
	status = qmac_yaml_load(&r.yaml, file, r.err);
	if (status)
		return status;
	status = qmac_yaml_check_keys(&r.yaml, r.yaml.root, "name|input|layers", r.err);
	if (!status)
		status = build_with_classes(&r);
	qmac_yaml_free(&r.yaml);
	if (status)
		qmac_net_free(net);
	return status;
}
