#define _POSIX_C_SOURCE 200809L
#include "config/sweep_file.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "config/run_table.h"
#include "config/text.h"
#include "config/yaml.h"

/* A sweep beyond this is a slip of the pen: a product of too many lists. */
enum { RUNS_MAX = 4096 };

static const char sweep_words[] = "base|set|runs|plot|pareto|goal|retime";

struct loader {
	struct qmac_sweep *sweep;
	struct qmac_yaml yaml;                   /* its arena becomes sweep->storage */
	struct qmac_yaml_node *set;              /* may be NULL */
	struct qmac_yaml_node *runs;
	const struct qmac_yaml_node **entries;   /* per run: its entry */
	const struct qmac_yaml_node ***values;   /* per run and setting: the node of the value */
	int set_count;
	struct qmac_error *err;
};

static void *allocate(struct loader *l, size_t count, size_t size)
{
	void *memory = qmac_arena_alloc(&l->yaml.arena, count * size + 1);

	if (!memory)
		(void)qmac_fail(l->err, QMAC_INTERNAL, "out of memory");
	return memory;
}

static int child_count(const struct qmac_yaml_node *node)
{
	int n = 0;

	for (node = node ? node->child : NULL; node; node = node->next)
		n++;
	return n;
}

static bool is_name(const struct qmac_yaml_node *node)
{
	return strcmp(node->key, "name") == 0;
}

/* ---- structure ---------------------------------------------------------------- */

static bool is_path(const char *key)
{
	return qmac_run_keys[qmac_key_table_find(&qmac_run_table, key)].kind == QMAC_KIND_PATH;
}

/* One scalar that a run gets, with its place as the option that carried it. */
static enum qmac_status make_setting(struct loader *l, const struct qmac_yaml_node *node, const char *key,
                                     struct qmac_setting *setting)
{
	char path[QMAC_PATH_MAX], option[QMAC_PATH_MAX];
	const char *text;
	enum qmac_status status = qmac_yaml_text(&l->yaml, node, key, false, &text, l->err);

	if (status)
		return status;
	if (is_path(key)) {
		if (!qmac_path_beside(path, sizeof path, l->yaml.file, text))
			return qmac_yaml_refuse(&l->yaml, node, l->err, "%s: the path is longer than %d bytes", key,
			                        QMAC_PATH_MAX - 1);
		/* a data file that is not there may lie in the data folder, under the name as it stands */
		if (strcmp(key, "hw") == 0 || access(path, F_OK) == 0)
			text = qmac_arena_copy(&l->yaml.arena, path);
	}
	snprintf(option, sizeof option, "%.120s:%d", l->yaml.file, node->line);
	setting->key = key;
	setting->value = text;
	setting->option = qmac_arena_copy(&l->yaml.arena, option);
	return text && setting->option ? QMAC_OK : qmac_fail(l->err, QMAC_INTERNAL, "out of memory");
}

/* Runs of one entry: the product of the lengths of its lists. */
static enum qmac_status count_runs(struct loader *l, const struct qmac_yaml_node *entry, int *count)
{
	*count = 1;
	for (const struct qmac_yaml_node *n = entry->child; n; n = n->next) {
		if (n->kind == QMAC_YAML_SCALAR)
			continue;
		if (is_name(n) || n->kind == QMAC_YAML_MAPPING || !n->child)
			return qmac_yaml_refuse(&l->yaml, n, l->err, "%s: expected a value%s", n->key,
			                        is_name(n) ? "" : " or a list of values");
		*count *= child_count(n);
		if (*count > RUNS_MAX)
			return qmac_yaml_refuse(&l->yaml, n, l->err, "more than %d runs", RUNS_MAX);
	}
	return QMAC_OK;
}

/* Fills in run number `index` of an entry; its last list varies fastest. */
static enum qmac_status make_run(struct loader *l, const struct qmac_yaml_node *entry, int index, int count)
{
	int number = l->sweep->run_count++, rest = count, used = l->set_count;
	struct qmac_sweep_run *run = &l->sweep->runs[number];
	size_t room = (size_t)(used + child_count(entry));
	enum qmac_status status;

	run->settings = allocate(l, room, sizeof *run->settings);
	l->values[number] = allocate(l, room, sizeof *l->values[number]);
	if (!run->settings || !l->values[number])
		return QMAC_INTERNAL;
	l->entries[number] = entry;
	used = 0;
	for (const struct qmac_yaml_node *n = l->set ? l->set->child : NULL; n; n = n->next) {
		l->values[number][used] = n;
		status = make_setting(l, n, n->key, &run->settings[used++]);
		if (status)
			return status;
	}
	for (const struct qmac_yaml_node *n = entry->child; n; n = n->next) {
		const struct qmac_yaml_node *value = n;

		if (is_name(n))
			continue;
		if (n->kind == QMAC_YAML_SEQUENCE) {
			int length = child_count(n), at;

			rest /= length;
			at = index / rest % length;
			for (value = n->child; at > 0; at--)
				value = value->next;
		}
		l->values[number][used] = value;
		status = make_setting(l, value, n->key, &run->settings[used++]);
		if (status)
			return status;
	}
	run->setting_count = used;
	return QMAC_OK;
}

