#include "config/hw_file.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "config/text.h"

enum { KEYS_MAX = 64 };

/* What the keys of a file fill. Its first member is the device: the offsets of qmac_params hold here. */
struct values {
	struct qmac_hw_file file;
	int preset;
};

#define VALUE(group, name, kind, words, member, help) \
	{group, name, QMAC_KIND_##kind, 0, 0, words, "", NULL, 0, help, \
	 offsetof(struct values, member), sizeof((struct values *)0)->member}

/* Beside the device's parameters. */
static const struct qmac_key more_keys[] = {
	VALUE("dram", "preset", CHOICE, QMAC_DRAM_PRESET_WORDS, preset, "a ready-made memory"),
	VALUE("dram", "energy", CHOICE, QMAC_DRAM_ENERGY_WORDS, file.dram_energy,
	      "whose energy it has, none: no joules"),
	VALUE("host", "gflops", POSITIVE, "", file.host.gflops, "operations of the host per nanosecond"),
	VALUE("host", "gbytes_per_s", POSITIVE, "", file.host.gbytes_per_s, "bytes it moves per nanosecond"),
	VALUE("host", "pj_per_flop", REAL, "", file.host.pj_per_flop, "energy of an operation of the host in pJ"),
};
const struct qmac_key_table qmac_hw_more_table = {more_keys, (int)(sizeof more_keys / sizeof more_keys[0])};

enum { PRESET, DRAM_ENERGY }; /* places in more_keys */

/* The energy of a preset's memory, in the order of QMAC_DRAM_PRESET_WORDS. */
static const enum qmac_dram_kind preset_energy[] = {QMAC_DRAM_DDR4, QMAC_DRAM_LPDDR4, QMAC_DRAM_HBM2};

struct loader {
	struct qmac_yaml yaml;
	const struct qmac_yaml_node *dram, *host;        /* the mappings; NULL where there are none */
	struct qmac_key keys[KEYS_MAX];                  /* qmac_params, then more_keys */
	const struct qmac_yaml_node *nodes[KEYS_MAX];
	struct values values;
	struct qmac_error *err;
};

static struct qmac_key_table all_keys(struct qmac_key keys[KEYS_MAX])
{
	int count = qmac_param_count + qmac_hw_more_table.count;

	assert(count <= KEYS_MAX);
	memcpy(keys, qmac_params, (size_t)qmac_param_count * sizeof *keys);
	memcpy(keys + qmac_param_count, more_keys, sizeof more_keys);
	return (struct qmac_key_table){keys, count};
}

/* Is any key of that group there? */
static bool is_there(const struct loader *l, const char *group)
{
	for (int i = 0; i < qmac_param_count + qmac_hw_more_table.count; i++)
		if (l->nodes[i] && strcmp(l->keys[i].group, group) == 0)
			return true;
	return false;
}

/* The mapping that a key belongs into: its group, or the file. */
static const struct qmac_yaml_node *mapping_of(const struct loader *l, const struct qmac_key *key)
{
	const struct qmac_yaml_node *group = strcmp(key->group, "dram") == 0 ? l->dram : l->host;

	return key->group[0] && group ? group : l->yaml.root;
}

/* What to write for a key that is not there. */
static enum qmac_status fail_missing(struct loader *l, const struct qmac_key *key)
{
	char name[QMAC_KEY_NAME_SIZE], values[64];
	bool dram = strcmp(key->group, "dram") == 0;

	if (key->kind == QMAC_KIND_CHOICE)
		snprintf(values, sizeof values, "%s; ", key->words);
	else if (key->kind == QMAC_KIND_BOOL)
		snprintf(values, sizeof values, "true|false; ");
	else if (key->high > 0)
		snprintf(values, sizeof values, "%" PRId64 "..%" PRId64 "; ", key->low, key->high);
	else
		values[0] = 0;
	return qmac_yaml_refuse(&l->yaml, mapping_of(l, key), l->err, "missing key '%s' (%s%s)%s",
	                        qmac_key_name(key, name), values, key->help,
	                        dram ? "; give it, or a preset: " QMAC_DRAM_PRESET_WORDS : "");
}

