// The C interface of unit.h around a Verilated module.
#include "unit.h"

#include "Vunit.h"

struct unit {
	Vunit module;
};

struct unit *unit_create(void)
{
	struct unit *unit = new struct unit;

	unit->module.clk_i = 0;
	for (int i = 0; i < UNIT_WORDS; i++)
		unit->module.in_i[i] = 0;
	unit->module.eval();
	return unit;
}

void unit_destroy(struct unit *unit)
{
	if (unit)
		unit->module.final();
	delete unit;
}

void unit_set(struct unit *unit, int word, uint32_t value)
{
	unit->module.in_i[word] = value;
}

uint32_t unit_get(struct unit *unit, int word)
{
	return unit->module.out_o[word];
}

void unit_settle(struct unit *unit)
{
	unit->module.eval();
}

void unit_clock(struct unit *unit)
{
	unit->module.clk_i = 1;
	unit->module.eval();
	unit->module.clk_i = 0;
	unit->module.eval();
}

// Verilator asks for the simulation time; there is none but the clock.
double sc_time_stamp()
{
	return 0;
}
