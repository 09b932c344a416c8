/*
 * Plots: what is drawn where an axis has no place for it, names that are not text, and why there is no plot.
 * A gnuplot of our own, in a folder of its own, keeps the script that it gets, or fails in some way.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/text.h"
#include "report/plot.h"
#include "test.h"

static char warning[512];

/* Draws with the gnuplots of that search path; NULL: the real one. */
static bool draw(const char *search_path, const struct qmac_plot *plot)
{
	char old[4096];
	bool drawn;

	snprintf(old, sizeof old, "%s", getenv("PATH"));
	if (search_path)
		setenv("PATH", search_path, 1);
	drawn = qmac_plot_write(plot, test_folder(), "plot.svg", warning, sizeof warning);
	setenv("PATH", old, 1);
	return drawn;
}

/* The folder of a gnuplot with that text. */
static const char *make_gnuplot(const char *text, unsigned mode)
{
	static char folder[512];

	snprintf(folder, sizeof folder, "%s", test_path("bin"));
	mkdir(folder, 0777);
	test_write("bin/gnuplot", text);
	CU_ASSERT_EQUAL(chmod(test_path("bin/gnuplot"), mode), 0);
	return folder;
}

/* One that leaves its script in the file `script` of the test folder. */
static const char *make_listener(void)
{
	char text[1200];

	snprintf(text, sizeof text, "#!/bin/sh\nPATH=/usr/bin:/bin\ncat > '%s'\n"
	         "echo '<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>'\n", test_path("script"));
	return make_gnuplot(text, 0755);
}

static bool has_gnuplot(void)
{
	if (system("command -v gnuplot >/dev/null") == 0)
		return true;
	test_skip("gnuplot is not installed");
	return false;
}

/* ---- edges ------------------------------------------------------------------------- */

static const char *script_of(const struct qmac_plot *plot)
{
	CU_ASSERT_TRUE(draw(make_listener(), plot));
	return test_text("script");
}

static void test_zero(void)
{
	static const double falling[] = {1, 100, 2, .5, 3, 0, 4, 0}, other[] = {1, .002, 0, .003};
	static const double flat[] = {1, 0};
	static const struct qmac_series series[] = {
		{.title = "a", .points = falling, .point_count = 4},
		{.title = "b", .points = other, .point_count = 2},
		{.title = "c", .points = flat, .point_count = 1},
	};
	struct qmac_plot plot = {.x = "x", .y = "y", .log_y = true, .series = series, .series_count = 2};
	const char *script = script_of(&plot);

	/* The line goes down to the edge, a decade below .002, and has marks there. */
	CU_ASSERT_PTR_NOT_NULL(strstr(script, "\n$d0 << EOD\n1 100\n2 0.5\n3 0.0001\n4 0.0001\nEOD\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(script, "\n$edge << EOD\n3 0.0001\n4 0.0001\nEOD\n"));
	CU_ASSERT(strstr(script, "\nset yrange [0.0001:*]\n") && !strstr(script, "xrange"));
	CU_ASSERT_PTR_NOT_NULL(strstr(script, ", $edge using 1:2 with points"));
	/* The other axis, too. */
	plot.log_x = true;
	script = script_of(&plot);
	CU_ASSERT(strstr(script, "\nset xrange [0.1:*]\n") && strstr(script, "\n0.1 0.003\nEOD\n"));
	/* Nothing but 0. */
	plot.log_x = false;
	plot.series = &series[2];
	plot.series_count = 1;
	CU_ASSERT_PTR_NOT_NULL(strstr(script_of(&plot), "\n$edge << EOD\n1 0.1\nEOD\n"));
	if (has_gnuplot()) {
		CU_ASSERT_TRUE(draw(NULL, &plot));
		CU_ASSERT_PTR_NOT_NULL(strstr(test_text("plot.svg"), "0 or less, at the edge"));
	}
	/* Without a logarithm 0 is a number, and without 0 there is no edge. */
	plot.log_y = false;
	CU_ASSERT_PTR_NULL(strstr(script_of(&plot), "$edge"));
	plot.log_y = true;
	plot.series = &(const struct qmac_series){.title = "a", .points = falling, .point_count = 2};
	script = script_of(&plot);
	CU_ASSERT(!strstr(script, "$edge") && !strstr(script, "yrange"));
}

/* ---- names --------------------------------------------------------------------------- */

static void test_names(void)
{
	static const double points[] = {1, 2, 3, 4};
	static const struct qmac_series series = {
		.title = "it's ]]> <b> & \xff\x1b[2J\xe2\x80\xae", .points = points, .point_count = 2,
	};
	const struct qmac_plot plot = {
		.title = "Gr\xc3\xbc\xc3\x9f" "e \xc2\x9b\nset output '/dev/null'", .x = "x\xc3", .y = "y",
		.series = &series, .series_count = 1,
	};
	const char *text;

	if (!has_gnuplot())
		return;
	CU_ASSERT_TRUE(draw(NULL, &plot));
	text = test_text("plot.svg");
	CU_ASSERT_TRUE(qmac_text_is_utf8(text));
	for (const char *c = text; *c; c++)
		CU_ASSERT((unsigned char)*c >= 0x20 || *c == '\n' || *c == '\t');
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "&lt;b> &amp; \\xFF\\x1B[2J\\u202E"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "Gr\xc3\xbc\xc3\x9f" "e \\x9B\\x0Aset output"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "x\\xC3"));
	CU_ASSERT_PTR_NULL(strstr(text, "]]>")); /* which XML has no place for */
}

/* ---- reasons ------------------------------------------------------------------------- */

static void expect_none(const char *search_path, const char *reason)
{
	static const double points[] = {1, 2, 3, 4};
	static const struct qmac_series series = {.title = "a", .points = points, .point_count = 2};
	const struct qmac_plot plot = {.x = "x", .y = "y", .series = &series, .series_count = 1};

	CU_ASSERT_FALSE(draw(search_path, &plot));
	CU_ASSERT_STRING_EQUAL(warning, reason);
	CU_ASSERT(access(test_path("plot.svg.tmp"), F_OK) != 0);
}

static void test_reasons(void)
{
	char reason[128];

	expect_none(test_path("nowhere"), "no plot: gnuplot is not installed (Debian package gnuplot-nox)");
	/* The loader's status is that of a shell which finds no program. */
	expect_none(make_gnuplot("#!/bin/sh\necho 'gnuplot: error while loading shared libraries: libx.so' >&2\n"
	                         "exit 127\n", 0755),
	            "no plot: gnuplot failed with exit status 127: gnuplot: error while loading shared "
	            "libraries: libx.so");
	expect_none(make_gnuplot("#!/bin/sh\necho >&2\necho '  ^' >&2\necho 'line 3: undefined' >&2\nexit 1\n",
	                         0755),
	            "no plot: gnuplot failed with exit status 1: line 3: undefined");
	expect_none(make_gnuplot("#!/bin/sh\nkill -9 $$\n", 0755), "no plot: gnuplot was ended by signal 9");
	snprintf(reason, sizeof reason, "no plot: cannot run gnuplot: %s", strerror(ENOENT));
	expect_none(make_gnuplot("#!/nowhere/sh\n", 0755), reason);
	snprintf(reason, sizeof reason, "no plot: cannot run gnuplot: %s", strerror(EACCES));
	expect_none(make_gnuplot("#!/bin/sh\n", 0644), reason);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"what a logarithmic axis has no place for is at its edge", test_zero},
		{"names of any bytes", test_names},
		{"why there is no plot", test_reasons},
	};

	return test_main("test_plot", cases, TEST_COUNT(cases));
}
