/* SPDX-License-Identifier: MIT
 * probe doctor: which counter, why not a better one, what would help, and how noisy it is now.
 */
#include "cli.h"

#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FINDINGS    32
#define DEFAULT_SECONDS 3.0

struct options {
	bool json;
	double seconds;
	long cpu; /* -1 = choose */
	enum cli_color color;
};

struct diagnosis {
	int cpu;
	struct probe_counter_facts counter;
	struct probe_counter_option kinds[PROBE_COUNTER_KINDS];
	int kind_count;
	struct probe_run *run; /* holds the machine's facts */
	struct probe_finding findings[MAX_FINDINGS];
	size_t finding_count;
	struct probe_noise_report noise;
};

void cli_doctor_help(FILE *out)
{
	fputs("usage: probe doctor [OPTION...]\n\n"
	      "Says which counter would be used and why not a better one, what would make\n"
	      "measuring on this machine better (each with the command that would mend it), and\n"
	      "watches the noise reference for some seconds: how much of the time this CPU core\n"
	      "belonged to probe alone. Changes nothing but the memory of the quietest state "
	      "seen.\n\n"
	      "  --seconds N   watch for N seconds, 0.1 to 600 (3)\n"
	      "  --cpu N       watch this CPU (an isolated one, else the last allowed)\n"
	      "  --json        print one JSON object for machines\n"
	      "  --color WHEN  auto, always or never\n"
	      "  -h, --help    print this help\n\n"
	      "Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.\n",
	      out);
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"seconds", required_argument, NULL, 's'},
		{"cpu", required_argument, NULL, 'c'},
		{"color", required_argument, NULL, 'C'},
		{"colour", required_argument, NULL, 'C'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int found;

	*o = (struct options){.seconds = DEFAULT_SECONDS, .cpu = -1};
	opterr = 0;
	optind = 1;
	while ((found = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		switch (found) {
		case 'j':
			o->json = true;
			break;
		case 's':
			if (cli_parse_double("--seconds", optarg, 0.1, 600, &o->seconds))
				return CLI_USAGE;
			break;
		case 'c':
			if (cli_parse_long("--cpu", optarg, 0, 65535, &o->cpu))
				return CLI_USAGE;
			break;
		case 'C':
			if (cli_color_parse(optarg, &o->color))
				return cli_error(CLI_USAGE,
						 "--color: '%s' is not auto, always or never",
						 optarg);
			break;
		case 'h':
			cli_doctor_help(stdout);
			return -1;
		case ':':
			return cli_error(CLI_USAGE, "%s needs a value; see `probe help doctor`",
					 argv[optind - 1]);
		default:
			return cli_error(CLI_USAGE, "unknown option %s; see `probe help doctor`",
					 argv[optind - 1]);
		}
	}
	if (optind < argc)
		return cli_error(CLI_USAGE,
				 "doctor takes no argument '%s'; see `probe help doctor`",
				 argv[optind]);
	return CLI_OK;
}

static int examine(const struct options *o, const volatile sig_atomic_t *cancel,
		   struct diagnosis *d, struct probe_error *err)
{
	char store_path[4096];
	struct probe_machine machine;
	struct probe_counter *counter = NULL;

	d->run = probe_run_new();
	if (!d->run)
		return -PROBE_ENOMEM;
	/* Facts before pinning: the affinity is one of them. */
	int status = probe_machine_facts(d->run, err);
	if (status)
		return status;
	probe_machine_read(&machine);
	d->finding_count = probe_machine_findings(&machine, d->findings, MAX_FINDINGS);
	d->cpu = o->cpu >= 0 ? (int)o->cpu : probe_machine_pick_cpu();
	status = probe_machine_pin(d->cpu, err);
	if (status == -PROBE_ESYS) /* a sandbox forbids it; the rest can be told all the same */
		cli_error(CLI_OK, "%s: figures may be noisier", err->msg);
	else if (status)
		return status;
	d->kind_count = probe_counter_list(d->kinds, PROBE_COUNTER_KINDS);
	status = probe_counter_open(&counter, NULL, err);
	if (status)
		return status;
	d->counter = *probe_counter_facts(counter);
	bool have_store = probe_noise_store_path(store_path, sizeof store_path) == 0;
	if (!o->json && isatty(STDERR_FILENO))
		fprintf(stderr, "watching CPU %d for %g s ...\n", d->cpu, o->seconds);
	status = probe_noise_watch(counter, o->seconds, have_store ? store_path : NULL, cancel,
				   &d->noise, err);
	probe_counter_close(counter);
	return status;
}

/* --- for people ------------------------------------------------------------------------------- */

struct style {
	const char *bold, *red, *yellow, *dim, *off;
};

static struct style style_of(bool color)
{
	if (!color)
		return (struct style){"", "", "", "", ""};
	return (struct style){"\033[1m", "\033[31m", "\033[33m", "\033[2m", "\033[0m"};
}

static void print_counter(const struct diagnosis *d, const struct style *s)
{
	const struct probe_counter_facts *c = &d->counter;

	printf("%sCounter%s   %s: %s", s->bold, s->off, c->kind, c->unit);
	if (c->hz > 0)
		printf(", %.4g GHz", c->hz / 1e9);
	if (c->hz > 0 && c->granularity_ticks > 0)
		printf(", steps of %g (%.1f ns)", c->granularity_ticks,
		       c->granularity_ticks / c->hz * 1e9);
	if (c->cycles_estimated && c->cycles_per_tick > 0)
		printf(", about %.2f core cycles each", c->cycles_per_tick);
	printf("\n          %s\n", c->why);
	if (d->kind_count && !d->kinds[0].available && d->kinds[0].fix[0])
		printf("          %sfix:%s %s\n", s->dim, s->off, d->kinds[0].fix);
}

static void print_facts(const struct diagnosis *d, const struct style *s)
{
	printf("\n%sMachine%s\n", s->bold, s->off);
	for (size_t i = 0; i < d->run->fact_count; i++)
		printf("  %-24s %s\n", d->run->facts[i].key, d->run->facts[i].value);
}

static const char *severity_name(enum probe_severity severity)
{
	static const char *const names[] = {"note", "advice", "problem"};
	return names[severity];
}

static void print_findings(const struct diagnosis *d, const struct style *s)
{
	const char *const colors[] = {s->dim, s->yellow, s->red};

	printf("\n%sFindings%s\n", s->bold, s->off);
	for (size_t i = 0; i < d->finding_count; i++) {
		const struct probe_finding *f = &d->findings[i];
		printf("  %s%-8s%s %s\n", colors[f->severity], severity_name(f->severity), s->off,
		       f->what);
		if (f->fix[0])
			printf("           %sfix:%s %s\n", s->dim, s->off, f->fix);
	}
	if (!d->finding_count)
		puts("  none");
}

static void print_noise(const struct diagnosis *d, const struct style *s)
{
	const struct probe_noise_report *n = &d->noise;

	printf("\n%sNoise%s     CPU %d, %zu readings", s->bold, s->off, d->cpu, n->readings);
	if (n->disturbed)
		printf(" (%zu more left out: the thread was switched)", n->disturbed);
	if (!n->readings) {
		puts("\n          nothing could be read in this time");
		return;
	}
	printf("\n          %.0f %% quiet; an add took %.3f ticks in a chain, %.3f side by side",
	       100 * n->quiet_share, n->chain_ticks, n->wide_ticks);
	if (!isnan(n->quiet_wide_ticks))
		printf(" (%.3f when quiet)", n->quiet_wide_ticks);
	if (n->quiet_ratio > 0)
		printf("\n          quiet means side by side / chain near %.3f%s", n->quiet_ratio,
		       n->quiet_ratio == n->remembered_ratio ? ", remembered of this CPU model"
							     : "");
	if (!isnan(n->steal_share) && n->steal_share > 0)
		printf("\n          the hypervisor took %.1f %% of the time", 100 * n->steal_share);
	if (n->contended)
		printf("\n%sVerdict%s   %scontended%s: something else works on this core; a cell "
		       "measured now would be\n          marked so. Wait, or choose another core "
		       "with --cpu.\n",
		       s->bold, s->off, s->red, s->off);
	else
		printf("\n%sVerdict%s   quiet enough to measure: contended rounds are set aside\n",
		       s->bold, s->off);
}

/* --- for machines ----------------------------------------------------------------------------- */

/* Absent is null: jansson refuses NaN, and 0 would read as a perfect result. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *number_or_absent(double value)
{
	return value > 0 ? number(value) : json_null();
}

static json_t *counter_json(const struct diagnosis *d)
{
	const struct probe_counter_facts *c = &d->counter;
	json_t *kinds = json_array();

	for (int i = 0; i < d->kind_count; i++) {
		const struct probe_counter_option *k = &d->kinds[i];
		json_array_append_new(kinds, json_pack("{s:s, s:s, s:b, s:s, s:s}", "kind", k->kind,
						       "unit", k->unit, "available", k->available,
						       "why", k->why, "fix", k->fix));
	}
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:o}", "kind", c->kind, "unit",
			 c->unit, "why", c->why, "hz", number_or_absent(c->hz), "granularity_ticks",
			 number_or_absent(c->granularity_ticks), "cycles_per_tick",
			 number_or_absent(c->cycles_per_tick), "cycles_estimated",
			 c->cycles_estimated, "kinds", kinds);
}

static json_t *noise_json(const struct probe_noise_report *n)
{
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "readings",
			 (json_int_t)n->readings, "quiet", (json_int_t)n->quiet, "disturbed",
			 (json_int_t)n->disturbed, "quiet_share", number(n->quiet_share),
			 "chain_ticks", number(n->chain_ticks), "wide_ticks", number(n->wide_ticks),
			 "quiet_wide_ticks", number(n->quiet_wide_ticks), "quiet_ratio",
			 number_or_absent(n->quiet_ratio), "remembered_ratio",
			 number_or_absent(n->remembered_ratio), "cycles_per_tick",
			 number_or_absent(n->cycles_per_tick), "steal_share",
			 number(n->steal_share), "contended", n->contended);
}

static int print_json(const struct diagnosis *d)
{
	json_t *facts = json_object(), *findings = json_array();

	for (size_t i = 0; i < d->run->fact_count; i++)
		json_object_set_new(facts, d->run->facts[i].key,
				    json_string(d->run->facts[i].value));
	for (size_t i = 0; i < d->finding_count; i++) {
		const struct probe_finding *f = &d->findings[i];
		json_array_append_new(findings, json_pack("{s:s, s:s, s:s}", "severity",
							  severity_name(f->severity), "what",
							  f->what, "fix", f->fix));
	}
	json_t *root = json_pack("{s:s, s:i, s:o, s:o, s:o, s:o}", "probe_version", PROBE_VERSION,
				 "cpu", d->cpu, "counter", counter_json(d), "facts", facts,
				 "findings", findings, "noise", noise_json(&d->noise));
	int failed = !root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(root);
	putchar('\n');
	return failed ? cli_error(CLI_NOTHING, "the JSON could not be written") : CLI_OK;
}

int cli_doctor(int argc, char **argv)
{
	struct diagnosis d = {0};
	struct probe_error err = {0};
	struct options o;
	int code = parse(argc, argv, &o);

	if (code)
		return code < 0 ? CLI_OK : code;
	/* What was seen until then is told. */
	const volatile sig_atomic_t *caught = cli_signals_defer(true);
	int status = examine(&o, caught, &d, &err);
	cli_signals_defer(false);
	if (status) {
		code = cli_error(status == -PROBE_EINVAL ? CLI_USAGE : CLI_NOTHING, "%s",
				 err.msg[0] ? err.msg : "out of memory");
	} else if (o.json) {
		code = print_json(&d);
	} else {
		struct style s = style_of(cli_color_on(o.color, stdout));
		print_counter(&d, &s);
		print_facts(&d, &s);
		print_findings(&d, &s);
		print_noise(&d, &s);
	}
	probe_run_free(d.run);
	return *caught && code == CLI_OK ? (int)cli_signals_exit() : code;
}
