#include "backend/backend.h"

#include <string.h>

#include "backend/cmodel.h"
#include "backend/lockstep.h"
#include "backend/rtl.h"
#include "backend/wave.h"
#include "isa/command.h"

enum { PIECE = 4096 }; /* of memory, in one copy */

enum qmac_status qmac_backend_check(const char *name, const struct qmac_backend_settings *settings,
                                    struct qmac_error *err)
{
	bool rtl = strcmp(name, "rtl") == 0, lockstep = strcmp(name, "lockstep") == 0;
	enum qmac_status status = QMAC_OK;

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
	if (lockstep)
		status = qmac_lockstep_check(settings, err);
	if (!status && settings->wave)
		status = qmac_wave_check(settings->wave, err);
	return status;
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

void qmac_backend_read_command(struct qmac_backend *backend, uint64_t address,
                               uint32_t words[QMAC_COMMAND_WORDS])
{
	uint8_t bytes[QMAC_COMMAND_BYTES];

	backend->operations->read_memory(backend, address, bytes, sizeof bytes);
	qmac_command_unpack(bytes, words);
}

void qmac_backend_write_command(struct qmac_backend *backend, uint64_t address,
                                const uint32_t words[QMAC_COMMAND_WORDS])
{
	uint8_t bytes[QMAC_COMMAND_BYTES];

	qmac_command_pack(words, bytes);
	backend->operations->write_memory(backend, address, bytes, sizeof bytes);
}

void qmac_backend_zero(struct qmac_backend *backend, uint64_t address, uint64_t bytes)
{
	static const uint8_t zeros[PIECE];

	for (uint64_t done = 0, part; done < bytes; done += part) {
		part = bytes - done < PIECE ? bytes - done : PIECE;
		backend->operations->write_memory(backend, address + done, zeros, part);
	}
}

bool qmac_backend_memory_differs(struct qmac_backend *expected, struct qmac_backend *got, uint64_t address,
                                 uint64_t bytes, struct qmac_memory_difference *difference)
{
	uint8_t a[PIECE], b[PIECE];

	for (uint64_t done = 0, part; done < bytes; done += part) {
		unsigned i = 0;

		part = bytes - done < PIECE ? bytes - done : PIECE;
		expected->operations->read_memory(expected, address + done, a, part);
		got->operations->read_memory(got, address + done, b, part);
		if (memcmp(a, b, part) == 0)
			continue;
		while (a[i] == b[i])
			i++;
		*difference = (struct qmac_memory_difference){address + done + i, a[i], b[i]};
		return true;
	}
	return false;
}
