/* SPDX-License-Identifier: MIT
 * Choosing workloads and call paths by name, and explaining names that are not there.
 */
#include "matrix/catalog.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "matrix/catalog_load.h"

static int no_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
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
		if (i && !strcmp(is, name(list, i - 1)))
			continue; /* members of one group */
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

static const char *workload_group(const void *list, size_t i)
{
	return ((const struct pb_workload *)list)[i].group;
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
	made.group = strdup(from->group);
	made.dir = strdup(from->dir);
	made.summary = strdup(from->summary);
	made.json = json_incref(from->json);
	made.has_variant = variant;
	made.variant = variant ? *variant : 0;
	list->items[list->n++] = made;
	return made.name && made.base && made.group && made.dir && made.summary ? 0 : -PROBE_ENOMEM;
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

/* "N" among the workload's variants; 1 where it isn't. */
static int append_one_variant(struct workload_list *list, const struct pb_workload *from,
			      const char *text, struct probe_error *err)
{
	const json_t *variants = json_object_get(from->json, "variants");
	char *end;
	errno = 0;
	long wanted = strtol(text, &end, 10);
	for (size_t i = 0; *text && !*end && !errno && i < json_array_size(variants); i++)
		if ((long)json_integer_value(json_array_get(variants, i)) == wanted)
			return append_workload(list, from, &wanted) ? no_memory(err) : 0;
	return 1;
}

/* Says what else of this group there is. */
static int fail_unknown_part(const struct pb_workload *all, size_t count, const char *group,
			     const char *name, struct probe_error *err)
{
	struct pb_buf known = {0};
	size_t names = 0;
	for (size_t i = 0; i < count; i++) {
		const json_t *variants = json_object_get(all[i].json, "variants");
		if (strcmp(all[i].group, group))
			continue;
		for (size_t v = 0; v < json_array_size(variants); v++, names++)
			pb_buf_printf(&known, "%s%s:%lld", names ? ", " : "", all[i].base,
				      json_integer_value(json_array_get(variants, v)));
		if (!json_array_size(variants) && strcmp(all[i].base, group))
			pb_buf_printf(&known, "%s%s", names++ ? ", " : "", all[i].base);
	}
	int rc = names ? pb_fail(err, PROBE_ENOENT, 0, "no workload '%s' (known: %s)", name,
				 known.data)
		       : pb_fail(err, PROBE_ENOENT, 0, "no workload '%s': %s has no variants", name,
				 group);
	pb_buf_fini(&known);
	return rc;
}

/* Whether base is name, or a member of it: "strlen:bytes" of "strlen", "args:int:2" of "args:int".
 */
static bool is_within(const char *base, const char *name)
{
	size_t length = strlen(name);
	return !strncmp(base, name, length) && (!base[length] || base[length] == ':');
}

/* "sum" or "strlen" (all of the group), "strlen:bytes", "args:int" (all of it), "sum:1024". */
static int append_named(struct workload_list *list, const struct pb_workload *all, size_t count,
			const char *name, struct probe_error *err)
{
	const char *group = NULL;
	bool found = false;
	for (size_t i = 0; i < count; i++) {
		size_t base = strlen(all[i].base), length = strlen(all[i].group);
		int rc = 1;
		if (is_within(all[i].base, name))
			rc = append_variants(list, &all[i]) ? no_memory(err) : 0;
		else if (!strncmp(all[i].base, name, base) && name[base] == ':')
			rc = append_one_variant(list, &all[i], name + base + 1, err);
		if (rc < 0)
			return rc;
		found |= rc == 0;
		if (!strncmp(all[i].group, name, length) && name[length] == ':')
			group = all[i].group;
	}
	if (found)
		return 0;
	if (group)
		return fail_unknown_part(all, count, group, name, err);
	return fail_unknown("workload", name, workload_group, all, count, err);
}

/* A folder that holds a workload.json. */
static int append_folder(struct workload_list *list, const char *folder, struct probe_error *err)
{
	struct pb_workload *found = NULL;
	size_t n = 0;
	int rc = pb_load_workload(folder, &found, &n, err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = append_variants(list, &found[i]) ? no_memory(err) : 0;
	pb_workloads_free(found, n);
	return rc;
}

/* A sweep has more workloads than all others together: "all" leaves it to be named. */
static int append_all(struct workload_list *list, const struct pb_workload *all, size_t count,
		      bool sweeps, struct probe_error *err)
{
	for (size_t i = 0; i < count; i++)
		if ((sweeps || !json_object_get(all[i].json, "sweep")) &&
		    append_variants(list, &all[i]))
			return no_memory(err);
	return 0;
}

int pb_catalog_workloads(const char *home, const char *const *names, struct pb_workload **out,
			 size_t *n, struct probe_error *err)
{
	struct pb_workload *all = NULL;
	struct workload_list list = {0};
	size_t count = 0;
	int rc = pb_load_workloads(home, getenv("PROBE_WORKLOADS"), &all, &count, err);
	if (!names && !rc)
		rc = append_all(&list, all, count, true, err);
	for (size_t i = 0; names && names[i] && !rc; i++)
		rc = strchr(names[i], '/')      ? append_folder(&list, names[i], err)
		     : !strcmp(names[i], "all") ? append_all(&list, all, count, false, err)
						: append_named(&list, all, count, names[i], err);
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
		free(workloads[i].group);
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

struct path_list {
	struct pb_path *items;
	size_t n;
};

static const char *option_name(const void *options, size_t i)
{
	void *at = json_object_iter((json_t *)(uintptr_t)options);
	while (at && i--)
		at = json_object_iter_next((json_t *)(uintptr_t)options, at);
	return json_object_iter_key(at);
}

/* Lays one option over a path's JSON: its packages are added, all else replaces. */
static int choose_option(json_t *json, const char *path, const char *name, struct probe_error *err)
{
	const json_t *known = json_object_get(json, "options");
	const json_t *option = json_object_get(known, name);
	json_t *chosen, *value;
	const char *key;
	char kind[96];
	snprintf(kind, sizeof kind, "option of %s", path);
	if (!option)
		return fail_unknown(kind, name, option_name, known, json_object_size(known), err);
	chosen = json_object_get(json, "chosen");
	if (!chosen) {
		chosen = json_array();
		if (json_object_set_new(json, "chosen", chosen))
			return no_memory(err);
	}
	for (size_t i = 0; i < json_array_size(chosen); i++)
		if (!strcmp(json_string_value(json_array_get(chosen, i)), name))
			return pb_fail(err, PROBE_EINVAL, 0, "option %s of %s is named twice", name,
				       path);
	json_t *pip = json_array(), *own = json_object_get(json, "pip");
	bool ok = pip && (!own || !json_array_extend(pip, own));
	own = json_object_get(option, "pip");
	ok = ok && (!own || !json_array_extend(pip, own)) && !json_object_set(json, "pip", pip) &&
	     !json_array_append_new(chosen, json_string(name));
	json_object_foreach((json_t *)(uintptr_t)option, key,
			    value) if (ok && strcmp(key, "pip") && strcmp(key, "summary")) ok =
		!json_object_set(json, key, value);
	json_decref(pip);
	return ok ? 0 : no_memory(err);
}

/* A copy of from under its full name, with the options after its "+"s chosen. */
static int append_path(struct path_list *list, const struct pb_path *from, const char *name,
		       const char *options, struct probe_error *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i].name, name))
			return 0;
	struct pb_path *grown = reallocarray(list->items, list->n + 1, sizeof *grown);
	if (!grown)
		return no_memory(err);
	list->items = grown;
	struct pb_path *made = &list->items[list->n++];
	*made = *from;
	made->name = strdup(name);
	made->dir = strdup(from->dir);
	made->summary = strdup(from->summary);
	made->json = json_deep_copy(from->json);
	int rc = made->name && made->dir && made->summary && made->json &&
				 !json_object_set_new(made->json, "name", json_string(name))
			 ? 0
			 : no_memory(err);
	while (!rc && *options == '+') {
		char option[64];
		size_t length = strcspn(++options, "+");
		snprintf(option, sizeof option, "%.*s", length < INT_MAX ? (int)length : 0,
			 options);
		rc = choose_option(made->json, from->name, option, err);
		options += length;
	}
	return rc;
}

