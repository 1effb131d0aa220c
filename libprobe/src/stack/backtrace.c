/* SPDX-License-Identifier: MIT */
#include "stack/backtrace.h"

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fail.h"

#define MAX_FRAMES  64
#define STACK_BYTES (256 * 1024)

/* A signal handler has no other way to know; set once, before the handlers are installed. */
static int crash_fd = -1;

static void put(const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(crash_fd, text, n);
		if (done <= 0)
			return;
		text += done;
		n -= (size_t)done;
	}
}

static const char *signal_name(int number)
{
	switch (number) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGFPE:
		return "SIGFPE";
	case SIGILL:
		return "SIGILL";
	case SIGABRT:
		return "SIGABRT";
	}
	return "signal";
}

static void put_frame(int number, unw_cursor_t *cursor)
{
	char name[256] = "?", line[512];
	unw_word_t ip = 0, offset = 0;
	Dl_info object = {0};
	unw_get_reg(cursor, UNW_REG_IP, &ip);
	if (unw_get_proc_name(cursor, name, sizeof name, &offset) && !name[0])
		strcpy(name, "?");
	dladdr((void *)ip, &object);
	const char *base = object.dli_fname ? strrchr(object.dli_fname, '/') : NULL;
	int n = snprintf(line, sizeof line, "#%d %s+0x%lx (%s)\n", number, name,
			 (unsigned long)offset,
			 base               ? base + 1
			 : object.dli_fname ? object.dli_fname
					    : "?");
	if (n > 0)
		put(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	char line[96];
	int n = snprintf(line, sizeof line, "%s at address %p\n", signal_name(number),
			 info->si_addr);
	put(line, n > 0 ? (size_t)n : 0);
	unw_cursor_t cursor;
	if (unw_init_local2(&cursor, (unw_context_t *)context, UNW_INIT_SIGNAL_FRAME) == 0) {
		int frame = 0;
		do
			put_frame(frame++, &cursor);
		while (frame < MAX_FRAMES && unw_step(&cursor) > 0);
	}
	signal(number, SIG_DFL);
	raise(number);
}

int pb_backtrace_on_crash(int fd, struct probe_error *err)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	void *memory =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return pb_fail(err, PROBE_ESYS, errno, "no memory for a signal stack");
	stack_t stack = {.ss_sp = memory, .ss_size = STACK_BYTES};
	if (sigaltstack(&stack, NULL))
		return pb_fail(err, PROBE_ESYS, errno, "can't set a signal stack");
	crash_fd = fd;
	struct sigaction action = {.sa_sigaction = on_crash,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (sigaction(signals[i], &action, NULL))
			return pb_fail(err, PROBE_ESYS, errno, "can't catch %s",
				       signal_name(signals[i]));
	return 0;
}
