#include "backend/backend.h"

#include <string.h>

#include "backend/cmodel.h"

enum qmac_status qmac_backend_create(const char *name, const struct qmac_hw *hw,
                                     const struct qmac_device_options *options, struct qmac_backend **backend,
                                     struct qmac_error *err)
{
	*backend = NULL;
	if (strcmp(name, "cmodel") == 0)
		return qmac_backend_cmodel(hw, options, backend, err);
	if (strcmp(name, "rtl") == 0 || strcmp(name, "lockstep") == 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "backend '%s' is not available yet; use 'cmodel'", name);
	return qmac_fail(err, QMAC_BAD_INPUT, "unknown backend '%s'; use 'cmodel'", name);
}

void qmac_backend_destroy(struct qmac_backend *backend)
{
	if (backend)
		backend->operations->destroy(backend);
}
