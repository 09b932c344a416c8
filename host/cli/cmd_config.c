#include "cli/cli.h"
#include "config/energy_file.h"
#include "config/hw_file.h"
#include "config/net_file.h"

enum qmac_status qmac_cli_config(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_run_config config;
	struct qmac_energy_table energy;
	struct qmac_hw hw;
	struct qmac_net net;
	enum qmac_status status = qmac_cli_load(options, &config, err);

	/* A configuration that is shown is one that runs: its hardware too, its energy table and its network. */
	if (!status)
		status = qmac_hw_load(&hw, config.run.hw, err);
	if (!status)
		status = qmac_energy_load(&energy, qmac_run_energy(&config.run), err);
	if (!status && config.run.network[0]) {
		const struct qmac_net_options net_options = {
			.times = config.run.net_times, .classes = config.run.classes,
			.channels = config.run.net_channels,
		};

		status = qmac_net_load(&net, config.run.network, &net_options, err);
		if (!status)
			qmac_net_free(&net);
	}
	if (!status)
		qmac_run_config_print(&config, NULL, stdout);
	return status;
}
