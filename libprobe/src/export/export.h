/* SPDX-License-Identifier: MIT
 * What the exporters share: the formats' tables, numbers and order of rows.
 */
#ifndef PB_EXPORT_H
#define PB_EXPORT_H

#include "base/buf.h"
#include "probe/export.h"

int pb_export_csv(const struct probe_run *run, const struct probe_sink *sink,
		  struct probe_error *err);
int pb_export_markdown(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err);
int pb_export_plotdata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err);

/* Appends a number with nine digits and a point in every locale; absent where it is not finite. */
void pb_export_real(struct pb_buf *out, double number, const char *absent);

/* Hands the text to the sink and releases it. Returns 0, -PROBE_ESYS, -PROBE_ENOMEM. */
int pb_export_finish(struct pb_buf *out, const struct probe_sink *sink, struct probe_error *err);

/* The interpreters and the workloads of the cells, each once, in the order of the cells: the cell
 * at index i is the first with its label (name). */
bool pb_export_first_label(const struct probe_run *run, size_t i);
bool pb_export_first_workload(const struct probe_run *run, size_t i);

#endif
