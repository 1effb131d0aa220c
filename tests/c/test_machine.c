/* SPDX-License-Identifier: MIT
 * Facts from made-up /proc and /sys trees, findings from made-up facts, and the real machine. */
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "sys/arch.h"
#include "sys/cpu.h"
#include "sys/machine.h"
#include "sys/text.h"

static char root[64];

static int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/probe-machine-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", root);
	return system(command);
}

static void put(const char *path, const char *text, mode_t mode)
{
	char full[512];
	snprintf(full, sizeof full, "%s%s", root, path);
	for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(full, mode);
}

static struct probe_machine read_root(void)
{
	struct pb_machine_source source = {root, "/opt/none::/usr/bin"};
	struct probe_machine m;
	pb_machine_read_files(&source, 1, &m);
	return m;
}

static void cpu_lists(void **state)
{
	(void)state;
	assert_true(pb_cpulist_has("0-3,8,10-11", 2));
	assert_true(pb_cpulist_has("0-3,8,10-11", 8));
	assert_false(pb_cpulist_has("0-3,8,10-11", 9));
	assert_false(pb_cpulist_has("", 0));
	assert_false(pb_cpulist_has("(null)", 0));
	assert_int_equal(pb_cpulist_count("0-3,8,10-11"), 7);
	assert_int_equal(pb_cpulist_count(""), 0);
	assert_int_equal(pb_cpulist_count("3-1"), 0);
}

static void a_desktop_with_everything(void **state)
{
	(void)state;
	put("/proc/cpuinfo",
	    "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 151\n"
	    "model name\t: Some CPU @ 3.0GHz\nstepping\t: 2\n\nprocessor\t: 1\n",
	    0644);
	put("/sys/devices/system/cpu/online", "0-7\n", 0644);
	put("/sys/devices/system/cpu/isolated", "6-7\n", 0644);
	put("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "0-1\n", 0644);
	put("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n", 0644);
	put("/sys/devices/system/cpu/intel_pstate/no_turbo", "0\n", 0644);
	put("/proc/sys/kernel/perf_event_paranoid", "-1\n", 0644);
	put("/proc/sys/kernel/randomize_va_space", "2\n", 0644);
	put("/proc/sys/kernel/nmi_watchdog", "1\n", 0644);
	put("/proc/loadavg", "6.25 1.00 0.50 2/100 12345\n", 0644);
	put("/proc/stat", "cpu  100 0 50 800 10 0 0 40 7 7\ncpu0 1 1 1 1 1 1 1 1\n", 0644);
	put("/usr/bin/cc", "", 0755);
	put("/usr/bin/gnuplot", "", 0644); /* not executable */
	put("/usr/include/" PB_ARCH_TRIPLE "/libunwind.h", "", 0644);
	struct probe_machine m = read_root();
	assert_string_equal(m.cpu_model, "Some CPU @ 3.0GHz");
	assert_int_equal(m.online_count, 8);
	assert_string_equal(m.isolated, "6-7");
	assert_string_equal(m.smt_siblings, "0-1");
	assert_string_equal(m.governor, "powersave");
	assert_int_equal(m.turbo, PROBE_YES);
	assert_int_equal(m.nmi_watchdog, PROBE_YES);
	assert_int_equal(m.perf_event_paranoid, -1);
	assert_int_equal(m.aslr, 2);
	assert_true(m.load_1min == 6.25);
	assert_int_equal(m.cpu_time.total_jiffies, 1000); /* guest time is in user already */
	assert_int_equal(m.cpu_time.steal_jiffies, 40);
	assert_true(m.has_cc && !m.has_gnuplot && !m.has_perf && m.has_libunwind_headers);
}

static void a_bare_container_shows_nothing(void **state)
{
	(void)state;
	struct probe_machine m = read_root();
	struct probe_finding f[32];
	assert_string_equal(m.governor, "");
	assert_int_equal(m.turbo, PROBE_UNKNOWN);
	assert_int_equal(m.perf_event_paranoid, INT_MIN);
	assert_int_equal(m.aslr, -1);
	assert_true(isnan(m.load_1min));
	/* What isn't known is no finding; what is missing is. */
	size_t n = probe_machine_findings(&m, f, 32);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(strncmp(f[i].what, "no ", 3), 0);
	assert_int_equal(n, 4);
	put("/proc/stat", "cpu  1 2\n", 0644); /* truncated */
	m = read_root();
	assert_int_equal(m.cpu_time.total_jiffies, 0);
}

static void an_arm_board_has_a_name(void **state)
{
	(void)state;
	put("/proc/cpuinfo",
	    "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\n"
	    "CPU part\t: 0xd0c\nCPU revision\t: 1\n",
	    0644);
	struct probe_machine m = read_root();
	assert_non_null(strstr(m.cpu_model, "0x41"));
	assert_non_null(strstr(m.cpu_model, "0xd0c"));
}

static void cpu_keys_tell_models_apart(void **state)
{
	(void)state;
	static const char cpuinfo[] = "cpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n"
				      "stepping\t: 1\nmicrocode\t: 0x1\n";
	char buf[256], other[256];
	assert_string_equal(pb_cpu_key_from(cpuinfo, "", buf, sizeof buf),
			    "AMD EPYC, cpu family 25, model 17, stepping 1");
	pb_cpu_key_from(cpuinfo, "cpu_atom", other, sizeof other);
	assert_string_not_equal(buf, other);
	assert_string_equal(pb_cpu_key_from("", "", buf, sizeof buf), "unknown CPU");
	pb_cpu_key_from(cpuinfo, "", buf, 12); /* too small: no overflow */
	assert_true(strlen(buf) < 12);
}

/* The fix of the finding that has this text. */
static const char *fix_of(const struct probe_finding *f, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(f[i].what, text))
			return f[i].fix;
	fail_msg("no finding has '%s'", text);
	return "";
}

