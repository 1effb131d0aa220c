/* SPDX-License-Identifier: MIT
 * An interpreter's run-time switches: parsing "PYTHON_JIT=1+-X frozen_modules=off", and giving them
 * to every process of that interpreter.
 */
#ifndef PB_SWITCHES_H
#define PB_SWITCHES_H

#include "probe/error.h"
#include "probe/run.h"

/* Environment assignments and options; owned, NULL-terminated, NULL = none. */
struct pb_switches {
	char **environment, **options;
};

/* The '+' in front of the first switch of "3.14+PYTHON_JIT=1"; NULL when there is none. A '+' that
 * no switch follows belongs to what it is in, a path or a value. */
const char *pb_switches_find(const char *text);

/* Parses "+NAME=VALUE+-X OPTION+-O"; "" gives none.
 * Returns 0 with *out to be released by pb_switches_fini(), -PROBE_EINVAL, -PROBE_ENOMEM. */
int pb_switches_parse(const char *text, struct pb_switches *out, struct probe_error *err);
void pb_switches_fini(struct pb_switches *switches);

/* Whether they hold the same in the same order. */
bool pb_switches_equal(char *const *a, char *const *b);

/* "+NAME=VALUE+-XOPTION", as a label ends: without blanks, slashes and commas.
 * @skip_told  leaves out those that the facts tell: PYTHON_JIT and PYTHON_GIL.
 * Returns 0, -PROBE_EINVAL (it does not fit). */
int pb_switches_label(char *const *environment, char *const *options, bool skip_told, char *out,
		      size_t size);

/* The environment of a child process of this interpreter, in the form of struct pb_child_spec's
 * env: the user's own Python settings out, the switches in, then extra (NULL-terminated or NULL).
 * Only the array is the caller's to free. NULL when out of memory. */
const char **pb_interpreter_env(const struct probe_interpreter *interpreter,
				const char *const *extra);

/* Its command line: program, the options, then rest (NULL-terminated). Freed likewise. */
const char **pb_interpreter_argv(const char *program, const struct probe_interpreter *interpreter,
				 const char *const *rest);

#endif
