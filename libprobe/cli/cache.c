/* SPDX-License-Identifier: MIT
 * probe cache: what the caches take, for which interpreter, and cleaning them.
 */
#include "cli.h"
#include "columns.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "probe/cache.h"

enum { COLUMNS = 5, TEXT = 24 };

struct row_text {
	char bytes[TEXT], used[TEXT], kinds[200];
};

struct options {
	bool json;
	double older_than_days; /* NaN = not given */
};

static const double day_s = 86400;

void cli_cache_help(FILE *out)
{
	fputs("usage: probe cache size [--json]\n"
	      "       probe cache clean [--older-than DAYS] [--json]\n\n"
	      "  size   the disk that compiled kernels, bindings and packages take, for each\n"
	      "         interpreter, and whether that interpreter is still there\n"
	      "  clean  removes what no run can use again: what was made for interpreters that "
	      "are\n"
	      "         gone, were replaced, or are not known to this version of probe, and what "
	      "an\n"
	      "         interrupted build left behind; refuses while a run goes on\n\n"
	      "  --older-than DAYS  also what no run has used for so long; 0 = all of it\n"
	      "  --json             print one JSON object for machines\n"
	      "  -h, --help         print this help\n\n"
	      "All of it is built again when it is needed. It lies in $XDG_CACHE_HOME/probe, else\n"
	      "in ~/.cache/probe; nothing outside is touched.\n"
	      "Exit codes: 0 done, 1 failed, 2 usage.\n",
	      out);
}

/* "358 MB"; "" for nothing. */
static const char *bytes_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double value = (double)bytes / 1e3;
	size_t u = 0;
	while (value >= 999.5 && u + 1 < sizeof units / sizeof units[0]) {
		value /= 1e3;
		u++;
	}
	if (!bytes)
		buf[0] = '\0';
	else
		snprintf(buf, size, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[u]);
	return buf;
}

static uint64_t owner_bytes(const struct probe_cache_owner *owner)
{
	uint64_t sum = 0;
	for (int k = 0; k < PROBE_CACHE_KINDS; k++)
		sum += owner->disk_bytes[k];
	return sum;
}

static uint64_t cache_bytes(const struct probe_cache *cache)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < cache->owner_count; i++)
		sum += owner_bytes(&cache->owners[i]);
	return sum;
}

static int print_json(json_t *object)
{
	bool ok = object && !json_dumpf(object, stdout, JSON_INDENT(2));
	json_decref(object);
	if (!ok)
		return cli_error(CLI_NOTHING, "the answer can't be written as JSON");
	putchar('\n');
	return CLI_OK;
}

/* --- size --------------------------------------------------------------------------------------
 */

static json_t *owner_json(const struct probe_cache_owner *owner)
{
	bool shared = !*owner->name;
	json_t *kinds = json_object();
	for (int k = 0; k < PROBE_CACHE_KINDS; k++)
		if (owner->disk_bytes[k])
			json_object_set_new(kinds, probe_cache_kind_name((enum probe_cache_kind)k),
					    json_integer((json_int_t)owner->disk_bytes[k]));
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}", "name",
			 shared ? json_null() : json_string(owner->name), "executable",
			 owner->executable ? json_string(owner->executable) : json_null(), "state",
			 shared ? json_null() : json_string(probe_cache_state_name(owner->state)),
			 "used_unix_s",
			 owner->used_unix_s ? json_integer(owner->used_unix_s) : json_null(),
			 "disk_bytes", (json_int_t)owner_bytes(owner), "disk_bytes_by_kind", kinds);
}

static json_t *cache_json(const struct probe_cache *cache)
{
	json_t *owners = json_array();
	for (size_t i = 0; i < cache->owner_count; i++)
		json_array_append_new(owners, owner_json(&cache->owners[i]));
	return json_pack("{s:s, s:I, s:o}", "folder", cache->folder, "disk_bytes",
			 (json_int_t)cache_bytes(cache), "owners", owners);
}

static void used_text(int64_t used_unix_s, char *buf, size_t size)
{
	double days = (double)(time(NULL) - used_unix_s) / day_s;
	if (!used_unix_s)
		snprintf(buf, size, "never");
	else if (days < 1)
		snprintf(buf, size, "today");
	else
		snprintf(buf, size, "%.0f day%s ago", days, days < 1.5 ? "" : "s");
}

/* "bindings 315 kB, packages 2.4 MB". */
static void kinds_text(const struct probe_cache_owner *owner, char *buf, size_t size)
{
	size_t length = 0;
	*buf = '\0';
	for (int k = 0; k < PROBE_CACHE_KINDS && length < size; k++) {
		char bytes[TEXT];
		if (owner->disk_bytes[k])
			length += (size_t)snprintf(
				buf + length, size - length, "%s%s %s", length ? ", " : "",
				probe_cache_kind_name((enum probe_cache_kind)k),
				bytes_text(owner->disk_bytes[k], bytes, sizeof bytes));
	}
}

