/* SPDX-License-Identifier: MIT
 * Why a counter is unavailable here, and the command that would change it.
 */
#include "sys/pmu.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/arch.h"

/* Whole number in a small file; `absent` when the file isn't there. */
static long slurp_long(const struct pb_pmu_ops *ops, const char *path, long absent)
{
	char text[64];
	if (ops->slurp(ops->ctx, path, text, sizeof text) <= 0)
		return absent;
	return strtol(text, NULL, 10);
}

static bool exists(const struct pb_pmu_ops *ops, const char *path)
{
	char text[256];
	return ops->slurp(ops->ctx, path, text, sizeof text) >= 0;
}

static bool seccomp_filters(const struct pb_pmu_ops *ops)
{
	char text[4096];
	if (ops->slurp(ops->ctx, "/proc/self/status", text, sizeof text) <= 0)
		return false;
	const char *line = strstr(text, "\nSeccomp:");
	return line && strtol(line + strlen("\nSeccomp:"), NULL, 10) == 2;
}

static bool has_core_pmu(const struct pb_pmu_ops *ops)
{
	char names[PB_PMU_MAX_UNITS][64];
	return exists(ops, PB_PMU_ROOT "/cpu/type") ||
	       ops->list_units(ops->ctx, names, PB_PMU_MAX_UNITS) > 0;
}

__attribute__((format(printf, 4, 5))) static void fill(struct pb_pmu_reason *out,
						       enum probe_code code, const char *fix,
						       const char *fmt, ...)
{
	va_list ap;
	out->code = code;
	va_start(ap, fmt);
	vsnprintf(out->why, sizeof out->why, fmt, ap);
	va_end(ap);
	snprintf(out->fix, sizeof out->fix, "%s", fix);
}

static void explain_absent(const struct pb_pmu_ops *ops, struct pb_pmu_reason *out)
{
	char hypervisor[16];

	if (has_core_pmu(ops)) {
		fill(out, PROBE_ENOEVENT, "", "the PMU of this CPU offers no cycles event");
		return;
	}
	pb_arch_hypervisor(hypervisor, sizeof hypervisor);
	if (hypervisor[0])
		fill(out, PROBE_ENOPMU,
		     "on the host, give the virtual machine a PMU (KVM: -cpu host,pmu=on)",
		     "no hardware counter: this virtual machine has no virtual PMU");
	else
		fill(out, PROBE_ENOPMU, "", "no hardware counter: the kernel shows no PMU");
}

static void explain_forbidden(const struct pb_pmu_ops *ops, struct pb_pmu_reason *out)
{
	/* Above 2, distributions' kernels forbid even user-mode events of one's own thread. */
	long paranoid = slurp_long(ops, "/proc/sys/kernel/perf_event_paranoid", -1);
	if (paranoid > 2)
		fill(out, PROBE_EPERM_PARANOID, "sudo sysctl kernel.perf_event_paranoid=2",
		     "kernel.perf_event_paranoid=%ld forbids counting one's own thread", paranoid);
	else if (seccomp_filters(ops))
		fill(out, PROBE_EPERM_PARANOID, "run the container with --cap-add PERFMON",
		     "a seccomp filter forbids perf_event_open (usual in containers)");
	else
		fill(out, PROBE_EPERM_PARANOID, "sudo sysctl kernel.perf_event_paranoid=1",
		     "the kernel or a security module forbids perf_event_open "
		     "(perf_event_paranoid=%ld)",
		     paranoid);
}

void pb_pmu_explain_open(const struct pb_pmu_ops *ops, int sys_errno, struct pb_pmu_reason *out)
{
	*out = (struct pb_pmu_reason){.sys_errno = sys_errno};
	switch (sys_errno) {
	case ENOENT:
	case ENODEV:
	case EOPNOTSUPP:
		explain_absent(ops, out);
		break;
	case EACCES:
	case EPERM:
		explain_forbidden(ops, out);
		break;
	case ENOSYS:
		if (seccomp_filters(ops))
			explain_forbidden(ops, out);
		else
			fill(out, PROBE_ENOPMU, "use a kernel built with CONFIG_PERF_EVENTS",
			     "this kernel has no perf_event_open");
		break;
	case EBUSY:
		fill(out, PROBE_EMULTIPLEX, "sudo sysctl kernel.nmi_watchdog=0",
		     "another user holds the PMU's counters");
		break;
	case EMFILE:
	case ENFILE:
		fill(out, PROBE_ESYS, "ulimit -n 1024", "no file descriptor is left");
		break;
	default:
		fill(out, PROBE_ESYS, "", "perf_event_open failed: %s", strerror(sys_errno));
		break;
	}
}

void pb_pmu_explain_page(const struct pb_pmu_ops *ops, const struct pb_pmu_event *event,
			 struct pb_pmu_reason *out)
{
	*out = (struct pb_pmu_reason){.code = PROBE_EPERM_PARANOID};
	if (!event->page) {
		fill(out, PROBE_EPERM_PARANOID, "sudo sysctl kernel.perf_event_mlock_kb=516",
		     "the event's page couldn't be mapped");
		return;
	}
	static const char *const units[] = {"cpu", "cpu_core", "cpu_atom"};
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		char path[128], fix[160];
		snprintf(path, sizeof path, PB_PMU_ROOT "/%s/rdpmc", units[i]);
		if (slurp_long(ops, path, 1) == 0) {
			snprintf(fix, sizeof fix, "echo 1 | sudo tee %s", path);
			fill(out, PROBE_EPERM_PARANOID, fix, "user-space reads are off (%s is 0)",
			     path);
			return;
		}
	}
	if (slurp_long(ops, "/proc/sys/kernel/perf_user_access", 1) == 0)
		fill(out, PROBE_EPERM_PARANOID, "sudo sysctl kernel.perf_user_access=1",
		     "user-space reads are off (kernel.perf_user_access is 0)");
	else
		fill(out, PROBE_ENOPMU, "", "the kernel offers no user-space reads of this event");
}

void pb_pmu_explain_unscheduled(const struct pb_pmu_ops *ops, struct pb_pmu_reason *out)
{
	*out = (struct pb_pmu_reason){.code = PROBE_EMULTIPLEX};
	if (slurp_long(ops, "/proc/sys/kernel/nmi_watchdog", 0) == 1)
		fill(out, PROBE_EMULTIPLEX, "sudo sysctl kernel.nmi_watchdog=0",
		     "the cycles event never got onto the PMU (the NMI watchdog holds a counter)");
	else
		fill(out, PROBE_EMULTIPLEX, "stop other users of perf events on this machine",
		     "the cycles event opened but never got onto the PMU");
}
