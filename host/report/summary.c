#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "config/key.h"
#include "report/files.h"
#include "report/json.h"
#include "report/members.h"
#include "report/results.h"
#include "report/shares.h"
#include "report/version.h"

static void write_key(FILE *out, const char *key)
{
	fprintf(out, "\t\"%s\": ", key);
}

/* NULL: null. */
static void write_text(FILE *out, const char *key, const char *text)
{
	write_key(out, key);
	if (text)
		qmac_json_write_string(out, text);
	else
		fputs("null", out);
	fputs(",\n", out);
}

static void write_real(FILE *out, const char *key, double value)
{
	write_key(out, key);
	qmac_json_write_real(out, value);
	fputs(",\n", out);
}

static void write_count(FILE *out, const char *key, uint64_t value)
{
	write_key(out, key);
	fprintf(out, "%" PRIu64 ",\n", value);
}

/* null in an estimate. */
static void write_data_count(FILE *out, const char *key, const struct qmac_metrics *last, uint64_t value)
{
	if (!last->estimated) {
		write_count(out, key, value);
		return;
	}
	write_key(out, key);
	fputs("null,\n", out);
}

static bool depends_on_data(int counter)
{
	static const bool depends[QMAC_COUNTERS] = {
#define DATA(upper, lower) [QMAC_COUNTER_##upper] = true,
		QMAC_DATA_COUNTER_TABLE(DATA)
#undef DATA
	};

	return depends[counter];
}

static bool is_known(const struct qmac_summary *s, int counter)
{
	if (counter == QMAC_COUNTER_ZERO_MACS)
		return !s->tariff->no_zeros;
	return !(s->result->last.estimated && depends_on_data(counter));
}

static void write_counters(FILE *out, const struct qmac_summary *s)
{
	const uint64_t *counters = s->result->last.counters;
	static const char *const names[] = {
#define NAME(upper, lower, timed, help) #lower,
		QMAC_COUNTER_TABLE(NAME)
#undef NAME
	};

	write_key(out, "counters");
	for (int i = 0; i < QMAC_COUNTERS; i++) {
		fprintf(out, "%s\n\t\t\"%s\": ", i ? "," : "{", names[i]);
		if (is_known(s, i))
			fprintf(out, "%" PRIu64, i == QMAC_COUNTER_ZERO_MACS ? s->spent[i] : counters[i]);
		else
			fputs("null", out);
	}
	fputs("\n\t},\n", out);
}

static void write_group(FILE *out, const struct qmac_hw *hw, const char *group, const char *indent)
{
	const char *separator = "{";

	for (int i = 0; i < qmac_param_count; i++) {
		const struct qmac_key *param = &qmac_params[i];
		const char *quote = param->kind == QMAC_KIND_CHOICE ? "\"" : "";

		if (strcmp(param->group, group) != 0)
			continue;
		fprintf(out, "%s\n%s\"%s\": %s", separator, indent, param->name, quote);
		qmac_key_print(param, hw, out);
		fputs(quote, out);
		separator = ",";
	}
}

static void write_hw(FILE *out, const struct qmac_hw *hw)
{
	write_key(out, "hw");
	write_group(out, hw, "", "\t\t");
	fputs(",\n\t\t\"dram\": ", out);
	write_group(out, hw, "dram", "\t\t\t");
	fputs("\n\t\t}\n\t},\n", out);
}

static void write_run(FILE *out, const struct qmac_summary *s)
{
	bool low = qmac_run_uses_device(s->run), net = s->result->net != NULL;

	write_key(out, "estimated");
	fputs(s->result->last.estimated ? "true,\n" : "false,\n", out);
	if (s->timed_from)
		write_text(out, "timed_from", s->timed_from);
	write_text(out, "problem", net ? "network" : qmac_problem_name(s->run->problem));
	if (net)
		write_text(out, "network", s->result->net->net.name);
	write_text(out, "algorithm", qmac_run_method(s->run));
	write_key(out, "bits");
	if (low && !net)
		fprintf(out, "%d,\n", s->run->bits);
	else
		fputs("null,\n", out);
	write_count(out, "seed", s->run->seed);
	write_count(out, "epochs", (uint64_t)s->result->last.epoch);
	write_count(out, "steps", (uint64_t)s->result->last.step);
	write_real(out, "data_passes", s->result->last.data_passes);
	for (enum qmac_figure f = QMAC_FIGURE_TRAIN_LOSS; f <= QMAC_FIGURE_TEST_ACCURACY; f++)
		write_real(out, qmac_figure_kinds[f].name, qmac_metrics_figure(&s->result->last, f));
	if (net)
		write_real(out, "train_accuracy", s->result->last.train_accuracy);
	write_text(out, "headline", qmac_figure_kinds[s->result->last.headline].name);
	write_key(out, "diverged");
	fputs(s->result->last.estimated ? "null,\n" : s->result->diverged ? "true,\n" : "false,\n", out);
	write_real(out, "coefficient_max", s->result->coefficient_max);
	write_text(out, "weights_sha256", s->weights_sha256[0] ? s->weights_sha256 : NULL);
}

