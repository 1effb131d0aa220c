/* SPDX-License-Identifier: MIT
 * Choosing workloads and call paths by name, and explaining names that are not there.
 */
#include "matrix/catalog.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "matrix/catalog_load.h"

static int no_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

/* Edit distance (Levenshtein), of names; SIZE_MAX for what is too long to be one. */
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	size_t row[LONGEST + 1], m = strlen(a), n = strlen(b);
	if (m > LONGEST || n > LONGEST)
		return (size_t)-1;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];
			row[j] =
				least(diagonal + (a[i - 1] != b[j - 1]), above + 1, row[j - 1] + 1);
			diagonal = above;
		}
	}
	return row[n];
}

/* "no path 'ctype': did you mean ctypes? (known: ...)". name(i) gives the i-th known one. */
static int fail_unknown(const char *kind, const char *wanted,
			const char *(*name)(const void *, size_t), const void *list, size_t n,
			struct probe_error *err)
{
	struct pb_buf known = {0};
	const char *closest = NULL;
	size_t best = 3; /* two slips of the finger are a near miss, more are another word */
	for (size_t i = 0; i < n; i++) {
		const char *is = name(list, i);
		size_t d = distance(wanted, is);
		pb_buf_printf(&known, "%s%s", i ? ", " : "", is);
		if (d < best && d < strlen(is)) {
			best = d;
			closest = is;
		}
	}
	int rc = pb_fail(err, PROBE_ENOENT, 0, "no %s '%s'%s%s%s (known: %s)", kind, wanted,
			 closest ? ": did you mean " : "", closest ? closest : "",
			 closest ? "?" : "", known.len ? known.data : "none");
	pb_buf_fini(&known);
	return rc;
}

static const char *workload_base(const void *list, size_t i)
{
	return ((const struct pb_workload *)list)[i].base;
}

static const char *path_name(const void *list, size_t i)
{
	return ((const struct pb_path *)list)[i].name;
}

/* --- workloads ------------------------------------------------------------------------------- */

struct workload_list {
	struct pb_workload *items;
	size_t n;
};

/* Appends one workload or variant unless it is there already. */
static int append_workload(struct workload_list *list, const struct pb_workload *from,
			   const long *variant)
{
	struct pb_workload made = *from;
	char name[128];
	if (variant)
		snprintf(name, sizeof name, "%s:%ld", from->base, *variant);
	else
		snprintf(name, sizeof name, "%s", from->base);
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i].name, name))
			return 0;
	struct pb_workload *grown = reallocarray(list->items, list->n + 1, sizeof *grown);
	if (!grown)
		return -PROBE_ENOMEM;
	list->items = grown;
	made.name = strdup(name);
	made.base = strdup(from->base);
	made.dir = strdup(from->dir);
	made.summary = strdup(from->summary);
	made.json = json_incref(from->json);
	made.has_variant = variant;
	made.variant = variant ? *variant : 0;
	list->items[list->n++] = made;
	return made.name && made.base && made.dir && made.summary ? 0 : -PROBE_ENOMEM;
}

static int append_variants(struct workload_list *list, const struct pb_workload *from)
{
	const json_t *variants = json_object_get(from->json, "variants");
	if (!json_array_size(variants))
		return append_workload(list, from, NULL);
	int rc = 0;
	for (size_t i = 0; i < json_array_size(variants) && !rc; i++) {
		long number = (long)json_integer_value(json_array_get(variants, i));
		rc = append_workload(list, from, &number);
	}
	return rc;
}

static int append_one_variant(struct workload_list *list, const struct pb_workload *from,
			      const char *name, const char *text, struct probe_error *err)
{
	const json_t *variants = json_object_get(from->json, "variants");
	char *end;
	errno = 0;
	long wanted = strtol(text, &end, 10);
	struct pb_buf known = {0};
	for (size_t i = 0; i < json_array_size(variants); i++) {
		long number = (long)json_integer_value(json_array_get(variants, i));
		if (*text && !*end && !errno && number == wanted) {
			pb_buf_fini(&known);
			return append_workload(list, from, &wanted) ? no_memory(err) : 0;
		}
		pb_buf_printf(&known, "%s%s:%ld", i ? ", " : "", from->base, number);
	}
	int rc = known.len ? pb_fail(err, PROBE_ENOENT, 0, "no workload '%s' (known: %s)", name,
				     known.data)
			   : pb_fail(err, PROBE_ENOENT, 0, "no workload '%s': %s has no variants",
				     name, from->base);
	pb_buf_fini(&known);
	return rc;
}

