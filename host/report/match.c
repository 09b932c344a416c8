#define _POSIX_C_SOURCE 200809L
/*
 * Does a folder hold the whole result of a configuration? A result that was damaged since it was written
 * is none: its run is done again, which is what --resume is for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/cost_tables.h"
#include "config/hw_file.h"
#include "config/input.h"
#include "config/text.h"
#include "report/files.h"
#include "report/json.h"
#include "report/members.h"
#include "report/results.h"
#include "report/tensors.h"
#include "report/version.h"

/* What is looked at, and what is found. */
struct look {
	const char *folder;
	struct qmac_json *summary; /* NULL: there is none */
	bool sealed;               /* it has SHA-256 sums, which older revisions did not write */
	char *why;                 /* "" as long as nothing is missing or damaged */
	size_t why_size;
};

static void find(const struct look *look, enum qmac_result_file file, const char *what)
{
	snprintf(look->why, look->why_size, "%s %s", qmac_member_names[file], what);
}

static void path_of(const struct look *look, enum qmac_result_file file, char path[QMAC_PATH_MAX + 32])
{
	snprintf(path, QMAC_PATH_MAX + 32, "%s/%s", look->folder, qmac_member_names[file]);
}

static enum qmac_status refuse_read(const struct look *look, const char *name, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_BAD_INPUT, "cannot read %s/%s: %s", look->folder, name, strerror(errno));
}

/* NULL where there is no such file. */
static enum qmac_status open_named(const struct look *look, const char *name, FILE **in,
                                   struct qmac_error *err)
{
	char path[QMAC_PATH_MAX + QMAC_TENSOR_NAME];

	snprintf(path, sizeof path, "%s/%s", look->folder, name);
	*in = NULL;
	return access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR) ? QMAC_OK
	       : qmac_input_stream(path, in, err);
}

static enum qmac_status open_file(const struct look *look, enum qmac_result_file file, FILE **in,
                                  struct qmac_error *err)
{
	return open_named(look, qmac_member_names[file], in, err);
}

/* ---- texts in memory ---------------------------------------------------------------- */

struct text {
	char *bytes; /* and a zero; NULL: no such file */
	size_t size;
};

/* The file as it is there. */
static enum qmac_status read_text(const struct look *look, enum qmac_result_file file, struct text *text,
                                  struct qmac_error *err)
{
	char block[4096];
	FILE *in, *out;
	enum qmac_status status = open_file(look, file, &in, err);
	bool failed;
	size_t got;

	*text = (struct text){NULL, 0};
	if (status || !in)
		return status;
	out = open_memstream(&text->bytes, &text->size);
	while (out && (got = fread(block, 1, sizeof block, in)) > 0)
		fwrite(block, 1, got, out);
	failed = !out || ferror(in) || ferror(out);
	if (out && fclose(out))
		failed = true;
	if (failed)
		status = refuse_read(look, qmac_member_names[file], err);
	fclose(in);
	return status;
}

typedef void print_function(const struct qmac_run_config *config, const struct qmac_hw_file *hw, FILE *out);

static void print_config(const struct qmac_run_config *config, const struct qmac_hw_file *hw, FILE *out)
{
	(void)hw;
	qmac_run_config_print(config, &qmac_member_copies, out);
}

/* Nothing without a network. */
static void print_net(const struct qmac_run_config *config, const struct qmac_hw_file *hw, FILE *out)
{
	(void)hw;
	if (config->run.network[0] && qmac_input_copy(config->run.network, out, NULL))
		fputs("not to be read", out); /* as whoever wants it will say */
}

static void print_hw(const struct qmac_run_config *config, const struct qmac_hw_file *hw, FILE *out)
{
	(void)config;
	qmac_hw_file_print(hw, out);
}

static void print_energy(const struct qmac_run_config *config, const struct qmac_hw_file *hw, FILE *out)
{
	struct qmac_energy_table table;

	(void)hw;
	if (qmac_energy_load(&table, qmac_run_energy(&config->run), NULL))
		fputs("not to be read", out);
	else
		qmac_energy_print(&table, out);
}

static void print_area(const struct qmac_run_config *config, const struct qmac_hw_file *hw, FILE *out)
{
	struct qmac_area_table table;

	(void)hw;
	if (qmac_area_load(&table, qmac_run_area(&config->run), NULL))
		fputs("not to be read", out);
	else
		qmac_area_print(&table, out);
}

