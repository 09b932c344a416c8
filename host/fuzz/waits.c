#include "fuzz/waits.h"

#include "fuzz/random.h"

void qmac_fuzz_waits_thin(uint64_t *rng, struct qmac_command *command, uint64_t keep)
{
	uint32_t *counts[3] = {&command->wait_load, &command->wait_exec, &command->wait_store};

	for (unsigned e = 0; e < 3; e++) {
		if (!(command->wait_mask >> e & 1) || qmac_fuzz_random(rng) % 16 < keep)
			continue;
		/* Above 2^15 stand counts before the first command. */
		if (qmac_fuzz_random(rng) % 2 || *counts[e] < 3 || *counts[e] >= 0x8000) {
			*counts[e] = 0;
			command->wait_mask &= ~(1U << e);
		} else {
			*counts[e] -= 1 + (uint32_t)(qmac_fuzz_random(rng) % 3);
		}
	}
}

void qmac_fuzz_waits_add(const struct qmac_race *race, struct qmac_command *commands)
{
	struct qmac_command *c = &commands[race->command[1]];
	uint32_t *counts[3] = {&c->wait_load, &c->wait_exec, &c->wait_store};

	c->wait_mask |= 1U << race->engine[0];
	*counts[race->engine[0]] = race->wait_count;
}

enum qmac_status qmac_fuzz_waits_mend(const struct qmac_hw *hw, struct qmac_command *commands,
                                      uint32_t count, struct qmac_error *err)
{
	uint32_t checked = 0;

	/* The first race is reported, so a prefix that is race-free stays so: whole programs are checked last. */
	while (checked < count) {
		uint32_t more = checked + 16 < count ? checked + 16 : count;
		struct qmac_race race;
		struct qmac_error found;
		enum qmac_status status = qmac_race_check(hw, commands, more, &race, &found);

		if (!status)
			checked = more;
		else if (status == QMAC_CHECK_FAILED)
			qmac_fuzz_waits_add(&race, commands);
		else
			return qmac_fail(err, status, "%s", found.message);
	}
	return QMAC_OK;
}

enum qmac_status qmac_fuzz_waits_few(uint64_t *rng, const struct qmac_hw *hw, struct qmac_command *commands,
                                     uint32_t count, struct qmac_error *err)
{
	uint64_t keep = qmac_fuzz_random(rng) % 17;

	for (uint32_t i = 0; i < count; i++)
		qmac_fuzz_waits_thin(rng, &commands[i], keep);
	return qmac_fuzz_waits_mend(hw, commands, count, err);
}
