/* SPDX-License-Identifier: MIT
 * Published claims: reading their table, and what made-up runs say of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#include "probe/claims.h"
#include "probe/threaded.h"
#include "run_fixture.h"

#define HEAD                                                                                       \
	"\"id\": \"x\", \"title\": \"T\", \"claim\": \"C.\", \"source\": \"S\", \"published\": "   \
	"\"2x\""
#define FIGURE(more)                                                                               \
	"\"measures\": \"a over b\", \"figure\": {\"workloads\": [\"f\"], \"numerator\": "         \
	"{\"path\": \"a\"}, \"denominator\": {\"path\": \"b\"}" more "}"
#define ONE(members) "{\"claims\": [{" members "}]}"

static const char *const fast = "cpython-3.13.0", *const old = "cpython-3.11.7",
			 *const jit = "cpython-3.13.0-jit";

/* --- making tables and runs --- */

static int load(const char *json, struct probe_claim_table **table, struct probe_error *err)
{
	char path[] = "/tmp/probe-test-claims-XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, json, strlen(json)), (ssize_t)strlen(json));
	close(fd);
	rc = probe_claim_table_load(path, table, err);
	unlink(path);
	return rc;
}

static struct probe_interpreter *interpreter(struct probe_run *run, const char *label,
					     const char *version)
{
	struct probe_interpreter *py = probe_run_add_interpreter(run);

	snprintf(py->label, sizeof py->label, "%s", label);
	snprintf(py->version, sizeof py->version, "%s", version);
	snprintf(py->implementation, sizeof py->implementation, "cpython");
	snprintf(py->compiler, sizeof py->compiler, "GCC 12.2.0");
	return py;
}

/* A binding: dispatch 40, compute 60, and marshalling the rest of total. */
static struct probe_cell *cell(struct probe_run *run, const char *path, const char *label,
			       double total, double half)
{
	const struct probe_part parts[] = {
		{PROBE_MASK_DISPATCH, fixture_value(40, 1)},
		{PROBE_MASK_MARSHALLING, fixture_value(total - 100, 1)},
		{PROBE_MASK_COMPUTE, fixture_value(60, 1)},
	};
	struct probe_cell *made = fixture_cell(run, "f", path, label);

	fixture_engine(&made->ladder, parts, 3);
	made->ladder.total.half = half;
	return made;
}

struct world {
	struct probe_run *run;
	struct probe_claim_table *table;
	struct probe_claim_result *results;
};

static void make(struct world *w, const char *json)
{
	struct probe_error err = {0};

	*w = (struct world){.run = probe_run_new()};
	w->run->counter.hz = 1e9;
	if (load(json, &w->table, &err))
		fail_msg("%s", err.msg);
}

static struct probe_claim_result *judge(struct world *w, const char *name)
{
	const struct probe_named_run runs[] = {{name, w->run}};

	assert_int_equal(probe_claims_judge(w->table, runs, 1, &w->results, NULL), 0);
	return w->results;
}

static void release(struct world *w)
{
	probe_claim_results_free(w->results, w->table->count);
	probe_claim_table_free(w->table);
	probe_run_free(w->run);
}

/* --- verdicts --- */

/* The ratio is 2; the bounds decide. */
static enum probe_claim_verdict verdict_within(const char *between, double half, bool contended)
{
	struct world w;
	char json[600];
	enum probe_claim_verdict verdict;

	snprintf(json, sizeof json, ONE(HEAD "," FIGURE("") ", \"between\": %s"), between);
	make(&w, json);
	interpreter(w.run, fast, "3.13.0");
	cell(w.run, "a", fast, 400, half)->ladder.contended = contended;
	cell(w.run, "b", fast, 200, half / 2);
	verdict = judge(&w, "r")->verdict;
	if (!contended)
		assert_true(fabs(w.results->findings[0].here.value - 2) < 1e-9);
	release(&w);
	return verdict;
}

static void the_interval_decides(void **state)
{
	(void)state;
	assert_int_equal(verdict_within("[1.5, 2.5]", 4, false), PROBE_CLAIM_CONFIRMED);
	assert_int_equal(verdict_within("[1.5, null]", 4, false), PROBE_CLAIM_CONFIRMED);
	assert_int_equal(verdict_within("[null, 1.5]", 4, false), PROBE_CLAIM_REFUTED);
	assert_int_equal(verdict_within("[2.5, 3]", 4, false), PROBE_CLAIM_REFUTED);
	/* 2 +- 0.28 */
	assert_int_equal(verdict_within("[1.9, 2.5]", 40, false), PROBE_CLAIM_UNDECIDED);
	assert_int_equal(verdict_within("[2.1, 2.5]", 40, false), PROBE_CLAIM_UNDECIDED);
	/* On a contended core the figure may be too high. */
	assert_int_equal(verdict_within("[1.5, 2.5]", 4, true), PROBE_CLAIM_UNDECIDED);
}

