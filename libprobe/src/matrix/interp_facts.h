/* SPDX-License-Identifier: MIT
 * Asking interpreters for their build facts, each in a process of its own.
 */
#ifndef PB_INTERP_FACTS_H
#define PB_INTERP_FACTS_H

#include <stddef.h>

#include "matrix/child.h"
#include "matrix/locate.h"
#include "matrix/switches.h"
#include "probe/error.h"
#include "probe/run.h"

enum pb_asked_state {
	PB_ASKED_USABLE,
	PB_ASKED_TOO_OLD,
	PB_ASKED_OTHER_PYTHON, /* an implementation that probe does not know */
	PB_ASKED_OTHER_MACHINE,
	PB_ASKED_NOT_PYTHON, /* exited, or printed something else */
	PB_ASKED_DIED,       /* by a signal */
	PB_ASKED_TIMEOUT,
	PB_ASKED_DOUBLE, /* the same interpreter with the same switches as an earlier one */
};

/* One interpreter with its switches, and what it answered. */
struct pb_asked {
	const struct pb_candidate *candidate; /* borrowed */
	bool chosen;                          /* wanted by the user; not set here */
	enum pb_asked_state state;
	/* Its environment and options are the question. The rest is the answer: all of it when
	 * USABLE; label and version also when TOO_OLD, OTHER_PYTHON. */
	struct probe_interpreter facts;
	char problem[512]; /* one line when not USABLE */
};

/* Asks each of n, several at a time. @timeout_s  for an answer; GraalPy gets six times as much, as
 * its virtual machine takes seconds to start.
 * Returns 0, -PROBE_ENOENT (probe's own files are not there), -PROBE_ENOMEM, -PROBE_ESYS. */
int pb_interp_ask(struct pb_asked *asked, size_t n, double timeout_s, struct probe_error *err);

/* Fills facts, state and problem from a process's end, which may hold anything.
 * Returns 0 or -PROBE_ENOMEM. */
int pb_asked_judge(struct pb_asked *asked, const struct pb_child_outcome *outcome,
		   double timeout_s);

/* Whether both are one interpreter, but for switches. */
bool pb_asked_same(const struct pb_asked *a, const struct pb_asked *b);

/* Marks what an earlier one is already as DOUBLE; that one becomes chosen if it was. */
void pb_asked_mark_doubles(struct pb_asked *asked, size_t n);

void pb_asked_free(struct pb_asked *asked, size_t n);

#endif
