/* SPDX-License-Identifier: MIT
 * The table of folders in which package managers and version managers put interpreters.
 */
#include "matrix/locate.h"

#include <ctype.h>
#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "matrix/home.h"
#include "probe/error.h"

/* Folders that hold programs. "$NAME" at the start stands for a variable (each part of it, where
 * colons separate several), "~" for the home folder; rows whose variable is unset are skipped, but
 * XDG_DATA_HOME is ~/.local/share then. */
static const char *const folders[] = {
	"$VIRTUAL_ENV/bin", /* where its own program may not be first on PATH */
	"$PATH",
	"/usr/bin",
	"/usr/local/bin",
	"$PYENV_ROOT/versions/*/bin",
	"~/.pyenv/versions/*/bin",
	"$UV_PYTHON_INSTALL_DIR/*/bin",
	"$XDG_DATA_HOME/uv/python/*/bin",
	"$CONDA_PREFIX/bin",
	"$MAMBA_ROOT_PREFIX/envs/*/bin",
	"~/miniconda3/bin",
	"~/miniconda3/envs/*/bin",
	"~/anaconda3/bin",
	"~/anaconda3/envs/*/bin",
	"~/miniforge3/bin",
	"~/miniforge3/envs/*/bin",
	"~/.asdf/installs/python/*/bin",
	"$XDG_DATA_HOME/mise/installs/python/*/bin",
	"$XDG_DATA_HOME/probe/interpreters/*/bin", /* make interpreters */
};

static const struct {
	const char *prefix;
	enum pb_kind_of_python kind;
} kinds_by_name[] = {
	{"python", PB_CPYTHON},
	{"cpython", PB_CPYTHON},
	{"pypy", PB_PYPY},
	{"graalpy", PB_GRAALPY},
};

unsigned pb_kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof kinds_by_name / sizeof kinds_by_name[0]; i++)
		if (!strncmp(name, kinds_by_name[i].prefix, strlen(kinds_by_name[i].prefix)))
			return kinds_by_name[i].kind;
	return 0;
}

/* python3, python3.13, python3.13t, python3.13d, pypy3, pypy3.11, graalpy; not python3-config. */
static bool is_python_name(const char *name)
{
	size_t letters = strspn(name, "abcdefghijklmnopqrstuvwxyz");
	if (!pb_kind_of(name) || !strncmp(name, "cpython", 7))
		return false;
	name += letters;
	if (!*name)
		return letters == strlen("graalpy"); /* plain python and pypy may be a Python 2 */
	if (*name++ != '3')
		return false;
	if (!*name)
		return true;
	if (*name++ != '.' || !isdigit((unsigned char)*name))
		return false;
	name += strspn(name, "0123456789");
	name += strspn(name, "td");
	return !*name;
}

/* The first bytes of a file; 0 or fewer when it can't be read. */
static ssize_t read_head(const char *path, void *head, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, head, size);
	close(fd);
	return n;
}

static bool begins_with_hash_bang(const char *path)
{
	char magic[2];
	return read_head(path, magic, sizeof magic) == (ssize_t)sizeof magic &&
	       !memcmp(magic, "#!", sizeof magic);
}

static bool read_elf_head(const char *path, Elf32_Ehdr *head)
{
	return read_head(path, head, sizeof *head) == (ssize_t)sizeof *head &&
	       !memcmp(head->e_ident, ELFMAG, SELFMAG);
}

/* Names the processor of a program that is not for the one we are built for. It might run all the
 * same (a 32-bit one, or under an emulator), but what we compile does not fit into it. */
static void name_other_machine(const char *path, char *out, size_t size)
{
	static const struct {
		Elf32_Half machine;
		const char *name;
	} machines[] = {
		{EM_X86_64, "x86-64"}, {EM_386, "x86"},      {EM_AARCH64, "AArch64"},
		{EM_ARM, "ARM"},       {EM_RISCV, "RISC-V"}, {EM_PPC64, "PowerPC 64"},
		{EM_S390, "S/390"},
	};
	Elf32_Ehdr ours, theirs; /* e_machine lies at the same place in 32 and 64 bits */
	out[0] = '\0';
	if (!read_elf_head("/proc/self/exe", &ours) || !read_elf_head(path, &theirs) ||
	    (ours.e_machine == theirs.e_machine &&
	     ours.e_ident[EI_CLASS] == theirs.e_ident[EI_CLASS] &&
	     ours.e_ident[EI_DATA] == theirs.e_ident[EI_DATA]))
		return;
	snprintf(out, size, "processor type %d", theirs.e_machine);
	for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
		if (machines[i].machine == theirs.e_machine)
			snprintf(out, size, "%s", machines[i].name);
}

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Whether both lie in one virtual environment, or in none. */
static bool same_environment(const char *a, const char *b)
{
	const char *const paths[] = {a, b};
	struct stat st[2];
	bool is[2];
	for (int i = 0; i < 2; i++) {
		char file[PATH_MAX];
		const char *slash = strrchr(paths[i], '/');
		int n = snprintf(file, sizeof file, "%.*s/../pyvenv.cfg",
				 slash ? (int)(slash - paths[i]) : 1, slash ? paths[i] : ".");
		is[i] = n > 0 && (size_t)n < sizeof file && !stat(file, &st[i]);
	}
	return is[0] && is[1] ? st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino
			      : is[0] == is[1];
}