static enum qmac_status make_runs(struct loader *l)
{
	int total = 0, count;
	enum qmac_status status;

	for (struct qmac_yaml_node *n = l->runs->child; n; n = n->next) {
		status = qmac_yaml_expect(&l->yaml, n, "runs", QMAC_YAML_MAPPING, l->err);
		if (!status)
			status = qmac_key_table_flatten(&qmac_run_table, &l->yaml, n, "name", l->err);
		if (!status)
			status = count_runs(l, n, &count);
		if (status)
			return status;
		total += count;
		if (total > RUNS_MAX)
			return qmac_yaml_refuse(&l->yaml, n, l->err, "more than %d runs", RUNS_MAX);
	}
	l->sweep->runs = allocate(l, (size_t)total, sizeof *l->sweep->runs);
	l->entries = allocate(l, (size_t)total, sizeof *l->entries);
	l->values = allocate(l, (size_t)total, sizeof *l->values);
	if (!l->sweep->runs || !l->entries || !l->values)
		return QMAC_INTERNAL;
	for (const struct qmac_yaml_node *n = l->runs->child; n; n = n->next) {
		status = count_runs(l, n, &count);
		for (int i = 0; !status && i < count; i++)
			status = make_run(l, n, i, count);
		if (status)
			return status;
	}
	return QMAC_OK;
}

/* ---- names -------------------------------------------------------------------- */

static const struct qmac_setting *find_own(const struct loader *l, const struct qmac_sweep_run *run,
                                           const char *key)
{
	for (int i = l->set_count; i < run->setting_count; i++)
		if (strcmp(run->settings[i].key, key) == 0)
			return &run->settings[i];
	return NULL;
}

/* Does any run (of the entry, where one is given) have another value of that key, or none? */
static bool varies(const struct loader *l, const struct qmac_setting *setting,
                   const struct qmac_yaml_node *entry)
{
	for (int i = 0; i < l->sweep->run_count; i++) {
		const struct qmac_setting *other = find_own(l, &l->sweep->runs[i], setting->key);

		if (entry && l->entries[i] != entry)
			continue;
		if (!other || strcmp(other->value, setting->value) != 0)
			return true;
	}
	return false;
}

/* Appends text to a name, '-' before it, with nothing that a folder name should not have. */
static bool append(char *name, size_t size, const char *text)
{
	size_t used = strlen(name);

	if (used && used < size - 1)
		name[used++] = '-';
	for (; *text && used < size - 1; text++) {
		bool safe = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
		            (*text >= '0' && *text <= '9') || strchr("+_", *text) || (used && strchr("-.", *text));

		name[used++] = safe ? *text : '_';
	}
	name[used] = 0;
	return !*text;
}

/* The part of a value that a name shows: of a path the file's name alone. */
static const char *short_value(const struct qmac_setting *setting)
{
	const char *slash = is_path(setting->key) ? strrchr(setting->value, '/') : NULL;

	return slash ? slash + 1 : setting->value;
}

/* The name of the entry, if it has one, and the values that vary, but for the key `but`. False: too long. */
static bool make_name(const struct loader *l, int number, const char *entry_name, const char *but,
                      char *name, size_t size)
{
	const struct qmac_sweep_run *run = &l->sweep->runs[number];
	bool fits = true;

	name[0] = 0;
	if (entry_name)
		fits = append(name, size, entry_name);
	for (int i = l->set_count; i < run->setting_count; i++)
		if (strcmp(run->settings[i].key, but) != 0
		    && varies(l, &run->settings[i], entry_name ? l->entries[number] : NULL))
			fits = append(name, size, short_value(&run->settings[i])) && fits;
	if (!name[0])
		fits = append(name, size, "run");
	return fits;
}

static enum qmac_status name_run(struct loader *l, int number)
{
	struct qmac_sweep_run *run = &l->sweep->runs[number];
	const struct qmac_yaml_node *entry = l->entries[number], *node = qmac_yaml_find(entry, "name");
	const char *text = NULL;
	bool fits;

