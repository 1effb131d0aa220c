/* SPDX-License-Identifier: MIT
 * What reading workload.json and path.json has in common.
 */
#include "matrix/catalog_files.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/read_file.h"
#include "base/visible.h"
#include "matrix/home.h"

static int no_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
}

const char *pb_described_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* The name of a folder: its last part. */
const char *pb_last_part(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	return slash ? slash + 1 : dir;
}

/* An object with "name" (equal to its folder's) and "summary"; NULL after an error. */
json_t *pb_read_described(const char *file, const char *dir, struct probe_error *err)
{
	struct pb_buf text = {0};
	json_error_t at;
	json_t *json = NULL;
	if (pb_check_utf8("the path of a workload or binding", dir, "rename its folder", err))
		return NULL;
	if (pb_read_file(file, &text, err)) {
		pb_buf_fini(&text);
		return NULL;
	}
	json = json_loadb(text.len ? text.data : "", text.len, 0, &at);
	pb_buf_fini(&text);
	if (!json) {
		pb_fail(err, PROBE_EFORMAT, 0, "%s, line %d: %s", file, at.line, at.text);
		return NULL;
	}
	const char *name = pb_described_text(json, "name");
	if (!name || !pb_described_text(json, "summary"))
		pb_fail(err, PROBE_EFORMAT, 0, "%s: 'name' and 'summary' must be strings", file);
	else if (strcmp(name, pb_last_part(dir)))
		pb_fail(err, PROBE_EFORMAT, 0, "%s: 'name' is %s, but its folder is %s", file, name,
			pb_last_part(dir));
	else
		return json;
	json_decref(json);
	return NULL;
}

/* Folders below base that hold a file of that name; real paths in the order of glob(3). */
int pb_find_described(const char *base, const char *file, glob_t *found, struct probe_error *err)
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
int pb_for_each_folder(const char *list, const char *variable,
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

long pb_order_of(const json_t *json)
{
	const json_t *order = json_object_get(json, "order");
	return json_is_integer(order) ? (long)json_integer_value(order) : LONG_MAX;
}
