/* SPDX-License-Identifier: MIT
 * A team of threads that runs windows: all of them, or the first so many, from one barrier on.
 */
#include "engine/threads.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "stats/stats.h"
#include "probe/machine.h"
#include "sys/reference.h"
#include "sys/usage.h"

/* A chunk of calls lasts about so long with one thread; marks lie between chunks. */
#define CHUNK_S        100e-6
#define MAX_CHUNK      4000
#define MAX_MARKS      4096
#define CONTROL_BLOCKS 16384 /* dependent adds by the 16: about 100 us */
#define CONTROL_SHARE  0.5   /* of a window's length */
#define EMPTY_SHARE    0.25
/* A lock that is handed on every 5 ms, as CPython's, must come round within a window. */
#define THREADS_A_WINDOW 4
#define MOST_EVENTS      (UINT64_C(1) << 22) /* of all rings: 64 MiB */
#define MOST_RING_EVENTS (UINT64_C(1) << 19)

enum kind {
	PLAIN = PB_DELAY_PLAIN,
	STAMPED = PB_DELAY_STAMPED,
	CONTROL = PB_DELAY_CONTROL,
	EMPTY,
	KINDS,
};

struct team;

struct worker {
	struct team *team;
	unsigned number;
	pthread_t thread;
	struct pb_ring ring;
	struct pb_mark *marks;
	size_t mark_count;
	double waited_s; /* in begin() */
	int delay_fd;
	double delayed_s; /* in the window: ready to run, and no CPU to be had */
	bool failed;
	char why[sizeof((struct probe_error *)0)->msg];
};

struct team {
	const struct pb_threads_ops *ops;
	void *ctx;
	const struct pb_threads_config *config;
	struct worker *workers;
	unsigned started;
	size_t ring_events;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_barrier_t start;
	/* Under the mutex. */
	unsigned long turn; /* grows by one with every window */
	unsigned active, busy;
	bool quit;
	/* Of the current window. */
	enum kind kind;
	uint64_t chunk;
	double length_s;
	int cpus[PROBE_MAX_THREADS]; /* that threads are pinned to, in turn */
	unsigned cpu_count;
	double waited_s;  /* for quiet, so far */
	unsigned running; /* atomic: that have begun */
	bool stop;        /* atomic: one thread is at its end, and so all are */
};

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* --- a worker --------------------------------------------------------------------------------- */

/* Past the last place the last mark moves on, which leaves the ends right. */
static void mark(struct worker *w, double at_s, uint64_t calls)
{
	if (w->mark_count == MAX_MARKS)
		w->mark_count--;
	w->marks[w->mark_count++] = (struct pb_mark){at_s, calls};
}

static int run_chunk(struct worker *w)
{
	struct team *t = w->team;
	switch (t->kind) {
	case CONTROL:
		pb_ref_chain(CONTROL_BLOCKS);
		return 0;
	case EMPTY:
		return t->ops->run_empty(t->ctx, w->number, t->chunk);
	default:
		return t->ops->run(t->ctx, w->number, t->chunk);
	}
}

static bool ring_is_full(const struct worker *w)
{
	const struct team *t = w->team;
	uint64_t stamps =
		t->kind == STAMPED ? t->chunk * t->config->stamps->shape.stretch_count : 0;
	return w->ring.pos + stamps * sizeof *w->ring.events > w->ring.mask + 1;
}

static void run_window(struct worker *w)
{
	struct team *t = w->team;
	uint64_t calls = 0, chunk = t->kind == CONTROL ? 1 : t->chunk;
	double all_s = -1; /* since when all threads run */
	bool over = false;
	w->mark_count = 0;
	w->ring.pos = 0;
	pthread_barrier_wait(&t->start);
	double delay_s = pb_run_delay_s(w->delay_fd), begin_s = now_s(), at_s = begin_s;
	mark(w, begin_s, 0);
	__atomic_add_fetch(&t->running, 1, __ATOMIC_RELAXED);
	if (t->kind != CONTROL)
		t->ops->begin(t->ctx, w->number);
	w->waited_s = now_s() - begin_s;
	mark(w, begin_s + w->waited_s, 0);
	while (!over) {
		w->failed = w->failed || run_chunk(w);
		at_s = now_s();
		calls += chunk;
		mark(w, at_s, calls);
		if (all_s < 0 && __atomic_load_n(&t->running, __ATOMIC_RELAXED) == t->active)
			all_s = at_s;
		if (w->failed || (all_s >= 0 && at_s - all_s >= t->length_s) ||
		    (t->kind == STAMPED && ring_is_full(w)))
			__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
		over = __atomic_load_n(&t->stop, __ATOMIC_RELAXED);
	}
	w->delayed_s = pb_run_delay_s(w->delay_fd) - delay_s;
	if (t->kind != CONTROL)
		t->ops->end(t->ctx, w->number);
}

