/*
 * What a command wrote, as a digest (docs/command-set.md).
 */
#include "device/internal.h"
#include "num/fixed.h"

void qmac_device_digest_operands(struct qmac_unit *unit, unsigned space, uint32_t row)
{
	int lanes, bits;
	const int16_t *operands = qmac_device_operands(unit->device, space, row, &lanes, &bits);

	for (int j = 0; j < lanes; j++)
		qmac_device_digest(unit, space, row, (uint64_t)j,
		                   (uint64_t)qmac_zero_extend((uint64_t)operands[j], bits));
}

void qmac_device_digest_acc(struct qmac_unit *unit, uint32_t row, uint32_t first, uint32_t lanes)
{
	const int64_t *acc = qmac_device_acc(unit->device, row);

	for (uint32_t j = first; j < first + lanes; j++)
		qmac_device_digest(unit, QMAC_SPACE_ACC, row, j, (uint64_t)acc[j]);
}
