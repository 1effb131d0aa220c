/* SPDX-License-Identifier: MIT
 * As much of cmocka's interface as the tests need that run under qemu-user: distributions have the
 * cross compiler, but no cmocka for it. Ends with "N passed, N failed, N skipped".
 */
#ifndef AARCH64_CMOCKA_H
#define AARCH64_CMOCKA_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	int (*setup_func)(void **state);
	int (*teardown_func)(void **state);
	void *initial_state;
};

static struct {
	jmp_buf end;
	bool skipped;
} shim;

__attribute__((noreturn, unused)) static void shim_end(bool skipped)
{
	shim.skipped = skipped;
	longjmp(shim.end, 1);
}

__attribute__((unused)) static void shim_assert(bool holds, const char *what, const char *file,
						int line)
{
	if (holds)
		return;
	printf("     %s:%d: not so: %s\n", file, line, what);
	shim_end(false);
}

__attribute__((unused)) static void shim_assert_int(uint64_t a, uint64_t b, bool equal,
						    const char *what, const char *file, int line)
{
	if ((a == b) == equal)
		return;
	printf("     %s:%d: not so: %s: 0x%" PRIx64 ", 0x%" PRIx64 "\n", file, line, what, a, b);
	shim_end(false);
}

#define SHIM_ASSERT(holds, what) shim_assert(holds, what, __FILE__, __LINE__)
#define SHIM_INT(a, b, eq, what)                                                                   \
	shim_assert_int((uint64_t)(a), (uint64_t)(b), eq, what, __FILE__, __LINE__)
#define assert_true(x)             SHIM_ASSERT((x) != 0, #x)
#define assert_false(x)            SHIM_ASSERT((x) == 0, "not " #x)
#define assert_null(x)             SHIM_ASSERT((x) == NULL, #x " is NULL")
#define assert_non_null(x)         SHIM_ASSERT((x) != NULL, #x " is not NULL")
#define assert_ptr_equal(a, b)     SHIM_ASSERT((const void *)(a) == (const void *)(b), #a " is " #b)
#define assert_int_equal(a, b)     SHIM_INT(a, b, true, #a " == " #b)
#define assert_int_not_equal(a, b) SHIM_INT(a, b, false, #a " != " #b)
#define assert_in_range(x, low, high)                                                              \
	SHIM_ASSERT((uint64_t)(x) >= (uint64_t)(low) && (uint64_t)(x) <= (uint64_t)(high),         \
		    #x " in [" #low ", " #high "]")
#define assert_string_equal(a, b)        SHIM_ASSERT(strcmp(a, b) == 0, #a " is " #b)
#define assert_string_not_equal(a, b)    SHIM_ASSERT(strcmp(a, b) != 0, #a " is not " #b)
#define assert_memory_equal(a, b, n)     SHIM_ASSERT(memcmp(a, b, n) == 0, #a " is " #b)
#define assert_memory_not_equal(a, b, n) SHIM_ASSERT(memcmp(a, b, n) != 0, #a " is not " #b)
#define assert_float_equal(a, b, within)                                                           \
	SHIM_ASSERT((a) - (b) <= (within) && (b) - (a) <= (within), #a " is about " #b)
#define assert_double_equal assert_float_equal
#define fail()              SHIM_ASSERT(false, "reached this line")
#define fail_msg(...)                                                                              \
	do {                                                                                       \
		printf("     %s:%d: ", __FILE__, __LINE__);                                        \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
		shim_end(false);                                                                   \
	} while (0)
#define skip()             shim_end(true)
#define print_message(...) printf(__VA_ARGS__)

#define cmocka_unit_test(f)                                                                        \
	{                                                                                          \
		.name = #f, .test_func = (f)                                                       \
	}
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                                        \
	{                                                                                          \
		.name = #f, .test_func = (f), .setup_func = (setup), .teardown_func = (teardown)   \
	}

/* Apart from the loop, whose variables a longjmp might clobber. Returns whether it came to its end.
 */
__attribute__((noinline)) static bool shim_run_one(const struct CMUnitTest *test, void **state)
{
	if (setjmp(shim.end))
		return false;
	test->test_func(state);
	return true;
}

/* Returns the number that failed. */
static int shim_run(const char *group, const struct CMUnitTest *tests, size_t count)
{
	unsigned passed = 0, failed = 0, skipped = 0;
	for (const struct CMUnitTest *t = tests; t < tests + count; t++) {
		void *state = t->initial_state;
		shim.skipped = false;
		bool ended = (!t->setup_func || !t->setup_func(&state)) && shim_run_one(t, &state);
		printf("%s %s: %s\n",
		       ended          ? "ok  "
		       : shim.skipped ? "skip"
				      : "FAIL",
		       group, t->name);
		fflush(stdout);
		passed += ended;
		skipped += !ended && shim.skipped;
		failed += !ended && !shim.skipped;
		if (t->teardown_func)
			t->teardown_func(&state);
	}
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return (int)failed;
}

#define cmocka_run_group_tests_name(group, tests, setup, teardown)                                 \
	shim_run(group, tests, sizeof(tests) / sizeof(tests)[0])
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
	cmocka_run_group_tests_name(#tests, tests, setup, teardown)

#endif
