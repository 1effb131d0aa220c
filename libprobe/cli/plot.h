/* SPDX-License-Identifier: MIT
 * What the files of probe plot share: kinds of figures, how they look, and drawing one.
 */
#ifndef PROBE_CLI_PLOT_H
#define PROBE_CLI_PLOT_H

#include "cli.h"

/* A kind of figure: a script in plots, and the export that it reads. */
struct plot_kind {
	const char *name;
	/* Files of plots, read one after another behind common.gp; NULL = no more. */
	const char *scripts[3];
	const char *exporter; /* NULL = of two runs */
	const char *summary;  /* one line of help */
	/* Whether the run holds what the figure shows; NULL = any run does. */
	int (*check)(const struct probe_run *run, struct probe_error *err);
};

/* plot_kinds.c */
extern const struct plot_kind plot_kinds[]; /* NULL-name terminated; the first is the default */
const struct plot_kind *plot_kind_find(const char *name);
/* The kind that shows a run best: the heatmap where there is nothing but a sweep. */
const struct plot_kind *plot_kind_for(const struct probe_run *run);

/* How a figure looks. */
struct plot_style {
	enum cli_unit unit;
	const char *theme;    /* "light", "dark", "print" */
	double width_points;  /* 0 = as wide as it needs */
	double dots_per_inch; /* of a PNG */
	const char *font;     /* NULL = sans-serif, or in LaTeX the document's */
	const char *title;    /* NULL = the kind's own; "" = none */
	bool keep;            /* leave its data and its script beside it */
};
extern const struct plot_style plot_style_default;

/* The format that the suffix of path names; NULL = none of plot_formats. */
const char *plot_format_of(const char *path);
/* Whether the file ends as one of its format does: gnuplot does not say that a disk is full. */
bool plot_is_whole(const char *path);
#define PLOT_FORMATS ".svg, .pdf, .png or .tex"

/* plot_style.c: each reports what is wrong with the text of an option and returns CLI_USAGE. */
int plot_theme_parse(const char *text, struct plot_style *style);
int plot_width_parse(const char *text, struct plot_style *style);

/* plot_choose.c: the rows that a figure shows. Lists of names, comma-separated; NULL = all. */
struct plot_choice {
	const char *paths, *workloads, *pythons;
};
/* Moves the chosen cells to the front and makes run->cell_count their number; the caller must set
 * it back before the run is freed. Returns 0, -PROBE_ENOENT (nothing is chosen), -PROBE_ENOMEM. */
int plot_choose(struct probe_run *run, const struct plot_choice *choice, struct probe_error *err);

/* plot_draw.c: draws one or, where the kind takes two, both runs; b may be NULL.
 * @note  what gnuplot has to say of a figure that it drew; "" = nothing. NULL = not wanted. */
int plot_draw(const struct probe_run *a, const struct probe_run *b, const char *path,
	      const struct plot_kind *kind, const struct plot_style *style, char *note,
	      size_t note_size, struct probe_error *err);

/* Fills err (NULL = nothing) and returns -code. */
int plot_fail(struct probe_error *err, enum probe_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
