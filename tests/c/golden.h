/* SPDX-License-Identifier: MIT
 * Comparing text with a file of tests/golden. PROBE_UPDATE_GOLDEN=1 writes the file instead: look
 * at the difference before it is committed.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For what returns the text of open_memstream(): inlined, GCC 12 takes it for a pointer into a
 * frame that is gone. */
#define NOT_INLINED __attribute__((noinline))

/* Tests run in the repository's root; PROBE_GOLDEN names the folder where they do not. */
static inline void golden_check(const char *name, const char *text)
{
	const char *folder = getenv("PROBE_GOLDEN") ? getenv("PROBE_GOLDEN") : "tests/golden";
	char path[512], *wanted = calloc(1, 1 << 18);
	size_t line = 1, i = 0;
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (getenv("PROBE_UPDATE_GOLDEN")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	file = fopen(path, "r");
	if (!file)
		fail_msg("no %s: run this in the repository's root", path);
	else
		wanted[fread(wanted, 1, (1 << 18) - 1, file)] = '\0';
	if (file)
		fclose(file);
	for (; text[i] && text[i] == wanted[i]; i++)
		line += text[i] == '\n';
	if (text[i] != wanted[i]) {
		size_t start = i;

		while (start && text[start - 1] != '\n')
			start--;
		print_error("%s, line %zu\n wanted: %.*s\n found:  %.*s\n", path, line,
			    (int)strcspn(wanted + start, "\n"), wanted + start,
			    (int)strcspn(text + start, "\n"), text + start);
		free(wanted);
		fail();
	}
	free(wanted);
}

#endif
