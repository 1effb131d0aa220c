/* SPDX-License-Identifier: MIT
 * Finding and choosing interpreters, with scripts that pretend to be some, and the folders of data
 * and cache.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "matrix/home.h"
#include "matrix/interp.h"
#include "matrix/locate.h"
#include "matrix/prepare.h"
#include "matrix/switches.h"

static char scratch[64];

/* scratch/name; one of a few buffers, so that several can be in use. */
static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
	return path;
}

static void make_folders_of(const char *file)
{
	char path[256];
	snprintf(path, sizeof path, "%s", file);
	for (char *c = path + strlen(scratch) + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		mkdir(path, 0755);
		*c = '/';
	}
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	make_folders_of(path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* A program below scratch that answers as an interpreter would. */
static void pretend(const char *name, const char *implementation, const char *version,
		    const char *suffix)
{
	char script[1024];
	snprintf(script, sizeof script,
		 "#!/bin/sh\necho noise of a sitecustomize\n"
		 "echo '{\"implementation\": \"%s\", \"version\": \"%s\", \"label\": \"%s-%s%s\", "
		 "\"executable\": \"%s/%s\", \"free_threaded\": %s, \"jit\": false, "
		 "\"debug\": false, \"optimisation\": \"-O3, PGO\", \"compiler\": \"GCC 12\", "
		 "\"libc\": \"glibc\", \"headers\": false, \"missing\": \"Python.h is missing\", "
		 "\"config_args\": \"\"}'\n",
		 implementation, version, implementation, version, suffix, scratch, name,
		 *suffix == 't' ? "true" : "false");
	write_file(at(name), script, 0755);
}

/* A program below scratch whose JIT and GIL can be switched, and that keeps its arguments. */
static void pretend_switchable(const char *name, const char *version, bool free_threaded)
{
	char script[1024];
	snprintf(script, sizeof script,
		 "#!/bin/sh\nfor word; do echo \"$word\"; done >%s.arguments\n"
		 "jit=false gil_off=%s suffix=%s\n"
		 "if [ \"$PYTHON_JIT\" = 1 ]; then jit=true suffix=$suffix-jit; fi\n"
		 "if [ \"$PYTHON_GIL\" = 1 ]; then gil_off=false suffix=$suffix-gil; fi\n"
		 "if [ \"$CRASH\" ]; then kill -SEGV $$; fi\n"
		 "echo '{\"implementation\": \"cpython\", \"version\": \"%s\", \"label\": "
		 "\"cpython-%s'$suffix'\", \"executable\": \"%s\", \"jit_built\": true, \"jit\": "
		 "'$jit', \"free_threaded\": %s, \"gil_off\": '$gil_off', \"headers\": true}'\n",
		 at(name), free_threaded ? "true" : "false", free_threaded ? "t" : "", version,
		 version, at(name), free_threaded ? "true" : "false");
	write_file(at(name), script, 0755);
}

static void pretend_script(const char *name, const char *body)
{
	char script[256];
	snprintf(script, sizeof script, "#!/bin/sh\n%s\n", body);
	write_file(at(name), script, 0755);
}

static int set_up(void **state)
{
	(void)state;
	char here[256];
	snprintf(scratch, sizeof scratch, "/tmp/test_interp.XXXXXX");
	if (!mkdtemp(scratch) || !getcwd(here, sizeof here))
		return -1;
	mkdir(at("bin"), 0755);
	setenv("PROBE_HOME", here, 1);
	setenv("HOME", scratch, 1);
	/* The shell that the pretenders run in must be found; /usr/bin's Pythons come along. */
	setenv("PATH", at("bin"), 1);
	unsetenv("PYENV_ROOT");
	unsetenv("UV_PYTHON_INSTALL_DIR");
	unsetenv("XDG_DATA_HOME");
	unsetenv("CONDA_PREFIX");
	unsetenv("MAMBA_ROOT_PREFIX");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "/bin/rm -rf %s", scratch);
	return system(command);
}

/* The interpreters below scratch, in order, as "label label ..."; the machine's own are left out.
 */
static const char *found_labels(const struct probe_run *run)
{
	static char text[512];
	text[0] = '\0';
	for (size_t i = 0; i < run->interpreter_count; i++) {
		if (strncmp(run->interpreters[i].executable, scratch, strlen(scratch)))
			continue;
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "",
			 run->interpreters[i].label);
	}
	return text;
}

static bool warned(const struct probe_run *run, const char *word)
{
	for (size_t i = 0; run->warnings && run->warnings[i]; i++)
		if (strstr(run->warnings[i], word))
			return true;
	return false;
}

