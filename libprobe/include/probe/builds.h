/* SPDX-License-Identifier: MIT
 * Interpreter builds beside each other: what tells two of them apart, and one path over all of
 * them.
 *
 * Two builds that differ in one thing may be compared as that thing; where they differ in more, a
 * change between them can't be put down to any one of these.
 */
#ifndef PROBE_BUILDS_H
#define PROBE_BUILDS_H

#include "probe/compare.h"
#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PROBE_MAX_BUILD_DIFFERENCES 16

/* One fact that two builds do not share. */
struct probe_build_difference {
	const char *what; /* "version", "GIL", "JIT", "compiler", "PGO", ... */
	/* Chosen by whoever runs it, and not a matter of how it happens to be built: version, GIL,
	 * JIT, debug, tail calls, switches. */
	bool chosen;
	char a[64], b[64]; /* "GCC 12.2.0"; "unknown" where the build does not tell */
};

/* Lists what differs from a to b, the chosen things first. @out  room for
 * PROBE_MAX_BUILD_DIFFERENCES. Returns how many there are; 0 = the same in all that is known.
 * Threads: safe. */
PROBE_API size_t probe_builds_differ(const struct probe_interpreter *a,
				     const struct probe_interpreter *b,
				     struct probe_build_difference *out);

/* Writes "JIT only", "version; also compiler (GCC 12.2.0, then GCC 16.2.0), PGO (no, then yes)" or
 * "nothing that is known". Returns buf. Threads: safe. */
PROBE_API const char *probe_builds_text(const struct probe_interpreter *a,
					const struct probe_interpreter *b, char *buf, size_t size);

/* A build's row. */
struct probe_build_row {
	const struct probe_cell *cell;
	const struct probe_interpreter *interpreter; /* NULL = the run does not describe it */
	/* What this row is compared with: of the measured rows above and of the same implementation
	 * the one that differs from it in the fewest chosen things, of several the nearest. A
	 * release is so compared with the last one and not with that one's debug build. NULL =
	 * there is none, or this one is not measured. */
	const struct probe_build_row *before;
	/* From before to this; its strings are before's. Where the two split the call differently,
	 * phases are joined until both have the same. */
	struct probe_cell_change change;
	bool new_pair; /* the first row that compares these two builds, both described */
};

/* One path of one workload over all builds. */
struct probe_build_block {
	const char *workload, *path;
	struct probe_build_row *rows; /* in order: implementation, version, then variants */
	size_t row_count;
};

/* Arranges a run by builds. A change between rows counts as one by the rule of compare.h, with the
 * figures of the row (the total and its phases) as those that are compared together.
 * @out  *count blocks in the order of the run; borrows from it; release with
 *       probe_build_blocks_free(). Returns 0 or -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_build_blocks(const struct probe_run *run, struct probe_build_block **out,
				 size_t *count, struct probe_error *err);
PROBE_API void probe_build_blocks_free(struct probe_build_block *blocks, size_t count);

#ifdef __cplusplus
}
#endif
#endif
