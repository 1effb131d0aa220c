/* SPDX-License-Identifier: MIT
 * Inside the report: what it says is written once, through a form that knows how HTML, Markdown or
 * TeX says it. A new format is one form and one row in report.c.
 */
#ifndef PB_REPORT_H
#define PB_REPORT_H

#include "base/buf.h"
#include "probe/report.h"
#include "probe/summary.h"

#define PB_REPORT_COLUMNS 8

/* One figure in a table. */
struct pb_report_field {
	char text[80];  /* "204.9 ±1.5" */
	char aside[24]; /* "33%"; "" = none */
	char label[64]; /* the phases that one figure covers; "" = its column says it */
	unsigned span;  /* columns; 0 = 1 */
};

enum pb_report_row_kind {
	PB_ROW_FIGURES,
	PB_ROW_GROUP,  /* message heads the rows below */
	PB_ROW_MISSING /* the first field, then message over all other columns */
};

struct pb_report_row {
	enum pb_report_row_kind kind;
	struct pb_report_field fields[PB_REPORT_COLUMNS];
	char *message;
};

struct pb_report_table {
	const char *heads[PB_REPORT_COLUMNS];
	size_t columns;
	unsigned left; /* bit mask of the columns set at the left; the first always is */
	bool prose;    /* its rows are sentences, which wrap */
	struct pb_report_row *rows;
	size_t count, capacity;
	bool oom;
};

/* A new row; NULL when out of memory, which the table remembers. */
struct pb_report_row *pb_report_row(struct pb_report_table *table, enum pb_report_row_kind kind);
/* A row's message from one text or two, the second after a colon. */
void pb_report_message(struct pb_report_table *table, struct pb_report_row *row, const char *text,
		       const char *more);
void pb_report_table_fini(struct pb_report_table *table);

enum pb_report_block {
	PB_PARAGRAPH,
	PB_LIST,
	PB_ITEM, /* of a list */
	PB_NOTE, /* a paragraph in small print */
};

/* How one format writes. Texts come as the run has them; escaping is the form's business. */
struct pb_report_form {
	const char *suffixes[3]; /* of reports; NULL-terminated */
	const char *figure_suffix;
	void (*begin)(struct pb_buf *out, const char *title);
	void (*end)(struct pb_buf *out);
	void (*heading)(struct pb_buf *out, unsigned level, const char *text); /* from 1 */
	void (*open)(struct pb_buf *out, enum pb_report_block block);
	void (*close)(struct pb_buf *out, enum pb_report_block block);
	/* What is folded away until it is asked for, or a section of its own. */
	void (*details)(struct pb_buf *out, const char *title);
	void (*end_details)(struct pb_buf *out);
	void (*text)(struct pb_buf *out, const char *text);
	void (*strong)(struct pb_buf *out, const char *text);
	void (*code)(struct pb_buf *out, const char *text);
	void (*listing)(struct pb_buf *out, const char *lines); /* as it is, line by line */
	void (*table)(struct pb_buf *out, const struct pb_report_table *table);
	/* number counts the figures of the whole report from 1. */
	void (*figure)(struct pb_buf *out, const struct probe_report_figure *figure,
		       unsigned number);
};

extern const struct pb_report_form pb_report_html, pb_report_markdown, pb_report_tex;

/* NULL for what is no format. */
const struct pb_report_form *pb_report_form_of(enum probe_report_format format);

/* What writes the sections of one run. */
struct pb_report {
	const struct pb_report_form *form;
	struct pb_buf *out;
	const struct probe_report *whole;
	const struct probe_report_part *part;
	const struct probe_run *run;
	struct probe_scale scale;
	unsigned level;   /* of the sections' headings */
	unsigned figures; /* written so far, in the whole report */
};

void pb_report_summary(struct pb_report *r);
void pb_report_figures(struct pb_report *r);
void pb_report_breakdown(struct pb_report *r);
void pb_report_slopes(struct pb_report *r);
void pb_report_tails(struct pb_report *r);
void pb_report_methods(struct pb_report *r);
void pb_report_interpreters(struct pb_report *r);
void pb_report_builds(struct pb_report *r);
void pb_report_remarks(struct pb_report *r);
void pb_report_commands(struct pb_report *r);

/* Text in the middle of a paragraph, as printf() would have it. */
void pb_report_say(struct pb_report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A paragraph (or a note, or an item) of plain text. */
void pb_report_block(struct pb_report *r, enum pb_report_block block, const char *text);

/* The engine that a row shows; NULL where the cell was not measured. */
const struct probe_engine *pb_report_engine(const struct probe_cell *cell);

/* One line without control characters or colours; blanks at either end stay, as one each. */
void pb_report_clean(struct pb_buf *out, const char *text);
/* The next character of UTF-8, 0 at the end; what is no UTF-8 and what no document may hold comes
 * as U+FFFD. */
unsigned long pb_report_next(const char **text);
/* The other way. */
void pb_report_put(struct pb_buf *out, unsigned long character);
/* A drawing by gnuplot for inclusion in a page: no prologue, titles, scripts or links, names made
 * unique by number, and the caption as what it is called. */
void pb_report_svg(struct pb_buf *out, const char *svg, unsigned number, const char *caption);

#endif