/* 2 on one interpreter, 4 on another: "each" and "any" differ. */
static void places_add_up(void **state)
{
	static const struct {
		const char *rest;
		enum probe_claim_verdict verdict;
		size_t confirmed, refuted;
	} rows[] = {
		{"\"between\": [1, 5]", PROBE_CLAIM_CONFIRMED, 2, 0},
		{"\"between\": [1, 3]", PROBE_CLAIM_MIXED, 1, 1},
		{"\"between\": [5, 6]", PROBE_CLAIM_REFUTED, 0, 2},
		{"\"between\": [1, 3], \"in\": \"any\"", PROBE_CLAIM_CONFIRMED, 1, 1},
		{"\"between\": [5, 6], \"in\": \"any\"", PROBE_CLAIM_REFUTED, 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct world w;
		char json[600];

		snprintf(json, sizeof json, ONE(HEAD "," FIGURE("") ", %s"), rows[i].rest);
		make(&w, json);
		interpreter(w.run, fast, "3.13.0");
		interpreter(w.run, old, "3.11.7");
		cell(w.run, "a", fast, 400, 2);
		cell(w.run, "b", fast, 200, 2);
		cell(w.run, "a", old, 800, 2);
		cell(w.run, "b", old, 200, 2);
		judge(&w, "r");
		assert_int_equal(w.results->verdict, rows[i].verdict);
		assert_int_equal(w.results->confirmed, rows[i].confirmed);
		assert_int_equal(w.results->refuted, rows[i].refuted);
		release(&w);
	}
}

static void phases_are_taken_by_name(void **state)
{
	static const struct {
		const char *phase;
		double ratio; /* of a (total 400) over b (total 200) */
	} rows[] = {{"total", 2},
		    {"boundary", 340.0 / 140},
		    {"dispatch", 1},
		    {"marshalling", 3},
		    {"compute", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct world w;
		char json[600];

		snprintf(json, sizeof json,
			 ONE(HEAD ", \"measures\": \"m\", \"figure\": {\"workloads\": [\"f\"], "
				  "\"numerator\": {\"path\": \"a\", \"phase\": \"%s\"}, "
				  "\"denominator\": {\"path\": \"b\", \"phase\": \"%s\"}}, "
				  "\"between\": [0, 9]"),
			 rows[i].phase, rows[i].phase);
		make(&w, json);
		interpreter(w.run, fast, "3.13.0");
		cell(w.run, "a", fast, 400, 2);
		cell(w.run, "b", fast, 200, 2);
		judge(&w, "r");
		assert_true(fabs(w.results->findings[0].here.value - rows[i].ratio) < 1e-9);
		assert_int_equal(w.results->findings[0].mostly, PROBE_MASK_MARSHALLING);
		release(&w);
	}
}

#define JIT_PAIR                                                                                   \
	ONE(HEAD ", \"measures\": \"m\", \"figure\": {\"workloads\": [\"f\"], "                    \
		 "\"numerator\": {\"path\": \"a\", \"build\": {\"jit\": false}}, "                 \
		 "\"denominator\": {\"path\": \"a\", \"build\": {\"jit\": true}}, "                \
		 "\"differ_in\": [\"JIT\"]}, \"between\": [1, 3], \"needs\": \"a build with the "  \
		 "JIT\"")

static void pairs_differ_in_nothing_else(void **state)
{
	struct world w;
	struct probe_interpreter *py;

	(void)state;
	make(&w, JIT_PAIR);
	interpreter(w.run, fast, "3.13.0");
	interpreter(w.run, old, "3.11.7"); /* no partner */
	interpreter(w.run, jit, "3.13.0")->jit = true;
	cell(w.run, "a", fast, 400, 2);
	cell(w.run, "a", old, 300, 2);
	cell(w.run, "a", jit, 200, 2);
	judge(&w, "r");
	assert_int_equal(w.results->verdict, PROBE_CLAIM_CONFIRMED);
	assert_int_equal(w.results->finding_count, 1);
	assert_string_equal(w.results->findings[0].over_label, fast);
	assert_string_equal(w.results->findings[0].under_label, jit);
	release(&w);

	make(&w, JIT_PAIR);
	interpreter(w.run, fast, "3.13.0");
	py = interpreter(w.run, jit, "3.13.0");
	py->jit = true;
	snprintf(py->compiler, sizeof py->compiler, "Clang 22");
	cell(w.run, "a", fast, 400, 2);
	cell(w.run, "a", jit, 200, 2);
	judge(&w, "r");
	assert_int_equal(w.results->verdict, PROBE_CLAIM_UNTESTED);
	assert_non_null(strstr(w.results->reason, "differ also in compiler"));
	release(&w);
}

static void what_is_missing_is_told(void **state)
{
	struct world w;

	(void)state;
	make(&w, JIT_PAIR);
	interpreter(w.run, fast, "3.13.0");
	cell(w.run, "a", fast, 400, 2);
	judge(&w, "r");
	assert_int_equal(w.results->verdict, PROBE_CLAIM_UNTESTED);
	assert_string_equal(w.results->reason, "it takes a build with the JIT");
	release(&w);

	make(&w, ONE(HEAD "," FIGURE(", \"run\": \"other\"") ", \"between\": [1, 2]"));
	judge(&w, "r");
	assert_string_equal(w.results->reason, "there is no run \"other\"");
	release(&w);

	make(&w, ONE(HEAD "," FIGURE("") ", \"between\": [1, 2]"));
	interpreter(w.run, fast, "3.13.0");
	cell(w.run, "a", fast, 400, 2);
	w.run->cells[0].status = PROBE_CELL_UNAVAILABLE;
	w.run->cells[0].reason = strdup("cargo is missing");
	cell(w.run, "b", fast, 200, 2);
	judge(&w, "r");
	assert_int_equal(w.results->verdict, PROBE_CLAIM_UNTESTED);
	assert_string_equal(w.results->reason,
			    "f on cpython-3.13.0, a: unavailable: cargo is missing");
	assert_int_equal(w.results->finding_count, 1);
	release(&w);

	make(&w, ONE(HEAD ", \"untestable\": \"no such thing\""));
	judge(&w, "r");
	assert_int_equal(w.results->verdict, PROBE_CLAIM_UNTESTED);
	assert_string_equal(w.results->reason, "no such thing");
	release(&w);
}

/* Of calls under threads: the most threads that had a CPU each, against what there was to gain. */
static void threads_scale_against_what_the_cores_gave(void **state)
{
	static const struct {
		unsigned cpus;
		double ratio; /* NaN: not testable */
	} rows[] = {{4, 3.0 / 3.5}, {2, 1.9 / 2}, {1, NAN}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct world w;

		make(&w, ONE(HEAD ", \"measures\": \"m\", \"figure\": {\"workloads\": [\"f\"], "
				  "\"numerator\": {\"path\": \"a\", \"phase\": \"scaling\"}, "
				  "\"denominator\": {\"path\": \"a\", \"phase\": \"cores\"}}, "
				  "\"between\": [0.8, null]"));
		interpreter(w.run, fast, "3.13.0");
		cell(w.run, "a", fast, 400, 2);
		for (unsigned threads = 1; threads <= 4; threads *= 2) {
			struct probe_threaded *row = probe_run_add_threaded(
				w.run, &w.run->cells[0], PROBE_CALLABLES_PRIVATE, threads);

			row->status = PROBE_CELL_OK;
			row->cpus = rows[i].cpus;
			row->scaling = threads == 4 ? 3 : threads == 2 ? 1.9 : 1;
			row->cores = threads == 4 ? 3.5 : threads;
			row->scaling_half = row->cores_half = 0.01;
		}
		judge(&w, "r");
		if (isnan(rows[i].ratio)) {
			assert_int_equal(w.results->verdict, PROBE_CLAIM_UNTESTED);
			assert_non_null(strstr(w.results->reason, "no two threads"));
		} else {
			assert_true(fabs(w.results->findings[0].here.value - rows[i].ratio) < 1e-9);
			assert_int_equal(w.results->verdict, PROBE_CLAIM_CONFIRMED);
			assert_int_equal(w.results->findings[0].threads, rows[i].cpus);
		}
		release(&w);
	}
}

/* A figure below the floor is no zero, and merged phases are not guessed apart. */
static void what_is_not_resolved_gives_no_ratio(void **state)
{
	static const char json[] =
		ONE(HEAD ", \"measures\": \"m\", \"figure\": {\"workloads\": [\"f\"], "
			 "\"numerator\": {\"path\": \"a\"}, \"denominator\": {\"path\": \"b\", "
			 "\"phase\": \"compute\"}}, \"between\": [1, 2]");
	struct probe_cell *b;
	struct world w;

	(void)state;
	make(&w, json);
	interpreter(w.run, fast, "3.13.0");
	cell(w.run, "a", fast, 400, 2);
	cell(w.run, "b", fast, 200, 2)->ladder.folded[2].value.below_floor = true;
	judge(&w, "r");
	assert_int_equal(w.results->verdict, PROBE_CLAIM_UNTESTED);
	assert_non_null(strstr(w.results->reason, "below what"));
	release(&w);

	make(&w, json);
	interpreter(w.run, fast, "3.13.0");
	cell(w.run, "a", fast, 400, 2);
	b = cell(w.run, "b", fast, 200, 2);
	b->ladder.folded[1].mask = PROBE_MASK_MARSHALLING | PROBE_MASK_COMPUTE;
	b->ladder.folded_count = 2;
	judge(&w, "r");
	assert_int_equal(w.results->verdict, PROBE_CLAIM_UNTESTED);
	assert_non_null(strstr(w.results->reason, "can't be told apart"));
	release(&w);
}

/* --- the table --- */

static void slips_are_told_with_their_place(void **state)
{
	static const struct {
		const char *json, *told;
	} rows[] = {
		{"{", "line 1"},
		{"[]", "no list \"claims\""},
		{"{\"claims\": []}", "no list \"claims\""},
		{ONE("\"id\": \"x\""), "claim 1 (x): \"title\" must be a text"},
		{ONE(HEAD ", \"tilte\": \"T\""), "\"tilte\" is not a member"},
		{ONE(HEAD), "\"measures\" must be a text"},
		{ONE(HEAD ", \"measures\": \"m\""), "\"figure\" must be an object"},
		{ONE(HEAD "," FIGURE("")), "\"between\" must be two numbers"},
		{ONE(HEAD "," FIGURE("") ", \"between\": [2, 1]"), "the lower bound, then"},
		{ONE(HEAD "," FIGURE("") ", \"between\": [-1, 1]"), "\"between\" must be"},
		{ONE(HEAD "," FIGURE(", \"differ_in\": []") ", \"between\": [1, 2]"),
		 "\"differ_in\" must be a list"},
		{ONE(HEAD "," FIGURE("") ", \"between\": [1, 2], \"in\": \"all\""), "\"in\" must"},
		{ONE(HEAD ", \"measures\": \"m\", \"figure\": {\"workloads\": [\"f\"], "
			  "\"numerator\": {\"path\": \"a\", \"phase\": \"totl\"}, "
			  "\"denominator\": {\"path\": \"b\"}}, \"between\": [1, 2]"),
		 "\"phase\" must be total"},
		{ONE("\"id\": \"x\", \"title\": "
		     "\"more than sixty characters, which no row of the overview has room for\""),
		 "\"title\" has more than 60"},
		{"{\"claims\": [{" HEAD ", \"untestable\": \"u\"}, {" HEAD
		 ", \"untestable\": \"u\"}]}",
		 "\"x\" is the id of two claims"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct probe_claim_table *table = NULL;
		struct probe_error err = {0};

		assert_int_equal(load(rows[i].json, &table, &err), -PROBE_EFORMAT);
		assert_null(table);
		if (!strstr(err.msg, rows[i].told))
			fail_msg("\"%s\" is not in \"%s\"", rows[i].told, err.msg);
	}
}

static void a_table_that_is_not_there(void **state)
{
	struct probe_claim_table *table = NULL;
	struct probe_error err = {0};

	(void)state;
	assert_int_equal(probe_claim_table_load("/nonexistent.json", &table, &err), -PROBE_ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interval_decides),
		cmocka_unit_test(places_add_up),
		cmocka_unit_test(phases_are_taken_by_name),
		cmocka_unit_test(pairs_differ_in_nothing_else),
		cmocka_unit_test(what_is_missing_is_told),
		cmocka_unit_test(threads_scale_against_what_the_cores_gave),
		cmocka_unit_test(what_is_not_resolved_gives_no_ratio),
		cmocka_unit_test(slips_are_told_with_their_place),
		cmocka_unit_test(a_table_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
