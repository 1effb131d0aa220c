/* SPDX-License-Identifier: MIT
 * The hook checks under cmocka. The same ones run for arm64 by aarch64/run.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hook_checks.c"
#include "hook_checks_calls.c"
#include "hook_checks_places.c"
#include "hook_checks_rings.c"
#include "hook_checks_slots.c"

static void run_check(void **state)
{
	switch (hook_check_run(*state)) {
	case HOOK_PASSED:
		return;
	case HOOK_SKIPPED:
		skip();
		return;
	case HOOK_FAILED:
		fail();
	}
}

int main(void)
{
	struct CMUnitTest tests[COUNT(hook_checks)];
	for (size_t i = 0; i < COUNT(tests); i++)
		tests[i] = (struct CMUnitTest){
			.name = hook_checks[i].name,
			.test_func = run_check,
			/* cmocka takes it as not const, and only hands it on. */
			.initial_state = (void *)(uintptr_t)&hook_checks[i],
		};
	return cmocka_run_group_tests_name("hook", tests, NULL, NULL);
}
