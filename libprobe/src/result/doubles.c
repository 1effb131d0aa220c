/* SPDX-License-Identifier: MIT
 * Finding what a run holds twice: by sorting, as a file may hold a million of each.
 */
#include "result/doubles.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "probe/threaded.h"

/* One element of a list, by which it is found. */
struct name {
	const char *texts[3];
	unsigned numbers[2];
	size_t index;
};

static int by_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	for (size_t i = 0; i < 3; i++) {
		int order = strcmp(x->texts[i] ? x->texts[i] : "", y->texts[i] ? y->texts[i] : "");

		if (order)
			return order;
	}
	for (size_t i = 0; i < 2; i++)
		if (x->numbers[i] != y->numbers[i])
			return x->numbers[i] < y->numbers[i] ? -1 : 1;
	return 0;
}

static int by_name_and_index(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = by_name(a, b);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void name_cell(const struct probe_run *run, size_t i, struct name *out)
{
	const struct probe_cell *cell = &run->cells[i];

	*out = (struct name){{cell->workload, cell->path, cell->interpreter}, {0, 0}, i};
}

static void name_threaded(const struct probe_run *run, size_t i, struct name *out)
{
	const struct probe_threaded *row = &run->threaded[i];

	*out = (struct name){{row->workload, row->path, row->interpreter},
			     {(unsigned)row->callables, row->threads},
			     i};
}

static void name_interpreter(const struct probe_run *run, size_t i, struct name *out)
{
	*out = (struct name){{run->interpreters[i].label, NULL, NULL}, {0, 0}, i};
}

static void name_sweep(const struct probe_run *run, size_t i, struct name *out)
{
	*out = (struct name){{run->sweeps[i].workload, NULL, NULL}, {0, 0}, i};
}

static int check(const struct probe_run *run, const char *list, size_t n,
		 void (*take)(const struct probe_run *, size_t, struct name *), const char *where,
		 struct probe_error *err)
{
	struct name *names = calloc(n + 1, sizeof *names);
	int rc = 0;

	if (!names)
		return pb_fail(err, PROBE_ENOMEM, 0, "can't load the run: out of memory");
	for (size_t i = 0; i < n; i++)
		take(run, i, &names[i]);
	qsort(names, n, sizeof *names, by_name_and_index);
	for (size_t i = 1; i < n && !rc; i++) {
		const struct name *x = &names[i - 1], *y = &names[i];

		if (!by_name(x, y))
			rc = pb_fail(err, PROBE_EFORMAT, 0,
				     "%s.%s[%zu] is there twice: %s[%zu] has the same %s; the "
				     "file was damaged or edited, measure again",
				     where, list, y->index, list, x->index,
				     y->texts[1] ? "workload, path and interpreter" : "name");
	}
	free(names);
	return rc;
}

int pb_refuse_doubles(const struct probe_run *run, const char *where, struct probe_error *err)
{
	int rc = check(run, "cells", run->cell_count, name_cell, where, err);

	if (!rc)
		rc = check(run, "threaded", run->threaded_count, name_threaded, where, err);
	if (!rc)
		rc = check(run, "interpreters", run->interpreter_count, name_interpreter, where,
			   err);
	if (!rc)
		rc = check(run, "sweeps", run->sweep_count, name_sweep, where, err);
	return rc;
}
