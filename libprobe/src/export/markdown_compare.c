/* SPDX-License-Identifier: MIT
 * A comparison in words and as Markdown.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/fail.h"
#include "export/export.h"
#include "probe/compare.h"

const char *probe_change_text(const struct probe_cell_change *cell, char *buf, size_t size)
{
	const struct probe_change *t = &cell->total;
	char phase[64];
	if (cell->contended) {
		snprintf(buf, size, "contended: not judged");
		return buf;
	}
	switch (t->verdict) {
	case PROBE_CHANGE_SLOWER:
		snprintf(buf, size, "%.2fx slower", t->b_ns / t->a_ns);
		break;
	case PROBE_CHANGE_FASTER:
		snprintf(buf, size, "%.2fx faster", t->a_ns / t->b_ns);
		break;
	case PROBE_CHANGE_NONE:
		snprintf(buf, size, "not significant");
		break;
	case PROBE_CHANGE_UNKNOWN:
		snprintf(buf, size, "not comparable");
		break;
	}
	if (cell->moved >= 0) {
		const struct probe_change *p = &cell->phases[cell->moved];
		size_t used = strlen(buf);
		snprintf(buf + used, size - used, ": %s %+.1f ns",
			 probe_part_name(p->mask, phase, sizeof phase), p->delta_ns);
	}
	return buf;
}

static void add_row(struct pb_buf *out, const struct probe_cell_change *cell)
{
	const struct probe_change *t = &cell->total;
	char text[128];
	bool counts = t->verdict == PROBE_CHANGE_SLOWER || t->verdict == PROBE_CHANGE_FASTER;
	pb_buf_puts(out, "| ");
	pb_export_markdown_escape(cell->interpreter, out);
	pb_buf_puts(out, " | ");
	pb_export_markdown_escape(cell->workload, out);
	pb_buf_puts(out, " | ");
	pb_export_markdown_escape(cell->path, out);
	pb_buf_printf(out, " | %.2f | %.2f | %+.2f ±%.2f | ", t->a_ns, t->b_ns, t->delta_ns,
		      t->half_ns);
	if (t->a_ns > 0)
		pb_buf_printf(out, "%+.1f %%", 100 * t->delta_ns / t->a_ns);
	pb_buf_printf(out, " | %s", counts ? "**" : "");
	pb_export_markdown_escape(probe_change_text(cell, text, sizeof text), out);
	pb_buf_printf(out, "%s |\n", counts ? "**" : "");
}

int probe_comparison_markdown(const struct probe_comparison *c, const char *path,
			      struct probe_error *err)
{
	struct pb_buf out = {0};
	pb_buf_puts(&out, "| Interpreter | Workload | Path | A [ns] | B [ns] | Change [ns] | "
			  "Change | Verdict |\n|:---|:---|:---|---:|---:|---:|---:|:---|\n");
	for (size_t i = 0; i < c->cell_count; i++)
		add_row(&out, &c->cells[i]);
	pb_buf_printf(&out, "\nGeometric mean of B over A: %.3f. ", c->geometric_mean);
	pb_buf_printf(&out,
		      "Significant: outside the difference's interval, and above %g %% of the call "
		      "and %g counter ticks.\n",
		      100 * c->band, PROBE_COMPARE_TICKS);
	if (c->slow_passes)
		pb_buf_printf(&out,
			      "\nLeft out: %zu of %zu passes, far slower than the others of their "
			      "run and cell.\n",
			      c->slow_passes, c->passes);
	if (c->only_a || c->only_b)
		pb_buf_printf(&out,
			      "\nNot compared: %zu cells of A and %zu of B without a partner.\n",
			      c->only_a, c->only_b);
	for (size_t i = 0; i < c->unlike_count; i++) {
		pb_buf_puts(&out, i ? "- " : "\nThe runs differ in more than time:\n\n- ");
		pb_export_markdown_escape(c->unlike[i], &out);
		pb_buf_puts(&out, "\n");
	}
	int rc = out.oom ? pb_fail(err, PROBE_ENOMEM, 0, "out of memory")
			 : pb_atomic_write(path, out.data, out.len, err);
	pb_buf_fini(&out);
	return rc;
}
