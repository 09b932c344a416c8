/* `qmac estimate --topology`: what the layers of a file of shapes take. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "config/area_file.h"
#include "config/energy_file.h"
#include "config/hw_file.h"
#include "config/text.h"
#include "process/stop.h"
#include "report/folder_lock.h"
#include "report/members.h"
#include "topology/estimate.h"

/* What the command line says of an estimate, with the hardware. */
struct request {
	struct qmac_hw_file hw;
	struct qmac_topology_options shapes;
	const char *energy, *area;        /* files; "": the tables of the program */
	struct qmac_energy_table table;
	struct qmac_area_table area_table;
	bool has_energy;                  /* the memory is known */
};

/* A key that --set gives, of those that a file of shapes does not say. */
static enum qmac_status set_key(struct request *request, const struct qmac_setting *setting,
                                struct qmac_error *err)
{
	enum { BATCH, X_BITS, W_BITS, Y_BITS, ENERGY, AREA };
	static const char keys[] = "batch|x_bits|w_bits|y_bits|energy|area";
	int *const widths[] = {
		[X_BITS] = &request->shapes.x_bits, [W_BITS] = &request->shapes.w_bits,
		[Y_BITS] = &request->shapes.y_bits,
	};
	int key = qmac_words_find(keys, setting->key);
	int64_t value = 0;
	enum qmac_status status = QMAC_OK;
	char option[256];

	if (key < 0)
		status = qmac_text_unknown("key", setting->key, keys, err);
	else if (key == ENERGY)
		request->energy = setting->value;
	else if (key == AREA)
		request->area = setting->value;
	else if (key == BATCH)
		status = qmac_text_integer(setting->value, 1, 1 << 20, &request->shapes.batch, err);
	else
		status = qmac_text_integer(setting->value, 2, 32, &value, err);
	if (!status && value > 0)
		*widths[key] = (int)value;
	if (status) {
		snprintf(option, sizeof option, "--set %.60s=%.60s", setting->key, setting->value);
		qmac_text_blame(option, err);
	}
	return status;
}

/* Widths are those of the array, and of results 8, where no setting says otherwise. */
static enum qmac_status take_options(const struct qmac_cli_options *options, struct request *request,
                                     struct qmac_error *err)
{
	static const char dataflows[] = "ws|os";
	struct qmac_topology_options *shapes = &request->shapes;
	enum qmac_status status = QMAC_OK;
	int dataflow = -1;

	request->energy = request->area = "";
	*shapes = (struct qmac_topology_options){
		.batch = 1, .x_bits = request->hw.hw.a_bits, .w_bits = request->hw.hw.w_bits, .y_bits = 8,
	};
	if (options->dataflow)
		status = qmac_text_choice(options->dataflow, dataflows, &dataflow, err);
	if (status)
		qmac_text_blame("--dataflow", err);
	shapes->dataflow = dataflow < 0 ? QMAC_DATAFLOW_CHOSEN : dataflow ? QMAC_DATAFLOW_OS : QMAC_DATAFLOW_WS;
	for (int i = 0; !status && i < options->setting_count; i++) {
		const struct qmac_setting *setting = &options->settings[i];

		if (!setting->key)
			return qmac_fail(err, QMAC_BAD_INPUT, "--data-dir: shapes have no data: leave it out");
		if (strcmp(setting->option, "--hw") != 0)
			status = set_key(request, setting, err);
	}
	return status;
}

/* Joules of a memory that nobody knows are none. */
static enum qmac_status take_tables(struct request *request, struct qmac_error *err)
{
	enum qmac_status status;

	request->has_energy = request->hw.dram_energy != QMAC_DRAM_NONE;
	if (!request->has_energy)
		qmac_cli_warn("qmac: no energy: dram.energy of the hardware file is none\n");
	status = qmac_energy_load(&request->table, request->energy, err);
	return status ? status : qmac_area_load(&request->area_table, request->area, err);
}

