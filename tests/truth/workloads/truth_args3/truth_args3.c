/* SPDX-License-Identifier: MIT
 * 3 integer arguments. */
int truth_args3(int a, int b, int c);
int truth_args3(int a, int b, int c)
{
	return a + b + c;
}
