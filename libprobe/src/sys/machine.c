/* SPDX-License-Identifier: MIT
 * Reads the facts of the machine from /proc, /sys and PATH.
 */
#include "sys/machine.h"

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sys/arch.h"
#include "sys/cpu.h"
#include "sys/text.h"

__attribute__((format(printf, 4, 5))) static int slurp(const struct pb_machine_source *source,
						       char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int n = snprintf(path, sizeof path, "%s", source->root);

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof path - (size_t)n, fmt, ap);
	va_end(ap);
	return pb_slurp(path, buf, size);
}

static long slurp_long(const struct pb_machine_source *source, const char *path, long absent)
{
	char text[64];
	char *end;

	if (slurp(source, text, sizeof text, "%s", path) <= 0)
		return absent;
	long value = strtol(text, &end, 10);
	return end == text ? absent : value;
}

static enum probe_tristate tristate(long value)
{
	return value < 0 ? PROBE_UNKNOWN : value ? PROBE_YES : PROBE_NO;
}

static enum probe_tristate read_turbo(const struct pb_machine_source *source)
{
	long no_turbo = slurp_long(source, "/sys/devices/system/cpu/intel_pstate/no_turbo", -1);
	if (no_turbo >= 0)
		return no_turbo ? PROBE_NO : PROBE_YES;
	return tristate(slurp_long(source, "/sys/devices/system/cpu/cpufreq/boost", -1));
}

/* First line of /proc/stat: "cpu" user nice system idle iowait irq softirq steal (guest ...). */
static int read_cpu_time(const struct pb_machine_source *source, struct probe_cpu_time *out)
{
	char text[512];
	struct probe_cpu_time t = {0};
	uint64_t field = 0;

	if (slurp(source, text, sizeof text, "/proc/stat") <= 0 || strncmp(text, "cpu ", 4))
		return -PROBE_ESYS;
	char *at = text + 4;
	for (int i = 0; i < 8; i++) {
		char *end;
		field = strtoull(at, &end, 10);
		if (end == at)
			return -PROBE_EFORMAT;
		t.total_jiffies += field;
		at = end;
	}
	t.steal_jiffies = field;
	*out = t;
	return 0;
}

static bool on_path(const struct pb_machine_source *source, const char *program)
{
	const char *from = source->search_path;

	while (from && *from) {
		char path[PATH_MAX];
		int length = (int)strcspn(from, ":");
		if (length && (size_t)snprintf(path, sizeof path, "%s%.*s/%s", source->root, length,
					       from, program) < sizeof path)
			if (access(path, X_OK) == 0)
				return true;
		from += length;
		from += *from == ':';
	}
	return false;
}

static bool has_header(const struct pb_machine_source *source, const char *header)
{
	static const char *const folders[] = {"/usr/include", "/usr/local/include"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(path, sizeof path, "%s%s/%s", source->root, folders[i], header);
		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

void pb_machine_read_files(const struct pb_machine_source *source, int cpu,
			   struct probe_machine *out)
{
	char text[4096];

	*out = (struct probe_machine){.load_1min = NAN, .memory_bytes = -1};
	slurp(source, text, sizeof text, "/proc/cpuinfo");
	pb_cpuinfo_get(text, "model name", out->cpu_model, sizeof out->cpu_model);
	if (!out->cpu_model[0]) /* arm64 shows numbers only */
		pb_cpu_key_from(text, "", out->cpu_model, sizeof out->cpu_model);
	slurp(source, out->online, sizeof out->online, "/sys/devices/system/cpu/online");
	slurp(source, out->isolated, sizeof out->isolated, "/sys/devices/system/cpu/isolated");
	out->online_count = pb_cpulist_count(out->online);
	slurp(source, out->smt_siblings, sizeof out->smt_siblings,
	      "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
	slurp(source, out->governor, sizeof out->governor,
	      "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
	slurp(source, out->clocksource, sizeof out->clocksource,
	      "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	out->turbo = read_turbo(source);
	out->nmi_watchdog = tristate(slurp_long(source, "/proc/sys/kernel/nmi_watchdog", -1));
	out->ticks_invariant = PROBE_UNKNOWN;
	out->perf_event_paranoid =
		(int)slurp_long(source, "/proc/sys/kernel/perf_event_paranoid", INT_MIN);
	out->aslr = (int)slurp_long(source, "/proc/sys/kernel/randomize_va_space", -1);
	if (slurp(source, text, sizeof text, "/proc/loadavg") > 0)
		out->load_1min = strtod(text, NULL);
	read_cpu_time(source, &out->cpu_time);
	out->has_cc = on_path(source, "cc");
	out->has_gnuplot = on_path(source, "gnuplot");
	out->has_perf = on_path(source, "perf");
	out->has_apt = on_path(source, "apt-get");
	out->has_libunwind_headers = has_header(source, "libunwind.h");
	if (!out->has_libunwind_headers)
		out->has_libunwind_headers = has_header(source, PB_ARCH_TRIPLE "/libunwind.h");
}

/* The affinity of the calling thread as a list. */
static void list_allowed(struct probe_machine *out)
{
	cpu_set_t set;
	size_t used = 0;

	if (sched_getaffinity(0, sizeof set, &set))
		return;
	out->allowed_count = CPU_COUNT(&set);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		size_t first = cpu;
		while (cpu + 1 < CPU_SETSIZE && CPU_ISSET(cpu + 1, &set))
			cpu++;
		char range[48];
		int n = first == cpu ? snprintf(range, sizeof range, "%zu", cpu)
				     : snprintf(range, sizeof range, "%zu-%zu", first, cpu);
		if (used + (size_t)n + 2 > sizeof out->allowed)
			return;
		used += (size_t)snprintf(out->allowed + used, sizeof out->allowed - used, "%s%s",
					 used ? "," : "", range);
	}
}

void probe_machine_read(struct probe_machine *out)
{
	const char *search_path = getenv("PATH");
	struct pb_machine_source source = {"", search_path ? search_path : "/usr/bin:/bin"};
	struct utsname name;

	pb_machine_read_files(&source, probe_machine_pick_cpu(), out);
	if (uname(&name) == 0)
		snprintf(out->kernel, sizeof out->kernel, "%.40s %.80s", name.sysname,
			 name.release);
	pb_arch_hypervisor(out->hypervisor, sizeof out->hypervisor);
	if (!out->hypervisor[0])
		pb_slurp("/sys/hypervisor/type", out->hypervisor, sizeof out->hypervisor);
	if (!strcmp(out->hypervisor, "KVMKVMKVM"))
		snprintf(out->hypervisor, sizeof out->hypervisor, "KVM");
	out->ticks_invariant = pb_arch_ticks_invariant() ? PROBE_YES : PROBE_NO;
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	if (pages > 0 && page_bytes > 0)
		out->memory_bytes = (int64_t)pages * page_bytes;
	list_allowed(out);
}

int probe_machine_cpu_time(struct probe_cpu_time *out)
{
	struct pb_machine_source source = {"", ""};
	return read_cpu_time(&source, out);
}

double probe_machine_steal_share(const struct probe_cpu_time *begin,
				 const struct probe_cpu_time *end)
{
	if (end->total_jiffies <= begin->total_jiffies || end->steal_jiffies < begin->steal_jiffies)
		return NAN;
	return (double)(end->steal_jiffies - begin->steal_jiffies) /
	       (double)(end->total_jiffies - begin->total_jiffies);
}
