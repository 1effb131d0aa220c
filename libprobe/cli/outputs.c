/* SPDX-License-Identifier: MIT
 * What must not be written over: inputs, other outputs, the results of other runs.
 */
#include "outputs.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINKS = 16 };

/* Where a file is: by its inode, or where there is none yet, by its folder's and its name there. */
struct place {
	bool exists, regular;
	dev_t device;
	ino_t inode;
	off_t bytes;
	char name[NAME_MAX + 1]; /* "" where it exists */
};

/* The target of a dangling link; false when path is not one. */
static bool follow(char path[PATH_MAX])
{
	char target[PATH_MAX], folder[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	strcpy(folder, path);
	if (*target == '/')
		strcpy(path, target);
	else if (snprintf(path, PATH_MAX, "%.2000s/%.2000s", dirname(folder), target) < 0)
		return false;
	return true;
}

static bool find(const char *file, struct place *out)
{
	char path[PATH_MAX], copy[PATH_MAX];
	struct stat st;

	*out = (struct place){.exists = false};
	if (strlen(file) >= sizeof path)
		return false;
	strcpy(path, file);
	for (int i = 0; stat(path, &st) && i < MOST_LINKS && follow(path); i++)
		;
	if (!stat(path, &st)) {
		out->exists = true;
		out->regular = S_ISREG(st.st_mode);
		out->bytes = st.st_size;
	} else {
		strcpy(copy, path);
		snprintf(out->name, sizeof out->name, "%s", basename(copy));
		strcpy(copy, path);
		if (stat(dirname(copy), &st))
			return false; /* no folder: it can't be written, which is told elsewhere */
	}
	out->device = st.st_dev;
	out->inode = st.st_ino;
	return true;
}

/* Terminals, pipes and /dev/null take more than one writer. */
static bool is_same(const struct place *a, const struct place *b)
{
	return a->exists == b->exists && (!a->exists || a->regular) && a->device == b->device &&
	       a->inode == b->inode && !strcmp(a->name, b->name);
}

/* Also one of a newer probe. */
static bool is_run(const char *file)
{
	struct probe_error err = {0};
	struct probe_run *run = NULL;
	int rc = probe_run_load(file, &run, &err);

	probe_run_free(run);
	return !rc || rc == -PROBE_EABI;
}

static int check_inputs(const struct cli_output *output, const struct place *place,
			const char *const *inputs)
{
	struct place input;

	for (; *inputs; inputs++)
		if (find(*inputs, &input) && input.exists && is_same(place, &input))
			return cli_error(CLI_USAGE,
					 "%s %s would replace %s, which is read: name another file",
					 output->option, output->file, *inputs);
	return CLI_OK;
}

static int check_kind(const struct cli_output *output, const struct place *place)
{
	bool run;

	if (!place->exists || !place->regular || !place->bytes)
		return CLI_OK;
	run = is_run(output->file);
	if (output->is_run && !run)
		return cli_error(
			CLI_USAGE,
			"%s %s would replace what is not a run file: name another file, or "
			"remove this one",
			output->option, output->file);
	if (!output->is_run && run)
		return cli_error(CLI_USAGE,
				 "%s %s would replace a run file by something else: name another "
				 "file, or remove this one",
				 output->option, output->file);
	return CLI_OK;
}

int cli_outputs_check(const struct cli_output *outputs, size_t n, const char *const *inputs)
{
	struct place *places = calloc(n + 1, sizeof *places);
	int code = places ? CLI_OK : cli_error(CLI_NOTHING, "out of memory");

	for (size_t i = 0; i < n && code == CLI_OK; i++) {
		if (!outputs[i].file || !find(outputs[i].file, &places[i])) {
			places[i].inode = 0;
			continue;
		}
		for (size_t k = 0; k < i && code == CLI_OK; k++)
			if (outputs[k].file && places[k].inode && is_same(&places[i], &places[k]))
				code = cli_error(CLI_USAGE, "%s and %s name the same file, %s",
						 outputs[k].option, outputs[i].option,
						 outputs[i].file);
		if (code == CLI_OK)
			code = check_inputs(&outputs[i], &places[i], inputs);
		if (code == CLI_OK)
			code = check_kind(&outputs[i], &places[i]);
	}
	free(places);
	return code;
}
