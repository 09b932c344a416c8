#define _POSIX_C_SOURCE 200809L
#include "backend/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/cmodel.h"
#include "backend/lockstep.h"
#include "backend/rtl.h"

/* The simulation opens the file itself, but only after it was built. O_NONBLOCK: a pipe must not block. */
static enum qmac_status check_wave(const char *wave, struct qmac_error *err)
{
	struct stat found;
	bool there = lstat(wave, &found) == 0;
	int probe = open(wave, O_WRONLY | O_CREAT | O_NONBLOCK, 0666);

	if (probe < 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write the waves to %s: %s", wave, strerror(errno));
	close(probe);
	if (!there)
		unlink(wave);
	return QMAC_OK;
}

enum qmac_status qmac_backend_check(const char *name, const struct qmac_backend_settings *settings,
                                    struct qmac_error *err)
{
	bool rtl = strcmp(name, "rtl") == 0, lockstep = strcmp(name, "lockstep") == 0;

	if (!rtl && !lockstep && strcmp(name, "cmodel") != 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "unknown backend '%s'; use 'cmodel', 'rtl' or 'lockstep'",
		                 name);
	if (settings->wave && !rtl && !lockstep)
		return qmac_fail(err, QMAC_BAD_INPUT, "only the backends 'rtl' and 'lockstep' write waves, not '%s'",
		                 name);
	if (settings->stalls && !rtl && !lockstep)
		return qmac_fail(err, QMAC_BAD_INPUT, "only the backends 'rtl' and 'lockstep' have random stalls, "
		                 "not '%s'", name);
	if (settings->timed && !lockstep)
		return qmac_fail(err, QMAC_BAD_INPUT, "only the backend 'lockstep' compares the cycles of two "
		                 "devices, not '%s'", name);
	if (settings->timed && settings->stalls)
		return qmac_fail(err, QMAC_BAD_INPUT, "random stalls change cycles: leave out either them or the "
		                 "comparison of cycles");
	return settings->wave ? check_wave(settings->wave, err) : QMAC_OK;
}

enum qmac_status qmac_backend_open(const char *name, const struct qmac_hw *hw,
                                   const struct qmac_device_options *options,
                                   const struct qmac_backend_settings *settings,
                                   struct qmac_backend **backend, struct qmac_error *err)
{
	static const struct qmac_backend_settings none;
	enum qmac_status status;

	*backend = NULL;
	if (!settings)
		settings = &none;
	status = qmac_backend_check(name, settings, err);
	if (status)
		return status;
	if (strcmp(name, "cmodel") == 0)
		return qmac_backend_cmodel(hw, options, backend, err);
	if (strcmp(name, "rtl") == 0)
		return qmac_backend_rtl(hw, options, settings, backend, err);
	return qmac_backend_lockstep(hw, options, settings, qmac_backend_rtl, backend, err);
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
