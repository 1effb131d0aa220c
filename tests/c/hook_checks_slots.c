/* SPDX-License-Identifier: MIT
 * Hook checks: pointer slots, their pages' protection, and the GOT.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hook/patch.h"
#include "hook_checks.h"

/* The protection of the mapping at an address as the kernel prints it ("r--p"); "" if none. */
static void permissions(const void *address, char out[5])
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	out[0] = '\0';
	CHECK(maps != NULL);
	while (maps && fgets(line, sizeof line, maps)) {
		unsigned long low, high;
		char perms[5];
		if (sscanf(line, "%lx-%lx %4s", &low, &high, perms) == 3 &&
		    (uintptr_t)address >= low && (uintptr_t)address < high)
			memcpy(out, perms, 5);
	}
	if (maps)
		fclose(maps);
}

static bool has_permissions(const void *address, const char *want)
{
	char perms[5];
	permissions(address, perms);
	return strncmp(perms, want, 3) == 0;
}

/* How many mappings can be written and executed. */
static unsigned dangerous_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], perms[5];
	unsigned n = 0, lines = 0;
	while (maps && fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%*x-%*x %4s", perms) != 1)
			continue;
		lines++;
		n += perms[1] == 'w' && perms[2] == 'x';
	}
	CHECK(lines > 3);
	if (maps)
		fclose(maps);
	return n;
}

void check_no_page_is_writable_and_executable(void)
{
	struct pb_thunk t[PB_THUNK_KINDS];
	unsigned before = dangerous_mappings(), made = 0;
	for (; made < PB_THUNK_KINDS; made++)
		if (!hook_thunk(&t[made], (enum pb_thunk_kind)made, NULL, 0))
			break;
	CHECK(before == 0);
	CHECK(dangerous_mappings() == 0);
	for (unsigned k = 0; k < made; k++) {
		CHECK_FOR(has_permissions(t[k].code, "r-x"), hook_kind_name(t[k].kind));
		CHECK_FOR(has_permissions(t[k].data, "rw-"), hook_kind_name(t[k].kind));
		pb_thunk_free(&t[k]);
		CHECK(t[k].data == NULL);
		pb_thunk_free(&t[k]); /* freed already: allowed */
	}
}

static int things[4];

void check_slot_in_data(void)
{
	static void *pointer = &things[0];
	struct pb_slot slot, never = {0};
	struct probe_error err;

	pb_slot_close(&never);
	CHECK(pb_slot_open(&slot, &pointer, &err) == 0);
	CHECK(slot.original == &things[0]);
	pb_slot_set(&slot, &things[1]);
	CHECK(pointer == &things[1]);
	pb_slot_close(&slot);
	CHECK(pointer == &things[0]);
	CHECK(has_permissions(&pointer, "rw-"));
	pointer = &things[2];
	pb_slot_close(&slot); /* closed already: nothing is put back again */
	CHECK(pointer == &things[2]);
}

/* A page as RELRO leaves it: written once, then read-only. */
void check_slots_on_one_read_only_page(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void **words = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pb_slot first, second;
	struct probe_error err;

	CHECK(words != MAP_FAILED);
	if (words == MAP_FAILED)
		return;
	void **last = words + page / sizeof *words - 1;
	words[0] = &things[0];
	*last = &things[1];
	CHECK(mprotect(words, page, PROT_READ) == 0);
	for (int round = 0; round < 2; round++) {
		CHECK(has_permissions(words, "r--"));
		CHECK(pb_slot_open(&first, words, &err) == 0);
		CHECK(pb_slot_open(&second, last, &err) == 0);
		CHECK(has_permissions(words, "rw-"));
		pb_slot_set(&first, &things[2]);
		pb_slot_set(&second, &things[3]);
		CHECK(words[0] == &things[2] && *last == &things[3]);
		pb_slot_close(&second);
		CHECK(words[0] == &things[2] && *last == &things[1]);
		pb_slot_set(&first, &things[3]); /* still open, so still writable */
		pb_slot_close(&first);
		CHECK(words[0] == &things[0] && *last == &things[1]);
	}
	CHECK(has_permissions(words, "r--"));
	munmap(words, page);
}

void check_slots_refused(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *gone = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pb_slot slot;
	struct pb_thunk t;
	struct probe_error err = {0};

	uintptr_t function = (uintptr_t)check_slots_refused & ~(uintptr_t)7;
	CHECK(pb_slot_open(&slot, (void **)function, &err) == -PROBE_EINVAL);
	CHECK_FOR(strstr(err.msg, "code") != NULL, err.msg);
	pb_slot_close(&slot); /* a failed open leaves nothing to undo */
	CHECK(has_permissions((const void *)function, "r-x"));
	if (hook_thunk(&t, PB_THUNK_DELAY, NULL, 0)) {
		CHECK(pb_slot_open(&slot, (void **)(void *)t.code, &err) == -PROBE_EINVAL);
		pb_thunk_free(&t);
	}
	CHECK(gone != MAP_FAILED);
	CHECK(pb_slot_open(&slot, (void **)(void *)gone, &err) == -PROBE_EINVAL);
	munmap(gone, page);
	CHECK(pb_slot_open(&slot, (void **)(void *)gone, &err) == -PROBE_EINVAL);
	CHECK(pb_slot_open(&slot, (void **)16, &err) == -PROBE_EINVAL);
}

/* --- the GOT ---------------------------------------------------------------------------------- */

static pid_t somebody(void)
{
	return 12345678;
}

void check_got_slot_of_this_program(void)
{
	static const char *const names[] = {"no_such_function", "getppid", NULL};
	pid_t real = getppid(); /* a lazily bound slot is resolved now */
	void **found[4];
	struct pb_slot slots[4];
	struct pb_thunk count;
	struct probe_error err = {0};
	char before[5];

	int n = pb_got_find("/proc/self/exe", names, found, 4, &err);
	CHECK_FOR(n >= 1, err.msg);
	if (n < 1 || !hook_thunk(&count, PB_THUNK_COUNT_CALLS, ADDRESS(somebody), 0))
		return;
	permissions(found[0], before);
	for (int i = 0; i < n; i++) {
		CHECK_FOR(pb_slot_open(&slots[i], found[i], &err) == 0, err.msg);
		pb_slot_set(&slots[i], pb_thunk_entry(&count, 0));
	}
	CHECK(getppid() == 12345678);
	CHECK(getppid() == 12345678);
	CHECK(count.data->count == 2);
	for (int i = n - 1; i >= 0; i--)
		pb_slot_close(&slots[i]);
	CHECK(getppid() == real);
	CHECK(count.data->count == 2);
	CHECK(has_permissions(found[0], before));
	CHECK(dangerous_mappings() == 0);
	pb_thunk_free(&count);
}

void check_got_errors(void)
{
	static const char *const none[] = {"no_such_function", NULL}, *const empty[] = {NULL},
				 *const some[] = {"getppid", NULL};
	struct probe_error err = {0};
	void **found[1];

	CHECK(pb_got_find("/proc/self/exe", none, found, 1, &err) == -PROBE_EUNHOOKABLE);
	CHECK_FOR(strstr(err.msg, "no_such_function") != NULL, err.msg);
	CHECK(pb_got_find("/proc/self/exe", empty, found, 1, &err) == -PROBE_EUNHOOKABLE);
	CHECK(pb_got_find("/dev/null", some, found, 1, &err) == -PROBE_ENOENT);
	CHECK_FOR(strstr(err.msg, "not loaded") != NULL, err.msg);
	CHECK(pb_got_find("/no/such/object.so", some, found, 1, &err) == -PROBE_ENOENT);
}
