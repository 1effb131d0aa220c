/* SPDX-License-Identifier: MIT
 * Watches the noise reference for some seconds: the machine's state as a cell would meet it.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/fail.h"
#include "engine/noise.h"
#include "engine/noise_store.h"
#include "probe/machine.h"
#include "sys/cpu.h"
#include "sys/reference.h"
#include "sys/usage.h"

#define PERIOD_NS 5000000
/* After the sleep the core wakes up and its clock may ramp: run some references unrecorded. */
#define WARM_UP     10
#define SECONDS_MIN 0.05
#define SECONDS_MAX 3600.0

struct series {
	double *chain_ticks, *wide_ticks, *scratch; /* one allocation, at chain_ticks */
	size_t n, capacity;
};

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Sorts values; NaN when there are none. */
static double median(double *values, size_t n)
{
	if (!n)
		return NAN;
	qsort(values, n, sizeof *values, by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Takes one reading; a disturbed one is counted and left out. */
static int take(struct probe_counter *c, struct series *s, size_t *disturbed)
{
	struct pb_reference r;
	int status = 0;

	for (int i = 0; i < WARM_UP && !status; i++)
		status = pb_reference_measure(c, &r);
	struct pb_usage begin = pb_usage_now();
	if (!status)
		status = pb_reference_measure(c, &r);
	struct pb_usage end = pb_usage_now();
	if (status && status != -PROBE_EMULTIPLEX)
		return status;
	if (status || pb_usage_disturbed(&begin, &end)) {
		++*disturbed;
		return 0;
	}
	s->chain_ticks[s->n] = r.chain_ticks;
	s->wide_ticks[s->n++] = r.wide_ticks;
	return 0;
}

static void summarise(struct series *s, double remembered_ratio, struct probe_noise_report *out)
{
	size_t quiet = 0;
	double found = pb_noise_quietest(s->chain_ticks, s->wide_ticks, s->n, s->scratch, NULL);

	out->readings = s->n;
	out->remembered_ratio = remembered_ratio;
	out->quiet_ratio = pb_noise_choose(found, remembered_ratio);
	for (size_t i = 0; i < s->n && out->quiet_ratio > 0; i++)
		if (pb_noise_is_quiet(s->chain_ticks[i], s->wide_ticks[i], out->quiet_ratio))
			s->scratch[quiet++] = s->wide_ticks[i];
	out->quiet = quiet;
	out->quiet_share = s->n ? (double)quiet / (double)s->n : (double)NAN;
	out->quiet_wide_ticks = median(s->scratch, quiet);
	out->contended = pb_noise_contended(quiet, s->n);
	out->chain_ticks = median(s->chain_ticks, s->n);
	out->wide_ticks = median(s->wide_ticks, s->n);
	out->cycles_per_tick = out->chain_ticks > 0 ? 1 / out->chain_ticks : 0;
}

int probe_noise_watch(struct probe_counter *c, double seconds, const char *store_path,
		      const volatile int *stop, struct probe_noise_report *out,
		      struct probe_error *err)
{
	struct probe_noise_report report = {.steal_share = NAN};
	struct probe_cpu_time begin, end;
	struct series s = {0};
	char key[256];
	double remembered_ratio = 0;
	int status = 0;

	if (!(seconds >= SECONDS_MIN && seconds <= SECONDS_MAX))
		return pb_fail(err, PROBE_EINVAL, 0, "can't watch for %g s: give %g to %g seconds",
			       seconds, SECONDS_MIN, SECONDS_MAX);
	s.capacity = (size_t)(seconds * 1e9 / PERIOD_NS) + 1;
	s.chain_ticks = calloc(3 * s.capacity, sizeof *s.chain_ticks);
	if (!s.chain_ticks)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for %zu readings", s.capacity);
	s.wide_ticks = s.chain_ticks + s.capacity;
	s.scratch = s.wide_ticks + s.capacity;

	pb_cpu_key(key, sizeof key);
	if (store_path)
		(void)pb_noise_store_load(store_path, key, &remembered_ratio, NULL);
	bool have_time = probe_machine_cpu_time(&begin) == 0;
	double end_s = now_s() + seconds;
	while (!status && s.n < s.capacity && now_s() < end_s && !(stop && *stop)) {
		struct timespec rest = {.tv_nsec = PERIOD_NS};
		nanosleep(&rest, NULL); /* a signal ends it early: *stop is looked at next */
		status = take(c, &s, &report.disturbed);
	}
	if (status) {
		status = pb_fail(err, (enum probe_code) - status, 0,
				 "the counter couldn't be read while watching");
		goto out;
	}
	if (have_time && probe_machine_cpu_time(&end) == 0)
		report.steal_share = probe_machine_steal_share(&begin, &end);
	if (store_path) {
		size_t support;
		double found =
			pb_noise_quietest(s.chain_ticks, s.wide_ticks, s.n, s.scratch, &support);
		(void)pb_noise_store_update(store_path, key, found, support, NULL);
	}
	summarise(&s, remembered_ratio, &report);
	*out = report;
out:
	free(s.chain_ticks);
	return status;
}
