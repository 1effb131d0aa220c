/* SPDX-License-Identifier: MIT
 * Asking interpreters for their build facts, each in a process of its own.
 */
#ifndef PB_INTERP_FACTS_H
#define PB_INTERP_FACTS_H

#include <stddef.h>

#include "matrix/locate.h"
#include "probe/error.h"
#include "probe/run.h"

enum pb_asked_state {
	PB_ASKED_USABLE,
	PB_ASKED_TOO_OLD,
	PB_ASKED_NOT_CPYTHON,
	PB_ASKED_NOT_PYTHON, /* exited, or printed something else */
	PB_ASKED_TIMEOUT,
	PB_ASKED_DOUBLE, /* the same interpreter as an earlier one */
};

/* What one candidate answered. */
struct pb_asked {
	const struct pb_candidate *candidate; /* borrowed */
	enum pb_asked_state state;
	bool named; /* it, or a double of it, was named */
	struct probe_interpreter
		facts;     /* USABLE; label and version also when TOO_OLD, NOT_CPYTHON */
	char problem[512]; /* one line when not USABLE */
};

/* Asks every candidate, several at a time.
 * @out  candidates->n of them, newly allocated; release with pb_asked_free().
 * Returns 0, -PROBE_ENOENT (probe's own files are not there), -PROBE_ENOMEM, -PROBE_ESYS. */
int pb_interp_ask(const struct pb_candidates *candidates, double timeout_s, struct pb_asked **out,
		  struct probe_error *err);
void pb_asked_free(struct pb_asked *asked, size_t n);

#endif
