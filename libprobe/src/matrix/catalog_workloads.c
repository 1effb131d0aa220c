/* SPDX-License-Identifier: MIT
 * Reading and checking workload.json.
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

static bool is_identifier(const char *text)
{
	return text && *text && !strchr("0123456789", *text) &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_")];
}

/* What the generators make of types and roles is theirs to say (workloads/bindings/_model.py). */
static int check_prototype(const json_t *json, const char *file, struct probe_error *err)
{
	const json_t *prototype = json_object_get(json, "prototype"), *param;
	const json_t *params = json_object_get(prototype, "params");
	size_t i, passed = 0;
	if (!is_identifier(pb_described_text(prototype, "name")) ||
	    !pb_described_text(prototype, "returns"))
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s: 'prototype' needs the function's 'name' and what it 'returns'",
			       file);
	if (!json_is_array(params))
		return pb_fail(err, PROBE_EFORMAT, 0, "%s: 'prototype.params' must be a list",
			       file);
	json_array_foreach(params, i, param)
	{
		const char *role = pb_described_text(param, "role");
		if (!is_identifier(pb_described_text(param, "name")) ||
		    !pb_described_text(param, "type"))
			return pb_fail(err, PROBE_EFORMAT, 0,
				       "%s: parameter %zu needs a name and a type", file, i + 1);
		passed += !role || strcmp(role, "out") != 0;
	}
	if (json_array_size(json_object_get(json, "args")) != passed)
		return pb_fail(err, PROBE_EFORMAT, 0, "%s: %zu parameters, but %zu 'args'", file,
			       passed, json_array_size(json_object_get(json, "args")));
	return 0;
}

