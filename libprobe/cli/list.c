/* SPDX-License-Identifier: MIT
 * probe list: the workloads, call paths, interpreters and counters that there are.
 */
#include "cli.h"
#include "columns.h"
#include "grid.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "probe/catalog.h"

enum { MAX_COUNTERS = 8, COLUMNS = 5, GAP = 2, MAX_LINES = 4 };

struct options {
	bool json;
	const char *interpreters;
};

/* One thing that can be listed. */
struct topic {
	const char *name;
	int (*list)(const struct options *o, struct probe_error *err);
};

void cli_list_help(FILE *out)
{
	fputs("usage: probe list workloads|paths|interpreters|counters [OPTION...]\n\n"
	      "  workloads     functions to measure; `probe run` takes their names\n"
	      "  paths         ways of calling them from Python; `probe run -p` takes their "
	      "names;\n"
	      "                and what to weigh besides the figures (? = not known)\n"
	      "  interpreters  every CPython from 3.8, PyPy and GraalPy found on PATH, in "
	      "/usr/bin, in\n"
	      "                the folders of pyenv, uv and conda and in that of `make "
	      "interpreters`,\n"
	      "                with how it was built; -i takes their names\n"
	      "  counters      what this machine can count, best first, and why not\n\n"
	      "  -i, --python LIST  interpreters only: versions (3.13, 3.13t, 3.14-jit), paths or\n"
	      "                     programs, separated by commas; +NAME=VALUE or +-X OPTION "
	      "behind\n"
	      "                     one is a switch that it runs with: 3.14+PYTHON_JIT=1\n"
	      "  --json             print one JSON object for machines\n"
	      "  -h, --help         print this help\n\n"
	      "Folders in PROBE_WORKLOADS and PROBE_BINDINGS (separated by colons) are searched\n"
	      "for more workloads and paths.\n"
	      "Exit codes: 0 done, 1 failed, 2 usage.\n",
	      out);
}

/* --- columns ----------------------------------------------------------------------------------
 */

/* Prints rows of COLUMNS texts (NULL = no such column); the last column is as long as it is. */
static void print_columns(const char *const (*rows)[COLUMNS], size_t n)
{
	int width[COLUMNS] = {0};
	for (size_t r = 0; r < n; r++)
		for (size_t c = 0; c < COLUMNS && rows[r][c]; c++) {
			int length = (int)strlen(rows[r][c]);
			width[c] = length > width[c] ? length : width[c];
		}
	for (size_t r = 0; r < n; r++) {
		for (size_t c = 0; c < COLUMNS && rows[r][c]; c++) {
			bool last = c + 1 == COLUMNS || !rows[r][c + 1];
			printf("%-*s", last ? 0 : width[c] + GAP, rows[r][c]);
		}
		putchar('\n');
	}
}

static int print_json(json_t *object, struct probe_error *err)
{
	if (!object || json_dumpf(object, stdout, JSON_INDENT(2))) {
		json_decref(object);
		err->code = PROBE_ENOMEM;
		snprintf(err->msg, sizeof err->msg, "the list can't be written as JSON");
		return -PROBE_ENOMEM;
	}
	json_decref(object);
	putchar('\n');
	return 0;
}

static int no_memory(struct probe_error *err)
{
	err->code = PROBE_ENOMEM;
	snprintf(err->msg, sizeof err->msg, "out of memory");
	return -PROBE_ENOMEM;
}

/* --- workloads and paths ----------------------------------------------------------------------
 */

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *choosing_json(const struct probe_listed *path)
{
	json_t *object = json_object();
	for (int i = 0; i < PROBE_CONSIDER_COUNT; i++)
		json_object_set_new(object, probe_consideration_key((enum probe_consideration)i),
				    text_or_null(path->considerations[i]));
	return object;
}

