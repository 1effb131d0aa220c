/* SPDX-License-Identifier: MIT
 * A function that the user brings: found among the operands, and made a workload by
 * ext/probe/_function.py.
 */
#ifndef PB_FUNCTION_H
#define PB_FUNCTION_H

#include "matrix/prepare.h"

/* The operands of a run. Strings are borrowed from them. */
struct pb_operands {
	const char **names; /* NULL-terminated; the function's place is names[at], set later */
	size_t at;
	const char *library, *prototype; /* "libm.so.6", "double hypot(double, double)"; or NULL */
	const char *callable;            /* "zlib:crc32"; or NULL */
	const char *args, *target;       /* as given; NULL = not */
};

/* Tells workloads from a function: a library (a path, a .so or a .c file) takes the next operand as
 * its prototype, and MODULE:NAME where no workload is called MODULE is a Python callable.
 * @operands     NULL-terminated; copied into out->names but for what describes the function.
 * @args, target NULL, or what is given for the function.
 * Returns 0, -PROBE_EINVAL (a library without a prototype, two functions, args without a function),
 * -PROBE_EFORMAT (a broken workload.json), -PROBE_ENOMEM. Release with pb_operands_fini(). */
int pb_operands_split(const char *home, const char *const *operands, const char *args,
		      const char *target, struct pb_operands *out, struct probe_error *err);
void pb_operands_fini(struct pb_operands *operands);

/* Whether the operands name a function, so that pb_function_make() is due. */
bool pb_operands_have_function(const struct pb_operands *operands);

/* Checks the function and writes its workload, by the newest interpreter of the run that can be
 * used (a callable: by the newest that has it), and adds what it is to the run's facts.
 * @folder     of the workload; the caller frees it, also after an error (NULL then, or not).
 * @timeout_s  how long the function itself may take.
 * Returns 0, -PROBE_EINVAL (the function can't be measured: err says why, in one line),
 * -PROBE_EINTR, -PROBE_ECHILD, -PROBE_ENOMEM, -PROBE_ESYS. Cost: a second or so. */
int pb_function_make(const struct pb_operands *operands, const struct pb_places *places,
		     double timeout_s, const struct pb_prepare_options *options,
		     struct probe_run *run, char **folder, struct probe_error *err);

#endif