/* What a choice gives, as labels; asserts success. */
static const char *choose(const char *choice)
{
	static char labels[512];
	struct probe_error err = {0};
	struct probe_run *run = probe_run_new();
	int rc = pb_interp_discover(choice, run, &err);
	if (rc)
		print_message("%s: %s\n", choice ? choice : "(all)", err.msg);
	assert_int_equal(rc, 0);
	snprintf(labels, sizeof labels, "%s", found_labels(run));
	probe_run_free(run);
	return labels;
}

/* A choice that must fail with this code, a message of one line that has the word, and no
 * interpreter. */
static void refuse(const char *choice, int code, const char *word)
{
	struct probe_error err = {0};
	struct probe_run *run = probe_run_new();
	int rc = pb_interp_discover_within(choice, 1.0, run, &err);
	if (rc != -code || !strstr(err.msg, word))
		print_message("%s: %d, %s\n", choice, rc, err.msg);
	assert_int_equal(rc, -code);
	assert_non_null(strstr(err.msg, word));
	assert_null(strchr(err.msg, '\n'));
	assert_int_equal(run->interpreter_count, 0);
	probe_run_free(run);
}

static void every_place_is_searched_and_ordered_by_version(void **state)
{
	(void)state;
	pretend("bin/python3", "cpython", "3.90.2", "");
	pretend(".pyenv/versions/3.90.10/bin/python3", "cpython", "3.90.10", "");
	pretend(".local/share/uv/python/x/bin/python3", "cpython", "3.90.10", "t");
	pretend("miniconda3/envs/e/bin/python3", "cpython", "3.89.1", "");
	pretend("mine/versions/z/bin/python3", "cpython", "3.91.0", "");
	pretend("elsewhere/bin/python3", "cpython", "3.99.0", "");
	setenv("PYENV_ROOT", at("mine"), 1);
	assert_string_equal(choose(NULL), "cpython-3.89.1 cpython-3.90.2 cpython-3.90.10 "
					  "cpython-3.90.10t cpython-3.91.0");
	assert_string_equal(choose("all"), "cpython-3.89.1 cpython-3.90.2 cpython-3.90.10 "
					   "cpython-3.90.10t cpython-3.91.0");
}

static void what_make_interpreters_obtained_is_found(void **state)
{
	(void)state;
	pretend(".local/share/probe/interpreters/x/bin/python3", "cpython", "3.90.2", "");
	pretend("data/probe/interpreters/y/bin/python3", "cpython", "3.90.2", "t");
	assert_string_equal(choose(NULL), "cpython-3.90.2");
	setenv("XDG_DATA_HOME", "relative", 1); /* to be ignored, says its specification */
	assert_string_equal(choose(NULL), "cpython-3.90.2");
	setenv("XDG_DATA_HOME", at("data"), 1);
	assert_string_equal(choose(NULL), "cpython-3.90.2t");
}

/* Other implementations only where they are asked for: GraalPy takes seconds to answer. */
static void pypy_and_graalpy_are_found_when_wanted(void **state)
{
	(void)state;
	pretend("bin/python3", "cpython", "3.90.1", "");
	pretend("bin/pypy3", "pypy", "3.90.0", "");
	pretend(".pyenv/versions/g/bin/graalpy", "graalpy", "3.90.0", "");
	assert_string_equal(choose(NULL), "cpython-3.90.1");
	assert_string_equal(choose("3.90"), "cpython-3.90.1");
	assert_string_equal(choose("all"), "cpython-3.90.1 graalpy-3.90.0 pypy-3.90.0");
	assert_string_equal(choose("pypy3"), "pypy-3.90.0");
	assert_string_equal(choose("pypy"), "pypy-3.90.0");
	assert_string_equal(choose("pypy-3"), "pypy-3.90.0");
	assert_string_equal(choose("graalpy"), "graalpy-3.90.0"); /* not on PATH: by its name */
	refuse("pypy-4", PROBE_ENOENT, "pypy-3.90.0");

	struct probe_error err = {0};
	struct probe_run *run = probe_run_new();
	assert_int_equal(pb_interp_discover("pypy", run, &err), 0);
	size_t i = 0; /* this machine may have a PyPy of its own */
	while (i < run->interpreter_count && strcmp(run->interpreters[i].label, "pypy-3.90.0") != 0)
		i++;
	assert_true(i < run->interpreter_count);
	assert_string_equal(run->interpreters[i].missing, "Python.h is missing");
	probe_run_free(run);
}

