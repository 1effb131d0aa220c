/* SPDX-License-Identifier: MIT
 * The catalog as its public face shows it: names and descriptions.
 */
#include "probe/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "matrix/catalog_load.h"
#include "matrix/home.h"
#include "matrix/interp.h"

static const char *const consideration_keys[PROBE_CONSIDER_COUNT] = {
	[PROBE_CONSIDER_COMPILER] = "compiler_at_install",
	[PROBE_CONSIDER_ONE_BUILD] = "one_build_for_many_versions",
	[PROBE_CONSIDER_PYPY] = "pypy",
	[PROBE_CONSIDER_GRAALPY] = "graalpy",
	[PROBE_CONSIDER_FREE_THREADED] = "free_threaded",
	[PROBE_CONSIDER_ISOLATED] = "isolated",
	[PROBE_CONSIDER_WRONG_TYPE] = "wrong_type",
};

const char *probe_consideration_key(enum probe_consideration which)
{
	return (unsigned)which < PROBE_CONSIDER_COUNT ? consideration_keys[which] : "?";
}

const char *probe_consideration_source(enum probe_consideration which)
{
	if (which == PROBE_CONSIDER_ISOLATED)
		return "whether it loads in a sub-interpreter with a GIL of its own; tried with "
		       "what probe builds, on CPython 3.12.1, 3.13.0, 3.14.10 and 3.15.2 (in "
		       "brackets: what its documentation says of other builds)";
	return NULL;
}

static int no_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* "const double *values", "int a". */
static void add_variable(struct pb_buf *buf, const char *type, const char *name)
{
	bool pointer = *type && type[strlen(type) - 1] == '*';
	pb_buf_printf(buf, "%s%s%s", type, pointer ? "" : " ", name);
}

/* "int add(int a, int b)", newly allocated. */
static char *prototype_text(const json_t *prototype)
{
	struct pb_buf buf = {0};
	const json_t *params = json_object_get(prototype, "params"), *param;
	size_t i;
	add_variable(&buf, text_of(prototype, "returns"), text_of(prototype, "name"));
	pb_buf_puts(&buf, json_array_size(params) ? "(" : "(void");
	json_array_foreach(params, i, param)
	{
		pb_buf_puts(&buf, i ? ", " : "");
		add_variable(&buf, text_of(param, "type"), text_of(param, "name"));
	}
	pb_buf_puts(&buf, ")");
	if (buf.oom)
		pb_buf_fini(&buf);
	return buf.data;
}

/* What must be there before the path can be measured, newly allocated; "" = nothing more. */
static char *needs_text(const struct pb_path *path)
{
	struct pb_buf buf = {0};
	const json_t *pip = json_object_get(path->json, "pip"), *package;
	size_t i;
	pb_buf_puts(&buf, path->compiler ? "a C compiler" : "");
	json_array_foreach(pip, i, package)
		pb_buf_printf(&buf, "%s%s", buf.len ? ", " : "", json_string_value(package));
	if (buf.oom)
		pb_buf_fini(&buf);
	return buf.data;
}

static const json_t *sweep_of(const struct pb_workload *workload)
{
	return json_object_get(workload->json, "sweep");
}

/* How many workloads, from this one on, differ in the count of a sweep's arguments alone. */
static size_t sweep_length(const struct pb_workload *from, size_t n)
{
	size_t length = 1;
	while (sweep_of(from) && length < n && !strcmp(from[length].group, from->group) &&
	       !strcmp(text_of(sweep_of(&from[length]), "type"), text_of(sweep_of(from), "type")))
		length++;
	return length;
}

