#include "config/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/input.h"
#include "config/text.h"

enum { FILE_BYTES_MAX = 1 << 20, NODES_MAX = 20000, DEPTH_MAX = 32 };

/* ---- arena -------------------------------------------------------------------- */

struct qmac_arena_block {
	struct qmac_arena_block *next;
	max_align_t data[];
};

void *qmac_arena_alloc(struct qmac_arena *arena, size_t size)
{
	struct qmac_arena_block *block = calloc(1, sizeof *block + size);

	if (!block)
		return NULL;
	block->next = arena->blocks;
	arena->blocks = block;
	return block->data;
}

char *qmac_arena_copy(struct qmac_arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = qmac_arena_alloc(arena, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void qmac_arena_free(struct qmac_arena *arena)
{
	while (arena->blocks) {
		struct qmac_arena_block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
}

/* ---- reading ------------------------------------------------------------------ */

struct reader {
	struct qmac_yaml *yaml;
	yaml_parser_t parser;
	const char *bytes;
	size_t size;
	int nodes;
	struct qmac_error *err;
};

static enum qmac_status out_of_memory(const char *file, struct qmac_error *err)
{
	return qmac_fail_at(err, QMAC_INTERNAL, file, 0, 0, "out of memory");
}

static enum qmac_status refuse(struct reader *r, const yaml_event_t *event, const char *why)
{
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->yaml->file, (int)event->start_mark.line + 1,
	                    (int)event->start_mark.column + 1, "%s", why);
}

/* libyaml gives an undecodable byte by its offset only. */
static enum qmac_status refuse_bytes(struct reader *r)
{
	size_t end = r->parser.problem_offset < r->size ? r->parser.problem_offset : r->size;
	int line = 1, column = 1;

	for (size_t i = 0; i < end; i++) {
		if (r->bytes[i] == '\n' || (r->bytes[i] == '\r' && i + 1 < r->size && r->bytes[i + 1] != '\n')) {
			line++;
			column = 1;
		} else if (((unsigned char)r->bytes[i] & 0xC0) != 0x80) {
			column++;
		}
	}
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->yaml->file, line, column,
	                    "not plain UTF-8 text: %s", r->parser.problem);
}

/* Parses one event; the caller deletes it on success. */
static enum qmac_status next_event(struct reader *r, yaml_event_t *event)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, event))
		return QMAC_OK;
	if (p->error == YAML_MEMORY_ERROR)
		return out_of_memory(r->yaml->file, r->err);
	if (p->error == YAML_READER_ERROR)
		return refuse_bytes(r);
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->yaml->file, (int)p->problem_mark.line + 1,
	                    (int)p->problem_mark.column + 1, "not valid YAML: %s%s%s", p->problem,
	                    p->context ? " " : "", p->context ? p->context : "");
}

static enum qmac_status check_event(struct reader *r, const yaml_event_t *event, int depth)
{
	const unsigned char *anchor = NULL, *tag = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
			return refuse(r, event, "a NUL character has no place in a configuration");
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	} else {
		return refuse(r, event, "aliases (*name) are not supported; write the value out");
	}
	if (anchor)
		return refuse(r, event, "anchors (&name) are not supported; write the value out");
	if (tag)
		return refuse(r, event, "tags (!name) are not supported; leave the tag out");
	if (depth > DEPTH_MAX)
		return refuse(r, event, "nested too deep for a configuration");
	if (++r->nodes > NODES_MAX)
		return refuse(r, event, "too many values for a configuration");
	return QMAC_OK;
}

/* Starts a node from its first event. */
static enum qmac_status new_node(struct reader *r, const yaml_event_t *event, int depth,
                                 struct qmac_yaml_node **node)
{
	enum qmac_status status = check_event(r, event, depth);
	struct qmac_yaml_node *n;

	if (status)
		return status;
	n = *node = qmac_arena_alloc(&r->yaml->arena, sizeof *n);
	if (!n)
		return out_of_memory(r->yaml->file, r->err);
	n->line = (int)event->start_mark.line + 1;
	n->column = (int)event->start_mark.column + 1;
	n->text = "";
	n->kind = event->type == YAML_SCALAR_EVENT           ? QMAC_YAML_SCALAR
	          : event->type == YAML_SEQUENCE_START_EVENT ? QMAC_YAML_SEQUENCE
	                                                     : QMAC_YAML_MAPPING;
	if (n->kind != QMAC_YAML_SCALAR)
		return QMAC_OK;
	n->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	n->text = qmac_arena_copy(&r->yaml->arena, (const char *)event->data.scalar.value);
	return n->text ? QMAC_OK : out_of_memory(r->yaml->file, r->err);
}

