#include "backend/backend.h"

#include <string.h>

#include "backend/cmodel.h"
#include "backend/rtl.h"
#include "isa/command.h"

enum { PIECE = 4096 }; /* of memory, in one copy */

bool qmac_backend_computes(const char *name)
{
	return strcmp(name, "cmodel") == 0 || strcmp(name, "rtl") == 0;
}

enum qmac_status qmac_backend_open(const char *name, const struct qmac_hw *hw,
                                   const struct qmac_device_options *options,
                                   const struct qmac_backend_settings *settings,
                                   struct qmac_backend **backend, struct qmac_error *err)
{
	static const struct qmac_backend_settings none;

	*backend = NULL;
	if (strcmp(name, "cmodel") == 0)
		return qmac_backend_cmodel(hw, options, backend, err);
	if (strcmp(name, "time") == 0)
		return qmac_backend_time(hw, options, backend, err);
	if (strcmp(name, "rtl") == 0)
		return qmac_backend_rtl(hw, options, settings ? settings : &none, backend, err);
	return qmac_fail(err, QMAC_BAD_INPUT, "unknown backend '%s'; use 'cmodel', 'rtl' or 'time'", name);
}

enum qmac_status qmac_backend_create(const char *name, const struct qmac_hw *hw,
                                     const struct qmac_device_options *options, struct qmac_backend **backend,
                                     struct qmac_error *err)
{
	return qmac_backend_open(name, hw, options, NULL, backend, err);
}

enum qmac_status qmac_backend_open_from(const struct qmac_backend_source *source, const char *name,
                                        const struct qmac_hw *hw, const struct qmac_device_options *options,
                                        struct qmac_backend **backend, struct qmac_error *err)
{
	return source ? source->open(source->context, name, hw, options, backend, err) :
	       qmac_backend_create(name, hw, options, backend, err);
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
