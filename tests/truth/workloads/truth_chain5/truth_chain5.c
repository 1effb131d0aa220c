/* SPDX-License-Identifier: MIT
 * A chain of dependent multiplications, about 5 ns: each waits for the one before, and nothing else
 * waits for any of them but the result.
 */
#define STEP                                                                                       \
	x *= (unsigned)b;                                                                          \
	__asm__ volatile("" : "+r"(x));
#define EIGHT STEP STEP STEP STEP STEP STEP STEP STEP

int truth_chain5(int a, int b);
__attribute__((aligned(64))) int truth_chain5(int a, int b)
{
	unsigned x = (unsigned)a;
	EIGHT return (int)x;
}
