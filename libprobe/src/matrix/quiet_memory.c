/* SPDX-License-Identifier: MIT */
#include "matrix/quiet_memory.h"

#include <math.h>
#include <stdlib.h>

#include "engine/noise.h"
#include "engine/noise_store.h"
#include "probe/machine.h"
#include "sys/cpu.h"

void pb_quiet_memory_load(struct pb_quiet_memory *memory)
{
	*memory = (struct pb_quiet_memory){0};
	pb_cpu_key(memory->key, sizeof memory->key);
	if (probe_noise_store_path(memory->path, sizeof memory->path)) {
		memory->path[0] = '\0';
		return;
	}
	if (pb_noise_store_load(memory->path, memory->key, &memory->remembered, NULL))
		memory->remembered = 0;
	memory->known = memory->remembered;
}

int pb_quiet_memory_learn(struct pb_quiet_memory *memory, const struct probe_round *rounds,
			  size_t n)
{
	double *buffer = calloc(3 * n + 1, sizeof *buffer);
	size_t support = 0;
	if (!buffer)
		return -PROBE_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		buffer[i] = rounds[i].discarded ? (double)NAN : rounds[i].chain_ticks;
		buffer[n + i] = rounds[i].wide_ticks;
	}
	double found = pb_noise_quietest(buffer, buffer + n, n, buffer + 2 * n, &support);
	free(buffer);
	if (found > 0 && (!(memory->lowest > 0) || found < memory->lowest))
		memory->lowest = found;
	memory->known = pb_noise_choose(memory->lowest, memory->remembered);
	bool quieter = found > 0 && (!(memory->found > 0) || found < memory->found);
	if (quieter && support >= PB_NOISE_STORE_SUPPORT) {
		memory->found = found;
		memory->support = support;
	}
	return 0;
}

void pb_quiet_memory_save(const struct pb_quiet_memory *memory)
{
	if (memory->path[0] && memory->found > 0)
		pb_noise_store_update(memory->path, memory->key, memory->found, memory->support,
				      NULL);
}
