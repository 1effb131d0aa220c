/* SPDX-License-Identifier: MIT
 * Choosing, opening and reading counters over fake system calls; then the real ones. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/arch.h"
#include "sys/counter.h"

#define MAX_FILES 8
#define MAX_FDS   8

/* A kernel with one PMU. fds are 100, 101, ... */
struct fake {
	int open_errno;         /* every open fails */
	int instructions_errno; /* the second event fails */
	int extended_errno;     /* events of an extended type fail */
	int map_errno, read_errno;
	int enable_errno;
	int max_scheduled;  /* a group larger than this never gets onto the PMU */
	ssize_t read_bytes; /* 0 = all */
	bool rdpmc_allowed;
	bool multiplexed; /* read(2) shows half of the time */
	int cpu;
	const char *units[3];
	struct {
		const char *path, *text;
	} files[MAX_FILES];
	/* what happened */
	struct perf_event_attr attr[MAX_FDS];
	int opened, open_now, mapped_now, enabled, reads;
	struct perf_event_mmap_page page[MAX_FDS];
	uint64_t now;
};

static int fake_event_open(void *ctx, struct perf_event_attr *attr, int group_fd)
{
	struct fake *f = ctx;
	if (f->open_errno)
		return -f->open_errno;
	if (f->extended_errno && attr->config >> 32)
		return -f->extended_errno;
	if (f->instructions_errno && group_fd >= 0)
		return -f->instructions_errno;
	assert_true(f->opened < MAX_FDS);
	f->attr[f->opened] = *attr;
	f->page[f->opened] = (struct perf_event_mmap_page){
		.cap_bit0_is_deprecated = 1,
		.cap_user_rdpmc = f->rdpmc_allowed,
		.index = f->rdpmc_allowed ? 1 + (uint32_t)f->opened : 0,
		.pmc_width = 48,
		.time_enabled = 1000,
		.time_running = 1000,
	};
	f->open_now++;
	return 100 + f->opened++;
}

static void *fake_map(void *ctx, int fd, size_t bytes, int *sys_errno)
{
	struct fake *f = ctx;
	assert_true(bytes >= sizeof f->page[0]);
	if (f->map_errno) {
		*sys_errno = f->map_errno;
		return NULL;
	}
	f->mapped_now++;
	return &f->page[fd - 100];
}

static void fake_unmap(void *ctx, void *page, size_t bytes)
{
	(void)page;
	(void)bytes;
	((struct fake *)ctx)->mapped_now--;
}

static int fake_enable_group(void *ctx, int leader_fd)
{
	struct fake *f = ctx;
	assert_in_range(leader_fd, 100, 100 + MAX_FDS);
	f->enabled++;
	return -f->enable_errno;
}

static ssize_t fake_read(void *ctx, int fd, void *buf, size_t size)
{
	struct fake *f = ctx;
	assert_in_range(fd, 100, 100 + MAX_FDS);
	assert_int_equal(size, 24);
	f->reads++;
	if (f->read_errno)
		return -f->read_errno;
	f->now += 50;
	uint64_t words[3] = {f->now, f->now, f->multiplexed ? f->now / 2 : f->now};
	if (f->max_scheduled && f->open_now > f->max_scheduled)
		words[0] = words[2] = 0;
	memcpy(buf, words, sizeof words);
	return f->read_bytes ? f->read_bytes : (ssize_t)sizeof words;
}

static void fake_close(void *ctx, int fd)
{
	(void)fd;
	((struct fake *)ctx)->open_now--;
}

static uint64_t fake_rdpmc(void *ctx, uint32_t index)
{
	struct fake *f = ctx;
	f->now += 10;
	return f->now + 1000000 * index;
}

static uint64_t fake_ticks(void *ctx)
{
	(void)ctx;
	return pb_arch_ticks_ordered();
}

