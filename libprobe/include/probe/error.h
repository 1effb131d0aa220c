/* SPDX-License-Identifier: MIT
 * Error codes and the error object that every fallible call of libprobe can fill.
 */
#ifndef PROBE_ERROR_H
#define PROBE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define PROBE_API __attribute__((visibility("default")))

/* Calls return 0 (or a count) on success and one of these, negated, on failure. */
enum probe_code {
	PROBE_OK = 0,
	PROBE_EINVAL,         /* an argument is out of its documented range */
	PROBE_ENOMEM,         /* an allocation failed */
	PROBE_ESYS,           /* a system call failed; see sys_errno */
	PROBE_ENOPMU,         /* this machine shows no such hardware counter */
	PROBE_EPERM_PARANOID, /* the kernel's perf_event_paranoid (or seccomp) forbids it */
	PROBE_ENOEVENT,       /* there is a PMU, but not this event */
	PROBE_EMULTIPLEX,     /* the event was not on the PMU all the time */
	PROBE_EABI,           /* structure or kernel interface of an unknown version */
	PROBE_ENOENT,         /* a named file, symbol, path or interpreter does not exist */
	PROBE_EFORMAT,        /* a file is not what it should be */
	PROBE_ETIMEOUT,       /* a child process did not finish in time */
	PROBE_ECRASH,         /* a child process died by a signal */
	PROBE_ECHILD,         /* a child process failed and said why */
	PROBE_EINTR,          /* the user interrupted */
	PROBE_EUNHOOKABLE,    /* a layer of a call path can't be reached here */
};

struct probe_error {
	int code;      /* enum probe_code, positive; 0 = none */
	int sys_errno; /* errno of the failed call, or 0 */
	char msg[512]; /* one line: what was tried, what happened, what to do */
};

/* The constant name of a code (either sign), for example "ENOPMU".
 * Threads: safe. Signals: safe. */
PROBE_API const char *probe_code_name(int code);

#ifdef __cplusplus
}
#endif
#endif
