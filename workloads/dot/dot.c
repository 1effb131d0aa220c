/* SPDX-License-Identifier: MIT
 * The dot product of two buffers of doubles, in order: two NumPy arrays are passed, none is copied.
 *
 * The workload's values are small multiples of a half, so that every product and sum is exact: a
 * compiler may fuse multiply and add, and the result is still the one of Python.
 */
#include <stddef.h>

double dot(const double *a, const double *b, size_t count);

double dot(const double *a, const double *b, size_t count)
{
	double total = 0.0;
	for (size_t i = 0; i < count; i++)
		total += a[i] * b[i];
	return total;
}
