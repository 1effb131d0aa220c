/* SPDX-License-Identifier: MIT
 * Reading the small text files of /proc and /sys, and the CPU lists in them.
 */
#include "sys/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int pb_slurp(const char *path, char *buf, size_t size)
{
	size_t length = 0;
	int failed = 0;

	buf[0] = '\0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (length < size - 1) {
		ssize_t n = read(fd, buf + length, size - 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			failed = errno;
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	close(fd);
	if (failed) {
		buf[0] = '\0';
		return -failed;
	}
	while (length && (buf[length - 1] == '\n' || buf[length - 1] == ' '))
		length--;
	buf[length] = '\0';
	return (int)length;
}

/* Takes the next "a" or "a-b" off a list; false at its end or at anything else. */
static bool next_range(const char **list, long *first, long *last)
{
	char *end;
	*first = *last = strtol(*list, &end, 10);
	if (end == *list || *first < 0)
		return false;
	if (*end == '-') {
		const char *from = end + 1;
		*last = strtol(from, &end, 10);
		if (end == from || *last < *first)
			return false;
	}
	*list = *end == ',' ? end + 1 : end;
	return true;
}

bool pb_cpulist_has(const char *list, int cpu)
{
	long first, last;
	while (next_range(&list, &first, &last))
		if (cpu >= first && cpu <= last)
			return true;
	return false;
}

int pb_cpulist_count(const char *list)
{
	long first, last, count = 0;
	while (next_range(&list, &first, &last))
		count += last - first + 1;
	return (int)count;
}
