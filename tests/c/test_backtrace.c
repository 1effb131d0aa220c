/* SPDX-License-Identifier: MIT
 * Crashes in forked children: what they write before they die, and that they die by their signal.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "stack/backtrace.h"

#if __has_attribute(noclone)
#define NOINLINE __attribute__((noinline, noclone))
#else
#define NOINLINE __attribute__((noinline)) /* clang clones nothing */
#endif
#define TEXT 16384

/* Where nothing may be written; a null pointer would be the sanitizers' business. */
static char *forbidden;
static volatile unsigned depth_wanted = UINT32_MAX;

static NOINLINE void writes_where_it_may_not(void)
{
	*(volatile char *)(forbidden + 0x120) = 1;
	depth_wanted--; /* no tail call: the frame has to stay */
}

static NOINLINE void calls_the_writer(void)
{
	writes_where_it_may_not();
	depth_wanted--;
}

static NOINLINE void aborts_itself(void)
{
	abort();
}

static NOINLINE unsigned goes_ever_deeper(unsigned depth)
{
	volatile char frame[512];
	frame[depth % sizeof frame] = 1;
	if (depth == depth_wanted)
		return depth;
	return goes_ever_deeper(depth + 1) + (unsigned)frame[0];
}

static void overflows_its_stack(void)
{
	goes_ever_deeper(0);
}

static void raises_fpe(void)
{
	raise(SIGFPE);
}

static void raises_ill(void)
{
	raise(SIGILL);
}

static void raises_bus(void)
{
	raise(SIGBUS);
}

/* Runs crash() in a child that reports to a pipe. Returns the signal that it died by, or 0. */
static int crashed(void (*crash)(void), bool closed_pipe, char text[TEXT])
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit no_core = {0, 0}, small_stack = {1 << 20, 1 << 20};
		setrlimit(RLIMIT_CORE, &no_core);
		setrlimit(RLIMIT_STACK, &small_stack);
		close(ends[0]);
		alarm(20); /* a handler that hangs is a failure too */
		if (pb_backtrace_on_crash(ends[1], NULL))
			_exit(3);
		if (closed_pipe)
			close(ends[1]);
		crash();
		_exit(4);
	}
	close(ends[1]);
	size_t n = 0;
	ssize_t got;
	while (n + 1 < TEXT && (got = read(ends[0], text + n, TEXT - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(ends[0]);
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* "#n name+0xoffset (object)" lines, counted from 0 without a gap; returns how many. */
static unsigned frames_of(const char *text)
{
	unsigned frames = 0;
	for (const char *line = strchr(text, '\n'); line && line[1];
	     line = strchr(line + 1, '\n')) {
		unsigned number = 0;
		unsigned long offset = 0;
		char name[300], object[300];
		if (sscanf(line, "\n#%u %299[^+]+0x%lx (%299[^)])", &number, name, &offset,
			   object) != 4 ||
		    number != frames)
			fail_msg("frame %u is written as:%.80s", frames, line);
		assert_null(strchr(object, '/'));
		frames++;
	}
	return frames;
}

static unsigned frame_naming(const char *text, const char *function)
{
	char pattern[64];
	snprintf(pattern, sizeof pattern, " %s+0x", function);
	const char *found = strstr(text, pattern);
	if (!found)
		fail_msg("no %s in:\n%s", function, text);
	while (*found != '#')
		found--;
	return (unsigned)strtoul(found + 1, NULL, 10);
}

static void a_bad_write_is_traced_to_its_function(void **state)
{
	(void)state;
	char text[TEXT], first[96];
	assert_int_equal(crashed(calls_the_writer, false, text), SIGSEGV);
	snprintf(first, sizeof first, "SIGSEGV at address %p\n", (void *)(forbidden + 0x120));
	assert_memory_equal(text, first, strlen(first));
	assert_true(frames_of(text) >= 3);
	assert_int_equal(frame_naming(text, "writes_where_it_may_not"), 0);
	assert_int_equal(frame_naming(text, "calls_the_writer"), 1);
	assert_true(frame_naming(text, "crashed") == 2);
	assert_non_null(strstr(text, "(test_backtrace)"));
}

static void an_abort_is_traced_through_the_c_library(void **state)
{
	(void)state;
	char text[TEXT];
	assert_int_equal(crashed(aborts_itself, false, text), SIGABRT);
	assert_memory_equal(text, "SIGABRT at ", 11);
	frames_of(text);
	assert_true(frame_naming(text, "aborts_itself") >= 1);
	assert_non_null(strstr(text, "libc"));
}

/* There is no stack left to run a handler on: it has its own. */
static void a_stack_overflow_is_traced(void **state)
{
	(void)state;
	char text[TEXT];
	assert_int_equal(crashed(overflows_its_stack, false, text), SIGSEGV);
	assert_memory_equal(text, "SIGSEGV at ", 11);
	assert_int_equal(frames_of(text), 64);
	assert_true(frame_naming(text, "goes_ever_deeper") <= 1);
}

static void every_crash_signal_is_named(void **state)
{
	(void)state;
	const struct {
		void (*crash)(void);
		int signal;
		const char *text;
	} rows[] = {
		{raises_fpe, SIGFPE, "SIGFPE at "},
		{raises_ill, SIGILL, "SIGILL at "},
		{raises_bus, SIGBUS, "SIGBUS at "},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[TEXT];
		assert_int_equal(crashed(rows[i].crash, false, text), rows[i].signal);
		assert_memory_equal(text, rows[i].text, strlen(rows[i].text));
		assert_non_null(strstr(text, "\n#0 "));
	}
}

/* Nobody listens: still the same death, and no loop. */
static void a_closed_pipe_changes_nothing(void **state)
{
	(void)state;
	char text[TEXT];
	assert_int_equal(crashed(calls_the_writer, true, text), SIGSEGV);
	assert_int_equal(crashed(aborts_itself, true, text), SIGABRT);
	assert_string_equal(text, "");
}

static int map_forbidden(void **state)
{
	(void)state;
	forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return forbidden == MAP_FAILED;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_write_is_traced_to_its_function),
		cmocka_unit_test(an_abort_is_traced_through_the_c_library),
		cmocka_unit_test(a_stack_overflow_is_traced),
		cmocka_unit_test(every_crash_signal_is_named),
		cmocka_unit_test(a_closed_pipe_changes_nothing),
	};
	return cmocka_run_group_tests(tests, map_forbidden, NULL);
}
