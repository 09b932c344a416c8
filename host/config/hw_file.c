#include "config/hw_file.h"

#include <string.h>

#include "config/text.h"
#include "config/yaml.h"

enum { WORDS_MAX = 512, NAME_MAX_BYTES = 64 };

struct loader {
	struct qmac_yaml yaml;
	struct qmac_hw *hw;
	const struct qmac_yaml_node *dram; /* the mapping `dram` */
	struct qmac_error *err;
};

static bool is_dram(const struct qmac_param *p)
{
	return p->group[0] != 0;
}

/* The key as a message names it: "rows", "dram.latency". */
static const char *full_name(const struct qmac_param *p, char name[NAME_MAX_BYTES])
{
	snprintf(name, NAME_MAX_BYTES, "%s%s%s", p->group, is_dram(p) ? "." : "", p->name);
	return name;
}

static void append_word(char words[WORDS_MAX], const char *word)
{
	size_t used = strlen(words);

	snprintf(words + used, WORDS_MAX - used, "%s%s", used ? "|" : "", word);
}

/* All keys of one mapping, as "a|b|c". */
static const char *key_words(bool dram, char words[WORDS_MAX])
{
	words[0] = 0;
	append_word(words, dram ? "preset" : "dram");
	for (int i = 0; i < qmac_param_count; i++)
		if (is_dram(&qmac_params[i]) == dram)
			append_word(words, qmac_params[i].name);
	return words;
}

static const char *preset_words(char words[WORDS_MAX])
{
	words[0] = 0;
	for (int i = 0; i < qmac_dram_preset_count; i++)
		append_word(words, qmac_dram_presets[i].name);
	return words;
}

/* A decimal that must be a whole number of 1/256: anything else would not be what the file says. */
static enum qmac_status read_fixed8(const struct qmac_param *p, const char *text, int *value,
                                    struct qmac_error *err)
{
	double number;
	enum qmac_status status = qmac_text_real(text, &number, err);

	if (status)
		return status;
	if (number < p->low || number > p->high)
		return qmac_fail(err, QMAC_BAD_INPUT, "%.60s is out of range %d..%d", text, p->low, p->high);
	*value = (int)(number * 256);
	if (*value != number * 256)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "%.60s is not a multiple of 1/256; the nearest are %.12g and %.12g", text,
		                 *value / 256.0, (*value + 1) / 256.0);
	return QMAC_OK;
}

enum qmac_status qmac_hw_read_value(struct qmac_hw *hw, const struct qmac_param *p, const char *text,
                                    struct qmac_error *err)
{
	int *value = qmac_hw_member(hw, p);
	enum qmac_status status;
	int64_t number;
	bool flag;

	switch (p->kind) {
	case QMAC_PARAM_CHOICE:
		return qmac_text_choice(text, p->words, value, err);
	case QMAC_PARAM_BOOL:
		status = qmac_text_bool(text, &flag, err);
		if (!status)
			*value = flag;
		return status;
	case QMAC_PARAM_FIXED8:
		return read_fixed8(p, text, value, err);
	case QMAC_PARAM_INT:
	case QMAC_PARAM_POWER2:
	case QMAC_PARAM_EVEN:
		break;
	}
	status = qmac_text_integer(text, p->low, p->high, &number, err);
	if (!status)
		*value = (int)number;
	return status;
}

static enum qmac_status load_param(struct loader *l, const struct qmac_param *p,
                                   const struct qmac_yaml_node *node)
{
	char name[NAME_MAX_BYTES];
	bool number = p->kind != QMAC_PARAM_CHOICE;
	const char *text;
	enum qmac_status status = qmac_yaml_text(&l->yaml, node, full_name(p, name), number, &text, l->err);

	if (status || !qmac_hw_read_value(l->hw, p, text, l->err))
		return status;
	qmac_text_blame(name, l->err);
	return qmac_yaml_blame(&l->yaml, node, l->err);
}

/* What to write for a key that is not there. */
static enum qmac_status fail_missing(struct loader *l, const struct qmac_param *p,
                                     const struct qmac_yaml_node *mapping)
{
	char name[NAME_MAX_BYTES], words[WORDS_MAX], range[64];

	if (p->kind == QMAC_PARAM_CHOICE)
		snprintf(range, sizeof range, "%s", p->words);
	else if (p->kind == QMAC_PARAM_BOOL)
		snprintf(range, sizeof range, "true|false");
	else
		snprintf(range, sizeof range, "%d..%d", p->low, p->high);
	(void)qmac_fail(l->err, QMAC_BAD_INPUT, "missing key '%s' (%s; %s)%s%s", full_name(p, name), range,
	                p->help, is_dram(p) ? "; give it, or a preset: " : "",
	                is_dram(p) ? preset_words(words) : "");
	return qmac_yaml_blame(&l->yaml, mapping, l->err);
}

