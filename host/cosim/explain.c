/*
 * What lockstep says of the first difference.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/cmodel.h"
#include "cosim/internal.h"
#include "backend/tag.h"
#include "isa/space.h"

/* Differing elements that are shown; commands before the failing one; bytes of a command's text. */
enum { ELEMENTS_SHOWN = 4, BEFORE_SHOWN = 3, TEXT_SIZE = 360 };

/* The message as it grows. */
struct report {
	struct qmac_lockstep *l;
	double unit; /* of what the command at fault writes; 0: not known */
	char text[sizeof((struct qmac_error *)NULL)->message];
};

__attribute__((format(printf, 2, 3)))
static void say(struct report *r, const char *format, ...)
{
	size_t used = strlen(r->text);
	va_list args;

	va_start(args, format);
	vsnprintf(r->text + used, sizeof r->text - used, format, args);
	va_end(args);
}

/* ---- commands ----------------------------------------------------------------- */

bool qmac_lockstep_command(struct qmac_lockstep *l, uint32_t number, struct qmac_command *command)
{
	uint64_t ring = qmac_lockstep_read_pair(&l->model, QMAC_REG_RING_BASE_LO), at;
	uint32_t log2 = qmac_lockstep_read(&l->model, QMAC_REG_RING_LOG2);
	uint32_t behind = qmac_lockstep_read(&l->model, QMAC_REG_RING_TAIL) - number; /* 1: the last one */
	uint32_t words[QMAC_COMMAND_WORDS];

	if (log2 > QMAC_RING_LOG2_MAX || behind == 0 || behind > 1U << log2)
		return false;
	at = ring + (uint64_t)(number & ((1U << log2) - 1)) * QMAC_COMMAND_BYTES;
	if (at > l->base.memory_bytes || l->base.memory_bytes - at < QMAC_COMMAND_BYTES)
		return false;
	qmac_backend_read_command(l->model.backend, at, words);
	qmac_command_decode(words, command);
	return true;
}

static void say_command(struct report *r, const char *what, uint32_t number)
{
	struct qmac_command command;
	char text[TEXT_SIZE];

	if (qmac_lockstep_command(r->l, number, &command))
		say(r, "\n  %s %" PRIu32 ": %s", what, number, qmac_command_text(&command, text, sizeof text));
}

/* ---- elements ----------------------------------------------------------------- */

/* What a command writes: three loops over rows of a scratchpad, or over rows of containers in memory. */
struct nest {
	unsigned space;             /* of a scratchpad, where not in_memory */
	bool in_memory;
	uint64_t first;
	uint64_t n[3], step[3];     /* outer first */
	uint32_t lanes, bytes;      /* in_memory: containers of a row, bytes of one */
};

static struct nest nest_of(const struct qmac_command *c)
{
	switch (c->opcode) {
	case QMAC_OPCODE_STORE:
		return (struct nest){.in_memory = true, .first = c->base, .n = {c->n2, c->n1, c->n0},
		                     .step = {c->s2, c->s1, c->s0}, .lanes = c->len,
		                     .bytes = (uint32_t)qmac_container_bytes(c->container)};
	case QMAC_OPCODE_LOAD:
		return (struct nest){.space = c->space, .first = c->row, .n = {c->n2, c->n1, c->n0},
		                     .step = {c->ds2, c->ds1, c->ds0}};
	case QMAC_OPCODE_GEMM:
		if (c->mode == QMAC_MODE_OS)
			return (struct nest){.space = QMAC_SPACE_ACC, .first = c->c, .n = {1, 1, c->k},
			                     .step = {0, 0, 1}};
		return (struct nest){.space = QMAC_SPACE_ACC, .first = c->c, .n = {c->n2, c->n1, c->n0},
		                     .step = {c->cs2, c->cs1, c->cs0}};
	case QMAC_OPCODE_VEC:
		return (struct nest){.space = c->dspace, .first = c->dst, .n = {1, c->n1, c->red_rows ? 1 : c->n0},
		                     .step = {0, c->d1, c->d0}};
	default:
		return (struct nest){.n = {0, 0, 0}};
	}
}

/* One side's bits of an element as an integer and, where its unit is known, as a real value. */
static void say_value(struct report *r, const char *side, uint64_t bits, int width)
{
	int64_t value = (int64_t)(bits << (64 - width)) >> (64 - width);

	say(r, " %s 0x%0*" PRIx64 " (%" PRId64, side, (width + 3) / 4, bits, value);
	if (r->unit != 0)
		say(r, " = %.9g", (double)value * r->unit);
	say(r, ")");
}

