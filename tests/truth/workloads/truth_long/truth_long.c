/* SPDX-License-Identifier: MIT
 * A known delay in front of the target. */
int truth_long(int a, int b);
int truth_long(int a, int b)
{
	return a + b;
}