/* The clock must be known: a preset counts nanoseconds. */
static enum qmac_status load_preset(struct loader *l, const struct qmac_yaml_node *node)
{
	char words[WORDS_MAX];
	const char *text;
	int index;
	enum qmac_status status = qmac_yaml_text(&l->yaml, node, "dram.preset", false, &text, l->err);

	if (status)
		return status;
	if (qmac_text_choice(text, preset_words(words), &index, l->err)) {
		qmac_text_blame("dram.preset", l->err);
		return qmac_yaml_blame(&l->yaml, node, l->err);
	}
	qmac_dram_preset_apply(&qmac_dram_presets[index], l->hw);
	return QMAC_OK;
}

/* Finds the mapping `dram` and refuses unknown keys. */
static enum qmac_status find_groups(struct loader *l)
{
	char words[WORDS_MAX];
	enum qmac_status status = qmac_yaml_check_keys(&l->yaml, l->yaml.root, key_words(false, words), l->err);

	if (status)
		return status;
	l->dram = qmac_yaml_find(l->yaml.root, "dram");
	if (!l->dram) {
		(void)qmac_fail(l->err, QMAC_BAD_INPUT, "missing key 'dram' (the memory); e.g. dram: {preset: ddr4}");
		return qmac_yaml_blame(&l->yaml, l->yaml.root, l->err);
	}
	status = qmac_yaml_expect(&l->yaml, l->dram, "dram", QMAC_YAML_MAPPING, l->err);
	if (status)
		return status;
	return qmac_yaml_check_keys(&l->yaml, l->dram, key_words(true, words), l->err);
}

/* A rule was broken: the place of the key to blame. One that came from a preset has the preset's. */
static enum qmac_status blame_param(struct loader *l, const struct qmac_param *p)
{
	const struct qmac_yaml_node *mapping = is_dram(p) ? l->dram : l->yaml.root;
	const struct qmac_yaml_node *node = qmac_yaml_find(mapping, p->name);

	return qmac_yaml_blame(&l->yaml, node ? node : mapping, l->err);
}

/* The keys of one mapping; of `dram`, those that a preset gave may be missing. */
static enum qmac_status load_group(struct loader *l, const struct qmac_yaml_node *mapping, bool preset)
{
	enum qmac_status status = QMAC_OK;

	for (int i = 0; !status && i < qmac_param_count; i++) {
		const struct qmac_param *p = &qmac_params[i];
		const struct qmac_yaml_node *node = qmac_yaml_find(mapping, p->name);

		if (is_dram(p) != (mapping == l->dram))
			continue;
		if (node)
			status = load_param(l, p, node);
		else if (!preset)
			status = fail_missing(l, p, mapping);
	}
	return status;
}

static enum qmac_status load_params(struct loader *l)
{
	const struct qmac_param *culprit;
	const struct qmac_yaml_node *preset;
	enum qmac_status status = find_groups(l);

	if (!status)
		status = load_group(l, l->yaml.root, false);
	if (status)
		return status;
	preset = qmac_yaml_find(l->dram, "preset");
	if (preset)
		status = load_preset(l, preset);
	if (!status)
		status = load_group(l, l->dram, preset != NULL);
	if (!status && qmac_hw_check(l->hw, &culprit, l->err))
		status = blame_param(l, culprit);
	return status;
}

enum qmac_status qmac_hw_load(struct qmac_hw *hw, const char *file, struct qmac_error *err)
{
	struct qmac_error local;
	struct loader l = {.hw = hw, .err = err ? err : &local};
	enum qmac_status status;

	memset(hw, 0, sizeof *hw);
	status = qmac_yaml_load(&l.yaml, file, l.err);
	if (status)
		return status;
	status = load_params(&l);
	qmac_yaml_free(&l.yaml);
	return status;
}

void qmac_hw_print_value(const struct qmac_hw *hw, const struct qmac_param *p, FILE *out)
{
	struct qmac_hw copy = *hw;
	int value = *qmac_hw_member(&copy, p);
	size_t length;

	if (p->kind == QMAC_PARAM_CHOICE) {
		const char *word = qmac_words_at(p->words, value, &length);

		fprintf(out, "%.*s", (int)length, word);
	} else if (p->kind == QMAC_PARAM_BOOL) {
		fputs(value ? "true" : "false", out);
	} else if (p->kind == QMAC_PARAM_FIXED8) {
		qmac_text_print_real(value / 256.0, out);
	} else {
		fprintf(out, "%d", value);
	}
}

void qmac_hw_print(const struct qmac_hw *hw, FILE *out)
{
	const char *group = "";

	for (int i = 0; i < qmac_param_count; i++) {
		const struct qmac_param *p = &qmac_params[i];

		if (strcmp(group, p->group) != 0)
			fprintf(out, "%s:\n", p->group);
		group = p->group;
		fprintf(out, "%s%s: ", is_dram(p) ? "  " : "", p->name);
		qmac_hw_print_value(hw, p, out);
		fputc('\n', out);
	}
}
