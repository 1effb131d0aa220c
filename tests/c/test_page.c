/* SPDX-License-Identifier: MIT
 * Reading a perf page: made-up pages, and a fake counter that changes the page under the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/pmu.h"

struct fake {
	struct perf_event_mmap_page page;
	uint64_t pmc;
	uint64_t ticks;
	uint32_t asked_index;
	int rdpmc_calls;
	int changes_left; /* rdpmc calls during which the kernel rewrites the page */
	bool revoke;      /* ... and takes the permission away */
};

static uint64_t fake_rdpmc(void *ctx, uint32_t index)
{
	struct fake *f = ctx;
	uint64_t value = f->pmc;

	f->rdpmc_calls++;
	f->asked_index = index;
	if (f->changes_left > 0) {
		f->changes_left--;
		f->page.lock += 2;
		f->page.offset += 1000;
		if (f->revoke)
			f->page.cap_user_rdpmc = 0;
	}
	return value;
}

static uint64_t fake_ticks(void *ctx)
{
	return ((struct fake *)ctx)->ticks;
}

static struct fake readable(void)
{
	return (struct fake){
		.page = {.cap_bit0_is_deprecated = 1,
			 .cap_user_rdpmc = 1,
			 .pmc_width = 48,
			 .index = 3,
			 .offset = 5000,
			 .time_enabled = 700,
			 .time_running = 700},
		.pmc = 42,
	};
}

static bool page_read(struct fake *f, struct probe_reading *out)
{
	struct pb_pmu_ops ops = {.rdpmc = fake_rdpmc, .ticks = fake_ticks, .ctx = f};
	return pb_pmu_page_read(&ops, &f->page, out);
}

static void adds_offset_and_counter(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r;
	assert_true(page_read(&f, &r));
	assert_int_equal(r.value, 5042);
	assert_int_equal(r.state, PROBE_EXACT);
	assert_false(r.by_syscall);
	assert_int_equal(f.asked_index, 2); /* the page counts from 1 */
	assert_int_equal(r.enabled_ns, 700);
}

/* The kernel starts a counter below zero, so that it overflows in time: a negative number of the
 * page's width, which only a sign extension by that width turns into a small one. */
static void extends_the_sign_by_the_pages_width(void **state)
{
	(void)state;
	for (uint16_t width = 32; width <= 64; width += 8) {
		struct fake f = readable();
		struct probe_reading r;
		f.page.pmc_width = width;
		f.pmc = (uint64_t)-42 & (width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1);
		assert_true(page_read(&f, &r));
		assert_int_equal(r.value, 5000 - 42);
	}
}

static void ignores_bits_above_the_width(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r;
	f.page.pmc_width = 40;
	f.pmc = UINT64_C(7) << 40 | 9;
	assert_true(page_read(&f, &r));
	assert_int_equal(r.value, 5009);
}

static void index_zero_is_unreadable_not_unchanged(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r = {.value = 77};
	f.page.index = 0;
	assert_false(page_read(&f, &r));
	assert_int_equal(f.rdpmc_calls, 0); /* it could fault */
	assert_int_equal(r.value, 77);
}

static void needs_permission_and_a_width(void **state)
{
	(void)state;
	struct probe_reading r;
	struct fake f = readable();
	f.page.cap_user_rdpmc = 0;
	assert_false(page_read(&f, &r));
	f = readable();
	f.page.cap_bit0_is_deprecated = 0; /* an old kernel: the bits mean something else */
	assert_false(page_read(&f, &r));
	f = readable();
	f.page.pmc_width = 0;
	assert_false(page_read(&f, &r));
	assert_int_equal(f.rdpmc_calls, 0);
	assert_false(pb_pmu_page_readable(NULL));
}

static void reads_again_when_the_page_changed_meanwhile(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r;
	f.changes_left = 2;
	assert_true(page_read(&f, &r));
	assert_int_equal(f.rdpmc_calls, 3);
	assert_int_equal(r.value, 5000 + 2 * 1000 + 42);
}

static void notices_a_permission_that_vanishes_mid_read(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r = {.value = 77};
	f.changes_left = 1;
	f.revoke = true;
	assert_false(page_read(&f, &r));
	assert_int_equal(f.rdpmc_calls, 1);
	assert_int_equal(r.value, 77);
}

