/* SPDX-License-Identifier: MIT
 * probe: the table of verbs, and help.
 */
#include "cli.h"

#include <locale.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct cli_verb verbs[] = {
	{"run", "measure workloads and print where each call's time goes", cli_run, cli_run_help},
	{"list", "list workloads, paths, interpreters or counters", cli_list, cli_list_help},
	{"doctor", "say how well this machine can measure, and what would improve it", cli_doctor,
	 cli_doctor_help},
	{"show", "print the table of a saved run", cli_show, cli_show_help},
	{"compare", "say what changed between two runs, and which phase moved", cli_compare,
	 cli_compare_help},
	{"plot", "draw a run file as a figure", cli_plot, cli_plot_help},
	{"report", "write run files as a report: HTML, Markdown or LaTeX", cli_report,
	 cli_report_help},
	{"cache", "say how much disk the caches take, or clean them", cli_cache, cli_cache_help},
};
enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static void print_help(FILE *out)
{
	fputs("probe: what a call from Python into native code costs, and where the time goes\n\n"
	      "usage: probe VERB [OPTION...] [ARGUMENT...]\n\n",
	      out);
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
	fputs("  help     print this help, or that of a verb\n\n"
	      "  --help     print this help\n"
	      "  --version  print the version\n\n"
	      "Try `probe run add`. Exit codes: 0 all measured, 1 nothing measured or the verb "
	      "failed,\n"
	      "2 usage, 3 some cells failed, 4 slower than --fail-above allows, 130 "
	      "interrupted.\n",
	      out);
}

static const struct cli_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

/* Edit distance of two short words; a word longer than the table counts as far away. */
static size_t distance(const char *a, const char *b)
{
	size_t row[33], n = strlen(a), m = strlen(b);
	if (n > 32 || m > 32)
		return 32;
	for (size_t k = 0; k <= m; k++)
		row[k] = k;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t k = 1; k <= m; k++) {
			size_t replace = diagonal + (a[i - 1] != b[k - 1]);
			size_t insert = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
			diagonal = row[k];
			row[k] = replace < insert ? replace : insert;
		}
	}
	return row[m];
}

static int unknown_verb(const char *name)
{
	const char *closest = NULL;
	size_t best = 3; /* more than two slips is another word */
	for (size_t i = 0; i < VERB_COUNT; i++) {
		size_t d = distance(name, verbs[i].name);
		if (d < best) {
			best = d;
			closest = verbs[i].name;
		}
	}
	if (closest)
		return cli_error(CLI_USAGE, "unknown verb '%s'; did you mean `probe %s`?", name,
				 closest);
	return cli_error(CLI_USAGE, "unknown verb '%s'; `probe help` lists them", name);
}

static int help(const char *name)
{
	if (!name) {
		print_help(stdout);
		return CLI_OK;
	}
	const struct cli_verb *verb = find_verb(name);
	if (!verb)
		return unknown_verb(name);
	verb->help(stdout);
	return CLI_OK;
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(NULL);
	if (!strcmp(argv[1], "help"))
		return help(argc > 2 ? argv[2] : NULL);
	if (!strcmp(argv[1], "--version")) {
		printf("probe %s\n", PROBE_VERSION);
		return CLI_OK;
	}
	if (argv[1][0] == '-')
		return cli_error(CLI_USAGE, "options come after the verb; see `probe help`");
	const struct cli_verb *verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	if (asks_help(argc - 1, argv + 1))
		return help(verb->name);
	char *here = getcwd(NULL, 0);
	free(here);
	if (!here && errno == ENOENT)
		return cli_error(CLI_USAGE, "the working directory was deleted: cd to another one");
	return verb->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	/* Characters only: numbers in files and tables keep their point. */
	setlocale(LC_CTYPE, "");
	cli_signals_init();
	int code = dispatch(argc, argv);
	if (fflush(stdout) || ferror(stdout))
		return cli_error(CLI_NOTHING, "the output could not be written whole");
	return code;
}
