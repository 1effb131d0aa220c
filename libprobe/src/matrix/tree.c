/* SPDX-License-Identifier: MIT
 * Walking folders by descriptors, so that nothing outside of them is ever reached.
 */
#include "matrix/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int pb_tree_open(int parent_fd, const char *name)
{
	return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int pb_tree_each(int fd, int (*visit)(void *ctx, int fd, const char *name), void *ctx)
{
	/* A description of its own, as folders are read while others of the same are. */
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	if (!dir) {
		rc = -errno;
		if (own >= 0)
			close(own);
		return rc;
	}
	for (const struct dirent *e; !rc && (e = readdir(dir));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			rc = visit(ctx, fd, e->d_name);
	closedir(dir);
	return rc;
}

static uint64_t bytes_of(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512;
}

static int add_bytes(void *ctx, int fd, const char *name)
{
	*(uint64_t *)ctx += pb_tree_bytes(fd, name);
	return 0;
}

uint64_t pb_tree_bytes(int parent_fd, const char *name)
{
	struct stat st;
	uint64_t bytes = 0;
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	bytes = bytes_of(&st);
	if (!S_ISDIR(st.st_mode))
		return bytes;
	int fd = pb_tree_open(parent_fd, name);
	if (fd >= 0) {
		pb_tree_each(fd, add_bytes, &bytes);
		close(fd);
	}
	return bytes;
}

static int remove_below(void *ctx, int fd, const char *name)
{
	struct stat st, parent;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) || fstat(fd, &parent))
		return -errno;
	if (st.st_dev != parent.st_dev)
		return -EXDEV;
	if (S_ISDIR(st.st_mode)) {
		int below = pb_tree_open(fd, name);
		if (below < 0)
			return -errno;
		int rc = pb_tree_each(below, remove_below, ctx);
		close(below);
		if (rc)
			return rc;
	}
	if (unlinkat(fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0))
		return -errno;
	/* The last name of a file alone gives its space back. */
	if (S_ISDIR(st.st_mode) || st.st_nlink <= 1)
		*(uint64_t *)ctx += bytes_of(&st);
	return 0;
}

int pb_tree_remove(int parent_fd, const char *name, uint64_t *freed_bytes)
{
	return remove_below(freed_bytes, parent_fd, name);
}
