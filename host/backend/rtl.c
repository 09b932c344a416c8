#include "backend/rtl.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/axi_memory.h"
#include "backend/rtl_library.h"
#include "backend/wave.h"
#include "base/splitmix.h"
#include "isa/space.h"
#include "process/stop.h"

/*
 * RESET_CYCLES: how long the device is held in reset. TRAILING: core clocks after the device is idle, for
 * what follows the last retirement. PATIENCE: bus clocks until a register access must have been answered.
 */
enum { RESET_CYCLES = 4, TRAILING = 4, PATIENCE = 1000, STROBES = 15 };

/* The ready/valid pairs of the AXI4-Lite port. */
enum lite_stall { LITE_AW, LITE_W, LITE_B, LITE_AR, LITE_R, LITE_STALLS };

struct rtl {
	struct qmac_backend base; /* first: it is a backend */
	struct qmac_rtl_library *library; /* of its own; NULL where it was given */
	const struct qmac_rtl_table *table;
	struct qmac_rtl_device *device;
	struct qmac_rtl_inputs *in;
	const struct qmac_rtl_outputs *out;
	struct qmac_hw hw;
	struct qmac_axi_memory axi;
	struct qmac_stalls lite;  /* of register accesses; pairs: LITE_* */
	uint8_t *memory;
	void (*on_retire)(void *context, const struct qmac_retire *record);
	void (*on_write)(void *context, uint64_t address, uint64_t bytes);
	void *context;
	const volatile sig_atomic_t *stop;
	char wave[QMAC_WAVE_PATH_MAX]; /* waves go to this file; "": to none */
	bool digests;
	bool settled;             /* the current device cycle has been seen: requests taken, records given */
	/* The first failure of the simulation; wait() reports it. */
	enum qmac_status status;
	struct qmac_error err;
};

static struct rtl *self(struct qmac_backend *backend)
{
	return (struct rtl *)(void *)backend;
}

/* ---- device cycles ------------------------------------------------------------ */

static uint64_t wide(const uint32_t *words)
{
	return words[0] | (uint64_t)words[1] << 32;
}

/* Words of a record: rtl/sim/qmac_sim.sv. */
static void give_records(struct rtl *r)
{
	if (!r->out->record_valid || !r->on_retire)
		return;
	for (unsigned e = 0; e < QMAC_RTL_ENGINES; e++) {
		const uint32_t *words = r->out->record[e];
		struct qmac_retire record = {
			.number = words[0], .engine = (uint8_t)e, .opcode = (uint8_t)words[1],
			.tag = (uint16_t)(words[1] >> 16), .acc_saturations = words[2], .requant_saturations = words[3],
			.container_saturations = words[4], .digest = r->digests ? wide(words + 5) : 0,
			.start = wide(words + 7), .cycle = wide(words + 9), .magnitudes = words[11],
		};

		if (r->out->record_valid >> e & 1)
			r->on_retire(r->context, &record);
	}
}

/* Sees the current device cycle, once; afterwards the outputs are those of now. */
static void see_cycle(struct rtl *r)
{
	if (r->settled) {
		r->table->settle(r->device);
		return;
	}
	/* Nothing comes back later than asked in the same cycle, so the number before it settles will do. */
	qmac_axi_memory_drive(&r->axi, r->out->cycle + 1, r->in);
	r->table->settle(r->device);
	if (qmac_axi_memory_requests(&r->axi, r->out->cycle, r->in, r->out))
		r->table->settle(r->device);
	give_records(r);
	r->settled = true;
}

static void end_cycle(struct rtl *r)
{
	qmac_axi_memory_advance(&r->axi, r->in, r->out);
	r->table->clock(r->device, 1);
	r->settled = false;
}

static void check_assertions(struct rtl *r)
{
	if (!r->status && r->table->failures(r->device))
		r->status = qmac_fail(&r->err, QMAC_CHECK_FAILED, "an assertion of the RTL failed in device cycle %"
		                      PRIu64 ": %.400s", r->out->cycle, r->table->failure(r->device));
}

/* ---- registers ---------------------------------------------------------------- */

/* A clock of the bus; the core stands still unless it has to see a reset. */
static void clock_bus(struct rtl *r, bool core)
{
	r->table->clock(r->device, core);
	r->table->settle(r->device);
}

static void fail_access(struct rtl *r, const char *what, uint32_t offset)
{
	if (!r->status)
		r->status = qmac_fail(&r->err, QMAC_CHECK_FAILED, "the RTL does not answer the %s of register 0x%03"
		                      PRIx32, what, offset);
}

/* A pair is offered in the first cycle in which it is not held up, and then stays; `asked`: it was taken. */
static uint8_t offer(struct rtl *r, bool asked, uint8_t valid, enum lite_stall which)
{
	return !asked && (valid || !qmac_stalls_hold(&r->lite, which));
}