static int fake_slurp(void *ctx, const char *path, char *buf, size_t size)
{
	struct fake *f = ctx;
	for (int i = 0; i < MAX_FILES && f->files[i].path; i++)
		if (!strcmp(path, f->files[i].path))
			return snprintf(buf, size, "%s", f->files[i].text);
	return -ENOENT;
}

static int fake_list_units(void *ctx, char names[][64], int capacity)
{
	struct fake *f = ctx;
	int n = 0;
	for (; n < 3 && n < capacity && f->units[n]; n++)
		snprintf(names[n], 64, "%s", f->units[n]);
	return n;
}

static int fake_cpu(void *ctx)
{
	return ((struct fake *)ctx)->cpu;
}

static struct pb_pmu_ops ops_of(struct fake *f)
{
	return (struct pb_pmu_ops){
		.event_open = fake_event_open,
		.map = fake_map,
		.unmap = fake_unmap,
		.enable_group = fake_enable_group,
		.read = fake_read,
		.close = fake_close,
		.rdpmc = fake_rdpmc,
		.ticks = fake_ticks,
		.slurp = fake_slurp,
		.list_units = fake_list_units,
		.current_cpu = fake_cpu,
		.ctx = f,
	};
}

static struct probe_counter *open_ok(struct fake *f, const char *want)
{
	struct pb_pmu_ops ops = ops_of(f);
	struct probe_counter *c = NULL;
	struct probe_error err = {0};
	if (pb_counter_open_with(&c, want, &ops, &err))
		fail_msg("%s", err.msg);
	return c;
}

static void close_all(struct fake *f, struct probe_counter *c)
{
	probe_counter_close(c);
	assert_int_equal(f->open_now, 0);
	assert_int_equal(f->mapped_now, 0);
}

static void expect_kind(struct fake *f, const char *kind, const char *why_has)
{
	struct probe_counter *c = open_ok(f, NULL);
	const struct probe_counter_facts *facts = probe_counter_facts(c);
	assert_string_equal(facts->kind, kind);
	if (!strstr(facts->why, why_has))
		fail_msg("why is '%s', without '%s'", facts->why, why_has);
	close_all(f, c);
}

/* A wanted kind that is unavailable: the code, and a message that names cause and fix. */
static void expect_refusal(struct fake *f, const char *want, enum probe_code code, const char *has)
{
	struct pb_pmu_ops ops = ops_of(f);
	struct probe_counter *c = (void *)f;
	struct probe_error err = {0};
	assert_int_equal(pb_counter_open_with(&c, want, &ops, &err), -(int)code);
	assert_int_equal(err.code, code);
	assert_ptr_equal(c, (void *)f); /* untouched */
	if (!strstr(err.msg, has) || strchr(err.msg, '\n'))
		fail_msg("message '%s' without '%s'", err.msg, has);
	assert_int_equal(f->open_now, 0);
	assert_int_equal(f->mapped_now, 0);
}

static void user_space_reads_are_the_best(void **state)
{
	(void)state;
	struct fake f = {.rdpmc_allowed = true};
	struct probe_counter *c = open_ok(&f, NULL);
	const struct probe_counter_facts *facts = probe_counter_facts(c);
	assert_string_equal(facts->kind, "cycles-rdpmc");
	assert_string_equal(facts->unit, "core cycles");
	assert_true(facts->cycles_per_tick == 1 && !facts->cycles_estimated);
	assert_true(facts->hz > 0 && facts->granularity_ticks > 0);
	assert_int_equal(f.open_now, 2);
	assert_int_equal(f.attr[0].config, PERF_COUNT_HW_CPU_CYCLES);
	assert_int_equal(f.attr[1].config, PERF_COUNT_HW_INSTRUCTIONS);
	assert_true(f.attr[0].exclude_kernel && f.attr[0].exclude_hv && f.attr[0].disabled);
	assert_int_equal(f.enabled, 1);

	struct probe_reading a, b, instructions;
	int reads = f.reads;
	assert_int_equal(probe_counter_read(c, &a), 0);
	assert_int_equal(probe_counter_read(c, &b), 0);
	assert_int_equal(b.value - a.value, 10);
	assert_int_equal(probe_counter_read_instructions(c, &instructions), 0);
	assert_int_equal(instructions.value / 1000000, 1); /* counter number 1, not 0 */
	assert_int_equal(f.reads, reads);                  /* no system call */
	assert_int_equal(pb_counter_fallbacks(c), 0);
	close_all(&f, c);
}