/* The kernel's source, or a library that has it; the same in Python, or what to expect. */
static int check_files(const json_t *json, const char *file, const char *dir,
		       struct probe_error *err)
{
	static const struct {
		const char *key, *instead;
	} keys[] = {{"source", "library"}, {"python", "expected"}};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *name = pb_described_text(json, keys[i].key);
		char *path = name ? pb_path_join(dir, name) : NULL;
		bool there = path && access(path, R_OK) == 0;
		free(path);
		if (!there && (name || !json_object_get(json, keys[i].instead)))
			return pb_fail(err, PROBE_EFORMAT, 0, "%s: '%s' must name a file beside it",
				       file, keys[i].key);
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

/* A member of a sweep is called after what is swept: "args:int:2". */
static int check_sweep(const json_t *json, const char *file, const char *dir,
		       struct probe_error *err)
{
	const json_t *sweep = json_object_get(json, "sweep");
	const json_t *count = json_object_get(sweep, "count");
	const char *type = pb_described_text(sweep, "type");
	char name[128];
	if (!sweep)
		return 0;
	if (!type || !json_is_integer(count) || json_integer_value(count) < 0 ||
	    json_integer_value(count) > INT_MAX)
		return pb_fail(err, PROBE_EFORMAT, 0,
			       "%s: the 'sweep' of %s needs a 'type' and a 'count' of arguments",
			       file, pb_described_text(json, "name"));
	snprintf(name, sizeof name, "%s:%s:%d", pb_last_part(dir), type,
		 (int)json_integer_value(count));
	if (strcmp(name, pb_described_text(json, "name")))
		return pb_fail(err, PROBE_EFORMAT, 0, "%s: %s must be called %s, after its 'sweep'",
			       file, pb_described_text(json, "name"), name);
	return 0;
}

struct workload_list {
	struct pb_workload *items;
	size_t n;
};

/* Checks and appends one workload; takes over json, also after an error. */
static int append_checked(struct workload_list *list, const char *file, const char *dir,
			  json_t *json, struct probe_error *err)
{
	bool callable = json_is_string(json_object_get(json, "callable"));
	int rc = callable ? 0 : check_prototype(json, file, err);
	if (!rc && !callable)
		rc = check_files(json, file, dir, err);
	if (!rc)
		rc = check_variants(json, file, err);
	if (!rc)
		rc = check_sweep(json, file, dir, err);
	struct pb_workload *grown =
		rc ? NULL : reallocarray(list->items, list->n + 1, sizeof *grown);
	if (!grown) {
		json_decref(json);
		return rc ? rc : no_memory(err);
	}
	list->items = grown;
	const json_t *prototype = json_object_get(json, "prototype");
	struct pb_workload *made = &list->items[list->n++];
	*made = (struct pb_workload){
		.name = strdup(pb_described_text(json, "name")),
		.base = strdup(pb_described_text(json, "name")),
		.group = strdup(pb_last_part(dir)),
		.dir = strdup(dir),
		.summary = strdup(pb_described_text(json, "summary")),
		.json = json,
		.callable = callable,
		.param_count = json_array_size(json_object_get(prototype, "params")),
		.order = pb_order_of(json),
		.place = list->n,
	};
	return made->name && made->base && made->group && made->dir && made->summary
		       ? 0
		       : no_memory(err);
}

/* A member is its folder's workload.json with what is its own laid over it. */
static json_t *member_of(const json_t *json, const json_t *member, const char *file,
			 struct probe_error *err)
{
	const char *name = pb_described_text(member, "name");
	json_t *whole = name ? json_deep_copy(json) : NULL, *full;
	if (!name) {
		pb_fail(err, PROBE_EFORMAT, 0, "%s: each of 'members' needs a name", file);
		return NULL;
	}
	full = json_sprintf("%s:%s", pb_described_text(json, "name"), name);
	if (!whole || json_object_del(whole, "members") ||
	    json_object_update(whole, (json_t *)(uintptr_t)member) ||
	    json_object_set(whole, "name", full)) {
		json_decref(whole);
		whole = NULL;
		no_memory(err);
	}
	json_decref(full);
	return whole;
}

static int load_workload(struct workload_list *list, const char *file, const char *dir,
			 struct probe_error *err)
{
	json_t *json = pb_read_described(file, dir, err);
	if (!json)
		return -PROBE_EFORMAT;
	const json_t *members = json_object_get(json, "members"), *member;
	size_t i;
	int rc = 0;
	if (!members)
		return append_checked(list, file, dir, json, err);
	if (!json_array_size(members))
		rc = pb_fail(err, PROBE_EFORMAT, 0, "%s: 'members' must be a list", file);
	json_array_foreach(members, i, member)
	{
		json_t *whole = rc ? NULL : member_of(json, member, file, err);
		if (!rc)
			rc = whole ? append_checked(list, file, dir, whole, err) : -PROBE_EFORMAT;
	}
	json_decref(json);
	return rc;
}

static int by_workload_order(const void *a, const void *b)
{
	const struct pb_workload *x = a, *y = b;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	int groups = strcmp(x->group, y->group);
	return groups ? groups : (x->place > y->place) - (x->place < y->place);
}

/* Appends the workload in the folder of that file; the same folder again is no harm. */
static int append_workload(struct workload_list *list, const char *file, struct probe_error *err)
{
	char dir[PATH_MAX];
	if (!realpath(file, dir))
		return pb_fail(err, PROBE_ESYS, errno, "can't read %s", file);
	*strrchr(dir, '/') = '\0';
	for (size_t i = 0; i < list->n; i++) {
		if (!strcmp(list->items[i].dir, dir))
			return 0;
		if (!strcmp(list->items[i].group, pb_last_part(dir)))
			return pb_fail(err, PROBE_EFORMAT, 0,
				       "two workloads are called %s: %s and %s; rename one",
				       list->items[i].group, list->items[i].dir, dir);
	}
	return load_workload(list, file, dir, err);
}

static int append_workloads_below(void *list, const char *base, struct probe_error *err)
{
	glob_t found = {0};
	int rc = pb_find_described(base, "workload.json", &found, err);
	for (size_t i = 0; i < found.gl_pathc && !rc; i++)
		rc = append_workload(list, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

int pb_load_workload(const char *folder, struct pb_workload **out, size_t *n,
		     struct probe_error *err)
{
	struct workload_list list = {0};
	char *file = pb_path_join(folder, "workload.json");
	int rc = file ? append_workload(&list, file, err) : no_memory(err);
	free(file);
	if (rc) {
		pb_workloads_free(list.items, list.n);
		return rc;
	}
	*out = list.items;
	*n = list.n;
	return 0;
}

int pb_load_workloads(const char *home, const char *extra, struct pb_workload **out, size_t *n,
		      struct probe_error *err)
{
	struct workload_list list = {0};
	char *base = pb_path_join(home, "workloads");
	int rc = base ? append_workloads_below(&list, base, err) : no_memory(err);
	free(base);
	if (!rc)
		rc = pb_for_each_folder(extra, "PROBE_WORKLOADS", append_workloads_below, &list,
					err);
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
