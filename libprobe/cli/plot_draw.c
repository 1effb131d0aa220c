/* SPDX-License-Identifier: MIT
 * Drawing a figure: gnuplot reads one script, made of some variables and the files of plots, and a
 * data file. All of it lies in a hidden folder beside the figure, from where the files are renamed
 * into place once they are whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plot.h"
#include "probe/compare.h"

extern char **environ;

int plot_fail(struct probe_error *err, enum probe_code code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->code = (int)code;
		err->sys_errno = 0;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof err->msg, fmt, ap);
		va_end(ap);
	}
	return -(int)code;
}

/* Finds a script of plots in probe's data folder: $PROBE_HOME, else beside the program. */
static int find_script(const char *name, char out[PATH_MAX], struct probe_error *err)
{
	const char *home = getenv("PROBE_HOME");
	char exe[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	const char *folder = n > 0 ? dirname(exe) : ".";
	static const char *const beside[] = {"../share/probe", ".."};

	if (home && *home) {
		snprintf(out, PATH_MAX, "%.3900s/plots/%.64s", home, name);
		if (!access(out, R_OK))
			return 0;
		return plot_fail(err, PROBE_ENOENT,
				 "$PROBE_HOME is %s, which holds no plots/%s: unset it or name "
				 "probe's data folder",
				 home, name);
	}
	for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		snprintf(out, PATH_MAX, "%.3900s/%s/plots/%.64s", folder, beside[i], name);
		if (!access(out, R_OK))
			return 0;
	}
	return plot_fail(err, PROBE_ENOENT,
			 "plots/%s is not beside this program: set PROBE_HOME to probe's data "
			 "folder, or install again",
			 name);
}

/* What a figure is made of and leaves; names of files in the hidden folder, and later beside. */
enum piece { FIGURE, DRAWING, DATA, SCRIPT, MESSAGES, PIECES };

struct workplace {
	char target[PATH_MAX]; /* the figure's place, links followed */
	char place[PATH_MAX];  /* its folder */
	char folder[PATH_MAX]; /* the hidden one within; "" = none */
	int ticket;            /* of the folder */
	char names[PIECES][NAME_MAX + 1];
};

static void join(char out[PATH_MAX], const char *folder, const char *name)
{
	snprintf(out, PATH_MAX, "%.3800s/%.255s", folder, name);
}

static int set_up(struct workplace *w, const char *path, struct probe_error *err)
{
	struct stat st;
	bool exists = !stat(path, &st);
	char copy[PATH_MAX];
	size_t stem;

	*w = (struct workplace){.folder = "", .ticket = -1};
	if (exists && !S_ISREG(st.st_mode))
		return plot_fail(err, PROBE_EINVAL,
				 "can't write %s: it is no file that a figure can replace", path);
	if (!exists || !realpath(path, w->target))
		snprintf(w->target, sizeof w->target, "%s", path);
	snprintf(copy, sizeof copy, "%s", w->target);
	snprintf(w->place, sizeof w->place, "%s", dirname(copy));
	snprintf(copy, sizeof copy, "%s", w->target);
	snprintf(w->names[FIGURE], sizeof w->names[FIGURE], "%s", basename(copy));
	stem = (size_t)(strrchr(w->names[FIGURE], '.') - w->names[FIGURE]);
	stem = stem > NAME_MAX - 4 ? NAME_MAX - 4 : stem;
	snprintf(w->names[DRAWING], NAME_MAX + 1, "%.*s.pdf", (int)stem, w->names[FIGURE]);
	snprintf(w->names[DATA], NAME_MAX + 1, "%.*s.dat", (int)stem, w->names[FIGURE]);
	snprintf(w->names[SCRIPT], NAME_MAX + 1, "%.*s.gp", (int)stem, w->names[FIGURE]);
	snprintf(w->names[MESSAGES], NAME_MAX + 1, "messages");
	join(w->folder, w->place, ".probe-plot-XXXXXX");
	if (!mkdtemp(w->folder)) {
		int sys_errno = errno;

		w->folder[0] = '\0';
		return plot_fail(err, PROBE_ESYS, "can't write in %s: %s; choose another folder",
				 w->place, strerror(sys_errno));
	}
	w->ticket = probe_temporary_add(w->folder);
	return 0;
}

