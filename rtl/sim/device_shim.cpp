// The table of device.h around the Verilated device.
#include "device.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "Vdevice.h"
#include "verilated.h"

#ifdef QMAC_RTL_TRACE
#include "verilated_fst_c.h"
#endif

// What the runtime of the thread said last. An assertion speaks in two steps: what failed, then that it
// stops the simulation; the first is worth keeping.
static thread_local char said[512];

int qmac_rtl_print(const char *format, ...)
{
	char text[sizeof said];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!strstr(text, "Verilog $stop"))
		memcpy(said, text, sizeof said);
	return length;
}

struct qmac_rtl_device {
	VerilatedContext context;
	std::unique_ptr<Vdevice> module;
	qmac_rtl_inputs in;
	qmac_rtl_outputs out;
	char failure[sizeof said];
#ifdef QMAC_RTL_TRACE
	std::unique_ptr<VerilatedFstC> trace;
#endif
};

// Ports up to 32, up to 64 and above 64 bits have three kinds of type.
static void put(IData &port, const uint32_t *words)
{
	port = words[0];
}

static void put(QData &port, const uint32_t *words)
{
	port = words[0] | static_cast<QData>(words[1]) << 32;
}

template <std::size_t N> static void put(VlWide<N> &port, const uint32_t *words)
{
	memcpy(port.data(), words, N * sizeof(uint32_t));
}

static void get(uint32_t *words, IData port)
{
	words[0] = port;
}

static void get(uint32_t *words, QData port)
{
	words[0] = static_cast<uint32_t>(port);
	words[1] = static_cast<uint32_t>(port >> 32);
}

template <std::size_t N> static void get(uint32_t *words, const VlWide<N> &port)
{
	memcpy(words, port.data(), N * sizeof(uint32_t));
}

// The library keeps one context for a thread: with several devices it must be told which one is at work.
static void enter(qmac_rtl_device *d)
{
	Verilated::threadContextp(&d->context);
}

static void evaluate(qmac_rtl_device *d)
{
	enter(d);
	d->module->eval();
	if (d->context.errorCount() && said[0]) {
		memcpy(d->failure, said, sizeof said);
		said[0] = 0;
	}
#ifdef QMAC_RTL_TRACE
	if (d->trace)
		d->trace->dump(d->context.time());
#endif
	d->context.timeInc(1);
}

static void drive(qmac_rtl_device *d)
{
	Vdevice &m = *d->module;
	const qmac_rtl_inputs &in = d->in;

	m.rst_ni = in.rst_n;
	m.hold_i = in.hold;
	m.s_awvalid_i = in.s_awvalid;
	m.s_awaddr_i = in.s_awaddr;
	m.s_wvalid_i = in.s_wvalid;
	m.s_wdata_i = in.s_wdata;
	m.s_wstrb_i = in.s_wstrb;
	m.s_bready_i = in.s_bready;
	m.s_arvalid_i = in.s_arvalid;
	m.s_araddr_i = in.s_araddr;
	m.s_rready_i = in.s_rready;
	m.m_arready_i = in.m_arready;
	m.m_rvalid_i = in.m_rvalid;
	m.m_rid_i = in.m_rid;
	m.m_rresp_i = in.m_rresp;
	m.m_rlast_i = in.m_rlast;
	if (in.m_rvalid)
		put(m.m_rdata_i, in.m_rdata);
	m.m_awready_i = in.m_awready;
	m.m_wready_i = in.m_wready;
	m.m_bvalid_i = in.m_bvalid;
	m.m_bresp_i = in.m_bresp;
}

static void observe(qmac_rtl_device *d)
{
	const Vdevice &m = *d->module;
	qmac_rtl_outputs &out = d->out;

	out.irq = m.irq_o;
	out.idle = m.idle_o;
	out.stopped = m.stopped_o;
	out.s_awready = m.s_awready_o;
	out.s_wready = m.s_wready_o;
	out.s_bvalid = m.s_bvalid_o;
	out.s_bresp = m.s_bresp_o;
	out.s_arready = m.s_arready_o;
	out.s_rvalid = m.s_rvalid_o;
	out.s_rresp = m.s_rresp_o;
	out.s_rdata = m.s_rdata_o;
	out.m_arvalid = m.m_arvalid_o;
	out.m_arid = m.m_arid_o;
	out.m_arlen = m.m_arlen_o;
	out.m_arsize = m.m_arsize_o;
	out.m_arburst = m.m_arburst_o;
	out.m_araddr = m.m_araddr_o;
	out.m_rready = m.m_rready_o;
	out.m_awvalid = m.m_awvalid_o;
	out.m_awlen = m.m_awlen_o;
	out.m_awsize = m.m_awsize_o;
	out.m_awburst = m.m_awburst_o;
	out.m_awaddr = m.m_awaddr_o;
	out.m_wvalid = m.m_wvalid_o;
	out.m_wlast = m.m_wlast_o;
	if (out.m_wvalid) {
		out.m_wstrb = m.m_wstrb_o;
		get(out.m_wdata, m.m_wdata_o);
	}
	out.m_bready = m.m_bready_o;
	out.cycle = m.cycle_o;
	out.record_valid = m.record_valid_o;
	for (int e = 0; e < QMAC_RTL_ENGINES; e++)
		if (out.record_valid >> e & 1)
			memcpy(out.record[e], &m.record_o[static_cast<unsigned>(e * QMAC_RTL_RECORD_WORDS)],
			       sizeof out.record[e]);
}

