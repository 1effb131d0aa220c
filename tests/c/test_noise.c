/* SPDX-License-Identifier: MIT
 * Noise decisions on recorded and made-up series, and their memory in a file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/noise.h"
#include "engine/noise_store.h"
#include "probe/machine.h"

#define MAX 1024

struct series {
	double chain[MAX], wide[MAX], scratch[MAX];
	size_t n;
	uint32_t seed;
};

static double jitter(struct series *s, double value, double share)
{
	s->seed = s->seed * 1664525u + 1013904223u;
	return value * (1 + share * ((double)(s->seed >> 8) / (1 << 23) - 1));
}

static void add(struct series *s, size_t n, double chain, double wide, double wide_spread)
{
	for (; n; n--) {
		s->chain[s->n] = jitter(s, chain, 0.01);
		s->wide[s->n++] = jitter(s, wide, wide_spread);
	}
}

/* As seen on a shared two-CPU virtual machine: ticks an add, alone and with a neighbour. */
static void add_quiet(struct series *s, size_t n)
{
	add(s, n, 0.71, 0.202, 0.02);
}

static void add_neighbour(struct series *s, size_t n)
{
	add(s, n, 0.71, 0.33, 0.12); /* 0.29 to 0.37 */
}

static double quietest(struct series *s, size_t *support)
{
	return pb_noise_quietest(s->chain, s->wide, s->n, s->scratch, support);
}

static size_t count_quiet(const struct series *s, double quiet_ratio)
{
	size_t quiet = 0;
	for (size_t i = 0; i < s->n; i++)
		quiet += pb_noise_is_quiet(s->chain[i], s->wide[i], quiet_ratio);
	return quiet;
}

static void near(double got, double want, double share)
{
	if (!(fabs(got - want) <= share * want))
		fail_msg("got %.9g, want %.9g", got, want);
}

#define QUIET (0.202 / 0.71)

static void tells_quiet_from_a_neighbour(void **state)
{
	(void)state;
	assert_true(pb_noise_is_quiet(0.71, 0.202, QUIET));
	assert_true(pb_noise_is_quiet(0.71, 0.202 * 1.05, QUIET));
	assert_true(pb_noise_is_quiet(0.71, 0.202 * 0.95, QUIET));
	assert_false(pb_noise_is_quiet(0.71, 0.29, QUIET));
	assert_false(pb_noise_is_quiet(0.71, 0.37, QUIET));
	assert_true(pb_noise_is_quiet(0.71 * 1.7, 0.202 * 1.7, QUIET)); /* a slower clock */
	assert_false(pb_noise_is_quiet(NAN, 0.202, QUIET));
	assert_false(pb_noise_is_quiet(0.71, -0.1, QUIET));
	assert_false(pb_noise_is_quiet(0, 0.2, 0));
	assert_true(pb_noise_is_quiet(0.71, 0.9, 0)); /* nothing known: nothing to go by */
	near(pb_noise_quiet_limit(0.3), 0.3 * (1 + PB_NOISE_SLACK), 1e-12);
	assert_true(isinf(pb_noise_quiet_limit(0)));
}

/* An interrupt inside the chain makes a contended round's ratio look quiet, or better. */
static void an_inflated_chain_is_not_quiet(void **state)
{
	(void)state;
	assert_false(pb_noise_is_quiet(0.71 * 2, 0.33, QUIET));
	assert_false(pb_noise_is_quiet(0.71 * 5, 0.33, QUIET));
}

