#include "cli/cli.h"

enum qmac_status qmac_cli_config(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_run_config config;
	enum qmac_status status = qmac_cli_load(options, &config, err);

	if (!status)
		qmac_run_config_print(&config, stdout);
	return status;
}
