/* SPDX-License-Identifier: MIT
 * Made-up rows of one workload on one interpreter, and what the verdict says of them.
 */
#ifndef VERDICT_FIXTURE_H
#define VERDICT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "probe/verdict.h"
#include "run_fixture.h"

#define ON "cpython-3.13.0"

static const struct probe_scale ticks __attribute__((unused)) = {1, "ticks", false};
static const struct probe_scale ns __attribute__((unused)) = {0.5, "ns", false};

/* A binding with the three phases; each half is that of its phase, the total's is half. */
static inline struct probe_cell *binding(struct probe_run *run, const char *path, double dispatch,
					 double marshalling, double compute, double half)
{
	const struct probe_part parts[] = {
		{PROBE_MASK_DISPATCH, fixture_value(dispatch, half)},
		{PROBE_MASK_MARSHALLING, fixture_value(marshalling, half)},
		{PROBE_MASK_COMPUTE, fixture_value(compute, half)},
	};
	struct probe_cell *cell = fixture_cell(run, "f", path, ON);

	fixture_engine(&cell->ladder, parts, 3);
	cell->ladder.total.half = half;
	return cell;
}

/* A pure-Python row: total, and an empty call (absent where NaN). */
static inline struct probe_cell *python(struct probe_run *run, double total, double empty,
					double half)
{
	struct probe_cell *cell = fixture_cell(run, "f", "python", ON);

	fixture_engine(&cell->ladder, NULL, 0);
	cell->ladder.total = fixture_value(total, half);
	cell->ladder.empty_call = fixture_value(empty, half);
	if (isnan(empty))
		cell->ladder.empty_call.state = PROBE_ABSENT;
	return cell;
}

static inline struct probe_verdict *only(const struct probe_run *run)
{
	struct probe_verdict *verdicts = NULL;
	size_t n = 0;

	assert_int_equal(probe_verdict_list(run, &verdicts, &n, NULL), 0);
	assert_int_equal(n, 1);
	return verdicts;
}

static inline void assert_words(const struct probe_run *run, const struct probe_scale *scale,
				const char *const *parts)
{
	struct probe_verdict *v = only(run);
	char *words = probe_verdict_words(v, scale);

	assert_non_null(words);
	for (; *parts; parts++)
		if (!strstr(words, *parts))
			fail_msg("'%s' is not in: %s", *parts, words);
	free(words);
	probe_verdicts_free(v, 1);
}

static inline void assert_no_words(const struct probe_run *run, const char *part)
{
	struct probe_verdict *v = only(run);
	char *words = probe_verdict_words(v, &ticks);

	assert_non_null(words);
	if (strstr(words, part))
		fail_msg("'%s' is in: %s", part, words);
	free(words);
	probe_verdicts_free(v, 1);
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
