/*
 * What carries out commands.
 */
#include "device/pending.h"

void qmac_unit_execute(struct qmac_unit *unit, const struct qmac_command *c)
{
	unit->outcome = (struct qmac_outcome){0};
	if (c->opcode != QMAC_OPCODE_GEMM)
		qmac_pending_before(unit, c);
	switch (c->opcode) {
	case QMAC_OPCODE_LOAD:
		qmac_device_load(unit, c);
		break;
	case QMAC_OPCODE_STORE:
		qmac_device_store(unit, c);
		break;
	case QMAC_OPCODE_GEMM:
		qmac_device_gemm(unit, c);
		break;
	case QMAC_OPCODE_VEC:
		qmac_device_vec(unit, c);
		break;
	default:
		break; /* SYNC */
	}
}