/* Appends what one word of the list names: "ctypes", "capi-fastcall+nogil". */
static int append_named_path(struct path_list *list, const struct pb_path *all, size_t n,
			     const char *word, struct probe_error *err)
{
	char base[64];
	size_t length = strcspn(word, "+");
	snprintf(base, sizeof base, "%.*s", length < INT_MAX ? (int)length : 0, word);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].name, base))
			return append_path(list, &all[i], word, word + length, err);
	return fail_unknown("path", base, path_name, all, n, err);
}

static int by_order(const void *a, const void *b)
{
	const struct pb_path *x = a, *y = b;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return strcmp(x->name, y->name);
}

int pb_catalog_paths(const char *home, const char *list, struct pb_path **out, size_t *n,
		     struct probe_error *err)
{
	struct pb_path *all = NULL;
	struct path_list chosen = {0};
	size_t count = 0;
	int rc = pb_load_paths(home, getenv("PROBE_BINDINGS"), &all, &count, err);
	if (rc)
		return rc;
	if (!list || !strcmp(list, "all")) {
		*out = all;
		*n = count;
		return 0;
	}
	char *words = strdup(list), *rest = words, *word;
	if (!words)
		rc = no_memory(err);
	while (!rc && (word = strsep(&rest, ",")))
		rc = *word ? append_named_path(&chosen, all, count, word, err)
			   : pb_fail(err, PROBE_EINVAL, 0,
				     "an empty name in the list of paths '%s'", list);
	free(words);
	pb_paths_free(all, count);
	if (rc) {
		pb_paths_free(chosen.items, chosen.n);
		return rc;
	}
	qsort(chosen.items, chosen.n, sizeof *chosen.items, by_order);
	*out = chosen.items;
	*n = chosen.n;
	return 0;
}

bool pb_path_fits(const struct pb_path *path, const struct pb_workload *workload)
{
	return path->callables == workload->callable;
}

bool pb_path_applies(const struct pb_path *path, const struct pb_workload *workload, char *reason,
		     size_t size)
{
	if (path->only_params < 0 || (size_t)path->only_params == workload->param_count)
		return true;
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