/* --- switches -------------------------------------------------------------------------------- */

static void what_is_switched_off_is_an_interpreter_of_its_own(void **state)
{
	(void)state;
	pretend_switchable("bin/python3", "3.90.1", false);
	pretend_switchable(".pyenv/versions/t/bin/python3", "3.90.1", true);
	setenv("PYTHON_JIT", "1", 1); /* the user's own settings are not the interpreter's */
	assert_string_equal(choose(NULL), "cpython-3.90.1 cpython-3.90.1t");
	unsetenv("PYTHON_JIT");
	/* One switch each: a second one would differ in two things. */
	assert_string_equal(choose("all"), "cpython-3.90.1 cpython-3.90.1-jit cpython-3.90.1t "
					   "cpython-3.90.1t-gil cpython-3.90.1t-jit");
	assert_string_equal(choose("3.90-jit"), "cpython-3.90.1-jit");
	assert_string_equal(choose("cpython-3.90.1-jit"), "cpython-3.90.1-jit");
	assert_string_equal(choose("3.90t+PYTHON_GIL=1"), "cpython-3.90.1t-gil");
	assert_string_equal(choose("3.90+PYTHON_JIT=1,3.90-jit"), "cpython-3.90.1-jit");
	assert_string_equal(choose("3.90,python3+A=1+2+-X x=y+-O"),
			    "cpython-3.90.1 cpython-3.90.1+A=1+2+-Xx=y+-O");
	/* The label that a table shows can be typed again. */
	assert_string_equal(choose("cpython-3.90.1+A=1+2+-Xx=y+-O"),
			    "cpython-3.90.1+A=1+2+-Xx=y+-O");
	assert_string_equal(choose("3.90+PYTHON_JIT=0"), "cpython-3.90.1+PYTHON_JIT=0");
}

static void equal_builds_keep_their_numbers_beside_variants(void **state)
{
	(void)state;
	pretend_switchable(".pyenv/versions/a/bin/python3", "3.90.1", false);
	pretend_switchable(".pyenv/versions/b/bin/python3", "3.90.1", false);
	assert_string_equal(choose("all"), "cpython-3.90.1 cpython-3.90.1#2 cpython-3.90.1-jit "
					   "cpython-3.90.1-jit#2");
	assert_string_equal(choose("cpython-3.90.1#2+PYTHON_JIT=1"), "cpython-3.90.1-jit");
	assert_string_equal(choose("cpython-3.90.1#2+A=b"), "cpython-3.90.1+A=b");
}

static void switches_reach_the_interpreter_and_the_run(void **state)
{
	(void)state;
	char arguments[256] = "";
	pretend_switchable("bin/python3", "3.90.1", false);
	struct probe_error err = {0};
	struct probe_run *run = probe_run_new();
	assert_int_equal(pb_interp_discover("python3+-X a=b c+PYTHON_JIT=1", run, &err), 0);
	assert_int_equal(run->interpreter_count, 1);
	const struct probe_interpreter *p = &run->interpreters[0];
	assert_string_equal(p->label, "cpython-3.90.1-jit+-Xa=b_c");
	assert_string_equal(p->environment[0], "PYTHON_JIT=1");
	assert_null(p->environment[1]);
	assert_string_equal(p->options[0], "-X");
	assert_string_equal(p->options[1], "a=b c");
	assert_null(p->options[2]);
	assert_true(p->jit);
	FILE *f = fopen(at("bin/python3.arguments"), "r");
	assert_non_null(f);
	size_t n = fread(arguments, 1, sizeof arguments - 1, f);
	fclose(f);
	assert_true(n > 0);
	assert_int_equal(strncmp(arguments, "-B\n-X\na=b c\n-s\n", 15), 0);

	const char *const rest[] = {"script", NULL}, *const extra[] = {"B=2", NULL};
	const char **argv = pb_interpreter_argv("prog", p, rest);
	const char **env = pb_interpreter_env(p, extra);
	assert_string_equal(argv[0], "prog");
	assert_string_equal(argv[1], "-B"); /* or Python leaves __pycache__ below the prefix */
	assert_string_equal(argv[3], "a=b c");
	assert_string_equal(argv[4], "script");
	assert_null(argv[5]);
	bool jit = false, removed = false, both = false;
	for (size_t i = 0; env[i]; i++) {
		jit |= !strcmp(env[i], "PYTHON_JIT=1");
		removed |= !strcmp(env[i], "PYTHON_JIT"); /* the switch itself would go with it */
		both |= !strcmp(env[i], "B=2");
	}
	assert_true(jit);
	assert_false(removed);
	assert_true(both);
	free(argv);
	free(env);
	probe_run_free(run);
}

