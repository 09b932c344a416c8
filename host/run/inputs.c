#include "run/inputs.h"

#include "data/image_set.h"
#include "report/members.h"

static enum qmac_status add_data(struct qmac_inputs *inputs, const struct qmac_run *run,
                                 struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;
	char path[QMAC_BYTE_FILE_PATH];

	if (qmac_data_is_generated(run->data))
		return QMAC_OK;
	if (!qmac_data_is_images(run->data)) {
		status = qmac_inputs_add(inputs, "the data file", run->file, err);
		return status || !run->test_file[0] ? status :
		       qmac_inputs_add(inputs, "the test file", run->test_file, err);
	}
	for (int i = 0; !status && i < QMAC_IMAGE_FILES_MAX; i++)
		if (qmac_image_set_path(run, i, path))
			status = qmac_inputs_add(inputs, "a data file", path, err);
	return status;
}

enum qmac_status qmac_run_inputs(struct qmac_inputs *inputs, const struct qmac_run_config *config,
                                 struct qmac_error *err)
{
	enum qmac_status status = qmac_inputs_add(inputs, "the run file", config->file, err);

	if (!status && config->run.network[0])
		status = qmac_inputs_add(inputs, "the network file", config->run.network, err);
	if (!status)
		status = qmac_inputs_add(inputs, "the hardware file", config->run.hw, err);
	if (!status && qmac_run_energy(&config->run)[0])
		status = qmac_inputs_add(inputs, "the energy table", config->run.energy, err);
	if (!status && qmac_run_area(&config->run)[0])
		status = qmac_inputs_add(inputs, "the area table", config->run.area, err);
	return status ? status : add_data(inputs, &config->run, err);
}

enum qmac_status qmac_run_check_outputs(const struct qmac_run_config *config, const char *folder,
                                        const char *trace, struct qmac_error *err)
{
	struct qmac_inputs inputs = {0};
	enum qmac_status status = qmac_run_inputs(&inputs, config, err);

	if (!status && trace)
		status = qmac_output_check(&inputs, "the trace", trace, err);
	if (!status && trace)
		status = qmac_inputs_add(&inputs, "the trace", trace, err);
	if (!status)
		status = qmac_members_spare(&inputs, folder, err);
	qmac_inputs_free(&inputs);
	return status;
}