/* Tells that this worker is done with its turn. */
static void report(struct team *t)
{
	pthread_mutex_lock(&t->mutex);
	t->busy--;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->mutex);
}

/* Waits for a turn of this worker; false at the end. */
static bool next_turn(struct worker *w, unsigned long *seen)
{
	struct team *t = w->team;
	bool mine = false;
	pthread_mutex_lock(&t->mutex);
	while (!mine && !t->quit) {
		if (t->turn == *seen) {
			pthread_cond_wait(&t->changed, &t->mutex);
			continue;
		}
		*seen = t->turn;
		mine = w->number < t->active;
	}
	pthread_mutex_unlock(&t->mutex);
	return mine;
}

static bool make_ring(struct worker *w)
{
	struct probe_error err;
	if (!w->team->config->stamps)
		return true;
	if (pb_ring_attach(&w->ring, w->team->ring_events, &err)) {
		snprintf(w->why, sizeof w->why, "%s", err.msg);
		return false;
	}
	/* No page of it is to be made in the middle of a call. */
	memset(w->ring.events, 1, w->team->ring_events * sizeof *w->ring.events);
	return true;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct team *t = w->team;
	unsigned long seen = 0;
	w->delay_fd = pb_run_delay_open();
	/* Left alone, both threads of two were seen on one CPU for whole windows. */
	if (t->cpu_count)
		probe_machine_pin(t->cpus[w->number % t->cpu_count], NULL);
	bool entered = make_ring(w) && !t->ops->enter(t->ctx, w->number, w->why, sizeof w->why);
	w->failed = !entered;
	report(t);
	while (next_turn(w, &seen)) {
		run_window(w);
		report(t);
	}
	if (entered)
		t->ops->leave(t->ctx, w->number);
	pb_ring_detach(&w->ring);
	if (w->delay_fd >= 0)
		close(w->delay_fd);
	return NULL;
}

/* --- the team --------------------------------------------------------------------------------- */

static void wait_for_all(struct team *t)
{
	pthread_mutex_lock(&t->mutex);
	while (t->busy)
		pthread_cond_wait(&t->changed, &t->mutex);
	pthread_mutex_unlock(&t->mutex);
}

static int call_failed(const struct team *t, struct probe_error *err)
{
	for (unsigned i = 0; i < t->started; i++)
		if (t->workers[i].failed)
			return pb_fail(err, PROBE_ECHILD, 0, "%s",
				       t->workers[i].why[0] ? t->workers[i].why
							    : "the measured call failed");
	return 0;
}

/* One window of the first so many threads. */
static int run_threads(struct team *t, unsigned threads, enum kind kind, struct probe_error *err)
{
	const struct pb_threads_config *c = t->config;
	static const double share[KINDS] = {1, 1, CONTROL_SHARE, EMPTY_SHARE};
	if (t->ops->pause && t->ops->pause(t->ctx))
		return pb_fail(err, PROBE_EINTR, 0, "interrupted");
	if (pthread_barrier_init(&t->start, NULL, threads))
		return pb_fail(err, PROBE_ESYS, 0, "can't make a barrier of %u threads", threads);
	if (t->ops->arm)
		t->ops->arm(t->ctx, kind == STAMPED);
	t->kind = kind;
	t->stop = false;
	t->running = 0;
	t->length_s = c->window_s * share[kind];
	if (threads > THREADS_A_WINDOW && kind != CONTROL)
		t->length_s *= (double)threads / THREADS_A_WINDOW;
	pthread_mutex_lock(&t->mutex);
	t->active = t->busy = threads;
	t->turn++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->mutex);
	wait_for_all(t);
	pthread_barrier_destroy(&t->start);
	if (t->ops->arm)
		t->ops->arm(t->ctx, false);
	return call_failed(t, err);
}

static double rate_of(const struct team *t, unsigned threads)
{
	struct pb_marks marks[PROBE_MAX_THREADS];
	for (unsigned i = 0; i < threads; i++)
		marks[i] = (struct pb_marks){t->workers[i].marks, t->workers[i].mark_count};
	return pb_threads_rate(marks, threads);
}

/* Which share of the window its threads were ready to run, and others had the CPUs. */
static double delayed_of(const struct team *t, unsigned threads)
{
	double delayed_s = 0, length_s = 0;
	if (threads > t->cpu_count)
		return NAN;
	for (unsigned i = 0; i < threads; i++) {
		const struct worker *w = &t->workers[i];
		delayed_s += w->delayed_s;
		length_s += w->marks[w->mark_count - 1].at_s - w->marks[0].at_s;
	}
	return delayed_s / length_s;
}

