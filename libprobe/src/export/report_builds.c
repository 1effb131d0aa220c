/* SPDX-License-Identifier: MIT
 * What tells the builds of a report apart, so that a difference between their figures is put down
 * to what it may be put down to.
 */
#include "export/report.h"
#include "probe/builds.h"

static bool any_pair(const struct probe_build_block *blocks, size_t n)
{
	for (size_t b = 0; b < n; b++)
		for (size_t i = 0; i < blocks[b].row_count; i++)
			if (blocks[b].rows[i].new_pair)
				return true;
	return false;
}

static void pair(struct pb_report *r, const struct probe_build_row *row)
{
	char differs[400];

	if (!row->new_pair)
		return;
	probe_builds_text(row->before->interpreter, row->interpreter, differs, sizeof differs);
	r->form->open(r->out, PB_ITEM);
	pb_report_say(r, "%s to %s: %s.", row->before->interpreter->label, row->interpreter->label,
		      differs);
	r->form->close(r->out, PB_ITEM);
}

void pb_report_builds(struct pb_report *r)
{
	struct probe_build_block *blocks = NULL;
	size_t n = 0;

	if (probe_build_blocks(r->run, &blocks, &n, NULL)) {
		r->out->oom = true;
		return;
	}
	if (any_pair(blocks, n)) {
		pb_report_block(
			r, PB_PARAGRAPH,
			"What differs from one build to the next. Builds that differ in one "
			"thing can be compared as that thing; between others a change has "
			"more than one possible cause.");
		r->form->open(r->out, PB_LIST);
		for (size_t b = 0; b < n; b++)
			for (size_t i = 0; i < blocks[b].row_count; i++)
				pair(r, &blocks[b].rows[i]);
		r->form->close(r->out, PB_LIST);
	}
	probe_build_blocks_free(blocks, n);
}
