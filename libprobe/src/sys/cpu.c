/* SPDX-License-Identifier: MIT
 * CPUs: affinity, and the name under which what is known of a CPU is remembered.
 */
#include "sys/cpu.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "probe/machine.h"
#include "sys/pmu.h"
#include "sys/text.h"

const char *pb_cpuinfo_get(const char *cpuinfo, const char *name, char *buf, size_t size)
{
	size_t length = strlen(name);

	buf[0] = '\0';
	for (const char *line = cpuinfo; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, name, length))
			continue;
		const char *at = line + length;
		at += strspn(at, " \t");
		if (*at++ != ':') /* a longer name */
			continue;
		at += strspn(at, " \t");
		int n = (int)strcspn(at, "\n");
		snprintf(buf, size, "%.*s", n, at);
		break;
	}
	return buf;
}

const char *pb_cpu_key_from(const char *cpuinfo, const char *kind, char *buf, size_t size)
{
	static const char *const names[] = {
		"model name",      "cpu family", "model",       "stepping",     /* x86-64 */
		"CPU implementer", "CPU part",   "CPU variant", "CPU revision", /* arm64 */
	};
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i <= sizeof names / sizeof names[0]; i++) {
		char value[128];
		bool last = i == sizeof names / sizeof names[0];
		if (last)
			snprintf(value, sizeof value, "%s", kind);
		else
			pb_cpuinfo_get(cpuinfo, names[i], value, sizeof value);
		if (!value[0])
			continue;
		int n = snprintf(buf + used, size - used, "%s%s%s%s", used ? ", " : "",
				 i && !last ? names[i] : "", i && !last ? " " : "", value);
		if (n < 0 || (size_t)n >= size - used)
			break;
		used += (size_t)n;
	}
	if (!buf[0])
		snprintf(buf, size, "unknown CPU");
	return buf;
}

const char *pb_cpu_key(char *buf, size_t size)
{
	char cpuinfo[4096], names[PB_PMU_MAX_UNITS][64];
	const char *kind = "";

	pb_slurp("/proc/cpuinfo", cpuinfo, sizeof cpuinfo);
	int n = pb_pmu_linux.list_units(NULL, names, PB_PMU_MAX_UNITS);
	for (int i = 0; n > 1 && i < n; i++) {
		char path[160], cpus[256];
		snprintf(path, sizeof path, PB_PMU_ROOT "/%.63s/cpus", names[i]);
		if (pb_slurp(path, cpus, sizeof cpus) > 0 && pb_cpulist_has(cpus, sched_getcpu()))
			kind = names[i];
	}
	return pb_cpu_key_from(cpuinfo, kind, buf, size);
}

static bool pin(int cpu)
{
	cpu_set_t set;
	if (cpu < 0 || cpu >= CPU_SETSIZE) {
		errno = EINVAL;
		return false;
	}
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof set, &set) == 0;
}

int probe_machine_pin(int cpu, struct probe_error *err)
{
	if (pin(cpu))
		return 0;
	if (errno == EINVAL)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "CPU %d isn't one that this process may use: choose another with "
			       "--cpu",
			       cpu);
	return pb_fail(err, PROBE_ESYS, errno, "can't pin to CPU %d", cpu);
}

int probe_machine_pick_cpu(void)
{
	cpu_set_t allowed;
	char isolated[256];
	int cpu, picked = -1;

	if (sched_getaffinity(0, sizeof allowed, &allowed))
		return 0;
	/* Isolated CPUs are not in the default affinity, but may be entered on request. */
	if (pb_slurp("/sys/devices/system/cpu/isolated", isolated, sizeof isolated) > 0) {
		for (cpu = 0; cpu < CPU_SETSIZE && picked < 0; cpu++)
			if (pb_cpulist_has(isolated, cpu) && pin(cpu))
				picked = cpu;
		sched_setaffinity(0, sizeof allowed, &allowed);
	}
	for (cpu = CPU_SETSIZE - 1; cpu >= 0 && picked < 0; cpu--)
		if (CPU_ISSET((size_t)cpu, &allowed))
			picked = cpu;
	return picked < 0 ? 0 : picked;
}
