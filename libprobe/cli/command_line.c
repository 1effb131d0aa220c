/* SPDX-License-Identifier: MIT
 * The command line as text, quoted for a shell.
 */
#include "command_line.h"

#include <stdio.h>
#include <string.h>

static void print_word(FILE *out, const char *word)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_-+=.,:/@%";

	if (*word && !word[strspn(word, harmless)]) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	fputc('\'', out);
}

char *command_line_join(int argc, char **argv)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("probe", out);
	for (int i = 0; i < argc; i++) {
		fputc(' ', out);
		print_word(out, argv[i]);
	}
	fclose(out);
	return text;
}