static void say_both(struct report *r, uint64_t expected, uint64_t got, int width)
{
	say_value(r, r->l->model.name, expected, width);
	say(r, ",");
	say_value(r, r->l->device.name, got, width);
}

/* Two devices that are compared element by element. */
struct pair {
	struct qmac_backend *model, *device;
};

/* The lanes of a scratchpad row that differ; returns how many were shown so far. */
static int say_row(struct report *r, const struct pair *pair, unsigned space, uint32_t row, int shown)
{
	const struct qmac_hw *hw = &r->l->hw;
	int bits = qmac_space_bits(hw, space);
	uint64_t mask = UINT64_MAX >> (64 - bits);

	if (row >= qmac_space_rows(hw, space))
		return shown;
	for (uint32_t j = 0; j < qmac_space_lanes(hw, space) && shown < ELEMENTS_SHOWN; j++) {
		uint64_t expected = pair->model->operations->peek(pair->model, space, row, j) & mask;
		uint64_t got = pair->device->operations->peek(pair->device, space, row, j) & mask;

		if (expected == got)
			continue;
		say(r, "\n  %s[%" PRIu32 "][%" PRIu32 "]:", qmac_code_name("SPACE", space), row, j);
		say_both(r, expected, got, bits);
		shown++;
	}
	return shown;
}