/*
 * What is not given: a preset has the keys of `dram`, and its energy, and a file without a key of `host` none
 * of them.
 * Everything else is missing. The clock is known by now: a preset counts nanoseconds.
 */
static enum qmac_status complete(struct loader *l)
{
	struct qmac_hw *hw = &l->values.file.hw, ready = *hw;
	bool preset = l->nodes[qmac_param_count + PRESET] != NULL, host = is_there(l, "host");

	if (preset && !l->nodes[qmac_param_count + DRAM_ENERGY])
		l->values.file.dram_energy = preset_energy[l->values.preset];
	for (int i = 0; i < qmac_param_count + qmac_hw_more_table.count; i++) {
		const struct qmac_key *key = &l->keys[i];

		if (l->nodes[i] || i == qmac_param_count + PRESET ||
		    (preset && i == qmac_param_count + DRAM_ENERGY) ||
		    (strcmp(key->group, "host") == 0 && !host))
			continue;
		if (i >= qmac_param_count || !key->group[0] || !preset)
			return fail_missing(l, key);
		qmac_dram_preset_apply(&qmac_dram_presets[l->values.preset], &ready);
		*qmac_hw_member(hw, key) = *qmac_hw_member(&ready, key);
	}
	return QMAC_OK;
}

/* A rule was broken: the place of the key to blame. One that came from a preset has the preset's. */
static enum qmac_status check(struct loader *l)
{
	const struct qmac_key *culprit;
	const struct qmac_yaml_node *node;

	if (!qmac_hw_check(&l->values.file.hw, &culprit, l->err))
		return QMAC_OK;
	node = l->nodes[culprit - qmac_params];
	return qmac_yaml_blame(&l->yaml, node ? node : mapping_of(l, culprit), l->err);
}

static enum qmac_status read(struct loader *l)
{
	struct qmac_key_table table = all_keys(l->keys);
	enum qmac_status status;

	l->dram = qmac_yaml_find(l->yaml.root, "dram");
	l->host = qmac_yaml_find(l->yaml.root, "host");
	status = qmac_key_table_read(&table, &l->yaml, &l->values, l->nodes, l->err);
	if (!status && !is_there(l, "dram"))
		return qmac_yaml_refuse(&l->yaml, l->yaml.root, l->err,
		                        "missing key 'dram' (the memory); e.g. dram: {preset: ddr4}");
	if (!status)
		status = complete(l);
	return status ? status : check(l);
}

enum qmac_status qmac_hw_file_load(struct qmac_hw_file *hw_file, const char *file, struct qmac_error *err)
{
	struct qmac_error local;
	struct loader l = {.err = err ? err : &local};
	enum qmac_status status = qmac_yaml_load(&l.yaml, file, l.err);

	if (!status)
		status = read(&l);
	*hw_file = l.values.file;
	qmac_yaml_free(&l.yaml);
	return status;
}

enum qmac_status qmac_hw_load(struct qmac_hw *hw, const char *file, struct qmac_error *err)
{
	struct qmac_hw_file hw_file;
	enum qmac_status status = qmac_hw_file_load(&hw_file, file, err);

	*hw = hw_file.hw;
	return status;
}

void qmac_hw_print(const struct qmac_hw *hw, FILE *out)
{
	const struct qmac_hw_file hw_file = {.hw = *hw, .dram_energy = QMAC_DRAM_NONE};

	qmac_hw_file_print(&hw_file, out);
}

void qmac_hw_file_print(const struct qmac_hw_file *hw_file, FILE *out)
{
	const struct values values = {.file = *hw_file};
	struct qmac_key keys[KEYS_MAX];
	struct qmac_key_table table = all_keys(keys);

	for (int i = 0; i < table.count; i++) {
		bool is_dram = strcmp(keys[i].group, "dram") == 0;

		if (i == qmac_param_count + PRESET)
			continue; /* there is none any more: its cycles stand there */
		if (i > qmac_param_count && !is_dram && !qmac_host_is_given(&hw_file->host))
			continue;
		qmac_key_table_print(&table, i, &values, out);
		fputc('\n', out);
	}
}