static json_t *listed_json(const char *key, const char *detail, bool variants,
			   const struct probe_listed *listed, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *item = json_pack("{s:s, s:s, s:s}", "name", listed[i].name, "summary",
					 listed[i].summary, detail, listed[i].detail);
		json_t *sizes = variants ? json_array() : NULL;
		for (size_t k = 0; variants && k < listed[i].variant_count; k++)
			json_array_append_new(sizes, json_integer(listed[i].variants[k]));
		if (variants)
			json_object_set_new(item, "variants", sizes);
		else
			json_object_set_new(item, "choosing", choosing_json(&listed[i]));
		json_array_append_new(array, item);
	}
	return json_pack("{s:o}", key, array);
}

static void print_listed(const struct probe_listed *listed, size_t n)
{
	int width = 0;
	for (size_t i = 0; i < n; i++)
		width = (int)strlen(listed[i].name) > width ? (int)strlen(listed[i].name) : width;
	for (size_t i = 0; i < n; i++) {
		const struct probe_listed *l = &listed[i];
		printf("%-*s", width + GAP, l->name);
		grid_wrap(stdout, "", width + GAP, l->summary, MAX_LINES);
		if (*l->detail) {
			printf("%*s", width + GAP, "");
			grid_wrap(stdout, "", width + GAP, l->detail, MAX_LINES);
		}
		for (size_t k = 0; k < l->variant_count; k++)
			printf("%*s%s:%ld%s", k ? 0 : width + GAP, "", l->name, l->variants[k],
			       k + 1 < l->variant_count ? ", " : "\n");
	}
}

static int list_workloads(const struct options *o, struct probe_error *err)
{
	struct probe_listed *listed = NULL;
	size_t n = 0;
	int rc = probe_list_workloads(&listed, &n, err);
	if (!rc && o->json)
		rc = print_json(listed_json("workloads", "prototype", true, listed, n), err);
	else if (!rc)
		print_listed(listed, n);
	probe_listed_free(listed, n);
	return rc;
}

/* What to weigh besides the figures, a column each. */
static int print_choosing(const struct probe_listed *listed, size_t n)
{
	static const char *const head[] = {"CHOOSING", "COMPILES",  "ONE BUILD FOR ALL VERSIONS",
					   "PYPY",     "GRAALPY",   "FREE-THREADED",
					   "ISOLATED", "WRONG TYPE"};
	size_t columns = 1 + PROBE_CONSIDER_COUNT;
	const char **cells = calloc((n + 1) * columns, sizeof *cells);
	int rc;

	if (!cells)
		return -PROBE_ENOMEM;
	memcpy(cells, head, sizeof head);
	for (size_t i = 0; i < n; i++) {
		const char **row = &cells[(i + 1) * columns];
		row[0] = listed[i].name;
		for (size_t k = 0; k < PROBE_CONSIDER_COUNT; k++)
			row[k + 1] =
				listed[i].considerations[k] ? listed[i].considerations[k] : "?";
	}
	rc = columns_print(cells, n + 1, columns, stdout);
	for (size_t k = 0; !rc && k < PROBE_CONSIDER_COUNT; k++) {
		const char *source = probe_consideration_source((enum probe_consideration)k);
		char lead[40];
		if (!source)
			continue;
		snprintf(lead, sizeof lead, "%s  ", head[k + 1]);
		putchar('\n');
		grid_wrap(stdout, lead, grid_width(lead), source, MAX_LINES);
	}
	free(cells);
	return rc;
}

/* The list, and how its considerations are known. */
static json_t *paths_json(const struct probe_listed *listed, size_t n)
{
	json_t *object = listed_json("paths", "needs", false, listed, n), *sources = json_object();
	for (int k = 0; k < PROBE_CONSIDER_COUNT; k++) {
		enum probe_consideration which = (enum probe_consideration)k;
		if (probe_consideration_source(which))
			json_object_set_new(sources, probe_consideration_key(which),
					    json_string(probe_consideration_source(which)));
	}
	json_object_set_new(object, "choosing_sources", sources);
	return object;
}

