/* SPDX-License-Identifier: MIT
 * What lies in the cache folder, by owner and kind, and removing what is of no more use.
 */
#include "probe/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/fail.h"
#include "matrix/cache_use.h"
#include "matrix/tree.h"
#include "sys/cache_place.h"

#define STAMP "/.probe-stamp.json" /* of an entry; renewed when it is used: ext/probe/_cache.py */
#define NOTE  "interpreter.json"   /* of an interpreter's folder: ext/probe/_build.py */

/* What a name means that probe gives: in an owner's folder, or in the cache itself. */
static const struct {
	const char *pattern;
	enum probe_cache_kind kind;
	bool shared;     /* of all interpreters */
	bool of_entries; /* a folder of entries, and none itself */
} shelves[] = {
	{"kernels", PROBE_CACHE_KERNELS, true, true},
	{"functions", PROBE_CACHE_FUNCTIONS, true, true},
	{"portable", PROBE_CACHE_EXTENSION, true, true},
	{"ext-*", PROBE_CACHE_EXTENSION, false, false},
	{"bindings", PROBE_CACHE_BINDINGS, false, true},
	{"cargo-*", PROBE_CACHE_BINDINGS, false, false},
	{"nanobind", PROBE_CACHE_BINDINGS, false, false},
	{"venv-*", PROBE_CACHE_PACKAGES, false, false},
	{"logs", PROBE_CACHE_LOGS, false, false},
};
enum { SHELF_COUNT = sizeof shelves / sizeof shelves[0] };

const char *probe_cache_kind_name(enum probe_cache_kind kind)
{
	static const char *const names[] = {"kernels",  "functions", "extension", "bindings",
					    "packages", "logs",      "other"};
	return (unsigned)kind < PROBE_CACHE_KINDS ? names[kind] : "?";
}

const char *probe_cache_state_name(enum probe_cache_state state)
{
	static const char *const names[] = {"present", "gone", "replaced", "unknown"};
	return (unsigned)state <= PROBE_CACHE_UNKNOWN ? names[state] : "?";
}

/* Index of the shelf of that name, or -1. */
static int shelf_of(const char *name, bool shared)
{
	for (int i = 0; i < SHELF_COUNT; i++)
		if (shelves[i].shared == shared && !fnmatch(shelves[i].pattern, name, 0))
			return i;
	return -1;
}

/* A build that was interrupted leaves its folder under such a name. */
static bool is_left_over(const char *name)
{
	return !strncmp(name, "tmp-", 4);
}

static int64_t changed_s(int fd, const char *name)
{
	struct stat st;
	return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) ? 0 : (int64_t)st.st_mtime;
}

/* When an entry was last used: its stamp tells; what has none was made then. */
static int64_t used_s(int fd, const char *name)
{
	char stamp[NAME_MAX + sizeof STAMP];
	int64_t at = changed_s(fd, name);
	if ((size_t)snprintf(stamp, sizeof stamp, "%s" STAMP, name) < sizeof stamp) {
		int64_t noted = changed_s(fd, stamp);
		at = noted ? noted : at;
	}
	return at;
}

/* --- whose it is -------------------------------------------------------------------------------
 */

