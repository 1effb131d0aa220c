/* SPDX-License-Identifier: MIT
 * From facts of the machine to findings with the command that would mend them. Pure.
 */
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "probe/machine.h"
#include "sys/text.h"

#define LOAD_PER_CPU_MAX 0.5
#define STEAL_MAX        0.01

struct list {
	struct probe_finding *out;
	size_t n, capacity;
};

__attribute__((format(printf, 4, 5))) static void add(struct list *list,
						      enum probe_severity severity, const char *fix,
						      const char *fmt, ...)
{
	struct probe_finding f = {.severity = severity};
	size_t at = list->n;
	va_list ap;

	if (list->n == list->capacity)
		return;
	va_start(ap, fmt);
	vsnprintf(f.what, sizeof f.what, fmt, ap);
	va_end(ap);
	snprintf(f.fix, sizeof f.fix, "%s", fix);
	/* Worst first, else in the order of finding. */
	for (; at > 0 && list->out[at - 1].severity < severity; at--)
		list->out[at] = list->out[at - 1];
	list->out[at] = f;
	list->n++;
}

static void find_missing(const struct probe_machine *m, struct list *list)
{
	const struct {
		bool there;
		enum probe_severity severity;
		const char *package, *what;
	} needs[] = {
		{m->has_cc, PROBE_PROBLEM, "gcc libc6-dev",
		 "no C compiler (cc): workloads and bindings can't be built"},
		{m->has_libunwind_headers, PROBE_PROBLEM, "libunwind-dev",
		 "no libunwind headers: the extension can't be built"},
		{m->has_gnuplot, PROBE_ADVICE, "gnuplot-nox", "no gnuplot: no plots"},
		{m->has_perf, PROBE_GOOD_TO_KNOW, "linux-perf",
		 "no perf: nothing here needs it, but it's the second opinion on counters"},
	};
	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
		char fix[128];
		if (needs[i].there)
			continue;
		if (m->has_apt)
			snprintf(fix, sizeof fix, "sudo apt-get install %s", needs[i].package);
		else
			snprintf(fix, sizeof fix,
				 "install what Debian calls %s with this system's package manager",
				 needs[i].package);
		add(list, needs[i].severity, fix, "%s", needs[i].what);
	}
}

static void find_clock(const struct probe_machine *m, struct list *list)
{
	if (m->ticks_invariant == PROBE_NO)
		add(list, PROBE_PROBLEM,
		    "in a virtual machine: pass the flag on (KVM: -cpu host,migratable=no)",
		    "the TSC isn't marked invariant: its rate may change while measuring");
	if (m->clocksource[0] && !strcmp(m->clocksource, "hpet"))
		add(list, PROBE_ADVICE, "",
		    "the kernel's clock is hpet: it found the TSC unstable (see dmesg)");
	if (m->governor[0] && strcmp(m->governor, "performance") != 0)
		add(list, PROBE_ADVICE,
		    "echo performance | sudo tee "
		    "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
		    "CPU governor is '%s': the clock follows the load", m->governor);
	if (m->turbo == PROBE_YES)
		add(list, PROBE_GOOD_TO_KNOW,
		    "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo (Intel), or "
		    "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
		    "turbo is on: the clock depends on heat and on the other cores");
}

static void find_neighbours(const struct probe_machine *m, struct list *list)
{
	struct probe_cpu_time boot = {0};
	double steal_share = probe_machine_steal_share(&boot, &m->cpu_time);

	if (m->load_1min > LOAD_PER_CPU_MAX * (m->online_count > 0 ? m->online_count : 1))
		add(list, PROBE_ADVICE, "uptime; ps -eo pcpu,pid,args --sort=-pcpu | head",
		    "the machine is busy: load %.2f on %d CPUs", m->load_1min, m->online_count);
	if (steal_share > STEAL_MAX)
		add(list, PROBE_ADVICE, "",
		    "the hypervisor gave %.1f %% of the CPU time since boot to others",
		    100 * steal_share);
	if (m->online_count > 1 && !m->isolated[0])
		add(list, PROBE_GOOD_TO_KNOW,
		    "boot with isolcpus=N nohz_full=N for the CPU to measure on",
		    "no CPU is isolated: other threads may be scheduled beside a measurement");
	if (pb_cpulist_count(m->smt_siblings) > 1)
		add(list, PROBE_GOOD_TO_KNOW,
		    "echo off | sudo tee /sys/devices/system/cpu/smt/control",
		    "CPUs %s share a core: work on one slows the other", m->smt_siblings);
	if (m->hypervisor[0])
		add(list, PROBE_GOOD_TO_KNOW, "",
		    "a virtual machine (%s): another tenant may share the core, unseen by this "
		    "kernel",
		    m->hypervisor);
}

size_t probe_machine_findings(const struct probe_machine *m, struct probe_finding *out,
			      size_t capacity)
{
	struct list list = {.out = out, .capacity = capacity};

	find_missing(m, &list);
	find_clock(m, &list);
	find_neighbours(m, &list);
	if (m->perf_event_paranoid != INT_MIN && m->perf_event_paranoid > 2)
		add(&list, PROBE_ADVICE, "sudo sysctl kernel.perf_event_paranoid=2",
		    "kernel.perf_event_paranoid=%d: no counter for unprivileged users",
		    m->perf_event_paranoid);
	if (m->nmi_watchdog == PROBE_YES)
		add(&list, PROBE_GOOD_TO_KNOW, "sudo sysctl kernel.nmi_watchdog=0",
		    "the NMI watchdog holds one hardware counter");
	if (m->aslr > 0)
		add(&list, PROBE_GOOD_TO_KNOW, "setarch -R probe run ...",
		    "ASLR is on: each process has a layout of its own (several passes turn that "
		    "into spread)");
	return list.n;
}