static void falls_back_when_the_permission_vanishes_at_run_time(void **state)
{
	(void)state;
	struct fake f = {.rdpmc_allowed = true};
	struct probe_counter *c = open_ok(&f, NULL);
	struct probe_reading r;
	f.page[0].cap_user_rdpmc = 0;
	int reads = f.reads;
	assert_int_equal(probe_counter_read(c, &r), 0);
	assert_true(r.by_syscall && r.state == PROBE_EXACT);
	assert_int_equal(f.reads, reads + 1);
	f.page[0].cap_user_rdpmc = 1;
	f.page[0].index = 0; /* off the PMU, or on the other kind of core */
	assert_int_equal(probe_counter_read(c, &r), 0);
	assert_true(r.by_syscall);
	assert_int_equal(pb_counter_fallbacks(c), 2);
	f.page[0].index = 1;
	assert_int_equal(probe_counter_read(c, &r), 0);
	assert_false(r.by_syscall);
	close_all(&f, c);
}

static void reads_by_system_call_where_user_space_may_not(void **state)
{
	(void)state;
	struct fake f = {.files = {{PB_PMU_ROOT "/cpu/rdpmc", "0"}}};
	expect_kind(&f, "cycles-read", "cpu/rdpmc is 0");
	f = (struct fake){.files = {{"/proc/sys/kernel/perf_user_access", "0"}}};
	expect_kind(&f, "cycles-read", "perf_user_access is 0");
	f = (struct fake){.rdpmc_allowed = true, .map_errno = EPERM};
	expect_kind(&f, "cycles-read", "couldn't be mapped");
	f = (struct fake){.files = {{PB_PMU_ROOT "/cpu/rdpmc", "0"}}};
	expect_refusal(&f, "cycles-rdpmc", PROBE_EPERM_PARANOID, "echo 1 | sudo tee " PB_PMU_ROOT);
	f = (struct fake){.rdpmc_allowed = true};
	struct probe_counter *c = open_ok(&f, "cycles-read"); /* asked for */
	struct probe_reading r;
	assert_int_equal(probe_counter_read(c, &r), 0);
	assert_true(r.by_syscall);
	assert_int_equal(pb_counter_fallbacks(c), 0);
	close_all(&f, c);
}

