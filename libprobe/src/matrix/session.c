/* SPDX-License-Identifier: MIT
 * The passes over the matrix: every cell once in each, in a new order, the run file kept up to
 * date.
 */
#include "matrix/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "probe/figures.h"

static const double save_every_s = 2.0;
/* Until a first process has shown better: what starting an interpreter takes. */
static const double guessed_start_s = 0.3;
enum { GUESSED_RUNGS = 6 };
/* With fewer passes a closure's interval hardly knows what differs between processes. */
enum { LEAST_TO_DOUBT = 3 };

double pb_now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

int pb_session_save(struct pb_session *session, struct probe_error *err)
{
	if (!session->options->output)
		return 0;
	session->run->duration_s = pb_now_s() - session->started_s;
	int rc = probe_run_save(session->run, session->options->output, err);
	session->saved_s = pb_now_s();
	return rc;
}

/* A full disk in the middle ends nothing: the last save is the one that must succeed. But it is
 * told now, while something can be done. */
static void save_now_and_then(struct pb_session *session)
{
	struct probe_error err = {0};
	if (!session->save_often || pb_now_s() - session->saved_s < save_every_s)
		return;
	if (!pb_session_save(session, &err) || session->problem_told)
		return;
	session->problem_told = true;
	if (session->options->on_problem)
		session->options->on_problem(session->options->ctx, err.msg);
}

static double expected_s(const struct pb_session *session, enum pb_engine engine)
{
	const struct pb_cell_settings *s = &session->settings;
	if (session->engine_runs[engine])
		return session->engine_s[engine] / (double)session->engine_runs[engine];
	return guessed_start_s + s->rounds * s->round_us * 1e-6 * (double)GUESSED_RUNGS;
}

/* Up to which pass a cell is measured. */
static unsigned last_pass(const struct pb_session *session, const struct pb_cell *cell)
{
	return session->passes * (cell->again ? 2 : 1);
}

/* How many processes are left, and how long they may take, the current one included. */
static void estimate(struct pb_session *session)
{
	size_t left = 0;
	double seconds = 0;
	for (size_t i = 0; i < session->plan.cell_count; i++) {
		const struct pb_cell *cell = &session->plan.cells[i];
		for (unsigned e = 0; e < PB_ENGINE_COUNT; e++) {
			if (!(cell->engines & 1u << e))
				continue;
			size_t n = last_pass(session, cell) - cell->passes_begun;
			n += cell == session->current && e >= session->engine;
			left += n;
			seconds += (double)n * expected_s(session, (enum pb_engine)e);
		}
	}
	session->total = session->done + left;
	session->remaining_s = seconds;
	session->remaining_at_s = pb_now_s();
}

void pb_session_tell(struct pb_session *session, enum probe_stage stage, const char *interpreter,
		     const char *step)
{
	const struct probe_matrix_options *options = session->options;
	if (!options->on_progress)
		return;
	double now = pb_now_s(), left = session->remaining_s - (now - session->remaining_at_s);
	const struct pb_cell *cell = session->current;
	const struct probe_progress progress = {
		.stage = stage,
		.done = session->done,
		.total = session->total,
		.pass = stage == PROBE_STAGE_MEASURE ? session->pass + 1 : 0,
		.passes = cell ? last_pass(session, cell) : session->passes,
		.elapsed_s = now - session->started_s,
		.remaining_s = stage == PROBE_STAGE_MEASURE ? fmax(left, 0) : (double)NAN,
		.interpreter = cell ? session->run->cells[cell->row].interpreter : interpreter,
		.workload = cell ? cell->workload->name : NULL,
		.path = cell ? cell->path->name : NULL,
		.step = cell ? pb_engine_name(session->engine) : step,
	};
	options->on_progress(options->ctx, &progress);
}

static void on_tick(void *ctx)
{
	pb_session_tell(ctx, PROBE_STAGE_MEASURE, NULL, NULL);
}

/* The run's counter is that of its first process; another kind later would mix units. */
static int take_counter(struct pb_session *session, const struct pb_cell_result *result)
{
	struct probe_counter_facts *facts = &session->run->counter;
	if (!facts->kind[0]) {
		*facts = result->counter;
		session->settings.granularity_ticks = facts->granularity_ticks;
		session->settings.tick_hz = facts->hz;
	}
	return !strcmp(facts->kind, result->counter.kind) ? 0 : -1;
}

static void refuse_counter(struct pb_cell_result *result, const char *kind)
{
	char other[sizeof result->counter.kind];
	memcpy(other, result->counter.kind, sizeof other);
	pb_cell_result_fini(result);
	result->status = PROBE_CELL_FAILED;
	snprintf(result->reason, sizeof result->reason,
		 "it was counted by %s and the rest of the run by %s; measure again", other, kind);
}

