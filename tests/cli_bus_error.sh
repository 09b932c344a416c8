# cli_bus_error.sh: what becomes of a bus error: libraries of the RTL that cause one, in the place of real
# ones. cli_build.sh reads this file.
# shellcheck shell=sh disable=SC2154,SC2034

# A device that does nothing but map a file that is too short, as its waves.
cat > bus.c <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"

struct qmac_rtl_device {
	struct qmac_rtl_inputs in;
	struct qmac_rtl_outputs out;
};

static struct qmac_rtl_device device;

static struct qmac_rtl_device *create(uint32_t init)
{
	(void)init;
	return &device;
}

static int trace_open(struct qmac_rtl_device *d, const char *file)
{
	char beside[4200];
	volatile char *page;
	int short_file;

	(void)d;
	snprintf(beside, sizeof beside, "%s.hier", file);
	close(open(file, O_WRONLY | O_CREAT, 0666));
	short_file = open(beside, O_RDWR | O_CREAT, 0666);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, short_file, 0);
	page[0] = 1;
	return 1;
}

const struct qmac_rtl_table qmac_rtl_table = {
	.version = QMAC_RTL_VERSION, .can_trace = 1, .create = create, .trace_open = trace_open,
};
END
# Its end, which the loader writes to, will be missing.
cat > short.c <<'END'
static int target;
int *table[1 << 17] = {[0 ... (1 << 17) - 1] = &target};
END

# The sanitizers have a handler of their own, which comes first.
bus_error() {
	ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_sigbus=0" "$qmac" replay t.trace "$@" > out 2> err
	status=$?
	ok "bus error, $*: exit status $status" test $status -eq 2
	ok "bus error, $*: one line of error, no output" test "$(wc -l < err)" -eq 1 -a ! -s out
}

if command -v cc >/dev/null 2>&1; then
	export QMAC_CACHE="$work/bus"
	run 2 replay t.trace --backend rtl --wave w.fst
	library=bus/rtl/$(ls bus/rtl)
	cc -shared -fPIC -I"$root/rtl/sim" bus.c -o "$library"
	seal "$library"
	bus_error --backend rtl --wave w.fst
	says err 'qmac: bus error while waves were written: .* disk is full, that of w.fst or .*'
	ok 'half-written waves are removed' absent w.fst
	ok 'nor is anything left beside them' absent w.fst.hier
	cc -shared -fPIC short.c -o whole.so
	head -c 600000 whole.so > "$library"
	seal "$library"
	echo earlier > w.fst
	bus_error --backend rtl --wave w.fst
	says err 'qmac: bus error: a library in the cache of simulations may be damaged .*'
	ok 'earlier waves stay' same "$(cat w.fst)" earlier
else
	skipped=$((skipped + 10))
fi
