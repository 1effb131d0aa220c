/* SPDX-License-Identifier: MIT
 * Folders and what lies below them: how much disk it takes, and removing it.
 */
#ifndef PB_TREE_H
#define PB_TREE_H

#include <stdint.h>

#include "probe/error.h"

/* Opens a folder to be looked through; never a symbolic link. Returns it, or -1 with errno. */
int pb_tree_open(int parent_fd, const char *name);

/* Calls visit for every name in the folder, "." and ".." left out, until it returns non-zero.
 * Returns that, or -errno when the folder can't be read. The folder stays open. */
int pb_tree_each(int fd, int (*visit)(void *ctx, int fd, const char *name), void *ctx);

/* The disk that parent/name and all below it take; no symbolic link is followed. What can't be read
 * counts as nothing. Cost: a stat() a file. */
uint64_t pb_tree_bytes(int parent_fd, const char *name);

/* Removes parent/name and all below it; of a symbolic link, the link. What lies on another file
 * system is left and makes it fail. Adds to *freed_bytes. Returns 0 or -errno. */
int pb_tree_remove(int parent_fd, const char *name, uint64_t *freed_bytes);

#endif