/* One entry for a workload, or for members of a sweep: "args:int", of so many arguments each. */
static int fill_workload(struct probe_listed *out, const struct pb_workload *from, size_t members)
{
	const json_t *variants = json_object_get(from->json, "variants");
	bool swept = sweep_of(from);
	size_t n = swept ? members : json_array_size(variants);
	out->name = strdup(from->base);
	out->summary = strdup(from->summary);
	out->detail = prototype_text(json_object_get(from[members - 1].json, "prototype"));
	out->variants = calloc(n + 1, sizeof *out->variants);
	if (!out->name || !out->summary || !out->detail || !out->variants)
		return -PROBE_ENOMEM;
	if (swept)
		*strrchr(out->name, ':') = '\0';
	for (size_t i = 0; i < n; i++)
		out->variants[i] = (long)json_integer_value(
			swept ? json_object_get(sweep_of(&from[i]), "count")
			      : json_array_get(variants, i));
	out->variant_count = n;
	return 0;
}

/* Texts as they are, true and false as yes and no; what is not given stays NULL. */
static int fill_considerations(struct probe_listed *out, const json_t *choosing)
{
	for (size_t i = 0; i < PROBE_CONSIDER_COUNT; i++) {
		const json_t *value = json_object_get(choosing, consideration_keys[i]);
		const char *text = json_string_value(value);
		if (json_is_boolean(value))
			text = json_is_true(value) ? "yes" : "no";
		if (!text || !*text)
			continue;
		out->considerations[i] = strdup(text);
		if (!out->considerations[i])
			return -PROBE_ENOMEM;
	}
	return 0;
}

static int fill_path(struct probe_listed *out, const struct pb_path *from)
{
	out->name = strdup(from->name);
	out->summary = strdup(from->summary);
	out->detail = needs_text(from);
	if (!out->name || !out->summary || !out->detail)
		return -PROBE_ENOMEM;
	return fill_considerations(out, json_object_get(from->json, "choosing"));
}

int probe_list_workloads(struct probe_listed **out, size_t *n, struct probe_error *err)
{
	char *home = NULL;
	struct pb_workload *workloads = NULL;
	size_t count = 0;
	int rc = pb_home_find(&home, NULL, err);
	if (!rc)
		rc = pb_load_workloads(home, getenv("PROBE_WORKLOADS"), &workloads, &count, err);
	free(home);
	if (rc)
		return rc;
	struct probe_listed *listed = calloc(count + 1, sizeof *listed);
	size_t entries = 0;
	for (size_t i = 0, taken; listed && i < count && !rc; i += taken) {
		taken = sweep_length(&workloads[i], count - i);
		rc = fill_workload(&listed[entries++], &workloads[i], taken);
	}
	pb_workloads_free(workloads, count);
	if (!listed || rc) {
		probe_listed_free(listed, count);
		return no_memory(err);
	}
	*out = listed;
	*n = entries;
	return 0;
}

int probe_list_paths(struct probe_listed **out, size_t *n, struct probe_error *err)
{
	char *home = NULL;
	struct pb_path *paths = NULL;
	size_t count = 0;
	int rc = pb_home_find(&home, NULL, err);
	if (!rc)
		rc = pb_catalog_paths(home, NULL, &paths, &count, err);
	free(home);
	if (rc)
		return rc;
	struct probe_listed *listed = calloc(count + 1, sizeof *listed);
	for (size_t i = 0; listed && i < count && !rc; i++)
		rc = fill_path(&listed[i], &paths[i]);
	pb_paths_free(paths, count);
	if (!listed || rc) {
		probe_listed_free(listed, count);
		return no_memory(err);
	}
	*out = listed;
	*n = count;
	return 0;
}

void probe_listed_free(struct probe_listed *listed, size_t n)
{
	for (size_t i = 0; listed && i < n; i++) {
		free(listed[i].name);
		free(listed[i].summary);
		free(listed[i].detail);
		free(listed[i].variants);
		for (size_t k = 0; k < PROBE_CONSIDER_COUNT; k++)
			free(listed[i].considerations[k]);
	}
	free(listed);
}

int probe_list_interpreters(const char *choice, struct probe_run *run, struct probe_error *err)
{
	return pb_interp_discover(choice, run, err);
}
