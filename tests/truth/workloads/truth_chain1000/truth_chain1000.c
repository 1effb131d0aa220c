/* SPDX-License-Identifier: MIT
 * A chain of dependent multiplications, about 1000 ns: each waits for the one before, and nothing
 * else waits for any of them but the result.
 */
#define STEP                                                                                       \
	x *= (unsigned)b;                                                                          \
	__asm__ volatile("" : "+r"(x));
#define TEN STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP

int truth_chain1000(int a, int b);
__attribute__((aligned(64))) int truth_chain1000(int a, int b)
{
	unsigned x = (unsigned)a;
	for (int i = 0; i < 30; i++) {
		TEN TEN TEN TEN TEN
	}
	return (int)x;
}
