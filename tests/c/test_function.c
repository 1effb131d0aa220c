/* SPDX-License-Identifier: MIT
 * Which operands of a run are workloads, and which describe a function of the user's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "matrix/function.h"

#define FAKE_HOME "tests/fakehome"

static void split(const char *const *operands, struct pb_operands *out)
{
	struct probe_error err = {0};
	if (pb_operands_split(FAKE_HOME, operands, NULL, NULL, out, &err))
		fail_msg("%s", err.msg);
}

static void refused(const char *const *operands, const char *args, const char *target,
		    const char *word)
{
	struct pb_operands out;
	struct probe_error err = {0};
	assert_int_equal(pb_operands_split(FAKE_HOME, operands, args, target, &out, &err),
			 -PROBE_EINVAL);
	if (!strstr(err.msg, word))
		fail_msg("'%s' is not in: %s", word, err.msg);
	pb_operands_fini(&out);
}

static void workloads_stay_names(void **state)
{
	static const char *const operands[] = {"add",    "sized:16", "nothing",    "sized:x",
					       "add:ab", ".",        "no thing:x", NULL};
	struct pb_operands out;
	(void)state;
	split(operands, &out);
	assert_false(pb_operands_have_function(&out));
	for (size_t i = 0; operands[i]; i++)
		assert_string_equal(out.names[i], operands[i]);
	assert_null(out.names[7]);
	pb_operands_fini(&out);
}

static void a_library_takes_a_prototype(void **state)
{
	static const char *const libraries[] = {"libm.so.6", "./x.so",   "libx.so", "dir/x.c",
						"x.c",       "/no/such", "Makefile"};
	(void)state;
	for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
		const char *const operands[] = {"add", libraries[i], "int f(int)", "sized", NULL};
		struct pb_operands out;
		split(operands, &out);
		assert_string_equal(out.library, libraries[i]);
		assert_string_equal(out.prototype, "int f(int)");
		assert_null(out.callable);
		assert_int_equal(out.at, 1);
		assert_string_equal(out.names[0], "add");
		assert_string_equal(out.names[2], "sized");
		assert_null(out.names[3]);
		pb_operands_fini(&out);
	}
}

static void a_callable_is_a_name_in_a_module(void **state)
{
	static const char *const callables[] = {"zlib:crc32", "os.path:join", "a:B.c", "_x:_y1",
						"sum2:f"};
	static const char *const others[] = {"zlib:",  ":crc32", "a:b:c", "a:1",  "1:a",
					     "a..b:c", "a:b.",   "zlib",  "a-b:c"};
	(void)state;
	for (size_t i = 0; i < sizeof callables / sizeof callables[0]; i++) {
		const char *const operands[] = {callables[i], NULL};
		struct pb_operands out;
		split(operands, &out);
		assert_string_equal(out.callable, callables[i]);
		assert_int_equal(out.at, 0);
		assert_non_null(out.names[0]);
		assert_null(out.names[1]);
		pb_operands_fini(&out);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		const char *const operands[] = {others[i], NULL};
		struct pb_operands out;
		split(operands, &out);
		assert_false(pb_operands_have_function(&out));
		pb_operands_fini(&out);
	}
}

static void what_does_not_belong_together(void **state)
{
	static const char *const alone[] = {"libm.so.6", NULL};
	static const char *const no_prototype[] = {"libm.so.6", "add", NULL};
	static const char *const two[] = {"libm.so.6", "int f(int)", "zlib:crc32", NULL};
	static const char *const twice[] = {"a.so", "int f(int)", "b.so", "int f(int)", NULL};
	static const char *const mixed[] = {"zlib:crc32", "add", NULL};
	static const char *const workload[] = {"add", NULL};
	static const char *const library[] = {"libm.so.6", "int f(int)", NULL};
	(void)state;
	refused(alone, NULL, NULL, "prototype");
	refused(no_prototype, NULL, NULL, "prototype");
	refused(two, NULL, NULL, "one function");
	refused(twice, NULL, NULL, "one function");
	refused(mixed, NULL, NULL, "without other workloads");
	refused(workload, "1, 2", NULL, "--args");
	refused(workload, NULL, "libz.so.1:crc32", "--target");
	refused(library, "1", "libz.so.1:crc32", "--target");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workloads_stay_names),
		cmocka_unit_test(a_library_takes_a_prototype),
		cmocka_unit_test(a_callable_is_a_name_in_a_module),
		cmocka_unit_test(what_does_not_belong_together),
	};
	unsetenv("PROBE_WORKLOADS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
