/*
 * Keeps the records (record.h) while commands run: of each it is told when it goes into the ring
 * (qmac_driver_watch) and when it has retired (on_retire of struct qmac_device_options).
 *
 * Elapsed cycles are shared out exactly. The latest retirement, over all engines, moves in steps; the cycles
 * of each step belong to the command whose retirement ends it. Where several commands retire in that cycle,
 * they belong to that of LOAD before EXECUTE before STORE. So they sum to the counter CYCLES.
 *
 * Backends tell of each engine's retirements in order, but not of engines among one another; a SYNC comes
 * after all commands before it. What is elapsed is therefore shared out at a SYNC behind which nothing was
 * submitted, and the records are complete when the driver has finished.
 *
 * A ledger does not own its records. It belongs to one thread; nothing is allocated after create.
 */
#ifndef QMAC_RECORD_LEDGER_H
#define QMAC_RECORD_LEDGER_H

#include "device/device.h"
#include "isa/command.h"
#include "record/record.h"

struct qmac_ledger;

/* ring_log2: of the driver; so many commands may be under way before the SYNC at which the device rests. */
QMAC_MUST_CHECK enum qmac_status qmac_ledger_create(const struct qmac_hw *hw, int ring_log2,
                                                    struct qmac_records *records,
                                                    struct qmac_ledger **ledger, struct qmac_error *err);
void qmac_ledger_destroy(struct qmac_ledger *ledger);

/*
 * From here on, layer l of a command is layer first + l of the records: the same program may run for several
 * purposes whose cost is told apart. 0 at first. Only while the device rests.
 */
void qmac_ledger_set_first_layer(struct qmac_ledger *ledger, int first);

/* The device has been reset: its cycles and command numbers begin at 0 again. */
void qmac_ledger_restart(struct qmac_ledger *ledger);

/* `ledger`: a struct qmac_ledger. For qmac_driver_watch(). */
void qmac_ledger_submit(void *ledger, const struct qmac_command *command);
void qmac_ledger_retire(struct qmac_ledger *ledger, const struct qmac_retire *record);

#endif
