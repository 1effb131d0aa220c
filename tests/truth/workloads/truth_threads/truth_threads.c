/* SPDX-License-Identifier: MIT
 * A known delay of some 150 us in front of the target, for calls from several threads. */
int truth_threads(int a, int b);
int truth_threads(int a, int b)
{
	return a + b;
}
