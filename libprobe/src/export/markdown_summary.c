/* SPDX-License-Identifier: MIT
 * Several interpreters at a glance, in Markdown: a table, and what changed between builds.
 */
#include <stdlib.h>
#include <string.h>

#include "export/export.h"

static void write_field(struct pb_buf *out, const char *text, const char *aside)
{
	pb_buf_puts(out, " ");
	pb_export_markdown_escape(text, out);
	pb_buf_puts(out, aside[0] ? " " : "");
	pb_export_markdown_escape(aside, out);
	pb_buf_puts(out, " |");
}

static void write_line(struct pb_buf *out, const struct probe_verdict *v,
		       const struct probe_scale *scale)
{
	struct probe_summary_line line;

	probe_summary_line(v, scale, &line);
	pb_buf_puts(out, "|");
	write_field(out, v->workload, "");
	write_field(out, v->interpreter, "");
	write_field(out, line.cheapest, line.tied);
	write_field(out, line.total, "");
	write_field(out, line.next, "");
	write_field(out, line.ctypes, "");
	write_field(out, line.python, "");
	pb_buf_puts(out, "\n");
}

static void write_changes(struct pb_buf *out, const struct probe_run *run,
			  const struct probe_scale *scale)
{
	struct probe_build_block *blocks = NULL;
	struct probe_build_step *steps = NULL;
	size_t count = 0, n = 0;

	if (probe_build_blocks(run, &blocks, &count, NULL) ||
	    probe_build_steps(run, blocks, count, &steps, &n, NULL))
		out->oom = true;
	for (size_t i = 0; i < n; i++) {
		char *words = probe_build_step_words(&steps[i], run, scale);

		out->oom = out->oom || !words;
		pb_buf_puts(out, i ? "- " : "\n- ");
		pb_export_markdown_escape(words, out);
		pb_buf_puts(out, "\n");
		free(words);
	}
	free(steps);
	probe_build_blocks_free(blocks, count);
}

void pb_export_markdown_summary(struct pb_buf *out, const struct probe_run *run,
				const struct probe_verdict *verdicts, size_t n,
				const struct probe_scale *scale)
{
	if (!probe_summary_wanted(verdicts, n))
		return;
	pb_buf_printf(out,
		      "\n| workload | interpreter | cheapest binding | total, %s | next | ctypes | "
		      "python |\n| :-- | :-- | :-- | --: | :-- | --: | --: |\n",
		      scale->name);
	for (size_t i = 0; i < n; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(verdicts[k].workload, verdicts[i].workload);
		for (size_t k = i; !seen && k < n; k++)
			if (!strcmp(verdicts[k].workload, verdicts[i].workload))
				write_line(out, &verdicts[k], scale);
	}
	pb_buf_puts(out,
		    "\nNext, ctypes, python: how many times as long they take as the cheapest; = "
		    "can't be told from it, or is as cheap in practice (2% or 1 ns).\n");
	write_changes(out, run, scale);
}
