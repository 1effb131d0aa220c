/* SPDX-License-Identifier: MIT
 * The sum of a buffer of doubles, in order: a buffer is passed, not converted.
 */
#include <stddef.h>

double sum(const double *values, size_t count);

double sum(const double *values, size_t count)
{
	double total = 0.0;
	for (size_t i = 0; i < count; i++)
		total += values[i];
	return total;
}
