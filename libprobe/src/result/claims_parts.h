/* SPDX-License-Identifier: MIT
 * What the files on published claims share: facts of a build as text.
 */
#ifndef PB_CLAIMS_PARTS_H
#define PB_CLAIMS_PARTS_H

#include "probe/claims.h"

/* Whether a claim may ask for this fact: "version", "jit", "compiler", ... */
bool pb_build_fact_known(const char *fact);

/* Whether the interpreter is what all the facts say; a version is its beginning, up to a point. */
bool pb_build_is(const struct probe_interpreter *py, const struct probe_build_fact *facts,
		 size_t n);

/* Writes in what two builds differ beyond the things listed, by probe_builds_differ()'s names.
 * Returns how many they are. */
size_t pb_builds_differ_beyond(const struct probe_interpreter *a, const struct probe_interpreter *b,
			       char *const *listed, char *names, size_t size);

#endif
