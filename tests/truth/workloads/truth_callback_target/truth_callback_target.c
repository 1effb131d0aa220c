/* SPDX-License-Identifier: MIT
 * Calls Python back after a known delay in native code. */
int truth_callback_target(int (*f)(int), int x);
int truth_callback_target(int (*f)(int), int x)
{
	return f(x) + 1;
}
