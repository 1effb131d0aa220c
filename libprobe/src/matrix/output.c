/* SPDX-License-Identifier: MIT
 * Checking an output file before the work whose result it shall hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "probe/matrix.h"
#include "probe/temporary.h"

/* Whether a file can be made in the folder of path: trying is the only test that read-only mounts,
 * quotas and special file systems pass. Returns 0 or an errno. */
static int try_beside(const char *path)
{
	static const char block[1];
	char *copy = strdup(path), *name = NULL;
	int fd = -1, failed = ENOMEM, ticket = -1;
	if (copy && asprintf(&name, "%s/.probe-%ld.check", dirname(copy), (long)getpid()) >= 0) {
		ticket = probe_temporary_add(name);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		failed = fd < 0 ? errno : 0;
	}
	if (fd >= 0) {
		errno = 0;
		/* A full disk has room for a name, not for a byte. */
		if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fsync(fd))
			failed = errno == EINVAL ? 0 : errno ? errno : ENOSPC;
		close(fd);
		unlink(name);
	}
	probe_temporary_drop(ticket);
	free(name);
	free(copy);
	return failed;
}

int probe_output_check(const char *path, struct probe_error *err)
{
	struct stat st;
	int failed = 0;
	bool exists = stat(path, &st) == 0;
	bool too_long = !exists && errno == ENAMETOOLONG;
	/* A link is followed by the writer: the folder that matters is its target's. */
	char *target = exists && S_ISREG(st.st_mode) ? realpath(path, NULL) : NULL;
	if (!*path)
		failed = ENOENT;
	else if (too_long)
		failed = ENAMETOOLONG;
	else if (exists && S_ISDIR(st.st_mode))
		failed = EISDIR;
	else if (exists && access(path, W_OK))
		failed = errno;
	else if (target || !exists)
		failed = try_beside(target ? target : path);
	free(target);
	if (failed)
		return pb_fail(err, PROBE_ESYS, 0,
			       "can't write '%s': %s; name a file that you may write", path,
			       strerror(failed));
	return 0;
}
