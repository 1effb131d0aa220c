/* SPDX-License-Identifier: MIT
 * Rows of calls under threads: reading how many are wanted, adding one, what grew.
 */
#include "probe/threaded.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

struct probe_threaded *probe_run_add_threaded(struct probe_run *run, const struct probe_cell *cell,
					      enum probe_callables callables, unsigned threads)
{
	struct probe_threaded row = {
		.workload = strdup(cell->workload),
		.path = strdup(cell->path),
		.interpreter = strdup(cell->interpreter),
		.callables = callables,
		.threads = threads,
		.status = PROBE_CELL_PENDING,
		.calls_per_s = NAN,
		.calls_per_s_half = NAN,
		.scaling = NAN,
		.scaling_half = NAN,
		.cores = NAN,
		.cores_half = NAN,
		.call_ns = NAN,
		.call_ns_half = NAN,
		.stamps_ns = NAN,
	};
	struct probe_threaded *more = NULL;

	if (row.workload && row.path && row.interpreter)
		more = realloc(run->threaded, (run->threaded_count + 1) * sizeof *more);
	if (!more) {
		free(row.workload);
		free(row.path);
		free(row.interpreter);
		return NULL;
	}
	run->threaded = more;
	more[run->threaded_count] = row;
	return &more[run->threaded_count++];
}

const char *probe_callables_name(enum probe_callables callables)
{
	static const char *const names[PROBE_CALLABLES_COUNT] = {"private", "shared"};
	return (unsigned)callables < PROBE_CALLABLES_COUNT ? names[callables] : "?";
}

static int wrong_counts(const char *text, const char *why, struct probe_error *err)
{
	return pb_fail(err, PROBE_EINVAL, 0,
		       "threads is '%s': %s; give numbers from 1 to %d, such as 1,2,4", text, why,
		       PROBE_MAX_THREADS);
}

static int by_size(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return x < y ? -1 : x > y;
}

int probe_thread_counts_parse(const char *text, unsigned out[PROBE_MAX_THREAD_COUNTS],
			      struct probe_error *err)
{
	unsigned counts[PROBE_MAX_THREAD_COUNTS];
	size_t n = 0;
	for (const char *at = text;; at++) {
		char *end;
		errno = 0;
		long count = isdigit((unsigned char)*at) ? strtol(at, &end, 10) : -1;
		if (count < 0 || (*end && *end != ','))
			return wrong_counts(text, "that is no list of whole numbers", err);
		if (errno || count < 1 || count > PROBE_MAX_THREADS)
			return wrong_counts(text, "a number is out of range", err);
		for (size_t i = 0; i < n; i++)
			if (counts[i] == (unsigned)count)
				return wrong_counts(text, "a number is there twice", err);
		if (n == PROBE_MAX_THREAD_COUNTS)
			return wrong_counts(text, "that is more than eight numbers", err);
		counts[n++] = (unsigned)count;
		at = end;
		if (!*at)
			break;
	}
	qsort(counts, n, sizeof *counts, by_size);
	memcpy(out, counts, n * sizeof *counts);
	return (int)n;
}

const struct probe_threaded_phase *probe_threaded_grown(const struct probe_threaded *threaded)
{
	const struct probe_threaded_phase *most = NULL;
	for (size_t i = 0; i < threaded->phase_count; i++) {
		const struct probe_threaded_phase *p = &threaded->phases[i];
		bool grew = p->grown_ns > fmax(p->grown_half_ns, 0.05 * threaded->call_ns);
		if (grew && (!most || p->grown_ns > most->grown_ns))
			most = p;
	}
	return most;
}

double probe_threaded_excess_percent(const struct probe_threaded *threaded)
{
	double sum = 0;
	for (size_t i = 0; i < threaded->phase_count; i++)
		sum += threaded->phases[i].ns;
	return threaded->phase_count && threaded->call_ns > 0
		       ? 100 * (sum - threaded->call_ns) / threaded->call_ns
		       : (double)NAN;
}