/* A key was read as a scalar node: looks for the same key before it. */
static enum qmac_status check_key(struct reader *r, const struct qmac_yaml_node *mapping,
                                  const struct qmac_yaml_node *key)
{
	const struct qmac_yaml_node *other;

	if (key->kind != QMAC_YAML_SCALAR)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->yaml->file, key->line, key->column,
		                    "a key must be a plain word");
	other = qmac_yaml_find(mapping, key->text);
	if (!other)
		return QMAC_OK;
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->yaml->file, key->line, key->column,
	                    "duplicate key '%.60s', already given in line %d; remove one", key->text,
	                    other->key_line);
}

static enum qmac_status read_children(struct reader *r, struct qmac_yaml_node *parent, int depth);

/* Reads the value that starts with event and all below it; deletes the event. */
static enum qmac_status read_node(struct reader *r, yaml_event_t *event, int depth,
                                  struct qmac_yaml_node **node)
{
	enum qmac_status status = new_node(r, event, depth, node);

	yaml_event_delete(event);
	if (status || (*node)->kind == QMAC_YAML_SCALAR)
		return status;
	return read_children(r, *node, depth + 1);
}

static enum qmac_status read_children(struct reader *r, struct qmac_yaml_node *parent, int depth)
{
	struct qmac_yaml_node **end = &parent->child;
	struct qmac_yaml_node *key = NULL, *node;
	enum qmac_status status;
	yaml_event_t event;

	for (;;) {
		status = next_event(r, &event);
		if (status)
			return status;
		if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return QMAC_OK;
		}
		status = read_node(r, &event, depth, &node);
		if (status)
			return status;
		if (parent->kind == QMAC_YAML_MAPPING && !key) {
			key = node;
			status = check_key(r, parent, key);
			if (status)
				return status;
			continue;
		}
		if (key) {
			node->key = key->text;
			node->key_line = key->line;
			node->key_column = key->column;
			key = NULL;
		}
		*end = node;
		end = &node->next;
	}
}

/* Stream start, document start, the root, document end, and nothing more. */
static enum qmac_status read_document(struct reader *r)
{
	struct qmac_yaml_node *root = NULL;
	enum qmac_status status = QMAC_OK;
	yaml_event_t event;

	while (!status) {
		status = next_event(r, &event);
		if (status)
			return status;
		switch (event.type) {
		case YAML_STREAM_END_EVENT:
			yaml_event_delete(&event);
			if (!root)
				return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->yaml->file, 1, 1,
				                    "empty: a configuration has lines of key: value");
			r->yaml->root = root;
			return qmac_yaml_expect(r->yaml, root, "file", QMAC_YAML_MAPPING, r->err);
		case YAML_DOCUMENT_START_EVENT:
			if (root)
				status = refuse(r, &event, "a second document; a configuration is one document");
			/* fall through */
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			yaml_event_delete(&event);
			break;
		default:
			status = read_node(r, &event, 1, &root);
		}
	}
	return status;
}

/* Reads the bytes of a file to the arena. */
static enum qmac_status read_bytes(struct reader *r)
{
	const char *name = r->yaml->file;
	FILE *file;
	enum qmac_status status = qmac_input_stream(name, &file, r->err);
	char *bytes;

	if (status)
		return status;
	bytes = qmac_arena_alloc(&r->yaml->arena, FILE_BYTES_MAX + 1);
	if (!bytes) {
		status = out_of_memory(name, r->err);
		goto out;
	}
	errno = 0;
	r->size = fread(bytes, 1, FILE_BYTES_MAX + 1, file);
	if (ferror(file))
		status = qmac_fail_at(r->err, QMAC_BAD_INPUT, name, 0, 0, "cannot read: %s", strerror(errno));
	else if (r->size > FILE_BYTES_MAX)
		status = qmac_fail_at(r->err, QMAC_BAD_INPUT, name, 0, 0, "larger than 1 MiB: not a configuration");
	r->bytes = bytes;
out:
	fclose(file);
	return status;
}

/* The bytes are there, or could not be read. */
static enum qmac_status parse(struct reader *r, enum qmac_status status)
{
	bool parser = false;

