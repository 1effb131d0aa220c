/* SPDX-License-Identifier: MIT
 * A run's answers for the package: the verdicts in words and, of several interpreters, at a glance.
 */
#include "py/package/package.h"

#include <stdlib.h>
#include <string.h>

#include "probe/summary.h"
#include "result/codec.h"

/* A row of texts, as the command's summary has it. */
static json_t *row_of(const struct probe_verdict *v, const struct probe_scale *scale)
{
	struct probe_summary_line line;
	json_t *cheapest;
	probe_summary_line(v, scale, &line);
	cheapest = line.tied[0] ? json_sprintf("%s %s", line.cheapest, line.tied)
				: pb_json_text(line.cheapest);
	return json_pack("[o, o, o, s, s, s, s]", pb_json_text(v->workload),
			 pb_json_text(v->interpreter), cheapest, line.total, line.next, line.ctypes,
			 line.python);
}

/* Those of one workload together. */
static void add_rows(json_t *rows, const struct probe_verdict *verdicts, size_t n,
		     const struct probe_scale *scale)
{
	for (size_t i = 0; i < n; i++) {
		bool seen = !probe_summary_covers(verdicts, n, i);
		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(verdicts[k].workload, verdicts[i].workload);
		for (size_t k = i; !seen && k < n; k++)
			if (!strcmp(verdicts[k].workload, verdicts[i].workload))
				json_array_append_new(rows, row_of(&verdicts[k], scale));
	}
}

/* What changed from one build to the next, a sentence each. */
static json_t *changes_of(const struct probe_run *run, const struct probe_scale *scale)
{
	struct probe_build_block *blocks = NULL;
	struct probe_build_step *steps = NULL;
	size_t count = 0, n = 0;
	json_t *list = json_array();
	if (probe_build_blocks(run, &blocks, &count, NULL) ||
	    probe_build_steps(run, blocks, count, &steps, &n, NULL))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		char *words = probe_build_step_words(&steps[i], run, scale);
		json_array_append_new(list, pb_json_text(words));
		free(words);
	}
	free(steps);
	probe_build_blocks_free(blocks, count);
	return list;
}

json_t *pb_view_answers(const struct probe_run *run, const struct probe_scale *scale)
{
	struct probe_verdict *verdicts = NULL;
	size_t n = 0;
	json_t *words = json_array(), *told = json_array(), *rows = json_array();
	if (probe_verdict_list(run, &verdicts, &n, NULL))
		n = 0;
	bool wanted = probe_summary_wanted(verdicts, n);
	for (size_t i = 0; i < n; i++) {
		char *text = probe_verdict_words(&verdicts[i], scale);
		json_array_append_new(words, pb_json_text(text));
		if (!probe_summary_covers(verdicts, n, i))
			json_array_append_new(told, pb_json_text(text));
		free(text);
	}
	add_rows(rows, verdicts, n, scale);
	probe_verdicts_free(verdicts, n);
	return json_pack("{s:o, s:o, s:o, s:o}", "verdicts", words, "told", told, "summary", rows,
			 "changes", wanted ? changes_of(run, scale) : json_array());
}