static uint32_t rtl_read(struct qmac_backend *backend, uint32_t offset)
{
	struct rtl *r = self(backend);
	uint32_t value = 0;
	bool asked = false, done = false;

	r->in->s_araddr = (uint16_t)offset;
	for (int i = 0; i < PATIENCE && !done; i++) {
		qmac_stalls_draw(&r->lite);
		r->in->s_arvalid = offer(r, asked, r->in->s_arvalid, LITE_AR);
		r->in->s_rready = !qmac_stalls_hold(&r->lite, LITE_R);
		r->table->settle(r->device);
		asked |= r->out->s_arready && r->in->s_arvalid;
		done = r->out->s_rvalid && r->in->s_rready;
		if (done)
			value = r->out->s_rdata;
		r->table->clock(r->device, 0);
	}
	if (!done)
		fail_access(r, "read", offset);
	r->in->s_arvalid = r->in->s_rready = 0;
	r->table->settle(r->device);
	return value;
}

/* core: its clock runs, too, from the cycle on in which the device has the write. */
static void write_register(struct rtl *r, uint32_t offset, uint32_t value, bool core)
{
	bool addressed = false, given = false, done = false;

	r->in->s_awaddr = (uint16_t)offset;
	r->in->s_wdata = value;
	r->in->s_wstrb = STROBES;
	for (int i = 0; i < PATIENCE && !done; i++) {
		bool taken = addressed && given;

		qmac_stalls_draw(&r->lite);
		r->in->s_awvalid = offer(r, addressed, r->in->s_awvalid, LITE_AW);
		r->in->s_wvalid = offer(r, given, r->in->s_wvalid, LITE_W);
		r->in->s_bready = !qmac_stalls_hold(&r->lite, LITE_B);
		r->table->settle(r->device);
		addressed |= r->out->s_awready && r->in->s_awvalid;
		given |= r->out->s_wready && r->in->s_wvalid;
		done = r->out->s_bvalid && r->in->s_bready;
		r->table->clock(r->device, core && taken);
	}
	if (!done)
		fail_access(r, "write", offset);
	r->in->s_awvalid = r->in->s_wvalid = r->in->s_bready = 0;
	r->table->settle(r->device);
}

static void rtl_write(struct qmac_backend *backend, uint32_t offset, uint32_t value)
{
	struct rtl *r = self(backend);

	if (offset != QMAC_REG_CONTROL || !(value & 1)) {
		write_register(r, offset, value, false);
		return;
	}
	/* The core has to run to be reset; what it had under way is forgotten on both sides. */
	qmac_axi_memory_reset(&r->axi, r->in);
	write_register(r, offset, value, true);
	for (int i = 0; i < RESET_CYCLES; i++)
		clock_bus(r, true);
	r->settled = false;
}

/* ---- the rest of the backend -------------------------------------------------- */

static void rtl_read_memory(struct qmac_backend *backend, uint64_t address, void *data, uint64_t bytes)
{
	assert(bytes <= backend->memory_bytes && address <= backend->memory_bytes - bytes);
	memcpy(data, self(backend)->memory + address, bytes);
}

static void rtl_write_memory(struct qmac_backend *backend, uint64_t address, const void *data, uint64_t bytes)
{
	struct rtl *r = self(backend);

	assert(bytes <= backend->memory_bytes && address <= backend->memory_bytes - bytes);
	if (r->on_write)
		r->on_write(r->context, address, bytes);
	memcpy(r->memory + address, data, bytes);
}

/*
 * The longest a device can be at work without a beat of memory or a retirement: a VEC of 65,536 iterations
 * that looks up 64 lanes one by one, or the latency of the slowest memory.
 */
static const uint64_t silence_max = 1 << 23;

/* A long wait takes minutes. */
static void look_for_stop(struct rtl *r)
{
	if (!r->status && ((r->stop && *r->stop) || qmac_stop_is_due()))
		r->status = qmac_stop_give_up(&r->err);
}

static enum qmac_status rtl_wait(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                 struct qmac_error *err)
{
	struct rtl *r = self(backend);
	uint64_t silence = 0;
	int trailing = 0;

	for (uint64_t elapsed = 0; !r->status; elapsed++) {
		see_cycle(r);
		if (r->out->irq && !r->out->stopped)
			break;
		trailing = r->out->idle ? trailing + 1 : 0;
		if (trailing > TRAILING || elapsed >= cycles)
			break;
		silence = r->in->m_rvalid || r->in->m_bvalid || r->out->record_valid ? 0 : silence + 1;
		if (silence > silence_max)
			r->status = qmac_fail(&r->err, QMAC_CHECK_FAILED, "the RTL hangs: it is at work in device cycle %"
			                      PRIu64 ", but nothing has happened for %" PRIu64 " cycles", r->out->cycle,
			                      silence_max);
		end_cycle(r);
		check_assertions(r);
		look_for_stop(r);
	}
	check_assertions(r);
	*raised = r->out->irq;
	if (r->status && err)
		*err = r->err;
	return r->status;
}

static const char *rtl_kernel(struct qmac_backend *backend)
{
	(void)backend;
	return "verilator";
}

static uint64_t rtl_peek(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane)
{
	struct rtl *r = self(backend);

	return r->table->backdoor(r->device, 0, space, row, lane, 0);
}

static void rtl_poke(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane,
                     uint64_t value)
{
	struct rtl *r = self(backend);

	(void)r->table->backdoor(r->device, 1, space, row, lane, value);
}

