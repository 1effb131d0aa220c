/* SPDX-License-Identifier: MIT
 * A report of one or more runs, ready for a reader: the answer in words, the figures, every row of
 * the tables, how it was measured, what went wrong, and the commands that measure it again.
 */
#ifndef PROBE_REPORT_H
#define PROBE_REPORT_H

#include "probe/figures.h"
#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

enum probe_report_format {
	PROBE_REPORT_HTML,     /* one file: figures within it, no script, nothing loaded */
	PROBE_REPORT_MARKDOWN, /* GitHub's flavour; refers to figures beside it */
	PROBE_REPORT_TEX,      /* a whole document for pdflatex; includes figures beside it */
};

/* The format that a file's name asks for. Returns 0, -PROBE_EINVAL (neither .html, .htm, .md nor
 * .tex; the message names them). Threads: safe. */
PROBE_API int probe_report_format_of(const char *path, enum probe_report_format *out,
				     struct probe_error *err);
/* The suffix of the figures that this format takes: ".svg" or ".pdf". */
PROBE_API const char *probe_report_figure_suffix(enum probe_report_format format);

/* One figure of a run. */
struct probe_report_figure {
	const char *caption; /* a sentence; also what a reader hears who can't see it */
	const char *svg;     /* HTML: the drawing itself. Scripts and links in it are left out. */
	const char *file;    /* the others: the drawing's name as seen from the report's folder */
};

/* One run of the report. Everything is borrowed. */
struct probe_report_part {
	const struct probe_run *run; /* at least one cell */
	const char *source;          /* the run file's name; NULL = not said */
	const struct probe_report_figure *figures;
	size_t figure_count;
};

struct probe_report {
	const char *title;   /* NULL = made from the workloads */
	const char *command; /* that wrote this report, as typed; NULL = not said */
	enum probe_unit unit;
	const struct probe_report_part *parts;
	size_t part_count; /* >= 1 */
};

/* Writes a report, atomically.
 * Returns 0; -PROBE_EINVAL (no part, a run without cells); -PROBE_ENOENT (a run has no such unit);
 * -PROBE_ESYS (unwritable); -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_report_write(const struct probe_report *report, enum probe_report_format format,
				 const char *path, struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
