/*
 * Commands one after the other, whatever they touch: for tests and measurements that submit by hand.
 */
#ifndef QMAC_TESTS_IN_TURN_H
#define QMAC_TESTS_IN_TURN_H

#include "driver/driver.h"

/* Submits a command that waits for everything before it. */
static inline enum qmac_status submit_in_turn(struct qmac_driver *driver, struct qmac_command command,
                                              struct qmac_error *err)
{
	uint16_t given[3];

	qmac_driver_submitted(driver, given);
	command.wait_mask = 7;
	command.wait_load = given[QMAC_ENGINE_LOAD];
	command.wait_exec = given[QMAC_ENGINE_EXECUTE];
	command.wait_store = given[QMAC_ENGINE_STORE];
	return qmac_driver_submit(driver, &command, err);
}

#endif
