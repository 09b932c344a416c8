/*
 * Remembered times: random minibatches, each a few programs behind a reset, most of them seen before, on a
 * clock that remembers and on one that does not. Some differ in one size or one wait, end in an interrupt or
 * go on, are told of at once or one by one, are interrupted by a question, a doorbell or a fault.
 */
#include <stdio.h>
#include <string.h>

#include "shipped_hw.h"
#include "test.h"
#include "time/memo.h"

enum {
	ENGINES = 3, PROGRAMS = 6, STEPS = 40, PLACES = 5, MINIBATCHES = 5000, COMMANDS = PLACES * (STEPS + 1),
	RING_LOG2 = 10
};

/* A command of a program; waits are counted back from what its engine was given. */
struct step {
	uint32_t engine, size, waits, behind[ENGINES];
};

struct program {
	struct step steps[STEPS];
	uint32_t count;
	bool irq;
};

struct device {
	struct qmac_hw hw;
	struct qmac_memo *memo;
	struct qmac_clock_retire times[COMMANDS];
	uint32_t order[COMMANDS], retired;   /* numbers of the commands as they retired */
	uint64_t counters[QMAC_COUNTERS];
};

struct rig {
	uint64_t rng;
	struct program programs[PROGRAMS];
	struct device device[2];  /* that remembers, and that does not */
	uint32_t given[ENGINES], number, tail, halts, rings;
};

static uint32_t below(struct rig *rig, uint32_t count)
{
	return (uint32_t)(test_random(&rig->rng) % count);
}

static struct step draw_step(struct rig *rig)
{
	struct step step = {.engine = below(rig, ENGINES), .size = 1 + below(rig, 12)};

	for (unsigned e = 0; e < ENGINES; e++) {
		step.waits |= (uint32_t)(below(rig, 4) == 0) << e;
		step.behind[e] = below(rig, 4);
	}
	return step;
}

static struct program draw_program(struct rig *rig)
{
	struct program program = {.count = 1 + below(rig, STEPS), .irq = below(rig, 3) > 0};

	for (uint32_t i = 0; i < program.count; i++)
		program.steps[i] = draw_step(rig);
	return program;
}

static struct qmac_clock_work work_of(const struct rig *rig, const struct step *step)
{
	const struct qmac_hw *hw = &rig->device[0].hw;
	struct qmac_command c = {
		.opcode = step->engine == QMAC_ENGINE_LOAD ? QMAC_OPCODE_LOAD : QMAC_OPCODE_STORE,
		.base = 4096 * (uint64_t)(step->size % 5), .s0 = 96, .n0 = step->size, .n1 = 1, .n2 = 1, .len = 8,
		.hi0 = step->size - 1, .container = QMAC_CONTAINER_WORD, .k = step->size % 4 + 1, .lanes = 1,
	};
	uint32_t *counts[ENGINES] = {&c.wait_load, &c.wait_exec, &c.wait_store};

	if (step->engine == QMAC_ENGINE_EXECUTE)
		c.opcode = step->size % 3 ? QMAC_OPCODE_GEMM : QMAC_OPCODE_VEC;
	c.wait_mask = step->waits;
	for (unsigned e = 0; e < ENGINES; e++)
		*counts[e] = (uint16_t)(rig->given[e] - step->behind[e]);
	return qmac_clock_work_of(hw, &c);
}

static void on_retire(void *context, void *record, struct qmac_clock_retire time)
{
	struct device *device = context;
	uint32_t number;

	memcpy(&number, record, sizeof number);
	CU_ASSERT(device->times[number].cycle == 0);
	device->times[number] = time;
	device->order[device->retired++] = number;
}

static void settle(struct rig *rig)
{
	for (int d = 0; d < 2; d++)
		qmac_memo_settle(rig->device[d].memo, rig->device[d].counters);
	CU_ASSERT(memcmp(rig->device[0].counters, rig->device[1].counters, sizeof rig->device[0].counters) == 0);
}

static void ring(struct rig *rig, uint32_t commands)
{
	rig->tail = rig->number + commands;
	for (int d = 0; d < 2; d++)
		qmac_memo_doorbell(rig->device[d].memo, rig->tail, 1 << 20, RING_LOG2);
}

/* Pushes a command on both; the time at which a SYNC retires. */
static uint64_t push(struct rig *rig, const struct qmac_clock_work *work)
{
	struct qmac_clock_retire time[2];

	for (int d = 0; d < 2; d++)
		time[d] = qmac_memo_push(rig->device[d].memo, work, &rig->number);
	CU_ASSERT_EQUAL(time[0].cycle, time[1].cycle);
	CU_ASSERT_EQUAL(time[0].start, time[1].start);
	rig->number++;
	return time[0].cycle;
}

