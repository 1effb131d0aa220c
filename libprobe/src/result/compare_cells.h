/* SPDX-License-Identifier: MIT
 * Two cells of one run, by the rule by which whole runs are compared.
 */
#ifndef PB_COMPARE_CELLS_H
#define PB_COMPARE_CELLS_H

#include "probe/compare.h"

/* What changes from a to b, both measured. Absolute figures are in ns, or in counter ticks where
 * the frequency is not known. Phases are joined until both cells have the same.
 * @hz       of the counter.
 * @figures  how many are judged beside each other; 0 = not known yet, as if there were one. */
void pb_compare_cells(const struct probe_cell *a, const struct probe_cell *b, double hz,
		      size_t figures, struct probe_cell_change *out);

#endif
