/* SPDX-License-Identifier: MIT
 * Functions of no, one, two, four and six arguments of one type each, for seven types. They read
 * one value of their last argument and nothing else: a result that is right shows that all
 * arguments arrived in order, and the work is the same however many there are.
 */
#include <stdbool.h>

struct pair {
	double x, y;
};

/* What is read of a value: Python's side is in args.py. */
#define NUMBER(a) ((int)(a))
#define TEXT(a)   ((a)[0])
#define THIRD(a)  ((int)(a)[2])
#define FIELD(a)  ((int)(a).x)

/* Name, type, and what is read of a value. */
#define TYPES(X)                                                                                   \
	X(int, int, NUMBER)                                                                        \
	X(double, double, NUMBER)                                                                  \
	X(bool, bool, NUMBER)                                                                      \
	X(str, const char *, TEXT)                                                                 \
	X(bytes, const char *, TEXT)                                                               \
	X(buffer, const double *, THIRD)                                                           \
	X(struct, struct pair, FIELD)

#define DECLARE(name, type, read)                                                                  \
	int args_##name##_0(void);                                                                 \
	int args_##name##_1(type a);                                                               \
	int args_##name##_2(type a, type b);                                                       \
	int args_##name##_4(type a, type b, type c, type d);                                       \
	int args_##name##_6(type a, type b, type c, type d, type e, type f);

#define DEFINE(name, type, read)                                                                   \
	int args_##name##_0(void)                                                                  \
	{                                                                                          \
		return 0;                                                                          \
	}                                                                                          \
	int args_##name##_1(type a)                                                                \
	{                                                                                          \
		return read(a);                                                                    \
	}                                                                                          \
	int args_##name##_2(type a, type b)                                                        \
	{                                                                                          \
		(void)a;                                                                           \
		return read(b);                                                                    \
	}                                                                                          \
	int args_##name##_4(type a, type b, type c, type d)                                        \
	{                                                                                          \
		(void)a, (void)b, (void)c;                                                         \
		return read(d);                                                                    \
	}                                                                                          \
	int args_##name##_6(type a, type b, type c, type d, type e, type f)                        \
	{                                                                                          \
		(void)a, (void)b, (void)c, (void)d, (void)e;                                       \
		return read(f);                                                                    \
	}

TYPES(DECLARE)
TYPES(DEFINE)
