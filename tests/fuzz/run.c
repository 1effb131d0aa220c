/* SPDX-License-Identifier: MIT
 * The run file: what loads is written in every format, compared with itself, and saved and loaded
 * again.
 */
#include "fuzz.h"

#include "cli/cli.h"
#include "probe/probe.h"

static int drop(void *ctx, const char *bytes, size_t n)
{
	(void)ctx;
	(void)bytes;
	(void)n;
	return 0;
}

static void print(const struct probe_run *run)
{
	static FILE *nowhere;
	struct cli_table_options table = {.phases = 3};

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	cli_view_print(run, &table, nowhere);
	table.phases = 8;
	table.unit = CLI_UNIT_CYCLES;
	table.verbose = true;
	cli_view_print(run, &table, nowhere);
	table.phases = 3;
	cli_builds_print(run, &table, nowhere);
}

static void export(const struct probe_run *run)
{
	const struct probe_sink sink = {drop, NULL};
	const struct probe_report_part part = {.run = run, .source = "run.json"};
	struct probe_report report = {.parts = &part, .part_count = 1, .unit = PROBE_UNIT_NS};
	struct probe_comparison *c = NULL;
	struct probe_error err;

	for (const struct probe_exporter *e = probe_exporters(); e->name; e++)
		e->export_run(run, &sink, &err);
	for (int format = PROBE_REPORT_HTML; format <= PROBE_REPORT_TEX; format++)
		probe_report_write(&report, (enum probe_report_format)format, "/dev/null", &err);
	if (probe_compare(run, run, -1, &c, &err))
		return;
	FUZZ_CHECK(c->cell_count <= run->cell_count);
	FUZZ_CHECK(c->only_a == 0 && c->only_b == 0 && c->slow_passes <= c->passes);
	probe_comparison_markdown(c, "/dev/null", &err);
	probe_comparison_plotdata(c, run, run, "/dev/null", &err);
	probe_comparison_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct probe_run *run = NULL;
	struct probe_error err = {0};

	if (probe_run_load(fuzz_file(bytes, n), &run, &err)) {
		fuzz_check_message(err.msg);
		return 0;
	}
	print(run);
	export(run);
	FUZZ_CHECK(!probe_run_save(run, "/dev/null", &err));
	probe_run_free(run);
	return 0;
}
