/* SPDX-License-Identifier: MIT
 * Samples -> figures, by the same functions that take a cell's child process's answer.
 */
#include "py/package/package.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "matrix/cell.h"
#include "matrix/quiet_memory.h"
#include "probe/machine.h"
#include "result/codec.h"

/* Fewer rounds than this are no sample to take a quantile's interval from. */
#define MIN_ROUNDS 10

struct probe_run *pb_package_run(const char *text)
{
	struct probe_error err = {0};
	json_error_t why;
	json_t *json = json_loads(text, 0, &why);
	struct probe_run *run = probe_run_new();
	int rc = 0;
	if (!run)
		rc = pb_fail(&err, PROBE_ENOMEM, 0, "out of memory");
	else if (!json)
		rc = pb_fail(&err, PROBE_EFORMAT, 0, "the run is no JSON: %s", why.text);
	else
		rc = pb_decode(&pb_schema_run, json, run, "run", &err);
	json_decref(json);
	if (!rc)
		return run;
	probe_run_free(run);
	pb_package_fail(&err);
	return NULL;
}

PyObject *pb_package_json(json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	PyObject *string = text ? PyUnicode_FromString(text) : PyErr_NoMemory();
	json_decref(value);
	free(text);
	return string;
}

PyObject *pb_package_text(const struct probe_run *run)
{
	return pb_package_json(pb_encode(&pb_schema_run, run, NULL));
}

static int engine_of(const char *name)
{
	for (int i = 0; i < PB_ENGINE_COUNT; i++)
		if (name && !strcmp(name, pb_engine_name((enum pb_engine)i)))
			return i;
	return -1;
}

/* The spread of a few calls is their range: with one call there is only the counter's step. */
static void widen(struct probe_engine *e, const struct probe_process_samples *s, double step)
{
	double low = INFINITY, high = -INFINITY;
	for (size_t i = 0; i < s->round_count; i++) {
		low = fmin(low, s->rounds[i].ticks[PROBE_RUNG_REAL]);
		high = fmax(high, s->rounds[i].ticks[PROBE_RUNG_REAL]);
	}
	double half = high > low ? hypot(high - low, step) : step;
	struct probe_value *values[] = {&e->total, &e->parts[0].value, &e->folded[0].value};
	for (size_t i = 0; i < 3; i++) {
		values[i]->half = fmax(values[i]->half, half);
		values[i]->state = PROBE_ESTIMATE;
	}
}

/* One cell's samples, in the order in which they were taken. */
static int take_cell(struct probe_run *run, size_t i, const json_t *given,
		     struct pb_quiet_memory *memory, struct probe_error *err)
{
	struct probe_cell *row = &run->cells[i];
	const struct pb_path path = {.name = row->path,
				     .pure = json_is_true(json_object_get(given, "pure"))};
	struct pb_cell cell = {.row = i, .path = &path, .engines = ~0u};
	struct pb_cell_settings settings = {.seed = run->seed};
	size_t k;
	json_t *pair;
	int rc = 0;
	json_array_foreach(json_object_get(given, "answers"), k, pair)
	{
		int engine = engine_of(json_string_value(json_array_get(pair, 0)));
		char *text = json_dumps(json_array_get(pair, 1), JSON_COMPACT);
		struct pb_child_outcome outcome = {
			.end = PB_CHILD_EXITED,
			.result = {.bytes = text, .length = text ? strlen(text) : 0}};
		struct pb_cell_result result;
		if (engine < 0 || !text) {
			free(text);
			rc = pb_fail(err, PROBE_EINVAL, 0, "samples of no engine");
			break;
		}
		pb_cell_result_take(&outcome, 0, &result);
		free(text);
		if (result.status == PROBE_CELL_OK) {
			run->counter = result.counter;
			settings.granularity_ticks = result.counter.granularity_ticks;
			settings.tick_hz = result.counter.hz;
			pb_quiet_memory_learn(memory, result.rounds, result.round_count);
		}
		settings.quiet_ratio = memory->known;
		rc = pb_cell_take(&cell, (enum pb_engine)engine, &result, NULL, &settings, row,
				  err);
		pb_cell_result_fini(&result);
		if (rc)
			break;
	}
	if (!rc)
		rc = pb_cell_settle(&cell, &settings, row, err);
	if (!rc && row->ladder.present && cell.ladder_count == 1 &&
	    cell.ladder[0].round_count < MIN_ROUNDS)
		widen(&row->ladder, &cell.ladder[0], settings.granularity_ticks);
	pb_cell_fini(&cell);
	return rc;
}

PyObject *pb_py_analyse(PyObject *module, PyObject *args)
{
	const char *text, *answers_text;
	struct pb_quiet_memory memory;
	struct probe_error err = {0};
	json_error_t why;
	(void)module;
	if (!PyArg_ParseTuple(args, "ss", &text, &answers_text))
		return NULL;
	struct probe_run *run = pb_package_run(text);
	if (!run)
		return NULL;
	json_t *answers = json_loads(answers_text, 0, &why);
	PyObject *out = NULL;
	int rc = 0;
	if (!answers || json_array_size(answers) != run->cell_count)
		rc = pb_fail(&err, PROBE_EINVAL, 0, "the answers are not one for each cell");
	pb_quiet_memory_load(&memory);
	for (size_t i = 0; !rc && i < run->cell_count; i++)
		rc = take_cell(run, i, json_array_get(answers, i), &memory, &err);
	if (!rc)
		rc = probe_machine_facts(run, &err);
	if (!rc)
		pb_quiet_memory_save(&memory);
	out = rc ? pb_package_fail(&err) : pb_package_text(run);
	json_decref(answers);
	probe_run_free(run);
	return out;
}

PyObject *pb_py_load(PyObject *module, PyObject *args)
{
	PyObject *path;
	struct probe_run *run = NULL;
	struct probe_error err = {0};
	(void)module;
	if (!PyArg_ParseTuple(args, "O&", PyUnicode_FSConverter, &path))
		return NULL;
	int rc = probe_run_load(PyBytes_AS_STRING(path), &run, &err);
	Py_DECREF(path);
	PyObject *out = rc ? pb_package_fail(&err) : pb_package_text(run);
	probe_run_free(run);
	return out;
}

PyObject *pb_py_save(PyObject *module, PyObject *args)
{
	const char *text;
	PyObject *path;
	struct probe_error err = {0};
	(void)module;
	if (!PyArg_ParseTuple(args, "sO&", &text, PyUnicode_FSConverter, &path))
		return NULL;
	struct probe_run *run = pb_package_run(text);
	int rc = run ? probe_run_save(run, PyBytes_AS_STRING(path), &err) : -1;
	Py_DECREF(path);
	probe_run_free(run);
	if (rc)
		return run ? pb_package_fail(&err) : NULL;
	Py_RETURN_NONE;
}

PyObject *pb_py_quiet_ratio(PyObject *module, PyObject *ignored)
{
	struct pb_quiet_memory memory;
	(void)module, (void)ignored;
	pb_quiet_memory_load(&memory);
	return PyFloat_FromDouble(memory.known);
}
