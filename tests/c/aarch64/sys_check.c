/* SPDX-License-Identifier: MIT
 * The arm64 parts without cmocka, so that they run under qemu-user with libc alone: counter reads,
 * reference loops, a made-up perf page, and opening a counter. Exit 0 = all hold.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sys/arch.h"
#include "sys/counter.h"
#include "sys/reference.h"
#include "sys/usage.h"

static int failures;

static void check(bool holds, const char *what)
{
	printf("%s %s\n", holds ? "ok  " : "FAIL", what);
	failures += !holds;
}

static uint64_t fake_pmc(void *ctx, uint32_t index)
{
	return index == 31 ? *(const uint64_t *)ctx : 0;
}

static void check_ticks(void)
{
	uint64_t a = pb_arch_ticks(), b = pb_arch_ticks_ordered(), c = b;
	for (int i = 0; i < 1000000 && c == b; i++)
		c = pb_arch_ticks_ordered();
	check(b >= a, "ticks don't run backwards");
	check(c > b, "ticks move");
}

static void check_loops(void)
{
	pb_ref_chain(0);
	pb_ref_wide(0);
	uint64_t begin = pb_arch_ticks_ordered();
	pb_ref_chain(200000);
	uint64_t middle = pb_arch_ticks_ordered();
	pb_ref_wide(200000);
	uint64_t end = pb_arch_ticks_ordered();
	check(middle > begin && end > middle, "the reference loops run and take time");
}

static void check_page(void)
{
	uint64_t pmc = (UINT64_C(1) << 40) - 7;
	struct pb_pmu_ops ops = {.rdpmc = fake_pmc, .ctx = &pmc};
	struct perf_event_mmap_page page = {
		.cap_bit0_is_deprecated = 1,
		.cap_user_rdpmc = 1,
		.index = 32, /* the cycle counter */
		.pmc_width = 40,
		.offset = 1000,
	};
	struct probe_reading r;
	check(pb_pmu_page_read(&ops, &page, &r) && r.value == 993, "a page is decoded");
	page.index = 0;
	check(!pb_pmu_page_read(&ops, &page, &r), "index 0 is unreadable");
}

static void check_counter(void)
{
	struct probe_counter *c;
	struct probe_error err;
	struct pb_reference r;
	if (probe_counter_open(&c, NULL, &err)) {
		check(false, err.msg);
		return;
	}
	const struct probe_counter_facts *f = probe_counter_facts(c);
	printf("     %s, %s, %.0f Hz, steps of %g: %s\n", f->kind, f->unit, f->hz,
	       f->granularity_ticks, f->why);
	check(f->hz > 1e6, "a counter opens and has a frequency");
	check(pb_reference_measure(c, &r) == 0, "the reference can be measured");
	probe_counter_close(c);
	struct pb_usage usage = pb_usage_now();
	check(usage.cpu >= 0, "usage is known");
}

int main(void)
{
	check_ticks();
	check_loops();
	check_page();
	check_counter();
	return failures != 0;
}