/* Readings of a real machine, in order (chain, wide): quiet spells and a busy neighbour. */
static void finds_the_quiet_part_of_a_recorded_series(void **state)
{
	(void)state;
	static const double recorded[][2] = {
		{.705, .2477}, {.705, .2477}, {.705, .2730}, {.717, .2572}, {.705, .1937},
		{.698, .1874}, {.698, .1905}, {.698, .1905}, {.698, .1874}, {.698, .1905},
		{.705, .1905}, {.711, .2445}, {.717, .2794}, {.940, .3841}, {.717, .2572},
		{.705, .3397}, {.806, .4317}, {.711, .2953}, {.698, .2730}, {.971, .3524},
		{.705, .3429}, {.717, .2794}, {.978, .3619}, {.724, .2572}, {.705, .2254},
		{.737, .2730}, {.698, .2223}, {.698, .1874}, {.698, .1874}, {.717, .3143},
		{.698, .1937}, {.698, .1874}, {.698, .1874}, {.698, .1874}, {.705, .1874},
		{.698, .1905}, {.698, .1905}, {.698, .1937}, {.698, .1874}, {.724, .2889},
	};
	struct series s = {0};
	size_t support;
	for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
		s.chain[s.n] = recorded[i][0];
		s.wide[s.n++] = recorded[i][1];
	}
	double ratio = quietest(&s, &support);
	near(ratio, 0.270, 0.02);
	assert_int_equal(support, 18);
	assert_int_equal(count_quiet(&s, ratio), 18);
	assert_false(pb_noise_contended(18, s.n));
}

static void finds_few_quiet_rounds_among_many(void **state)
{
	(void)state;
	struct series s = {.seed = 7};
	size_t support;
	add_neighbour(&s, 300);
	add_quiet(&s, 12);
	add_neighbour(&s, 288);
	near(quietest(&s, &support), QUIET, 0.02);
	assert_int_equal(support, 12);
	assert_false(pb_noise_contended(12, s.n));
	assert_true(pb_noise_contended(11, s.n)); /* 2 % of 600 */
}

static void contended_throughout_is_known_by_memory_only(void **state)
{
	(void)state;
	struct series s = {.seed = 9};
	size_t support;
	add_neighbour(&s, 600);
	double found = quietest(&s, &support);
	assert_true(found > 0.28 / 0.71);
	assert_true(pb_noise_choose(found, QUIET) == QUIET);
	assert_true(pb_noise_contended(count_quiet(&s, pb_noise_choose(found, QUIET)), s.n));
	assert_true(pb_noise_choose(found, 0) == found); /* a first run can't know */
}

static void a_change_of_frequency_cancels(void **state)
{
	(void)state;
	struct series s = {.seed = 3};
	size_t support;
	add_quiet(&s, 100);
	add(&s, 100, 0.71 * 1.6, 0.202 * 1.6, 0.02);
	double found = quietest(&s, &support);
	near(found, QUIET, 0.02);
	assert_in_range(count_quiet(&s, found), 199, 200);
}

static void one_glitch_changes_nothing(void **state)
{
	(void)state;
	struct series s = {.seed = 5};
	size_t support;
	add_quiet(&s, 200);
	double before = quietest(&s, &support);
	s.wide[50] = 0.10; /* far too good, once */
	s.wide[90] = 0.11;
	s.wide[120] = 1e-9; /* nonsense */
	s.chain[150] = NAN;
	near(quietest(&s, &support), before, 0.005);
	/* Lonely peaks of the chain, more than the support that is asked for. */
	s.n = 0;
	add_neighbour(&s, 200);
	for (size_t i = 10; i < 200; i += 10)
		s.chain[i] *= 2;
	assert_true(quietest(&s, &support) > 0.28 / 0.71);
}

static void too_little_is_not_known(void **state)
{
	(void)state;
	struct series s = {0};
	size_t support = 9;
	assert_true(quietest(&s, &support) == 0);
	assert_int_equal(support, 0);
	add_quiet(&s, PB_NOISE_SUPPORT - 1);
	assert_true(quietest(&s, NULL) == 0);
	add_quiet(&s, 1);
	near(quietest(&s, NULL), QUIET, 0.03);
}

static void the_verdict_scales_with_the_rounds(void **state)
{
	(void)state;
	assert_int_equal(pb_noise_rounds_needed(100), PB_NOISE_MIN_QUIET);
	assert_int_equal(pb_noise_rounds_needed(2000), 40);
	assert_int_equal(pb_noise_rounds_needed(8), 4);
	assert_int_equal(pb_noise_rounds_needed(1), 1);
	assert_true(pb_noise_contended(0, 0)); /* nothing measured isn't quiet */
	assert_true(pb_noise_contended(9, 100));
	assert_false(pb_noise_contended(10, 100));
}

