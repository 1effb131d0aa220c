/* SPDX-License-Identifier: MIT
 * From samples to phases with intervals. Pure functions: no clock, no file, no Python; the same
 * samples give the same figures wherever they are called.
 */
#ifndef PROBE_ANALYSIS_H
#define PROBE_ANALYSIS_H

#include <stdint.h>

#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is left of the call on one rung of the ladder. */
enum probe_rung {
	PROBE_RUNG_EMPTY,          /* the loop alone */
	PROBE_RUNG_ENTRY,          /* binding entry returns a ready object */
	PROBE_RUNG_INVOKE,         /* ffi_call returns at once */
	PROBE_RUNG_TARGET,         /* the target returns at once */
	PROBE_RUNG_REAL,           /* the whole call */
	PROBE_RUNG_SIDE,           /* as TARGET, and the thread-state calls return at once */
	PROBE_RUNG_PYCALL,         /* pure Python: an empty function of the same signature */
	PROBE_RUNG_SIDE_INVOKE,    /* as INVOKE, and the thread-state calls return at once */
	PROBE_RUNG_CALLBACK_STUB,  /* native code's calls back to Python return at once */
	PROBE_RUNG_CALLBACK_EMPTY, /* they reach a built-in that returns a ready object at once */
	PROBE_RUNG_FENCED,         /* the whole call, its target overlapping with nothing */
	PROBE_RUNG_FENCED_TARGET,  /* as TARGET, its stub overlapping with nothing */
	PROBE_RUNG_COUNT,
};

/* Columns of a round: the rungs of a ladder, or the parts and totals of a timeline. */
#define PROBE_COLUMNS 12

/* Columns of a timeline's rounds: its parts come first, in the order of their masks. */
enum probe_timeline_column {
	PROBE_TIMELINE_STAMPED = PROBE_MAX_PARTS, /* whole loop with its stamps */
	PROBE_TIMELINE_PLAIN,                     /* whole loop, no stamp in place */
	PROBE_TIMELINE_EMPTY,                     /* the loop alone */
};

PROBE_API const char *probe_rung_name(enum probe_rung rung);

/* One round: every column once, in random order, between two reference readings. */
struct probe_round {
	double ticks[PROBE_COLUMNS];    /* per call; NaN where the column is not there */
	uint8_t variant[PROBE_COLUMNS]; /* which copy of the stub was in place */
	double chain_ticks, wide_ticks; /* per add, the worse of the two readings */
	bool discarded;                 /* context switch, migration or multiplexing inside */
	/* What that is made of, while rounds are collected: */
	bool waited;    /* gave the core away by itself */
	bool disturbed; /* anything else */
};

/* A few calls in a row before anything is measured: a point of the warm-up series. */
struct probe_burst {
	uint64_t calls;
	double ticks;   /* per call, the loop's own included; NaN = lost */
	bool contended; /* or disturbed: by the same rules as rounds */
};

/* What one process measured. */
struct probe_process_samples {
	unsigned rungs;     /* bit mask of 1 << column: enum probe_rung for a ladder */
	unsigned subphases; /* mask of PROBE_BIT()s: the sub-phases that this path has at all */
	struct probe_round *rounds;
	size_t round_count;
	/* The twin process without veneer and hooks; 0 rounds = absent. Only EMPTY and REAL. */
	struct probe_round *bare;
	size_t bare_count;
	uint64_t calls_per_round;
	/* Its first calls, in order, until they were steady or patience ended; 0 = not recorded. */
	struct probe_burst *warmup;
	size_t warmup_count;
	/* The target called by itself from C with the call's arguments, over and over; ticks. */
	struct probe_alone_samples {
		bool present;
		double waiting; /* each call after the end of the one before */
		double free;    /* calls that may overlap */
	} alone;
};

struct probe_ladder_options {
	double quiet_ratio;       /* wide/chain of a quiet core; 0 = take the quietest seen */
	double granularity_ticks; /* of the counter, for the floor */
	uint64_t seed;            /* of the bootstrap */
	unsigned resamples;       /* bootstrap resamples, >= 50; 0 = 200 */
	bool pure_python;         /* rungs are EMPTY, PYCALL, REAL: a total and an empty call */
};

/* Turns the samples of several processes into one cell's ladder figures.
 * @out  overwritten; its passes are allocated here, owned by the caller's cell.
 * The phases sum to the total, but for out->overlap where compute was measured between fences.
 * Each phase's interval joins the within-process part (bootstrap over rounds, pairing kept), the
 * between-process part (Student's t over process estimates) and the stub-layout part.
 * Returns 0, -PROBE_EINVAL (no process has a usable round), -PROBE_ENOMEM. */
PROBE_API int probe_ladder_analyse(const struct probe_process_samples *processes, size_t n,
				   const struct probe_ladder_options *options,
				   struct probe_engine *out, struct probe_error *err);

#define PROBE_MAX_STRETCHES 16

/* What a timeline's columns are: a call is a cycle of stretches between stamps. */
struct probe_timeline_shape {
	size_t part_count;
	unsigned masks[PROBE_MAX_PARTS];            /* of the first part_count columns */
	double weights[PROBE_MAX_PARTS];            /* shares of the stamps' cost; sum to 1 */
	size_t stretch_count;                       /* = stamps of one call */
	unsigned char part_of[PROBE_MAX_STRETCHES]; /* stretch -> part */
};

/* The same for the timeline. What stamps cost is measured in place, as the stamped loop less the
 * plain one (each stamp once, nothing calibrated elsewhere), and shared out by the weights; so the
 * parts sum to the plain total. How one stamp's cost splits between the stretch before it and the
 * one after is not known, but alike at every boundary: it widens each part's interval by half a
 * stamp for every boundary that the part has. Returns as probe_ladder_analyse(). */
PROBE_API int probe_timeline_analyse(const struct probe_process_samples *processes, size_t n,
				     const struct probe_timeline_shape *shape,
				     const struct probe_ladder_options *options,
				     struct probe_engine *out, struct probe_error *err);

/* Counts of single calls by raw ticks: buckets of one tick to 127, then 64 a power of two. */
#define PROBE_HISTOGRAM_BUCKETS 2048
struct probe_histogram {
	uint32_t counts[PROBE_HISTOGRAM_BUCKETS];
};
PROBE_API unsigned probe_histogram_bucket(uint64_t ticks);
/* The middle of a bucket, ticks. */
PROBE_API double probe_histogram_ticks(unsigned bucket);
/* Quantile q in [0, 1]; NaN when empty. */
PROBE_API double probe_histogram_quantile(const struct probe_histogram *h, double q);

/* Warns on the cell where ladder and timeline disagree beyond their intervals; both figures are
 * named. Returns the number of disagreements. */
PROBE_API int probe_cell_check_engines(struct probe_cell *cell);

/* Warns on the cell where its compute phase disagrees beyond the intervals with the target called
 * by itself, and says what that means.
 * @tick_hz  of the counter; both figures are given in ns. */
PROBE_API int probe_cell_check_target(struct probe_cell *cell, double tick_hz);

#ifdef __cplusplus
}
#endif
#endif