static void settle(qmac_rtl_device *d)
{
	d->module->clk_i = d->module->core_clk_i = 0;
	drive(d);
	evaluate(d);
	observe(d);
}

static void clock(qmac_rtl_device *d, int core)
{
	d->module->clk_i = 1;
	d->module->core_clk_i = core != 0;
	evaluate(d);
}

// The runtime draws initial bits while the module is made, from a positive seed.
static qmac_rtl_device *create(uint32_t init)
{
	qmac_rtl_device *d = new (std::nothrow) qmac_rtl_device{};

	if (!d)
		return nullptr;
	d->context.fatalOnError(false);
	d->context.randReset(init ? 2 : 0);
	d->context.randSeed(static_cast<int>(init % 0x7FFFFFFF) + 1);
#ifdef QMAC_RTL_TRACE
	d->context.traceEverOn(true);
#endif
	d->module.reset(new Vdevice(&d->context));
	d->module->backdoor_clk_i = 0;
	d->module->backdoor_write_i = 0;
	d->module->backdoor_clear_i = 0;
	settle(d);
	return d;
}

static void trace_close(qmac_rtl_device *d)
{
#ifdef QMAC_RTL_TRACE
	if (d->trace)
		d->trace->close();
	d->trace.reset();
#else
	(void)d;
#endif
}

static int trace_open(qmac_rtl_device *d, const char *file)
{
#ifdef QMAC_RTL_TRACE
	FILE *probe = fopen(file, "w"); // the library does not say whether it can

	if (!probe || fclose(probe))
		return 1;
	trace_close(d);
	d->trace.reset(new VerilatedFstC);
	d->module->trace(d->trace.get(), 99);
	d->trace->open(file);
	return 0;
#else
	(void)d;
	(void)file;
	return 1;
#endif
}

static void destroy(qmac_rtl_device *d)
{
	if (!d)
		return;
	trace_close(d);
	enter(d);
	d->module->final();
	delete d;
}

static qmac_rtl_inputs *inputs(qmac_rtl_device *d)
{
	return &d->in;
}

static const qmac_rtl_outputs *outputs(qmac_rtl_device *d)
{
	return &d->out;
}

static uint64_t backdoor(qmac_rtl_device *d, int write, unsigned space, uint32_t row, uint32_t lane,
                         uint64_t value)
{
	Vdevice &m = *d->module;

	m.backdoor_write_i = write != 0;
	m.backdoor_space_i = static_cast<uint8_t>(space);
	m.backdoor_row_i = static_cast<uint16_t>(row);
	m.backdoor_lane_i = static_cast<uint8_t>(lane);
	m.backdoor_data_i = value;
	m.backdoor_clk_i = 1;
	evaluate(d);
	m.backdoor_clk_i = 0;
	m.backdoor_write_i = 0;
	evaluate(d);
	return m.backdoor_data_o;
}

static void clear(qmac_rtl_device *d, uint32_t rows)
{
	Vdevice &m = *d->module;

	m.backdoor_clear_i = 1;
	for (uint32_t row = 0; row < rows; row++)
		(void)backdoor(d, 0, 0, row, 0, 0);
	m.backdoor_clear_i = 0;
}

static int failures(qmac_rtl_device *d)
{
	return d->context.errorCount();
}

static const char *failure(qmac_rtl_device *d)
{
	return d->failure;
}

#ifdef QMAC_RTL_TRACE
enum { CAN_TRACE = 1 };
#else
enum { CAN_TRACE = 0 };
#endif

const struct qmac_rtl_table qmac_rtl_table = {
	QMAC_RTL_VERSION, CAN_TRACE, create, destroy, inputs, outputs, settle, clock, backdoor, clear, failures,
	failure, trace_open, trace_close,
};

// Older runtimes ask for the simulation time.
double sc_time_stamp()
{
	return 0;
}