static int append_named(struct workload_list *list, const struct pb_workload *all, size_t count,
			const char *name, struct probe_error *err)
{
	size_t base = strcspn(name, ":");
	for (size_t i = 0; i < count; i++) {
		if (strlen(all[i].base) != base || strncmp(all[i].base, name, base))
			continue;
		if (name[base] == ':')
			return append_one_variant(list, &all[i], name, name + base + 1, err);
		return append_variants(list, &all[i]) ? no_memory(err) : 0;
	}
	return fail_unknown("workload", name, workload_base, all, count, err);
}

int pb_catalog_workloads(const char *home, const char *const *names, struct pb_workload **out,
			 size_t *n, struct probe_error *err)
{
	struct pb_workload *all = NULL;
	struct workload_list list = {0};
	size_t count = 0;
	int rc = pb_load_workloads(home, getenv("PROBE_WORKLOADS"), &all, &count, err);
	bool every = !names || (names[0] && !strcmp(names[0], "all") && !names[1]);
	for (size_t i = 0; every && i < count && !rc; i++)
		if (append_variants(&list, &all[i]))
			rc = no_memory(err);
	for (size_t i = 0; !every && names[i] && !rc; i++)
		rc = append_named(&list, all, count, names[i], err);
	pb_workloads_free(all, count);
	if (rc) {
		pb_workloads_free(list.items, list.n);
		return rc;
	}
	*out = list.items;
	*n = list.n;
	return 0;
}

void pb_workloads_free(struct pb_workload *workloads, size_t n)
{
	for (size_t i = 0; workloads && i < n; i++) {
		free(workloads[i].name);
		free(workloads[i].base);
		free(workloads[i].dir);
		free(workloads[i].summary);
		json_decref(workloads[i].json);
	}
	free(workloads);
}

/* --- paths ----------------------------------------------------------------------------------- */

static void path_fini(struct pb_path *path)
{
	free(path->name);
	free(path->dir);
	free(path->summary);
	json_decref(path->json);
}

/* Marks what list names; fails for the first unknown name. */
static int mark_paths(const char *list, const struct pb_path *all, size_t n, bool *wanted,
		      struct probe_error *err)
{
	for (const char *c = list; c; c = strchr(c, ',') ? strchr(c, ',') + 1 : NULL) {
		char name[64];
		size_t length = strcspn(c, ","), i = 0;
		snprintf(name, sizeof name, "%.*s", length < INT_MAX ? (int)length : 0, c);
		if (!length)
			return pb_fail(err, PROBE_EINVAL, 0,
				       "an empty name in the list of paths '%s'", list);
		while (i < n && strcmp(all[i].name, name))
			i++;
		if (i == n)
			return fail_unknown("path", name, path_name, all, n, err);
		wanted[i] = true;
	}
	return 0;
}

int pb_catalog_paths(const char *home, const char *list, struct pb_path **out, size_t *n,
		     struct probe_error *err)
{
	struct pb_path *all = NULL;
	size_t count = 0, kept = 0;
	int rc = pb_load_paths(home, getenv("PROBE_BINDINGS"), &all, &count, err);
	if (rc)
		return rc;
	if (!list || !strcmp(list, "all")) {
		*out = all;
		*n = count;
		return 0;
	}
	bool *wanted = calloc(count + 1, sizeof *wanted);
	rc = wanted ? mark_paths(list, all, count, wanted, err) : no_memory(err);
	if (rc) {
		pb_paths_free(all, count);
		free(wanted);
		return rc;
	}
	for (size_t i = 0; i < count; i++) {
		if (wanted[i])
			all[kept++] = all[i];
		else
			path_fini(&all[i]);
	}
	free(wanted);
	*out = all;
	*n = kept;
	return 0;
}

bool pb_path_applies(const struct pb_path *path, const struct pb_workload *workload, char *reason,
		     size_t size)
{
	if (path->only_params < 0 || (size_t)path->only_params == workload->param_count)
		return true;
	/* probe_cell_is_inapplicable() knows the first words. */
	snprintf(reason, size, "applies to functions of exactly %ld argument%s; %s has %zu",
		 path->only_params, path->only_params == 1 ? "" : "s", workload->base,
		 workload->param_count);
	return false;
}

void pb_paths_free(struct pb_path *paths, size_t n)
{
	for (size_t i = 0; paths && i < n; i++)
		path_fini(&paths[i]);
	free(paths);
}
