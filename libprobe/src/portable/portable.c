/* SPDX-License-Identifier: MIT
 * One measurement: its counter, its target's seam, its rounds.
 */
#include "portable/portable.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

#include "base/fail.h"
#include "engine/ladder.h"
#include "probe/machine.h"
#include "stack/backtrace.h"
#include "sys/counter.h"

/* Of this thread's CPU time, for all others: above that a compiler is at work. */
#define BUSY_SHARE 0.2
/* Of warming up: its time is limited, not their number. */
#define MOST_BURSTS 20000

static int failed(int rc)
{
	return rc < 0 ? -1 : 0;
}

static void *pointer(unsigned long long address)
{
	return (void *)(uintptr_t)address;
}

static int no_seam(struct pb_portable *p)
{
	return failed(pb_fail(&p->err, PROBE_EINVAL, 0, "this call has no target that is known"));
}

struct pb_portable *pb_portable_open(void)
{
	struct pb_portable *p = calloc(1, sizeof *p);
	if (p && probe_counter_open(&p->counter, NULL, &p->err)) {
		free(p);
		p = NULL;
	}
	return p;
}

void pb_portable_close(struct pb_portable *p)
{
	if (!p)
		return;
	pb_slot_close(&p->slot);
	pb_thunk_free(&p->delay);
	pb_thunk_free(&p->record);
	pb_thunk_free(&p->stub);
	pb_thunk_free(&p->count);
	pb_thunk_free(&p->fence);
	if (p->ring_attached)
		pb_ring_detach(&p->ring);
	probe_counter_close(p->counter);
	free(p->samples.rounds);
	free(p->samples.warmup);
	free(p->answer);
	free(p);
}

const char *pb_portable_error(const struct pb_portable *p)
{
	return p->err.msg;
}

int pb_portable_pin(struct pb_portable *p, int cpu)
{
	return failed(probe_machine_pin(cpu, &p->err));
}

int pb_portable_catch_crashes(struct pb_portable *p, int fd)
{
	return failed(pb_backtrace_on_crash(fd, &p->err));
}

/* --- libraries -------------------------------------------------------------------------------- */

unsigned long long pb_portable_library(struct pb_portable *p, const char *path, int local)
{
	void *handle = dlopen(path, RTLD_NOW | (local ? RTLD_LOCAL : RTLD_GLOBAL));
	if (!handle)
		pb_fail(&p->err, PROBE_ESYS, 0, "can't load a library: %s", dlerror());
	return (uintptr_t)handle;
}

unsigned long long pb_portable_symbol(struct pb_portable *p, unsigned long long library,
				      const char *name)
{
	void *address = dlsym(pointer(library), name);
	if (!address)
		pb_fail(&p->err, PROBE_ENOENT, 0, "no symbol %s in the target's library", name);
	return (uintptr_t)address;
}

unsigned long long pb_portable_veneer_slot(struct pb_portable *p, unsigned long long library)
{
	void **(*slot)(void);
	*(void **)(void *)&slot = dlsym(pointer(library), "probe_veneer_slot");
	if (!slot)
		pb_fail(&p->err, PROBE_EINVAL, 0, "the library is not a veneer");
	return slot ? (uintptr_t)slot() : 0;
}

/* --- the timed span --------------------------------------------------------------------------- */

void pb_portable_begin(struct pb_portable *p)
{
	p->ticks = PB_TICKS_LOST;
	probe_counter_read(p->counter, &p->begin);
}

void pb_portable_end(struct pb_portable *p)
{
	struct probe_reading end;
	probe_counter_read(p->counter, &end);
	struct probe_delta delta = probe_reading_delta(&p->begin, &end);
	if (delta.state == PROBE_EXACT)
		p->ticks = (uint64_t)delta.ticks;
	if (p->ticks < p->least)
		p->least = p->ticks;
}

/* --- the target ------------------------------------------------------------------------------- */

static void set_target(const struct pb_portable *p, void *entry)
{
	if (p->slot.address)
		pb_slot_set(&p->slot, entry);
}

int pb_portable_target(struct pb_portable *p, unsigned long long slot, unsigned long long real)
{
	if (pb_slot_open(&p->slot, pointer(slot), &p->err))
		return -1;
	p->base = pointer(real);
	set_target(p, p->base);
	return 0;
}

int pb_portable_delay(struct pb_portable *p, unsigned long long steps)
{
	if (!p->slot.address)
		return no_seam(p);
	if (pb_thunk_new(&p->delay, PB_THUNK_DELAY, &p->err))
		return -1;
	p->delay.data->target = p->base;
	p->delay.data->spin = steps;
	p->base = pb_thunk_entry(&p->delay, 0);
	set_target(p, p->base);
	return 0;
}

double pb_portable_spin_ticks(struct pb_portable *p, unsigned long long steps)
{
	struct pb_thunk thunk;
	struct probe_reading begin, end;
	void (*spin)(void);
	if (pb_thunk_new(&thunk, PB_THUNK_DELAY, &p->err))
		return -1;
	thunk.data->target = (void *)(uintptr_t)pb_empty_function;
	thunk.data->spin = steps;
	*(void **)(void *)&spin = pb_thunk_entry(&thunk, 0);
	probe_counter_read(p->counter, &begin);
	spin();
	probe_counter_read(p->counter, &end);
	pb_thunk_free(&thunk);
	return probe_reading_delta(&begin, &end).ticks - pb_counter_overhead_ticks(p->counter);
}

