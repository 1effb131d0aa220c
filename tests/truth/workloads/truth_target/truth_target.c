/* SPDX-License-Identifier: MIT
 * A known delay in front of the target. */
int truth_target(int a, int b);
int truth_target(int a, int b)
{
	return a + b;
}
