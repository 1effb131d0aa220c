/* SPDX-License-Identifier: MIT
 * Where the cache folder is, and whether what lies there may be trusted.
 *
 * Libraries are loaded from it, so it must be the caller's alone: the folder is his, and neither it
 * nor a folder above can be written by another user (as OpenSSH asks of ~/.ssh).
 */
#ifndef PB_CACHE_PLACE_H
#define PB_CACHE_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "probe/error.h"

struct pb_cache_place {
	char path[PATH_MAX]; /* absolute; there or not */
	char note[PATH_MAX]; /* why it is not the folder that was asked for; "" = it is */
};

/* $XDG_CACHE_HOME/probe, else ~/.cache/probe; when that is not the caller's alone, .cache/probe in
 * the home folder that the user database names, else a folder of his in $TMPDIR or /tmp.
 * Returns 0; -PROBE_ENOENT (neither XDG_CACHE_HOME nor HOME is set, and the user has no home
 * folder); -PROBE_EINVAL (the path is too long, or not UTF-8); -PROBE_ESYS (none can be trusted).
 * Threads: safe. Makes nothing. */
int pb_cache_place(struct pb_cache_place *out, struct probe_error *err);

/* Whether only the caller (and root) can change what lies below path. What is not there yet is
 * judged by the folders that are.
 * @why  one clause that says what is wrong: "/srv belongs to bin"; at least 1 byte. */
bool pb_is_private(const char *path, char *why, size_t size);

/* The caller's home folder by the user database, when HOME is another user's and can be written:
 * what is run as root with that HOME would leave root's files there. NULL otherwise. */
const char *pb_home_instead(char *buf, size_t size);

#endif
