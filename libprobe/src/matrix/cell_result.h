/* SPDX-License-Identifier: MIT
 * What a cell's child process answered, and what its end means for the cell.
 */
#ifndef PB_CELL_RESULT_H
#define PB_CELL_RESULT_H

#include <jansson.h>

#include "matrix/child.h"
#include "probe/analysis.h"

struct pb_cell_result {
	enum probe_cell_status status; /* OK, FAILED, CRASHED, TIMEOUT */
	char reason[400];              /* one line; "" when OK */
	/* The rest is set when OK. */
	struct probe_counter_facts counter;
	unsigned columns;   /* bit mask of the columns of a round */
	unsigned subphases; /* mask of PROBE_BIT()s: the sub-phases that the path has */
	struct probe_round *rounds;
	size_t round_count;
	uint64_t calls_per_round;
	struct probe_burst *warmup;
	size_t warmup_count;
	struct probe_alone_samples alone;
	json_t *warnings; /* array of strings, or NULL */
	char *binding;    /* what a callable that is there already is; NULL: its path says it */
	char *prepared;   /* see struct probe_cell; NULL = nothing, or no memory */
	json_t *timeline; /* object, or NULL */
	json_t *threads;  /* object: then there are no rounds; or NULL */
};

/* Judges an ended child. Never fails: what can't be understood is a FAILED cell with its reason.
 * @timeout_s  the limit it ran under, for the reason.
 * Release with pb_cell_result_fini(). */
void pb_cell_result_take(const struct pb_child_outcome *outcome, double timeout_s,
			 struct pb_cell_result *out);
void pb_cell_result_fini(struct pb_cell_result *result);

/* A number as a whole one of 0 to most, 0 for what is none: a cast of any other is undefined. */
uint64_t pb_json_whole(const json_t *value, uint64_t most);

#endif
