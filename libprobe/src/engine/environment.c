/* SPDX-License-Identifier: MIT
 * Facts of the machine as "key" -> "value" for the run file. Keys that pyperf knows are spelled as
 * pyperf spells them; those that it takes only as numbers are avoided.
 */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/fail.h"
#include "probe/machine.h"

/* Adds unless the text is empty; keeps the first failure in *status. */
__attribute__((format(printf, 4, 5))) static void add(struct probe_run *run, int *status,
						      const char *key, const char *fmt, ...)
{
	char value[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	if (value[0] && *status == 0)
		*status = probe_run_add_fact(run, key, value);
}

static void add_tristate(struct probe_run *run, int *status, const char *key,
			 enum probe_tristate value)
{
	if (value != PROBE_UNKNOWN)
		add(run, status, key, "%s", value == PROBE_YES ? "yes" : "no");
}

int probe_machine_facts(struct probe_run *run, struct probe_error *err)
{
	static const char *const aslr[] = {"No randomization", "Conservative randomization",
					   "Full randomization"};
	struct probe_cpu_time boot = {0};
	struct probe_machine m;
	int status = 0;

	probe_machine_read(&m);
	add(run, &status, "cpu_model", "%s", m.cpu_model);
	add(run, &status, "cpus_online", "%s", m.online);
	add(run, &status, "cpus_isolated", "%s", m.isolated);
	add(run, &status, "cpus_allowed", "%s", m.allowed);
	add(run, &status, "smt_siblings", "%s", m.smt_siblings);
	add(run, &status, "governor", "%s", m.governor);
	add_tristate(run, &status, "turbo", m.turbo);
	add_tristate(run, &status, "ticks_invariant", m.ticks_invariant);
	add(run, &status, "clocksource", "%s", m.clocksource);
	add(run, &status, "hypervisor", "%s", m.hypervisor);
	add(run, &status, "platform", "%s", m.kernel);
	if (m.memory_bytes > 0)
		add(run, &status, "memory_bytes", "%" PRId64, m.memory_bytes);
	if (m.aslr >= 0 && m.aslr < 3)
		add(run, &status, "aslr", "%s", aslr[m.aslr]);
	if (m.perf_event_paranoid != INT_MIN)
		add(run, &status, "perf_event_paranoid", "%d", m.perf_event_paranoid);
	add_tristate(run, &status, "nmi_watchdog", m.nmi_watchdog);
	if (!isnan(m.load_1min))
		add(run, &status, "load_1min", "%.2f", m.load_1min);
	double steal_share = probe_machine_steal_share(&boot, &m.cpu_time);
	if (!isnan(steal_share))
		add(run, &status, "steal_share_since_boot", "%.5f", steal_share);
	if (status)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for the facts of the machine");
	return 0;
}