	if (status)
		goto out;
	/* A byte order mark would put every column of the first line off by one. */
	if (r->size >= 3 && memcmp(r->bytes, "\xEF\xBB\xBF", 3) == 0) {
		r->bytes += 3;
		r->size -= 3;
	}
	parser = yaml_parser_initialize(&r->parser);
	if (!parser) {
		status = out_of_memory(r->yaml->file, r->err);
		goto out;
	}
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->bytes, r->size);
	status = read_document(r);
out:
	if (parser)
		yaml_parser_delete(&r->parser);
	if (status)
		qmac_yaml_free(r->yaml);
	return status;
}

enum qmac_status qmac_yaml_load(struct qmac_yaml *yaml, const char *file, struct qmac_error *err)
{
	struct qmac_error local;
	struct reader r = {.yaml = yaml, .err = err ? err : &local};

	memset(yaml, 0, sizeof *yaml);
	yaml->file = file;
	return parse(&r, read_bytes(&r));
}

enum qmac_status qmac_yaml_parse(struct qmac_yaml *yaml, const char *file, const char *text, size_t size,
                                 struct qmac_error *err)
{
	struct qmac_error local;
	struct reader r = {.yaml = yaml, .err = err ? err : &local, .bytes = text, .size = size};

	memset(yaml, 0, sizeof *yaml);
	yaml->file = file;
	return parse(&r, QMAC_OK);
}

void qmac_yaml_free(struct qmac_yaml *yaml)
{
	if (!yaml)
		return;
	qmac_arena_free(&yaml->arena);
	memset(yaml, 0, sizeof *yaml);
}

/* ---- looking things up ---------------------------------------------------------- */

struct qmac_yaml_node *qmac_yaml_find(const struct qmac_yaml_node *mapping, const char *key)
{
	struct qmac_yaml_node *n = mapping->child;

	while (n && strcmp(n->key, key) != 0)
		n = n->next;
	return n;
}

static enum qmac_status place(const struct qmac_yaml *yaml, int line, int column, struct qmac_error *err)
{
	snprintf(err->file, sizeof err->file, "%s", yaml->file);
	err->line = line;
	err->column = column;
	return QMAC_BAD_INPUT;
}

enum qmac_status qmac_yaml_blame(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                 struct qmac_error *err)
{
	return place(yaml, node->line, node->column, err);
}

enum qmac_status qmac_yaml_blame_key(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                     struct qmac_error *err)
{
	return place(yaml, node->key_line, node->key_column, err);
}

enum qmac_status qmac_yaml_refuse(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                  struct qmac_error *err, const char *format, ...)
{
	char message[sizeof err->message];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	return qmac_fail_at(err, QMAC_BAD_INPUT, yaml->file, node->line, node->column, "%s", message);
}

enum qmac_status qmac_yaml_check_keys(const struct qmac_yaml *yaml, const struct qmac_yaml_node *mapping,
                                      const char *words, struct qmac_error *err)
{
	for (const struct qmac_yaml_node *n = mapping->child; n; n = n->next) {
		if (qmac_words_find(words, n->key) >= 0)
			continue;
		(void)qmac_text_unknown("key", n->key, words, err);
		return qmac_yaml_blame_key(yaml, n, err);
	}
	return QMAC_OK;
}

enum qmac_status qmac_yaml_expect(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                  const char *name, enum qmac_yaml_kind kind, struct qmac_error *err)
{
	static const char *const kinds[] = {"a single value", "a list", "a mapping (key: value)"};

	if (node->kind == kind)
		return QMAC_OK;
	return qmac_yaml_refuse(yaml, node, err, "%s: expected %s, not %s", name, kinds[kind], kinds[node->kind]);
}

enum qmac_status qmac_yaml_text(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                const char *name, bool number, const char **text, struct qmac_error *err)
{
	enum qmac_status status = qmac_yaml_expect(yaml, node, name, QMAC_YAML_SCALAR, err);

	if (status)
		return status;
	if (!node->text[0])
		return qmac_yaml_refuse(yaml, node, err, "%s: no value given", name);
	if (number && node->quoted)
		return qmac_yaml_refuse(yaml, node, err,
		                        "%s: '%.60s' is in quotes, which makes it text; leave the quotes out", name,
		                        node->text);
	*text = node->text;
	return QMAC_OK;
}
