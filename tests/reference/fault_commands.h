/*
 * Every clause of refusal (docs/command-set.md, "What is refused") as a case: a legal command, the
 * fields that are changed, and what the check of a descriptor must say. The cases stand in fault_cases.h.
 */
#ifndef FAULT_COMMANDS_H
#define FAULT_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

#include "isa/command.h"

/* The device and the state that the cases are about. */
extern const struct qmac_hw fault_hw;
extern const struct qmac_dispatch_state fault_state;

/* Legal commands, of which each case changes a few fields. */
enum fault_base {
	LOAD_A, LOAD_W, LOAD_ACC, LOAD_LUT, STORE, WS, OS, ADD, TO_A, LOOKUP, EQUAL, AFFINE, SYNC_IRQ, FAULT_BASES
};

extern const struct qmac_command fault_bases[FAULT_BASES];

enum { FAULT_CHANGES = 6 };

struct fault_case {
	enum fault_base base;
	const char *fault; /* the code's name in isa.def */
	struct fault_change {
		int used;
		size_t offset; /* of the field in struct qmac_command */
		int64_t value;
	} changes[FAULT_CHANGES];
};

extern const struct fault_case fault_cases[];
extern const int fault_case_count;

/* The command of a case. */
void fault_command(const struct fault_case *fault_case, struct qmac_command *command);

#endif
