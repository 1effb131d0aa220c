/* SPDX-License-Identifier: MIT
 * 2 integer arguments. */
int truth_args2(int a, int b);
int truth_args2(int a, int b)
{
	return a + b;
}
