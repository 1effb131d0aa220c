/* SPDX-License-Identifier: MIT
 * Reading and checking workload.json and path.json.
 */
#include "matrix/catalog_load.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "matrix/home.h"

/* Types that the binding generators know. */
static const char *const types[] = {"void", "int", "long", "size_t", "double", "const double *"};

static bool known_type(const char *type, bool for_return)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (type && !strcmp(type, types[i]))
			return for_return ? !strchr(type, '*') : strcmp(type, "void") != 0;
	return false;
}

static int no_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* The name of a folder: its last part. */
static const char *last_part(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	return slash ? slash + 1 : dir;
}

/* An object with "name" (equal to its folder's) and "summary"; NULL after an error. */
static json_t *read_object(const char *file, const char *dir, struct probe_error *err)
{
	json_error_t at;
	json_t *json = json_load_file(file, 0, &at);
	if (!json) {
		pb_fail(err, PROBE_EFORMAT, 0, "%s, line %d: %s", file, at.line, at.text);
		return NULL;
	}
	const char *name = text_of(json, "name");
	if (!name || !text_of(json, "summary"))
		pb_fail(err, PROBE_EFORMAT, 0, "%s: 'name' and 'summary' must be strings", file);
	else if (strcmp(name, last_part(dir)))
		pb_fail(err, PROBE_EFORMAT, 0, "%s: 'name' is %s, but its folder is %s", file, name,
			last_part(dir));
	else
		return json;
	json_decref(json);
	return NULL;
}

/* Folders below base that hold a file of that name; real paths in the order of glob(3). */
static int find_folders(const char *base, const char *file, glob_t *found, struct probe_error *err)
{
	char *escaped = calloc(2 * strlen(base) + 1, 1), *pattern = NULL;
	size_t n = 0;
	for (const char *c = base; escaped && *c; c++) {
		if (strchr("*?[]\\", *c))
			escaped[n++] = '\\';
		escaped[n++] = *c;
	}
	if (!escaped || asprintf(&pattern, "%s/*/%s", escaped, file) < 0)
		pattern = NULL;
	free(escaped);
	int rc = pattern ? glob(pattern, 0, NULL, found) : GLOB_NOSPACE;
	free(pattern);
	return rc == GLOB_NOSPACE ? no_memory(err) : 0;
}

/* Calls append(ctx, folder) for each part of a list separated by colons (NULL = none). */
static int for_each_folder(const char *list, const char *variable,
			   int (*append)(void *, const char *, struct probe_error *), void *ctx,
			   struct probe_error *err)
{
	int rc = 0;
	while (list && *list && !rc) {
		size_t length = strcspn(list, ":");
		char *folder = strndup(list, length);
		if (!folder)
			rc = no_memory(err);
		else if (length && access(folder, R_OK | X_OK))
			rc = pb_fail(err, PROBE_ENOENT, errno, "%s names %s, which can't be read",
				     variable, folder);
		else if (length)
			rc = append(ctx, folder, err);
		free(folder);
		list += length + (list[length] == ':');
	}
	return rc;
}

/* --- workloads ------------------------------------------------------------------------------- */

static bool is_identifier(const char *text)
{
	return text && *text && !strchr("0123456789", *text) &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_")];
}

static int check_prototype(const json_t *json, const char *file, struct probe_error *err)
{
	const json_t *prototype = json_object_get(json, "prototype"), *param;
	const json_t *params = json_object_get(prototype, "params");
	const char *function = text_of(prototype, "name"), *returns = text_of(prototype, "returns");
	size_t i;
	if (!is_identifier(function) || strcmp(function, text_of(json, "name")))
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s: 'prototype.name' must be the workload's name", file);
	if (!known_type(returns, true))
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s: '%s' is no type that a function can return here", file,
			       returns ? returns : "(none)");
	if (!json_is_array(params))
		return pb_fail(err, PROBE_EFORMAT, 0, "%s: 'prototype.params' must be a list",
			       file);
	json_array_foreach(params, i, param)
	{
		const char *type = text_of(param, "type");
		if (!is_identifier(text_of(param, "name")) || !known_type(type, false))
			return pb_fail(err, PROBE_EFORMAT, 0,
				       "%s: parameter %zu needs a name and a known type (is: %s)",
				       file, i + 1, type ? type : "(none)");
	}
	if (json_array_size(json_object_get(json, "args")) != json_array_size(params))
		return pb_fail(err, PROBE_EFORMAT, 0, "%s: %zu parameters, but %zu 'args'", file,
			       json_array_size(params),
			       json_array_size(json_object_get(json, "args")));
	return 0;
}

