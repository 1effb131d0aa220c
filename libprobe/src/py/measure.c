/* SPDX-License-Identifier: MIT
 * The engines as functions of the extension module: samples out, as plain Python objects.
 */
#include "py/py.h"

#include "base/fail.h"
#include "engine/ladder.h"
#include "engine/timeline.h"

/* Arguments that ladder() and timeline() share. */
struct request {
	PyObject *callable, *args, *loop, *empty_loop, *pycall, *pycall_loop, *hooks, *delays,
		*plain, *twin, *check, *ready_args, *replay;
	const char *returns;
	unsigned subphases, rounds, calls, events;
	int guard;
	double round_us, wait_s, quiet_ratio;
	unsigned long long seed;
};

static int parse(PyObject *args, PyObject *kwargs, struct request *r)
{
	static char *names[] = {"callable",    "args",       "loop",   "empty_loop",  "pycall",
				"pycall_loop", "hooks",      "delays", "plain",       "twin",
				"check",       "ready_args", "replay", "returns",     "subphases",
				"rounds",      "round_us",   "wait_s", "quiet_ratio", "seed",
				"guard",       "calls",      "events", NULL};
	*r = (struct request){.returns = "",
			      .subphases = PROBE_MASK_ALL,
			      .rounds = 100,
			      .round_us = 100,
			      .wait_s = 1};
	if (!PyArg_ParseTupleAndKeywords(
		    args, kwargs, "OO!O!O!|$OOOOOOOOOsIIdddKpII", names, &r->callable,
		    &PyTuple_Type, &r->args, &PyFunction_Type, &r->loop, &PyFunction_Type,
		    &r->empty_loop, &r->pycall, &r->pycall_loop, &r->hooks, &r->delays, &r->plain,
		    &r->twin, &r->check, &r->ready_args, &r->replay, &r->returns, &r->subphases,
		    &r->rounds, &r->round_us, &r->wait_s, &r->quiet_ratio, &r->seed, &r->guard,
		    &r->calls, &r->events))
		return -1;
	PyObject **optional[] = {&r->pycall, &r->pycall_loop, &r->hooks,      &r->delays, &r->plain,
				 &r->twin,   &r->check,       &r->ready_args, &r->replay};
	for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
		if (*optional[i] == Py_None)
			*optional[i] = NULL;
	if ((r->hooks && !PyDict_Check(r->hooks)) || (r->delays && !PyDict_Check(r->delays))) {
		PyErr_SetString(PyExc_TypeError, "hooks and delays must be dicts or None");
		return -1;
	}
	if (r->replay && !PyLong_Check(r->replay)) {
		PyErr_SetString(PyExc_TypeError, "replay must be an address or None");
		return -1;
	}
	return 0;
}

static int start(struct pb_call *call, const struct request *r)
{
	Py_INCREF(r->loop);
	call->loop = r->loop;
	Py_INCREF(r->empty_loop);
	call->empty_loop = r->empty_loop;
	Py_XINCREF(r->pycall);
	call->pycall = r->pycall;
	Py_XINCREF(r->pycall_loop);
	call->pycall_loop = r->pycall_loop;
	Py_XINCREF(r->plain);
	call->plain = r->plain;
	Py_XINCREF(r->twin);
	call->twin = r->twin;
	Py_XINCREF(r->check);
	call->check = r->check;
	call->guarded = r->guard;
	if (r->replay) {
		call->replay = PyLong_AsVoidPtr(r->replay);
		if (PyErr_Occurred())
			return -1;
		if (call->replay && call->replay->copies != PB_THUNK_VARIANTS) {
			PyErr_SetString(PyExc_ValueError, "the replay library is another probe's");
			return -1;
		}
	}
	return pb_call_init(call, r->callable, r->args, r->hooks, r->delays);
}

/* The second set of arguments is made by running the call, so its target must be in place. */
static int make_ready_args(struct pb_call *call, const struct request *r)
{
	PyObject *args = r->ready_args ? PyObject_CallFunctionObjArgs(r->ready_args, NULL) : NULL;
	if (r->ready_args && !args)
		return -1;
	if (args && args != Py_None &&
	    (!PyTuple_Check(args) || PyTuple_GET_SIZE(args) != PyTuple_GET_SIZE(call->args))) {
		PyErr_SetString(PyExc_TypeError,
				"ready_args must return None or as many arguments");
		Py_DECREF(args);
		return -1;
	}
	if (args == Py_None)
		Py_CLEAR(args);
	call->empty_args = args;
	return 0;
}

