/* SPDX-License-Identifier: MIT
 * The report in its three formats, and the exports of timelines: whole, true to the run, and safe
 * against what names and reasons may hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/report.h"
#include "golden.h"
#include "probe/export.h"
#include "run_fixture.h"

#define HOSTILE "<script>alert(1)</script> | `x` $y$ \\input{z} & \"q\" 'r' [l](m) 100% #1_2 ~^"

static const char drawing[] = "<?xml version=\"1.0\"?><!DOCTYPE svg><svg width=\"9\" "
			      "onload=\"x()\"><title>Gnuplot</title>"
			      "<defs><path id='gpDot' d='M0'/></defs><script>evil()</script>"
			      "<use xlink:href='#gpDot'/><use xlink:href=\"http://a.example/b\"/>"
			      "<g fill=\"url(#gpDot)\"><text>id='gpDot' &lt;1</text></g></svg>";

/* Writes to a file and gives back its text, the caller's to free. */
static char *written(const struct probe_report *report, enum probe_report_format format)
{
	char path[] = "/tmp/probe-test-report-XXXXXX";
	char *text = calloc(1, 1 << 20);
	int fd = mkstemp(path);
	struct probe_error err = {0};
	FILE *file;

	assert_non_null(text);
	assert_true(fd >= 0);
	close(fd);
	if (probe_report_write(report, format, path, &err))
		fail_msg("%s", err.msg);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	unlink(path);
	return text;
}

static char *of_run(const struct probe_run *run, enum probe_report_format format)
{
	const struct probe_report_figure figure = {
		.caption = "Cost \"by\" phase.", .svg = drawing, .file = "r-breakdown.pdf"};
	const struct probe_report_part part = {
		.run = run, .source = "run.json", .figures = &figure, .figure_count = 1};
	const struct probe_report report = {.command = "probe report run.json -o r",
					    .unit = PROBE_UNIT_NS,
					    .parts = &part,
					    .part_count = 1};

	return written(&report, format);
}

static void has(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("this is missing: %s", wanted);
}

static void has_not(const char *text, const char *unwanted)
{
	if (strstr(text, unwanted))
		fail_msg("this must not be in it: %s", unwanted);
}

static void markdown_is_as_it_was(void **state)
{
	struct probe_run *run = fixture_run();
	char *text = of_run(run, PROBE_REPORT_MARKDOWN);

	(void)state;
	golden_check("report.md", text);
	free(text);
	probe_run_free(run);
}

/* A change between builds is put down to what they differ in, and a cell that never was steady is
 * no number like the others. */
static void builds_and_steadiness_are_told(void **state)
{
	struct probe_run *run = fixture_run();
	struct probe_cell *cell;

	(void)state;
	fixture_ctypes(run, "add", "cpython-3.13.0", 0.4);
	cell = &run->cells[run->cell_count - 1];
	cell->warmup = (struct probe_warmup){
		.point_count = 1, .processes = 3, .processes_unsteady = 3, .change = 0.2};
	for (int format = PROBE_REPORT_HTML; format <= PROBE_REPORT_TEX; format++) {
		char *text = of_run(run, (enum probe_report_format)format);

		has(text, "ctypes (not steady)");
		has(text, "hold for no one moment");
		has(text, "until its times are steady");
		has(text, "What differs from one build to the next");
		has(text, "version; also optimisation level");
		free(text);
	}
	probe_run_free(run);
}

static void every_row_and_reason_is_in_every_format(void **state)
{
	static const char *const everywhere[] = {
		"cpython-3.8.18",       "cpython-3.13.0",
		"cffi-abi (contended)", "Python.h is missing",
		"died by signal 11",    "not measured",
		"the machine was busy", "ladder and timeline differ in marshalling",
		"dispatch+marshalling", "-2.0% (!)",
	};
	static const struct pb_report_form *const forms[] = {
		[PROBE_REPORT_HTML] = &pb_report_html,
		[PROBE_REPORT_MARKDOWN] = &pb_report_markdown,
		[PROBE_REPORT_TEX] = &pb_report_tex,
	};
	struct probe_run *run = fixture_run();

	(void)state;
	/* The closure is off by a share that no other row has. */
	probe_run_find_cell(run, "fib", "ctypes", "cpython-3.13.0")->ladder.closure =
		fixture_value(-47, 2);
	for (int format = PROBE_REPORT_HTML; format <= PROBE_REPORT_TEX; format++) {
		char *text = of_run(run, (enum probe_report_format)format);

		for (size_t i = 0; i < sizeof everywhere / sizeof everywhere[0]; i++) {
			struct pb_buf wanted = {0};

			/* As that format writes it within a line. */
			pb_buf_puts(&wanted, "x");
			forms[format]->text(&wanted, everywhere[i]);
			has(text, wanted.data + 1);
			pb_buf_fini(&wanted);
		}
		free(text);
	}
	probe_run_free(run);
}

