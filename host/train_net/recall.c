#include "train_net/recall.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a memory; tests/test_net_recall.c takes fewer. */
static uint64_t limit = UINT64_C(64) << 20;

/* What a part cost. */
struct cost {
	bool is_known;
	struct qmac_driver_totals device;
	uint64_t host_flops;
	int64_t weight_saturations;
	struct qmac_records records;
};

/* What was done once. */
struct entry {
	struct entry *next;
	unsigned char *key;
	uint64_t bytes;             /* of all of it */
	int parts;
	struct cost cost[QMAC_NET_RECALL_PARTS];
};

struct qmac_net_recall {
	struct qmac_net_training *training;
	const struct qmac_net_formats *formats;
	struct qmac_train_device *device;
	uint64_t limit, bytes;
	struct entry *first;        /* looked for last */
	struct entry *current;      /* found, or being kept; NULL: there is no room */
	size_t key_bytes;
	unsigned char *key;         /* of what is looked for */
	/* While a part is watched, what had been spent before; its records stand in for the training's. */
	struct cost *watched, before;
};

/* ---- entries ------------------------------------------------------------------------------------ */

static void free_entry(struct entry *entry)
{
	for (int part = 0; part < QMAC_NET_RECALL_PARTS; part++)
		qmac_records_free(&entry->cost[part].records);
	free(entry->key);
	free(entry);
}

static uint64_t entry_bytes(const struct qmac_net_recall *recall, int parts)
{
	const struct qmac_records *records = &recall->training->records;
	uint64_t layer = sizeof records->layer[0] + QMAC_DIRECTIONS * sizeof records->spent[0];

	return sizeof(struct entry) + recall->key_bytes + (uint64_t)parts * (uint64_t)records->layers * layer;
}

/* For the key that is looked for. NULL: out of memory. */
static struct entry *make_entry(const struct qmac_net_recall *recall, int parts)
{
	struct entry *entry = calloc(1, sizeof *entry);
	struct qmac_error err;
	bool whole;

	if (!entry)
		return NULL;
	entry->parts = parts;
	entry->bytes = entry_bytes(recall, parts);
	entry->key = malloc(recall->key_bytes);
	whole = entry->key != NULL;
	for (int part = 0; whole && part < parts; part++)
		whole = !qmac_records_create(&entry->cost[part].records, recall->training->records.layers, &err);
	if (whole) {
		memcpy(entry->key, recall->key, recall->key_bytes);
		return entry;
	}
	free_entry(entry);
	return NULL;
}

/* Takes the entry of the key that is looked for out of the list; NULL: there is none. */
static struct entry *take(struct qmac_net_recall *recall)
{
	struct entry **at = &recall->first, *entry;

	while (*at && memcmp((*at)->key, recall->key, recall->key_bytes) != 0)
		at = &(*at)->next;
	entry = *at;
	if (entry)
		*at = entry->next;
	return entry;
}

/* Drops the oldest entries until there is room for so many bytes; false: there is none at all. */
static bool make_room(struct qmac_net_recall *recall, uint64_t bytes)
{
	if (bytes > recall->limit)
		return false;
	while (recall->bytes > recall->limit - bytes) {
		struct entry **last = &recall->first;

		while ((*last)->next)
			last = &(*last)->next;
		recall->bytes -= (*last)->bytes;
		free_entry(*last);
		*last = NULL;
	}
	return true;
}

static void push(struct qmac_net_recall *recall, struct entry *entry)
{
	entry->next = recall->first;
	recall->first = recall->current = entry;
}

/* ---- the memory --------------------------------------------------------------------------------- */

struct qmac_net_recall *qmac_net_recall_create(struct qmac_net_training *training,
                                               const struct qmac_net_formats *formats,
                                               struct qmac_train_device *device)
{
	struct qmac_net_recall *recall = calloc(1, sizeof *recall);
	size_t tensors = (size_t)training->net.layer_count + 1 + (size_t)training->net.parameter_count;

