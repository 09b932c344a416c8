/*
 * The whole device in Verilog, seen from C: the pins of qmac_sim.sv and its two clocks.
 *
 * A shared library that rtl/sim/build.sh makes for one hardware configuration exports
 * one object, `qmac_rtl_table`. Instances are independent; each is used by one thread at
 * a time. Names of pins are those of the ports; a flag is 0 or 1.
 */
#ifndef QMAC_RTL_SIM_DEVICE_H
#define QMAC_RTL_SIM_DEVICE_H

#include <stdint.h>

enum {
	QMAC_RTL_VERSION = 3,       /* of this file */
	QMAC_RTL_BUS_WORDS = 16,    /* 32-bit words of the widest bus; a narrower one uses the first */
	QMAC_RTL_ENGINES = 4,
	QMAC_RTL_RECORD_WORDS = 16, /* of a retire record; qmac_sim.sv says what they are */
	QMAC_RTL_HOLDS = 6          /* internal streams that can be held up */
};

/* What the world drives. Everything keeps its value until it is changed. */
struct qmac_rtl_inputs {
	uint8_t rst_n, hold;
	uint8_t s_awvalid, s_wvalid, s_wstrb, s_bready, s_arvalid, s_rready;
	uint16_t s_awaddr, s_araddr;
	uint32_t s_wdata;
	uint8_t m_arready, m_rvalid, m_rid, m_rresp, m_rlast, m_awready, m_wready, m_bvalid, m_bresp;
	uint32_t m_rdata[QMAC_RTL_BUS_WORDS];
};

/* What the device drives, in the cycle that was settled last. */
struct qmac_rtl_outputs {
	uint8_t irq, idle, stopped;
	uint8_t s_awready, s_wready, s_bvalid, s_bresp, s_arready, s_rvalid, s_rresp;
	uint32_t s_rdata;
	uint8_t m_arvalid, m_arid, m_arlen, m_arsize, m_arburst, m_rready;
	uint8_t m_awvalid, m_awlen, m_awsize, m_awburst, m_wvalid, m_wlast, m_bready;
	uint64_t m_araddr, m_awaddr;
	uint64_t m_wstrb;
	uint32_t m_wdata[QMAC_RTL_BUS_WORDS];
	uint64_t cycle;
	uint8_t record_valid; /* a bit per engine; only the records of those are up to date */
	uint32_t record[QMAC_RTL_ENGINES][QMAC_RTL_RECORD_WORDS];
};

struct qmac_rtl_device;

struct qmac_rtl_table {
	uint32_t version;           /* QMAC_RTL_VERSION of the library */
	uint32_t can_trace;         /* it was built for waves */
	/*
	 * Fresh, all inputs 0 (so in reset), clocks low. `init` seeds the bits with which everything begins that
	 * reset misses, scratchpads too; 0: they are all 0. NULL where memory is short.
	 */
	struct qmac_rtl_device *(*create)(uint32_t init);
	void (*destroy)(struct qmac_rtl_device *device);
	struct qmac_rtl_inputs *(*inputs)(struct qmac_rtl_device *device);
	const struct qmac_rtl_outputs *(*outputs)(struct qmac_rtl_device *device);
	/* Lowers the clocks where they are high, applies the inputs, reads the outputs. */
	void (*settle)(struct qmac_rtl_device *device);
	/* A rising edge of clk_i, and of core_clk_i where `core`. Outputs are old until the next settle. */
	void (*clock)(struct qmac_rtl_device *device, int core);
	/*
	 * A scratchpad word as in qmac_device_peek(); where `write`, `value` takes its place. Costs no
	 * device time.
	 */
	uint64_t (*backdoor)(struct qmac_rtl_device *device, int write, unsigned space, uint32_t row,
	                     uint32_t lane, uint64_t value);
	/* The first `rows` rows of every scratchpad become zero, where it has them. Costs no device time. */
	void (*clear)(struct qmac_rtl_device *device, uint32_t rows);
	/* Assertions that failed so far, and what the last of them said. */
	int (*failures)(struct qmac_rtl_device *device);
	const char *(*failure)(struct qmac_rtl_device *device);
	/* Writes waves to an FST file until close or destroy. Non-zero: the file cannot be written. */
	int (*trace_open)(struct qmac_rtl_device *device, const char *file);
	void (*trace_close)(struct qmac_rtl_device *device);
};

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
extern const struct qmac_rtl_table qmac_rtl_table;

/* Where Verilator's runtime prints to: kept for failure(). */
int qmac_rtl_print(const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