static void a_bad_switch_is_refused(void **state)
{
	(void)state;
	char longest[200] = "python3+A=";
	pretend_switchable("bin/python3", "3.90.1", false);
	memset(longest + 10, 'x', 100);
	refuse("python3+-c pass", PROBE_EINVAL, "'-c pass' is no switch");
	refuse("python3+-X", PROBE_EINVAL, "'-X' is no switch");
	refuse("python3+-Ofast", PROBE_EINVAL, "'-Ofast' is no switch");
	refuse("+PYTHON_JIT=1", PROBE_EINVAL, "names switches and no interpreter");
	refuse("9.9+PYTHON_JIT=1", PROBE_ENOENT, "no interpreter '9.9'");
	refuse("python3+CRASH=1", PROBE_EINVAL, "+CRASH=1 is not a working Python");
	refuse(longest, PROBE_EINVAL, "too long");
}

static void a_plus_without_a_switch_belongs_to_the_path(void **state)
{
	(void)state;
	pretend("c++/python3", "cpython", "3.90.1", "");
	pretend("a+B=1/python3", "cpython", "3.91.1", "");
	assert_string_equal(choose(at("c++/python3")), "cpython-3.90.1");
	assert_string_equal(choose(at("a+B=1/python3")), "cpython-3.91.1");
}

static void another_processor_is_said_and_not_tried(void **state)
{
	(void)state;
	Elf64_Ehdr head;
	FILE *self = fopen("/proc/self/exe", "rb"), *other;
	assert_non_null(self);
	assert_int_equal(fread(&head, sizeof head, 1, self), 1);
	fclose(self);
	head.e_machine = head.e_machine == EM_S390 ? EM_X86_64 : EM_S390;
	write_file(at("bin/python3"), "", 0755);
	other = fopen(at("bin/python3"), "wb");
	assert_non_null(other);
	assert_int_equal(fwrite(&head, sizeof head, 1, other), 1);
	assert_int_equal(fclose(other), 0);
	refuse(at("bin/python3"), PROBE_EINVAL, "another kind of processor");

	pretend(".pyenv/versions/good/bin/python3", "cpython", "3.90.1", "");
	struct probe_error err = {0};
	struct probe_run *run = probe_run_new();
	assert_int_equal(pb_interp_discover(NULL, run, &err), 0);
	assert_string_equal(found_labels(run), "cpython-3.90.1");
	assert_true(warned(run, "another kind of processor"));
	probe_run_free(run);
}

/* --- what can't be used ---------------------------------------------------------------------- */

static void one_interpreter_by_several_names_comes_once(void **state)
{
	(void)state;
	pretend("bin/python3", "cpython", "3.90.1", "");
	/* A link, and a wrapper whose answer names the same executable. */
	make_folders_of(at("anaconda3/bin/x"));
	assert_int_equal(symlink(at("bin/python3"), at("anaconda3/bin/python3")), 0);
	char body[128];
	snprintf(body, sizeof body, "exec %s", at("bin/python3"));
	pretend_script(".pyenv/versions/w/bin/python3", body);
	assert_string_equal(choose(NULL), "cpython-3.90.1");
	assert_string_equal(choose(at("anaconda3/bin/python3")), "cpython-3.90.1");
}

static void equal_labels_are_numbered(void **state)
{
	(void)state;
	pretend(".pyenv/versions/a/bin/python3", "cpython", "3.90.1", "");
	pretend(".pyenv/versions/b/bin/python3", "cpython", "3.90.1", "");
	assert_string_equal(choose("3.90"), "cpython-3.90.1 cpython-3.90.1#2");
	assert_string_equal(choose("cpython-3.90.1#2"), "cpython-3.90.1#2");
}

