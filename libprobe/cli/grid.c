/* SPDX-License-Identifier: MIT
 * Columns of text for the terminal.
 */
#include "grid.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_LINES 3
#define BRACKET       6 /* columns of "|- " and " -|" */

int grid_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

struct grid_row *grid_add(struct grid *grid)
{
	struct grid_row *more = realloc(grid->rows, (grid->count + 1) * sizeof *more);

	if (!more) {
		grid->oom = true;
		return NULL;
	}
	grid->rows = more;
	return memset(&grid->rows[grid->count++], 0, sizeof *more);
}

void grid_fini(struct grid *grid)
{
	for (size_t r = 0; r < grid->count; r++)
		free(grid->rows[r].message);
	free(grid->rows);
	*grid = (struct grid){0};
}

static int span_of(const struct grid_row *row, int column)
{
	return row->span[column] > 1 ? row->span[column] : 1;
}

static int span_width(const struct grid_shape *shape, const int widths[GRID_COLUMNS], int first,
		      int span)
{
	int width = widths[first];

	for (int c = first + 1; c < first + span; c++)
		width += shape->gap[c] + widths[c];
	return width;
}

/* Columns that a text of this row needs. */
static int needed(const struct grid_row *row, int column)
{
	int width = grid_width(row->text[column]);

	return width && row->align[column] == GRID_BRACKET ? width + BRACKET : width;
}

int grid_measure(const struct grid *grid, const struct grid_shape *shape, int widths[GRID_COLUMNS])
{
	/* Texts of one column first; then those that span, whose last column takes what they lack.
	 */
	for (int spanning = 0; spanning < 2; spanning++) {
		for (size_t r = 0; r < grid->count; r++) {
			const struct grid_row *row = &grid->rows[r];

			for (int c = 0; c < shape->columns; c += span_of(row, c)) {
				int span = span_of(row, c);
				int lacking = needed(row, c) - span_width(shape, widths, c, span);

				if ((span > 1) == spanning && lacking > 0)
					widths[c + span - 1] += lacking;
			}
		}
	}
	return shape->gap[0] + span_width(shape, widths, 0, shape->columns);
}

static void pad(FILE *out, int n)
{
	if (n > 0)
		fprintf(out, "%*s", n, "");
}

/* Prints text, cut to width columns and ended by ".." when it is longer; returns the number of
 * blanks at its end, which are left to the caller. */
static int put(FILE *out, const char *text, int width)
{
	size_t length = strlen(text);
	bool cut = grid_width(text) > width;
	int room = cut ? width - 2 : width;

	while (length && text[length - 1] == ' ')
		length--;
	for (size_t i = 0; i < length; i++) {
		room -= (text[i] & 0xc0) != 0x80;
		if (room < 0)
			break;
		fputc(text[i], out);
	}
	if (cut)
		fputs("..", out);
	return (int)(strlen(text) - length);
}

static void dashes(FILE *out, int n)
{
	while (n-- > 0)
		fputc('-', out);
}

static void put_bracket(FILE *out, const char *text, int width)
{
	int fill = width - grid_width(text) - 4;

	fputc('|', out);
	dashes(out, fill / 2);
	fprintf(out, " %s ", text);
	dashes(out, fill - fill / 2);
	fputc('|', out);
}

/* Blanks are held back until something follows them, so that no line ends in blanks. */
static void print_texts(const struct grid_row *row, const struct grid_shape *shape,
			const int widths[GRID_COLUMNS], FILE *out)
{
	int blanks = 0;

	for (int c = 0; c < shape->columns; c += span_of(row, c)) {
		int width = span_width(shape, widths, c, span_of(row, c));
		int spare = width - grid_width(row->text[c]);
		bool left = c == 0 || (shape->left & (1u << c));

		if (row->align[c] != GRID_BY_COLUMN)
			left = row->align[c] == GRID_LEFT;
		blanks += shape->gap[c];
		if (!row->text[c][0]) {
			blanks += width;
			continue;
		}
		if (row->align[c] == GRID_BRACKET) {
			pad(out, blanks);
			put_bracket(out, row->text[c], width);
			blanks = 0;
			continue;
		}
		spare = spare > 0 ? spare : 0;
		pad(out, blanks + (left ? 0 : spare));
		blanks = (left ? spare : 0) + put(out, row->text[c], width);
	}
	fputc('\n', out);
}

void grid_print(const struct grid *grid, const struct grid_shape *shape,
		const int widths[GRID_COLUMNS], bool color, FILE *out)
{
	for (size_t r = 0; r < grid->count; r++) {
		const struct grid_row *row = &grid->rows[r];
		int indent = shape->gap[0] + widths[0] + shape->gap[1];

		if (color && row->color)
			fprintf(out, "\033[%sm", row->color);
		if (row->message) {
			pad(out, shape->gap[0]);
			put(out, row->text[0], widths[0]);
			pad(out, widths[0] - grid_width(row->text[0]) + shape->gap[1]);
			grid_wrap(out, "", indent, row->message, MESSAGE_LINES);
		} else {
			print_texts(row, shape, widths, out);
		}
		if (color && row->color)
			fputs("\033[0m", out);
	}
}

static bool blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

/* Blanks out the terminal's control sequences, such as the colours of a child's message. */
static void blank_sequences(char *text)
{
	for (; (text = strstr(text, "\033[")); text++) {
		size_t n = 2;

		while (text[n] >= ' ' && text[n] < '@')
			n++;
		memset(text, ' ', text[n] ? n + 1 : n);
	}
}

/* Bytes of the word at text; a word of more than width columns is broken there. */
static size_t word_bytes(const char *text, int width, int *columns)
{
	size_t n = 0;

	*columns = 0;
	for (; text[n] && !blank(text[n]); n++) {
		bool starts = (text[n] & 0xc0) != 0x80;

		if (starts && *columns == width)
			break;
		*columns += starts;
	}
	return n;
}

static const char *skip_blanks(const char *text)
{
	while (*text && blank(*text))
		text++;
	return text;
}

static void wrap(FILE *out, int indent, const char *words, int lines)
{
	int room = GRID_WIDTH - indent > 24 ? GRID_WIDTH - indent : 24;
	int at = 0, line = 1;

	words = skip_blanks(words);
	while (*words) {
		int columns;
		size_t n = word_bytes(words, room - 4, &columns);
		bool last = !*skip_blanks(words + n);
		/* In the last line " ..." must still fit after every word but the last. */
		int taken = (at ? 1 : 0) + columns + (line == lines && !last ? 4 : 0);

		if (at + taken > room && line == lines) {
			fputs(at ? " ..." : "...", out);
			break;
		}
		if (at + taken > room) {
			fprintf(out, "\n%*s", indent, "");
			line++;
			at = 0;
			continue;
		}
		fprintf(out, "%s%.*s", at ? " " : "", (int)n, words);
		at += (at ? 1 : 0) + columns;
		words = skip_blanks(words + n);
	}
	fputc('\n', out);
}

void grid_wrap(FILE *out, const char *lead, int indent, const char *words, int lines)
{
	char *copy = strdup(words);

	fputs(lead, out);
	if (copy)
		blank_sequences(copy);
	wrap(out, indent, copy ? copy : "out of memory", lines);
	free(copy);
}
