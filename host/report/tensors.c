#define _POSIX_C_SOURCE 200809L
#include "report/tensors.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "config/input.h"
#include "config/run_config.h"
#include "net/masters.h"
#include "net/values.h"
#include "report/files.h"
#include "report/members.h"

static const char folder_name[] = "weights";

/* One array of a network. */
struct tensor {
	char name[QMAC_NET_PARAMETER_NAME_SIZE + 24];
	const int64_t *dims;
	int dim_count;
	float *values;
	int32_t *masters;           /* in place of them; NULL: none */
	struct qmac_format *format; /* on the device; NULL: none */
};

static int tensors_of(const struct qmac_net *net)
{
	int count = net->parameter_count;

	for (int l = 0; l < net->layer_count; l++)
		count += net->layers[l].kind == QMAC_LAYER_BATCH_NORM ? 2 : 0;
	return count;
}

/* Number i: the parameters, then of each batch norm the running means and the running variances. */
static struct tensor tensor_of(const struct qmac_trained_net *trained, int i)
{
	const struct qmac_net *net = &trained->net;
	struct tensor tensor = {.dim_count = 1};
	int l = 0, left = i - net->parameter_count;

	if (left < 0) {
		const struct qmac_net_parameter *parameter = &net->parameters[i];

		tensor = (struct tensor){.dims = parameter->dims, .dim_count = parameter->dim_count,
		                         .values = trained->weights + qmac_net_parameter_at(net, i),
		                         .masters = trained->masters ?
		                                    trained->masters + qmac_net_parameter_at(net, i) : NULL,
		                         .format = trained->formats && qmac_net_has_codes(parameter) ?
		                                   &trained->formats[i] : NULL};
		snprintf(tensor.name, sizeof tensor.name, "%s", parameter->name);
		return tensor;
	}
	for (; net->layers[l].kind != QMAC_LAYER_BATCH_NORM || left >= 2; l++)
		left -= net->layers[l].kind == QMAC_LAYER_BATCH_NORM ? 2 : 0;
	tensor.dims = &net->layers[l].out.channels;
	tensor.values = trained->statistics + qmac_net_statistics_at(net, l) + left * tensor.dims[0];
	snprintf(tensor.name, sizeof tensor.name, "%s.%s", net->layers[l].name,
	         left ? "running_variance" : "running_mean");
	return tensor;
}

/* ---- writing ------------------------------------------------------------------------- */

static void write_entry(FILE *out, const struct tensor *tensor, const char *sha256)
{
	fprintf(out, "\t\t{\"name\": \"%s\", \"file\": \"%s.npy\", \"shape\": [", tensor->name, tensor->name);
	for (int d = 0; d < tensor->dim_count; d++)
		fprintf(out, "%s%" PRId64, d ? ", " : "", tensor->dims[d]);
	fprintf(out, "], \"format\": \"%s\", ", tensor->masters ? "int32" : "float32");
	if (tensor->masters)
		fprintf(out, "\"unit\": \"2^-%d\", ", QMAC_NET_MASTER_FL);
	if (tensor->format)
		fprintf(out, "\"bw\": %d, \"fl\": %d, ", tensor->format->bw, tensor->format->fl);
	fprintf(out, "\"sha256\": \"%s\"}", sha256);
}

static enum qmac_status write_tensor(struct qmac_atomic_file *file, const char *folder,
                                     const struct tensor *tensor, struct qmac_sha256 *hash,
                                     char sha256[QMAC_SHA256_TEXT], struct qmac_error *err)
{
	char name[QMAC_TENSOR_NAME + 8];
	enum qmac_status status;

	snprintf(name, sizeof name, "%s.npy", tensor->name);
	status = qmac_atomic_open(file, folder, name, err);
	if (status)
		return status;
	if (tensor->masters)
		qmac_npy_write_int(file->stream, tensor->masters, tensor->dims, tensor->dim_count, hash);
	else
		qmac_npy_write_float(file->stream, tensor->values, tensor->dims, tensor->dim_count, hash);
	return qmac_atomic_finish(file, sha256, err);
}