/* Where the reports go; they must not be written over what is read. */
static enum qmac_status settle_folder(const struct qmac_cli_options *options, const struct request *request,
                                      char folder[QMAC_PATH_MAX], struct qmac_error *err)
{
	struct qmac_inputs inputs = {0};
	enum qmac_status status = qmac_inputs_add(&inputs, "the topology file", options->topology, err);
	char shapes[256], hw[256], path[QMAC_PATH_MAX + 64];

	qmac_cli_stem(options->topology, shapes, sizeof shapes);
	qmac_cli_stem(options->hw[0], hw, sizeof hw);
	if (options->out && strlen(options->out) >= QMAC_PATH_MAX)
		status = qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long: %.200s...",
		                   options->out);
	else if (options->out)
		strcpy(folder, options->out);
	else
		snprintf(folder, QMAC_PATH_MAX, "qmac-out/%s-%s-estimate", shapes, hw);
	if (!status)
		status = qmac_inputs_add(&inputs, "the hardware file", options->hw[0], err);
	if (!status && request->energy[0])
		status = qmac_inputs_add(&inputs, "the energy table", request->energy, err);
	if (!status && request->area[0])
		status = qmac_inputs_add(&inputs, "the area table", request->area, err);
	for (int i = 0; !status && i < QMAC_TOPOLOGY_DIRECTIONS; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, qmac_topology_report_names[i]);
		status = qmac_output_check(&inputs, "the report", path, err);
	}
	qmac_inputs_free(&inputs);
	return status;
}

static enum qmac_status write_reports(const struct qmac_topology_estimate *estimate, const char *folder,
                                      struct qmac_error *err)
{
	struct qmac_folder_lock lock;
	enum qmac_status status = qmac_folder_lock_take(&lock, folder, err);

	if (status)
		return status;
	status = qmac_topology_write(estimate, folder, err);
	qmac_folder_lock_release(&lock);
	return status;
}

static void print_area(const struct request *request)
{
	struct qmac_area area;

	qmac_area(&request->area_table, &request->hw.hw, &area);
	qmac_cli_say("area: %.4g mm2%s, by %s\n", (area.total_um2 + area.all_memory_um2) / 1e6,
	             area.all_memory_um2 > 0 ? "" : " without memories", request->area_table.library);
}

/* Reads, estimates, writes, prints. */
static enum qmac_status run(const struct qmac_cli_options *options, const struct request *request,
                            const char *folder, struct qmac_error *err)
{
	struct qmac_topology_estimate estimate = {.training = false};
	struct qmac_topology topology;
	enum qmac_status status = qmac_topology_read(&topology, options->topology, err);

	if (!status && topology.note[0])
		qmac_cli_warn("%s\n", topology.note);
	if (!status)
		status = qmac_topology_estimate(&estimate, &topology, &request->shapes, options->training,
		                                &request->hw.hw, err);
	if (!status)
		status = write_reports(&estimate, folder, err);
	if (!status) {
		qmac_topology_print(&estimate, request->has_energy ? &request->table : NULL,
		                    request->hw.dram_energy, stdout);
		print_area(request);
		qmac_cli_say("results in %s\n", folder);
	}
	qmac_topology_estimate_free(&estimate);
	qmac_topology_free(&topology);
	return status;
}

enum qmac_status qmac_cli_topology(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct request request;
	char folder[QMAC_PATH_MAX];
	enum qmac_status status;

	if (options->file_count > 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "'%s': --topology takes the place of a run file: leave one out",
		                 options->files[0]);
	if (options->hw_count == 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "--topology wants --hw HW.yaml: shapes name no hardware");
	status = qmac_hw_file_load(&request.hw, options->hw[0], err);
	if (!status)
		status = take_options(options, &request, err);
	if (!status)
		status = take_tables(&request, err);
	if (!status)
		status = settle_folder(options, &request, folder, err);
	if (status)
		return status;
	(void)qmac_stop_catch();
	return run(options, &request, folder, err);
}
