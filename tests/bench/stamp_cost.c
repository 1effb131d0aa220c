/* SPDX-License-Identifier: MIT
 * What a stamp of the timeline costs beside a bare read of the same counter; prints JSON.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/timeline.h"
#include "stats/stats.h"
#include "sys/arch.h"

enum { READS = 4096, REPEATS = 101 };

/* Ticks that one read takes when reads follow one another: the least that a stamp can cost. */
static double bare_read_ticks(void)
{
	double runs[REPEATS];
	for (size_t k = 0; k < REPEATS; k++) {
		uint64_t begin = pb_arch_ticks(), end = begin;
		for (int i = 0; i < READS; i++)
			end = pb_arch_ticks();
		runs[k] = (double)(end - begin) / (double)READS;
	}
	return pb_median(runs, REPEATS);
}

int main(void)
{
	struct probe_error err = {0};
	struct probe_counter *counter = NULL;
	struct pb_stamp_cost cost;
	static struct pb_ring ring;
	/* Both in one unit on every machine. */
	int rc = probe_counter_open(&counter, "tsc", &err);
	if (!rc)
		rc = pb_ring_attach(&ring, PB_TIMELINE_RING_EVENTS, &err);
	if (!rc) {
		rc = pb_stamp_calibrate(counter, &ring, &cost, &err);
		double read = bare_read_ticks();
		if (!rc)
			printf("{\"hz\": %.0f, \"bare_read_ticks\": %.2f, \"in_in_ticks\": %.2f, "
			       "\"in_out_ticks\": %.2f, \"out_out_ticks\": %.2f, "
			       "\"out_in_ticks\": %.2f}\n",
			       probe_counter_facts(counter)->hz, read, cost.in_in, cost.in_out,
			       cost.out_out, cost.out_in);
		pb_ring_detach(&ring);
	}
	probe_counter_close(counter);
	if (rc) {
		fprintf(stderr, "stamp_cost: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
