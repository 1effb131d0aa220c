/* SPDX-License-Identifier: MIT
 * Columns that wrap, and the considerations of paths that they show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The command's files are no part of the library that tests link. */
#include "../../libprobe/cli/columns.c"
#include "../../libprobe/cli/grid.c"
#include "probe/catalog.h"

static char *print(const char *const *cells, size_t rows, size_t columns)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	assert_int_equal(columns_print(cells, rows, columns, out), 0);
	fclose(out);
	return text;
}

static void what_fits_stays_on_one_line(void **state)
{
	const char *const cells[] = {"PATH", "PYPY", "TYPE", "ctypes", "yes ±", "error"};
	char *text = print(cells, 2, 3);

	(void)state;
	assert_string_equal(text, "PATH    PYPY   TYPE\nctypes  yes ±  error\n");
	free(text);
}

static void long_texts_wrap_in_their_cells(void **state)
{
	const char *const cells[] = {
		"PATH",
		"A",
		"B",
		"one",
		"seven words that go on for more than half of the line, as they do here",
		"seven words that go on for more than half of the line, as they do here",
		"two",
		"",
		"last",
	};
	char *text = print(cells, 3, 3), *line = text, *two = strstr(text, "\ntwo");

	(void)state;
	for (size_t n; *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		assert_true(n <= GRID_WIDTH);
		assert_true(!n || line[n - 1] != ' ');
	}
	/* The narrow column keeps its width, and each row starts where the one before has ended. */
	assert_int_equal(strncmp(text, "PATH  A ", 8), 0);
	assert_non_null(two);
	assert_non_null(strstr(two, "last"));
	assert_true(strstr(text, "as they do here") < two);
	free(text);
}

static void a_word_wider_than_the_line_is_not_cut(void **state)
{
	char word[151];
	const char *const cells[] = {"x", word, "end"};
	char *text;

	(void)state;
	memset(word, 'w', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	text = print(cells, 1, 3);
	assert_non_null(strstr(text, word));
	assert_non_null(strstr(text, "end"));
	free(text);
}

static void write_path(const char *root, const char *name, const char *choosing)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s", root, name);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof path, "%s/%s/binding.py", root, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fclose(out);
	snprintf(path, sizeof path, "%s/%s/path.json", root, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fprintf(out, "{\"name\": \"%s\", \"summary\": \"s\", \"layers\": []%s}", name, choosing);
	fclose(out);
}

static const struct probe_listed *find(const struct probe_listed *listed, size_t n,
				       const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(listed[i].name, name))
			return &listed[i];
	fail_msg("no path %s", name);
	return NULL;
}

static void considerations_are_listed(void **state)
{
	char root[] = "/tmp/test_columns.XXXXXX", command[64];
	struct probe_listed *listed = NULL;
	const struct probe_listed *path;
	struct probe_error err = {0};
	size_t n = 0;

	(void)state;
	assert_non_null(mkdtemp(root));
	write_path(root, "full",
		   ", \"choosing\": {\"compiler_at_install\": \"Rust\", "
		   "\"one_build_for_many_versions\": true, \"pypy\": false, \"graalpy\": \"\", "
		   "\"wrong_type\": 7, \"unknown\": \"x\"}");
	write_path(root, "bare", "");
	setenv("PROBE_HOME", ".", 1);
	setenv("PROBE_BINDINGS", root, 1);
	assert_int_equal(probe_list_paths(&listed, &n, &err), 0);
	path = find(listed, n, "full");
	assert_string_equal(path->considerations[PROBE_CONSIDER_COMPILER], "Rust");
	assert_string_equal(path->considerations[PROBE_CONSIDER_ONE_BUILD], "yes");
	assert_string_equal(path->considerations[PROBE_CONSIDER_PYPY], "no");
	/* What is not said, or not in words, is absent, not "no". */
	assert_null(path->considerations[PROBE_CONSIDER_GRAALPY]);
	assert_null(path->considerations[PROBE_CONSIDER_ISOLATED]);
	assert_null(path->considerations[PROBE_CONSIDER_WRONG_TYPE]);
	path = find(listed, n, "bare");
	for (size_t i = 0; i < PROBE_CONSIDER_COUNT; i++)
		assert_null(path->considerations[i]);
	probe_listed_free(listed, n);
	assert_string_equal(probe_consideration_key(PROBE_CONSIDER_COMPILER),
			    "compiler_at_install");
	assert_string_equal(probe_consideration_key(PROBE_CONSIDER_COUNT), "?");
	snprintf(command, sizeof command, "/bin/rm -rf %s", root);
	assert_int_equal(system(command), 0);
}

/* Every path of this tree says all of it; but `direct` is no binding that one could choose. */
static void every_path_says_what_to_weigh(void **state)
{
	struct probe_listed *listed = NULL;
	struct probe_error err = {0};
	size_t n = 0;

	(void)state;
	setenv("PROBE_HOME", ".", 1);
	unsetenv("PROBE_BINDINGS");
	assert_int_equal(probe_list_paths(&listed, &n, &err), 0);
	assert_true(n >= 8);
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < PROBE_CONSIDER_COUNT; k++)
			if (!listed[i].considerations[k] && strcmp(listed[i].name, "direct") != 0)
				fail_msg("%s: path.json lacks choosing.%s", listed[i].name,
					 probe_consideration_key((enum probe_consideration)k));
	probe_listed_free(listed, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_stays_on_one_line),
		cmocka_unit_test(long_texts_wrap_in_their_cells),
		cmocka_unit_test(a_word_wider_than_the_line_is_not_cut),
		cmocka_unit_test(considerations_are_listed),
		cmocka_unit_test(every_path_says_what_to_weigh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
