/* SPDX-License-Identifier: MIT
 * Reading and checking path.json.
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
#include "matrix/catalog_files.h"
#include "matrix/home.h"

static int no_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
}

struct path_list {
	struct pb_path *items;
	size_t n;
};

static int load_path(const char *file, char *dir, struct pb_path *out, struct probe_error *err)
{
	json_t *json = pb_read_described(file, dir, err);
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
		.name = strdup(pb_described_text(json, "name")),
		.dir = strdup(dir),
		.summary = strdup(pb_described_text(json, "summary")),
		.json = json,
		.pure = pure,
		.compiler = json_is_true(json_object_get(json, "compiler")),
		.callables = json_is_true(json_object_get(json, "callables")),
		.only_params = json_is_integer(only) ? (long)json_integer_value(only) : -1,
		.order = pb_order_of(json),
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
		if (!strcmp(list->items[i].name, pb_last_part(real)))
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

/* Options that every compiled path has, laid under its own. */
static int add_common_options(struct pb_path *path, const json_t *common)
{
	json_t *options = json_object_get(path->json, "options");
	if (!path->compiler || !common)
		return 0;
	if (!options) {
		options = json_object();
		if (json_object_set_new(path->json, "options", options))
			return -PROBE_ENOMEM;
	}
	return json_object_update_missing(options, (json_t *)(uintptr_t)common) ? -PROBE_ENOMEM : 0;
}

static int append_paths_below(void *list, const char *base, struct probe_error *err)
{
	glob_t found = {0};
	int rc = pb_find_described(base, "path.json", &found, err);
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
	char *options = pb_path_join(home, "workloads/bindings/options.json");
	json_error_t at;
	json_t *common = NULL;
	int rc = base && options ? append_paths_below(&list, base, err) : no_memory(err);
	free(base);
	if (!rc)
		rc = pb_for_each_folder(extra, "PROBE_BINDINGS", append_paths_below, &list, err);
	if (!rc && !access(options, R_OK) && !(common = json_load_file(options, 0, &at)))
		rc = pb_fail(err, PROBE_EFORMAT, 0, "%s, line %d: %s", options, at.line, at.text);
	for (size_t i = 0; i < list.n && !rc; i++)
		rc = add_common_options(&list.items[i], common) ? no_memory(err) : 0;
	json_decref(common);
	free(options);
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