int pb_portable_replay(struct pb_portable *p, unsigned long long table)
{
	const struct pb_replay *replay = pointer(table);
	if (replay->copies != PB_THUNK_VARIANTS)
		return failed(
			pb_fail(&p->err, PROBE_EABI, 0, "the replay library is another probe's"));
	p->replay = replay;
	return 0;
}

int pb_portable_has_callbacks(const struct pb_portable *p)
{
	return p->replay && p->replay->callback[0];
}

/* RECORD and FENCE keep their return address in a ring. */
static int attach_ring(struct pb_portable *p)
{
	if (!p->ring_attached && pb_ring_attach(&p->ring, 2, &p->err))
		return -1;
	p->ring_attached = true;
	return 0;
}

int pb_portable_record_begin(struct pb_portable *p)
{
	if (!p->slot.address)
		return no_seam(p);
	if (p->replay) {
		*p->replay->real = p->base;
		set_target(p, p->replay->record);
		return 0;
	}
	if (attach_ring(p) || pb_replay_record(&p->record, p->base, &p->err))
		return -1;
	set_target(p, pb_thunk_entry(&p->record, 0));
	return 0;
}

int pb_portable_record_end(struct pb_portable *p, const char *returns)
{
	set_target(p, p->base);
	if (attach_ring(p) || pb_thunk_new(&p->fence, PB_THUNK_FENCE, &p->err))
		return -1;
	p->fence.data->target = p->base;
	return p->replay ? 0 : failed(pb_replay_recorded(&p->stub, &p->record, returns, &p->err));
}

int pb_portable_count_begin(struct pb_portable *p)
{
	if (!p->slot.address)
		return no_seam(p);
	if (!p->count.data && pb_thunk_new(&p->count, PB_THUNK_COUNT_CALLS, &p->err))
		return -1;
	p->count.data->target = p->base;
	p->count.data->count = 0;
	set_target(p, pb_thunk_entry(&p->count, 0));
	return 0;
}

unsigned long long pb_portable_count_end(struct pb_portable *p)
{
	set_target(p, p->base);
	return __atomic_load_n(&p->count.data->count, __ATOMIC_ACQUIRE);
}

static void *stub_of_target(const struct pb_portable *p, unsigned variant)
{
	if (p->replay)
		return p->replay->target[variant];
	return p->stub.data ? pb_thunk_entry(&p->stub, variant) : p->base;
}

int pb_portable_arm(struct pb_portable *p, int rung, unsigned variant)
{
	void *entry = p->base;
	variant %= PB_THUNK_VARIANTS;
	if (rung == PROBE_RUNG_TARGET || rung == PROBE_RUNG_FENCED_TARGET)
		entry = stub_of_target(p, variant);
	else if (rung == PROBE_RUNG_CALLBACK_STUB && p->replay)
		entry = p->replay->callback[variant];
	if (p->fence.data && (rung == PROBE_RUNG_FENCED || rung == PROBE_RUNG_FENCED_TARGET)) {
		*(void **)(void *)&p->fence.data->fn = entry;
		entry = pb_thunk_entry(&p->fence, 0);
	}
	set_target(p, entry);
	return 0;
}

/* --- the rounds ------------------------------------------------------------------------------- */

static int arm(void *ctx, enum probe_rung rung, unsigned variant)
{
	return pb_portable_arm(ctx, (int)rung, variant);
}

static int run(void *ctx, enum probe_rung rung, uint64_t calls, uint64_t *ticks)
{
	struct pb_portable *p = ctx;
	p->least = PB_TICKS_LOST;
	if (p->run((int)rung, calls))
		return -1;
	/* Of no calls there is a whole series of spans. */
	*ticks = calls ? p->ticks : p->least;
	return 0;
}

static double cpu_s(clockid_t clock)
{
	struct timespec t = {0};
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Other threads that ran since the last look: compilers. By this thread's own time and not by the
 * clock, as on a busy machine they all get less. */
static bool compiling(void *ctx)
{
	struct pb_portable *p = ctx;
	double own_s = cpu_s(CLOCK_THREAD_CPUTIME_ID);
	double others_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - own_s;
	p->compiling = others_s - p->others_s > BUSY_SHARE * (own_s - p->own_s);
	p->own_s = own_s;
	p->others_s = others_s;
	return p->compiling;
}

int pb_portable_ladder(struct pb_portable *p, unsigned rungs, unsigned own_loops,
		       unsigned subphases, unsigned rounds, double round_us, unsigned calls,
		       double least_s, double most_s, double wait_s, double quiet_ratio,
		       unsigned long long seed, pb_portable_run *loop)
{
	/* Signals are Python's: its loops see them. */
	const struct pb_ladder_ops ops = {arm, run, NULL, compiling};
	const struct pb_warmup_config warmup = {.least_calls = UINT64_MAX,
						.least_s = least_s,
						.most_s = most_s,
						.most_bursts = MOST_BURSTS};
	const struct pb_ladder_config config = {.rungs = rungs,
						.subphases = subphases,
						.rounds = rounds,
						.round_us = round_us,
						.calls = calls,
						.wait_s = wait_s,
						.quiet_ratio = quiet_ratio,
						.seed = seed,
						.warmup = &warmup,
						.own_loops = own_loops};
	free(p->samples.rounds);
	free(p->samples.warmup);
	p->samples = (struct probe_process_samples){0};
	p->run = loop;
	int rc = pb_ladder_run(p->counter, &ops, p, &config, &p->samples, &p->err);
	set_target(p, p->base);
	return failed(rc);
}
