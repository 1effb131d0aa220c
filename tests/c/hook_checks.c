/* SPDX-License-Identifier: MIT
 * The list of hook checks, and what they share.
 */
#include "hook_checks.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

static unsigned failures;
static bool skipped;

void hook_check_failed(const char *file, int line, const char *what, const char *detail)
{
	__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
	printf("     %s:%d: not so: %s%s%s\n", file, line, what, detail[0] ? ": " : "", detail);
}

void hook_check_skipped(const char *reason)
{
	skipped = true;
	printf("     skipped: %s\n", reason);
}

enum hook_outcome hook_check_run(const struct hook_check *check)
{
	failures = 0;
	skipped = false;
	check->run();
	fflush(stdout);
	return failures ? HOOK_FAILED : skipped ? HOOK_SKIPPED : HOOK_PASSED;
}

const enum pb_thunk_kind hook_around[] = {PB_THUNK_COUNT_CALLS, PB_THUNK_DELAY,     PB_THUNK_RECORD,
					  PB_THUNK_STAMP_TICKS, PB_THUNK_STAMP_PMC, PB_THUNK_TRACE,
					  PB_THUNK_JUMP,        PB_THUNK_GUARD,     PB_THUNK_FENCE};
const size_t hook_around_count = COUNT(hook_around);

const char *hook_kind_name(enum pb_thunk_kind kind)
{
	static const char *const names[PB_THUNK_KINDS] = {
		"ready",      "with data",   "replay void",    "replay int",  "replay float",
		"replay all", "ffi 8",       "ffi 16",         "count calls", "delay",
		"record",     "stamp ticks", "stamp pmc",      "trace",       "jump",
		"guard",      "fence",       "repeat waiting", "repeat free",
	};
	return names[kind];
}

bool hook_thunk(struct pb_thunk *t, enum pb_thunk_kind kind, void *target, unsigned layer)
{
	struct probe_error err = {0};
	int rc = pb_thunk_new(t, kind, &err);
	CHECK_FOR(rc == 0, err.msg);
	if (rc)
		return false;
	t->data->target = target;
	if (kind == PB_THUNK_JUMP || kind == PB_THUNK_FENCE || kind == PB_THUNK_REPEAT_WAITING ||
	    kind == PB_THUNK_REPEAT_FREE)
		*(void **)(void *)&t->data->fn = target;
	t->data->spin = 3;
	t->data->event_in = 2 * layer;
	t->data->event_out = 2 * layer + 1;
	return true;
}

/* --- made-up performance counters ------------------------------------------------------------- */

static struct sigaction handlers[2];
static volatile sig_atomic_t fake_reads;

/* Does what the refused instruction would have done; anything else faults again, for good. */
static void emulate_pmc(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	(void)info;
#if defined(__x86_64__)
	greg_t *r = uc->uc_mcontext.gregs;
	const unsigned char *code = (const unsigned char *)(uintptr_t)r[REG_RIP];
	if (code[0] == 0x0f && code[1] == 0x33) { /* rdpmc */
		uint64_t v = FAKE_PMC_VALUE((uint32_t)r[REG_RCX], (uint64_t)++fake_reads);
		r[REG_RAX] = (greg_t)(v & 0xffffffff);
		r[REG_RDX] = (greg_t)(v >> 32);
		r[REG_RIP] += 2;
		return;
	}
#elif defined(__aarch64__)
	mcontext_t *m = &uc->uc_mcontext;
	uint32_t code = *(const uint32_t *)(uintptr_t)m->pc;
	uint32_t index = (code >> 5 & 31);
	/* mrs Xt, pmevcntrN_el0: N in five bits of the name; pmccntr_el0 is a name of its own. */
	bool event = (code & 0xfffffc00) == 0xd53be800, cycles = (code & ~31u) == 0xd53b9d00;
	if (event || cycles) {
		m->regs[code & 31] = FAKE_PMC_VALUE(cycles ? 31 : index, (uint64_t)++fake_reads);
		m->pc += 4;
		return;
	}
#endif
	signal(sig, SIG_DFL);
}

void hook_fake_pmc_begin(void)
{
	struct sigaction act = {.sa_sigaction = emulate_pmc, .sa_flags = SA_SIGINFO};
	fake_reads = 0;
	sigaction(SIGSEGV, &act, &handlers[0]);
	sigaction(SIGILL, &act, &handlers[1]);
}

void hook_fake_pmc_end(void)
{
	sigaction(SIGSEGV, &handlers[0], NULL);
	sigaction(SIGILL, &handlers[1], NULL);
}

unsigned hook_fake_pmc_reads(void)
{
	return (unsigned)fake_reads;
}

/* --- the list --------------------------------------------------------------------------------- */

#define ROW(name) {#name, check_##name},
const struct hook_check hook_checks[] = {HOOK_CHECKS(ROW)};
const size_t hook_check_count = COUNT(hook_checks);