/*
 * Of the device: its parts and, where the table has an area for a bit, its memories. The other tables' area
 * lacks these, which is said.
 */
static void write_area(FILE *out, const struct qmac_summary *s)
{
	struct qmac_area area;
	char note[128];

	if (!s->tariff->uses_device) {
		write_real(out, "area_um2", (double)NAN);
		write_text(out, "area_note", "the device is not used");
		return;
	}
	qmac_area(s->area, &s->hw->hw, &area);
	write_real(out, "area_um2", area.total_um2 + area.all_memory_um2);
	snprintf(note, sizeof note, "without the memories, %" PRId64 " bits: the table has no area of a bit",
	         area.all_bits);
	write_text(out, "area_note", area.all_memory_um2 > 0 ? NULL : note);
	write_key(out, "area");
	fputs("{\n\t\t\"table\": ", out);
	qmac_json_write_string(out, s->area->library);
	fputs(",\n\t\t\"gates\": ", out);
	qmac_json_write_real(out, area.total_gates);
	for (int i = 0; i < QMAC_AREA_PARTS; i++) {
		fprintf(out, ",\n\t\t\"%s\": ", qmac_area_part_names[i]);
		qmac_json_write_real(out, area.um2[i]);
	}
	fputs(",\n\t\t\"memories\": ", out);
	qmac_json_write_real(out, area.all_memory_um2 > 0 ? area.all_memory_um2 : (double)NAN);
	fputs("\n\t},\n", out);
}

static void write_cost(FILE *out, const struct qmac_summary *s)
{
	const struct qmac_metrics *last = &s->result->last;
	const uint64_t *c = last->counters;

	write_count(out, "cycles", c[QMAC_COUNTER_CYCLES]);
	qmac_tariff_write(out, s->tariff, s->spent);
	write_area(out, s);
	write_count(out, "commands", c[QMAC_COUNTER_COMMANDS]);
	write_count(out, "macs", c[QMAC_COUNTER_MACS]);
	write_count(out, "vec_mults", c[QMAC_COUNTER_VEC_MULTS]);
	write_count(out, "dram_read_bytes", c[QMAC_COUNTER_DRAM_READ_BYTES]);
	write_count(out, "dram_write_bytes", c[QMAC_COUNTER_DRAM_WRITE_BYTES]);
	write_count(out, "fetch_bytes", c[QMAC_COUNTER_FETCH_BYTES]);
	write_data_count(out, "saturations", last, qmac_saturations(c));
	write_data_count(out, "acc_saturations", last, c[QMAC_COUNTER_ACC_SATURATIONS]);
	write_data_count(out, "requant_saturations", last, c[QMAC_COUNTER_REQUANT_SATURATIONS]);
	write_data_count(out, "container_saturations", last, c[QMAC_COUNTER_CONTAINER_SATURATIONS]);
	write_key(out, "weight_saturations");
	if (last->estimated || last->weight_saturations < 0)
		fputs("null,\n", out);
	else
		fprintf(out, "%" PRId64 ",\n", last->weight_saturations);
	write_count(out, "outer_cycles", last->outer[QMAC_COUNTER_CYCLES]);
	write_count(out, "host_flops", last->host_flops);
	write_count(out, "host_bytes", last->host_bytes);
	write_counters(out, s);
}

