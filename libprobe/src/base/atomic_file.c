/* SPDX-License-Identifier: MIT
 * Writing a file whole or not at all, through a temporary file and a rename.
 */
#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "probe/temporary.h"

static int cannot_write(const char *path, int sys_errno, struct probe_error *err)
{
	const char *fix = "check the path";

	switch (sys_errno) {
	case ENOENT:
	case ENOTDIR:
		return pb_fail(err, PROBE_ESYS, 0,
			       "can't write %s: No such directory; create it or name another file",
			       path);
	case EACCES:
	case EPERM:
	case EROFS:
		fix = "choose a file that you may write";
		break;
	case EISDIR:
		fix = "name a file in it";
		break;
	case ENOSPC:
	case EDQUOT:
		fix = "free some space and try again";
		break;
	default:
		break;
	}
	pb_fail(err, PROBE_ESYS, 0, "can't write %s: %s; %s", path, strerror(sys_errno), fix);
	if (err)
		err->sys_errno = sys_errno;
	return -PROBE_ESYS;
}

/* Returns 0 or an errno. */
static int write_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? errno : EIO;
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

static int write_directly(const char *path, const char *bytes, size_t n, struct probe_error *err)
{
	int failed = 0;
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return cannot_write(path, errno, err);
	failed = write_all(fd, bytes, n);
	if (close(fd) && !failed)
		failed = errno;
	return failed ? cannot_write(path, failed, err) : 0;
}

/* Opens a new file beside target; its short name fits where target's own is of maximal length.
 * open() with 0666 and not mkstemp(), so that the user's umask holds. Returns fd or -errno. */
static int open_beside(const char *target, char **temporary, int *ticket)
{
	char *copy = strdup(target);
	int fd = -ENOMEM;

	*temporary = NULL;
	if (!copy)
		return -ENOMEM;
	for (unsigned i = 0; i < 100; i++) {
		free(*temporary);
		*temporary = NULL;
		strcpy(copy, target);
		if (asprintf(temporary, "%s/.probe-%ld-%u.tmp", dirname(copy), (long)getpid(), i) <
		    0) {
			*temporary = NULL;
			fd = -ENOMEM;
			break;
		}
		*ticket = probe_temporary_add(*temporary);
		fd = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST) {
			fd = fd >= 0 ? fd : -errno;
			break;
		}
		/* Somebody else's. */
		probe_temporary_drop(*ticket);
		*ticket = -1;
		fd = -EEXIST;
	}
	free(copy);
	return fd;
}

int pb_atomic_write(const char *path, const char *bytes, size_t n, struct probe_error *err)
{
	struct stat st;
	char *target = NULL, *temporary = NULL;
	bool exists = stat(path, &st) == 0;
	int fd = -1, failed = 0, ticket = -1;

	if (exists && S_ISDIR(st.st_mode))
		return cannot_write(path, EISDIR, err);
	if (exists && !S_ISREG(st.st_mode))
		return write_directly(path, bytes, n, err);
	/* rename() needs no right to the file itself; a read-only file is meant to stay. */
	if (exists && access(path, W_OK))
		return cannot_write(path, errno, err);
	target = exists ? realpath(path, NULL) : strdup(path);
	if (!target)
		return cannot_write(path, errno, err);
	fd = open_beside(target, &temporary, &ticket);
	if (fd < 0) {
		failed = -fd;
		goto out;
	}
	if (exists && fchmod(fd, st.st_mode & 07777))
		failed = errno;
	if (!failed)
		failed = write_all(fd, bytes, n);
	if (!failed && fsync(fd) && errno != EINVAL) /* some file systems know no fsync */
		failed = errno;
	if (close(fd) && !failed)
		failed = errno;
	if (!failed && rename(temporary, target))
		failed = errno;
	if (failed)
		unlink(temporary);
out:
	probe_temporary_drop(ticket);
	free(temporary);
	free(target);
	return failed ? cannot_write(path, failed, err) : 0;
}