static int run_process(struct pb_session *session, struct pb_cell *cell, enum pb_engine engine,
		       struct probe_error *err)
{
	const struct probe_matrix_options *options = session->options;
	const struct pb_children_options children = {
		.at_once = 1,
		.cancel = options->cancel,
		.on_tick = options->on_progress ? on_tick : NULL,
		.ctx = session,
	};
	struct pb_cell_result result;
	char *crash = NULL;
	session->current = cell;
	session->engine = engine;
	estimate(session);
	pb_session_tell(session, PROBE_STAGE_MEASURE, NULL, NULL);
	session->settings.quiet_ratio = session->quiet.known;
	double begin_s = pb_now_s();
	int rc = pb_cell_process(&session->places, cell, engine, session->pass, &session->settings,
				 &children, &result, &crash, err);
	if (rc)
		return rc;
	session->done++;
	if (result.status == PROBE_CELL_OK) {
		session->engine_s[engine] += pb_now_s() - begin_s;
		session->engine_runs[engine]++;
		bool threads = result.threads; /* the TSC's always, and in ns */
		if (!threads && take_counter(session, &result))
			refuse_counter(&result, session->run->counter.kind);
		else if (!threads)
			rc = pb_quiet_memory_learn(&session->quiet, result.rounds,
						   result.round_count);
	}
	session->settings.quiet_ratio = session->quiet.known;
	if (!rc)
		rc = pb_cell_take_binding(cell, &result, &session->settings, session->run);
	if (!rc && PB_ENGINES_THREADED & 1u << engine)
		rc = pb_cell_take_threads(cell, engine, &result, crash, &session->settings,
					  session->run);
	else if (!rc)
		rc = pb_cell_take(cell, engine, &result, crash, &session->settings,
				  &session->run->cells[cell->row], err);
	else
		pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	pb_cell_result_fini(&result);
	free(crash);
	return rc;
}

static int run_cell(struct pb_session *session, struct pb_cell *cell, struct probe_error *err)
{
	cell->passes_begun = session->pass + 1;
	for (unsigned e = 0; e < PB_ENGINE_COUNT; e++) {
		/* Asked each time: a failure takes bits away. */
		if (!(cell->engines & 1u << e))
			continue;
		int rc = run_process(session, cell, (enum pb_engine)e, err);
		if (rc)
			return rc;
	}
	save_now_and_then(session);
	return 0;
}

/* A closure that is off may be the chance of a few processes, or a fault. As many again tell: they
 * are added to the first ones, and their number does not hang on what they show. */
static int mark_doubtful(struct pb_session *session, struct probe_error *err)
{
	char text[120];
	for (size_t i = 0; i < session->plan.cell_count; i++) {
		struct pb_cell *cell = &session->plan.cells[i];
		struct probe_cell *row = &session->run->cells[cell->row];
		cell->engines &= 1u << PB_ENGINE_LADDER | 1u << PB_ENGINE_BARE;
		if (session->passes < LEAST_TO_DOUBT || session->settings.max_calls ||
		    !cell->engines || !row->ladder.present || !probe_closure_is_off(&row->ladder))
			continue;
		snprintf(text, sizeof text,
			 "measured in %u passes, not %u: after those its closure was off",
			 2 * session->passes, session->passes);
		if (probe_cell_add_warning(row, text))
			return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
		cell->again = true;
	}
	return 0;
}

static int run_passes(struct pb_session *session, size_t *order, struct probe_error *err)
{
	size_t n = session->plan.cell_count;
	for (session->pass = 0; session->pass < 2 * session->passes; session->pass++) {
		int rc = session->pass == session->passes ? mark_doubtful(session, err) : 0;
		pb_plan_shuffle(order, n, session->settings.seed, session->pass);
		for (size_t i = 0; i < n && !rc; i++) {
			struct pb_cell *cell = &session->plan.cells[order[i]];
			if (cell->engines && session->pass < last_pass(session, cell))
				rc = run_cell(session, cell, err);
		}
		if (rc)
			return rc;
	}
	return 0;
}

int pb_session_measure(struct pb_session *session, struct probe_error *err)
{
	size_t n = session->plan.cell_count;
	size_t *order = calloc(n + 1, sizeof *order);
	if (!order)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	pb_quiet_memory_load(&session->quiet);
	int rc = run_passes(session, order, err);
	free(order);
	session->current = NULL;
	pb_quiet_memory_save(&session->quiet);
	session->settings.quiet_ratio = session->quiet.known;
	for (size_t i = 0; i < n && rc != -PROBE_ENOMEM; i++) {
		struct pb_cell *cell = &session->plan.cells[i];
		if (pb_cell_settle(cell, &session->settings, &session->run->cells[cell->row], NULL))
			rc = pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	return rc;
}