static void rtl_destroy(struct qmac_backend *backend)
{
	struct rtl *r = self(backend);

	if (r->device)
		r->table->destroy(r->device);
	if (r->wave[0] && !qmac_wave_is_whole(r->wave))
		(void)remove(r->wave);
	qmac_rtl_library_close(r->library);
	free(r->memory);
	free(r);
}

/* ---- life --------------------------------------------------------------------- */

/*
 * The seed of what is not reset: that of the stalls, so that other stalls meet other bits, else 1;
 * QMAC_RTL_INIT takes its place.
 */
static enum qmac_status initial_seed(uint64_t stalls, uint32_t *seed, struct qmac_error *err)
{
	const char *text = getenv("QMAC_RTL_INIT");
	char *end;
	unsigned long long number;

	*seed = (uint32_t)(stalls ^ stalls >> 32);
	if (*seed == 0)
		*seed = 1;
	if (!text || !text[0])
		return QMAC_OK;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end || errno || text[0] == '-' || number > UINT32_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "QMAC_RTL_INIT: '%.40s' is no number from 0 to 4294967295",
		                 text);
	*seed = (uint32_t)number;
	return QMAC_OK;
}

static uint32_t most_rows(const struct qmac_hw *hw)
{
	uint32_t most = 0;

	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_LUT; space++)
		if (most < qmac_space_rows(hw, space))
			most = qmac_space_rows(hw, space);
	return most;
}

static enum qmac_status open_waves(struct rtl *r, const char *wave, struct qmac_error *err)
{
	char path[QMAC_WAVE_PATH_MAX];
	enum qmac_status status = qmac_wave_path(wave, path, err);

	if (status)
		return status;
	/* The writer removes it, too; what looks whether it can be written would follow a link to nowhere. */
	(void)remove(path);
	if (r->table->trace_open(r->device, path))
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write the waves to %s", wave);
	strcpy(r->wave, path);
	return QMAC_OK;
}

static enum qmac_status power_up(struct rtl *r, const struct qmac_backend_settings *settings,
                                 struct qmac_error *err)
{
	uint32_t seed;
	enum qmac_status status = initial_seed(settings->stalls, &seed, err);

	if (status)
		return status;
	r->device = r->table->create(seed);
	r->memory = calloc(r->base.memory_bytes ? r->base.memory_bytes : 1, 1);
	if (!r->device || !r->memory)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a device with %" PRIu64 " bytes of memory",
		                 r->base.memory_bytes);
	if (settings->wave)
		status = open_waves(r, settings->wave, err);
	if (status)
		return status;
	r->in = r->table->inputs(r->device);
	r->out = r->table->outputs(r->device);
	qmac_axi_memory_init(&r->axi, &r->hw, r->memory, r->base.memory_bytes, settings->stalls);
	r->axi.on_write = r->on_write;
	r->axi.context = r->context;
	/* A sequence of its own: register accesses must not change when memory is held up. */
	qmac_stalls_init(&r->lite, qmac_splitmix_mix(settings->stalls), LITE_STALLS);
	for (int i = 0; i < RESET_CYCLES; i++)
		clock_bus(r, true);
	/* Only now: registers that have not seen a reset may write. */
	r->table->clear(r->device, most_rows(&r->hw));
	r->in->rst_n = 1;
	for (int i = 0; i < RESET_CYCLES; i++)
		clock_bus(r, true);
	return QMAC_OK;
}

enum qmac_status qmac_backend_rtl(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                  const struct qmac_backend_settings *settings,
                                  struct qmac_backend **backend, struct qmac_error *err)
{
	static const struct qmac_backend_operations operations = {
		.name = "rtl", .read = rtl_read, .write = rtl_write, .read_memory = rtl_read_memory,
		.write_memory = rtl_write_memory, .wait = rtl_wait, .kernel = rtl_kernel, .peek = rtl_peek,
		.poke = rtl_poke, .destroy = rtl_destroy,
	};
	struct rtl *r = calloc(1, sizeof *r);
	enum qmac_status status = QMAC_OK;

	*backend = NULL;
	if (!r)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a backend");
	r->base.operations = &operations;
	r->base.memory_bytes = options->memory_bytes;
	r->hw = *hw;
	r->on_retire = options->on_retire;
	r->on_write = options->on_write;
	r->context = options->context;
	r->digests = options->digests;
	r->stop = settings->stop;
	if (options->on_command)
		status = qmac_fail(err, QMAC_BAD_INPUT, "the backend 'rtl' does not tell of every command before it "
		                   "executes; use 'cmodel'");
	/* A library that was given may be one without waves. */
	if (!status && (!settings->library || settings->wave))
		status = qmac_rtl_library_open(hw, settings->wave != NULL, settings->on_note, settings->context,
		                               &r->library, err);
	if (!status) {
		r->table = qmac_rtl_library_table(r->library ? r->library : settings->library);
		status = power_up(r, settings, err);
	}
	if (status)
		rtl_destroy(&r->base);
	else
		*backend = &r->base;
	return status;
}
