/* SPDX-License-Identifier: MIT
 * What reading workload.json and path.json has in common: finding the files, their heads.
 */
#ifndef PB_CATALOG_FILES_H
#define PB_CATALOG_FILES_H

#include <glob.h>

#include <jansson.h>

#include "probe/error.h"

/* A member's string; NULL when it is none. Borrowed from object. */
const char *pb_described_text(const json_t *object, const char *key);

/* The last part of a path, which is a folder's name. Borrowed from dir. */
const char *pb_last_part(const char *dir);

/* The object in a file, checked to have "name" (equal to the name of its folder dir) and "summary";
 * the caller's to release. NULL after an error. */
json_t *pb_read_described(const char *file, const char *dir, struct probe_error *err);

/* "order", or LONG_MAX for those that come last. */
long pb_order_of(const json_t *json);

/* Folders below base that hold a file of that name, in the order of glob(3); release with
 * globfree(). Returns 0 or -PROBE_ENOMEM. */
int pb_find_described(const char *base, const char *file, glob_t *found, struct probe_error *err);

/* Calls append(ctx, folder) for each part of a list separated by colons (NULL = none). Returns 0,
 * what append() returned first, -PROBE_ENOENT (can't be read; the message names the variable). */
int pb_for_each_folder(const char *list, const char *variable,
		       int (*append)(void *, const char *, struct probe_error *), void *ctx,
		       struct probe_error *err);

#endif