static void print_metrics_head(const struct qmac_run_config *config, const struct qmac_hw_file *hw, FILE *out)
{
	(void)config;
	(void)hw;
	qmac_metrics_csv_head(out);
}

static void print_layers_head(const struct qmac_run_config *config, const struct qmac_hw_file *hw, FILE *out)
{
	(void)config;
	(void)hw;
	qmac_layers_csv_head(out);
}

/* The file as it would be written now. */
static enum qmac_status make_text(print_function *print, const struct qmac_run_config *config,
                                  const struct qmac_hw_file *hw, struct text *text, struct qmac_error *err)
{
	FILE *out;
	bool failed;

	*text = (struct text){NULL, 0};
	out = open_memstream(&text->bytes, &text->size);
	if (out)
		print(config, hw, out);
	failed = !out || ferror(out);
	if (out && fclose(out))
		failed = true;
	return failed ? qmac_fail(err, QMAC_INTERNAL, "out of memory for a configuration") : QMAC_OK;
}

/* The next line without the comment that says where its value comes from; NULL at the end. */
static char *next_line(char **at)
{
	char *line = *at, *comment = NULL;
	size_t length = strcspn(line, "\n");

	if (!*line)
		return NULL;
	*at += length + (line[length] == '\n');
	line[length] = 0;
	for (char *sign = line; (sign = strstr(sign, "  # ")) != NULL; sign++)
		comment = sign;
	if (comment)
		*comment = 0;
	return line;
}

static bool same_lines(const struct text *a, const struct text *b)
{
	char *a_at = a->bytes, *b_at = b->bytes, *a_line, *b_line;
	bool whole = strlen(a->bytes) == a->size && strlen(b->bytes) == b->size;

	do {
		a_line = next_line(&a_at);
		b_line = next_line(&b_at);
	} while (a_line && b_line && strcmp(a_line, b_line) == 0);
	return whole && !a_line && !b_line;
}

/* ---- single files --------------------------------------------------------------------- */

/* The SHA-256 that a file of the result had when it was written; NULL: it was not there. */
static const char *sha256_of(const struct look *look, enum qmac_result_file file)
{
	char key[64];

	snprintf(key, sizeof key, "files.%s", qmac_member_names[file]);
	return qmac_json_text(look->summary, key);
}

/* Is a file there with that SHA-256? */
static enum qmac_status check_sha256(const struct look *look, const char *name, const char *wanted,
                                     const char *whence, struct qmac_error *err)
{
	char sha256[QMAC_SHA256_TEXT];
	struct qmac_sha256 hash;
	FILE *in;
	enum qmac_status status = open_named(look, name, &in, err);

	if (status)
		return status;
	if (!in) {
		snprintf(look->why, look->why_size, "%s is missing", name);
		return QMAC_OK;
	}
	qmac_sha256_start(&hash);
	if (!qmac_sha256_add_stream(&hash, in))
		status = refuse_read(look, name, err);
	fclose(in);
	qmac_sha256_text(&hash, sha256);
	if (!status && strcmp(sha256, wanted) != 0)
		snprintf(look->why, look->why_size, "%s is damaged: its SHA-256 is not the one in %s", name, whence);
	return status;
}

/* Is it there as it was written? */
static enum qmac_status check_file(const struct look *look, enum qmac_result_file file,
                                   struct qmac_error *err)
{
	return check_sha256(look, qmac_member_names[file], sha256_of(look, file), "summary.json", err);
}

/* The values of a network that its manifest names; the manifest is as it was written. */
static enum qmac_status check_tensors(const struct look *look, struct qmac_error *err)
{
	char path[QMAC_PATH_MAX + 32], name[QMAC_TENSOR_NAME];
	struct qmac_json *manifest;
	const char *sha256;
	enum qmac_status status;

	path_of(look, QMAC_RESULT_MANIFEST, path);
	status = qmac_json_read(path, &manifest, err);
	for (int i = 0; !status && !look->why[0] && qmac_tensors_member(manifest, i, name, &sha256); i++)
		status = check_sha256(look, name, sha256, "weights/manifest.json", err);
	if (!status)
		qmac_json_free(manifest);
	return status;
}

