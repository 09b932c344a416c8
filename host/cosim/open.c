#include "cosim/open.h"

#include <string.h>

#include "backend/rtl.h"
#include "backend/wave.h"

enum qmac_status qmac_cosim_check(const char *name, const struct qmac_lockstep_settings *settings,
                                  struct qmac_error *err)
{
	const struct qmac_backend_settings *device = &settings->device;
	bool rtl = strcmp(name, "rtl") == 0, lockstep = strcmp(name, "lockstep") == 0;
	enum qmac_status status = QMAC_OK;

	if (!lockstep && !qmac_backend_computes(name))
		return qmac_fail(err, QMAC_BAD_INPUT, "unknown backend '%s'; use 'cmodel', 'rtl' or 'lockstep'",
		                 name);
	if (device->wave && !rtl && !lockstep)
		return qmac_fail(err, QMAC_BAD_INPUT, "only the backends 'rtl' and 'lockstep' write waves, not '%s'",
		                 name);
	if (device->stalls && !rtl && !lockstep)
		return qmac_fail(err, QMAC_BAD_INPUT, "only the backends 'rtl' and 'lockstep' have random stalls, "
		                 "not '%s'", name);
	if (settings->timed && !lockstep)
		return qmac_fail(err, QMAC_BAD_INPUT, "only the backend 'lockstep' compares the cycles of two "
		                 "devices, not '%s'", name);
	if (lockstep)
		status = qmac_lockstep_check(settings, err);
	if (!status && device->wave)
		status = qmac_wave_check(device->wave, err);
	return status;
}

enum qmac_status qmac_cosim_open(const char *name, const struct qmac_hw *hw,
                                 const struct qmac_device_options *options,
                                 const struct qmac_lockstep_settings *settings,
                                 struct qmac_backend **backend, struct qmac_error *err)
{
	static const struct qmac_lockstep_settings none;
	enum qmac_status status;

	*backend = NULL;
	if (!settings)
		settings = &none;
	status = qmac_cosim_check(name, settings, err);
	if (status)
		return status;
	if (strcmp(name, "lockstep") == 0)
		return qmac_lockstep_open(hw, options, settings, qmac_backend_rtl, backend, err);
	return qmac_backend_open(name, hw, options, &settings->device, backend, err);
}

static enum qmac_status open_from(const void *settings, const char *name, const struct qmac_hw *hw,
                                  const struct qmac_device_options *options, struct qmac_backend **backend,
                                  struct qmac_error *err)
{
	return qmac_cosim_open(name, hw, options, settings, backend, err);
}

struct qmac_backend_source qmac_cosim_source(const struct qmac_lockstep_settings *settings)
{
	return (struct qmac_backend_source){open_from, settings};
}
