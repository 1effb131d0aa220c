/* SPDX-License-Identifier: MIT
 * The estimators that ladder and timeline share.
 */
#ifndef PB_ENGINE_ANALYSE_H
#define PB_ENGINE_ANALYSE_H

#include "engine/quantities.h"

/* Estimates every quantity over the samples of several processes, with intervals; see
 * probe_ladder_analyse() for what they hold, and for the errors. */
int pb_analyse(const struct probe_process_samples *processes, size_t n,
	       const struct pb_quantities *quantities, const struct probe_ladder_options *options,
	       struct probe_engine *out, struct probe_error *err);

#endif
