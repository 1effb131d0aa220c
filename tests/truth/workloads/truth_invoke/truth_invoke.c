/* SPDX-License-Identifier: MIT
 * A known delay around ffi_call. */
int truth_invoke(int a, int b);
int truth_invoke(int a, int b)
{
	return a + b;
}