static int check_files(const json_t *json, const char *file, const char *dir,
		       struct probe_error *err)
{
	static const char *const keys[] = {"source", "python"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *name = text_of(json, keys[i]);
		char *path = name ? pb_path_join(dir, name) : NULL;
		bool there = path && access(path, R_OK) == 0;
		free(path);
		if (!there)
			return pb_fail(err, PROBE_EFORMAT, 0, "%s: '%s' must name a file beside it",
				       file, keys[i]);
	}
	return 0;
}

static int check_variants(const json_t *json, const char *file, struct probe_error *err)
{
	const json_t *variants = json_object_get(json, "variants"), *number;
	size_t i;
	json_array_foreach(variants, i, number)
	{
		json_int_t value = json_integer_value(number);
		if (value <= 0 || value > LONG_MAX)
			return pb_fail(err, PROBE_EFORMAT, 0,
				       "%s: variant %zu must be a positive whole number", file,
				       i + 1);
	}
	if (variants && !json_is_null(variants) && !json_is_array(variants))
		return pb_fail(err, PROBE_EFORMAT, 0, "%s: 'variants' must be a list or null",
			       file);
	return 0;
}

static long order_of(const json_t *json)
{
	const json_t *order = json_object_get(json, "order");
	return json_is_integer(order) ? (long)json_integer_value(order) : LONG_MAX;
}

static int load_workload(const char *file, struct pb_workload *out, struct probe_error *err)
{
	char *dir = strndup(file, (size_t)(strrchr(file, '/') - file));
	if (!dir)
		return no_memory(err);
	json_t *json = read_object(file, dir, err);
	int rc = json ? check_prototype(json, file, err) : -PROBE_EFORMAT;
	if (!rc)
		rc = check_files(json, file, dir, err);
	if (!rc)
		rc = check_variants(json, file, err);
	if (rc) {
		json_decref(json);
		free(dir);
		return rc;
	}
	const json_t *prototype = json_object_get(json, "prototype");
	*out = (struct pb_workload){
		.name = strdup(text_of(json, "name")),
		.base = strdup(text_of(json, "name")),
		.dir = dir,
		.summary = strdup(text_of(json, "summary")),
		.json = json,
		.param_count = json_array_size(json_object_get(prototype, "params")),
		.order = order_of(json),
	};
	return out->name && out->base && out->summary ? 0 : no_memory(err);
}

static int by_workload_order(const void *a, const void *b)
{
	const struct pb_workload *x = a, *y = b;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return strcmp(x->base, y->base);
}

static void workload_fini(struct pb_workload *workload)
{
	free(workload->name);
	free(workload->base);
	free(workload->dir);
	free(workload->summary);
	json_decref(workload->json);
}

struct workload_list {
	struct pb_workload *items;
	size_t n;
};

/* Appends the workload in the folder of that file; the same folder again is no harm. */
static int append_workload(struct workload_list *list, const char *file, struct probe_error *err)
{
	struct pb_workload made = {0};
	char real[PATH_MAX];
	if (!realpath(file, real))
		return pb_fail(err, PROBE_ESYS, errno, "can't read %s", file);
	int rc = load_workload(real, &made, err);
	for (size_t i = 0; i < list->n && !rc; i++) {
		if (!strcmp(list->items[i].dir, made.dir)) {
			workload_fini(&made);
			return 0;
		}
		if (!strcmp(list->items[i].base, made.base))
			rc = pb_fail(err, PROBE_EFORMAT, 0,
				     "two workloads are called %s: %s and %s; rename one",
				     made.base, list->items[i].dir, made.dir);
	}
	struct pb_workload *grown =
		rc ? NULL : reallocarray(list->items, list->n + 1, sizeof *grown);
	if (!rc && !grown)
		rc = no_memory(err);
	if (rc) {
		workload_fini(&made);
		return rc;
	}
	list->items = grown;
	list->items[list->n++] = made;
	return 0;
}

