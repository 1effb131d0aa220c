/* SPDX-License-Identifier: MIT
 * One run of the matrix while it goes on.
 */
#ifndef PB_SESSION_H
#define PB_SESSION_H

#include "matrix/function.h"
#include "matrix/plan.h"
#include "matrix/quiet_memory.h"

struct pb_session {
	const struct probe_matrix_options *options;
	struct probe_run *run;
	struct pb_operands operands;
	struct pb_plan plan;
	struct pb_cell_settings settings;
	struct pb_quiet_memory quiet;
	char *home, *library, *cache, *scratch;
	bool problem_told;
	int scratch_ticket;      /* of what a signal removes */
	struct pb_places places; /* the four above */
	int cache_use;           /* the cache's lock; -1 = none */
	unsigned passes;
	double started_s;
	/* The run file. */
	bool save_often; /* it is a plain file, so that half a run can stand in it */
	double saved_s;
	/* Progress. */
	char step[200];      /* of preparing, the latest */
	const char *step_of; /* the interpreter's label */
	size_t done;
	unsigned pass;
	const struct pb_cell *current;
	enum pb_engine engine;
	double engine_s[PB_ENGINE_COUNT]; /* wall time of the processes so far */
	size_t engine_runs[PB_ENGINE_COUNT];
	double remaining_s, remaining_at_s;
	size_t total;
};

/* Runs all passes. Figures and statuses are in the run at every moment.
 * Returns 0, -PROBE_EINTR, -PROBE_ENOMEM, -PROBE_ESYS. */
int pb_session_measure(struct pb_session *session, struct probe_error *err);

/* Writes the run file if one is wanted. Returns 0, -PROBE_ESYS, -PROBE_ENOMEM. */
int pb_session_save(struct pb_session *session, struct probe_error *err);

/* Tells the caller where the run stands; as a callback of children too. */
void pb_session_tell(struct pb_session *session, enum probe_stage stage, const char *interpreter,
		     const char *step);

/* Seconds of a clock that only goes forward. */
double pb_now_s(void);

#endif
