/* SPDX-License-Identifier: MIT
 * What every verb needs of the terminal: whether to colour, errors, numbers with a range.
 */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_color_parse(const char *text, enum cli_color *out)
{
	static const char *const words[] = {"auto", "always", "never"};
	for (int i = 0; i < 3; i++) {
		if (!strcmp(text, words[i])) {
			*out = (enum cli_color)i;
			return 0;
		}
	}
	return -1;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

bool cli_color_on(enum cli_color choice, FILE *stream)
{
	if (choice != CLI_COLOR_AUTO)
		return choice == CLI_COLOR_ALWAYS;
	if (is_set("NO_COLOR"))
		return false;
	if (is_set("CLICOLOR_FORCE") && strcmp(getenv("CLICOLOR_FORCE"), "0"))
		return true;
	const char *term = getenv("TERM");
	return term && strcmp(term, "dumb") && isatty(fileno(stream));
}

int cli_error(enum cli_exit code, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL, *visible;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	/* It may quote a name or a file. */
	visible = text ? probe_text_visible(text) : NULL;
	fprintf(stderr, "probe: %s\n", visible ? visible : "out of memory");
	free(visible);
	free(text);
	return (int)code;
}

int cli_parse_long(const char *option, const char *text, long min, long max, long *out)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (end == text || *end || errno || value < min || value > max) {
		cli_error(CLI_USAGE, "%s: '%s' is not a whole number from %ld to %ld", option, text,
			  min, max);
		return -1;
	}
	*out = value;
	return 0;
}

int cli_parse_double(const char *option, const char *text, double min, double max, double *out)
{
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (end == text || *end || errno || !(value >= min && value <= max)) {
		cli_error(CLI_USAGE, "%s: '%s' is not a number from %g to %g", option, text, min,
			  max);
		return -1;
	}
	*out = value;
	return 0;
}