static int append_workloads_below(void *list, const char *base, struct probe_error *err)
{
	glob_t found = {0};
	int rc = find_folders(base, "workload.json", &found, err);
	for (size_t i = 0; i < found.gl_pathc && !rc; i++)
		rc = append_workload(list, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

int pb_load_workloads(const char *home, const char *extra, struct pb_workload **out, size_t *n,
		      struct probe_error *err)
{
	struct workload_list list = {0};
	char *base = pb_path_join(home, "workloads");
	int rc = base ? append_workloads_below(&list, base, err) : no_memory(err);
	free(base);
	if (!rc)
		rc = for_each_folder(extra, "PROBE_WORKLOADS", append_workloads_below, &list, err);
	if (rc) {
		pb_workloads_free(list.items, list.n);
		return rc;
	}
	if (list.n)
		qsort(list.items, list.n, sizeof *list.items, by_workload_order);
	*out = list.items;
	*n = list.n;
	return 0;
}

/* --- paths ----------------------------------------------------------------------------------- */

struct path_list {
	struct pb_path *items;
	size_t n;
};

static int load_path(const char *file, char *dir, struct pb_path *out, struct probe_error *err)
{
	json_t *json = read_object(file, dir, err);
	if (!json)
		return -PROBE_EFORMAT;
	const json_t *only = json_object_get(json_object_get(json, "applies"), "params");
	char *binding = pb_path_join(dir, "binding.py");
	bool pure = json_is_true(json_object_get(json, "pure"));
	bool generator = binding && access(binding, R_OK) == 0;
	free(binding);
	int rc = 0;
	if (!json_is_array(json_object_get(json, "layers")))
		rc = pb_fail(err, PROBE_EFORMAT, 0, "%s: 'layers' must be a list", file);
	else if (!pure && !generator)
		rc = pb_fail(err, PROBE_EFORMAT, 0, "%s: there is no binding.py beside it", file);
	if (rc) {
		json_decref(json);
		return rc;
	}
	*out = (struct pb_path){
		.name = strdup(text_of(json, "name")),
		.dir = strdup(dir),
		.summary = strdup(text_of(json, "summary")),
		.json = json,
		.pure = pure,
		.compiler = json_is_true(json_object_get(json, "compiler")),
		.only_params = json_is_integer(only) ? (long)json_integer_value(only) : -1,
		.order = order_of(json),
	};
	return out->name && out->dir && out->summary ? 0 : no_memory(err);
}

/* Appends the path in the folder of that file; the same folder again is no harm. */
static int append_path(struct path_list *list, const char *file, struct probe_error *err)
{
	char real[PATH_MAX];
	if (!realpath(file, real))
		return pb_fail(err, PROBE_ESYS, errno, "can't read %s", file);
	*strrchr(real, '/') = '\0';
	for (size_t i = 0; i < list->n; i++) {
		if (!strcmp(list->items[i].dir, real))
			return 0;
		if (!strcmp(list->items[i].name, last_part(real)))
			return pb_fail(err, PROBE_EFORMAT, 0,
				       "two paths are called %s: %s and %s; rename one",
				       list->items[i].name, list->items[i].dir, real);
	}
	struct pb_path *grown = reallocarray(list->items, list->n + 1, sizeof *grown);
	if (!grown)
		return no_memory(err);
	list->items = grown;
	struct pb_path made = {0};
	int rc = load_path(file, real, &made, err);
	if (!rc || made.json)
		list->items[list->n++] = made;
	return rc;
}

static int append_paths_below(void *list, const char *base, struct probe_error *err)
{
	glob_t found = {0};
	int rc = find_folders(base, "path.json", &found, err);
	for (size_t i = 0; i < found.gl_pathc && !rc; i++)
		rc = append_path(list, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

static int by_path_order(const void *a, const void *b)
{
	const struct pb_path *x = a, *y = b;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return strcmp(x->name, y->name);
}

int pb_load_paths(const char *home, const char *extra, struct pb_path **out, size_t *n,
		  struct probe_error *err)
{
	struct path_list list = {0};
	char *base = pb_path_join(home, "workloads/bindings");
	int rc = base ? append_paths_below(&list, base, err) : no_memory(err);
	free(base);
	if (!rc)
		rc = for_each_folder(extra, "PROBE_BINDINGS", append_paths_below, &list, err);
	if (rc) {
		pb_paths_free(list.items, list.n);
		return rc;
	}
	if (list.n)
		qsort(list.items, list.n, sizeof *list.items, by_path_order);
	*out = list.items;
	*n = list.n;
	return 0;
}
