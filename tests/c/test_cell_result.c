/* SPDX-License-Identifier: MIT
 * What a cell's process answers, read without trusting it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "matrix/cell_result.h"
#include "matrix/clean.h"

static void foreign_text_is_made_harmless(void **state)
{
	(void)state;
	char buf[64], small[6];
	assert_string_equal(pb_clean_line("  a\t\tb\r\n\x1b[31mc\n", buf, sizeof buf), "a b [31mc");
	assert_string_equal(pb_clean_line("\xc3\xa9 \xff \xc3", buf, sizeof buf), "\xc3\xa9 ? ?");
	/* Overlong, surrogate, beyond Unicode, a C1 control: bytes that JSON or a terminal minds.
	 */
	assert_string_equal(pb_clean_line("\xc0\xaf\xed\xa0\x80\xf5\x80\xc2\x9b", buf, sizeof buf),
			    "?????????");
	assert_string_equal(pb_clean_line("abcd\xc3\xa9", small, sizeof small), "abcd");
	char *lines = pb_clean_lines("#0 f\n  #1 \x07g\n\n");
	assert_string_equal(lines, "#0 f\n  #1  g");
	free(lines);
}

static struct pb_cell_result judge(const char *answer, int exit_code, const char *said)
{
	struct pb_cell_result result;
	struct pb_child_outcome outcome = {
		.end = PB_CHILD_EXITED,
		.exit_code = exit_code,
		.result = {.bytes = strdup(answer), .length = strlen(answer)},
		.crash = {.bytes = strdup("")},
		.stderr_tail = {.bytes = strdup(said), .length = strlen(said)},
	};
	pb_cell_result_take(&outcome, 60, &result);
	pb_child_outcome_fini(&outcome);
	return result;
}

#define COUNTER                                                                                    \
	"\"counter\":{\"kind\":\"tsc\",\"unit\":\"TSC ticks\",\"why\":\"w\",\"hz\":2e9,"           \
	"\"granularity_ticks\":26,\"cycles_per_tick\":1.4,\"cycles_estimated\":true}"

static void an_answer_becomes_samples(void **state)
{
	(void)state;
	struct pb_cell_result r = judge(
		"{\"status\":\"ok\"," COUNTER ",\"calls\":400,\"subphases\":23,\"columns\":[0,4,1],"
		"\"rounds\":[[1.5,9,null,0,3,2,0.71,0.2,0],[2,8,4,0,0,0,0.7,0.3,1]],"
		"\"warnings\":[\"w\"]}",
		0, "");
	assert_int_equal(r.status, PROBE_CELL_OK);
	assert_int_equal(r.columns, 1u << 0 | 1u << 4 | 1u << 1);
	assert_int_equal(r.subphases, 23);
	assert_int_equal(r.calls_per_round, 400);
	assert_int_equal(r.round_count, 2);
	assert_true(r.rounds[0].ticks[0] == 1.5 && r.rounds[0].ticks[4] == 9);
	assert_true(isnan(r.rounds[0].ticks[1]) && isnan(r.rounds[0].ticks[2]));
	assert_int_equal(r.rounds[0].variant[4], 3);
	assert_int_equal(r.rounds[0].variant[1], 2);
	assert_true(r.rounds[1].wide_ticks == 0.3 && r.rounds[1].discarded);
	assert_true(!r.rounds[0].discarded && r.rounds[0].chain_ticks == 0.71);
	assert_string_equal(r.counter.kind, "tsc");
	assert_true(r.counter.granularity_ticks == 26 && r.counter.cycles_estimated);
	pb_cell_result_fini(&r);
}

/* Whatever a driver says, it becomes a status and one line. */
static void nonsense_becomes_a_failed_cell(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		int exit_code;
		const char *said, *reason;
	} rows[] = {
		{"", 0, "", "without an answer"},
		{"", 0, "x\nwhy\n", "without an answer: why"},
		{"", 3, "Error: a\n", "exit status 3: Error: a"},
		{"{", 0, "", "no valid JSON"},
		{"[1,2]", 0, "", "no status"},
		{"{\"status\":\"failed\",\"reason\":\"two\\nlines\"}", 0, "", "two lines"},
		/* A driver that gave an answer and then failed is not believed. */
		{"{\"status\":\"ok\"," COUNTER ",\"columns\":[0],\"rounds\":[[1,0,1,1,0]]}", 1,
		 "bad", "exit status 1: bad"},
		{"{\"status\":\"ok\",\"columns\":[0],\"rounds\":[[1,0,1,1,0]]}", 0, "",
		 "no counter"},
		{"{\"status\":\"ok\"," COUNTER ",\"columns\":[0],\"rounds\":[]}", 0, "",
		 "no rounds"},
		{"{\"status\":\"ok\"," COUNTER ",\"columns\":[0],\"rounds\":[[1,0]]}", 0, "",
		 "wrong length"},
		{"{\"status\":\"ok\"," COUNTER ",\"columns\":[99],\"rounds\":[[1,0,1,1,0]]}", 0, "",
		 "unknown column"},
		{"{\"status\":\"ok\"," COUNTER ",\"columns\":[-1],\"rounds\":[[1,0,1,1,0]]}", 0, "",
		 "unknown column"},
		{"{\"status\":\"ok\"," COUNTER ",\"columns\":[1,1],\"rounds\":[[1,0,1,1,0]]}", 0,
		 "", "twice"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pb_cell_result r = judge(rows[i].answer, rows[i].exit_code, rows[i].said);
		assert_int_equal(r.status, PROBE_CELL_FAILED);
		if (!strstr(r.reason, rows[i].reason))
			fail_msg("row %zu says '%s', not '%s'", i, r.reason, rows[i].reason);
		assert_null(strchr(r.reason, '\n'));
		assert_null(r.rounds);
		pb_cell_result_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_text_is_made_harmless),
		cmocka_unit_test(an_answer_becomes_samples),
		cmocka_unit_test(nonsense_becomes_a_failed_cell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
