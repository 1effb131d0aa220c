/* SPDX-License-Identifier: MIT
 * Two machine integers in, one out: next to no work between the two conversions.
 */
int add(int a, int b);

int add(int a, int b)
{
	return a + b;
}