	if (node) {
		enum qmac_status status = qmac_yaml_text(&l->yaml, node, "name", false, &text, l->err);

		if (status)
			return status;
	}
	fits = make_name(l, number, text, "", run->name, sizeof run->name)
	       && make_name(l, number, text, "seed", run->group, sizeof run->group);
	if (!fits)
		return qmac_yaml_refuse(&l->yaml, entry, l->err,
		                        "the name of the run is too long: '%.60s...'; give the entry a short one,"
		                        " name: ...", run->name);
	if (qmac_sweep_owns(run->name))
		return qmac_yaml_refuse(&l->yaml, node ? node : entry, l->err,
		                        "'%s' is the name of a file of the sweep itself; give the run another one",
		                        run->name);
	for (int i = 0; i < number; i++) {
		if (strcmp(l->sweep->runs[i].name, run->name) != 0)
			continue;
		return qmac_yaml_refuse(&l->yaml, entry, l->err,
		                        "two runs are called '%s' (the other in line %d); remove one, or add name:"
		                        " ...", run->name, l->entries[i]->line);
	}
	return QMAC_OK;
}

/* ---- the whole ---------------------------------------------------------------- */

/* Loads the run as it will be loaded later, only to see whether it can be. */
static enum qmac_status check_run(struct loader *l, int number)
{
	const struct qmac_sweep_run *run = &l->sweep->runs[number];
	struct qmac_run_config config;
	int culprit;
	enum qmac_status status = qmac_run_config_read(&config, l->sweep->base, run->settings, run->setting_count,
	                                               &culprit, l->err);

	if (status == QMAC_BAD_INPUT && culprit < 0 && !l->err->line) {
		/* The base file could not be read at all: here is where it is named. */
		struct qmac_error bare = *l->err;

		(void)qmac_fail(l->err, status, "base: '%.300s': %.400s", l->sweep->base, bare.message);
		return qmac_yaml_blame(&l->yaml, qmac_yaml_find(l->yaml.root, "base"), l->err);
	}
	if (!status || culprit < 0)
		return status;
	qmac_text_blame(run->settings[culprit].key, l->err);
	return qmac_yaml_blame(&l->yaml, l->values[number][culprit], l->err);
}

/* Which of the names of `plot` and `pareto`, or the goal, that member is. */
static int axis_of(const struct qmac_sweep *sweep, const char *member)
{
	const char *const members[QMAC_SWEEP_AXES] = {
		sweep->plot_x, sweep->plot_y, sweep->plot_best, sweep->pareto_x, sweep->pareto_y, sweep->goal,
	};
	int axis = 0;

	while (axis < QMAC_SWEEP_AXES - 1 && members[axis] != member)
		axis++;
	return axis;
}

static void keep_place(struct qmac_sweep *sweep, const char *member, const struct qmac_yaml_node *node)
{
	sweep->axes[axis_of(sweep, member)].line = node->line;
	sweep->axes[axis_of(sweep, member)].column = node->column;
}

/* {x: column, y: column}, and where `best` is not NULL perhaps {best: key} */
static enum qmac_status read_axes(struct loader *l, const char *key, char x[64], char y[64], char best[64])
{
	const struct qmac_yaml_node *node = qmac_yaml_find(l->yaml.root, key);
	char *const columns[] = {x, y, best};
	static const char *const axes[] = {"x", "y", "best"};
	enum qmac_status status;

	if (!node)
		return QMAC_OK;
	status = qmac_yaml_expect(&l->yaml, node, key, QMAC_YAML_MAPPING, l->err);
	if (!status)
		status = qmac_yaml_check_keys(&l->yaml, node, best ? "x|y|best" : "x|y", l->err);
	for (int i = 0; !status && i < (best ? 3 : 2); i++) {
		const struct qmac_yaml_node *axis = qmac_yaml_find(node, axes[i]);
		char name[32];
		const char *text;

		snprintf(name, sizeof name, "%s.%s", key, axes[i]);
		if (!axis && i == 2)
			break;
		if (!axis)
			return qmac_yaml_refuse(&l->yaml, node, l->err, "missing key '%s', the name of a column", name);
		status = qmac_yaml_text(&l->yaml, axis, name, false, &text, l->err);
		if (status)
			return status;
		if (strlen(text) > 63 || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.")])
			return qmac_yaml_refuse(&l->yaml, axis, l->err, "%s: '%.60s' is not the name of a column", name,
			                        text);
		strcpy(columns[i], text);
		keep_place(l->sweep, columns[i], axis);
	}
	return status;
}

static enum qmac_status read_goal(struct loader *l)
{
	const struct qmac_yaml_node *node = qmac_yaml_find(l->yaml.root, "goal");
	char *goal = l->sweep->goal;
	const char *text;
	enum qmac_status status;

