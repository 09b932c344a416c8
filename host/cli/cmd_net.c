#include "cli/cli.h"
#include "config/net_file.h"
#include "config/text.h"
#include "report/table.h"

/* The keys of a network that --set gives. */
static enum qmac_status read_settings(const struct qmac_cli_options *options, struct qmac_net_options *net,
                                      struct qmac_error *err)
{
	for (int i = 0; i < options->setting_count; i++) {
		const struct qmac_setting *s = &options->settings[i];
		char option[256];
		enum qmac_status status = qmac_net_options_set(net, s->key, s->value, err);

		if (status) {
			snprintf(option, sizeof option, "--set %.60s=%.60s", s->key, s->value);
			qmac_text_blame(option, err);
			return status;
		}
	}
	return QMAC_OK;
}

/* Layer, shape, macs, params, bytes. */
static void add_row(struct qmac_table *table, const char *name, const char *shape, int64_t macs,
                    int64_t parameters, int64_t bytes)
{
	qmac_table_add(table, "%s", name);
	qmac_table_add(table, "%s", shape);
	qmac_table_add_count(table, (double)macs);
	qmac_table_add_count(table, (double)parameters);
	qmac_table_add_count(table, (double)bytes);
}

static enum qmac_status print(const struct qmac_net *net, struct qmac_error *err)
{
	static const char *const headings[] = {"layer", "shape", "macs", "params", "bytes"};
	struct qmac_table *table = qmac_table_create(5);
	char shape[QMAC_SHAPE_TEXT];
	int64_t total = 0;

	if (!table)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	for (int i = 0; i < 5; i++)
		qmac_table_add(table, "%s", headings[i]);
	for (int i = 0; i < net->layer_count; i++) {
		const struct qmac_net_layer *layer = &net->layers[i];
		int64_t parameters = qmac_net_layer_parameters(net, i);
		int64_t bytes = parameters + qmac_shape_count(layer->out);

		add_row(table, layer->name, qmac_shape_text(layer->out, shape), layer->macs, parameters, bytes);
		total += bytes;
	}
	add_row(table, "total", "", qmac_net_macs(net), qmac_net_parameters(net), total);
	qmac_cli_say("%s: input %s, %d layers\n", net->name, qmac_shape_text(net->input, shape),
	             net->layer_count);
	qmac_table_print(table, stdout);
	qmac_cli_say("shape: channels x height x width; macs: of one sample, forward\n");
	qmac_cli_say("bytes: the parameters and the output of one sample, 8 bits each\n");
	qmac_table_destroy(table);
	return QMAC_OK;
}

enum qmac_status qmac_cli_net(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_net_options settings = {0};
	struct qmac_net net;
	enum qmac_status status = read_settings(options, &settings, err);

	if (!status)
		status = qmac_net_load(&net, options->files[0], &settings, err);
	if (status)
		return status;
	status = print(&net, err);
	qmac_net_free(&net);
	return status;
}
