/* SPDX-License-Identifier: MIT
 * Running programs in child processes: fresh file descriptors, a time limit, cancellation, no
 * leaks.
 *
 * Each child leads a process group of its own (so that a terminal's Ctrl-C reaches only us, and a
 * kill reaches its descendants too), dies when we die, reads /dev/null and inherits no descriptor
 * but the ones described here.
 */
#ifndef PB_CHILD_H
#define PB_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "probe/error.h"

/* What was kept of one stream; bytes is NUL-terminated and never NULL after a started child. */
struct pb_bytes {
	char *bytes;
	size_t length;
	bool overflow; /* more came than is kept */
};

struct pb_child_spec {
	/* argv[0] is the program's path (no search along PATH); NULL-terminated. */
	const char *const *argv;
	/* "KEY=VALUE" sets, "KEY" removes; NULL-terminated, NULL = our environment as it is. */
	const char *const *env;
	/* false: descriptor 3 is the result, 4 the crash text, stdout goes to /dev/null.
	 * true: stdout is the result, and there is no 3 and 4. */
	bool result_on_stdout;
	double timeout_s; /* 0 = none */
	/* Called for every whole line on stderr, without its newline; NULL = none. */
	void (*on_stderr_line)(void *ctx, const char *line);
	void *ctx;
};

enum pb_child_end {
	PB_CHILD_NOT_RUN,   /* cancelled before it began */
	PB_CHILD_NO_START,  /* start_errno says why */
	PB_CHILD_EXITED,    /* exit_code */
	PB_CHILD_SIGNALLED, /* signal */
	PB_CHILD_TIMEOUT,
	PB_CHILD_CANCELLED,
};

struct pb_child_outcome {
	enum pb_child_end end;
	int start_errno;
	int exit_code;
	int signal;
	double wall_s;
	struct pb_bytes result;      /* whole, up to 256 MiB */
	struct pb_bytes crash;       /* the first 64 KiB */
	struct pb_bytes stderr_tail; /* the last 2 KiB */
};

struct pb_children_options {
	size_t at_once; /* children running at the same time, >= 1 */
	/* Set (from a signal handler, say) to end everything promptly; NULL = never. */
	const volatile sig_atomic_t *cancel;
	/* Called about once a second while children run, and NULL = let us sleep throughout. */
	void (*on_tick)(void *ctx);
	void *ctx;
};

/* Runs children to their end, at_once at a time, in the order given.
 * @outcomes  n of them, overwritten; release each with pb_child_outcome_fini(), also after an
 * error. Returns 0 (see each outcome's end), -PROBE_EINTR when cancelled (outcomes are still
 * filled), -PROBE_ENOMEM or -PROBE_ESYS when the loop itself could not go on; no child is left
 * running. Threads: safe (SIGINT and SIGTERM are blocked in this thread but while it sleeps). */
int pb_children_run(const struct pb_child_spec *specs, size_t n,
		    const struct pb_children_options *options, struct pb_child_outcome *outcomes,
		    struct probe_error *err);

void pb_child_outcome_fini(struct pb_child_outcome *outcome);

/* The last non-empty line of what the child said on stderr, or "" ; into buf. Returns buf. */
const char *pb_child_last_line(const struct pb_child_outcome *outcome, char *buf, size_t size);

#endif
