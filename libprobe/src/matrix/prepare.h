/* SPDX-License-Identifier: MIT
 * Building what the cells need, for each interpreter, by ext/probe/_build.py under itself.
 */
#ifndef PB_PREPARE_H
#define PB_PREPARE_H

#include <jansson.h>

#include "matrix/child.h"
#include "probe/run.h"

/* Where things are; borrowed. */
struct pb_places {
	const char *home, *library, *cache;
	const char *scratch; /* an empty folder of this run */
};

/* What one interpreter's build gave. */
struct pb_prepared {
	const struct probe_interpreter *interpreter; /* borrowed from the run */
	char *error;  /* one line: nothing of this interpreter can be measured; else NULL */
	char *python; /* the program that runs its cells */
	char *ext;    /* folder of the extension */
	json_t *kernels, *bindings, *packages, *notes; /* as in the answer; may be NULL */
};

struct pb_prepare_options {
	json_t *paths, *workloads; /* arrays of their JSON, each with its folder as "dir" */
	const volatile sig_atomic_t *cancel;
	/* A step began: index of the interpreter; step NULL = time has passed. NULL = never. */
	void (*on_step)(void *ctx, size_t interpreter, const char *step);
	void *ctx;
};

/* Builds for every interpreter of run, several at a time.
 * @out  one element per interpreter, overwritten; each released with pb_prepared_fini(), also
 *       after an error. What can't be built is told in its error or in its answer.
 * Returns 0, -PROBE_EINTR, -PROBE_ENOMEM, -PROBE_ESYS. Cost: nothing but a start when all is
 * cached, else minutes. */
int pb_prepare(const struct pb_places *places, const struct probe_run *run,
	       const struct pb_prepare_options *options, struct pb_prepared *out,
	       struct probe_error *err);
void pb_prepared_fini(struct pb_prepared *prepared);

/* Variables of every child: the user's own Python settings must not reach into what is measured.
 * NULL-terminated, in the form of struct pb_child_spec's env. */
extern const char *const pb_clean_python_env[];

/* Writes value as scratch/name; *path is the caller's to free. Returns 0, -PROBE_ESYS,
 * -PROBE_ENOMEM. */
int pb_write_spec(const char *scratch, const char *name, const json_t *value, char **path,
		  struct probe_error *err);

#endif
