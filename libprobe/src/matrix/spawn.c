/* SPDX-License-Identifier: MIT
 * Starting one child process: environment, descriptors, process group, and how exec itself failed.
 */
#include "matrix/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"

extern char **environ;

enum { RESULT_FD = 3, CRASH_FD = 4, FIRST_FREE_FD = 5 };

/* Four children at once, and what starting one and reading folders takes. */
enum { DESCRIPTORS = 32 };

bool pb_is_limit(int start_errno)
{
	return start_errno == EMFILE || start_errno == ENFILE || start_errno == EAGAIN ||
	       start_errno == ENOMEM;
}

static unsigned long limit_of(__rlimit_resource_t which)
{
	struct rlimit limit;
	return getrlimit(which, &limit) ? 0 : (unsigned long)limit.rlim_cur;
}

const char *pb_start_error(int start_errno, char *buf, size_t size)
{
	if (start_errno == EMFILE)
		snprintf(buf, size,
			 "too few files may be open (`ulimit -n` is %lu): raise it with "
			 "`ulimit -n 1024`",
			 limit_of(RLIMIT_NOFILE));
	else if (start_errno == EAGAIN)
		snprintf(buf, size,
			 "the limit on processes is reached (`ulimit -u` is %ld; a container has "
			 "its own): raise it, or end some",
			 (long)limit_of(RLIMIT_NPROC));
	else
		snprintf(buf, size, "%s", strerror(start_errno));
	return buf;
}

int pb_descriptors_check(struct probe_error *err)
{
	int fds[DESCRIPTORS], n = 0, code = 0;
	char why[160];
	while (n < DESCRIPTORS && !code) {
		fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		code = fds[n] < 0 ? errno : 0;
		n += !code;
	}
	while (n)
		close(fds[--n]);
	if (code != EMFILE && code != ENFILE)
		return 0;
	return pb_fail(err, PROBE_ESYS, 0, "can't start an interpreter: %s",
		       pb_start_error(code, why, sizeof why));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A pipe whose ends lie above every descriptor that the child's dup2() calls write to. */
static int open_pipe(int *read_end, int *write_end)
{
	int low[2];
	if (pipe2(low, O_CLOEXEC))
		return errno;
	*read_end = fcntl(low[0], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	*write_end = fcntl(low[1], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int saved = errno;
	close(low[0]);
	close(low[1]);
	return *read_end < 0 || *write_end < 0 ? saved : 0;
}

static size_t key_length(const char *entry)
{
	return strcspn(entry, "=");
}

static bool same_key(const char *a, const char *b)
{
	size_t n = key_length(a);
	return n == key_length(b) && !memcmp(a, b, n);
}

/* Our environment with changes applied; only the array is allocated. NULL when out of memory. */
static char **merge_environment(const char *const *changes)
{
	size_t n = 0, extra = 0, kept = 0;
	while (environ && environ[n])
		n++;
	while (changes && changes[extra])
		extra++;
	char **merged = calloc(n + extra + 1, sizeof *merged);
	if (!merged)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool changed = false;
		for (size_t k = 0; k < extra && !changed; k++)
			changed = same_key(environ[i], changes[k]);
		if (!changed)
			merged[kept++] = environ[i];
	}
	for (size_t k = 0; k < extra; k++)
		if (strchr(changes[k], '='))
			merged[kept++] = (char *)(uintptr_t)changes[k]; /* execve() wants it so */
	return merged;
}

/* After fork(): async-signal-safe calls only, as another thread may have held any lock. */
__attribute__((noreturn)) static void become(const struct pb_child_spec *spec, char **env,
					     const int stdio[3], int result, int crash,
					     int exec_error, pid_t parent)
{
	setpgid(0, 0);
	/* A probe that is killed leaves no measuring child behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	bool ok = dup2(stdio[0], 0) == 0 && dup2(stdio[1], 1) == 1 && dup2(stdio[2], 2) == 2;
	if (!spec->result_on_stdout)
		ok = ok && dup2(result, RESULT_FD) == RESULT_FD &&
		     dup2(crash, CRASH_FD) == CRASH_FD;
#if defined SYS_close_range && defined CLOSE_RANGE_CLOEXEC
	/* What our host left inheritable is not the child's; before Linux 5.11 it stays open. */
	syscall(SYS_close_range, spec->result_on_stdout ? RESULT_FD : FIRST_FREE_FD, ~0u,
		CLOSE_RANGE_CLOEXEC);
#endif
	if (ok)
		execve(spec->argv[0], (char *const *)(uintptr_t)spec->argv, env);
	int code = errno;
	ssize_t ignored = write(exec_error, &code, sizeof code);
	(void)ignored;
	_exit(127);
}

/* What exec left in its pipe: 0 when it succeeded (the pipe closed), else its errno. */
static int exec_result(int fd)
{
	int code = 0;
	ssize_t n;
	do
		n = read(fd, &code, sizeof code);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof code ? code : 0;
}

static int open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	return -1;
#endif
}

int pb_spawn(const struct pb_child_spec *spec, struct pb_spawned *out)
{
	int theirs[PB_STREAM_COUNT] = {-1, -1, -1}, ours[PB_STREAM_COUNT] = {-1, -1, -1};
	int exec_read = -1, exec_write = -1, null_in = -1, null_out = -1, rc = 0;
	char **env = merge_environment(spec->env);
	if (!env)
		return ENOMEM;
	for (int i = 0; i < PB_STREAM_COUNT && !rc; i++)
		if (i != PB_STREAM_CRASH || !spec->result_on_stdout)
			rc = open_pipe(&ours[i], &theirs[i]);
	if (!rc)
		rc = open_pipe(&exec_read, &exec_write);
	if (rc)
		goto out;
	null_in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	null_out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null_in < 0 || null_out < 0) {
		rc = errno;
		goto out;
	}
	/* dup2() onto itself would keep close-on-exec: lift these above 0, 1 and 2 as well. */
	int lifted_in = fcntl(null_in, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int lifted_out = fcntl(null_out, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	close_fd(&null_in);
	close_fd(&null_out);
	null_in = lifted_in;
	null_out = lifted_out;
	if (null_in < 0 || null_out < 0) {
		rc = EMFILE;
		goto out;
	}
	const int stdio[3] = {null_in, spec->result_on_stdout ? theirs[PB_STREAM_RESULT] : null_out,
			      theirs[PB_STREAM_STDERR]};
	pid_t parent = getpid(), pid = fork();
	if (pid < 0) {
		rc = errno;
		goto out;
	}
	if (pid == 0)
		become(spec, env, stdio, theirs[PB_STREAM_RESULT], theirs[PB_STREAM_CRASH],
		       exec_write, parent);
	close_fd(&exec_write);
	rc = exec_result(exec_read);
	if (rc) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		goto out;
	}
	out->pid = pid;
	out->pidfd = open_pidfd(pid);
	for (int i = 0; i < PB_STREAM_COUNT; i++) {
		out->fds[i] = ours[i];
		if (ours[i] >= 0)
			fcntl(ours[i], F_SETFL, O_NONBLOCK);
		ours[i] = -1;
	}
out:
	for (int i = 0; i < PB_STREAM_COUNT; i++) {
		close_fd(&ours[i]);
		close_fd(&theirs[i]);
	}
	close_fd(&exec_read);
	close_fd(&exec_write);
	close_fd(&null_in);
	close_fd(&null_out);
	free(env);
	return rc;
}
