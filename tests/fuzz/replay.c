/* SPDX-License-Identifier: MIT
 * Stands in for libFuzzer where there is none: calls the target with each file of the folders that
 * are named, and with each of them cut short and damaged in a few places.
 */
#include <dirent.h>

#include "fuzz.h"

enum { CUTS = 16, FLIPS = 48 };

static void try_damaged(const uint8_t *bytes, size_t n, uint8_t *copy)
{
	uint32_t random = 2463534242u;

	for (size_t i = 0; i < CUTS && n; i++)
		LLVMFuzzerTestOneInput(bytes, n * i / CUTS);
	for (size_t i = 0; i < FLIPS && n; i++) {
		memcpy(copy, bytes, n);
		for (size_t k = 0; k <= i % 3; k++) {
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			copy[random % n] = (uint8_t)(random >> 24);
		}
		LLVMFuzzerTestOneInput(copy, n);
	}
}

static int replay(const char *folder, const char *name)
{
	char path[4096];
	FILE *file;
	uint8_t *bytes = malloc(1 << 20), *copy = malloc(1 << 20);
	size_t n = 0;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (file && bytes && copy)
		n = fread(bytes, 1, 1 << 20, file);
	if (file)
		fclose(file);
	if (file && bytes && copy) {
		LLVMFuzzerTestOneInput(bytes, n);
		try_damaged(bytes, n, copy);
	}
	free(bytes);
	free(copy);
	return file ? 0 : -1;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;

		while (folder && (entry = readdir(folder)))
			if (entry->d_name[0] != '.' && !replay(argv[i], entry->d_name))
				count++;
		if (folder)
			closedir(folder);
	}
	printf("%u inputs\n", count);
	return count ? 0 : 1;
}