static struct probe_run *hostile_run(void)
{
	struct probe_run *run = fixture_run();
	struct probe_cell *cell = fixture_cell(run, "add", "evil", "cpython-3.8.18");

	cell->status = PROBE_CELL_FAILED;
	cell->reason = strdup(HOSTILE);
	cell->backtrace = strdup("#0 [x] " HOSTILE "\n[second\033[31m] line");
	probe_cell_add_warning(cell, HOSTILE);
	probe_run_add_warning(run, "# heading\n- item\x01 \xff\xfe 中 é");
	free(run->command);
	run->command = strdup("probe run '" HOSTILE "'");
	free(run->interpreters[0].executable);
	run->interpreters[0].executable = strdup("/opt/a`b``c/" HOSTILE);
	return run;
}

static void html_holds_nothing_that_runs_or_loads(void **state)
{
	struct probe_run *run = hostile_run();
	char *text = of_run(run, PROBE_REPORT_HTML);

	(void)state;
	has(text, "&lt;script&gt;alert(1)&lt;/script&gt; | `x`");
	has(text, "&amp; &quot;q&quot; &#39;r&#39;");
	has(text, "<svg role=\"img\" aria-label=\"Cost &quot;by&quot; phase.\" style=\"width:12px;"
		  "max-width:max(100%,8px)\" width=\"9\">");
	has(text, "id='figure1-gpDot'");
	has(text, "xlink:href='#figure1-gpDot'");
	has(text, "url(#figure1-gpDot)");
	has(text, "<text>id='gpDot' &lt;1</text>");
	has(text, "\xef\xbf\xbd\xef\xbf\xbd 中 é");
	has_not(text, "<script");
	has_not(text, "evil()");
	has_not(text, "onload");
	has_not(text, "a.example");
	has_not(text, "Gnuplot");
	has_not(text, "<?xml");
	has_not(text, "\033");
	has_not(text, "\x01");
	free(text);
	probe_run_free(run);
}

static void markdown_shows_markup_as_text(void **state)
{
	struct probe_run *run = hostile_run();
	char *text = of_run(run, PROBE_REPORT_MARKDOWN);

	(void)state;
	has(text,
	    "failed: &lt;script\\>alert(1)&lt;/script\\> \\| \\`x\\` \\$y\\$ \\\\input{z} &amp;");
	has(text, "\\[l\\]\\(m)");
	has(text, "\n- \\# heading - item");
	has(text, "\n    #0 [x] <script>");
	has(text, "``` /opt/a`b``c/"); /* longer than any run of backticks within */
	free(text);
	probe_run_free(run);
}

static void tex_has_no_command_of_a_users(void **state)
{
	struct probe_run *run = hostile_run();
	char *text = of_run(run, PROBE_REPORT_TEX);

	(void)state;
	has(text, "\\textbackslash{}input\\{z\\} \\& \\textquotedbl{}q\\textquotedbl{}");
	has(text, "100\\% \\#1\\_2 \\textasciitilde{}\\textasciicircum{}");
	has(text, "[U+FFFD][U+FFFD] [U+4E2D] é");
	has(text, "\\\\\n{}[second]");
	has(text, "\\item {}\\# heading");
	has(text, "\\includegraphics[width=\\linewidth,height=0.8\\textheight,keepaspectratio]"
		  "{r-breakdown.pdf}");
	has_not(text, "\\input{");
	has_not(text, "\033");
	free(text);
	probe_run_free(run);
}

static void several_runs_are_told_apart(void **state)
{
	struct probe_run *run = fixture_run();
	const struct probe_report_figure figure = {.caption = "c", .svg = drawing};
	const struct probe_report_part parts[] = {
		{.run = run, .source = "a.json", .figures = &figure, .figure_count = 1},
		{.run = run, .source = "b.json", .figures = &figure, .figure_count = 1}};
	const struct probe_report report = {
		.title = "A & B", .unit = PROBE_UNIT_CYCLES, .parts = parts, .part_count = 2};
	char *text = written(&report, PROBE_REPORT_HTML);

	(void)state;
	has(text, "<h1>A &amp; B</h1>");
	has(text, "<h2>a.json</h2>");
	has(text, "<h2>b.json</h2>");
	has(text, "<h3>Summary</h3>");
	has(text, "Total, cycles (est.)");
	has(text, "id='figure1-gpDot'");
	has(text, "id='figure2-gpDot'");
	free(text);
	probe_run_free(run);
}

