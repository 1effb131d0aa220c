/* SPDX-License-Identifier: MIT
 * The machine: its facts, what would make measuring on it better, and how noisy it is just now.
 */
#ifndef PROBE_MACHINE_H
#define PROBE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/counter.h"
#include "probe/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* CPU time of the whole machine since boot, in the kernel's clock ticks. */
struct probe_cpu_time {
	uint64_t total_jiffies;
	uint64_t steal_jiffies; /* taken by the hypervisor for others */
};

/* A yes or no that the machine may not show. */
enum probe_tristate { PROBE_UNKNOWN = -1, PROBE_NO = 0, PROBE_YES = 1 };

/* Texts are "" and numbers negative (or NaN) where the machine doesn't show them. */
struct probe_machine {
	char cpu_model[128];
	char hypervisor[64]; /* "" on bare metal (or where it hides) */
	char kernel[128];
	char online[128], isolated[128], allowed[128]; /* CPU lists such as "0-3,8" */
	int online_count, allowed_count;
	char smt_siblings[64]; /* of the CPU that probe_machine_pick_cpu() gives */
	char governor[32], clocksource[32];
	enum probe_tristate turbo, ticks_invariant, nmi_watchdog;
	int perf_event_paranoid; /* INT_MIN = not shown (the levels start at -1) */
	int aslr;                /* kernel.randomize_va_space: 0 to 2 */
	double load_1min;
	int64_t memory_bytes;
	struct probe_cpu_time cpu_time;
	/* What building and drawing need; perf is only good to have. */
	bool has_cc, has_gnuplot, has_perf, has_libunwind_headers, has_apt;
};

/* Reads the facts. Never fails: what isn't shown is absent.
 * Threads: safe. Cost: some dozen small files. */
PROBE_API void probe_machine_read(struct probe_machine *out);

/* Appends the facts to a run, as "key" -> "value"; what isn't shown is left out.
 * Returns 0, -PROBE_ENOMEM. */
PROBE_API int probe_machine_facts(struct probe_run *run, struct probe_error *err);

/* The CPU to measure on: the first isolated one that this process may use, else the last allowed
 * one. Threads: tries out affinities on the calling thread and restores them. */
PROBE_API int probe_machine_pick_cpu(void);

/* Pins the calling thread. Returns 0, -PROBE_EINVAL (no such CPU, or not allowed), -PROBE_ESYS. */
PROBE_API int probe_machine_pin(int cpu, struct probe_error *err);

/* Reads the machine's CPU time. Returns 0, -PROBE_ESYS. */
PROBE_API int probe_machine_cpu_time(struct probe_cpu_time *out);
/* Share of the time between the two that was stolen, 0 to 1; NaN when no time passed. Pure. */
PROBE_API double probe_machine_steal_share(const struct probe_cpu_time *begin,
					   const struct probe_cpu_time *end);

enum probe_severity {
	PROBE_GOOD_TO_KNOW, /* nothing wrong: a property of the machine that figures carry */
	PROBE_ADVICE,       /* would make figures steadier */
	PROBE_PROBLEM,      /* something can't be done, or figures suffer */
};

struct probe_finding {
	enum probe_severity severity;
	char what[224];
	char fix[256]; /* a command (or one line of advice); "" when there is nothing to be done */
};

/* What would make measuring here better, worst first. Pure.
 * Writes at most `capacity` and returns how many. */
PROBE_API size_t probe_machine_findings(const struct probe_machine *m, struct probe_finding *out,
					size_t capacity);

/* Where the quietest reference ratio of each CPU model is remembered: quiet.json in probe's cache.
 * Returns 0, -PROBE_ENOENT (neither XDG_CACHE_HOME nor HOME is set), -PROBE_EINVAL (too small),
 * -PROBE_ESYS (no cache folder can be trusted). */
PROBE_API int probe_noise_store_path(char *buf, size_t size);

/* The machine's state over some seconds, by the noise reference. Ticks are per add. */
struct probe_noise_report {
	size_t readings, quiet;  /* of those, with the core to itself */
	size_t disturbed;        /* left out: context switch, migration */
	double quiet_share;      /* 0 to 1; NaN without readings */
	double chain_ticks;      /* median of all readings */
	double wide_ticks;       /* median of all readings */
	double quiet_wide_ticks; /* median of the quiet ones; NaN without any */
	double quiet_ratio;      /* wide/chain of a quiet core, as judged by; 0 = not known */
	double remembered_ratio; /* from earlier runs; 0 = none */
	double cycles_per_tick;  /* from the median chain */
	double steal_share;      /* NaN = not shown */
	bool contended;          /* a cell measured now would be marked so */
};

/* Watches: sleeps most of the time, about 200 readings a second, on the calling thread's CPU.
 * @c  a counter opened by this thread.   @seconds  0.05 to 3600.
 * @store_path  the memory to judge by and to add to; NULL = neither.
 * @stop  polled between readings; may be NULL. Non-zero ends the watch early.
 * Returns 0, -PROBE_EINVAL, -PROBE_ENOMEM, or as probe_counter_read(). A memory that can't be read
 * or written is no failure. */
PROBE_API int probe_noise_watch(struct probe_counter *c, double seconds, const char *store_path,
				const volatile int *stop, struct probe_noise_report *out,
				struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