/* Reads summary.json; *there: is there one? */
static enum qmac_status open_summary(struct look *look, bool *there, struct qmac_error *err)
{
	char path[QMAC_PATH_MAX + 32];
	struct qmac_error damage;
	struct text text;
	enum qmac_status status = read_text(look, QMAC_RESULT_SUMMARY, &text, err);

	*there = text.bytes != NULL;
	if (!status && *there) {
		path_of(look, QMAC_RESULT_SUMMARY, path);
		if (!qmac_summary_is_whole(text.bytes, text.size, &look->sealed) && look->sealed)
			find(look, QMAC_RESULT_SUMMARY, "is damaged: its SHA-256 is not the one at its end");
		else if (qmac_json_read(path, &look->summary, &damage))
			find(look, QMAC_RESULT_SUMMARY, "is damaged");
	}
	free(text.bytes);
	return status;
}

enum qmac_status qmac_results_check(const char *folder, char *why, size_t why_size, struct qmac_error *err)
{
	struct look look = {.folder = folder, .why = why, .why_size = why_size};
	bool there;
	enum qmac_status status;

	why[0] = 0;
	status = open_summary(&look, &there, err);
	for (int i = 0; !status && look.sealed && !why[0] && i < QMAC_RESULT_SUMMARY; i++)
		if (sha256_of(&look, (enum qmac_result_file)i))
			status = check_file(&look, (enum qmac_result_file)i, err);
	if (!status && look.sealed && !why[0] && sha256_of(&look, QMAC_RESULT_MANIFEST))
		status = check_tensors(&look, err);
	qmac_json_free(look.summary);
	return status;
}

/* ---- the result of a configuration ------------------------------------------------------- */

/*
 * Has the file the values that print would write, whatever place they come from? Where not, it is damaged,
 * or simply of another configuration.
 */
static enum qmac_status check_values(const struct look *look, enum qmac_result_file file,
                                     const struct text *fresh, bool *same, struct qmac_error *err)
{
	struct text old;
	enum qmac_status status = read_text(look, file, &old, err);

	*same = !status && old.bytes && same_lines(fresh, &old);
	free(old.bytes);
	return status || *same || !look->sealed || !sha256_of(look, file) ? status : check_file(look, file, err);
}

/* Are config.yaml and its copies of other files those of the configuration? */
static enum qmac_status check_configuration(const struct look *look, const struct qmac_run_config *config,
                                            const struct qmac_hw_file *hw, bool *same,
                                            struct qmac_error *err)
{
	static const struct {
		enum qmac_result_file file;
		print_function *print;
	} files[] = {{QMAC_RESULT_CONFIG, print_config}, {QMAC_RESULT_HW, print_hw},
	             {QMAC_RESULT_ENERGY, print_energy}, {QMAC_RESULT_AREA, print_area},
	             {QMAC_RESULT_NET, print_net}};
	size_t count = config->run.network[0] ? 5 : 4;
	enum qmac_status status = QMAC_OK;

	*same = true;
	for (size_t i = 0; !status && *same && i < count; i++) {
		struct text fresh;

		status = make_text(files[i].print, config, hw, &fresh, err);
		if (!status)
			status = check_values(look, files[i].file, &fresh, same, err);
		free(fresh.bytes);
	}
	return status;
}

bool qmac_results_are_of_another(const char *folder, const struct qmac_run_config *config,
                                 const struct qmac_hw_file *hw)
{
	char why[64] = "";
	struct look look = {.folder = folder, .why = why, .why_size = sizeof why};
	struct text summary = {NULL, 0};
	bool same = true;

	if (strlen(folder) >= QMAC_PATH_MAX || read_text(&look, QMAC_RESULT_SUMMARY, &summary, NULL) ||
	    !summary.bytes)
		return false;
	free(summary.bytes);
	return check_configuration(&look, config, hw, &same, NULL) || !same;
}

/* Starts the table with the line that it would have now? */
static enum qmac_status check_head(const struct look *look, enum qmac_result_file file,
                                   print_function *print_head, struct qmac_error *err)
{
	struct text head, old = {NULL, 0};
	enum qmac_status status = make_text(print_head, NULL, NULL, &head, err);

	if (!status)
		status = read_text(look, file, &old, err);
	if (!status && old.bytes && strncmp(old.bytes, head.bytes, head.size) != 0)
		find(look, file, "has the columns of another revision of qmac");
	free(old.bytes);
	free(head.bytes);
	return status;
}

