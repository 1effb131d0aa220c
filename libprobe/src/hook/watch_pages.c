/* SPDX-License-Identifier: MIT */
#include "hook/watch_pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fail.h"

static int read_mappings(struct pb_watch_pages *p, struct probe_error *err)
{
	char line[512];
	size_t room = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return pb_fail(err, PROBE_ESYS, errno, "can't read /proc/self/maps");
	p->mapping_count = 0;
	free(p->mappings);
	p->mappings = NULL;
	while (fgets(line, sizeof line, maps)) {
		unsigned long low, high;
		char perms[5];
		if (sscanf(line, "%lx-%lx %4s", &low, &high, perms) != 3)
			continue;
		if (p->mapping_count == room) {
			room = room ? 2 * room : 256;
			struct pb_watch_mapping *more = realloc(p->mappings, room * sizeof *more);
			if (!more) {
				fclose(maps);
				return pb_fail(err, PROBE_ENOMEM, 0, "no memory for mappings");
			}
			p->mappings = more;
		}
		p->mappings[p->mapping_count++] = (struct pb_watch_mapping){
			low, high,
			(perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
				(perms[2] == 'x' ? PROT_EXEC : 0)};
	}
	fclose(maps);
	return 0;
}

/* Mappings are sorted, and pages that were opened are writable. */
static int protection_at(const struct pb_watch_pages *p, uintptr_t at)
{
	size_t low = 0, high = p->mapping_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (p->mappings[middle].high <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == p->mapping_count || at < p->mappings[low].low)
		return -1;
	return p->mappings[low].prot;
}

int pb_watch_pages_open(struct pb_watch_pages *p, void **address, struct probe_error *err)
{
	uintptr_t at = (uintptr_t)address, bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	for (size_t i = 0; i < p->page_count; i++)
		if (p->pages[i].at == (at & ~(bytes - 1)))
			return 0;
	int prot = protection_at(p, at);
	if (prot < 0) {
		int rc = read_mappings(p, err);
		if (rc)
			return rc;
		prot = protection_at(p, at);
	}
	if (prot < 0 || !(prot & PROT_READ))
		return pb_fail(err, PROBE_EINVAL, 0, "no readable memory at the hook's address %p",
			       (void *)address);
	if (prot & PROT_EXEC)
		return pb_fail(err, PROBE_EINVAL, 0, "refusing to hook %p: it lies in code",
			       (void *)address);
	if (prot & PROT_WRITE)
		return 0;
	struct pb_watch_page *more = realloc(p->pages, (p->page_count + 1) * sizeof *more);
	if (!more)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for a page's protection");
	p->pages = more;
	at &= ~(bytes - 1);
	if (mprotect((void *)at, bytes, PROT_READ | PROT_WRITE))
		return pb_fail(err, PROBE_ESYS, errno, "can't make the slot at %p writable",
			       (void *)address);
	p->pages[p->page_count++] = (struct pb_watch_page){at, prot};
	return 0;
}

void pb_watch_pages_close(struct pb_watch_pages *p)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	while (p->page_count) {
		struct pb_watch_page *page = &p->pages[--p->page_count];
		mprotect((void *)page->at, bytes, page->prot);
	}
	free(p->pages);
	free(p->mappings);
	*p = (struct pb_watch_pages){0};
}
