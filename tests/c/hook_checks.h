/* SPDX-License-Identifier: MIT
 * Checks of hooks that need libc alone, so that one source runs under cmocka and under qemu-user.
 */
#ifndef HOOK_CHECKS_H
#define HOOK_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/thunk.h"

/* One check. It goes on after a failure, and may end itself by SKIP. */
struct hook_check {
	const char *name;
	void (*run)(void);
};

enum hook_outcome { HOOK_PASSED, HOOK_FAILED, HOOK_SKIPPED };

extern const struct hook_check hook_checks[];
extern const size_t hook_check_count;

/* Runs one; prints where it failed, or why it was skipped. */
enum hook_outcome hook_check_run(const struct hook_check *check);

/* Every check there is; each is a function check_NAME(). */
#define HOOK_CHECKS(X)                                                                             \
	X(registers_come_through)                                                                  \
	X(registers_come_through_nested)                                                           \
	X(registers_come_through_a_full_shadow_stack)                                              \
	X(calls_from_elsewhere_pass)                                                               \
	X(calls_from_the_place_are_met)                                                            \
	X(results_of_every_shape)                                                                  \
	X(variadic_calls)                                                                          \
	X(replay_gives_what_was_recorded)                                                          \
	X(replay_by_register)                                                                      \
	X(ffi_stubs_write_their_bytes)                                                             \
	X(ready_and_with_data)                                                                     \
	X(repeat_calls_with_the_same_arguments)                                                    \
	X(copies_differ_in_place)                                                                  \
	X(delay_grows_with_its_steps)                                                              \
	X(pmc_of_every_number)                                                                     \
	X(events_in_order)                                                                         \
	X(recursion_past_the_shadow_stack)                                                         \
	X(ring_wraps_around)                                                                       \
	X(ring_sizes)                                                                              \
	X(thread_without_ring)                                                                     \
	X(threads_share_a_stamp)                                                                   \
	X(threads_share_a_count)                                                                   \
	X(stamps_calibrate)                                                                        \
	X(timed_part_allocates_nothing)                                                            \
	X(no_page_is_writable_and_executable)                                                      \
	X(slot_in_data)                                                                            \
	X(slots_on_one_read_only_page)                                                             \
	X(slots_refused)                                                                           \
	X(got_slot_of_this_program)                                                                \
	X(got_errors)

#define DECLARE_CHECK(name) void check_##name(void);
HOOK_CHECKS(DECLARE_CHECK)

/* --- for the checks themselves ---------------------------------------------------------------- */

void hook_check_failed(const char *file, int line, const char *what, const char *detail);
void hook_check_skipped(const char *reason);

#define CHECK_FOR(holds, detail)                                                                   \
	do {                                                                                       \
		if (!(holds))                                                                      \
			hook_check_failed(__FILE__, __LINE__, #holds, detail);                     \
	} while (0)
#define CHECK(holds) CHECK_FOR(holds, "")
#define SKIP(reason)                                                                               \
	do {                                                                                       \
		hook_check_skipped(reason);                                                        \
		return;                                                                            \
	} while (0)

#define ADDRESS(function)       ((void *)(uintptr_t)(function))
#define CALLABLE(type, address) ((type)(uintptr_t)(address))
#define COUNT(array)            (sizeof(array) / sizeof(array)[0])

/* Makes a thunk around a target; the events are 2 * layer and 2 * layer + 1. Fails the check when
 * it can't. */
bool hook_thunk(struct pb_thunk *t, enum pb_thunk_kind kind, void *target, unsigned layer);
const char *hook_kind_name(enum pb_thunk_kind kind);

/* The kinds that stand around a target: all of a call must come through them unchanged. */
extern const enum pb_thunk_kind hook_around[];
extern const size_t hook_around_count;

/* Until the end, reads of performance counters that the kernel refuses are made up: counter i gives
 * i * 1000 + the number of reads so far. */
void hook_fake_pmc_begin(void);
void hook_fake_pmc_end(void);
unsigned hook_fake_pmc_reads(void);
#define FAKE_PMC_VALUE(index, reads) ((uint64_t)(index)*1000 + (reads))

#endif