static void choices_are_versions_labels_paths_and_programs(void **state)
{
	(void)state;
	pretend("bin/python3", "cpython", "3.90.1", "");
	pretend("bin/oddly-named", "cpython", "3.90.10", "");
	pretend(".pyenv/versions/t/bin/python3", "cpython", "3.90.1", "t");
	pretend(".pyenv/versions/rc/bin/python3", "cpython", "3.91.0rc1", "");
	assert_string_equal(choose("3.90"), "cpython-3.90.1");
	assert_string_equal(choose("3.90.1"), "cpython-3.90.1");
	assert_string_equal(choose("3.90t"), "cpython-3.90.1t");
	assert_string_equal(choose("3.91"), "cpython-3.91.0rc1");
	assert_string_equal(choose("cpython-3.90.1"), "cpython-3.90.1");
	assert_string_equal(choose("oddly-named"), "cpython-3.90.10");
	assert_string_equal(choose(at("bin/oddly-named")), "cpython-3.90.10");
	assert_string_equal(choose("3.91,3.90t,python3"),
			    "cpython-3.90.1 cpython-3.90.1t cpython-3.91.0rc1");
	/* 3.9 is not 3.90, and 3.90.1 is not 3.90.10. */
	refuse("3.9.", PROBE_ENOENT, "no interpreter '3.9.'");
	refuse("3.90.10", PROBE_ENOENT, "cpython-3.90.1t");
	refuse("3.90,9.9", PROBE_ENOENT, "no interpreter '9.9'");
	refuse("nosuch", PROBE_ENOENT, "no interpreter 'nosuch'");
	refuse(at("nosuch"), PROBE_ENOENT, "there is no such program");
	refuse("3.90,,3.91", PROBE_EINVAL, "empty name");
	refuse("", PROBE_EINVAL, "empty name");
}

static void what_is_no_usable_interpreter_is_left_out_or_refused(void **state)
{
	(void)state;
	pretend(".pyenv/versions/good/bin/python3", "cpython", "3.90.1", "");
	pretend(".pyenv/versions/old/bin/python3", "cpython", "3.7.9", "");
	pretend(".pyenv/versions/iron/bin/python3", "ironpython", "3.90.0", "");
	pretend_script(".pyenv/versions/hang/bin/python3", "exec /bin/sleep 60");
	pretend_script(".pyenv/versions/fails/bin/python3", "echo no such version >&2; exit 127");
	pretend_script("bin/prints", "echo hello; echo world");
	pretend_script("bin/dies", "kill -SEGV $$");
	pretend_script("bin/lies", "echo '{\"version\": \"3.90.0\"}'");
	write_file(at("bin/text"), "neither a script nor a binary\n", 0755);
	write_file(at("bin/plain"), "", 0644);

	struct probe_error err = {0};
	struct probe_run *run = probe_run_new();
	assert_int_equal(pb_interp_discover_within(NULL, 2.0, run, &err), 0);
	assert_string_equal(found_labels(run), "cpython-3.90.1");
	assert_true(warned(run, "ironpython 3.90.0"));
	assert_true(warned(run, "no answer in 2 s"));
	assert_false(warned(run, "3.7.9")); /* old ones are everywhere */
	assert_false(warned(run, "fails")); /* a wrapper with nothing behind it */
	probe_run_free(run);

	refuse(at(".pyenv/versions/old/bin/python3"), PROBE_EINVAL, "needs 3.8 or later");
	refuse("3.7", PROBE_EINVAL, "needs 3.8 or later");
	refuse(at(".pyenv/versions/iron/bin/python3"), PROBE_EINVAL, "only CPython, PyPy");
	refuse(at(".pyenv/versions/hang/bin/python3"), PROBE_ETIMEOUT, "no answer in 1 s");
	refuse(at(".pyenv/versions/fails/bin/python3"), PROBE_EINVAL, "exited 127: no such");
	refuse(at("bin/prints"), PROBE_EINVAL, "it printed \"hello world\"");
	refuse(at("bin/dies"), PROBE_EINVAL, "it died: Segmentation fault");
	refuse(at("bin/lies"), PROBE_EINVAL, "not a Python interpreter");
	refuse(at("bin/text"), PROBE_EINVAL, "can't be started");
	refuse(at("bin/plain"), PROBE_ENOENT, "there is no such program");
}

static void facts_reach_the_run(void **state)
{
	(void)state;
	pretend("bin/python3", "cpython", "3.90.1", "t");
	struct probe_error err = {0};
	struct probe_run *run = probe_run_new();
	assert_int_equal(pb_interp_discover("python3", run, &err), 0);
	assert_int_equal(run->interpreter_count, 1);
	const struct probe_interpreter *p = &run->interpreters[0];
	assert_string_equal(p->label, "cpython-3.90.1t");
	assert_string_equal(p->version, "3.90.1");
	assert_string_equal(p->implementation, "cpython");
	assert_string_equal(p->executable, at("bin/python3"));
	assert_string_equal(p->optimisation, "-O3, PGO");
	assert_string_equal(p->compiler, "GCC 12");
	assert_string_equal(p->missing, "Python.h is missing");
	assert_true(p->free_threaded);
	assert_false(p->headers);
	assert_false(p->jit);
	probe_run_free(run);
}

