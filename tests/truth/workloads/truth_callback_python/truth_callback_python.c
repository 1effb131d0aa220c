/* SPDX-License-Identifier: MIT
 * Calls a Python function back that takes a known time. */
int truth_callback_python(int (*f)(int), int x);
int truth_callback_python(int (*f)(int), int x)
{
	return f(x) + 1;
}