static void says_why_there_is_no_cycle_counter(void **state)
{
	(void)state;
	struct fake f = {.open_errno = ENOENT};
	expect_kind(&f, "tsc", "no hardware counter");
	expect_refusal(&f, "cycles-read", PROBE_ENOPMU, "no hardware counter");
	f.files[0].path = PB_PMU_ROOT "/cpu/type";
	f.files[0].text = "4";
	expect_refusal(&f, "cycles-read", PROBE_ENOEVENT, "offers no cycles event");
	f = (struct fake){.open_errno = EACCES,
			  .files = {{"/proc/sys/kernel/perf_event_paranoid", "3"}}};
	expect_kind(&f, "tsc", "perf_event_paranoid=3");
	expect_refusal(&f, "cycles-rdpmc", PROBE_EPERM_PARANOID,
		       "sudo sysctl kernel.perf_event_paranoid=2");
	f = (struct fake){.open_errno = EPERM,
			  .files = {{"/proc/sys/kernel/perf_event_paranoid", "2"},
				    {"/proc/self/status", "Name:\tx\nSeccomp:\t2\n"}}};
	expect_refusal(&f, "cycles-rdpmc", PROBE_EPERM_PARANOID, "--cap-add PERFMON");
	f.files[1].text = "Name:\tx\nSeccomp:\t0\n";
	expect_refusal(&f, "cycles-rdpmc", PROBE_EPERM_PARANOID, "security module");
	f = (struct fake){.open_errno = ENOSYS};
	expect_refusal(&f, "cycles-read", PROBE_ENOPMU, "CONFIG_PERF_EVENTS");
	f.files[0].path = "/proc/self/status";
	f.files[0].text = "Name:\tx\nSeccomp:\t2\n";
	expect_refusal(&f, "cycles-read", PROBE_EPERM_PARANOID, "seccomp");
	f = (struct fake){.open_errno = EBUSY};
	expect_refusal(&f, "cycles-read", PROBE_EMULTIPLEX, "nmi_watchdog=0");
	f = (struct fake){.open_errno = EMFILE};
	expect_refusal(&f, "cycles-read", PROBE_ESYS, "file descriptor");
	f = (struct fake){.enable_errno = EIO};
	expect_refusal(&f, "cycles-read", PROBE_ESYS, "perf_event_open failed");
	expect_kind(&f, "tsc", "perf_event_open failed");
}

static void drops_instructions_rather_than_multiplex(void **state)
{
	(void)state;
	struct fake f = {.rdpmc_allowed = true, .max_scheduled = 1};
	struct probe_counter *c = open_ok(&f, NULL);
	struct probe_reading r;
	assert_int_equal(f.open_now, 1);
	assert_int_equal(probe_counter_read(c, &r), 0);
	assert_int_equal(probe_counter_read_instructions(c, &r), -PROBE_ENOEVENT);
	assert_int_equal(r.state, PROBE_ABSENT);
	close_all(&f, c);
	f = (struct fake){.rdpmc_allowed = true, .instructions_errno = ENOENT};
	c = open_ok(&f, NULL);
	assert_string_equal(probe_counter_facts(c)->kind, "cycles-rdpmc");
	close_all(&f, c);
}

static void an_event_that_never_runs_is_no_counter(void **state)
{
	(void)state;
	struct fake f = {.read_bytes = 8}; /* also what a pinned event in error shows */
	expect_kind(&f, "tsc", "never got onto the PMU");
	f = (struct fake){.read_bytes = 8, .files = {{"/proc/sys/kernel/nmi_watchdog", "1"}}};
	expect_refusal(&f, "cycles-read", PROBE_EMULTIPLEX, "nmi_watchdog=0");
}

static void bad_reads_are_absent_never_zero(void **state)
{
	(void)state;
	struct fake f = {0};
	struct probe_counter *c = open_ok(&f, NULL);
	struct probe_reading r = {.state = PROBE_EXACT};
	f.read_bytes = 16;
	assert_int_equal(probe_counter_read(c, &r), -PROBE_ESYS);
	assert_int_equal(r.state, PROBE_ABSENT);
	f.read_bytes = 0;
	f.read_errno = EIO;
	assert_int_equal(probe_counter_read(c, &r), -PROBE_ESYS);
	assert_int_equal(r.state, PROBE_ABSENT);
	f.read_errno = 0;
	f.max_scheduled = 1; /* two are open: neither runs */
	assert_int_equal(probe_counter_read(c, &r), -PROBE_EMULTIPLEX);
	assert_int_equal(r.state, PROBE_ABSENT);
	f.max_scheduled = 0;
	f.multiplexed = true;
	assert_int_equal(probe_counter_read(c, &r), 0);
	assert_int_equal(r.state, PROBE_SCALED);
	close_all(&f, c);
}

#define HYBRID_FILES                                                                               \
	{                                                                                          \
		{PB_PMU_ROOT "/cpu_core/cpus", "0-7"}, {PB_PMU_ROOT "/cpu_core/type", "4"},        \
			{PB_PMU_ROOT "/cpu_atom/cpus", "8-15"},                                    \
			{PB_PMU_ROOT "/cpu_atom/type", "10"},                                      \
	}