/* Whatever was renamed away is gone already. */
static void tear_down(const struct workplace *w)
{
	char path[PATH_MAX];

	for (size_t i = 0; w->folder[0] && i < PIECES; i++) {
		join(path, w->folder, w->names[i]);
		unlink(path);
	}
	if (w->folder[0])
		rmdir(w->folder);
	probe_temporary_drop(w->ticket);
}

/* A gnuplot string constant: within single quotes, only they need doubling. */
static void write_text(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s = '", name);
	for (; *value; value++)
		fputs(*value == '\'' ? "''" : (const char[]){*value == '\n' ? ' ' : *value, '\0'},
		      out);
	fputs("'\n", out);
}

static int append_script(FILE *out, const char *name, struct probe_error *err)
{
	char path[PATH_MAX], bytes[4096];
	int rc = find_script(name, path, err);
	FILE *in;
	size_t n;

	if (rc)
		return rc;
	in = fopen(path, "re");
	if (!in)
		return plot_fail(err, PROBE_ESYS, "can't read %s: %s", path, strerror(errno));
	fputs("\n", out);
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		fwrite(bytes, 1, n, out);
	if (ferror(in))
		rc = plot_fail(err, PROBE_ESYS, "can't read %s: %s", path, strerror(errno));
	fclose(in);
	return rc;
}

static int write_script(const struct workplace *w, const char *format, const struct plot_kind *kind,
			const struct plot_style *style, struct probe_error *err)
{
	char path[PATH_MAX];
	FILE *out;
	bool failed;
	int rc;

	join(path, w->folder, w->names[SCRIPT]);
	out = fopen(path, "we");
	if (!out)
		return plot_fail(err, PROBE_ESYS, "can't write in %s: %s", w->place,
				 strerror(errno));
	fprintf(out,
		"# A figure of `probe plot`. In this folder, gnuplot alone draws it again: "
		"gnuplot '%s'\n",
		w->names[SCRIPT]);
	write_text(out, "data", w->names[DATA]);
	write_text(out, "output", w->names[FIGURE]);
	write_text(out, "format", format);
	write_text(out, "unit", style->unit == CLI_UNIT_CYCLES ? "cycles" : "ns");
	write_text(out, "theme", style->theme);
	/* In whole numbers, which no locale writes with a comma. */
	fprintf(out, "width_points = %ld / 1000.0 # 0: as wide as it needs\n",
		(long)(style->width_points * 1000 + 0.5));
	fprintf(out, "dots_per_inch = %ld\n", (long)(style->dots_per_inch + 0.5));
	write_text(out, "font", style->font ? style->font : "");
	if (style->title)
		write_text(out, "title", style->title);
	rc = append_script(out, "common.gp", err);
	for (size_t i = 0; !rc && i < 3 && kind->scripts[i]; i++)
		rc = append_script(out, kind->scripts[i], err);
	failed = ferror(out);
	if ((fclose(out) || failed) && !rc)
		rc = plot_fail(err, PROBE_ESYS, "can't write in %s: is the disk full?", w->place);
	return rc;
}

static int write_data(const struct workplace *w, const struct probe_run *a,
		      const struct probe_run *b, const struct plot_kind *kind,
		      struct probe_error *err)
{
	struct probe_comparison *comparison = NULL;
	char path[PATH_MAX];
	int rc;

	join(path, w->folder, w->names[DATA]);
	rc = kind->exporter ? probe_export_file(a, kind->exporter, path, err)
			    : probe_compare(a, b, -1, &comparison, err);
	if (!rc && comparison)
		rc = probe_comparison_plotdata(comparison, a, b, path, err);
	probe_comparison_free(comparison);
	/* Nobody knows the hidden folder. */
	if (rc == -PROBE_ESYS)
		rc = plot_fail(err, PROBE_ESYS, "can't write in %s: %s", w->place,
			       strerror(err->sys_errno));
	return rc;
}

/* gnuplot's last words, its message without the place in the script; "" when it said nothing. */
static void last_line(const char *file, char *line, size_t size)
{
	char next[512];
	FILE *in = fopen(file, "re");

	line[0] = '\0';
	while (in && fgets(next, sizeof next, in)) {
		next[strcspn(next, "\r\n")] = '\0';
		if (next[strspn(next, " \t^")])
			snprintf(line, size, "%s", next + strspn(next, " \t"));
	}
	if (in)
		fclose(in);
}