static void fill_row(const struct probe_cache_owner *owner, const char **row, struct row_text *text)
{
	bool shared = !*owner->name;
	used_text(owner->used_unix_s, text->used, sizeof text->used);
	kinds_text(owner, text->kinds, sizeof text->kinds);
	row[0] = shared ? "all" : owner->name;
	row[1] = bytes_text(owner_bytes(owner), text->bytes, sizeof text->bytes);
	row[2] = text->used;
	row[3] = shared ? "" : probe_cache_state_name(owner->state);
	row[4] = text->kinds;
}

static int print_owners(const struct probe_cache *cache)
{
	static const char *const head[COLUMNS] = {"FOR", "DISK", "LAST USED", "INTERPRETER",
						  "OF THAT"};
	size_t n = cache->owner_count;
	const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);
	struct row_text *texts = calloc(n + 1, sizeof *texts);
	int rc = cells && texts ? 0 : -1;
	if (!rc) {
		memcpy(cells, head, sizeof head);
		for (size_t i = 0; i < n; i++)
			fill_row(&cache->owners[i], cells + (i + 1) * COLUMNS, &texts[i]);
		rc = columns_print(cells, n + 1, COLUMNS, stdout);
	}
	free(texts);
	free(cells);
	return rc;
}

/* That another folder is used than the one asked for is told by both verbs. */
static void tell_note(const struct probe_cache *cache)
{
	if (*cache->note)
		cli_error(CLI_OK, "%s", cache->note);
}

static int size(const struct options *o, struct probe_error *err)
{
	struct probe_cache *cache = NULL;
	char sum[TEXT];
	int rc = probe_cache_read(&cache, err);
	if (rc)
		return cli_error(CLI_NOTHING, "%s", err->msg);
	int code = CLI_OK;
	tell_note(cache);
	if (o->json) {
		code = print_json(cache_json(cache));
	} else {
		if (cache->owner_count && print_owners(cache))
			code = cli_error(CLI_NOTHING, "out of memory");
		bytes_text(cache_bytes(cache), sum, sizeof sum);
		printf("%s%s in %s\n", cache->owner_count ? "\n" : "", *sum ? sum : "nothing",
		       cache->folder);
	}
	probe_cache_free(cache);
	return code;
}

/* --- clean -------------------------------------------------------------------------------------
 */

static int clean(const struct options *o, struct probe_error *err)
{
	struct probe_cache_cleaned cleaned;
	struct probe_cache *cache = NULL;
	char freed[TEXT];
	if (!probe_cache_read(&cache, NULL))
		tell_note(cache);
	probe_cache_free(cache);
	int rc = probe_cache_clean(o->older_than_days, &cleaned, err);
	int code = rc ? cli_error(CLI_NOTHING, "%s", err->msg) : CLI_OK;
	if (o->json && !rc)
		return print_json(json_pack("{s:I, s:I}", "disk_bytes",
					    (json_int_t)cleaned.disk_bytes, "entries",
					    (json_int_t)cleaned.entries));
	bytes_text(cleaned.disk_bytes, freed, sizeof freed);
	if (!rc || cleaned.entries)
		printf("removed %zu %s, %s\n", cleaned.entries,
		       cleaned.entries == 1 ? "entry" : "entries", *freed ? freed : "nothing");
	return code;
}

/* --- the verb ----------------------------------------------------------------------------------
 */

int cli_cache(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"older-than", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options o = {.older_than_days = (double)NAN};
	struct probe_error err = {0};
	int found;

	opterr = 0;
	optind = 1;
	while ((found = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (found == 'h') {
			cli_cache_help(stdout);
			return CLI_OK;
		}
		if (found == ':')
			return cli_error(CLI_USAGE, "%s needs a value; see `probe help cache`",
					 argv[optind - 1]);
		if (found == '?')
			return cli_error(CLI_USAGE, "unknown option %s; see `probe help cache`",
					 argv[optind - 1]);
		if (found == 'o' &&
		    cli_parse_double("--older-than", optarg, 0, 36500, &o.older_than_days))
			return CLI_USAGE;
		o.json = o.json || found == 'j';
	}
	const char *what = optind < argc ? argv[optind] : "";
	bool cleans = !strcmp(what, "clean");
	if (optind + 1 != argc || (!cleans && strcmp(what, "size")))
		return cli_error(CLI_USAGE, "probe cache: size or clean? See `probe help cache`");
	if (!cleans && !isnan(o.older_than_days))
		return cli_error(CLI_USAGE, "--older-than belongs to `probe cache clean`");
	return cleans ? clean(&o, &err) : size(&o, &err);
}