static void memory_moves_down_at_once_and_never_to_nonsense(void **state)
{
	(void)state;
	assert_true(pb_noise_choose(0, 0) == 0);
	assert_true(pb_noise_choose(0, 0.28) == 0.28);
	assert_true(pb_noise_choose(0.20, 0.28) == 0.20);
	assert_true(pb_noise_choose(0.29, 0.28) == 0.29);   /* the same state */
	assert_true(pb_noise_choose(0.28, 0.0001) == 0.28); /* a spoilt memory */
	assert_true(pb_noise_merge(0, 0.28, 100) == 0.28);
	assert_true(pb_noise_merge(0.40, 0.28, 100) == 0.28);
	assert_true(pb_noise_merge(0.28, 0.20, PB_NOISE_STORE_SUPPORT - 1) == 0.28);
	assert_true(pb_noise_merge(0.28, 0.40, 100) == 0.28);
	assert_true(pb_noise_merge(0.28, 0.01, 100) == 0.28);
	assert_true(pb_noise_merge(0.28, NAN, 100) == 0.28);
	assert_true(pb_noise_merge(NAN, 0.01, 100) == 0);
	near(pb_noise_merge(0.280, 0.270, 100), 0.275, 1e-9);
	near(pb_noise_merge(0.280, 0.290, 100), 0.281, 1e-9);
}

/* --- the file --------------------------------------------------------------------------------- */

static char folder[64], path[128];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/probe-noise-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/a/b/quiet.json", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void remembers_per_cpu(void **state)
{
	(void)state;
	struct probe_error err;
	double ratio = -1;
	assert_int_equal(pb_noise_store_load(path, "A", &ratio, &err), -PROBE_ENOENT);
	assert_int_equal(pb_noise_store_update(path, "A", 0.28, 100, &err), 0);
	assert_int_equal(pb_noise_store_update(path, "B \"x\"", 0.35, 100, &err), 0);
	assert_int_equal(pb_noise_store_load(path, "A", &ratio, &err), 0);
	assert_true(ratio == 0.28);
	assert_int_equal(pb_noise_store_load(path, "B \"x\"", &ratio, &err), 0);
	assert_true(ratio == 0.35);
	assert_int_equal(pb_noise_store_load(path, "C", &ratio, &err), -PROBE_ENOENT);
	assert_true(ratio == 0.35);                                           /* untouched */
	assert_int_equal(pb_noise_store_update(path, "A", 0.20, 3, &err), 0); /* a glitch */
	assert_int_equal(pb_noise_store_load(path, "A", &ratio, &err), 0);
	assert_true(ratio == 0.28);
}

