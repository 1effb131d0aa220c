/* SPDX-License-Identifier: MIT
 * Filling a struct probe_error: the one way that libprobe reports a failure.
 */
#ifndef PB_FAIL_H
#define PB_FAIL_H

#include "probe/error.h"

/* Writes code, errno and message to err (which may be NULL) and returns -code, so that a failing
 * function can end with `return pb_fail(err, ...)`. A sys_errno other than 0 is appended as text.
 */
int pb_fail(struct probe_error *err, enum probe_code code, int sys_errno, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
