/* SPDX-License-Identifier: MIT
 * The timeline: thunks stamp every boundary of one real call. Gives the shape of a call, all the
 * sub-phases that have a boundary, and the distribution over calls. It knows nothing of Python.
 */
#ifndef PB_ENGINE_TIMELINE_H
#define PB_ENGINE_TIMELINE_H

#include "hook/thunk.h"
#include "probe/analysis.h"
#include "probe/counter.h"

/* Events are 2 * layer on the way in and 2 * layer + 1 on the way out. */
enum pb_timeline_layer {
	PB_TL_ENTRY,
	PB_TL_DETACH,
	PB_TL_ATTACH,
	PB_TL_INVOKE,
	PB_TL_TARGET,
	PB_TL_LAYERS,
};

#define PB_TIMELINE_RING_EVENTS 8192

/* Which sub-phases lie between two consecutive stamps of a path that has `subphases`. Stages that
 * no stamp separates come out in one mask. The pair (entry out, entry in) is call and return. */
unsigned pb_timeline_mask(unsigned event, unsigned next, unsigned subphases);

/* What a stamp costs, by the kinds of the two stamps that bound a stretch; ticks. */
struct pb_stamp_cost {
	double in_in, in_out, out_out, out_in;
};

struct pb_timeline_ops {
	/* Each runs `calls` iterations and stores the ticks they took (or PB_TICKS_LOST). */
	int (*run_stamped)(void *ctx, uint64_t calls, uint64_t *ticks);
	int (*run_plain)(void *ctx, uint64_t calls, uint64_t *ticks);
	int (*run_empty)(void *ctx, uint64_t calls, uint64_t *ticks);
	int (*pause)(void *ctx);
};

struct pb_timeline_config {
	unsigned subphases;
	unsigned rounds;
	double round_us, wait_s, quiet_ratio;
	unsigned calls; /* stamped and plain ones in each round; 0 = by round_us */
	uint64_t seed;
};

struct pb_timeline {
	struct probe_timeline_shape shape;
	double calibrated_ticks;            /* stamps of one call, as calibrated alone */
	uint64_t calls, calls_discarded;    /* discarded: stamps not in the usual order */
	struct probe_histogram *histograms; /* one a part, raw ticks */
	struct probe_histogram *whole;      /* entry to next entry */
	/* The order of stamps in one call, as first seen. */
	unsigned char events[PROBE_MAX_STRETCHES];
};

/* Warms up, then measures; samples' columns are the parts, then enum probe_timeline_column.
 * samples->rounds and samples->warmup are the caller's to free(); the timeline is released with
 * pb_timeline_fini(), also after a failure. Returns 0, -PROBE_ECHILD, -PROBE_EUNHOOKABLE (no stamp
 * was hit), -PROBE_ENOMEM.
 */
int pb_timeline_run(struct probe_counter *counter, struct pb_ring *ring,
		    const struct pb_timeline_ops *ops, void *ctx,
		    const struct pb_timeline_config *config, struct pb_timeline *out,
		    struct probe_process_samples *samples, struct probe_error *err);
void pb_timeline_fini(struct pb_timeline *t);

/* Takes the usual order of n stamps, from one outermost stamp to the next, and which parts lie
 * between them. Returns 0, -PROBE_EUNHOOKABLE, -PROBE_ENOMEM; pb_timeline_fini() is due. */
int pb_timeline_learn(struct pb_timeline *t, const struct pb_event *e, size_t n, unsigned subphases,
		      const struct pb_stamp_cost *cost, struct probe_error *err);
/* Shares out anew, once both loops have run, what stamps cost in place. Alone (a calibrated call's
 * stamps, shared by the weights so far) they cost more, as part of a stamp hides behind the work
 * beside it: so each stretch is let off alike, but none by more than it has work to hide behind. An
 * empty target keeps the whole cost of its stamps, and so comes out as nothing.
 * @raw_ticks    a call's stamped ticks, by part
 * @plain_ticks  a call of the plain loop */
void pb_timeline_share(struct probe_timeline_shape *shape, double calibrated_ticks,
		       const double *raw_ticks, double plain_ticks);
/* Whether the stamps from e on are one call in that order, and the next call's first. */
bool pb_timeline_usual_order(const struct pb_timeline *t, const struct pb_event *e);

/* Measures what stamps cost by themselves, which says how their cost in a real call is shared out
 * between stretches: three nested thunks around an empty function, minus the empty call
 * alone. The calling thread needs a ring. Returns 0 or an error of pb_thunk_new(). */
int pb_stamp_calibrate(struct probe_counter *counter, struct pb_ring *ring,
		       struct pb_stamp_cost *out, struct probe_error *err);

#endif
