/* SPDX-License-Identifier: MIT
 * Calls back once, and adds one, so that it is no tail call and its own return is seen.
 */
int apply(int (*f)(int), int x);

int apply(int (*f)(int), int x)
{
	return f(x) + 1;
}
