/* SPDX-License-Identifier: MIT
 * The cache folder: what it holds for whom, how much disk that takes, and cleaning it.
 *
 * Everything in it can be built again; it is $XDG_CACHE_HOME/probe, else ~/.cache/probe. Where that
 * folder is not the caller's alone, another one is used.
 */
#ifndef PROBE_CACHE_H
#define PROBE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "probe/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum probe_cache_kind {
	PROBE_CACHE_KERNELS,   /* workloads' functions, compiled: shared by all interpreters */
	PROBE_CACHE_FUNCTIONS, /* workloads made of functions of the user's own: likewise */
	PROBE_CACHE_EXTENSION, /* the measuring extension, or for all others the portable core */
	PROBE_CACHE_BINDINGS,  /* compiled bindings, and what several of them share */
	PROBE_CACHE_PACKAGES,  /* virtual environments with what bindings need */
	PROBE_CACHE_LOGS,      /* of compilers and pip */
	PROBE_CACHE_OTHER,
	PROBE_CACHE_KINDS,
};

/* "kernels", "extension", ...; "?" when out of range. Threads: safe. */
PROBE_API const char *probe_cache_kind_name(enum probe_cache_kind kind);

/* Whether what is cached for an interpreter can be used again. */
enum probe_cache_state {
	PROBE_CACHE_PRESENT,  /* its interpreter is there, as it was */
	PROBE_CACHE_GONE,     /* its interpreter is not there any more */
	PROBE_CACHE_REPLACED, /* another build lies where it was */
	PROBE_CACHE_UNKNOWN,  /* made by an earlier probe, which did not note its interpreter */
};

/* "present", "gone", "replaced", "unknown"; "?" when out of range. Threads: safe. */
PROBE_API const char *probe_cache_state_name(enum probe_cache_state state);

/* What is cached for one interpreter; the first of a cache is what all share. */
struct probe_cache_owner {
	char *name;       /* its folder, "cpython-3.13.0-ad1ce398"; "" = shared */
	char *executable; /* NULL = shared, or not known */
	enum probe_cache_state state;
	int64_t used_unix_s; /* when a run last used any of it; 0 = holds nothing */
	uint64_t disk_bytes[PROBE_CACHE_KINDS];
};

struct probe_cache {
	char *folder;
	char *note; /* why it is not the folder that was asked for; "" = it is */
	struct probe_cache_owner *owners;
	size_t owner_count;
};

/* Looks through the cache; makes and changes nothing. A cache that is not there is empty.
 * @out  the caller's, to be freed with probe_cache_free().
 * Returns 0, -PROBE_ESYS (can't be read), -PROBE_ENOMEM. Threads: safe. Cost: a stat() a file. */
PROBE_API int probe_cache_read(struct probe_cache **out, struct probe_error *err);
/* Releases; NULL is allowed. */
PROBE_API void probe_cache_free(struct probe_cache *cache);

struct probe_cache_cleaned {
	uint64_t disk_bytes; /* what is free again */
	size_t entries;      /* kernels, bindings, ... and whole interpreters */
};

/* Removes what no run can use again: what belongs to interpreters that are gone, replaced or not
 * known, and what an interrupted build left behind.
 * @older_than_days  also each entry that no run used for so long; 0 = every entry; NaN = none.
 * @out              what was removed, also after -PROBE_ESYS.
 * Only entries that probe makes are touched, and no symbolic link is followed. The memory of the
 * CPU's quietest state stays.
 * Returns 0; -PROBE_EINVAL (a negative age); -PROBE_ESYS (a run uses the cache now: nothing is
 * removed; or something can't be removed); -PROBE_ENOMEM. Threads: safe. */
PROBE_API int probe_cache_clean(double older_than_days, struct probe_cache_cleaned *out,
				struct probe_error *err);

#ifdef __cplusplus
}
#endif
#endif