/* The program and its library are as they were when the folder was made. */
static enum probe_cache_state judge_files(const json_t *files)
{
	size_t i;
	json_t *file;
	json_array_foreach(files, i, file)
	{
		const char *path = json_string_value(json_array_get(file, 0));
		json_int_t mtime_ns = json_integer_value(json_array_get(file, 1));
		json_int_t size = json_integer_value(json_array_get(file, 2));
		struct stat st;
		if (!path || stat(path, &st))
			return PROBE_CACHE_GONE;
		if ((json_int_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec != mtime_ns ||
		    (json_int_t)st.st_size != size)
			return PROBE_CACHE_REPLACED;
	}
	return json_array_size(files) ? PROBE_CACHE_PRESENT : PROBE_CACHE_UNKNOWN;
}

static int take_note(int fd, struct probe_cache_owner *out)
{
	int file = openat(fd, NOTE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	json_t *note = file < 0 ? NULL : json_loadfd(file, 0, NULL);
	const char *executable = json_string_value(json_object_get(note, "executable"));
	if (file >= 0)
		close(file);
	out->state = judge_files(json_object_get(note, "files"));
	out->executable = executable ? strdup(executable) : NULL;
	int rc = executable && !out->executable ? -ENOMEM : 0;
	json_decref(note);
	return rc;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static int newest_entry(void *ctx, int fd, const char *name)
{
	int64_t *newest = ctx;
	int64_t at = *name == '.' || is_left_over(name) ? 0 : used_s(fd, name);
	*newest = at > *newest ? at : *newest;
	return 0;
}

static int read_shelf(void *ctx, int fd, const char *name)
{
	struct probe_cache_owner *owner = ctx;
	bool shared = !*owner->name;
	int shelf = shelf_of(name, shared);
	if (shared && !strcmp(name, "interpreters"))
		return 0;
	enum probe_cache_kind kind = shelf < 0 ? PROBE_CACHE_OTHER : shelves[shelf].kind;
	owner->disk_bytes[kind] += pb_tree_bytes(fd, name);
	int below = shelf >= 0 && shelves[shelf].of_entries ? pb_tree_open(fd, name) : -1;
	if (below >= 0) {
		pb_tree_each(below, newest_entry, &owner->used_unix_s);
		close(below);
	} else if (shelf >= 0 && !shelves[shelf].of_entries) {
		newest_entry(&owner->used_unix_s, fd, name);
	}
	return 0;
}

static struct probe_cache_owner *add_owner(struct probe_cache *cache, const char *name)
{
	struct probe_cache_owner *grown =
		reallocarray(cache->owners, cache->owner_count + 1, sizeof *grown);
	if (!grown)
		return NULL;
	cache->owners = grown;
	struct probe_cache_owner *owner = &grown[cache->owner_count];
	*owner = (struct probe_cache_owner){.name = strdup(name)};
	cache->owner_count += owner->name != NULL;
	return owner->name ? owner : NULL;
}

static int read_owner(void *ctx, int fd, const char *name)
{
	int below = pb_tree_open(fd, name), rc;
	if (below < 0)
		return 0; /* no folder: not ours */
	struct probe_cache_owner *owner = add_owner(ctx, name);
	rc = owner ? take_note(below, owner) : -ENOMEM;
	if (!rc)
		rc = pb_tree_each(below, read_shelf, owner);
	close(below);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct probe_cache_owner *)a)->name,
		      ((const struct probe_cache_owner *)b)->name);
}

static int fail_at(struct probe_error *err, int code, const char *what, const char *folder)
{
	if (code == ENOMEM)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	return pb_fail(err, PROBE_ESYS, code, "can't %s the cache folder %s", what, folder);
}

static int read_all(struct probe_cache *cache, int fd)
{
	struct probe_cache_owner *shared = add_owner(cache, "");
	int rc = shared ? pb_tree_each(fd, read_shelf, shared) : -ENOMEM;
	int interpreters = rc ? -1 : pb_tree_open(fd, "interpreters");
	if (interpreters >= 0) {
		rc = pb_tree_each(interpreters, read_owner, cache);
		close(interpreters);
	}
	if (!rc)
		qsort(cache->owners, cache->owner_count, sizeof *cache->owners, by_name);
	return rc;
}

static int take_place(struct probe_cache *cache, struct probe_error *err)
{
	struct pb_cache_place place;
	int rc = pb_cache_place(&place, err);
	if (rc)
		return rc;
	cache->folder = strdup(place.path);
	cache->note = strdup(place.note);
	return cache->folder && cache->note ? 0 : fail_at(err, ENOMEM, "", "");
}

int probe_cache_read(struct probe_cache **out, struct probe_error *err)
{
	struct probe_cache *cache = calloc(1, sizeof *cache);
	int rc = cache ? take_place(cache, err) : fail_at(err, ENOMEM, "", "");
	int fd = rc ? -1 : open(cache->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		int code = -read_all(cache, fd);
		close(fd);
		rc = code ? fail_at(err, code, "read", cache->folder) : 0;
	} else if (!rc && errno != ENOENT) {
		rc = fail_at(err, errno, "read", cache->folder);
	}
	if (rc)
		probe_cache_free(cache);
	else
		*out = cache;
	return rc;
}

