/* SPDX-License-Identifier: MIT */
#include "engine/quiet.h"

#include <math.h>
#include <stdlib.h>

#include "engine/noise.h"

int pb_quiet_ratio_of(const struct probe_round *rounds, size_t n, double *out)
{
	double *buffer = calloc(3 * n + 1, sizeof *buffer);
	if (!buffer)
		return -PROBE_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		buffer[i] = rounds[i].discarded ? NAN : rounds[i].chain_ticks;
		buffer[n + i] = rounds[i].wide_ticks;
	}
	*out = pb_noise_quietest(buffer, buffer + n, n, buffer + 2 * n, NULL);
	free(buffer);
	return 0;
}

bool pb_quiet_round(const struct probe_round *round, double quiet_ratio)
{
	return !round->discarded &&
	       pb_noise_is_quiet(round->chain_ticks, round->wide_ticks, quiet_ratio);
}
