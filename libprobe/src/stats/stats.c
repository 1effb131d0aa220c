/* SPDX-License-Identifier: MIT */
#include "stats/stats.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void pb_sort(double *values, size_t n)
{
	if (n > 1)
		qsort(values, n, sizeof *values, ascending);
}

/* Hoare's selection: afterwards values[k] is the k-th order statistic, smaller ones before it. */
static double select_kth(double *values, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;
	while (low < high) {
		double pivot = values[low + (high - low) / 2];
		size_t i = low, j = high;
		for (;;) {
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i >= j)
				break;
			double t = values[i];
			values[i++] = values[j];
			values[j--] = t;
		}
		/* values[low..j] <= pivot <= values[j+1..high] */
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return values[k];
}

double pb_quantile(double *values, size_t n, double q)
{
	if (n == 0)
		return NAN;
	double h = q * (double)(n - 1);
	size_t k = (size_t)h;
	double a = select_kth(values, n, k);
	if (k + 1 >= n || h == (double)k)
		return a;
	double b = values[k + 1];
	for (size_t i = k + 2; i < n; i++)
		b = values[i] < b ? values[i] : b;
	return a + (h - (double)k) * (b - a);
}

double pb_median(double *values, size_t n)
{
	return pb_quantile(values, n, 0.5);
}

void pb_high_outliers(const double *values, size_t n, double *scratch, bool *out)
{
	for (size_t i = 0; i < n; i++)
		scratch[i] = values[i];
	double median = pb_median(scratch, n);
	for (size_t i = 0; i < n; i++)
		scratch[i] = fabs(values[i] - median);
	double spread = 5 * 1.4826 * pb_median(scratch, n);
	double tenth = 0.1 * fabs(median);
	for (size_t i = 0; i < n; i++)
		out[i] = n >= 3 && values[i] - median > (spread > tenth ? spread : tenth);
}

double pb_mean(const double *values, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return n ? sum / (double)n : NAN;
}

double pb_stddev(const double *values, size_t n)
{
	if (n < 2)
		return 0;
	double mean = pb_mean(values, n), squares = 0;
	for (size_t i = 0; i < n; i++)
		squares += (values[i] - mean) * (values[i] - mean);
	return sqrt(squares / (double)(n - 1));
}

double pb_t975(unsigned df)
{
	const double p = 0.05; /* two-sided */
	double n = df;
	if (df <= 1)
		return 1 / tan(p * M_PI_2);
	if (df == 2)
		return sqrt(2 / (p * (2 - p)) - 2);
	double a = 1 / (n - 0.5);
	double b = (48 / (a * a));
	double c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
	double d = ((94.5 / (b + c) - 3) / b + 1) * sqrt(a * M_PI_2) * n;
	double x = d * p;
	double y = pow(x, 2 / n);
	if (y > 0.05 + a) {
		x = -1.9599639845400545; /* normal quantile of p / 2 */
		y = x * x;
		if (df < 5)
			c += 0.3 * (n - 4.5) * (x + 0.6);
		c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
		y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
		y = a * y * y;
		y = y > 0.002 ? expm1(y) : 0.5 * y * y + y;
	} else {
		y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) *
			     y -
		     1) * (n + 1) /
			    (n + 2) +
		    1 / y;
	}
	return sqrt(n * y);
}

/* How much of Student's t lies beyond +-t: the finite sums of Abramowitz and Stegun, 26.7.3-4. */
static double student_tails(double t, unsigned df)
{
	double angle = atan(t / sqrt(df)), c = cos(angle), term = 1, sum = 0;
	bool odd = df & 1;

	for (unsigned k = odd ? 1 : 0; k + 2 <= df; k += 2) {
		sum += term;
		term *= c * c * (double)(k + 1) / (double)(k + 2);
	}
	if (odd)
		return 1 - (angle + sin(angle) * c * sum) / M_PI_2;
	return 1 - sin(angle) * sum;
}

double pb_student(double p, unsigned df)
{
	/* Beyond this many, a normal distribution to four digits. */
	bool normal = df > 1000;
	double low = 0, high = 1;

	for (int i = 0; i < 60 && (normal ? erfc(high / M_SQRT2) : student_tails(high, df)) > p;
	     i++)
		high *= 2;
	for (int i = 0; i < 100; i++) {
		double mid = (low + high) / 2;

		if ((normal ? erfc(mid / M_SQRT2) : student_tails(mid, df)) > p)
			low = mid;
		else
			high = mid;
	}
	return low;
}

uint64_t pb_rng_next(struct pb_rng *rng)
{
	uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

size_t pb_rng_below(struct pb_rng *rng, size_t n)
{
	return (size_t)(((unsigned __int128)pb_rng_next(rng) * n) >> 64);
}

void pb_shuffle(struct pb_rng *rng, unsigned *items, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = pb_rng_below(rng, i);
		unsigned t = items[i - 1];
		items[i - 1] = items[j];
		items[j] = t;
	}
}
