/*
 * A Verilog module under test, seen from C: 512 input bits, 512 output bits and a clock.
 *
 * The module is a small Verilog wrapper with the ports clk_i, in_i and out_o, which says how the bits
 * are spread over the ports of the unit; Verilator compiles it with the class prefix Vunit, so that
 * unit_shim.cpp serves all of them.
 */
#ifndef QMAC_RTL_SIM_UNIT_H
#define QMAC_RTL_SIM_UNIT_H

#include <stdint.h>

enum { UNIT_WORDS = 16 };

#ifdef __cplusplus
extern "C" {
#endif

struct unit;

struct unit *unit_create(void);
void unit_destroy(struct unit *unit);

/* 32-bit words 0..UNIT_WORDS-1. Inputs keep their value; outputs are those of the current cycle. */
void unit_set(struct unit *unit, int word, uint32_t value);
uint32_t unit_get(struct unit *unit, int word);

/* Outputs follow inputs without a clock edge; one rising edge, a new cycle. */
void unit_settle(struct unit *unit);
void unit_clock(struct unit *unit);

#ifdef __cplusplus
}
#endif

#endif