/* Runs a window until it is not contended, or time is up. */
static int run_quietly(struct team *t, unsigned threads, enum kind kind, double *delayed,
		       struct probe_error *err)
{
	for (;;) {
		double begin_s = now_s();
		int rc = run_threads(t, threads, kind, err);
		*delayed = delayed_of(t, threads);
		if (rc || !(*delayed > PB_THREADS_DELAYED) || t->waited_s >= t->config->wait_s)
			return rc;
		t->waited_s += now_s() - begin_s;
	}
}

static uint64_t calls_of(const struct team *t, unsigned threads)
{
	uint64_t calls = 0;
	for (unsigned i = 0; i < threads; i++)
		calls += t->workers[i].marks[t->workers[i].mark_count - 1].calls;
	return calls;
}

/* Adds one thread's calls to ticks[]; returns their number. */
static uint64_t sum_stamps(const struct worker *w, const struct pb_timeline *order, double *ticks)
{
	const struct pb_event *e = w->ring.events;
	const struct probe_timeline_shape *shape = &order->shape;
	size_t n = w->ring.pos / sizeof *e, i = 0, calls = 0;
	if (w->ring.pos > w->ring.mask + 1)
		return 0;
	while (i + shape->stretch_count < n) {
		if (!pb_timeline_usual_order(order, e + i)) {
			do
				i++;
			while (i < n && e[i].id != order->events[0]);
			continue;
		}
		for (size_t k = 0; k < shape->stretch_count; k++)
			ticks[shape->part_of[k]] += (double)(e[i + k + 1].ticks - e[i + k].ticks);
		calls++;
		i += shape->stretch_count;
	}
	return calls;
}

/* Mean over the calls of all threads. A thread that waited before its first loop waited between two
 * calls, as one that is stopped in a loop does. */
static void take_stamps(const struct team *t, unsigned threads, double *parts_ns)
{
	const struct pb_threads_config *c = t->config;
	const struct probe_timeline_shape *shape = &c->stamps->shape;
	double ticks[PROBE_MAX_PARTS] = {0};
	uint64_t calls = 0;
	for (unsigned i = 0; i < threads; i++) {
		uint64_t n = sum_stamps(&t->workers[i], c->stamps, ticks);
		if (n)
			ticks[shape->part_of[shape->stretch_count - 1]] +=
				t->workers[i].waited_s * c->stamp_hz;
		calls += n;
	}
	for (size_t p = 0; calls && p < shape->part_count; p++)
		parts_ns[p] = ticks[p] / (double)calls / c->stamp_hz * 1e9;
}

static void nothing_yet(struct pb_threads_round *round)
{
	round->empty_ns = NAN;
	for (size_t i = 0; i < PROBE_MAX_THREAD_COUNTS + 1; i++) {
		round->at[i].calls_per_s = round->at[i].control_per_s = NAN;
		for (size_t d = 0; d < PB_DELAYS; d++)
			round->at[i].delayed[d] = NAN;
		for (size_t p = 0; p < PROBE_MAX_PARTS; p++)
			round->at[i].parts_ns[p] = NAN;
	}
}

static int one_window(struct team *t, unsigned which, struct pb_threads_samples *samples,
		      struct pb_threads_round *round, struct probe_error *err)
{
	enum kind kind = (enum kind)(which % KINDS);
	size_t at = which / KINDS;
	unsigned threads = samples->counts[at];
	double delayed;
	if ((kind == STAMPED && !t->config->stamps) || (kind == EMPTY && threads > 1))
		return 0;
	int rc = run_quietly(t, threads, kind, &delayed, err);
	if (rc)
		return rc;
	if (kind != EMPTY)
		round->at[at].delayed[kind] = delayed;
	if (kind == PLAIN)
		round->at[at].calls_per_s = rate_of(t, threads);
	else if (kind == CONTROL)
		round->at[at].control_per_s = rate_of(t, threads);
	else if (kind == EMPTY)
		round->empty_ns = 1e9 / rate_of(t, threads);
	else
		take_stamps(t, threads, round->at[at].parts_ns);
	if (kind == PLAIN || kind == STAMPED)
		samples->calls += calls_of(t, threads);
	return 0;
}

/* Calls of a chunk, by windows of one chunk each. */
static int calibrate(struct team *t, struct probe_error *err)
{
	const struct pb_threads_config *c = t->config;
	const struct worker *w = &t->workers[0];
	uint64_t most = MAX_CHUNK;
	if (c->stamps && most > t->ring_events / c->stamps->shape.stretch_count)
		most = t->ring_events / c->stamps->shape.stretch_count;
	t->chunk = 1;
	for (;;) {
		struct pb_threads_config one_chunk = *c;
		one_chunk.window_s = 0;
		t->config = &one_chunk;
		int rc = run_threads(t, 1, PLAIN, err);
		t->config = c;
		if (rc)
			return rc;
		double took_s = w->marks[w->mark_count - 1].at_s - w->marks[1].at_s;
		if (took_s >= CHUNK_S || t->chunk * 2 > most)
			return 0;
		t->chunk *= 2;
	}
}

