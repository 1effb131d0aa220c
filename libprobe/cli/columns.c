/* SPDX-License-Identifier: MIT
 * Columns whose texts wrap inside their cells.
 */
#include "columns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"

#define GAP 2

struct column {
	int width, least; /* now; of the longest word */
};

/* Columns of the first n bytes, one a character. */
static int width_of(const char *text, size_t n)
{
	int width = 0;

	for (size_t i = 0; i < n; i++)
		width += (text[i] & 0xc0) != 0x80;
	return width;
}

static void measure(const char *text, struct column *column)
{
	int width = grid_width(text);

	if (width > column->width)
		column->width = width;
	while (*text) {
		size_t n = strcspn(text, " ");
		int word = width_of(text, n);

		if (word > column->least)
			column->least = word;
		text += n + strspn(text + n, " ");
	}
}

/* Narrows the widest of the columns that can be, until all fit. */
static void fit(struct column *columns, size_t n)
{
	int total = -GAP;

	for (size_t c = 0; c < n; c++)
		total += columns[c].width + GAP;
	while (total > GRID_WIDTH) {
		struct column *widest = NULL;

		for (size_t c = 0; c < n; c++)
			if (columns[c].width > columns[c].least &&
			    (!widest || columns[c].width > widest->width))
				widest = &columns[c];
		if (!widest)
			return;
		widest->width--;
		total--;
	}
}

/* Bytes of the words that fit into width; at least one word. */
static size_t line_bytes(const char *text, int width)
{
	size_t taken = strcspn(text, " "), next;

	for (next = taken; text[next]; taken = next) {
		next += strspn(text + next, " ");
		next += strcspn(text + next, " ");
		if (width_of(text, next) > width)
			break;
	}
	return taken;
}

/* Prints one line of a row and moves the texts on; false when all of them are at their end. */
static bool print_line(const char **rest, const struct column *columns, size_t n, FILE *out)
{
	int blanks = 0;
	bool more = false;

	for (size_t c = 0; c < n; c++) {
		size_t bytes = line_bytes(rest[c], columns[c].width);

		if (bytes) {
			fprintf(out, "%*s%.*s", blanks, "", (int)bytes, rest[c]);
			blanks = 0;
		}
		blanks += columns[c].width - width_of(rest[c], bytes) + GAP;
		rest[c] += bytes;
		rest[c] += strspn(rest[c], " ");
		more = more || *rest[c];
	}
	fputc('\n', out);
	return more;
}

int columns_print(const char *const *cells, size_t rows, size_t columns, FILE *out)
{
	struct column *shape = calloc(columns, sizeof *shape);
	const char **rest = calloc(columns, sizeof *rest);
	bool ok = shape && rest;

	for (size_t i = 0; ok && i < rows * columns; i++)
		measure(cells[i], &shape[i % columns]);
	if (ok)
		fit(shape, columns);
	for (size_t r = 0; ok && r < rows; r++) {
		memcpy(rest, &cells[r * columns], columns * sizeof *rest);
		while (print_line(rest, shape, columns, out))
			;
	}
	free(shape);
	free(rest);
	return ok ? 0 : -1;
}
