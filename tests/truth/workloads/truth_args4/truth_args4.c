/* SPDX-License-Identifier: MIT
 * 4 integer arguments. */
int truth_args4(int a, int b, int c, int d);
int truth_args4(int a, int b, int c, int d)
{
	return a + b + c + d;
}
