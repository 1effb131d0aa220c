/* SPDX-License-Identifier: MIT
 * How a figure looks: themes, widths and file formats.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plot.h"

const struct plot_style plot_style_default = {
	.unit = CLI_UNIT_NS,
	.theme = "light",
	.dots_per_inch = 144, /* sharp on a screen, and not large */
};

/* Formats, by suffix, and what a whole file ends with. */
static const struct {
	const char *name, *end;
} formats[] = {
	{"svg", "</svg>"},
	{"pdf", "%%EOF"},
	{"png", "IEND\xae\x42\x60\x82"},
	{"tex", "\\endgroup"},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static size_t format_row(const char *path)
{
	const char *suffix = strrchr(path, '.');
	size_t i = 0;

	while (i < FORMATS && !(suffix && !strcasecmp(suffix + 1, formats[i].name)))
		i++;
	return i;
}

const char *plot_format_of(const char *path)
{
	size_t row = format_row(path);

	return row < FORMATS ? formats[row].name : NULL;
}

bool plot_is_whole(const char *path)
{
	size_t row = format_row(path), n = 0;
	FILE *in = row < FORMATS ? fopen(path, "re") : NULL;
	char tail[64] = "";

	if (!in)
		return false;
	if (!fseek(in, -(long)sizeof tail, SEEK_END))
		n = fread(tail, 1, sizeof tail, in);
	fclose(in);
	return n && memmem(tail, n, formats[row].end, strlen(formats[row].end));
}

int plot_theme_parse(const char *text, struct plot_style *style)
{
	static const char *const themes[] = {"light", "dark", "print"};

	for (size_t i = 0; i < sizeof themes / sizeof themes[0]; i++) {
		if (!strcmp(text, themes[i])) {
			style->theme = themes[i];
			return CLI_OK;
		}
	}
	return cli_error(CLI_USAGE, "plot: --theme %s: use light, dark or print", text);
}

int plot_width_parse(const char *text, struct plot_style *style)
{
	static const struct {
		const char *name;
		double points, dots_per_inch; /* of a PNG: print's, or the very pixels asked for */
	} units[] = {
		{"mm", 72 / 25.4, 300}, {"cm", 72 / 2.54, 300}, {"in", 72, 300},
		{"pt", 1, 300},         {"px", 0.75, 96},
	};
	/* Narrower, no text fits; wider, no program shows it. */
	const double least = 60 * 72 / 25.4, most = 1000 * 72 / 25.4;
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; end != text && i < sizeof units / sizeof units[0]; i++) {
		double points = number * units[i].points;

		if (strcmp(end, units[i].name))
			continue;
		if (!(points >= least * (1 - 1e-9) && points <= most * (1 + 1e-9)))
			return cli_error(CLI_USAGE,
					 "plot: --width %s: use 60mm to 1000mm (227px to 3779px)",
					 text);
		style->width_points = points;
		style->dots_per_inch = units[i].dots_per_inch;
		return CLI_OK;
	}
	return cli_error(CLI_USAGE,
			 "plot: --width %s: give a number with its unit, as in 85mm, "
			 "178mm or 800px",
			 text);
}
