/* SPDX-License-Identifier: MIT
 * Reads a whole file in large blocks and adds up the first byte of each.
 *
 * The kernel's copying is nearly all of the work, and Python's own read() asks for the same: the
 * larger the file, the less there is to gain by calling native code.
 */
#include <fcntl.h>
#include <unistd.h>

enum { BLOCK_BYTES = 65536 };

long file_sum(const char *path);

/* -1 if the file can't be read. */
long file_sum(const char *path)
{
	unsigned char block[BLOCK_BYTES];
	long total = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while ((got = read(fd, block, sizeof block)) > 0)
		total += block[0];
	close(fd);
	return got < 0 ? -1 : total;
}
