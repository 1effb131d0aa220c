/* SPDX-License-Identifier: MIT
 * The catalog: the workloads and paths of this tree, choosing by name, and broken descriptions.
 */
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

#include "matrix/catalog.h"
#include "probe/catalog.h"

static char scratch[64], here[256];

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
	return path;
}

static void write_file(const char *path, const char *text)
{
	char parent[256];
	snprintf(parent, sizeof parent, "%s", path);
	for (char *c = parent + strlen(scratch) + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		mkdir(parent, 0755);
		*c = '/';
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(scratch, sizeof scratch, "/tmp/test_catalog.XXXXXX");
	unsetenv("PROBE_BINDINGS");
	unsetenv("PROBE_WORKLOADS");
	return mkdtemp(scratch) && getcwd(here, sizeof here) ? setenv("PROBE_HOME", here, 1) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "/bin/rm -rf %s", scratch);
	return system(command);
}

/* Names that a list of names gives, as one text; "!" and the message when it fails. */
static const char *workloads(const char *home, const char *const *names)
{
	static char text[8192];
	struct probe_error err = {0};
	struct pb_workload *found = NULL;
	size_t n = 0;
	text[0] = '\0';
	if (pb_catalog_workloads(home, names, &found, &n, &err)) {
		assert_null(found);
		snprintf(text, sizeof text, "!%s", err.msg);
		return text;
	}
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
			 found[i].name);
	pb_workloads_free(found, n);
	return text;
}

static const char *paths(const char *home, const char *list)
{
	static char text[1024];
	struct probe_error err = {0};
	struct pb_path *found = NULL;
	size_t n = 0;
	text[0] = '\0';
	if (pb_catalog_paths(home, list, &found, &n, &err)) {
		assert_null(found);
		snprintf(text, sizeof text, "!%s", err.msg);
		return text;
	}
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
			 found[i].name);
	pb_paths_free(found, n);
	return text;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void workloads_are_chosen_by_name(void **state)
{
	(void)state;
	/* What else there is comes after these, or between them: the tree may grow. */
	static const char first[] = "noop add ";
	char all[8192], named[8192];
	snprintf(all, sizeof all, "%s", workloads(here, NULL));
	assert_memory_equal(all, first, strlen(first));
	assert_non_null(strstr(all, "sum:16 sum:1024 sum:65536"));
	/* But for sweeps, which are named. */
	assert_non_null(strstr(all, " args:int:0 "));
	snprintf(named, sizeof named, "%s", workloads(here, NAMES("all")));
	assert_memory_equal(named, all, strlen(named));
	assert_null(strstr(named, "args:"));
	assert_string_equal(workloads(here, NAMES("all", "args")), all);
	assert_string_equal(workloads(here, NAMES("fib", "add")), "fib add");
	assert_string_equal(workloads(here, NAMES("sum:1024", "sum", "sum:16")),
			    "sum:1024 sum:16 sum:65536");
}

static void unknown_workloads_are_explained(void **state)
{
	(void)state;
	assert_non_null(strstr(workloads(here, NAMES("add", "fibb")),
			       "!no workload 'fibb': did you mean fib? (known: noop, add, "));
	assert_non_null(strstr(workloads(here, NAMES("quicksort")),
			       "!no workload 'quicksort' (known: noop, add, "));
	assert_string_equal(workloads(here, NAMES("sum:17")),
			    "!no workload 'sum:17' (known: sum:16, sum:1024, sum:65536)");
	assert_string_equal(workloads(here, NAMES("sum:")),
			    "!no workload 'sum:' (known: sum:16, sum:1024, sum:65536)");
	assert_string_equal(workloads(here, NAMES("sum:16x")),
			    "!no workload 'sum:16x' (known: sum:16, sum:1024, sum:65536)");
	assert_string_equal(workloads(here, NAMES("add:1")),
			    "!no workload 'add:1': add has no variants");
	assert_non_null(strstr(workloads(here, NAMES("")), "!no workload ''"));
}