/* The first stub comes when the loop is warm: then its places are learnt. */
static int arm(void *ctx, enum probe_rung rung, unsigned variant)
{
	bool stub =
		rung != PROBE_RUNG_EMPTY && rung != PROBE_RUNG_REAL && rung != PROBE_RUNG_PYCALL;
	if (stub && pb_call_learn(ctx, PB_LOOP_TIMED))
		return -1;
	pb_call_arm(ctx, rung, variant);
	return 0;
}

static int run(void *ctx, enum probe_rung rung, uint64_t calls, uint64_t *ticks)
{
	return pb_call_run(ctx, rung, calls, ticks);
}

static int pause_between(void *ctx)
{
	(void)ctx;
	return PyErr_CheckSignals();
}

static PyObject *columns_of(unsigned mask)
{
	PyObject *list = PyList_New(0);
	for (unsigned c = 0; list && c < PROBE_COLUMNS; c++) {
		if (!(mask & (1u << c)))
			continue;
		PyObject *n = PyLong_FromUnsignedLong(c);
		if (!n || PyList_Append(list, n))
			Py_CLEAR(list);
		Py_XDECREF(n);
	}
	return list;
}

/* One list a round: ticks and variant of every column, chain, wide, discarded. */
static PyObject *round_row(const struct probe_round *round, unsigned mask)
{
	PyObject *row = PyList_New(0);
	double values[2 * PROBE_COLUMNS + 3];
	size_t n = 0;
	for (unsigned c = 0; c < PROBE_COLUMNS; c++)
		if (mask & (1u << c))
			values[n++] = round->ticks[c];
	for (unsigned c = 0; c < PROBE_COLUMNS; c++)
		if (mask & (1u << c))
			values[n++] = round->variant[c];
	values[n++] = round->chain_ticks;
	values[n++] = round->wide_ticks;
	values[n++] = round->discarded;
	for (size_t i = 0; row && i < n; i++) {
		PyObject *value = Py_None;
		if (values[i] == values[i])
			value = PyFloat_FromDouble(values[i]);
		else
			Py_INCREF(value);
		if (!value || PyList_Append(row, value))
			Py_CLEAR(row);
		Py_XDECREF(value);
	}
	return row;
}

static PyObject *burst_number(const struct probe_burst *burst, int field)
{
	if (field == 0)
		return PyLong_FromUnsignedLongLong(burst->calls);
	if (field == 2)
		return PyBool_FromLong(burst->contended);
	if (burst->ticks == burst->ticks)
		return PyFloat_FromDouble(burst->ticks);
	Py_RETURN_NONE;
}

/* The warm-up as lists of one length: calls, ticks, contended. */
static PyObject *warmup_dict(const struct probe_process_samples *s)
{
	static const char *const names[] = {"calls", "ticks", "contended"};
	PyObject *dict = PyDict_New();
	for (int field = 0; dict && field < 3; field++) {
		PyObject *list = PyList_New(0);
		for (size_t i = 0; list && i < s->warmup_count; i++) {
			PyObject *number = burst_number(&s->warmup[i], field);
			if (!number || PyList_Append(list, number))
				Py_CLEAR(list);
			Py_XDECREF(number);
		}
		if (!list || PyDict_SetItemString(dict, names[field], list))
			Py_CLEAR(dict);
		Py_XDECREF(list);
	}
	return dict;
}

static PyObject *alone_pair(const struct probe_alone_samples *alone)
{
	if (!alone->present)
		Py_RETURN_NONE;
	return Py_BuildValue("(dd)", alone->waiting, alone->free);
}

PyObject *pb_py_samples(struct pb_call *call, const struct probe_process_samples *s)
{
	PyObject *rounds = PyList_New(0);
	for (size_t i = 0; rounds && i < s->round_count; i++) {
		PyObject *row = round_row(&s->rounds[i], s->rungs);
		if (!row || PyList_Append(rounds, row))
			Py_CLEAR(rounds);
		Py_XDECREF(row);
	}
	PyObject *columns = columns_of(s->rungs), *facts = pb_py_facts(call->counter);
	PyObject *warmup = warmup_dict(s), *reasons = pb_call_reasons(call);
	PyObject *alone = alone_pair(&s->alone), *dict = NULL;
	if (rounds && columns && facts && warmup && reasons && alone)
		dict = Py_BuildValue("{sOsOsOsOsOsIsKsKsOsO}", "counter", facts, "columns", columns,
				     "rounds", rounds, "warmup", warmup, "alone", alone,
				     "subphases", s->subphases, "calls",
				     (unsigned long long)s->calls_per_round, "called",
				     (unsigned long long)call->calls_made, "expected", call->ready,
				     "reasons", reasons);
	Py_XDECREF(rounds);
	Py_XDECREF(columns);
	Py_XDECREF(facts);
	Py_XDECREF(warmup);
	Py_XDECREF(reasons);
	Py_XDECREF(alone);
	return dict;
}