static void gives_up_on_a_page_that_never_settles(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r;
	f.changes_left = 1000000;
	assert_false(page_read(&f, &r));
	assert_in_range(f.rdpmc_calls, 2, 1000);
	f = readable();
	f.page.lock = 1; /* a writer that never finishes */
	assert_false(page_read(&f, &r));
	assert_int_equal(f.rdpmc_calls, 0);
}

static void a_multiplexed_event_is_scaled(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r;
	f.page.time_enabled = 1400;
	assert_true(page_read(&f, &r));
	assert_int_equal(r.state, PROBE_SCALED);
	assert_int_equal(r.enabled_ns, 1400);
	assert_int_equal(r.running_ns, 700);
}

/* Both times move on since the page was written, by the kernel's formula. */
static void brings_the_times_up_to_now(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r;
	f.page.cap_user_time = 1;
	f.page.time_shift = 10;
	f.page.time_mult = 512; /* half a nanosecond a tick */
	f.page.time_offset = (uint64_t)-1000;
	f.ticks = 4001;
	assert_true(page_read(&f, &r));
	assert_int_equal(r.enabled_ns, 700 + 1000);
	assert_int_equal(r.running_ns, 700 + 1000);
	assert_int_equal(r.state, PROBE_EXACT);
}

/* A counter of few bits (arm64) is continued from the page's own last look at it. */
static void continues_a_short_time_counter(void **state)
{
	(void)state;
	struct fake f = readable();
	struct probe_reading r;
	f.page.cap_user_time = 1;
	f.page.cap_user_time_short = 1;
	f.page.time_mask = 0xffff;
	f.page.time_cycles = 0x3fff0;
	f.page.time_mult = 1;
	f.page.time_offset = (uint64_t)-0x3fff0;
	f.ticks = 0x10; /* wrapped round: 0x20 ticks later */
	assert_true(page_read(&f, &r));
	assert_int_equal(r.enabled_ns, 700 + 0x20);
}

static struct probe_reading reading(uint64_t value, uint64_t enabled_ns, uint64_t running_ns)
{
	return (struct probe_reading){.value = value,
				      .enabled_ns = enabled_ns,
				      .running_ns = running_ns,
				      .state = PROBE_EXACT};
}

static void deltas_know_what_happened_between(void **state)
{
	(void)state;
	struct probe_reading begin = reading(100, 1000, 900), end = reading(300, 1500, 1400);
	struct probe_delta d = probe_reading_delta(&begin, &end);
	assert_int_equal(d.state, PROBE_EXACT); /* multiplexed before, not between */
	assert_true(d.ticks == 200);
	end = reading(300, 1500, 1150); /* half of the time */
	d = probe_reading_delta(&begin, &end);
	assert_int_equal(d.state, PROBE_SCALED);
	assert_true(d.ticks == 400);
	end = reading(100, 1500, 900); /* never: a count of 0 would be a lie */
	d = probe_reading_delta(&begin, &end);
	assert_int_equal(d.state, PROBE_ABSENT);
	assert_true(d.ticks != d.ticks);
	end = reading(300, 1500, 1400);
	end.state = PROBE_ABSENT;
	assert_int_equal(probe_reading_delta(&begin, &end).state, PROBE_ABSENT);
	begin = reading(UINT64_MAX - 9, 0, 0);
	end = reading(10, 0, 0); /* across the wrap of 64 bits */
	assert_true(probe_reading_delta(&begin, &end).ticks == 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_offset_and_counter),
		cmocka_unit_test(extends_the_sign_by_the_pages_width),
		cmocka_unit_test(ignores_bits_above_the_width),
		cmocka_unit_test(index_zero_is_unreadable_not_unchanged),
		cmocka_unit_test(needs_permission_and_a_width),
		cmocka_unit_test(reads_again_when_the_page_changed_meanwhile),
		cmocka_unit_test(notices_a_permission_that_vanishes_mid_read),
		cmocka_unit_test(gives_up_on_a_page_that_never_settles),
		cmocka_unit_test(a_multiplexed_event_is_scaled),
		cmocka_unit_test(brings_the_times_up_to_now),
		cmocka_unit_test(continues_a_short_time_counter),
		cmocka_unit_test(deltas_know_what_happened_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