static void what_cannot_be_reported_is_refused(void **state)
{
	struct probe_run *run = fixture_run(), *empty = probe_run_new();
	struct probe_report_part part = {.run = empty, .source = "e.json"};
	struct probe_report report = {.unit = PROBE_UNIT_NS, .parts = &part};
	enum probe_report_format format;
	struct probe_error err = {0};

	(void)state;
	assert_int_equal(probe_report_write(&report, PROBE_REPORT_HTML, "/tmp/x", &err),
			 -PROBE_EINVAL);
	report.part_count = 1;
	assert_int_equal(probe_report_write(&report, PROBE_REPORT_HTML, "/tmp/x", &err),
			 -PROBE_EINVAL);
	has(err.msg, "e.json holds no cell");
	part.run = run;
	assert_int_equal(probe_report_write(&report, PROBE_REPORT_TEX, "/no/such/r.tex", &err),
			 -PROBE_ESYS);
	run->counter.hz = 0;
	assert_int_equal(probe_report_write(&report, PROBE_REPORT_TEX, "/tmp/x", &err),
			 -PROBE_ENOENT);
	has(err.msg, "nanoseconds");
	assert_int_equal(probe_report_format_of("a.b/c", &format, &err), -PROBE_EINVAL);
	assert_int_equal(probe_report_format_of("r.docx", &format, &err), -PROBE_EINVAL);
	has(err.msg, ".html, .md or .tex");
	assert_int_equal(probe_report_format_of("r.TeX", &format, &err), 0);
	assert_int_equal(format, PROBE_REPORT_TEX);
	probe_run_free(empty);
	probe_run_free(run);
}

