/* SPDX-License-Identifier: MIT
 * Calls that another program cut in two: what they waited for the CPU is not what they took.
 *
 * The system is asked only at the end of calls that were long, and at the beginning of those of
 * functions that mostly are, so that short calls pay a compare.
 */
#include <sys/resource.h>
#include <time.h>

#include "hook/watch_state.h"
#include "hook/watch_thread.h"

/* One in so many calls being long makes a function one whose calls are. */
#define MOSTLY 16

static void look(struct pb_watch_look *at)
{
	struct rusage usage = {0};
	struct timespec cpu = {0};
	getrusage(RUSAGE_THREAD, &usage);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	*at = (struct pb_watch_look){(uint64_t)usage.ru_nivcsw, (uint64_t)usage.ru_nvcsw,
				     (double)cpu.tv_sec * 1e9 + (double)cpu.tv_nsec};
}

void pb_watch_look_now(struct pb_watch_thread *t)
{
	look(&t->look);
}

bool pb_watch_look_before(struct pb_watch_thread *t, const struct pb_watch_record *r)
{
	if (r->slow * MOSTLY < r->calls)
		return false;
	look(&t->look);
	return true;
}

/* Ticks that a call spent off the CPU; where it is not known when it began, what is beyond the mean
 * of the calls before. */
static uint64_t off_cpu(const struct pb_watch_record *r, uint64_t ticks, double cpu_ns, bool known,
			bool waited)
{
	uint64_t calls, sum;
	pb_watch_returned(r, &calls, &sum);
	double per_ns, usual = calls ? (double)sum / (double)calls : (double)ticks;
	__atomic_load(&pb_watch_state.ticks_per_ns, &per_ns, __ATOMIC_RELAXED);
	if (known)
		usual = waited ? (double)ticks : cpu_ns * per_ns;
	return (double)ticks > usual ? ticks - (uint64_t)usual : 0;
}

uint64_t pb_watch_disturbed(struct pb_watch_thread *t, struct pb_watch_record *r, uint64_t ticks,
			    const struct pb_watch_before *before)
{
	uint64_t off = t->off - before->off; /* found by calls within this one */
	uint64_t left = ticks > off ? ticks - off : 0;
	if (left > __atomic_load_n(&pb_watch_state.long_ticks, __ATOMIC_RELAXED)) {
		struct pb_watch_look then = t->look;
		look(&t->look);
		bool waited = t->look.waits != then.waits;
		if (t->look.preemptions != then.preemptions) {
			uint64_t more = off_cpu(r, left, t->look.cpu_ns - then.cpu_ns,
						before->looked, waited);
			t->off += more ? more : 1;
			left -= more;
		} else {
			r->slow++;
		}
	}
	if (t->off != before->off) {
		pb_watch_count(&r->preempted, 1);
		pb_watch_count(&r->off, ticks - left);
	}
	return left;
}
