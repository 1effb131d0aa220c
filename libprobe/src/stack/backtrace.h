/* SPDX-License-Identifier: MIT
 * A native backtrace when the process crashes.
 */
#ifndef PB_STACK_BACKTRACE_H
#define PB_STACK_BACKTRACE_H

#include "probe/error.h"

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write their name and the native frames
 * (libunwind, one a line: "#n function+0xoffset (object)") to fd, then the signal takes its usual
 * course. Uses a signal stack of its own, so a stack overflow is reported too.
 * Returns 0, -PROBE_ESYS. Process-wide by nature: call once, in a process that probe owns. */
int pb_backtrace_on_crash(int fd, struct probe_error *err);

#endif
