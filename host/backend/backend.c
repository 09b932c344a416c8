#include "backend/backend.h"

#include <string.h>

#include "backend/cmodel.h"
#include "backend/lockstep.h"
#include "backend/rtl.h"

enum qmac_status qmac_backend_open(const char *name, const struct qmac_hw *hw,
                                   const struct qmac_device_options *options,
                                   const struct qmac_backend_settings *settings,
                                   struct qmac_backend **backend, struct qmac_error *err)
{
	static const struct qmac_backend_settings none;

	*backend = NULL;
	if (!settings)
		settings = &none;
	if (settings->wave && strcmp(name, "rtl") != 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "only the backend 'rtl' writes waves, not '%s'", name);
	if (strcmp(name, "cmodel") == 0)
		return qmac_backend_cmodel(hw, options, backend, err);
	if (strcmp(name, "rtl") == 0)
		return qmac_backend_rtl(hw, options, settings, backend, err);
	if (strcmp(name, "lockstep") == 0)
		return qmac_backend_lockstep(hw, options, settings, qmac_backend_rtl, backend, err);
	return qmac_fail(err, QMAC_BAD_INPUT, "unknown backend '%s'; use 'cmodel', 'rtl' or 'lockstep'", name);
}

enum qmac_status qmac_backend_create(const char *name, const struct qmac_hw *hw,
                                     const struct qmac_device_options *options, struct qmac_backend **backend,
                                     struct qmac_error *err)
{
	return qmac_backend_open(name, hw, options, NULL, backend, err);
}

void qmac_backend_destroy(struct qmac_backend *backend)
{
	if (backend)
		backend->operations->destroy(backend);
}