/* Without the rungs that turned out to be not what they were to be. */
static PyObject *samples_of(struct pb_call *call, struct probe_process_samples *samples)
{
	for (unsigned r = 0; r < PROBE_RUNG_COUNT; r++)
		if (!pb_call_has_rung(call, (enum probe_rung)r))
			samples->rungs &= ~(1u << r);
	return pb_py_samples(call, samples);
}

PyObject *pb_py_ladder(PyObject *module, PyObject *args, PyObject *kwargs)
{
	struct request r;
	struct pb_call call = {0};
	struct probe_process_samples samples = {0};
	struct probe_error err = {0};
	PyObject *out = NULL;
	(void)module;

	if (parse(args, kwargs, &r))
		return NULL;
	int rungs = -1;
	if (start(&call, &r) == 0 && make_ready_args(&call, &r) == 0)
		rungs = r.hooks ? pb_call_make_stubs(&call, r.returns)
				: (int)(1u << PROBE_RUNG_EMPTY | 1u << PROBE_RUNG_REAL);
	if (rungs >= 0) {
		if (r.pycall && r.pycall_loop)
			rungs |= 1 << PROBE_RUNG_PYCALL;
		const struct pb_ladder_ops ops = {arm, run, pause_between, NULL};
		const struct pb_ladder_config config = {.rungs = (unsigned)rungs,
							.subphases = r.subphases,
							.rounds = r.rounds,
							.round_us = r.round_us,
							.wait_s = r.wait_s,
							.quiet_ratio = r.quiet_ratio,
							.calls = r.calls,
							.seed = r.seed};
		if (pb_ladder_run(call.counter, &ops, &call, &config, &samples, &err))
			pb_py_raise(&err);
		else if (pb_call_learn_again(&call, PB_LOOP_TIMED) == 0 &&
			 (r.calls || pb_call_alone(&call, &samples.alone) == 0))
			out = samples_of(&call, &samples);
	}
	free(samples.rounds);
	free(samples.warmup);
	pb_call_fini(&call);
	return out;
}

/* One round of the timeline: the same calls stamped and plain, in random order. */
struct stamped {
	struct pb_call *call;
	struct pb_timeline timeline;
};

static int run_stamped(void *ctx, uint64_t calls, uint64_t *ticks)
{
	struct stamped *s = ctx;
	if (pb_call_learn(s->call, PB_LOOP_TIMED))
		return -1;
	pb_call_arm_stamps(s->call);
	int rc = pb_call_run(s->call, PROBE_RUNG_REAL, calls, ticks);
	pb_call_disarm(s->call);
	return rc;
}

static int run_plain(void *ctx, uint64_t calls, uint64_t *ticks)
{
	struct stamped *s = ctx;
	pb_call_disarm(s->call);
	return pb_call_run(s->call, PROBE_RUNG_REAL, calls, ticks);
}

static int run_empty(void *ctx, uint64_t calls, uint64_t *ticks)
{
	struct stamped *s = ctx;
	return pb_call_run(s->call, PROBE_RUNG_EMPTY, calls, ticks);
}

static int pause_stamped(void *ctx)
{
	return pause_between(ctx);
}

static PyObject *histogram_list(const struct probe_histogram *h)
{
	PyObject *list = PyList_New(0);
	for (unsigned b = 0; list && b < PROBE_HISTOGRAM_BUCKETS; b++) {
		if (!h->counts[b])
			continue;
		PyObject *pair = Py_BuildValue("II", b, h->counts[b]);
		if (!pair || PyList_Append(list, pair))
			Py_CLEAR(list);
		Py_XDECREF(pair);
	}
	return list;
}

