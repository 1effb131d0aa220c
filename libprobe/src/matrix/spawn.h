/* SPDX-License-Identifier: MIT
 * Starting one child process with pipes at the descriptors that struct pb_child_spec promises.
 */
#ifndef PB_SPAWN_H
#define PB_SPAWN_H

#include <sys/types.h>

#include "matrix/child.h"

enum pb_stream { PB_STREAM_RESULT, PB_STREAM_CRASH, PB_STREAM_STDERR, PB_STREAM_COUNT };

struct pb_spawned {
	pid_t pid;
	int pidfd;                /* readable when the child has ended; -1 = the kernel has none */
	int fds[PB_STREAM_COUNT]; /* our non-blocking ends; -1 = none */
};

/* Starts spec's program. Returns 0 with *out filled, or the positive errno of what failed (then
 * nothing is left open or running). Threads: safe. */
int pb_spawn(const struct pb_child_spec *spec, struct pb_spawned *out);

/* Whether that errno of pb_spawn() is a limit on this process or its user: others fail likewise. */
bool pb_is_limit(int start_errno);

/* That errno in words, with a cure where it is a limit; into buf. Returns buf. */
const char *pb_start_error(int start_errno, char *buf, size_t size);

/* Whether there are descriptors enough to run children: with fewer, folders and interpreters would
 * seem not to be there. Returns 0 or -PROBE_ESYS. */
int pb_descriptors_check(struct probe_error *err);

#endif
