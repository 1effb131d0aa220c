/* SPDX-License-Identifier: MIT
 * The naive Fibonacci recursion with f(n) = 1 for n < 2: 465 calls for n = 12.
 */
int fib(int n);

int fib(int n)
{
	if (n < 2)
		return 1;
	return fib(n - 1) + fib(n - 2);
}