static uint64_t container(struct qmac_backend *backend, uint64_t at, uint32_t bytes)
{
	uint8_t from[8];
	uint64_t value = 0;

	backend->operations->read_memory(backend, at, from, bytes);
	for (uint32_t i = 0; i < bytes; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

/* The containers of a row in memory that differ. */
static int say_containers(struct report *r, const struct pair *pair, const struct nest *nest,
                          uint64_t address, int shown)
{
	uint64_t memory_bytes = pair->model->memory_bytes;

	for (uint32_t j = 0; j < nest->lanes && shown < ELEMENTS_SHOWN; j++) {
		uint64_t at = (address + (uint64_t)j * nest->bytes) & 0xFFFFFFFFFFFF, expected, got;

		if (at >= memory_bytes || memory_bytes - at < nest->bytes)
			continue;
		expected = container(pair->model, at, nest->bytes);
		got = container(pair->device, at, nest->bytes);
		if (expected == got)
			continue;
		say(r, "\n  memory[0x%" PRIx64 "]:", at);
		say_both(r, expected, got, (int)(8 * nest->bytes));
		shown++;
	}
	return shown;
}

static int say_nest(struct report *r, const struct pair *pair, const struct nest *nest, int shown)
{
	for (uint64_t i2 = 0; i2 < nest->n[0]; i2++)
		for (uint64_t i1 = 0; i1 < nest->n[1]; i1++)
			for (uint64_t i0 = 0; i0 < nest->n[2] && shown < ELEMENTS_SHOWN; i0++) {
				uint64_t at = nest->first + i2 * nest->step[0] + i1 * nest->step[1] + i0 * nest->step[2];

				shown = nest->in_memory ? say_containers(r, pair, nest, at, shown) :
				        say_row(r, pair, nest->space, (uint32_t)at, shown);
			}
	return shown;
}

/* The first elements that the command wrote and that differ in the pair; returns how many were shown. */
static int say_elements(struct report *r, const struct pair *pair, const struct qmac_command *command)
{
	const struct nest nest = nest_of(command), sums = {
		.space = QMAC_SPACE_ACC, .first = command->sum, .n = {1, 1, command->n1}, .step = {0, 0, 1},
	};
	int shown = say_nest(r, pair, &nest, 0);

	return command->opcode == QMAC_OPCODE_VEC && command->sum ? say_nest(r, pair, &sums, shown) : shown;
}

/*
 * As the command left them: the trace, which ends with it, is played on two fresh devices. It shows nothing
 * where the difference does not come again.
 */
static int say_elements_again(struct report *r, const struct qmac_trace *trace,
                              const struct qmac_command *command)
{
	struct qmac_lockstep *l = r->l;
	const struct qmac_device_options options = {
		.memory_bytes = trace->memory_bytes, .kernel = l->options.kernel,
	};
	struct qmac_backend_settings settings = l->settings.device;
	struct pair pair = {NULL, NULL};
	int shown = 0;

	settings.wave = NULL;
	settings.on_note = NULL;
	if (!qmac_backend_cmodel(&l->hw, &options, &pair.model, NULL) &&
	    !l->open_device(&l->hw, &options, &settings, &pair.device, NULL) &&
	    !qmac_trace_run(trace, pair.model, NULL) && !qmac_trace_run(trace, pair.device, NULL))
		shown = say_elements(r, &pair, command);
	qmac_backend_destroy(pair.model);
	qmac_backend_destroy(pair.device);
	return shown;
}

/* trace: NULL where there is none. */
static void say_all_elements(struct report *r, const struct qmac_trace *trace,
                             const struct qmac_command *command)
{
	const struct pair resting = {r->l->model.backend, r->l->device.backend};
	size_t before;

	if (command->opcode == QMAC_OPCODE_SYNC || (trace && say_elements_again(r, trace, command)))
		return;
	before = strlen(r->text);
	say(r, "\n  played again it makes no difference; after the commands that followed:");
	if (!say_elements(r, &resting, command)) {
		r->text[before] = 0;
		say(r, "\n  no element that it wrote differs after the last command");
	}
}

/* ---- all together ------------------------------------------------------------- */

/* What was recorded since the devices rested last, up to the command at fault; NULL: cannot be had. */
static const struct qmac_trace *cut_trace(struct report *r, const struct qmac_difference *difference,
                                          struct qmac_error *err)
{
	const struct qmac_trace *trace;

	if (difference->at_command)
		qmac_recorder_cut(r->l->recorder, difference->number);
	return qmac_recorder_finish(r->l->recorder, &trace, err) ? NULL : trace;
}

/* Errors here are told, but what is reported is the difference. err: why there is no trace. */
static void write_trace(struct report *r, const struct qmac_trace *trace, struct qmac_error *err)
{
	const struct qmac_lockstep_settings *settings = &r->l->settings;

	if (!settings->failure_trace)
		return;
	if (!trace || qmac_trace_write(trace, settings->failure_trace, err)) {
		say(r, "\n  there is no trace: %.300s", err->message);
		return;
	}
	say(r, "\n  trace: qmac replay %s --backend %s%s", settings->failure_trace, r->l->device.name,
	    settings->timed ? " --timed" : "");
	if (settings->device.stalls)
		say(r, " --stalls %" PRIu64, settings->device.stalls);
}

/* Who issued the command, as its tag says. */
static void say_origin(struct report *r, uint32_t tag)
{
	static const char *const directions[] = {"between steps", "forward", "data gradient", "weight gradient"};

	say(r, "tag 0x%04" PRIx32 ": layer %u, step %u modulo 256, %s", tag, qmac_tag_layer(tag),
	    qmac_tag_step(tag), directions[qmac_tag_direction(tag)]);
}

static double unit_of(const struct qmac_lockstep *l, uint32_t number)
{
	const struct qmac_unit_note *note = &l->units[number % QMAC_LOCKSTEP_UNITS];

	return note->number == number ? note->unit : 0;
}

void qmac_lockstep_explain(struct qmac_lockstep *l, const struct qmac_difference *difference)
{
	struct report r = {.l = l, .unit = difference->at_command ? unit_of(l, difference->number) : 0};
	struct qmac_error no_trace;
	const struct qmac_trace *trace = cut_trace(&r, difference, &no_trace);
	struct qmac_command command;

	if (difference->at_command && qmac_lockstep_command(l, difference->number, &command)) {
		say(&r, "lockstep: command %" PRIu32 " (%s, ", difference->number,
		    qmac_code_name("OPCODE", command.opcode));
		say_origin(&r, command.tag);
		say(&r, "): %s", difference->what);
		say_command(&r, "command", difference->number);
		say_all_elements(&r, trace, &command);
		for (uint32_t i = 1; i <= BEFORE_SHOWN && i <= difference->number; i++)
			say_command(&r, "before it", difference->number - i);
	} else if (difference->at_command) {
		say(&r, "lockstep: command %" PRIu32 ": %s", difference->number, difference->what);
	} else {
		say(&r, "lockstep: %s; every command before was equal", difference->what);
	}
	write_trace(&r, trace, &no_trace);
	l->status = qmac_fail(&l->err, QMAC_CHECK_FAILED, "%s", r.text);
}