enum qmac_status qmac_tensors_write(struct qmac_tensors *tensors, const char *folder,
                                    const struct qmac_trained_net *trained, FILE *manifest,
                                    char weights_sha256[QMAC_SHA256_TEXT], struct qmac_error *err)
{
	int count = tensors_of(&trained->net), parameters = trained->net.parameter_count;
	struct qmac_sha256 weights, others;
	char path[QMAC_MEMBER_PATH];
	enum qmac_status status = QMAC_OK;

	*tensors = (struct qmac_tensors){.files = calloc((size_t)count + 1, sizeof tensors->files[0])};
	if (!tensors->files)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the files of a network");
	snprintf(path, sizeof path, "%s/%s", folder, folder_name);
	qmac_sha256_start(&weights);
	qmac_sha256_start(&others);
	fprintf(manifest, "{\n\t\"network\": \"%s\",\n\t\"tensors\": [\n", trained->net.name);
	for (int i = 0; !status && i < count; i++) {
		const struct tensor tensor = tensor_of(trained, i);
		char sha256[QMAC_SHA256_TEXT];

		tensors->count++;
		status = write_tensor(&tensors->files[i], path, &tensor, i < parameters ? &weights : &others, sha256,
		                      err);
		write_entry(manifest, &tensor, status ? "" : sha256);
		fputs(i + 1 < count ? ",\n" : "\n", manifest);
	}
	qmac_sha256_text(&weights, weights_sha256);
	fputs("\t],\n", manifest);
	for (int t = 0; trained->outputs && t <= trained->net.layer_count; t++)
		fprintf(manifest, "%s{\"bw\": %d, \"fl\": %d}%s", t ? ", " : "\t\"outputs\": [",
		        trained->outputs[t].bw, trained->outputs[t].fl, t < trained->net.layer_count ? "" : "],\n");
	fprintf(manifest, "\t\"parameters\": %d,\n\t\"weights_sha256\": \"%s\"\n}\n", parameters,
	        weights_sha256);
	return status;
}

static enum qmac_status copy_tensor(struct qmac_atomic_file *file, const char *folder, const char *from,
                                    const char *name, struct qmac_error *err)
{
	char path[QMAC_MEMBER_PATH + QMAC_TENSOR_NAME];
	enum qmac_status status;

	snprintf(path, sizeof path, "%s/%s", folder, folder_name);
	status = qmac_atomic_open(file, path, name + strlen(folder_name) + 1, err);
	snprintf(path, sizeof path, "%s/%s", from, name);
	if (!status)
		status = qmac_input_copy(path, file->stream, err);
	return status ? status : qmac_atomic_finish(file, NULL, err);
}

enum qmac_status qmac_tensors_copy(struct qmac_tensors *tensors, const char *folder, const char *from,
                                   struct qmac_error *err)
{
	char path[QMAC_MEMBER_PATH], name[QMAC_TENSOR_NAME];
	struct qmac_json *manifest;
	const char *sha256;
	enum qmac_status status;
	int count = 0;

	snprintf(path, sizeof path, "%.1000s/%s", from, qmac_member_names[QMAC_RESULT_MANIFEST]);
	status = qmac_json_read(path, &manifest, err);
	if (status)
		return status;
	while (qmac_tensors_member(manifest, count, name, &sha256))
		count++;
	*tensors = (struct qmac_tensors){.files = calloc((size_t)count + 1, sizeof tensors->files[0])};
	if (!tensors->files)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for the files of a network");
	for (int i = 0; !status && qmac_tensors_member(manifest, i, name, &sha256); i++)
		status = copy_tensor(&tensors->files[tensors->count++], folder, from, name, err);
	qmac_json_free(manifest);
	return status;
}

enum qmac_status qmac_tensors_place(struct qmac_tensors *tensors, const char *folder, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	char path[QMAC_MEMBER_PATH];

	for (int i = 0; !status && i < tensors->count; i++)
		status = qmac_atomic_place(&tensors->files[i], err);
	snprintf(path, sizeof path, "%s/%s", folder, folder_name);
	return status || !tensors->count ? status : qmac_folder_sync(path, err);
}

void qmac_tensors_abandon(struct qmac_tensors *tensors)
{
	for (int i = 0; i < tensors->count; i++)
		qmac_atomic_abandon(&tensors->files[i]);
	free(tensors->files);
	*tensors = (struct qmac_tensors){NULL, 0};
}

/* ---- older ones ------------------------------------------------------------------------- */

bool qmac_tensors_member(const struct qmac_json *manifest, int i, char name[QMAC_TENSOR_NAME],
                         const char **sha256)
{
	char key[48];
	const char *file;

	snprintf(key, sizeof key, "tensors.%d.file", i);
	file = qmac_json_text(manifest, key);
	snprintf(key, sizeof key, "tensors.%d.sha256", i);
	*sha256 = qmac_json_text(manifest, key);
	if (!file || !*sha256 || strchr(file, '/')) /* no file of ours */
		return false;
	return snprintf(name, QMAC_TENSOR_NAME, "%s/%.80s", folder_name, file) < QMAC_TENSOR_NAME;
}