/* Every file that a training of the configuration leaves, as it was written. */
static enum qmac_status check_files(const struct look *look, const struct qmac_run_config *config,
                                    struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int i = QMAC_RESULT_METRICS; !status && !look->why[0] && i < QMAC_RESULT_SUMMARY; i++) {
		enum qmac_result_file file = (enum qmac_result_file)i;

		if ((file == QMAC_RESULT_TIMELINE && config->run.timeline <= 0) ||
		    ((file == QMAC_RESULT_SWITCHES || file == QMAC_RESULT_FORMATS) &&
		     !qmac_run_switches_formats(&config->run)) ||
		    file == (config->run.network[0] ? QMAC_RESULT_WEIGHTS : QMAC_RESULT_MANIFEST))
			continue;
		if (sha256_of(look, file))
			status = check_file(look, file, err);
		else
			find(look, file, "is missing: there is an estimate only");
	}
	if (!status && !look->why[0] && config->run.network[0])
		status = check_tensors(look, err);
	if (!status && !look->why[0])
		status = check_head(look, QMAC_RESULT_METRICS, print_metrics_head, err);
	if (!status && !look->why[0])
		status = check_head(look, QMAC_RESULT_LAYERS, print_layers_head, err);
	return status;
}

/* Without a summary.json: were there results? */
static enum qmac_status find_rest(const struct look *look, struct qmac_error *err)
{
	FILE *in;
	enum qmac_status status = open_file(look, QMAC_RESULT_METRICS, &in, err);

	if (in) {
		find(look, QMAC_RESULT_SUMMARY, "is missing");
		fclose(in);
	}
	return status;
}

enum qmac_status qmac_results_match(const char *folder, const struct qmac_run_config *config,
                                    const struct qmac_hw_file *hw, struct qmac_match *match,
                                    struct qmac_error *err)
{
	struct look look = {.folder = folder, .why = match->why, .why_size = sizeof match->why};
	bool there, same = false;
	enum qmac_status status;

	*match = (struct qmac_match){.kept = false, .why = ""};
	if (strlen(folder) >= QMAC_PATH_MAX)
		return QMAC_OK; /* where nothing can be, as whoever writes there will say */
	status = open_summary(&look, &there, err);
	if (!status && !there)
		status = find_rest(&look, err);
	if (!status && there && !match->why[0])
		status = check_configuration(&look, config, hw, &same, err);
	if (!status && same && !match->why[0] && !look.sealed)
		find(&look, QMAC_RESULT_SUMMARY, "is of an older revision of qmac, and has no SHA-256 of the files");
	if (!status && same && !match->why[0])
		status = check_files(&look, config, err);
	match->kept = !status && same && !match->why[0];
	qmac_json_free(look.summary);
	return status;
}

/* ---- which configuration it is ---------------------------------------------------------- */

static enum qmac_status add_values(struct qmac_sha256 *hash, print_function *print,
                                   const struct qmac_run_config *config, const struct qmac_hw_file *hw,
                                   struct qmac_error *err)
{
	struct text text;
	enum qmac_status status = make_text(print, config, hw, &text, err);
	char *at = text.bytes;
	const char *line;

	while (!status && (line = next_line(&at)) != NULL)
		qmac_sha256_add(hash, line, strlen(line) + 1);
	free(text.bytes);
	return status;
}

enum qmac_status qmac_results_digest(const struct qmac_run_config *config, const struct qmac_hw_file *hw,
                                     char digest[QMAC_SHA256_TEXT], struct qmac_error *err)
{
	struct qmac_sha256 hash;
	enum qmac_status status;

	qmac_sha256_start(&hash);
	qmac_sha256_add(&hash, QMAC_VERSION, sizeof QMAC_VERSION);
	status = add_values(&hash, print_config, config, hw, err);
	if (!status)
		status = add_values(&hash, print_hw, config, hw, err);
	if (!status)
		status = add_values(&hash, print_energy, config, hw, err);
	if (!status)
		status = add_values(&hash, print_net, config, hw, err);
	qmac_sha256_text(&hash, digest);
	return status;
}
