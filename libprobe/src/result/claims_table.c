/* SPDX-License-Identifier: MIT
 * Reading a table of published claims: every slip is told with the claim and the member it is in.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fail.h"
#include "base/read_file.h"
#include "result/claims_parts.h"

enum { TITLE_MOST = 60, PUBLISHED_MOST = 40 };

static const char *const phases[] = {
	[PROBE_TERM_TOTAL] = "total",       [PROBE_TERM_BOUNDARY] = "boundary",
	[PROBE_TERM_DISPATCH] = "dispatch", [PROBE_TERM_MARSHALLING] = "marshalling",
	[PROBE_TERM_COMPUTE] = "compute",   [PROBE_TERM_EMPTY_CALL] = "empty_call",
	[PROBE_TERM_SCALING] = "scaling",   [PROBE_TERM_CORES] = "cores",
};

/* Where a message says that something is wrong, and the error it goes to. */
struct reader {
	const char *path;
	char where[96]; /* "claim 3 (fib-27x)" */
	struct probe_error *err;
	bool failed;
};

static void wrong(struct reader *r, const char *member, const char *what)
{
	if (r->failed)
		return;
	r->failed = true;
	pb_fail(r->err, PROBE_EFORMAT, 0, "%.200s: %s: \"%.40s\" %s", r->path, r->where, member,
		what);
}

static char *copy(struct reader *r, const char *text)
{
	char *out = strdup(text);

	if (!out && !r->failed) {
		r->failed = true;
		pb_fail(r->err, PROBE_ENOMEM, 0, "out of memory");
	}
	return out;
}

static void check_members(struct reader *r, const json_t *object, const char *const *known)
{
	const char *key;
	json_t *value;

	/* jansson's iterators take no const, and write nothing. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], key))
			i++;
		if (!known[i])
			wrong(r, key, "is not a member that claims have");
	}
}

/* A member's text; most = 0: of any length. */
static char *text(struct reader *r, const json_t *object, const char *member, bool required,
		  size_t most)
{
	const json_t *value = json_object_get(object, member);
	const char *found = json_string_value(value);

	if (!value && !required)
		return NULL;
	if (!found || !*found) {
		wrong(r, member, "must be a text");
		return NULL;
	}
	if (most && strlen(found) > most)
		wrong(r, member,
		      most == TITLE_MOST ? "has more than 60 characters"
					 : "has more than 40 characters");
	return copy(r, found);
}

static char **texts(struct reader *r, const json_t *list, const char *member)
{
	size_t n = json_array_size(list);
	char **out = n ? calloc(n + 1, sizeof *out) : NULL;

	if (!n)
		wrong(r, member, "must be a list of texts");
	for (size_t i = 0; out && i < n; i++) {
		const char *item = json_string_value(json_array_get(list, i));

		if (item)
			out[i] = copy(r, item);
		else
			wrong(r, member, "must be a list of texts");
		if (!out[i])
			break;
	}
	return out;
}

static void read_build(struct reader *r, const json_t *build, struct probe_claim_term *term)
{
	const char *key;
	json_t *value;

	if (!build)
		return;
	term->build = calloc(json_object_size(build) + 1, sizeof *term->build);
	if (!json_is_object(build) || !term->build) {
		wrong(r, "build", "must be an object of facts");
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)build, key, value)
	{
		struct probe_build_fact *fact = &term->build[term->build_count++];
		const char *is = json_is_boolean(value) ? json_is_true(value) ? "yes" : "no"
							: json_string_value(value);

		if (!pb_build_fact_known(key))
			wrong(r, key, "is no fact of a build");
		else if (!is)
			wrong(r, key, "must be true, false or a text");
		fact->fact = copy(r, key);
		fact->value = copy(r, is ? is : "");
	}
}

static void read_term(struct reader *r, const json_t *figure, const char *member,
		      struct probe_claim_term *term)
{
	static const char *const known[] = {"path", "phase", "build", NULL};
	const json_t *json = json_object_get(figure, member);
	const char *phase = json_string_value(json_object_get(json, "phase"));
	size_t i = 0;

	if (!json_is_object(json)) {
		wrong(r, member, "must be an object with a \"path\"");
		return;
	}
	check_members(r, json, known);
	term->path = text(r, json, "path", true, 0);
	read_build(r, json_object_get(json, "build"), term);
	if (!phase && !json_object_get(json, "phase"))
		return;
	while (i < sizeof phases / sizeof phases[0] && (!phase || strcmp(phases[i], phase)))
		i++;
	if (i == sizeof phases / sizeof phases[0])
		wrong(r, "phase",
		      "must be total, boundary, dispatch, marshalling, compute, empty_call, "
		      "scaling "
		      "or cores");
	term->phase = (enum probe_term_phase)i;
}

static double bound(struct reader *r, const json_t *value, double unbounded)
{
	if (json_is_null(value))
		return unbounded;
	if (!json_is_number(value) || !(json_number_value(value) >= 0))
		wrong(r, "between", "must be two numbers from 0, or null for no bound");
	return json_number_value(value);
}