enum qmac_status qmac_tensors_remove(const char *folder, struct qmac_error *err)
{
	char path[QMAC_MEMBER_PATH + QMAC_TENSOR_NAME], name[QMAC_TENSOR_NAME];
	struct qmac_json *manifest;
	const char *sha256;
	enum qmac_status status = QMAC_OK;

	snprintf(path, sizeof path, "%s/%s", folder, qmac_member_names[QMAC_RESULT_MANIFEST]);
	if (qmac_json_read(path, &manifest, NULL))
		return QMAC_OK; /* there is none, or nobody knows what it means */
	for (int i = 0; !status && qmac_tensors_member(manifest, i, name, &sha256); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, name);
		if (unlink(path) && errno != ENOENT)
			status = qmac_fail(err, QMAC_BAD_INPUT, "cannot replace %s: %s", path, strerror(errno));
	}
	qmac_json_free(manifest);
	return status;
}

/* ---- reading ---------------------------------------------------------------------------- */

static enum qmac_status read_number(const struct qmac_json *manifest, const char *key, int low, int high,
                                    int *value, struct qmac_error *err)
{
	double number = qmac_json_real(manifest, key);

	if (!(number >= low && number <= high))
		return qmac_fail(err, QMAC_BAD_INPUT, "%s: there is no %s in %d..%d",
		                 qmac_member_names[QMAC_RESULT_MANIFEST], key, low, high);
	*value = (int)number;
	return QMAC_OK;
}

static enum qmac_status read_format(const struct qmac_json *manifest, const char *list, int i,
                                    struct qmac_format *format, struct qmac_error *err)
{
	char key[48];
	enum qmac_status status;

	snprintf(key, sizeof key, "%s.%d.bw", list, i);
	status = read_number(manifest, key, 2, 32, &format->bw, err);
	snprintf(key, sizeof key, "%s.%d.fl", list, i);
	return status ? status : read_number(manifest, key, -31, 31, &format->fl, err);
}

/* A training whose policy chooses outputs, too, may have gone on to float32: then there are no formats. */
static bool ended_in_float(const struct qmac_json *manifest, const struct qmac_trained_net *trained)
{
	int p = 0;
	char key[48];

	while (p < trained->net.parameter_count && !qmac_net_has_codes(&trained->net.parameters[p]))
		p++;
	snprintf(key, sizeof key, "tensors.%d.bw", p);
	return trained->outputs && p < trained->net.parameter_count && isnan(qmac_json_real(manifest, key)) &&
	       isnan(qmac_json_real(manifest, "outputs.0.bw"));
}

/* Formats of parameters and outputs, where they have any of their own. */
static enum qmac_status read_formats(const char *folder, struct qmac_trained_net *trained,
                                     struct qmac_error *err)
{
	char path[QMAC_MEMBER_PATH];
	struct qmac_json *manifest;
	enum qmac_status status;

	if (!trained->formats)
		return QMAC_OK;
	snprintf(path, sizeof path, "%.1000s/%s", folder, qmac_member_names[QMAC_RESULT_MANIFEST]);
	status = qmac_json_read(path, &manifest, err);
	if (status)
		return status;
	if (ended_in_float(manifest, trained))
		trained->formats = trained->outputs = NULL;
	for (int p = 0; !status && trained->formats && p < trained->net.parameter_count; p++)
		if (qmac_net_has_codes(&trained->net.parameters[p]))
			status = read_format(manifest, "tensors", p, &trained->formats[p], err);
	for (int t = 0; !status && trained->outputs && t <= trained->net.layer_count; t++)
		status = read_format(manifest, "outputs", t, &trained->outputs[t], err);
	qmac_json_free(manifest);
	return status;
}

enum qmac_status qmac_tensors_read(const char *folder, struct qmac_trained_net *trained,
                                   struct qmac_error *err)
{
	enum qmac_status status = read_formats(folder, trained, err);

	for (int i = 0; !status && i < tensors_of(&trained->net); i++) {
		const struct tensor tensor = tensor_of(trained, i);
		char path[QMAC_MEMBER_PATH + QMAC_TENSOR_NAME];

		snprintf(path, sizeof path, "%.1000s/%s/%s.npy", folder, folder_name, tensor.name);
		status = tensor.masters ?
		         qmac_npy_read_int(path, tensor.dims, tensor.dim_count, tensor.masters, err) :
		         qmac_npy_read_float(path, tensor.dims, tensor.dim_count, tensor.values, err);
	}
	return status;
}
