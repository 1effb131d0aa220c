/* SPDX-License-Identifier: MIT
 * Columns whose texts wrap inside their cells, for lists of words rather than figures.
 */
#ifndef PROBE_COLUMNS_H
#define PROBE_COLUMNS_H

#include <stdio.h>

/* Prints rows * columns texts, all set at the left, no line wider than GRID_WIDTH so far as words
 * allow: the widest columns give way first, down to their longest word.
 * Returns 0, or -1 when out of memory. */
int columns_print(const char *const *cells, size_t rows, size_t columns, FILE *out);

#endif
