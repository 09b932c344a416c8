#include "cli/cli.h"
#include "config/hw_file.h"

enum qmac_status qmac_cli_config(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_run_config config;
	struct qmac_hw hw;
	enum qmac_status status = qmac_cli_load(options, &config, err);

	/* A configuration that is shown is one that runs: its hardware too. */
	if (!status)
		status = qmac_hw_load(&hw, config.run.hw, err);
	if (!status)
		qmac_run_config_print(&config, NULL, stdout);
	return status;
}