	if (!recall)
		return NULL;
	recall->training = training;
	recall->formats = formats;
	recall->device = device;
	recall->limit = limit;
	recall->key_bytes = sizeof(struct qmac_net_recall_key) + tensors * sizeof formats->output[0];
	recall->key = malloc(recall->key_bytes);
	if (recall->key)
		return recall;
	free(recall);
	return NULL;
}

void qmac_net_recall_destroy(struct qmac_net_recall *recall)
{
	if (!recall)
		return;
	for (struct entry *entry = recall->first, *next; entry; entry = next) {
		next = entry->next;
		free_entry(entry);
	}
	free(recall->key);
	free(recall);
}

static void write_key(const struct qmac_net_recall *recall, const struct qmac_net_recall_key *key)
{
	const struct qmac_net *net = &recall->training->net;
	size_t size = sizeof recall->formats->output[0];
	size_t outputs = ((size_t)net->layer_count + 1) * size, parameters = (size_t)net->parameter_count * size;

	memcpy(recall->key, key, sizeof *key);
	memcpy(recall->key + sizeof *key, recall->formats->output, outputs);
	memcpy(recall->key + sizeof *key + outputs, recall->formats->parameter, parameters);
}

static bool is_whole(const struct entry *entry)
{
	for (int part = 0; part < entry->parts; part++)
		if (!entry->cost[part].is_known)
			return false;
	return true;
}

bool qmac_net_recall_find(struct qmac_net_recall *recall, const struct qmac_net_recall_key *key)
{
	int parts = key->what == QMAC_NET_RECALL_TRAIN ? 2 : 1;
	struct entry *entry;

	if (!recall)
		return false;
	recall->current = NULL;
	write_key(recall, key);
	entry = take(recall);
	if (entry) {
		push(recall, entry);
		return is_whole(entry);
	}
	if (!make_room(recall, entry_bytes(recall, parts)))
		return false;
	entry = make_entry(recall, parts);
	if (entry) {
		recall->bytes += entry->bytes;
		push(recall, entry);
	}
	return false;
}

/* ---- costs -------------------------------------------------------------------------------------- */

void qmac_net_recall_add(struct qmac_net_recall *recall, int part)
{
	struct qmac_net_training *training = recall->training;
	struct qmac_driver_totals totals = qmac_driver_totals(recall->device->driver);
	struct cost *cost = &recall->current->cost[part];

	assert(cost->is_known);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		totals.counters[i] += cost->device.counters[i];
	totals.host_bytes += cost->device.host_bytes;
	qmac_driver_set_totals(recall->device->driver, &totals);
	training->host_flops += cost->host_flops;
	training->weight_saturations += cost->weight_saturations;
	cost->records.epoch = training->records.epoch;
	qmac_records_merge(&training->records, &cost->records);
}

void qmac_net_recall_watch(struct qmac_net_recall *recall, int part)
{
	struct qmac_net_training *training;

	if (!recall || !recall->current)
		return;
	training = recall->training;
	recall->watched = &recall->current->cost[part];
	recall->before = (struct cost){
		.device = qmac_driver_totals(recall->device->driver), .host_flops = training->host_flops,
		.weight_saturations = training->weight_saturations, .records = training->records,
	};
	qmac_records_begin(&recall->watched->records, training->records.epoch);
	training->records = recall->watched->records;
}

enum qmac_status qmac_net_recall_keep(struct qmac_net_recall *recall, enum qmac_status status)
{
	struct qmac_net_training *training;
	const struct cost *before;
	struct cost *cost;

	if (!recall || !recall->watched)
		return status;
	training = recall->training;
	before = &recall->before;
	cost = recall->watched;
	recall->watched = NULL;
	cost->device = qmac_driver_totals(recall->device->driver);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		cost->device.counters[i] -= before->device.counters[i];
	cost->device.host_bytes -= before->device.host_bytes;
	cost->host_flops = training->host_flops - before->host_flops;
	cost->weight_saturations = training->weight_saturations - before->weight_saturations;
	training->records = before->records;
	qmac_records_merge(&training->records, &cost->records);
	cost->is_known = status == QMAC_OK;
	return status;
}