static void leaves_the_file_alone_when_nothing_changes(void **state)
{
	(void)state;
	struct probe_error err;
	struct stat before, after;
	assert_int_equal(pb_noise_store_update(path, "A", 0.28, 5, &err), 0);
	assert_int_equal(access(path, F_OK), -1); /* nothing worth keeping: no file */
	assert_int_equal(pb_noise_store_update(path, "A", 0.28, 100, &err), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(pb_noise_store_update(path, "A", 0.50, 100, &err), 0); /* contended */
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void replaces_a_damaged_file(void **state)
{
	(void)state;
	static const char *const damaged[] = {
		"",
		"{\"schema\": 1, \"cpus\": {\"A\": {\"rat",
		"[]",
		"{\"cpus\": 3, \"schema\": 1}",
		"{\"schema\": 2, \"cpus\": {}}",
	};
	struct probe_error err;
	double ratio;
	assert_int_equal(pb_noise_store_update(path, "A", 0.28, 100, &err), 0);
	for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
		write_file(damaged[i]);
		assert_int_equal(pb_noise_store_load(path, "A", &ratio, &err), -PROBE_EFORMAT);
		assert_non_null(strstr(err.msg, "remove it"));
		assert_int_equal(pb_noise_store_update(path, "A", 0.30, 100, &err), 0);
		assert_int_equal(pb_noise_store_load(path, "A", &ratio, &err), 0);
		assert_true(ratio == 0.30);
	}
	write_file("{\"schema\": 1, \"cpus\": {\"A\": {\"ratio\": 0.0001}}}");
	assert_int_equal(pb_noise_store_load(path, "A", &ratio, &err), -PROBE_EFORMAT);
	write_file("{\"schema\": 1, \"cpus\": {\"A\": {\"ratio\": \"x\"}}}");
	assert_int_equal(pb_noise_store_load(path, "A", &ratio, &err), -PROBE_EFORMAT);
}

static void an_unwritable_place_is_a_plain_error(void **state)
{
	(void)state;
	struct probe_error err;
	assert_int_equal(pb_noise_store_update("/proc/none/quiet.json", "A", 0.28, 100, &err),
			 -PROBE_ESYS);
	assert_null(strchr(err.msg, '\n'));
}

static void the_place_follows_the_environment(void **state)
{
	(void)state;
	char buf[64], *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	setenv("XDG_CACHE_HOME", "/c", 1);
	assert_int_equal(probe_noise_store_path(buf, sizeof buf), 0);
	assert_string_equal(buf, "/c/probe/quiet.json");
	setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, by the standard */
	setenv("HOME", "/h", 1);
	assert_int_equal(probe_noise_store_path(buf, sizeof buf), 0);
	assert_string_equal(buf, "/h/.cache/probe/quiet.json");
	assert_int_equal(probe_noise_store_path(buf, 5), -PROBE_EINVAL);
	if (cache)
		setenv("XDG_CACHE_HOME", cache, 1);
	if (home)
		setenv("HOME", home, 1);
}

/* --- live ------------------------------------------------------------------------------------- */

static void watches_the_real_machine(void **state)
{
	(void)state;
	struct probe_counter *c;
	struct probe_error err;
	struct probe_noise_report r;
	const int stop = 1;
	assert_int_equal(probe_counter_open(&c, "tsc", &err), 0);
	assert_int_equal(probe_noise_watch(c, 0.2, path, NULL, &r, &err), 0);
	assert_in_range(r.readings + r.disturbed, 2, 41);
	assert_true(r.quiet <= r.readings);
	if (r.readings) {
		assert_true(r.chain_ticks > 0 && r.wide_ticks > 0);
		assert_true(r.cycles_per_tick > 0.1 && r.cycles_per_tick < 1000);
	}
	assert_int_equal(probe_noise_watch(c, 60, NULL, &stop, &r, &err), 0); /* ends at once */
	assert_int_equal(r.readings, 0);
	assert_true(isnan(r.quiet_share) && r.contended);
	assert_int_equal(probe_noise_watch(c, NAN, NULL, NULL, &r, &err), -PROBE_EINVAL);
	assert_int_equal(probe_noise_watch(c, -1, NULL, NULL, &r, &err), -PROBE_EINVAL);
	probe_counter_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_quiet_from_a_neighbour),
		cmocka_unit_test(an_inflated_chain_is_not_quiet),
		cmocka_unit_test(finds_the_quiet_part_of_a_recorded_series),
		cmocka_unit_test(finds_few_quiet_rounds_among_many),
		cmocka_unit_test(contended_throughout_is_known_by_memory_only),
		cmocka_unit_test(a_change_of_frequency_cancels),
		cmocka_unit_test(one_glitch_changes_nothing),
		cmocka_unit_test(too_little_is_not_known),
		cmocka_unit_test(the_verdict_scales_with_the_rounds),
		cmocka_unit_test(memory_moves_down_at_once_and_never_to_nonsense),
		cmocka_unit_test_setup_teardown(remembers_per_cpu, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(leaves_the_file_alone_when_nothing_changes,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(replaces_a_damaged_file, make_folder,
						remove_folder),
		cmocka_unit_test(an_unwritable_place_is_a_plain_error),
		cmocka_unit_test(the_place_follows_the_environment),
		cmocka_unit_test_setup_teardown(watches_the_real_machine, make_folder,
						remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