static PyObject *part_dict(const struct pb_timeline *t, size_t i)
{
	bool whole = i == t->shape.part_count;
	PyObject *histogram = histogram_list(whole ? t->whole : &t->histograms[i]);
	PyObject *part = NULL;
	if (histogram)
		part = Py_BuildValue("{sIsdsO}", "mask", whole ? PROBE_MASK_ALL : t->shape.masks[i],
				     "weight", whole ? 1.0 : t->shape.weights[i], "histogram",
				     histogram);
	Py_XDECREF(histogram);
	return part;
}

/* The parts in the order of their columns, then the whole call; part_of names each stretch's. */
static PyObject *timeline_dict(const struct pb_timeline *t)
{
	PyObject *parts = PyList_New(0), *part_of = PyList_New(0), *dict = NULL;
	for (size_t i = 0; parts && i <= t->shape.part_count; i++) {
		PyObject *part = part_dict(t, i);
		if (!part || PyList_Append(parts, part))
			Py_CLEAR(parts);
		Py_XDECREF(part);
	}
	for (size_t i = 0; part_of && i < t->shape.stretch_count; i++) {
		PyObject *part = PyLong_FromLong(t->shape.part_of[i]);
		if (!part || PyList_Append(part_of, part))
			Py_CLEAR(part_of);
		Py_XDECREF(part);
	}
	if (parts && part_of)
		dict = Py_BuildValue("{sOsOsKsKsd}", "parts", parts, "part_of", part_of, "calls",
				     (unsigned long long)t->calls, "calls_discarded",
				     (unsigned long long)t->calls_discarded, "calibrated_ticks",
				     t->calibrated_ticks);
	Py_XDECREF(parts);
	Py_XDECREF(part_of);
	return dict;
}

/* The stamps of one more loop as they are: (event, ticks since the first). */
static PyObject *raw_events(struct pb_call *call, const struct pb_timeline *t, unsigned calls)
{
	size_t stamps = t->shape.stretch_count ? t->shape.stretch_count : 1;
	size_t most = PB_TIMELINE_RING_EVENTS / stamps;
	uint64_t ticks;
	call->ring.pos = 0;
	if (calls) {
		pb_call_arm_stamps(call);
		int rc = pb_call_run(call, PROBE_RUNG_REAL, calls < most ? calls : most, &ticks);
		pb_call_disarm(call);
		if (rc)
			return NULL;
	}
	size_t n = call->ring.pos / sizeof *call->ring.events;
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && i < n && i < PB_TIMELINE_RING_EVENTS; i++) {
		const struct pb_event *e = &call->ring.events[i];
		PyObject *pair =
			Py_BuildValue("KK", (unsigned long long)e->id,
				      (unsigned long long)(e->ticks - call->ring.events[0].ticks));
		if (!pair || PyList_Append(list, pair))
			Py_CLEAR(list);
		Py_XDECREF(pair);
	}
	return list;
}

PyObject *pb_py_timeline(PyObject *module, PyObject *args, PyObject *kwargs)
{
	struct request r;
	struct pb_call call = {0};
	struct stamped s = {.call = &call};
	struct probe_process_samples samples = {0};
	struct probe_error err = {0};
	PyObject *out = NULL, *events = NULL;
	(void)module;

	if (parse(args, kwargs, &r))
		return NULL;
	if (start(&call, &r) == 0 && pb_call_make_stamps(&call, PB_TIMELINE_RING_EVENTS) == 0) {
		const struct pb_timeline_ops ops = {run_stamped, run_plain, run_empty,
						    pause_stamped};
		const struct pb_timeline_config config = {.subphases = r.subphases,
							  .rounds = r.rounds,
							  .round_us = r.round_us,
							  .wait_s = r.wait_s,
							  .quiet_ratio = r.quiet_ratio,
							  .calls = r.calls,
							  .seed = r.seed};
		if (pb_timeline_run(call.counter, &call.ring, &ops, &s, &config, &s.timeline,
				    &samples, &err))
			pb_py_raise(&err);
		else
			events = raw_events(&call, &s.timeline, r.events);
		if (events)
			out = pb_py_samples(&call, &samples);
		if (out && PyDict_SetItemString(out, "events", events))
			Py_CLEAR(out);
		Py_XDECREF(events);
		PyObject *timeline = out ? timeline_dict(&s.timeline) : NULL;
		if (out && (!timeline || PyDict_SetItemString(out, "timeline", timeline)))
			Py_CLEAR(out);
		Py_XDECREF(timeline);
	}
	pb_timeline_fini(&s.timeline);
	free(samples.rounds);
	free(samples.warmup);
	pb_call_fini(&call);
	return out;
}