/* What the device did with its cycles. */
static void write_shares(FILE *out, const struct qmac_summary *s)
{
	const struct qmac_metrics *last = &s->result->last;
	const struct qmac_shares shares = qmac_shares_of(last->counters, &s->hw->hw);
	double seconds = (double)last->counters[QMAC_COUNTER_CYCLES] / (s->hw->hw.clock_mhz * 1e6);

	write_real(out, "mac_utilisation", shares.mac_utilisation);
	write_real(out, "epoch_seconds", seconds > 0 ? seconds / (double)last->epoch : (double)NAN);
	write_key(out, "shares");
	for (int engine = 0; engine < QMAC_SHARE_ENGINES; engine++) {
		fprintf(out, "%s\n\t\t\"%s\": ", engine ? "," : "{", qmac_share_engine_names[engine]);
		for (int i = 0; i < QMAC_SHARES; i++) {
			fprintf(out, "%s\"%s\": ", i ? ", " : "{", qmac_share_names[i]);
			qmac_json_write_real(out, shares.of[engine][i]);
		}
		fputc('}', out);
	}
	fputs("\n\t},\n", out);
}

/*
 * What the host takes, and the whole of host and device: one after the other, and at the same time, where the
 * longer hides the shorter. Nothing is known without the group `host` of the hardware file.
 */
static void write_host(FILE *out, const struct qmac_summary *s)
{
	const struct qmac_metrics *last = &s->result->last;
	const struct qmac_host *host = &s->hw->host;
	bool given = qmac_host_is_given(host);
	double flops = (double)last->host_flops, bytes = (double)last->host_bytes;
	double seconds = given ? flops / (host->gflops * 1e9) + bytes / (host->gbytes_per_s * 1e9) : NAN;
	double device = (double)last->counters[QMAC_COUNTER_CYCLES] / (s->hw->hw.clock_mhz * 1e6);

	write_real(out, "device_seconds", given ? device : NAN);
	write_real(out, "host_seconds", seconds);
	write_real(out, "system_seconds", seconds + device);
	write_real(out, "system_seconds_overlapped", given ? fmax(seconds, device) : NAN);
	write_real(out, "host_energy_j", given ? flops * host->pj_per_flop * 1e-12 : NAN);
}

struct figure {
	const char *key;
	double value;
};

/* An object on one line, a member of another. */
static void write_figures(FILE *out, const char *name, const struct figure *figures, size_t count)
{
	fprintf(out, "\t\t\"%s\": ", name);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s\"%s\": ", i ? ", " : "{", figures[i].key);
		qmac_json_write_real(out, figures[i].value);
	}
	fputc('}', out);
}

static void write_model(FILE *out, const char *name, const struct qmac_analytic_result *model)
{
	const struct figure figures[] = {
		{"training", model->speedup}, {"until_target", model->iso_speedup},
		{"against_muppet", model->muppet_speedup}, {"inference", model->inference_speedup},
		{"training_memory", model->memory}, {"model_size", model->model_size},
		{"mean_model_size", model->mean_size}, {"overhead", model->overhead},
	};

	fputs(",\n", out);
	write_figures(out, name, figures, sizeof figures / sizeof figures[0]);
}

/* Device cycles, by so many; NaN where there are none. */
static double cycles_of(const uint64_t counts[QMAC_COUNTS], int64_t parts)
{
	uint64_t cycles = counts[QMAC_COUNTER_CYCLES];

	return cycles ? (double)cycles / (double)parts : (double)NAN;
}

static void write_cycles(FILE *out, const struct qmac_net_speed *speed)
{
	double training = cycles_of(speed->own.training, 1), training_32 = cycles_of(speed->wide.training, 1);
	double inference = cycles_of(speed->own.inference, speed->inferences);
	double inference_32 = cycles_of(speed->wide.inference, speed->inferences);
	const struct figure figures[] = {
		{"training", training_32 / training}, {"inference", inference_32 / inference},
		{"training_cycles", training}, {"training_cycles_32", training_32},
		{"inference_cycles", inference}, {"inference_cycles_32", inference_32},
		{"inferences", (double)speed->inferences},
	};

	write_figures(out, "device", figures, sizeof figures / sizeof figures[0]);
}

/* Joules and their band, by so many; NaN where nothing was spent. Returns the nominal ones. */
static double add_joules(struct figure *figures, size_t *count, const char *const keys[3],
                         const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS], int64_t parts)
{
	struct qmac_band joules = qmac_tariff_joules(tariff, counts);
	double by = counts[QMAC_COUNTER_CYCLES] ? (double)parts : (double)NAN;

	figures[(*count)++] = (struct figure){keys[0], joules.nominal / by};
	figures[(*count)++] = (struct figure){keys[1], joules.low / by};
	figures[(*count)++] = (struct figure){keys[2], joules.high / by};
	return joules.nominal / by;
}