	if (!node)
		return QMAC_OK;
	status = qmac_yaml_text(&l->yaml, node, "goal", false, &text, l->err);
	if (status)
		return status;
	if (snprintf(goal, sizeof l->sweep->goal, "%s", text) >= (int)sizeof l->sweep->goal)
		return qmac_yaml_refuse(&l->yaml, node, l->err, "goal: longer than %d bytes",
		                        (int)sizeof l->sweep->goal - 1);
	keep_place(l->sweep, goal, node);
	return QMAC_OK;
}

static enum qmac_status read_retime(struct loader *l)
{
	const struct qmac_yaml_node *node = qmac_yaml_find(l->yaml.root, "retime");
	const char *text = "true";
	enum qmac_status status = node ? qmac_yaml_text(&l->yaml, node, "retime", false, &text, l->err) : QMAC_OK;

	if (status)
		return status;
	status = qmac_text_bool(text, &l->sweep->retime, l->err);
	if (!status)
		return status;
	qmac_text_blame("retime", l->err);
	return qmac_yaml_blame(&l->yaml, node, l->err);
}

enum qmac_status qmac_sweep_blame(const struct qmac_sweep *sweep, const char *name, struct qmac_error *err)
{
	struct qmac_error bare = *err;
	int axis = axis_of(sweep, name);

	return qmac_fail_at(err, QMAC_BAD_INPUT, sweep->file, sweep->axes[axis].line, sweep->axes[axis].column,
	                    "%s", bare.message);
}

static enum qmac_status read_base(struct loader *l)
{
	const struct qmac_yaml_node *node = qmac_yaml_find(l->yaml.root, "base");
	const char *text;
	enum qmac_status status;

	if (!node)
		return qmac_yaml_refuse(&l->yaml, l->yaml.root, l->err,
		                        "missing key 'base', the run file of all runs");
	status = qmac_yaml_text(&l->yaml, node, "base", false, &text, l->err);
	if (status)
		return status;
	if (qmac_path_beside(l->sweep->base, sizeof l->sweep->base, l->yaml.file, text))
		return QMAC_OK;
	return qmac_yaml_refuse(&l->yaml, node, l->err, "base: the path is longer than %d bytes",
	                        QMAC_PATH_MAX - 1);
}

static enum qmac_status read_groups(struct loader *l)
{
	const struct qmac_yaml_node *root = l->yaml.root;
	enum qmac_status status = qmac_yaml_check_keys(&l->yaml, root, sweep_words, l->err);

	if (!status)
		status = read_base(l);
	l->set = qmac_yaml_find(root, "set");
	if (!status && l->set)
		status = qmac_yaml_expect(&l->yaml, l->set, "set", QMAC_YAML_MAPPING, l->err);
	if (!status && l->set)
		status = qmac_key_table_flatten(&qmac_run_table, &l->yaml, l->set, "", l->err);
	if (status)
		return status;
	l->set_count = child_count(l->set);
	l->runs = qmac_yaml_find(root, "runs");
	if (!l->runs)
		return qmac_yaml_refuse(&l->yaml, root, l->err,
		                        "missing key 'runs', a list such as - {algorithm: [sgd, halp]}");
	status = qmac_yaml_expect(&l->yaml, l->runs, "runs", QMAC_YAML_SEQUENCE, l->err);
	if (status || l->runs->child)
		return status;
	(void)qmac_fail(l->err, QMAC_BAD_INPUT, "runs: the list is empty");
	return qmac_yaml_blame_key(&l->yaml, l->runs, l->err);
}

static enum qmac_status load(struct loader *l)
{
	struct qmac_sweep *sweep = l->sweep;
	enum qmac_status status = read_groups(l);

	if (!status)
		status = read_axes(l, "plot", sweep->plot_x, sweep->plot_y, sweep->plot_best);
	if (!status)
		status = read_axes(l, "pareto", sweep->pareto_x, sweep->pareto_y, NULL);
	if (!status)
		status = read_goal(l);
	if (!status)
		status = read_retime(l);
	if (!status)
		status = make_runs(l);
	for (int i = 0; !status && i < sweep->run_count; i++)
		status = check_run(l, i);
	for (int i = 0; !status && i < sweep->run_count; i++)
		status = name_run(l, i);
	return status;
}

enum qmac_status qmac_sweep_load(struct qmac_sweep *sweep, const char *file, struct qmac_error *err)
{
	struct qmac_error local;
	struct loader l = {.sweep = sweep, .err = err ? err : &local};
	enum qmac_status status;

	memset(sweep, 0, sizeof *sweep);
	status = qmac_yaml_load(&l.yaml, file, l.err);
	if (status)
		return status;
	snprintf(sweep->file, sizeof sweep->file, "%s", file);
	status = load(&l);
	sweep->storage = l.yaml.arena.blocks;
	if (status)
		qmac_sweep_free(sweep);
	return status;
}

void qmac_sweep_free(struct qmac_sweep *sweep)
{
	struct qmac_arena arena;

	if (!sweep)
		return;
	arena.blocks = sweep->storage;
	qmac_arena_free(&arena);
	memset(sweep, 0, sizeof *sweep);
}