static void hybrid_cpus_open_on_the_kind_of_core_we_are_on(void **state)
{
	(void)state;
	struct fake f = {.rdpmc_allowed = true,
			 .cpu = 9,
			 .units = {"cpu_core", "cpu_atom"},
			 .files = HYBRID_FILES};
	struct probe_counter *c = open_ok(&f, NULL);
	assert_int_equal(f.attr[0].config, UINT64_C(10) << 32 | PERF_COUNT_HW_CPU_CYCLES);
	assert_int_equal(f.attr[1].config, UINT64_C(10) << 32 | PERF_COUNT_HW_INSTRUCTIONS);
	close_all(&f, c);
	f = (struct fake){.cpu = 3, .units = {"cpu_core", "cpu_atom"}, .files = HYBRID_FILES};
	c = open_ok(&f, NULL);
	assert_int_equal(f.attr[0].config >> 32, 4);
	close_all(&f, c);
	/* One kind of core, or a kernel without extended types: the plain event. */
	f = (struct fake){.cpu = 3, .units = {"cpu_core"}, .files = HYBRID_FILES};
	c = open_ok(&f, NULL);
	assert_int_equal(f.attr[0].config >> 32, 0);
	close_all(&f, c);
	f = (struct fake){.cpu = 3,
			  .units = {"cpu_core", "cpu_atom"},
			  .extended_errno = ENOENT,
			  .files = HYBRID_FILES};
	c = open_ok(&f, NULL);
	assert_int_equal(f.attr[0].config >> 32, 0);
	close_all(&f, c);
}

static void thunks_learn_how_to_read(void **state)
{
	(void)state;
	struct fake f = {.rdpmc_allowed = true};
	struct probe_counter *c = open_ok(&f, NULL);
	struct pb_thunk_counter how;
	f.page[0].lock = 6;
	assert_int_equal(pb_counter_thunk_kind(c, &how), PB_THUNK_RDPMC);
	assert_int_equal(how.rdpmc_index, 0);
	assert_int_equal(how.width_bits, 48);
	assert_ptr_equal(how.lock, &f.page[0].lock);
	assert_int_equal(how.lock_value, 6);
	f.page[0].index = 0;
	assert_int_equal(pb_counter_thunk_kind(c, &how), PB_THUNK_TSC);
	assert_null(how.lock);
	close_all(&f, c);
	f = (struct fake){0};
	c = open_ok(&f, NULL);
	assert_int_equal(pb_counter_thunk_kind(c, &how), PB_THUNK_TSC);
	close_all(&f, c);
}

static void lists_every_kind_with_its_reason(void **state)
{
	(void)state;
	struct probe_counter_option rows[PROBE_COUNTER_KINDS];
	struct fake f = {.open_errno = EACCES,
			 .files = {{"/proc/sys/kernel/perf_event_paranoid", "4"}}};
	struct pb_pmu_ops ops = ops_of(&f);
	assert_int_equal(pb_counter_list_with(&ops, rows, PROBE_COUNTER_KINDS), 3);
	assert_string_equal(rows[0].kind, "cycles-rdpmc");
	assert_false(rows[0].available || rows[1].available);
	assert_non_null(strstr(rows[1].fix, "perf_event_paranoid=2"));
	assert_true(rows[2].available);
	assert_string_equal(rows[2].fix, "");
	f = (struct fake){.rdpmc_allowed = true};
	assert_int_equal(pb_counter_list_with(&ops, rows, 2), 2);
	assert_true(rows[0].available && rows[1].available);
	assert_int_equal(f.open_now, 0);
	assert_int_equal(f.mapped_now, 0);
}