/* Plays a program; false: a fault has ended the minibatch. `left`: commands of those behind it. */
static bool play(struct rig *rig, const struct program *program, uint32_t left)
{
	const struct qmac_command sync = {.opcode = QMAC_OPCODE_SYNC};
	const struct qmac_clock_work last = qmac_clock_work_of(&rig->device[0].hw, &sync);
	uint64_t cycle;

	/* without an interrupt the device goes on with what it was told of */
	if (rig->number == rig->tail || below(rig, 4) == 0)
		ring(rig, program->count + 1 + (below(rig, 3) ? 0 : left));
	for (uint32_t i = 0; i < program->count; i++) {
		struct qmac_clock_work work = work_of(rig, &program->steps[i]);

		(void)push(rig, &work);
		rig->given[program->steps[i].engine]++;
		if (below(rig, 300) == 0)
			settle(rig);
		if (below(rig, 2000) == 0) {
			ring(rig, program->count - i + left); /* this one has been pushed, the SYNC has not */
			rig->rings++;
		}
		if (below(rig, 4000) == 0) {
			for (int d = 0; d < 2; d++)
				qmac_memo_halt(rig->device[d].memo, rig->number % 2);
			settle(rig);
			rig->halts++;
			return false;
		}
	}
	cycle = push(rig, &last);
	for (int d = 0; program->irq && d < 2; d++)
		qmac_memo_pause(rig->device[d].memo, cycle);
	if (program->irq || below(rig, 2))
		settle(rig);
	return true;
}

/* One of two programs at each place, now and then with one step that is another one. */
static void play_minibatch(struct rig *rig)
{
	struct program programs[PLACES];
	uint32_t places = 1 + below(rig, PLACES), left = 0, all;
	bool goes_on = true;

	for (int d = 0; d < 2; d++) {
		qmac_memo_reset(rig->device[d].memo);
		memset(rig->device[d].times, 0, sizeof rig->device[d].times);
		memset(rig->device[d].order, 0, sizeof rig->device[d].order);
		rig->device[d].retired = 0;
	}
	memset(rig->given, 0, sizeof rig->given);
	rig->number = rig->tail = 0;
	if (below(rig, 2))
		settle(rig);
	for (uint32_t p = 0; p < places; p++) {
		programs[p] = rig->programs[(p + below(rig, 2)) % PROGRAMS];
		programs[p].irq ^= below(rig, 4) == 0;
		if (below(rig, 10) == 0)
			programs[p].steps[below(rig, programs[p].count)] = draw_step(rig);
		left += programs[p].count + 1;
	}
	all = left;
	for (uint32_t p = 0; p < places && goes_on; p++) {
		left -= programs[p].count + 1;
		goes_on = play(rig, &programs[p], left);
	}
	CU_ASSERT(!goes_on || rig->number == all);
	settle(rig);
	CU_ASSERT(memcmp(rig->device[0].times, rig->device[1].times, sizeof rig->device[0].times) == 0);
	CU_ASSERT(memcmp(rig->device[0].order, rig->device[1].order, sizeof rig->device[0].order) == 0);
}

static void open_device(struct device *device, const struct qmac_hw *hw, uint64_t limit)
{
	const struct qmac_memo_options options = {
		.on_retire = on_retire, .context = device, .record_bytes = sizeof(uint32_t), .limit = limit,
	};

	device->hw = *hw;
	CU_ASSERT_EQUAL_FATAL(qmac_memo_create(&device->hw, &options, &device->memo, NULL), QMAC_OK);
}

/* Commands, and those of them whose time was remembered. */
struct seen {
	uint64_t commands, remembered;
};

static struct seen play_all(uint64_t limit)
{
	const struct qmac_hw hw = shipped_hw("8x8_w8");
	static struct rig rig;
	struct seen seen = {0, 0};

	memset(&rig, 0, sizeof rig);
	rig.rng = test_seed();
	for (int p = 0; p < PROGRAMS; p++)
		rig.programs[p] = draw_program(&rig);
	open_device(&rig.device[0], &hw, limit);
	open_device(&rig.device[1], &hw, 0);
	for (int i = 0; i < MINIBATCHES; i++) {
		play_minibatch(&rig);
		seen.commands += rig.number;
	}
	seen.remembered = qmac_memo_remembered(rig.device[0].memo);
	CU_ASSERT_EQUAL(qmac_memo_remembered(rig.device[1].memo), 0);
	CU_ASSERT(rig.halts > 3 && rig.rings > 3);
	for (int d = 0; d < 2; d++)
		qmac_memo_destroy(rig.device[d].memo);
	printf("(%llu of %llu remembered) ", (unsigned long long)seen.remembered,
	       (unsigned long long)seen.commands);
	return seen;
}

static void test_times(void)
{
	struct seen seen = play_all(UINT64_C(64) << 20);

	CU_ASSERT(seen.remembered > seen.commands / 5);
	CU_ASSERT(seen.remembered < seen.commands);
}

/* The tree is emptied again and again. */
static void test_bound(void)
{
	struct seen seen = play_all(50000);

	CU_ASSERT(seen.remembered > seen.commands / 50);
	CU_ASSERT(seen.remembered < seen.commands / 2);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"the same times and counters", test_times},
		{"the same with little memory", test_bound},
	};

	return test_main("test_memo", cases, (int)(sizeof cases / sizeof cases[0]));
}
