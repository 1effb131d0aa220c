/* SPDX-License-Identifier: MIT
 * Calls Python back; nothing is delayed. */
int truth_callback(int (*f)(int), int x);
int truth_callback(int (*f)(int), int x)
{
	return f(x) + 1;
}