static struct probe_machine fine(void)
{
	return (struct probe_machine){
		.online_count = 8,
		.isolated = "7",
		.governor = "performance",
		.turbo = PROBE_NO,
		.ticks_invariant = PROBE_YES,
		.nmi_watchdog = PROBE_NO,
		.perf_event_paranoid = 2,
		.load_1min = 0.1,
		.has_cc = true,
		.has_gnuplot = true,
		.has_perf = true,
		.has_libunwind_headers = true,
		.has_apt = true,
	};
}

static void findings_name_their_fix(void **state)
{
	(void)state;
	struct probe_machine m = fine();
	struct probe_finding f[32];
	assert_int_equal(probe_machine_findings(&m, f, 32), 0);
	m.governor[0] = 'x';
	m.turbo = PROBE_YES;
	m.perf_event_paranoid = 4;
	m.load_1min = 5;
	m.has_gnuplot = m.has_libunwind_headers = false;
	m.cpu_time = (struct probe_cpu_time){1000, 50};
	strcpy(m.smt_siblings, "0,4");
	m.aslr = 2;
	size_t n = probe_machine_findings(&m, f, 32);
	assert_int_equal(n, 9);
	assert_int_equal(f[0].severity, PROBE_PROBLEM); /* worst first */
	for (size_t i = 1; i < n; i++)
		assert_true(f[i].severity <= f[i - 1].severity);
	assert_string_equal(fix_of(f, n, "libunwind"), "sudo apt-get install libunwind-dev");
	assert_non_null(strstr(fix_of(f, n, "governor"), "scaling_governor"));
	assert_non_null(strstr(fix_of(f, n, "paranoid=4"), "perf_event_paranoid=2"));
	assert_non_null(fix_of(f, n, "5.0 %"));
	assert_non_null(fix_of(f, n, "load 5.00"));
	assert_non_null(fix_of(f, n, "CPUs 0,4 share a core"));
	m.has_apt = false;
	n = probe_machine_findings(&m, f, 32);
	assert_null(strstr(fix_of(f, n, "gnuplot"), "apt-get"));
	assert_int_equal(probe_machine_findings(&m, f, 2), 2);
}

static void steal_is_a_share_of_the_time_between(void **state)
{
	(void)state;
	struct probe_cpu_time begin = {1000, 40}, end = {1200, 50};
	assert_true(probe_machine_steal_share(&begin, &end) == 0.05);
	assert_true(isnan(probe_machine_steal_share(&begin, &begin)));
	assert_true(isnan(probe_machine_steal_share(&end, &begin)));
}

static void facts_go_into_a_run(void **state)
{
	(void)state;
	struct probe_run *run = probe_run_new();
	struct probe_error err;
	assert_non_null(run);
	assert_int_equal(probe_machine_facts(run, &err), 0);
	bool model = false;
	for (size_t i = 0; i < run->fact_count; i++) {
		assert_true(run->facts[i].value[0]);
		model |= !strcmp(run->facts[i].key, "cpu_model");
	}
	assert_true(model);
	probe_run_free(run);
}

static void picks_and_pins_an_allowed_cpu(void **state)
{
	(void)state;
	cpu_set_t before, after;
	struct probe_error err;
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	int cpu = probe_machine_pick_cpu();
	assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
	assert_true(CPU_EQUAL(&before, &after)); /* picking isn't pinning */
	assert_int_equal(probe_machine_pin(cpu, &err), 0);
	assert_int_equal(sched_getcpu(), cpu);
	assert_int_equal(probe_machine_pin(-1, &err), -PROBE_EINVAL);
	assert_int_equal(probe_machine_pin(1000000, &err), -PROBE_EINVAL);
	assert_non_null(strstr(err.msg, "--cpu"));
	sched_setaffinity(0, sizeof before, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_lists),
		cmocka_unit_test_setup_teardown(a_desktop_with_everything, make_root, remove_root),
		cmocka_unit_test_setup_teardown(a_bare_container_shows_nothing, make_root,
						remove_root),
		cmocka_unit_test_setup_teardown(an_arm_board_has_a_name, make_root, remove_root),
		cmocka_unit_test(cpu_keys_tell_models_apart),
		cmocka_unit_test(findings_name_their_fix),
		cmocka_unit_test(steal_is_a_share_of_the_time_between),
		cmocka_unit_test(facts_go_into_a_run),
		cmocka_unit_test(picks_and_pins_an_allowed_cpu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