static int spawn_gnuplot(const struct workplace *w, const char *messages, pid_t *pid)
{
	char name[] = "gnuplot", defaults[] = "-d", script[NAME_MAX + 3];
	char *argv[] = {name, defaults, script, NULL};
	posix_spawn_file_actions_t actions;
	int failed = posix_spawn_file_actions_init(&actions);

	if (failed)
		return failed;
	snprintf(script, sizeof script, "./%.255s", w->names[SCRIPT]);
	failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	failed = failed ? failed
			: posix_spawn_file_actions_addopen(&actions, 1, messages,
							   O_WRONLY | O_CREAT | O_APPEND, 0600);
	failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, 1, 2);
	failed = failed ? failed : posix_spawn_file_actions_addchdir_np(&actions, w->folder);
	failed = failed ? failed : posix_spawnp(pid, name, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* Runs gnuplot without the user's own settings; its output goes to the messages file. */
static int run_gnuplot(const struct workplace *w, const char *path, char *note, size_t note_size,
		       struct probe_error *err)
{
	char messages[PATH_MAX], line[300];
	int status = 0, failed;
	pid_t pid;

	join(messages, w->folder, w->names[MESSAGES]);
	failed = spawn_gnuplot(w, messages, &pid);
	if (failed == ENOENT)
		return plot_fail(err, PROBE_ENOENT,
				 "can't draw %s: gnuplot is not installed; apt-get install "
				 "gnuplot-nox, then draw the run file with `probe plot`",
				 path);
	if (failed)
		return plot_fail(err, PROBE_ESYS, "can't start gnuplot: %s", strerror(failed));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	last_line(messages, line, sizeof line);
	if (WIFSIGNALED(status))
		return plot_fail(err, PROBE_ECRASH, "can't draw %s: gnuplot died by signal %d",
				 path, WTERMSIG(status));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return plot_fail(err, PROBE_ECHILD, "can't draw %s: %s", path,
				 line[0] ? line : "gnuplot failed and said nothing");
	if (note)
		snprintf(note, note_size, "%s", strncmp(line, "note: ", 6) ? "" : line);
	return 0;
}

/* The figure comes last: where it is new, so is all that belongs to it. */
static int move_into_place(const struct workplace *w, const char *path, bool keep,
			   struct probe_error *err)
{
	static const enum piece pieces[] = {DATA, SCRIPT, DRAWING, FIGURE};
	bool is_tex = !strcmp(plot_format_of(w->names[FIGURE]), "tex");
	char from[PATH_MAX], to[PATH_MAX];

	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		enum piece piece = pieces[i];

		if (((piece == DATA || piece == SCRIPT) && !keep) || (piece == DRAWING && !is_tex))
			continue;
		join(from, w->folder, w->names[piece]);
		if ((piece == DRAWING || piece == FIGURE) && !plot_is_whole(from))
			return plot_fail(err, PROBE_ESYS, "can't write %s whole: is the disk full?",
					 path);
		join(to, w->place, w->names[piece]);
		if (rename(from, piece == FIGURE ? w->target : to))
			return plot_fail(err, PROBE_ESYS, "can't write %s: %s; choose another file",
					 piece == FIGURE ? path : to, strerror(errno));
	}
	return 0;
}

int plot_draw(const struct probe_run *a, const struct probe_run *b, const char *path,
	      const struct plot_kind *kind, const struct plot_style *style, char *note,
	      size_t note_size, struct probe_error *err)
{
	const char *format = plot_format_of(path);
	struct workplace w = {.folder = "", .ticket = -1};
	int rc;

	if (!format)
		return plot_fail(err, PROBE_EINVAL, "%s: the name must end in " PLOT_FORMATS, path);
	rc = probe_output_check(path, err);
	if (!rc && !a->cell_count)
		rc = plot_fail(err, PROBE_EINVAL, "can't draw %s: the run holds no cell", path);
	if (!rc)
		rc = kind->check ? kind->check(a, err) : 0;
	if (!rc)
		rc = set_up(&w, path, err);
	if (!rc)
		rc = write_data(&w, a, b, kind, err);
	if (!rc)
		rc = write_script(&w, format, kind, style, err);
	if (!rc)
		rc = run_gnuplot(&w, path, note, note_size, err);
	if (!rc)
		rc = move_into_place(&w, path, style->keep, err);
	tear_down(&w);
	return rc;
}