/* The same as write_cycles(), in joules. */
static void write_joules(FILE *out, const struct qmac_net_speed *speed, const struct qmac_tariff *tariff)
{
	static const char *const keys[4][3] = {
		{"training_j", "training_low_j", "training_high_j"},
		{"training_32_j", "training_32_low_j", "training_32_high_j"},
		{"inference_j", "inference_low_j", "inference_high_j"},
		{"inference_32_j", "inference_32_low_j", "inference_32_high_j"},
	};
	struct figure figures[2 + 4 * 3] = {{"training", 0}, {"inference", 0}};
	struct qmac_hw_file hw = *tariff->hw;
	struct qmac_tariff wide = *tariff;
	size_t count = 2;
	double joules;

	hw.hw.acc_bits = QMAC_NET_WIDE_ACC_BITS;
	wide.hw = &hw;
	wide.uses_device = true; /* as a run in float32 does not */
	joules = add_joules(figures, &count, keys[0], tariff, speed->own.training, 1);
	figures[0].value = add_joules(figures, &count, keys[1], &wide, speed->wide.training, 1) / joules;
	joules = add_joules(figures, &count, keys[2], tariff, speed->own.inference, speed->inferences);
	figures[1].value = add_joules(figures, &count, keys[3], &wide, speed->wide.inference,
	                              speed->inferences) / joules;
	fputs(",\n", out);
	write_figures(out, "joules", figures, count);
}

/* Against a run in 32 bits: by what the device spends, and by AdaPT's performance model. */
static void write_speed(FILE *out, const struct qmac_net_speed *speed, const struct qmac_tariff *tariff)
{
	if (!speed->is_known)
		return;
	write_key(out, "speedup");
	fputs("{\n", out);
	write_cycles(out, speed);
	write_joules(out, speed, tariff);
	if (speed->is_modelled) {
		write_model(out, "clean", &speed->model[QMAC_ANALYTIC_CLEAN]);
		write_model(out, "published", &speed->model[QMAC_ANALYTIC_PUBLISHED]);
	}
	fputs("\n\t},\n", out);
}

static void write_files(FILE *out, char (*sha256)[QMAC_SHA256_TEXT])
{
	const char *separator = "{";

	write_key(out, "files");
	for (int i = 0; i < QMAC_RESULT_SUMMARY; i++)
		if (sha256[i][0]) {
			fprintf(out, "%s\n\t\t\"%s\": \"%s\"", separator, qmac_member_names[i], sha256[i]);
			separator = ",";
		}
	fputs("\n\t},\n", out);
}

void qmac_summary_write(FILE *out, const struct qmac_summary *s)
{
	fputs("{\n", out);
	write_run(out, s);
	write_cost(out, s);
	write_shares(out, s);
	write_host(out, s);
	write_speed(out, &s->result->speed, s->tariff);
	write_hw(out, &s->hw->hw);
	write_text(out, "version", QMAC_VERSION);
	write_text(out, "kernel", s->result->kernel);
	write_key(out, "wall_seconds");
	qmac_json_write_real(out, s->wall_seconds);
	fputs(",\n", out);
	write_files(out, s->sha256);
}

static const char seal[] = "\t\"summary_sha256\": \"", seal_end[] = "\"\n}\n";

void qmac_summary_seal(FILE *out, const char *sha256)
{
	fprintf(out, "%s%s%s", seal, sha256, seal_end);
}

bool qmac_summary_is_whole(const char *text, size_t size, bool *sealed)
{
	size_t tail = strlen(seal) + QMAC_SHA256_TEXT - 1 + strlen(seal_end);
	const char *at = size < tail ? text : text + size - tail;
	char sha256[QMAC_SHA256_TEXT];
	struct qmac_sha256 hash;

	*sealed = strstr(text, seal) || strstr(text, "\"files\": "); /* one of them may be what is damaged */
	if (strncmp(at, seal, strlen(seal)) != 0
	    || strcmp(text + size - strlen(seal_end), seal_end) != 0)
		return false;
	qmac_sha256_start(&hash);
	qmac_sha256_add(&hash, text, size - tail);
	qmac_sha256_text(&hash, sha256);
	return strncmp(at + strlen(seal), sha256, strlen(sha256)) == 0;
}
