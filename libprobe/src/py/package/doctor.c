/* SPDX-License-Identifier: MIT
 * The counter, the machine and its noise now: what `probe doctor` tells, but for the choice of a
 * CPU, as the thread of a notebook is not probe's to pin.
 */
#include "py/package/package.h"

#include "base/fail.h"
#include "probe/machine.h"
#include "probe/probe.h"
#include "result/codec.h"

#define MAX_FINDINGS 32

static json_t *counter_json(const struct probe_counter_facts *c)
{
	struct probe_counter_option kinds[PROBE_COUNTER_KINDS];
	json_t *list = json_array();
	int n = probe_counter_list(kinds, PROBE_COUNTER_KINDS);
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s, s:s}", "kind",
						      kinds[i].kind, "unit", kinds[i].unit,
						      "available", kinds[i].available, "why",
						      kinds[i].why, "fix", kinds[i].fix));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "kind", c->kind, "unit", c->unit, "why",
			 c->why, "hz", pb_json_real(c->hz), "granularity_ticks",
			 pb_json_real(c->granularity_ticks), "kinds", list);
}

static json_t *findings_json(void)
{
	static const char *const severities[] = {"note", "advice", "problem"};
	struct probe_finding findings[MAX_FINDINGS];
	struct probe_machine machine;
	json_t *list = json_array();
	probe_machine_read(&machine);
	size_t n = probe_machine_findings(&machine, findings, MAX_FINDINGS);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "severity",
						      severities[findings[i].severity], "what",
						      findings[i].what, "fix", findings[i].fix));
	return list;
}

static json_t *facts_json(const struct probe_run *run)
{
	json_t *facts = json_object();
	for (size_t i = 0; i < run->fact_count; i++)
		json_object_set_new(facts, run->facts[i].key, pb_json_text(run->facts[i].value));
	return facts;
}

static json_t *noise_json(const struct probe_noise_report *n)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:b}", "readings", (json_int_t)n->readings,
			 "quiet_share", pb_json_real(n->quiet_share), "chain_ticks",
			 pb_json_real(n->chain_ticks), "wide_ticks", pb_json_real(n->wide_ticks),
			 "steal_share", pb_json_real(n->steal_share), "contended", n->contended);
}

PyObject *pb_py_doctor(PyObject *module, PyObject *args)
{
	double seconds;
	char store[4096];
	struct probe_counter *counter = NULL;
	struct probe_noise_report noise;
	struct probe_error err = {0};
	PyObject *out = NULL;
	(void)module;
	if (!PyArg_ParseTuple(args, "d", &seconds))
		return NULL;
	struct probe_run *run = probe_run_new();
	int rc = run ? probe_machine_facts(run, &err)
		     : pb_fail(&err, PROBE_ENOMEM, 0, "out of memory");
	if (!rc)
		rc = probe_counter_open(&counter, NULL, &err);
	if (!rc) {
		bool stored = probe_noise_store_path(store, sizeof store) == 0;
		Py_BEGIN_ALLOW_THREADS;
		rc = probe_noise_watch(counter, seconds, stored ? store : NULL, NULL, &noise, &err);
		Py_END_ALLOW_THREADS;
	}
	if (rc)
		pb_package_fail(&err);
	else
		out = pb_package_json(json_pack(
			"{s:s, s:o, s:o, s:o, s:o}", "probe_version", PROBE_VERSION, "counter",
			counter_json(probe_counter_facts(counter)), "facts", facts_json(run),
			"findings", findings_json(), "noise", noise_json(&noise)));
	probe_counter_close(counter);
	probe_run_free(run);
	return out;
}