void probe_cache_free(struct probe_cache *cache)
{
	for (size_t i = 0; cache && i < cache->owner_count; i++) {
		free(cache->owners[i].name);
		free(cache->owners[i].executable);
	}
	if (cache) {
		free(cache->owners);
		free(cache->folder);
		free(cache->note);
	}
	free(cache);
}

/* --- cleaning ----------------------------------------------------------------------------------
 */

struct cleaning {
	struct probe_cache_cleaned *out;
	double before_s; /* entries that were last used before go; NaN = none does */
	bool shared;
	char failed[NAME_MAX + 1]; /* what could not be removed */
};

static int remove_entry(struct cleaning *c, int fd, const char *name)
{
	int rc = pb_tree_remove(fd, name, &c->out->disk_bytes);
	if (rc)
		snprintf(c->failed, sizeof c->failed, "%s", name);
	else
		c->out->entries++;
	return rc;
}

static int clean_entry(void *ctx, int fd, const char *name)
{
	struct cleaning *c = ctx;
	bool hidden = *name == '.'; /* a lock */
	if (is_left_over(name) || (!hidden && (double)used_s(fd, name) <= c->before_s))
		return remove_entry(c, fd, name);
	return 0;
}

static int clean_shelf(void *ctx, int fd, const char *name)
{
	struct cleaning *c = ctx;
	int shelf = shelf_of(name, c->shared), rc = 0;
	if (is_left_over(name))
		return remove_entry(c, fd, name);
	if (shelf < 0)
		return 0;
	if (!shelves[shelf].of_entries)
		return clean_entry(ctx, fd, name);
	int below = pb_tree_open(fd, name);
	if (below >= 0) {
		rc = pb_tree_each(below, clean_entry, ctx);
		close(below);
	}
	return rc;
}

/* An interpreter's folder goes whole when nothing in it is worth keeping. */
static int clean_owner(void *ctx, int fd, const char *name)
{
	struct cleaning *c = ctx;
	int below = pb_tree_open(fd, name);
	if (below < 0)
		return 0;
	struct probe_cache_owner owner = {.name = (char *)(uintptr_t)name};
	int rc = take_note(below, &owner);
	free(owner.executable);
	if (!rc)
		rc = pb_tree_each(below, read_shelf, &owner);
	if (!rc && (owner.state != PROBE_CACHE_PRESENT || (double)owner.used_unix_s <= c->before_s))
		rc = remove_entry(c, fd, name);
	else if (!rc)
		rc = pb_tree_each(below, clean_shelf, ctx);
	close(below);
	return rc;
}

static int clean_all(struct cleaning *c, int fd)
{
	c->shared = true;
	int rc = pb_tree_each(fd, clean_shelf, c);
	int interpreters = rc ? -1 : pb_tree_open(fd, "interpreters");
	c->shared = false;
	if (interpreters >= 0) {
		rc = pb_tree_each(interpreters, clean_owner, c);
		close(interpreters);
	}
	return rc;
}

int probe_cache_clean(double older_than_days, struct probe_cache_cleaned *out,
		      struct probe_error *err)
{
	struct cleaning c = {.out = out, .before_s = (double)NAN};
	struct pb_cache_place place;
	*out = (struct probe_cache_cleaned){0};
	if (older_than_days < 0)
		return pb_fail(err, PROBE_EINVAL, 0, "an age of %g days is negative",
			       older_than_days);
	if (!isnan(older_than_days))
		c.before_s = (double)time(NULL) - older_than_days * 86400;
	int rc = pb_cache_place(&place, err);
	int fd = rc ? -1 : open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), use = -1;
	if (!rc && fd < 0 && errno != ENOENT)
		rc = fail_at(err, errno, "read", place.path);
	if (fd >= 0)
		rc = pb_cache_use(place.path, PB_CACHE_ALONE, &use, err);
	if (fd >= 0 && !rc) {
		int code = -clean_all(&c, fd);
		if (code && c.failed[0])
			rc = pb_fail(err, PROBE_ESYS, code,
				     "can't remove %s from the cache folder %s", c.failed,
				     place.path);
		else if (code)
			rc = fail_at(err, code, "clean", place.path);
	}
	if (use >= 0)
		close(use);
	if (fd >= 0)
		close(fd);
	return rc;
}