static void read_figure(struct reader *r, const json_t *json, struct probe_published *claim)
{
	static const char *const known[] = {"run",         "workloads", "numerator",
					    "denominator", "differ_in", NULL};
	const json_t *figure = json_object_get(json, "figure");
	const json_t *between = json_object_get(json, "between");
	const json_t *differ_in = json_object_get(figure, "differ_in");

	if (!json_is_object(figure)) {
		wrong(r, "figure", "must be an object, or \"untestable\" say why there is none");
		return;
	}
	check_members(r, figure, known);
	claim->run = text(r, figure, "run", false, 0);
	claim->workloads = texts(r, json_object_get(figure, "workloads"), "workloads");
	read_term(r, figure, "numerator", &claim->numerator);
	read_term(r, figure, "denominator", &claim->denominator);
	if (differ_in)
		claim->differ_in = texts(r, differ_in, "differ_in");
	if (json_array_size(between) != 2)
		wrong(r, "between", "must be two numbers from 0, or null for no bound");
	claim->low = bound(r, json_array_get(between, 0), -INFINITY);
	claim->high = bound(r, json_array_get(between, 1), INFINITY);
	if (!r->failed && !(claim->low < claim->high))
		wrong(r, "between", "must be the lower bound, then the higher");
}

static void read_claim(struct reader *r, const json_t *json, size_t number,
		       struct probe_published *claim)
{
	static const char *const known[] = {
		"id",     "title",      "claim", "source",  "published", "why", "needs",
		"figure", "untestable", "in",    "between", "measures",  NULL};
	const char *id = json_string_value(json_object_get(json, "id"));
	const json_t *in = json_object_get(json, "in");
	const char *rule = json_string_value(in);

	snprintf(r->where, sizeof r->where, "claim %zu%s%.60s%s", number, id ? " (" : "",
		 id ? id : "", id ? ")" : "");
	check_members(r, json, known);
	claim->id = text(r, json, "id", true, 0);
	claim->title = text(r, json, "title", true, TITLE_MOST);
	claim->claim = text(r, json, "claim", true, 0);
	claim->source = text(r, json, "source", true, 0);
	claim->published = text(r, json, "published", true, PUBLISHED_MOST);
	claim->needs = text(r, json, "needs", false, 0);
	claim->why = text(r, json, "why", false, 0);
	claim->untestable = text(r, json, "untestable", false, 0);
	if (in && (!rule || (strcmp(rule, "each") && strcmp(rule, "any"))))
		wrong(r, "in", "must be \"each\" or \"any\"");
	claim->any = rule && !strcmp(rule, "any");
	if (claim->untestable)
		return;
	claim->measures = text(r, json, "measures", true, 0);
	read_figure(r, json, claim);
}

static void check_ids(struct reader *r, const struct probe_claim_table *table)
{
	for (size_t i = 0; i < table->count && !r->failed; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(table->claims[i].id, table->claims[k].id))
				wrong(r, table->claims[i].id, "is the id of two claims");
}

int probe_claim_table_load(const char *path, struct probe_claim_table **out,
			   struct probe_error *err)
{
	struct reader r = {.path = path, .err = err};
	json_error_t json_error;
	struct probe_claim_table *table = calloc(1, sizeof *table);
	struct pb_buf bytes = {0};
	int rc = pb_read_file(path, &bytes, err);
	json_t *json = rc ? NULL
			  : json_loadb(bytes.len ? bytes.data : "", bytes.len,
				       JSON_REJECT_DUPLICATES, &json_error);
	const json_t *list = json_object_get(json, "claims");
	size_t n = json_array_size(list);

	pb_buf_fini(&bytes);
	if (rc)
		; /* said already */
	else if (!json)
		rc = pb_fail(err, PROBE_EFORMAT, 0, "%.200s: line %d: %.160s", path,
			     json_error.line, json_error.text);
	else if (!n)
		rc = pb_fail(err, PROBE_EFORMAT, 0,
			     "%.300s is no table of claims: it has no list \"claims\"", path);
	if (!rc && table)
		table->claims = calloc(n, sizeof *table->claims);
	if (!rc && (!table || !table->claims))
		rc = pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	for (size_t i = 0; !rc && i < n && !r.failed; i++) {
		table->count = i + 1;
		read_claim(&r, json_array_get(list, i), i + 1, &table->claims[i]);
	}
	snprintf(r.where, sizeof r.where, "the table");
	if (!rc && !r.failed)
		check_ids(&r, table);
	if (r.failed)
		rc = err && err->code ? -err->code : -PROBE_EFORMAT;
	json_decref(json);
	if (rc)
		probe_claim_table_free(table);
	else
		*out = table;
	return rc;
}

static void free_texts(char **list)
{
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

static void free_term(struct probe_claim_term *term)
{
	for (size_t i = 0; i < term->build_count; i++) {
		free(term->build[i].fact);
		free(term->build[i].value);
	}
	free(term->build);
	free(term->path);
}

void probe_claim_table_free(struct probe_claim_table *table)
{
	for (size_t i = 0; table && i < table->count; i++) {
		struct probe_published *c = &table->claims[i];
		char *const owned[] = {c->id,       c->title, c->claim, c->source,     c->published,
				       c->measures, c->why,   c->needs, c->untestable, c->run};

		for (size_t k = 0; k < sizeof owned / sizeof owned[0]; k++)
			free(owned[k]);
		free_texts(c->workloads);
		free_texts(c->differ_in);
		free_term(&c->numerator);
		free_term(&c->denominator);
	}
	if (table)
		free(table->claims);
	free(table);
}