static void relative_parts_of_the_path_are_ignored(void **state)
{
	(void)state;
	pretend("python3", "cpython", "3.90.1", "");
	char back[256];
	assert_non_null(getcwd(back, sizeof back));
	assert_int_equal(chdir(scratch), 0);
	setenv("PATH", "::.", 1); /* what lies in today's folder is not to be run */
	struct pb_candidates none = {0};
	assert_int_equal(pb_locate_all(&none, PB_EVERY_PYTHON), 0);
	for (size_t i = 0; i < none.n; i++)
		assert_null(strstr(none.items[i].path, scratch));
	pb_candidates_fini(&none);
	assert_null(pb_locate_program("python3"));
	assert_int_equal(chdir(back), 0);
}

static void odd_folder_names_are_taken_literally(void **state)
{
	(void)state;
	pretend("a*[b]/python3", "cpython", "3.90.1", "");
	pretend("ab/python3", "cpython", "3.91.1", "");
	setenv("PATH", at("a*[b]"), 1);
	assert_string_equal(choose(NULL), "cpython-3.90.1");
}

/* --- folders --------------------------------------------------------------------------------- */

static void home_is_where_the_data_lies(void **state)
{
	(void)state;
	char *home = NULL, *unset = NULL;
	struct probe_error err = {0};
	assert_int_equal(pb_home_find(&home, NULL, &err), 0);
	assert_string_equal(home, getenv("PROBE_HOME"));
	free(home);
	setenv("PROBE_HOME", scratch, 1);
	assert_int_equal(pb_home_find(&unset, NULL, &err), -PROBE_ENOENT);
	assert_non_null(strstr(err.msg, "PROBE_HOME"));
	assert_null(unset);
}

static void cache_is_made_or_explained(void **state)
{
	(void)state;
	char *dir = NULL;
	struct probe_error err = {0};
	struct stat st;
	setenv("XDG_CACHE_HOME", at("deep/er"), 1);
	char *note = NULL;
	assert_int_equal(pb_cache_dir(&dir, &note, &err), 0);
	assert_string_equal(dir, at("deep/er/probe"));
	assert_string_equal(note, "");
	free(note);
	assert_int_equal(stat(dir, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	free(dir);
	setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, says its specification */
	assert_int_equal(pb_cache_dir(&dir, NULL, &err), 0);
	assert_string_equal(dir, at(".cache/probe"));
	free(dir);
	write_file(at("file"), "", 0644);
	setenv("XDG_CACHE_HOME", at("file"), 1);
	dir = NULL;
	assert_int_equal(pb_cache_dir(&dir, NULL, &err), -PROBE_ESYS);
	assert_non_null(strstr(err.msg, "XDG_CACHE_HOME"));
	assert_null(dir);
	setenv("XDG_CACHE_HOME", at("\xff"), 1);
	assert_int_equal(pb_cache_dir(&dir, NULL, &err), -PROBE_EINVAL);
	assert_non_null(strstr(err.msg, "not UTF-8"));
	setenv("XDG_CACHE_HOME", "/proc/none", 1); /* can't be made by anyone */
	assert_int_equal(pb_cache_dir(&dir, NULL, &err), -PROBE_ESYS);
	unsetenv("XDG_CACHE_HOME");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_place_is_searched_and_ordered_by_version),
		TEST(what_make_interpreters_obtained_is_found),
		TEST(pypy_and_graalpy_are_found_when_wanted),
		TEST(what_is_switched_off_is_an_interpreter_of_its_own),
		TEST(equal_builds_keep_their_numbers_beside_variants),
		TEST(switches_reach_the_interpreter_and_the_run),
		TEST(a_bad_switch_is_refused),
		TEST(a_plus_without_a_switch_belongs_to_the_path),
		TEST(another_processor_is_said_and_not_tried),
		TEST(one_interpreter_by_several_names_comes_once),
		TEST(equal_labels_are_numbered),
		TEST(choices_are_versions_labels_paths_and_programs),
		TEST(what_is_no_usable_interpreter_is_left_out_or_refused),
		TEST(facts_reach_the_run),
		TEST(relative_parts_of_the_path_are_ignored),
		TEST(odd_folder_names_are_taken_literally),
		TEST(home_is_where_the_data_lies),
		TEST(cache_is_made_or_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
