#include "report/picture.h"

#include <errno.h>
#include <string.h>

#include "config/text.h"
#include "report/gnuplot.h"

void qmac_picture_begin(FILE *out, int width, int height)
{
	fprintf(out, "set encoding utf8\nset terminal svg noenhanced size %d,%d dynamic font 'sans,13'"
	        " background 'white'\n", width, height);
}

/*
 * Text between gnuplot's single quotes, in which nothing but the quote itself is special. Of what XML has no
 * place for, gnuplot knows '&' and '<' only; names may be no UTF-8.
 */
void qmac_picture_quote(FILE *out, const char *text)
{
	char shown[4096];

	fputc('\'', out);
	for (const char *c = qmac_text_show(text, shown, sizeof shown); *c; c++) {
		if (*c == '\'')
			fputc('\'', out);
		if (strncmp(c, "]]>", 3) == 0)
			fputs("] ", out);
		else
			fputc(*c, out);
	}
	fputc('\'', out);
}

static void refuse_script(char *warning, size_t warning_size)
{
	snprintf(warning, warning_size, "no plot: cannot write gnuplot's script: %s", strerror(errno));
}

static bool write_script(qmac_picture_script *write, const void *of, FILE *script, char *warning,
                         size_t warning_size)
{
	if (!write(script, of, warning, warning_size))
		return false;
	/* An earlier write error set the stream's mark; its reason is the one most likely. */
	errno = ferror(script) ? ENOSPC : 0;
	if (!errno && !fflush(script) && !fseek(script, 0, SEEK_SET))
		return true;
	refuse_script(warning, warning_size);
	return false;
}

bool qmac_picture_draw(qmac_picture_script *write, const void *of, const char *folder, const char *name,
                       struct qmac_atomic_file *picture, char *warning, size_t warning_size)
{
	struct qmac_error err;
	FILE *script = tmpfile();
	bool ok = false;

	*picture = (struct qmac_atomic_file){0};
	if (!script)
		refuse_script(warning, warning_size);
	if (!script || !write_script(write, of, script, warning, warning_size))
		goto out;
	if (qmac_atomic_open(picture, folder, name, &err)) {
		snprintf(warning, warning_size, "no plot: %s", err.message);
		goto out;
	}
	if (!qmac_gnuplot_run(script, picture, warning, warning_size))
		goto out;
	if (qmac_atomic_finish(picture, NULL, &err)) {
		snprintf(warning, warning_size, "no plot: %s", err.message);
		goto out;
	}
	warning[0] = 0;
	ok = true;
out:
	if (!ok)
		qmac_atomic_abandon(picture);
	if (script)
		fclose(script);
	return ok;
}

bool qmac_picture_write(qmac_picture_script *write, const void *of, const char *folder, const char *name,
                        char *warning, size_t warning_size)
{
	struct qmac_atomic_file picture;
	struct qmac_error err;

	if (!qmac_picture_draw(write, of, folder, name, &picture, warning, warning_size))
		return false;
	if (qmac_atomic_commit(&picture, &err)) {
		snprintf(warning, warning_size, "no plot: %s", err.message);
		return false;
	}
	return true;
}