static void a_workload_knows_its_parts(void **state)
{
	(void)state;
	struct probe_error err = {0};
	struct pb_workload *found = NULL;
	struct pb_path *o = NULL;
	char reason[128] = "";
	size_t n = 0, path_count = 0;
	assert_int_equal(pb_catalog_workloads(here, NAMES("sum:16", "fib"), &found, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(found[0].base, "sum");
	assert_true(found[0].has_variant);
	assert_int_equal(found[0].variant, 16);
	assert_int_equal(found[0].param_count, 2);
	assert_false(found[1].has_variant);
	assert_true(json_is_array(json_object_get(found[1].json, "claims")));

	assert_int_equal(pb_catalog_paths(here, "capi-o,python", &o, &path_count, &err), 0);
	assert_int_equal(path_count, 2);
	assert_true(o[0].pure);
	assert_false(o[1].pure);
	assert_true(o[1].compiler);
	assert_true(pb_path_applies(&o[1], &found[1], reason, sizeof reason));
	assert_false(pb_path_applies(&o[1], &found[0], reason, sizeof reason));
	assert_non_null(strstr(reason, "exactly 1 argument; sum has 2"));
	pb_workloads_free(found, n);
	pb_paths_free(o, path_count);
}

static void paths_come_in_catalog_order(void **state)
{
	(void)state;
	static const char first[] = "python ctypes ctypes-untyped cffi-abi cffi-api ";
	assert_memory_equal(paths(here, NULL), first, strlen(first));
	assert_string_equal(paths(here, "capi-o,ctypes,python,ctypes"), "python ctypes capi-o");
	assert_non_null(strstr(paths(here, "ctype"), "!no path 'ctype': did you mean ctypes?"));
	assert_non_null(strstr(paths(here, "ctypes,"), "!an empty name"));
}

static const char foreign_path[] =
	"{\"name\": \"mine\", \"summary\": \"s\", \"layers\": [], \"compiler\": false}";

static void more_can_come_from_outside(void **state)
{
	(void)state;
	write_file(at("x/mine/path.json"), foreign_path);
	write_file(at("x/mine/binding.py"), "");
	write_file(at("w/twice/twice.c"), "");
	write_file(at("w/twice/twice.py"), "");
	write_file(at("w/twice/workload.json"),
		   "{\"name\": \"twice\", \"summary\": \"s\", \"source\": \"twice.c\", \"python\": "
		   "\"twice.py\", \"args\": [1], \"prototype\": {\"name\": \"twice\", \"returns\": "
		   "\"int\", \"params\": [{\"name\": \"a\", \"type\": \"int\"}]}}");
	char folders[600];
	snprintf(folders, sizeof folders, ":%s:%s/workloads/bindings", at("x"), here);
	setenv("PROBE_BINDINGS", folders, 1);
	setenv("PROBE_WORKLOADS", at("w"), 1);
	assert_string_equal(paths(here, "mine,python"), "python mine");
	assert_string_equal(workloads(here, NAMES("twice")), "twice");

	write_file(at("y/ctypes/path.json"), foreign_path);
	setenv("PROBE_BINDINGS", at("y"), 1);
	assert_non_null(strstr(paths(here, NULL), "!two paths are called ctypes"));
	setenv("PROBE_BINDINGS", at("nosuch"), 1);
	assert_non_null(strstr(paths(here, NULL), "!PROBE_BINDINGS names"));
}

/* Replaces "from" in the description of a good workload; "" = nothing. */
static const char *with(const char *from, const char *to)
{
	static const char good[] =
		"{\"name\": \"w\", \"summary\": \"s\", \"source\": \"w.c\", \"python\": \"w.py\",\n"
		"\"prototype\": {\"name\": \"w\", \"returns\": \"int\", \"params\": [{\"name\": "
		"\"a\", \"type\": \"int\"}]}, \"args\": [1], \"variants\": null}";
	static char text[600];
	const char *place = strstr(good, from);
	assert_non_null(place);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(place - good), good, to,
		 place + strlen(from));
	write_file(at("h/workloads/w/w.c"), "");
	write_file(at("h/workloads/w/w.py"), "");
	write_file(at("h/workloads/w/workload.json"), text);
	return workloads(at("h"), NULL);
}

static void broken_workloads_name_the_file_and_the_fault(void **state)
{
	(void)state;
	assert_string_equal(with("", ""), "w");
	assert_non_null(strstr(with("\"w.py\",", "\"w.py\""), "workload.json, line 2"));
	assert_non_null(strstr(with("\"summary\": \"s\",", ""), "'name' and 'summary'"));
	assert_non_null(strstr(with("{\"name\": \"w\"", "{\"name\": \"v\""), "its folder is w"));
	assert_non_null(strstr(with("\"w.c\"", "\"v.c\""), "'source' must name a file"));
	assert_non_null(strstr(with("{\"name\": \"w\", \"ret", "{\"name\": \"w w\", \"ret"),
			       "needs the function's 'name'"));
	assert_non_null(strstr(with("\"returns\": \"int\",", ""), "what it 'returns'"));
	assert_non_null(strstr(with("\"type\": \"int\"", "\"type\": 1"), "parameter 1"));
	assert_non_null(strstr(with("\"args\": [1]", "\"args\": []"), "1 parameters, but 0"));
	assert_non_null(strstr(with("null", "[0]"), "variant 1"));
	assert_non_null(strstr(with("null", "7"), "'variants' must be"));
	assert_non_null(strstr(with("null", "[8, 9]"), "w:8 w:9"));
}

/* Members share a folder and a source; each has a prototype of its own. */
static const char members[] =
	"{\"name\": \"len\", \"summary\": \"s\", \"source\": \"len.c\", \"python\": \"len.py\", "
	"\"prototype\": {\"name\": \"length\", \"returns\": \"int\", \"params\": [{\"name\": "
	"\"a\", "
	"\"type\": \"const char *\", \"role\": \"string\"}]}, \"members\": [{\"name\": \"str\", "
	"\"args\": [\"x\"]}, {\"name\": \"bytes\", \"args\": [{\"bytes\": \"x\"}], \"variants\": "
	"[4, "
	"5]}]}";

static void members_are_workloads_of_their_own(void **state)
{
	struct probe_error err = {0};
	struct pb_workload *found = NULL;
	size_t n = 0;
	(void)state;
	write_file(at("m/workloads/len/len.c"), "");
	write_file(at("m/workloads/len/len.py"), "");
	write_file(at("m/workloads/len/workload.json"), members);
	assert_string_equal(workloads(at("m"), NULL), "len:str len:bytes:4 len:bytes:5");
	assert_string_equal(workloads(at("m"), NAMES("len")), workloads(at("m"), NULL));
	assert_string_equal(workloads(at("m"), NAMES("len:bytes")), "len:bytes:4 len:bytes:5");
	assert_string_equal(workloads(at("m"), NAMES("len:bytes:5", "len:str")),
			    "len:bytes:5 len:str");
	assert_string_equal(
		workloads(at("m"), NAMES("len:bytes:6")),
		"!no workload 'len:bytes:6' (known: len:str, len:bytes:4, len:bytes:5)");
	assert_int_equal(pb_catalog_workloads(at("m"), NAMES("len:str"), &found, &n, &err), 0);
	assert_string_equal(found[0].base, "len:str");
	assert_string_equal(found[0].group, "len");
	assert_null(json_object_get(found[0].json, "members"));
	assert_string_equal(json_string_value(json_object_get(found[0].json, "name")), "len:str");
	pb_workloads_free(found, n);
}

static void a_folder_is_a_workload_too(void **state)
{
	(void)state;
	write_file(at("f/len/len.c"), "");
	write_file(at("f/len/len.py"), "");
	write_file(at("f/len/workload.json"), members);
	assert_string_equal(workloads(here, NAMES("fib", at("f/len"))),
			    "fib len:str len:bytes:4 len:bytes:5");
	assert_non_null(strstr(workloads(here, NAMES(at("f/none"))), "f/none"));
}

static void options_make_a_path_of_their_own(void **state)
{
	struct probe_error err = {0};
	struct pb_path *found = NULL;
	size_t n = 0;
	(void)state;
	assert_string_equal(paths(here, "capi-fastcall+nogil,capi-fastcall,ctypes"),
			    "ctypes capi-fastcall capi-fastcall+nogil");
	assert_non_null(strstr(paths(here, "capi-fastcall+nogill"),
			       "!no option of capi-fastcall 'nogill': did you mean nogil?"));
	assert_non_null(strstr(paths(here, "capi-fastcall+nogil+nogil"), "named twice"));
	assert_non_null(strstr(paths(here, "capi-fastcall+"), "!no option of capi-fastcall ''"));
	assert_non_null(strstr(paths(here, "ctypes+static"), "!no option of ctypes 'static'"));

	assert_int_equal(pb_catalog_paths(here, "capi-fastcall+nogil+static", &found, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(json_string_value(json_object_get(found[0].json, "name")),
			    "capi-fastcall+nogil+static");
	assert_int_equal(json_array_size(json_object_get(found[0].json, "chosen")), 2);
	assert_true(json_is_true(json_object_get(found[0].json, "twin")));
	/* The layers that hold when the GIL is released. */
	assert_int_equal(json_array_size(json_object_get(found[0].json, "layers")), 4);
	pb_paths_free(found, n);
}

static const struct probe_listed *listed_as(const struct probe_listed *listed, size_t n,
					    const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(listed[i].name, name))
			return &listed[i];
	fail_msg("%s is not listed", name);
	return NULL;
}

static void listing_describes_everything(void **state)
{
	(void)state;
	struct probe_listed *listed = NULL;
	struct probe_error err = {0};
	size_t n = 0;
	assert_int_equal(probe_list_workloads(&listed, &n, &err), 0);
	assert_string_equal(listed_as(listed, n, "noop")->detail, "void noop(void)");
	const struct probe_listed *sum = listed_as(listed, n, "sum");
	assert_string_equal(sum->detail, "double sum(const double *values, size_t count)");
	assert_int_equal(sum->variant_count, 3);
	assert_int_equal(sum->variants[2], 65536);
	probe_listed_free(listed, n);
	assert_int_equal(probe_list_paths(&listed, &n, &err), 0);
	assert_string_equal(listed_as(listed, n, "python")->detail, "");
	assert_string_equal(listed_as(listed, n, "cffi-api")->detail,
			    "a C compiler, cffi, pycparser");
	probe_listed_free(listed, n);
	probe_listed_free(NULL, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(workloads_are_chosen_by_name),
		TEST(unknown_workloads_are_explained),
		TEST(a_workload_knows_its_parts),
		TEST(paths_come_in_catalog_order),
		TEST(more_can_come_from_outside),
		TEST(broken_workloads_name_the_file_and_the_fault),
		TEST(members_are_workloads_of_their_own),
		TEST(a_folder_is_a_workload_too),
		TEST(options_make_a_path_of_their_own),
		TEST(listing_describes_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
