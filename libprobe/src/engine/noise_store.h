/* SPDX-License-Identifier: MIT
 * The quietest ratio known of each CPU model, remembered between runs in a small JSON file.
 */
#ifndef PB_ENGINE_NOISE_STORE_H
#define PB_ENGINE_NOISE_STORE_H

#include <stddef.h>

#include "probe/error.h"

/* Reads the ratio remembered for a CPU (key: see pb_cpu_key()).
 * @ratio  written on success.
 * Returns 0; -PROBE_ENOENT (no file, or nothing remembered for this CPU), -PROBE_EFORMAT (not such
 * a file, or an impossible ratio), -PROBE_ESYS. Threads: safe. */
int pb_noise_store_load(const char *path, const char *cpu_key, double *ratio,
			struct probe_error *err);

/* Merges what a run found (pb_noise_merge()) and writes the file where that changed something:
 * atomically, keeping other CPUs' entries and making missing folders. A damaged file is replaced,
 * as it's a cache. Two runs at once may lose one update, never the file.
 * Returns 0, -PROBE_ESYS, -PROBE_ENOMEM. */
int pb_noise_store_update(const char *path, const char *cpu_key, double found, size_t support,
			  struct probe_error *err);

#endif
