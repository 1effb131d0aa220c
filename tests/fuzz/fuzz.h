/* SPDX-License-Identifier: MIT
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(); libFuzzer calls
 * it with inputs of its own, replay.c with those of its corpus.
 */
#ifndef PROBE_FUZZ_H
#define PROBE_FUZZ_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* What must hold for any input. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__,     \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A name under which the bytes can be opened as a file; the same memory each time. */
static inline const char *fuzz_file(const uint8_t *bytes, size_t n)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		FUZZ_CHECK(fd >= 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	FUZZ_CHECK(!ftruncate(fd, 0) && pwrite(fd, bytes, n, 0) == (ssize_t)n);
	return path;
}

/* A message of an error is one line, and nothing in it drives a terminal. */
static inline void fuzz_check_message(const char *message)
{
	FUZZ_CHECK(*message);
	for (const char *c = message; *c; c++)
		FUZZ_CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
}

#endif
