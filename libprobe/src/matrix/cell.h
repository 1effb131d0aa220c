/* SPDX-License-Identifier: MIT
 * A cell while a run goes on: what it needs to be measured, and what its processes have given.
 */
#ifndef PB_CELL_H
#define PB_CELL_H

#include <jansson.h>

#include "engine/threads.h"
#include "matrix/catalog.h"
#include "matrix/cell_result.h"
#include "matrix/prepare.h"
#include "probe/matrix.h"

/* What a child process does with its cell. */
enum pb_engine {
	PB_ENGINE_LADDER,
	PB_ENGINE_BARE, /* no veneer, no hook: the ladder's twin */
	PB_ENGINE_TIMELINE,
	PB_ENGINE_PRIVATE, /* several threads at once, each with its own callable */
	PB_ENGINE_SHARED,  /* ... all with the same one */
	PB_ENGINE_COUNT,
};
#define PB_ENGINES_THREADED (1u << PB_ENGINE_PRIVATE | 1u << PB_ENGINE_SHARED)
const char *pb_engine_name(enum pb_engine engine);
enum probe_callables pb_engine_callables(enum pb_engine engine);

/* What the processes under threads gave; owned. */
struct pb_cell_threads {
	struct pb_threads_samples *samples;
	size_t count;
};

struct pb_cell {
	size_t row; /* in probe_run.cells; UNAVAILABLE cells have a row only */
	const struct pb_workload *workload;
	const struct pb_path *path;
	const struct pb_prepared *prepared;
	unsigned engines; /* bits 1 << enum pb_engine still to be run in each pass */
	/* Borrowed from prepared; NULL where the path needs none. */
	const json_t *kernel;
	const char *artifact;
	const char *twin; /* the binding around an empty body, where it has no seam */
	/* One for each process so far; owned. */
	struct probe_process_samples *ladder, *timeline;
	json_t **stamps; /* the timeline objects beside timeline[] */
	size_t ladder_count, timeline_count;
	struct pb_cell_threads threads[PROBE_CALLABLES_COUNT];
	size_t first_threaded; /* in probe_run.threaded */
	unsigned passes_begun;
	bool again;            /* it is measured in as many passes more */
	double analysed_ratio; /* the quiet ratio that the row's figures were judged by */
};

/* How processes measure, the same for all cells. */
struct pb_cell_settings {
	unsigned rounds;
	double round_us, wait_s, timeout_s;
	double quiet_ratio; /* best known now; 0 = unknown */
	double granularity_ticks;
	double tick_hz; /* of the counter; 0 = not known yet */
	uint64_t seed;
	uint64_t max_calls; /* in one process; 0 = as many as it takes */
	int cpu;
	unsigned thread_counts[PROBE_MAX_THREAD_COUNTS]; /* ascending */
	size_t thread_count_count;                       /* 0 = nothing under threads */
};

/* Runs one child process and judges its end. @children  cancel flag and tick.
 * Returns 0 with *out to be released, -PROBE_EINTR, -PROBE_ENOMEM, -PROBE_ESYS. */
int pb_cell_process(const struct pb_places *places, const struct pb_cell *cell,
		    enum pb_engine engine, unsigned pass, const struct pb_cell_settings *settings,
		    const struct pb_children_options *children, struct pb_cell_result *out,
		    char **crash, struct probe_error *err);

/* The rows of a callable that is there already go by what it turns out to be, as in the package;
 * one of Python has no boundary to stamp: its total comes from the ladder always. Returns 0 or
 * -PROBE_ENOMEM. */
int pb_cell_take_binding(struct pb_cell *cell, const struct pb_cell_result *result,
			 const struct pb_cell_settings *settings, struct probe_run *run);

/* Adds what a process gave (its rounds and timeline are moved out of result) and renews the cell's
 * figures; or, when it failed, settles the cell's status and stops what need not be tried again.
 * @row    the cell's row in the run.   @crash  native frames, or NULL.
 * Returns 0 or -PROBE_ENOMEM. */
int pb_cell_take(struct pb_cell *cell, enum pb_engine engine, struct pb_cell_result *result,
		 const char *crash, const struct pb_cell_settings *settings, struct probe_cell *row,
		 struct probe_error *err);

/* Renews the figures of a cell if the quiet ratio has changed since, and compares its engines.
 * Returns 0 or -PROBE_ENOMEM. */
int pb_cell_settle(struct pb_cell *cell, const struct pb_cell_settings *settings,
		   struct probe_cell *row, struct probe_error *err);

void pb_cell_fini(struct pb_cell *cell);

/* Adds the cell's rows under threads to the run. Returns 0 or -PROBE_ENOMEM. */
int pb_cell_add_threaded(struct pb_cell *cell, const struct pb_cell_settings *settings,
			 struct probe_run *run);
/* The same as pb_cell_take() for a process under threads. */
int pb_cell_take_threads(struct pb_cell *cell, enum pb_engine engine,
			 const struct pb_cell_result *result, const char *crash,
			 const struct pb_cell_settings *settings, struct probe_run *run);
void pb_cell_threads_fini(struct pb_cell_threads *threads);

/* Renews row->timeline from all timeline processes of the cell. Returns 0, -PROBE_EINVAL (nothing
 * usable), -PROBE_ENOMEM. */
int pb_cell_take_timeline(const struct pb_cell *cell, const struct probe_ladder_options *options,
			  struct probe_cell *row, struct probe_error *err);

/* A well mixed number from a seed and three indices: the same for the same four. */
uint64_t pb_mix(uint64_t seed, uint64_t a, uint64_t b, uint64_t c);

#endif