static int add(struct pb_candidates *out, const char *path, bool named)
{
	char real[PATH_MAX];
	if (!is_program(path) || !realpath(path, real))
		return -PROBE_ENOENT;
	for (size_t i = 0; i < out->n; i++)
		if (!strcmp(out->items[i].real, real) &&
		    (!named || same_environment(path, out->items[i].path)))
			return (int)i;
	if (out->n == out->capacity) {
		size_t capacity = out->capacity ? 2 * out->capacity : 16;
		struct pb_candidate *grown = reallocarray(out->items, capacity, sizeof *grown);
		if (!grown)
			return -PROBE_ENOMEM;
		out->items = grown;
		out->capacity = capacity;
	}
	struct pb_candidate made = {
		.path = strdup(path),
		.real = strdup(real),
		.named = named,
		.script = begins_with_hash_bang(real),
		.kind = pb_kind_of(strrchr(path, '/') ? strrchr(path, '/') + 1 : path),
	};
	if (!made.path || !made.real) {
		free(made.path);
		free(made.real);
		return -PROBE_ENOMEM;
	}
	name_other_machine(real, made.other, sizeof made.other);
	out->items[out->n] = made;
	return (int)out->n++;
}

int pb_locate_add(struct pb_candidates *out, const char *path)
{
	return add(out, path, true);
}

/* Appends text so that glob(3) takes it literally. */
static void add_escaped(struct pb_buf *pattern, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strchr("*?[]\\", text[i]))
			pb_buf_puts(pattern, "\\");
		pb_buf_add(pattern, &text[i], 1);
	}
}

static int add_matching(struct pb_candidates *out, unsigned kinds, const char *root,
			size_t root_length, const char *rest)
{
	if (!root_length || *root != '/')
		return 0; /* an empty or relative part of PATH means a folder that changes */
	struct pb_buf pattern = {0};
	add_escaped(&pattern, root, root_length);
	pb_buf_puts(&pattern, rest);
	pb_buf_puts(&pattern, "/*py*"); /* python3.13, pypy3, graalpy */
	if (pattern.oom) {
		pb_buf_fini(&pattern);
		return -PROBE_ENOMEM;
	}
	glob_t found = {0};
	int rc = glob(pattern.data, 0, NULL, &found) == GLOB_NOSPACE ? -PROBE_ENOMEM : 0;
	pb_buf_fini(&pattern);
	for (size_t i = 0; i < found.gl_pathc && !rc; i++) {
		const char *path = found.gl_pathv[i];
		const char *name = strrchr(path, '/') + 1;
		/* A version manager's wrappers take long to answer, and its interpreters lie in a
		 * folder of their own: the wrapper of the default one is enough. */
		if (!is_python_name(name) || !(pb_kind_of(name) & kinds) ||
		    (!strncmp(name, "python3.", 8) && begins_with_hash_bang(path)))
			continue;
		if (add(out, path, false) == -PROBE_ENOMEM)
			rc = -PROBE_ENOMEM;
	}
	globfree(&found);
	return rc;
}

static int add_data_folder(struct pb_candidates *out, unsigned kinds, const char *rest)
{
	const char *home = getenv("HOME");
	char *base = home ? pb_path_join(home, ".local/share") : NULL;
	int rc = base ? add_matching(out, kinds, base, strlen(base), rest) : 0;
	free(base);
	return rc;
}

static int add_folder(struct pb_candidates *out, unsigned kinds, const char *folder)
{
	const char *slash = strchrnul(folder, '/');
	if (*folder == '/')
		return add_matching(out, kinds, folder, strlen(folder), "");
	if (*folder == '~') {
		const char *home = getenv("HOME");
		return home ? add_matching(out, kinds, home, strlen(home), slash) : 0;
	}
	char name[64] = "";
	size_t n = (size_t)(slash - folder) - 1;
	if (n >= sizeof name)
		return 0;
	memcpy(name, folder + 1, n);
	const char *value = getenv(name);
	/* A relative one is to be ignored, says its specification. */
	if (!strcmp(name, "XDG_DATA_HOME") && (!value || *value != '/'))
		return add_data_folder(out, kinds, slash);
	int rc = 0;
	while (value && *value && !rc) {
		size_t part = strcspn(value, ":");
		rc = add_matching(out, kinds, value, part, slash);
		value += part + (value[part] == ':');
	}
	return rc;
}

int pb_locate_all(struct pb_candidates *out, unsigned kinds)
{
	int rc = 0;
	for (size_t i = 0; i < sizeof folders / sizeof folders[0] && !rc; i++)
		rc = add_folder(out, kinds, folders[i]);
	return rc;
}

char *pb_locate_program(const char *name)
{
	const char *path = getenv("PATH");
	while (path && *path) {
		size_t n = strcspn(path, ":");
		char *dir = strndup(path, n);
		char *full = dir && *dir == '/' ? pb_path_join(dir, name) : NULL;
		free(dir);
		if (full && is_program(full))
			return full;
		free(full);
		path += n + (path[n] == ':');
	}
	return NULL;
}

void pb_candidates_fini(struct pb_candidates *candidates)
{
	for (size_t i = 0; i < candidates->n; i++) {
		free(candidates->items[i].path);
		free(candidates->items[i].real);
	}
	free(candidates->items);
	*candidates = (struct pb_candidates){0};
}
