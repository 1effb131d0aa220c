/* SPDX-License-Identifier: MIT
 * The lock of the cache folder.
 */
#include "matrix/cache_use.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fail.h"
#include "matrix/home.h"

int pb_cache_use(const char *folder, enum pb_cache_use how, int *fd, struct probe_error *err)
{
	char *path = pb_path_join(folder, ".in-use");
	*fd = -1;
	if (!path)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	free(path);
	if (file < 0)
		return pb_fail(err, PROBE_ESYS, errno, "can't lock the cache folder %s", folder);
	/* The lock goes with the process, however it ends. */
	if (flock(file, how == PB_CACHE_SHARED ? LOCK_SH : LOCK_EX | LOCK_NB)) {
		int code = errno;
		close(file);
		if (code == EWOULDBLOCK)
			return pb_fail(err, PROBE_ESYS, 0,
				       "a probe run is using the cache folder %s: clean it when "
				       "that has ended",
				       folder);
		if (code == EINTR)
			return pb_fail(err, PROBE_EINTR, 0, "interrupted");
		return 0;
	}
	*fd = file;
	return 0;
}
