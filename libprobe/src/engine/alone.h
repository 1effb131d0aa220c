/* SPDX-License-Identifier: MIT
 * The target called by itself, over and over, beside the compute phase of the call.
 */
#ifndef PB_ENGINE_ALONE_H
#define PB_ENGINE_ALONE_H

#include "probe/analysis.h"

/* Fills out->alone and out->alone_free from n processes; absent where none has them. */
void pb_alone_sum_up(const struct probe_process_samples *processes, size_t n,
		     struct probe_engine *out);

#endif
