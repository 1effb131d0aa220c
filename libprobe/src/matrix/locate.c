/* SPDX-License-Identifier: MIT
 * The table of folders in which package managers and version managers put interpreters.
 */
#include "matrix/locate.h"

#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "matrix/home.h"
#include "probe/error.h"

/* Folders that hold programs. "$NAME" at the start stands for a variable (each part of it, where
 * colons separate several), "~" for the home folder; rows whose variable is unset are skipped. */
static const char *const folders[] = {
	"$PATH",
	"/usr/bin",
	"/usr/local/bin",
	"$PYENV_ROOT/versions/*/bin",
	"~/.pyenv/versions/*/bin",
	"$UV_PYTHON_INSTALL_DIR/*/bin",
	"$XDG_DATA_HOME/uv/python/*/bin",
	"~/.local/share/uv/python/*/bin",
	"$CONDA_PREFIX/bin",
	"$MAMBA_ROOT_PREFIX/envs/*/bin",
	"~/miniconda3/bin",
	"~/miniconda3/envs/*/bin",
	"~/anaconda3/bin",
	"~/anaconda3/envs/*/bin",
	"~/miniforge3/bin",
	"~/miniforge3/envs/*/bin",
	"~/.asdf/installs/python/*/bin",
	"~/.local/share/mise/installs/python/*/bin",
};

/* python3, python3.13, python3.13t, python3.13d; not python3-config. */
static bool is_python_name(const char *name)
{
	static const char prefix[] = "python3";
	if (strncmp(name, prefix, sizeof prefix - 1))
		return false;
	name += sizeof prefix - 1;
	if (!*name)
		return true;
	if (*name++ != '.' || !isdigit((unsigned char)*name))
		return false;
	name += strspn(name, "0123456789");
	name += strspn(name, "td");
	return !*name;
}

static bool begins_with_hash_bang(const char *path)
{
	char magic[2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool script = read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
		      !memcmp(magic, "#!", sizeof magic);
	close(fd);
	return script;
}

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int pb_locate_add(struct pb_candidates *out, const char *path, bool named)
{
	char real[PATH_MAX];
	if (!is_program(path) || !realpath(path, real))
		return -PROBE_ENOENT;
	for (size_t i = 0; i < out->n; i++) {
		if (strcmp(out->items[i].real, real))
			continue;
		out->items[i].named |= named;
		return (int)i;
	}
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
		.script = begins_with_hash_bang(real),
		.named = named,
	};
	if (!made.path || !made.real) {
		free(made.path);
		free(made.real);
		return -PROBE_ENOMEM;
	}
	out->items[out->n] = made;
	return (int)out->n++;
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

static int add_matching(struct pb_candidates *out, const char *root, size_t root_length,
			const char *rest)
{
	if (!root_length || *root != '/')
		return 0; /* an empty or relative part of PATH means a folder that changes */
	struct pb_buf pattern = {0};
	add_escaped(&pattern, root, root_length);
	pb_buf_puts(&pattern, rest);
	pb_buf_puts(&pattern, "/python3*");
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
		if (!is_python_name(name) ||
		    (strcmp(name, "python3") && begins_with_hash_bang(path)))
			continue;
		if (pb_locate_add(out, path, false) == -PROBE_ENOMEM)
			rc = -PROBE_ENOMEM;
	}
	globfree(&found);
	return rc;
}

static int add_folder(struct pb_candidates *out, const char *folder)
{
	const char *slash = strchrnul(folder, '/');
	if (*folder == '/')
		return add_matching(out, folder, strlen(folder), "");
	if (*folder == '~') {
		const char *home = getenv("HOME");
		return home ? add_matching(out, home, strlen(home), slash) : 0;
	}
	char name[64] = "";
	size_t n = (size_t)(slash - folder) - 1;
	if (n >= sizeof name)
		return 0;
	memcpy(name, folder + 1, n);
	const char *value = getenv(name);
	int rc = 0;
	while (value && *value && !rc) {
		size_t part = strcspn(value, ":");
		rc = add_matching(out, value, part, slash);
		value += part + (value[part] == ':');
	}
	return rc;
}

int pb_locate_all(struct pb_candidates *out)
{
	int rc = 0;
	for (size_t i = 0; i < sizeof folders / sizeof folders[0] && !rc; i++)
		rc = add_folder(out, folders[i]);
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
