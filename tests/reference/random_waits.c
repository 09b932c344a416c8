#include "reference/random_waits.h"

#include "test.h"

void random_waits_thin(uint64_t *rng, struct qmac_command *command, uint64_t keep)
{
	uint32_t *counts[3] = {&command->wait_load, &command->wait_exec, &command->wait_store};

	for (unsigned e = 0; e < 3; e++) {
		if (!(command->wait_mask >> e & 1) || test_random(rng) % 16 < keep)
			continue;
		/* Above 2^15 stand counts before the first command. */
		if (test_random(rng) % 2 || *counts[e] < 3 || *counts[e] >= 0x8000) {
			*counts[e] = 0;
			command->wait_mask &= ~(1U << e);
		} else {
			*counts[e] -= 1 + (uint32_t)(test_random(rng) % 3);
		}
	}
}

void random_waits_mend(const struct qmac_race *race, struct qmac_command *commands)
{
	struct qmac_command *c = &commands[race->command[1]];
	uint32_t *counts[3] = {&c->wait_load, &c->wait_exec, &c->wait_store};

	c->wait_mask |= 1U << race->engine[0];
	*counts[race->engine[0]] = race->wait_count;
}

void random_waits_few(uint64_t *rng, const struct qmac_hw *hw, struct qmac_command *commands, uint32_t count)
{
	uint64_t keep = test_random(rng) % 17;
	enum qmac_status status;
	struct qmac_race race;

	for (uint32_t i = 0; i < count; i++)
		random_waits_thin(rng, &commands[i], keep);
	while ((status = qmac_race_check(hw, commands, count, &race, NULL)) == QMAC_CHECK_FAILED)
		random_waits_mend(&race, commands);
	CU_ASSERT_EQUAL(status, QMAC_OK);
}
