/* SPDX-License-Identifier: MIT
 * The target veneer, in a library of its own as bindings meet it. Argument: the library, which was
 * built for the name "target". Exit 0 = all hold.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static int passed, failed;

static void check(int holds, const char *what)
{
	printf("%s veneer: %s\n", holds ? "ok  " : "FAIL", what);
	passed += holds;
	failed += !holds;
}

/* Arguments in registers and on the stack. */
typedef double (*target_fn)(long, double, long, long, long, long, long, long, long, double, long);

static double sum(long a, double b, long c, long d, long e, long f, long g, long h, long i,
		  double j, long k)
{
	return (double)(a + 2 * c + 3 * d + 4 * e + 5 * f + 6 * g + 7 * h + 8 * i + 9 * k) + b +
	       10 * j;
}

static double other(long a, double b, long c, long d, long e, long f, long g, long h, long i,
		    double j, long k)
{
	return -sum(a, b, c, d, e, f, g, h, i, j, k);
}

static void *(*set)(void *);
static void *const targets[2] = {(void *)sum, (void *)other};

/* Swaps until what it put in has come out again; each swap must give what some swap put in. */
static void *swap_often(void *arg)
{
	uintptr_t bad = 0;
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		void *old = set(targets[i % 2]);
		bad += old != targets[0] && old != targets[1];
	}
	return (void *)bad;
}

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	if (!library) {
		printf("FAIL veneer: %s\n", argc > 1 ? dlerror() : "usage: veneer_check LIBRARY");
		return 1;
	}
	target_fn target = (target_fn)(uintptr_t)dlsym(library, "target");
	set = (void *(*)(void *))(uintptr_t)dlsym(library, "probe_veneer_set");
	void **(*slot)(void) = (void **(*)(void))(uintptr_t)dlsym(library, "probe_veneer_slot");
	check(target && set && slot, "exports the target, set and slot");
	if (failed)
		return 1;
	check(set(targets[0]) == NULL, "begins empty");
	check(*slot() == targets[0], "the slot holds what was set");
	check((uintptr_t)slot() % 64 == 0, "the slot has a cache line of its own");
	double want = sum(1, .5, 2, 3, 4, 5, 6, 7, 8, 2.5, 9);
	check(target(1, .5, 2, 3, 4, 5, 6, 7, 8, 2.5, 9) == want, "passes all arguments on");
	check(set(targets[1]) == targets[0], "set returns the previous target");
	check(target(1, .5, 2, 3, 4, 5, 6, 7, 8, 2.5, 9) == -want, "calls the new one");

	pthread_t threads[4];
	uintptr_t bad = 0;
	for (int i = 0; i < 4; i++)
		bad += pthread_create(&threads[i], NULL, swap_often, NULL) != 0;
	for (int i = 0; i < 4; i++) {
		void *result;
		bad += pthread_join(threads[i], &result) != 0;
		bad += (uintptr_t)result;
	}
	check(bad == 0, "swaps from four threads lose nothing");
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed != 0;
}
