/* SPDX-License-Identifier: MIT
 * Columns of text for the terminal: measured first, printed after, never wider than GRID_WIDTH.
 */
#ifndef PROBE_GRID_H
#define PROBE_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define GRID_WIDTH   100
#define GRID_COLUMNS 14
#define GRID_TEXT    48

enum grid_align { GRID_BY_COLUMN, GRID_LEFT, GRID_RIGHT, GRID_BRACKET };

struct grid_row {
	char text[GRID_COLUMNS][GRID_TEXT];
	int span[GRID_COLUMNS];              /* columns that the text takes; 0 = its own only */
	enum grid_align align[GRID_COLUMNS]; /* of a text that spans; GRID_BRACKET draws
					      * "|-- text --|" as wide as the columns */
	/* Words from column 1 on instead of texts, wrapped; NULL = none. Owned. */
	char *message;
	const char *color; /* SGR parameters such as "31"; NULL = plain */
};

/* What a table looks like: gap before each column; column 0 is set at the left, the others at the
 * right. */
struct grid_shape {
	int columns;
	int gap[GRID_COLUMNS];
	unsigned left; /* bit mask of further columns that are set at the left */
};

struct grid {
	struct grid_row *rows;
	size_t count;
	bool oom;
};

/* A new, empty row; NULL, and oom set, when out of memory. */
struct grid_row *grid_add(struct grid *grid);
void grid_fini(struct grid *grid);

/* Widens widths to the rows; returns the width of a whole line. */
int grid_measure(const struct grid *grid, const struct grid_shape *shape, int widths[GRID_COLUMNS]);
void grid_print(const struct grid *grid, const struct grid_shape *shape,
		const int widths[GRID_COLUMNS], bool color, FILE *out);

/* Prints words after a lead, wrapped to the width with a hanging indent; at most lines lines, the
 * last one ended by "..." when there is more. Control characters become blanks. */
void grid_wrap(FILE *out, const char *lead, int indent, const char *words, int lines);

/* Columns that a UTF-8 text takes, counting one for each character. */
int grid_width(const char *text);

#endif