static void granularity_is_the_smallest_step(void **state)
{
	(void)state;
	uint64_t coarse[] = {104, 78, 78, 52, 104, 130}; /* as seen: steps of 26 */
	uint64_t fine[] = {70, 75, 71, 90};
	uint64_t still[] = {0, 0};
	assert_true(pb_granularity_ticks(coarse, 6) == 26);
	assert_true(pb_granularity_ticks(fine, 4) == 1);
	assert_true(pb_granularity_ticks(still, 2) == 0);
	assert_true(pb_granularity_ticks(still, 0) == 0);
}

static double now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec * 1e-6;
}

static void the_real_tsc_keeps_time(void **state)
{
	(void)state;
	struct probe_counter *c;
	struct probe_reading a, b;
	struct probe_error err;
	assert_int_equal(probe_counter_open(&c, "tsc", &err), 0);
	const struct probe_counter_facts *facts = probe_counter_facts(c);
	assert_true(facts->hz > 1e6 && facts->hz < 1e11);
	assert_true(facts->cycles_estimated && facts->granularity_ticks > 0);
	double begin_ms = now_ms();
	assert_int_equal(probe_counter_read(c, &a), 0);
	usleep(20000);
	assert_int_equal(probe_counter_read(c, &b), 0);
	double span_ms = now_ms() - begin_ms;
	double got_ms = probe_reading_delta(&a, &b).ticks / facts->hz * 1e3;
	/* The clock encloses the readings; the other way only by the frequency's error. */
	assert_true(got_ms <= span_ms * 1.01 && got_ms >= 19.9);
	probe_counter_close(c);
	probe_counter_close(NULL);
	assert_int_equal(probe_counter_open(&c, "sundial", &err), -PROBE_EINVAL);
	assert_non_null(strstr(err.msg, "choose cycles-rdpmc, cycles-read or tsc"));
}

static void real_cycles_count_where_there_are_any(void **state)
{
	(void)state;
	struct probe_counter *c;
	struct probe_reading a, b, ia, ib;
	struct probe_error err;
	if (probe_counter_open(&c, "cycles-read", &err)) {
		const char *require = getenv("PROBE_REQUIRE");
		if (require && strstr(require, "hw"))
			fail_msg("PROBE_REQUIRE=hw, but %s", err.msg);
		print_message("skipped: %s\n", err.msg);
		skip();
	}
	probe_counter_close(c);
	assert_int_equal(probe_counter_open(&c, NULL, &err), 0);
	assert_int_equal(probe_counter_read(c, &a), 0);
	int have_instructions = probe_counter_read_instructions(c, &ia) == 0;
	for (volatile int i = 0; i < 1000000; i++)
		;
	if (have_instructions) {
		assert_int_equal(probe_counter_read_instructions(c, &ib), 0);
		assert_true(probe_reading_delta(&ia, &ib).ticks > 1e6);
	}
	assert_int_equal(probe_counter_read(c, &b), 0);
	assert_true(probe_reading_delta(&a, &b).ticks > 1e5);
	probe_counter_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_space_reads_are_the_best),
		cmocka_unit_test(falls_back_when_the_permission_vanishes_at_run_time),
		cmocka_unit_test(reads_by_system_call_where_user_space_may_not),
		cmocka_unit_test(says_why_there_is_no_cycle_counter),
		cmocka_unit_test(drops_instructions_rather_than_multiplex),
		cmocka_unit_test(an_event_that_never_runs_is_no_counter),
		cmocka_unit_test(bad_reads_are_absent_never_zero),
		cmocka_unit_test(hybrid_cpus_open_on_the_kind_of_core_we_are_on),
		cmocka_unit_test(thunks_learn_how_to_read),
		cmocka_unit_test(lists_every_kind_with_its_reason),
		cmocka_unit_test(granularity_is_the_smallest_step),
		cmocka_unit_test(the_real_tsc_keeps_time),
		cmocka_unit_test(real_cycles_count_where_there_are_any),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