static int measure(struct team *t, struct pb_threads_samples *samples, struct probe_error *err)
{
	unsigned order[KINDS * (PROBE_MAX_THREAD_COUNTS + 1)];
	struct pb_rng rng = {t->config->seed};
	for (unsigned i = 0; i < KINDS * (PROBE_MAX_THREAD_COUNTS + 1); i++)
		order[i] = i;
	/* One more round than asked for: the first one warms up, and is written over. */
	int rc = calibrate(t, err);
	for (unsigned r = 0; !rc && r <= t->config->rounds; r++) {
		struct pb_threads_round *round = &samples->rounds[r ? r - 1 : 0];
		unsigned n = (unsigned)samples->count_count * KINDS;
		nothing_yet(round);
		pb_shuffle(&rng, order, n); /* of the first n, which stay among themselves */
		for (unsigned k = 0; !rc && k < n; k++)
			rc = one_window(t, order[k], samples, round, err);
		samples->round_count = r;
	}
	return rc;
}

static int start_threads(struct team *t, unsigned most, struct probe_error *err)
{
	int rc = 0;
	for (unsigned i = 0; !rc && i < most; i++) {
		struct worker *w = &t->workers[i];
		w->team = t;
		w->number = i;
		w->marks = calloc(MAX_MARKS, sizeof *w->marks);
		if (!w->marks)
			return pb_fail(err, PROBE_ENOMEM, 0, "no memory for %u threads", most);
		t->busy = 1;
		int failed = pthread_create(&w->thread, NULL, work, w);
		if (failed)
			return pb_fail(err, PROBE_ESYS, failed,
				       "thread %u of %u can't be started (a limit? see ulimit -u)",
				       i + 1, most);
		t->started++;
		wait_for_all(t);
		rc = call_failed(t, err);
	}
	return rc;
}

static void dismiss(struct team *t, unsigned most)
{
	pthread_mutex_lock(&t->mutex);
	t->quit = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->mutex);
	for (unsigned i = 0; i < t->started; i++)
		pthread_join(t->workers[i].thread, NULL);
	for (unsigned i = 0; i < most; i++)
		free(t->workers[i].marks);
	free(t->workers);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->mutex);
}

/* What all rings may take together, for each, as a power of two. */
static size_t ring_size(unsigned threads)
{
	uint64_t events = MOST_RING_EVENTS;
	while (events * threads > MOST_EVENTS)
		events /= 2;
	return (size_t)events;
}

/* Those that the process may use, from the wanted one on. */
static void find_cpus(struct team *t)
{
	cpu_set_t set;
	int first = t->config->first_cpu > 0 ? t->config->first_cpu : 0;
	if (sched_getaffinity(0, sizeof set, &set))
		return;
	for (int i = 0; i < CPU_SETSIZE && t->cpu_count < PROBE_MAX_THREADS; i++) {
		int cpu = (first + i) % CPU_SETSIZE;
		if (CPU_ISSET((size_t)cpu, &set))
			t->cpus[t->cpu_count++] = cpu;
	}
}

int pb_threads_run(const struct pb_threads_ops *ops, void *ctx,
		   const struct pb_threads_config *config, struct pb_threads_samples *samples,
		   struct probe_error *err)
{
	struct team t = {.ops = ops, .ctx = ctx, .config = config};
	*samples = (struct pb_threads_samples){0};
	/* One thread alone is what the others are compared with, asked for or not. */
	if (config->counts[0] != 1)
		samples->counts[samples->count_count++] = 1;
	for (size_t i = 0; i < config->count_count; i++)
		samples->counts[samples->count_count++] = config->counts[i];
	if (config->stamps)
		samples->shape = config->stamps->shape;
	unsigned most = samples->counts[samples->count_count - 1];
	t.ring_events = ring_size(most);
	find_cpus(&t);
	t.workers = calloc(most, sizeof *t.workers);
	samples->rounds = calloc(config->rounds, sizeof *samples->rounds);
	if (!t.workers || !samples->rounds) {
		free(t.workers);
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for %u threads", most);
	}
	pthread_mutex_init(&t.mutex, NULL);
	pthread_cond_init(&t.changed, NULL);
	int rc = start_threads(&t, most, err);
	if (!rc)
		rc = measure(&t, samples, err);
	dismiss(&t, most);
	return rc;
}
