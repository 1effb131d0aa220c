/* SPDX-License-Identifier: MIT
 * The loop around running children: it sleeps in ppoll() until a pipe, an end, a limit or a signal.
 */
#include "matrix/child.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "matrix/spawn.h"

enum {
	RESULT_MAX_BYTES = 256 << 20,
	CRASH_MAX_BYTES = 64 << 10,
	STDERR_MAX_BYTES = 2 << 10,
	LINE_MAX_BYTES = 1 << 10,
	PIPE_MAX_BYTES = 1 << 20, /* what an ended child can have left in a pipe */
	FDS_PER_CHILD = PB_STREAM_COUNT + 1,
};

static const double grace_s = 1.0;         /* between SIGTERM and SIGKILL */
static const double cancel_grace_s = 0.3;  /* the same, when a person waits */
static const double longest_sleep_s = 1.0; /* a signal may have gone to another thread */
static const double no_pidfd_sleep_s = 0.05;

struct running {
	bool active;
	const struct pb_child_spec *spec;
	struct pb_child_outcome *outcome;
	struct pb_spawned process;
	double started_s;
	double kill_s;              /* when SIGKILL is due; 0 = SIGTERM was not sent */
	enum pb_child_end ended_by; /* PB_CHILD_TIMEOUT or _CANCELLED once we sent SIGTERM */
	char line[LINE_MAX_BYTES];
	size_t line_length;
};

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Adds to a stream's bytes, whose buffer doubles; past max, more is counted as overflow only. */
static int keep_head(struct pb_bytes *to, const char *bytes, size_t n, size_t max)
{
	if (n > max - to->length) {
		n = max - to->length;
		to->overflow = true;
	}
	size_t need = to->length + n + 1, capacity = 4096;
	while (capacity < to->length + 1)
		capacity *= 2;
	if (!to->bytes || need > capacity) {
		while (capacity < need)
			capacity *= 2;
		char *grown = realloc(to->bytes, capacity);
		if (!grown)
			return -PROBE_ENOMEM;
		to->bytes = grown;
	}
	if (n)
		memcpy(to->bytes + to->length, bytes, n);
	to->length += n;
	to->bytes[to->length] = '\0';
	return 0;
}

static int keep_tail(struct pb_bytes *to, const char *bytes, size_t n, size_t max)
{
	if (n > max) {
		bytes += n - max;
		n = max;
		to->overflow = true;
	}
	size_t old = to->length;
	if (old + n > max) {
		size_t drop = old + n - max;
		memmove(to->bytes, to->bytes + drop, old - drop);
		to->length = old - drop;
		to->overflow = true;
	}
	return keep_head(to, bytes, n, max);
}

/* A line longer than the buffer is given in its first part only. */
static void split_lines(struct running *r, const char *bytes, size_t n)
{
	if (!r->spec->on_stderr_line)
		return;
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != '\n') {
			if (r->line_length < sizeof r->line - 1)
				r->line[r->line_length++] = bytes[i];
			continue;
		}
		r->line[r->line_length] = '\0';
		r->line_length = 0;
		r->spec->on_stderr_line(r->spec->ctx, r->line);
	}
}

static int keep(struct running *r, enum pb_stream stream, const char *bytes, size_t n)
{
	struct pb_child_outcome *o = r->outcome;
	switch (stream) {
	case PB_STREAM_RESULT:
		return keep_head(&o->result, bytes, n, RESULT_MAX_BYTES);
	case PB_STREAM_CRASH:
		return keep_head(&o->crash, bytes, n, CRASH_MAX_BYTES);
	case PB_STREAM_STDERR:
		split_lines(r, bytes, n);
		return keep_tail(&o->stderr_tail, bytes, n, STDERR_MAX_BYTES);
	case PB_STREAM_COUNT:
		break;
	}
	return 0;
}

/* Reads what a pipe holds now, at most max bytes; closes it at its end. */
static int read_stream(struct running *r, enum pb_stream stream, size_t max)
{
	char chunk[16384];
	int *fd = &r->process.fds[stream];
	for (size_t seen = 0; *fd >= 0 && seen < max;) {
		ssize_t n = read(*fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			close(*fd);
			*fd = -1;
			return 0;
		}
		seen += (size_t)n;
		int rc = keep(r, stream, chunk, (size_t)n);
		if (rc)
			return rc;
	}
	return 0;
}