static void characters_are_read_as_utf8(void **state)
{
	static const struct {
		int line;
		const char *bytes;
		unsigned long first;
		size_t taken;
	} cases[] = {
		{__LINE__, "", 0, 0},
		{__LINE__, "a", 'a', 1},
		{__LINE__, "\xc3\xa9", 0xe9, 2},
		{__LINE__, "\xe4\xb8\xad", 0x4e2d, 3},
		{__LINE__, "\xf0\x9f\x90\x8d", 0x1f40d, 4},
		{__LINE__, "\xc3", 0xfffd, 1},             /* cut short */
		{__LINE__, "\xe4\xb8", 0xfffd, 1},         /* cut short */
		{__LINE__, "\x80", 0xfffd, 1},             /* a middle without a beginning */
		{__LINE__, "\xc0\xaf", 0xfffd, 2},         /* an over-long "/" */
		{__LINE__, "\xed\xa0\x80", 0xfffd, 3},     /* half of a surrogate pair */
		{__LINE__, "\xf4\x90\x80\x80", 0xfffd, 4}, /* beyond Unicode */
		{__LINE__, "\xc2\x85", 0xfffd, 2},         /* a C1 control */
		{__LINE__, "\x1b", 0xfffd, 1},
		{__LINE__, "\xff", 0xfffd, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *at = cases[i].bytes;
		unsigned long c = pb_report_next(&at);

		if (c != cases[i].first || (size_t)(at - cases[i].bytes) != cases[i].taken)
			fail_msg("line %d: U+%04lX of %zu bytes", cases[i].line, c,
				 (size_t)(at - cases[i].bytes));
	}
}

/* --- timelines -----------------------------------------------------------------------------------
 */

static int to_text(void *ctx, const char *bytes, size_t n)
{
	pb_buf_add(ctx, bytes, n);
	return 0;
}

static json_t *exported(const struct probe_run *run, const char *name)
{
	struct pb_buf text = {0};
	const struct probe_sink sink = {to_text, &text};
	struct probe_error err = {0};
	json_t *json;

	if (probe_exporter_find(name)->export_run(run, &sink, &err))
		fail_msg("%s", err.msg);
	json = json_loadb(text.data, text.len, 0, NULL);
	assert_non_null(json);
	pb_buf_fini(&text);
	return json;
}

/* A third distribution, of a stretch that is below zero once the stamps' cost is out. */
static struct probe_run *timeline_run(void)
{
	struct probe_run *run = fixture_run();
	struct probe_engine *e =
		&probe_run_find_cell(run, "fib", "ctypes", "cpython-3.13.0")->timeline;

	e->dists = realloc(e->dists, 3 * sizeof *e->dists);
	assert_non_null(e->dists);
	e->dists[2] =
		(struct probe_dist){.mask = PROBE_BIT(PROBE_SUB_CALL) | PROBE_BIT(PROBE_SUB_RETURN),
				    .calls = 20000,
				    .p50 = -4,
				    .p90 = 10,
				    .p99 = NAN,
				    .p999 = 30,
				    .max = 31};
	e->dist_count = 3;
	return run;
}

static void a_trace_says_what_it_is(void **state)
{
	struct probe_run *run = timeline_run();
	json_t *json = exported(run, "trace"), *event;
	json_t *events = json_object_get(json, "traceEvents");
	size_t i, slices = 0, tracks = 0;
	const char *first = NULL;

	(void)state;
	has(json_string_value(json_object_get(json_object_get(json, "otherData"), "note")),
	    "No raw events");
	json_array_foreach(events, i, event)
	{
		const char *phase = json_string_value(json_object_get(event, "ph"));
		const char *category = json_string_value(json_object_get(event, "cat"));

		if (!strcmp(phase, "X") && strcmp(category, "call")) {
			slices++;
			if (!first)
				first = json_string_value(json_object_get(event, "name"));
			assert_true(json_number_value(json_object_get(event, "dur")) >= 0);
		}
		tracks += !strcmp(json_string_value(json_object_get(event, "name")), "thread_name");
	}
	assert_int_equal(tracks, 2);
	assert_int_equal(slices, 3); /* the 99th percentile of call+return is absent */
	assert_string_equal(first, "call+return");
	json_decref(json);
	probe_run_free(run);
}

static void speedscope_is_balanced_and_in_order(void **state)
{
	struct probe_run *run = timeline_run();
	json_t *json = exported(run, "speedscope"), *profile, *event;
	size_t p, i, frames;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "$schema")),
			    "https://www.speedscope.app/file-format-schema.json");
	frames = json_array_size(json_object_get(json_object_get(json, "shared"), "frames"));
	assert_int_equal(json_array_size(json_object_get(json, "profiles")), 2);
	json_array_foreach(json_object_get(json, "profiles"), p, profile)
	{
		json_int_t stack[8];
		size_t depth = 0;
		double last = 0, end = json_number_value(json_object_get(profile, "endValue"));

		json_array_foreach(json_object_get(profile, "events"), i, event)
		{
			json_int_t frame = json_integer_value(json_object_get(event, "frame"));
			double at = json_number_value(json_object_get(event, "at"));

			assert_true(frame >= 0 && (size_t)frame < frames);
			assert_true(at >= last && at <= end);
			last = at;
			if (*json_string_value(json_object_get(event, "type")) == 'O')
				stack[depth++] = frame;
			else
				assert_int_equal(stack[--depth], frame);
			assert_true(depth < 8);
		}
		assert_int_equal(depth, 0);
	}
	/* 101 ticks of 0.5 ns; what was below zero is nothing, not less. */
	profile = json_array_get(json_object_get(json, "profiles"), 0);
	assert_true(json_number_value(json_object_get(profile, "endValue")) == 50.5);
	json_decref(json);
	probe_run_free(run);
}

static void without_a_timeline_there_is_no_trace(void **state)
{
	struct probe_run *run = fixture_run();
	struct probe_error err = {0};
	struct pb_buf text = {0};
	const struct probe_sink sink = {to_text, &text};

	(void)state;
	run->counter.hz = 0;
	assert_int_equal(probe_exporter_find("trace")->export_run(run, &sink, &err), -PROBE_EINVAL);
	probe_run_find_cell(run, "fib", "ctypes", "cpython-3.13.0")->timeline.dist_count = 0;
	assert_int_equal(probe_exporter_find("speedscope")->export_run(run, &sink, &err),
			 -PROBE_ENOENT);
	has(err.msg, "--engine timeline");
	assert_int_equal(text.len, 0);
	probe_run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markdown_is_as_it_was),
		cmocka_unit_test(builds_and_steadiness_are_told),
		cmocka_unit_test(every_row_and_reason_is_in_every_format),
		cmocka_unit_test(html_holds_nothing_that_runs_or_loads),
		cmocka_unit_test(markdown_shows_markup_as_text),
		cmocka_unit_test(tex_has_no_command_of_a_users),
		cmocka_unit_test(several_runs_are_told_apart),
		cmocka_unit_test(what_cannot_be_reported_is_refused),
		cmocka_unit_test(characters_are_read_as_utf8),
		cmocka_unit_test(a_trace_says_what_it_is),
		cmocka_unit_test(speedscope_is_balanced_and_in_order),
		cmocka_unit_test(without_a_timeline_there_is_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
