/* SPDX-License-Identifier: MIT
 * The list of what is removed when a signal ends the process, and removing it by system calls
 * alone: a signal handler may call neither malloc() nor opendir().
 */
#include "probe/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 64, MOST_DEEP = 12, TRIES = 20 };

/* The process's own, as its signals are; each place is taken and emptied in one step. */
static _Atomic(char *) noted[PLACES];

int probe_temporary_add(const char *path)
{
	/* The working directory may change until then. */
	char *folder = *path == '/' ? NULL : getcwd(NULL, 0), *whole = NULL;
	size_t size = (folder ? strlen(folder) + 1 : 0) + strlen(path) + 1;

	whole = malloc(size);
	if (whole) {
		*whole = '\0';
		if (folder)
			strcat(strcpy(whole, folder), "/");
		strcat(whole, path);
	}
	free(folder);
	for (int i = 0; whole && i < PLACES; i++) {
		char *empty = NULL;

		if (atomic_compare_exchange_strong(&noted[i], &empty, whole))
			return i;
	}
	free(whole);
	return -1;
}

void probe_temporary_drop(int ticket)
{
	if (ticket >= 0 && ticket < PLACES)
		free(atomic_exchange(&noted[ticket], NULL));
}

static void remove_at(int parent, const char *name, int deep);

/* As the kernel writes an entry of a folder. */
struct entry {
	uint64_t inode;
	int64_t next;
	unsigned short bytes;
	unsigned char type;
	char name[];
};

static void empty_folder(int folder, int deep)
{
	_Alignas(struct entry) char block[2048];
	long n;

	while ((n = syscall(SYS_getdents64, folder, block, sizeof block)) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *e = (const struct entry *)(const void *)(block + at);

			if (strcmp(e->name, ".") && strcmp(e->name, ".."))
				remove_at(folder, e->name, deep + 1);
			at += e->bytes;
		}
	}
}

static void remove_at(int parent, const char *name, int deep)
{
	const struct timespec moment = {.tv_nsec = 5000000};

	if (!unlinkat(parent, name, 0) || (errno != EISDIR && errno != EPERM) || deep > MOST_DEEP)
		return;
	/* What still runs may write into it meanwhile. */
	for (int i = 0; i < TRIES; i++) {
		int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (folder < 0)
			return;
		empty_folder(folder, deep);
		close(folder);
		if (!unlinkat(parent, name, AT_REMOVEDIR) || errno != ENOTEMPTY)
			return;
		nanosleep(&moment, NULL);
	}
}

void probe_temporary_remove_all(void)
{
	int before = errno;

	for (int i = 0; i < PLACES; i++) {
		char *path = atomic_exchange(&noted[i], NULL); /* not freed: this is a signal */

		if (path)
			remove_at(AT_FDCWD, path, 0);
	}
	errno = before;
}