static int start(struct running *r, const struct pb_child_spec *spec,
		 struct pb_child_outcome *outcome)
{
	*r = (struct running){.spec = spec, .outcome = outcome, .started_s = now_s()};
	if (keep_head(&outcome->result, "", 0, RESULT_MAX_BYTES) ||
	    keep_head(&outcome->crash, "", 0, CRASH_MAX_BYTES) ||
	    keep_head(&outcome->stderr_tail, "", 0, STDERR_MAX_BYTES))
		return -PROBE_ENOMEM;
	outcome->start_errno = pb_spawn(spec, &r->process);
	outcome->end = outcome->start_errno ? PB_CHILD_NO_START : PB_CHILD_EXITED;
	r->active = !outcome->start_errno;
	return 0;
}

static void send_term(struct running *r, enum pb_child_end why, double grace)
{
	double kill_s = now_s() + grace;
	if (r->kill_s <= 0) {
		r->ended_by = why;
		kill(-r->process.pid, SIGTERM);
	}
	if (r->kill_s <= 0 || kill_s < r->kill_s)
		r->kill_s = kill_s;
}

/* Takes the end of a child that waitid() has shown: its group is killed before the process id is
 * given back, so that the id can't be another's. */
static int finish(struct running *r)
{
	struct pb_child_outcome *o = r->outcome;
	int status = 0, rc = 0;
	kill(-r->process.pid, SIGKILL);
	for (int i = 0; i < PB_STREAM_COUNT; i++) {
		int stream_rc = read_stream(r, (enum pb_stream)i, PIPE_MAX_BYTES);
		rc = rc ? rc : stream_rc;
		if (r->process.fds[i] >= 0)
			close(r->process.fds[i]);
	}
	pid_t got;
	do
		got = waitpid(r->process.pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (r->process.pidfd >= 0)
		close(r->process.pidfd);
	r->active = false;
	o->wall_s = now_s() - r->started_s;
	if (r->ended_by) {
		o->end = r->ended_by;
	} else if (got > 0 && WIFSIGNALED(status)) {
		o->end = PB_CHILD_SIGNALLED;
		o->signal = WTERMSIG(status);
	} else {
		/* A host that ignores SIGCHLD lets the kernel take the status: not a success. */
		o->end = PB_CHILD_EXITED;
		o->exit_code = got > 0 ? WEXITSTATUS(status) : 255;
	}
	return rc;
}

static bool has_ended(const struct running *r)
{
	siginfo_t info = {.si_pid = 0};
	int rc = waitid(P_PID, (id_t)r->process.pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return (rc < 0 && errno == ECHILD) || (rc == 0 && info.si_pid == r->process.pid);
}

/* Looks after one child; -PROBE_ENOMEM when its output could not be kept. */
static int tend(struct running *r, bool cancelled)
{
	int rc = 0;
	for (int i = 0; i < PB_STREAM_COUNT && !rc; i++)
		rc = read_stream(r, (enum pb_stream)i, PIPE_MAX_BYTES);
	if (has_ended(r)) {
		int finish_rc = finish(r);
		return rc ? rc : finish_rc;
	}
	double now = now_s();
	if (rc)
		send_term(r, PB_CHILD_CANCELLED, 0);
	else if (cancelled && r->ended_by != PB_CHILD_CANCELLED)
		send_term(r, PB_CHILD_CANCELLED, cancel_grace_s);
	else if (r->spec->timeout_s > 0 && now - r->started_s >= r->spec->timeout_s &&
		 r->kill_s <= 0)
		send_term(r, PB_CHILD_TIMEOUT, grace_s);
	if (r->kill_s > 0 && now >= r->kill_s)
		kill(-r->process.pid, SIGKILL);
	return rc;
}

/* Sleeps until something may have happened to one of the children. */
static void sleep_until_event(const struct running *slots, size_t n, struct pollfd *fds,
			      const struct pb_children_options *options, const sigset_t *awake)
{
	double wake_s = options->cancel || options->on_tick ? longest_sleep_s : 3600, now = now_s();
	nfds_t count = 0;
	for (size_t i = 0; i < n; i++) {
		const struct running *r = &slots[i];
		if (!r->active)
			continue;
		double due_s = r->kill_s > 0            ? r->kill_s
			       : r->spec->timeout_s > 0 ? r->started_s + r->spec->timeout_s
							: now + wake_s;
		/* Past SIGKILL only the kernel's work is left. */
		if (r->kill_s > 0 && due_s <= now)
			due_s = now + no_pidfd_sleep_s;
		if (due_s - now < wake_s)
			wake_s = due_s - now;
		if (r->process.pidfd < 0 && no_pidfd_sleep_s < wake_s)
			wake_s = no_pidfd_sleep_s;
		else if (r->process.pidfd >= 0)
			fds[count++] = (struct pollfd){.fd = r->process.pidfd, .events = POLLIN};
		for (int k = 0; k < PB_STREAM_COUNT; k++)
			if (r->process.fds[k] >= 0)
				fds[count++] =
					(struct pollfd){.fd = r->process.fds[k], .events = POLLIN};
	}
	/* Rounded up to a millisecond: waking just before a limit would poll again at once. */
	long wake_ms = wake_s > 0 ? (long)(wake_s * 1e3) + 1 : 1;
	struct timespec ts = {.tv_sec = wake_ms / 1000, .tv_nsec = wake_ms % 1000 * 1000000};
	ppoll(fds, count, &ts, awake);
}

static int loop(const struct pb_child_spec *specs, size_t n,
		const struct pb_children_options *options, struct pb_child_outcome *outcomes,
		struct running *slots, struct pollfd *fds, const sigset_t *awake)
{
	size_t next = 0, active;
	int rc = 0;
	bool cancelled = false;
	double ticked_s = now_s();
	do {
		active = 0;
		cancelled = cancelled || (options->cancel && *options->cancel);
		for (size_t i = 0; i < options->at_once; i++) {
			while (!slots[i].active && next < n && !cancelled && !rc) {
				rc = start(&slots[i], &specs[next], &outcomes[next]);
				next++;
			}
			if (!slots[i].active)
				continue;
			int tend_rc = tend(&slots[i], cancelled || rc);
			rc = rc ? rc : tend_rc;
			active += slots[i].active;
		}
		/* A place that has just become free is filled first. */
		if (active && (active == options->at_once || next == n || cancelled || rc))
			sleep_until_event(slots, options->at_once, fds, options, awake);
		if (options->on_tick && now_s() - ticked_s >= longest_sleep_s) {
			ticked_s = now_s();
			options->on_tick(options->ctx);
		}
	} while (active || (next < n && !cancelled && !rc));
	return rc ? rc : cancelled ? -PROBE_EINTR : 0;
}

int pb_children_run(const struct pb_child_spec *specs, size_t n,
		    const struct pb_children_options *options, struct pb_child_outcome *outcomes,
		    struct probe_error *err)
{
	memset(outcomes, 0, n * sizeof *outcomes);
	if (!options->at_once)
		return pb_fail(err, PROBE_EINVAL, 0, "at_once is 0: at least one child must run");
	struct running *slots = calloc(options->at_once, sizeof *slots);
	struct pollfd *fds = calloc(options->at_once * FDS_PER_CHILD, sizeof *fds);
	int rc = -PROBE_ENOMEM;
	if (slots && fds) {
		/* Blocked but while asleep, so that a Ctrl-C can't fall between look and sleep. */
		sigset_t block, before;
		sigemptyset(&block);
		sigaddset(&block, SIGINT);
		sigaddset(&block, SIGTERM);
		pthread_sigmask(SIG_BLOCK, &block, &before);
		rc = loop(specs, n, options, outcomes, slots, fds, &before);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	free(slots);
	free(fds);
	if (rc == -PROBE_ENOMEM)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory while reading a child process");
	if (rc == -PROBE_EINTR)
		return pb_fail(err, PROBE_EINTR, 0, "interrupted");
	return rc;
}

void pb_child_outcome_fini(struct pb_child_outcome *outcome)
{
	free(outcome->result.bytes);
	free(outcome->crash.bytes);
	free(outcome->stderr_tail.bytes);
	*outcome = (struct pb_child_outcome){.end = PB_CHILD_NOT_RUN};
}

const char *pb_child_last_line(const struct pb_child_outcome *outcome, char *buf, size_t size)
{
	const char *text = outcome->stderr_tail.bytes ? outcome->stderr_tail.bytes : "";
	size_t end = strlen(text), n;
	while (end && strchr("\n\r\t ", text[end - 1]))
		end--;
	size_t begin = end;
	while (begin && text[begin - 1] != '\n')
		begin--;
	n = end - begin < size - 1 ? end - begin : size - 1;
	memcpy(buf, text + begin, n);
	buf[n] = '\0';
	return buf;
}
