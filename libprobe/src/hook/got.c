/* SPDX-License-Identifier: MIT
 * GOT slots of a loaded object, from its dynamic section as the loader mapped it: the file may be
 * stripped of sections or replaced on disk, the mapped table is what calls go through.
 */
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "hook/patch.h"

#if defined(__x86_64__)
#define RELOC_JUMP_SLOT R_X86_64_JUMP_SLOT
#define RELOC_GLOB_DAT  R_X86_64_GLOB_DAT
#elif defined(__aarch64__)
#define RELOC_JUMP_SLOT R_AARCH64_JUMP_SLOT
#define RELOC_GLOB_DAT  R_AARCH64_GLOB_DAT
#endif

struct tables {
	const ElfW(Sym) * symbols;
	const char *strings;
	const ElfW(Rela) * rela[2]; /* DT_RELA and DT_JMPREL */
	size_t rela_count[2];
};

struct search {
	char object[PATH_MAX];
	const char *const *names;
	void ***out;
	size_t max;
	size_t found;
	bool object_found;
};

/* glibc relocates these entries in place on most machines and leaves them be on others. */
static const void *pointer_of(const struct dl_phdr_info *info, ElfW(Addr) value)
{
	return (const void *)(value < info->dlpi_addr ? info->dlpi_addr + value : value);
}

static struct tables read_dynamic(const struct dl_phdr_info *info, const ElfW(Dyn) * dyn)
{
	struct tables t = {0};
	for (; dyn->d_tag != DT_NULL; dyn++) {
		switch (dyn->d_tag) {
		case DT_SYMTAB:
			t.symbols = pointer_of(info, dyn->d_un.d_ptr);
			break;
		case DT_STRTAB:
			t.strings = pointer_of(info, dyn->d_un.d_ptr);
			break;
		case DT_RELA:
			t.rela[0] = pointer_of(info, dyn->d_un.d_ptr);
			break;
		case DT_RELASZ:
			t.rela_count[0] = dyn->d_un.d_val / sizeof(ElfW(Rela));
			break;
		case DT_JMPREL:
			t.rela[1] = pointer_of(info, dyn->d_un.d_ptr);
			break;
		case DT_PLTRELSZ:
			t.rela_count[1] = dyn->d_un.d_val / sizeof(ElfW(Rela));
			break;
		}
	}
	return t;
}

static void find_symbol(struct search *s, const struct dl_phdr_info *info, const struct tables *t,
			const char *name)
{
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; t->rela[k] && i < t->rela_count[k]; i++) {
			const ElfW(Rela) *r = &t->rela[k][i];
			unsigned long type = ELF64_R_TYPE(r->r_info);
			if (type != RELOC_JUMP_SLOT && type != RELOC_GLOB_DAT)
				continue;
			const ElfW(Sym) *sym = &t->symbols[ELF64_R_SYM(r->r_info)];
			if (strcmp(t->strings + sym->st_name, name) != 0 || s->found == s->max)
				continue;
			s->out[s->found++] = (void **)(info->dlpi_addr + r->r_offset);
		}
	}
}

static int visit(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	struct search *s = ctx;
	char real[PATH_MAX];
	const char *name = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
	if (!realpath(name, real) || strcmp(real, s->object) != 0)
		return 0;
	s->object_found = true;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		struct tables t = read_dynamic(
			info, (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr));
		for (const char *const *n = s->names; t.symbols && t.strings && *n; n++) {
			find_symbol(s, info, &t, *n);
			if (s->found)
				break;
		}
	}
	return 1;
}

int pb_got_find(const char *object, const char *const *symbols, void **out[], size_t max,
		struct probe_error *err)
{
	struct search s = {.names = symbols, .out = out, .max = max};
	if (!realpath(object, s.object))
		return pb_fail(err, PROBE_ENOENT, 0, "no such object: %.300s", object);
	dl_iterate_phdr(visit, &s);
	if (!s.object_found)
		return pb_fail(err, PROBE_ENOENT, 0, "%.300s is not loaded in this process",
			       object);
	if (!s.found)
		return pb_fail(err, PROBE_EUNHOOKABLE, 0, "%.300s imports no %s", object,
			       symbols[0] ? symbols[0] : "symbol");
	return (int)s.found;
}
