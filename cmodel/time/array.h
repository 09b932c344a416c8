/*
 * Time of EXECUTE: the exact recurrence of the array, and VEC (docs/timing.md).
 */
#ifndef QMAC_TIME_ARRAY_H
#define QMAC_TIME_ARRAY_H

#include <stdint.h>

#include "hw/hw.h"
#include "isa/command.h"

/* The previous GEMM: first slot s, last output slot o, T slots, mode. */
struct qmac_array {
	uint64_t start, out, slots;
	unsigned mode;
};

/* When a GEMM leaves the queue and when it retires. */
struct qmac_array_time {
	uint64_t load, retire;
};

/* A GEMM of `slots` iterations and k rows, offered in cycle `arrival`. */
struct qmac_array_time qmac_array_gemm(struct qmac_array *array, const struct qmac_hw *hw, unsigned mode,
                                       uint64_t slots, uint64_t k, uint64_t arrival);

/* Cycles of a VEC from start to retire. */
uint64_t qmac_vec_cycles(const struct qmac_hw *hw, const struct qmac_command *command);

#endif