static int list_paths(const struct options *o, struct probe_error *err)
{
	struct probe_listed *listed = NULL;
	size_t n = 0;
	int rc = probe_list_paths(&listed, &n, err);
	if (!rc && o->json)
		rc = print_json(paths_json(listed, n), err);
	for (size_t i = 0; !rc && i < n && !o->json; i++) {
		char *needs;
		if (!*listed[i].detail)
			continue;
		if (asprintf(&needs, "needs %s", listed[i].detail) < 0) {
			rc = no_memory(err);
			break;
		}
		free(listed[i].detail);
		listed[i].detail = needs;
	}
	if (!rc && !o->json) {
		print_listed(listed, n);
		putchar('\n');
		if (print_choosing(listed, n))
			rc = no_memory(err);
	}
	probe_listed_free(listed, n);
	return rc;
}

/* --- interpreters -----------------------------------------------------------------------------
 */

static json_t *texts_json(char *const *texts)
{
	json_t *array = json_array();
	for (; texts && *texts; texts++)
		json_array_append_new(array, json_string(*texts));
	return array;
}

static json_t *interpreters_json(const struct probe_run *run)
{
	json_t *array = json_array(), *warnings = json_array();
	for (size_t i = 0; i < run->interpreter_count; i++) {
		const struct probe_interpreter *p = &run->interpreters[i];
		json_array_append_new(
			array,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:b, "
				  "s:b, s:o, s:o, s:o, s:b, s:o, s:o}",
				  "label", p->label, "version", p->version, "implementation",
				  p->implementation, "executable", p->executable, "environment",
				  texts_json(p->environment), "options", texts_json(p->options),
				  "free_threaded", p->free_threaded, "gil_off", p->gil_off, "jit",
				  p->jit, "jit_built", p->jit_built, "debug", p->debug, "tail_call",
				  p->tail_call, "static_libpython", p->static_libpython,
				  "optimisation", text_or_null(p->optimisation), "compiler",
				  text_or_null(p->compiler), "libc", text_or_null(p->libc),
				  "headers", p->headers, "config_args",
				  text_or_null(p->config_args), "missing",
				  text_or_null(p->missing)));
	}
	for (size_t i = 0; run->warnings && run->warnings[i]; i++)
		json_array_append_new(warnings, json_string(run->warnings[i]));
	return json_pack("{s:o, s:o}", "interpreters", array, "warnings", warnings);
}

/* "-O3, PGO, free-threaded": how the build differs from another. */
static void build_text(const struct probe_interpreter *p, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s%s", *p->optimisation ? p->optimisation : "?",
		 !p->free_threaded ? ""
		 : p->gil_off      ? ", free-threaded"
				   : ", free-threaded with the GIL on",
		 p->jit         ? ", JIT"
		 : p->jit_built ? ", JIT off"
				: "",
		 p->debug ? ", debug" : "", p->static_libpython ? ", static" : "");
}

static int print_interpreters(const struct probe_run *run)
{
	size_t n = run->interpreter_count;
	const char *(*rows)[COLUMNS] = calloc(n + 1, sizeof *rows);
	char(*builds)[160] = calloc(n + 1, sizeof *builds);
	if (rows && builds) {
		static const char *const head[COLUMNS] = {"INTERPRETER", "BUILD", "COMPILER",
							  "HEADERS", "PATH"};
		memcpy(rows[0], head, sizeof head);
		for (size_t i = 0; i < n; i++) {
			const struct probe_interpreter *p = &run->interpreters[i];
			build_text(p, builds[i], sizeof builds[i]);
			const char *row[COLUMNS] = {p->label, builds[i],
						    *p->compiler ? p->compiler : "?",
						    p->headers ? "yes" : "no", p->executable};
			memcpy(rows[i + 1], row, sizeof row);
		}
		print_columns((const char *const(*)[COLUMNS])rows, n + 1);
	}
	bool ok = rows && builds;
	free(rows);
	free(builds);
	for (size_t i = 0; ok && i < n; i++)
		if (run->interpreters[i].missing)
			printf("%s can't be measured yet: %s\n", run->interpreters[i].label,
			       run->interpreters[i].missing);
	return ok ? 0 : -PROBE_ENOMEM;
}

