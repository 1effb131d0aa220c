/* SPDX-License-Identifier: MIT
 * The noise decision (noise.h) applied to a series of rounds.
 */
#ifndef PB_ENGINE_QUIET_H
#define PB_ENGINE_QUIET_H

#include "probe/analysis.h"

/* The quietest wide/chain ratio that these rounds support; 0 = not known.
 * Returns 0 or -PROBE_ENOMEM. */
int pb_quiet_ratio_of(const struct probe_round *rounds, size_t n, double *out);

/* Whether a round counts: not discarded, and quiet by this ratio (0 = not known: passes). */
bool pb_quiet_round(const struct probe_round *round, double quiet_ratio);

#endif
