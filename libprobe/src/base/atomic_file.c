/* SPDX-License-Identifier: MIT
 * Writing a file whole or not at all, through a temporary file and a rename.
 */
#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
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

/* What is being written. */
struct unfinished {
	int fd;
	char *name; /* NULL: it has none yet */
	int ticket;
};

/* A file without a name: nothing of it is left, however the process ends. Not every file system has
 * them, and without /proc none can be named later. */
static int open_unnamed(const char *target)
{
	char *folder = access("/proc/self/fd", X_OK) ? NULL : strdup(target);
	int fd = folder ? open(dirname(folder), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666) : -1;

	free(folder);
	return fd;
}

/* Gives the file file->name, or makes it under that name. open() with 0666 and not mkstemp(), so
 * that the user's umask holds. */
static int take_name(struct unfinished *file)
{
	char opened[64];

	if (file->fd < 0) {
		file->fd = open(file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		return file->fd < 0 ? errno : 0;
	}
	snprintf(opened, sizeof opened, "/proc/self/fd/%d", file->fd);
	return linkat(AT_FDCWD, opened, AT_FDCWD, file->name, AT_SYMLINK_FOLLOW) ? errno : 0;
}

/* A name beside target; short, so that it fits where target's own is of maximal length. Returns 0
 * or an errno. */
static int name_beside(struct unfinished *file, const char *target)
{
	char *copy = strdup(target);
	const char *folder = copy ? dirname(copy) : NULL;
	int failed = copy ? EEXIST : ENOMEM;

	for (unsigned i = 0; i < 100 && failed == EEXIST; i++) { /* one that exists is another's */
		if (asprintf(&file->name, "%s/.probe-%ld-%u.tmp", folder, (long)getpid(), i) < 0) {
			file->name = NULL;
			failed = ENOMEM;
			break;
		}
		file->ticket = probe_temporary_add(file->name);
		failed = take_name(file);
		if (failed) {
			probe_temporary_drop(file->ticket);
			file->ticket = -1;
			free(file->name);
			file->name = NULL;
		}
	}
	free(copy);
	return failed;
}

static int fill(int fd, const struct stat *like, const char *bytes, size_t n)
{
	int failed = like && fchmod(fd, like->st_mode & 07777) ? errno : 0;

	if (!failed)
		failed = write_all(fd, bytes, n);
	if (!failed && fsync(fd) && errno != EINVAL) /* some file systems know no fsync */
		failed = errno;
	return failed;
}

/* like: whose mode it takes; NULL: none's. Returns 0 or an errno. */
static int write_beside(const char *target, const struct stat *like, const char *bytes, size_t n)
{
	struct unfinished file = {.fd = open_unnamed(target), .ticket = -1};
	bool unnamed = file.fd >= 0;
	int failed = unnamed ? fill(file.fd, like, bytes, n) : 0;
	sigset_t ending, before;

	/* While there is a name, signals that end the process wait: a program that is not ours, as
	 * an interpreter, does not remove it. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ending, &before);
	if (!failed)
		failed = name_beside(&file, target);
	if (!failed && !unnamed)
		failed = fill(file.fd, like, bytes, n);
	if (file.fd >= 0 && close(file.fd) && !failed)
		failed = errno;
	if (!failed && rename(file.name, target))
		failed = errno;
	if (failed && file.name)
		unlink(file.name);
	probe_temporary_drop(file.ticket);
	free(file.name);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

int pb_atomic_write(const char *path, const char *bytes, size_t n, struct probe_error *err)
{
	struct stat st;
	bool exists = stat(path, &st) == 0;
	int failed;

	if (exists && S_ISDIR(st.st_mode))
		return cannot_write(path, EISDIR, err);
	if (exists && !S_ISREG(st.st_mode))
		return write_directly(path, bytes, n, err);
	/* rename() needs no right to the file itself; a read-only file is meant to stay. */
	if (exists && access(path, W_OK))
		return cannot_write(path, errno, err);
	char *target = exists ? realpath(path, NULL) : strdup(path);

	if (!target)
		return cannot_write(path, errno, err);
	failed = write_beside(target, exists ? &st : NULL, bytes, n);
	free(target);
	return failed ? cannot_write(path, failed, err) : 0;
}
