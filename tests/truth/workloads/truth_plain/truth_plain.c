/* SPDX-License-Identifier: MIT
 * The call that the delayed ones are held against. */
int truth_plain(int a, int b);
int truth_plain(int a, int b)
{
	return a + b;
}
