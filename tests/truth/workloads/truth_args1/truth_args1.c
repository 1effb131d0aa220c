/* SPDX-License-Identifier: MIT
 * 1 integer argument. */
int truth_args1(int a);
int truth_args1(int a)
{
	return a;
}
