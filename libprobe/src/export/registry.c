/* SPDX-License-Identifier: MIT
 * The table of export formats (a new one is one file and one row here), and what they share.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/fail.h"
#include "export/export.h"

static const struct probe_exporter exporters[] = {
	{"csv", ".csv", "one row a cell and part, for spreadsheets and data frames", pb_export_csv},
	{"markdown", ".md", "the breakdown as tables of GitHub-flavoured Markdown",
	 pb_export_markdown},
	{"plotdata", ".dat", "what plots/breakdown.gp reads", pb_export_plotdata},
	{"builddata", ".dat", "what plots/builds.gp reads", pb_export_builddata},
	{"waterdata", ".dat", "what plots/waterfall.gp reads", pb_export_waterdata},
	{"distdata", ".dat", "what plots/distribution.gp reads", pb_export_distdata},
	{"evendata", ".dat", "what plots/break-even.gp reads", pb_export_evendata},
	{"heatdata", ".dat", "what plots/heatmap.gp reads", pb_export_heatdata},
	{"warmup", ".csv", "the calls before each cell was steady, in order", pb_export_warmup},
	{"scaledata", ".dat", "what plots/scaling.gp reads", pb_export_scaledata},
	{"trace", ".json", "timelines for Perfetto and chrome://tracing", pb_export_trace},
	{"speedscope", ".json", "timelines for speedscope", pb_export_speedscope},
	{NULL, NULL, NULL, NULL},
};

const struct probe_exporter *probe_exporters(void)
{
	return exporters;
}

const struct probe_exporter *probe_exporter_find(const char *name)
{
	for (const struct probe_exporter *e = exporters; e->name; e++)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

static int add_to_buf(void *ctx, const char *bytes, size_t n)
{
	struct pb_buf *buf = ctx;

	pb_buf_add(buf, bytes, n);
	return buf->oom ? -1 : 0;
}

static int unknown(const char *exporter, struct probe_error *err)
{
	struct pb_buf names = {0};
	int rc;

	for (const struct probe_exporter *e = exporters; e->name; e++)
		pb_buf_printf(&names, "%s%s",
			      e == exporters ? ""
			      : e[1].name    ? ", "
					     : " or ",
			      e->name);
	rc = pb_fail(err, PROBE_ENOENT, 0, "unknown export format %s: use %s", exporter,
		     names.oom ? "another" : names.data);
	pb_buf_fini(&names);
	return rc;
}

int probe_export_file(const struct probe_run *run, const char *exporter, const char *path,
		      struct probe_error *err)
{
	const struct probe_exporter *found = probe_exporter_find(exporter);
	struct pb_buf text = {0};
	struct probe_sink sink = {.write = add_to_buf, .ctx = &text};
	int rc;

	if (!found)
		return unknown(exporter, err);
	rc = found->export_run(run, &sink, err);
	if (!rc)
		rc = pb_atomic_write(path, text.data, text.len, err);
	pb_buf_fini(&text);
	return rc;
}

void pb_export_real(struct pb_buf *out, double number, const char *absent)
{
	char digits[40];

	if (!isfinite(number)) {
		pb_buf_puts(out, absent);
		return;
	}
	snprintf(digits, sizeof digits, "%.9g", number);
	for (char *c = digits; *c; c++)
		if (*c == ',') /* the decimal mark of the user's locale */
			*c = '.';
	pb_buf_puts(out, digits);
}

int pb_export_finish(struct pb_buf *out, const struct probe_sink *sink, struct probe_error *err)
{
	int rc = 0;

	if (out->oom)
		rc = pb_fail(err, PROBE_ENOMEM, 0, "can't export the run: out of memory");
	else if (out->len && sink->write(sink->ctx, out->data, out->len))
		rc = pb_fail(err, PROBE_ESYS, 0, "can't export the run: the output took no more");
	pb_buf_fini(out);
	return rc;
}

bool pb_export_first_label(const struct probe_run *run, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(run->cells[j].interpreter, run->cells[i].interpreter))
			return false;
	return true;
}

bool pb_export_first_workload(const struct probe_run *run, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(run->cells[j].workload, run->cells[i].workload))
			return false;
	return true;
}