static int list_interpreters(const struct options *o, struct probe_error *err)
{
	struct probe_run *run = probe_run_new();
	if (!run)
		return no_memory(err);
	const char *choice = o->interpreters ? o->interpreters : "all";
	int rc = probe_list_interpreters(choice, run, err);
	for (size_t i = 0; !o->json && run->warnings && run->warnings[i]; i++)
		fprintf(stderr, "probe: %s\n", run->warnings[i]);
	if (!rc && o->json)
		rc = print_json(interpreters_json(run), err);
	else if (!rc && print_interpreters(run))
		rc = no_memory(err);
	probe_run_free(run);
	return rc;
}

/* --- counters ---------------------------------------------------------------------------------
 */

static json_t *counters_json(const struct probe_counter_option *kinds, int n)
{
	json_t *array = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:b, s:s, s:o}", "kind", kinds[i].kind, "unit",
					 kinds[i].unit, "available", kinds[i].available, "why",
					 kinds[i].why, "fix", text_or_null(kinds[i].fix)));
	return json_pack("{s:o}", "counters", array);
}

static int list_counters(const struct options *o, struct probe_error *err)
{
	struct probe_counter_option kinds[MAX_COUNTERS];
	int n = probe_counter_list(kinds, MAX_COUNTERS);
	if (o->json)
		return print_json(counters_json(kinds, n), err);
	for (int i = 0; i < n; i++) {
		printf("%-14s %-12s %s\n", kinds[i].kind,
		       kinds[i].available ? "available" : "absent", kinds[i].unit);
		printf("%15s%s\n", "", kinds[i].why);
		if (kinds[i].fix[0])
			printf("%15sfix: %s\n", "", kinds[i].fix);
	}
	return 0;
}

/* --- the verb ---------------------------------------------------------------------------------
 */

static const struct topic topics[] = {
	{"workloads", list_workloads},
	{"paths", list_paths},
	{"interpreters", list_interpreters},
	{"counters", list_counters},
};

static const struct topic *find_topic(const char *name)
{
	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
		if (!strcmp(name, topics[i].name))
			return &topics[i];
	return NULL;
}

/* CLI_OK with *topic set, -1 when help was printed, or an exit code. */
static int parse(int argc, char **argv, struct options *o, const struct topic **topic)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"python", required_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int found;

	*o = (struct options){0};
	opterr = 0;
	optind = 1;
	while ((found = getopt_long(argc, argv, ":i:h", longs, NULL)) != -1) {
		switch (found) {
		case 'j':
			o->json = true;
			break;
		case 'i':
			o->interpreters = optarg;
			break;
		case 'h':
			cli_list_help(stdout);
			return -1;
		case ':':
			return cli_error(CLI_USAGE, "%s needs a value; see `probe help list`",
					 argv[optind - 1]);
		default:
			return cli_error(CLI_USAGE, "unknown option %s; see `probe help list`",
					 argv[optind - 1]);
		}
	}
	if (optind >= argc)
		return cli_error(CLI_USAGE,
				 "list what? workloads, paths, interpreters or counters");
	*topic = find_topic(argv[optind]);
	if (!*topic)
		return cli_error(CLI_USAGE,
				 "can't list '%s': workloads, paths, interpreters or counters",
				 argv[optind]);
	if (optind + 1 < argc)
		return cli_error(CLI_USAGE, "one list at a time: '%s' is one too many",
				 argv[optind + 1]);
	if (o->interpreters && (*topic)->list != list_interpreters)
		return cli_error(CLI_USAGE, "-i belongs to `probe list interpreters`");
	return CLI_OK;
}

int cli_list(int argc, char **argv)
{
	struct options o;
	const struct topic *topic = NULL;
	struct probe_error err = {0};
	int code = parse(argc, argv, &o, &topic);
	if (code)
		return code < 0 ? CLI_OK : code;
	if (topic->list(&o, &err)) {
		bool usage =
			o.interpreters && (err.code == PROBE_ENOENT || err.code == PROBE_EINVAL);
		return cli_error(usage ? CLI_USAGE : CLI_NOTHING, "%s",
				 *err.msg ? err.msg : "out of memory");
	}
	return CLI_OK;
}
