/* SPDX-License-Identifier: MIT
 * Child processes: every way to end, large outputs, limits, and that nothing leaks. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "matrix/child.h"

#define SHELL(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		"/bin/sh", "-c", __VA_ARGS__, NULL                                                 \
	}

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int open_fds(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Runs one child and checks, for every test, that no descriptor and no zombie is left. */
static struct pb_child_outcome run(struct pb_child_spec spec, const volatile sig_atomic_t *cancel,
				   int want_rc)
{
	struct pb_child_outcome outcome;
	const struct pb_children_options options = {.at_once = 1, .cancel = cancel};
	struct probe_error err = {0};
	int before = open_fds();
	assert_int_equal(pb_children_run(&spec, 1, &options, &outcome, &err), want_rc);
	assert_int_equal(open_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return outcome;
}

static void result_crash_and_stderr_are_kept_apart(void **state)
{
	(void)state;
	struct pb_child_outcome o =
		run((struct pb_child_spec){.argv = SHELL("echo noise; echo result >&3; echo crash "
							 ">&4; echo why >&2; exit 7")},
		    NULL, 0);
	char line[64];
	assert_int_equal(o.end, PB_CHILD_EXITED);
	assert_int_equal(o.exit_code, 7);
	assert_string_equal(o.result.bytes, "result\n");
	assert_string_equal(o.crash.bytes, "crash\n");
	assert_string_equal(o.stderr_tail.bytes, "why\n");
	assert_string_equal(pb_child_last_line(&o, line, sizeof line), "why");
	pb_child_outcome_fini(&o);
}

static void count_lines(void *ctx, const char *line)
{
	assert_int_equal(strncmp(line, "step: ", 6), 0);
	++*(int *)ctx;
}

static void result_can_be_stdout_and_lines_are_told(void **state)
{
	(void)state;
	int lines = 0;
	struct pb_child_outcome o = run(
		(struct pb_child_spec){
			.argv = SHELL("echo 'step: one' >&2; echo 'step: two' >&2; echo '{}'; "
				      "test ! -e /proc/self/fd/3 && test ! -e /proc/self/fd/4"),
			.result_on_stdout = true,
			.on_stderr_line = count_lines,
			.ctx = &lines},
		NULL, 0);
	assert_int_equal(o.exit_code, 0);
	assert_string_equal(o.result.bytes, "{}\n");
	assert_int_equal(lines, 2);
	pb_child_outcome_fini(&o);
}

/* 5 MB down one pipe while the others are written too: a reader of one at a time would hang. */
static void megabytes_arrive_whole(void **state)
{
	(void)state;
	struct pb_child_outcome o =
		run((struct pb_child_spec){.argv = SHELL(
						   "head -c 5000000 /dev/zero >&3; head -c 300000 "
						   "/dev/zero | tr '\\0' x >&2; "
						   "head -c 300000 /dev/zero >&4; printf end >&3"),
					   .timeout_s = 30},
		    NULL, 0);
	assert_int_equal(o.end, PB_CHILD_EXITED);
	assert_int_equal(o.result.length, 5000003);
	assert_string_equal(o.result.bytes + 5000000, "end");
	assert_int_equal(o.stderr_tail.length, 2048);
	assert_int_equal(o.crash.length, 65536);
	assert_true(o.crash.overflow && o.stderr_tail.overflow && !o.result.overflow);
	pb_child_outcome_fini(&o);
}

static void the_tail_of_stderr_is_its_end(void **state)
{
	(void)state;
	struct pb_child_outcome o = run(
		(struct pb_child_spec){
			.argv = SHELL(
				"i=0; while [ $i -lt 900 ]; do echo line $i; i=$((i+1)); done >&2; "
				"echo 'the reason' >&2; echo >&2")},
		NULL, 0);
	char line[64], small[5];
	assert_true(o.stderr_tail.length <= 2048);
	assert_string_equal(pb_child_last_line(&o, line, sizeof line), "the reason");
	assert_string_equal(pb_child_last_line(&o, small, sizeof small), "the ");
	pb_child_outcome_fini(&o);
}

static void a_signal_is_told_with_the_crash_text(void **state)
{
	(void)state;
	struct pb_child_outcome o = run(
		(struct pb_child_spec){.argv = SHELL("echo frame >&4; kill -SEGV $$")}, NULL, 0);
	assert_int_equal(o.end, PB_CHILD_SIGNALLED);
	assert_int_equal(o.signal, SIGSEGV);
	assert_string_equal(o.crash.bytes, "frame\n");
	pb_child_outcome_fini(&o);
}

static void a_limit_ends_a_child_that_ignores_sigterm(void **state)
{
	(void)state;
	double begin = now_s();
	struct pb_child_outcome o = run(
		(struct pb_child_spec){
			.argv = SHELL("trap '' TERM; echo part >&3; while :; do sleep 5; done"),
			.timeout_s = 0.3},
		NULL, 0);
	assert_int_equal(o.end, PB_CHILD_TIMEOUT);
	assert_string_equal(o.result.bytes, "part\n");
	assert_true(now_s() - begin > 0.3 && now_s() - begin < 3);
	pb_child_outcome_fini(&o);
}

/* The grandchild holds our pipe and would outlive its parent. */
static void descendants_end_with_the_child(void **state)
{
	(void)state;
	double begin = now_s();
	struct pb_child_outcome o = run(
		(struct pb_child_spec){.argv = SHELL("sleep 60 & echo $! >&3; exit 0")}, NULL, 0);
	assert_int_equal(o.end, PB_CHILD_EXITED);
	assert_true(now_s() - begin < 5);
	pid_t grandchild = (pid_t)atoi(o.result.bytes);
	assert_true(grandchild > 0);
	char path[64], status[16] = "?";
	snprintf(path, sizeof path, "/proc/%d/stat", grandchild);
	/* Gone, or a zombie that init has not taken yet; a kill takes a moment to arrive. */
	while (now_s() - begin < 10) {
		FILE *stat = fopen(path, "r");
		if (!stat)
			break;
		assert_int_equal(fscanf(stat, "%*d %*s %15s", status), 1);
		fclose(stat);
		if (!strcmp(status, "Z"))
			break;
		usleep(1000);
	}
	assert_true(now_s() - begin < 10);
	pb_child_outcome_fini(&o);
}

static void a_program_that_is_not_there_says_so(void **state)
{
	(void)state;
	struct pb_child_outcome o =
		run((struct pb_child_spec){.argv = (const char *const[]){"/no/such/program", NULL}},
		    NULL, 0);
	assert_int_equal(o.end, PB_CHILD_NO_START);
	assert_int_equal(o.start_errno, ENOENT);
	pb_child_outcome_fini(&o);
	o = run((struct pb_child_spec){.argv = (const char *const[]){"/etc/passwd", NULL}}, NULL,
		0);
	assert_int_equal(o.end, PB_CHILD_NO_START);
	assert_int_equal(o.start_errno, EACCES);
	pb_child_outcome_fini(&o);
}

static void the_environment_is_changed_not_replaced(void **state)
{
	(void)state;
	setenv("PROBE_TEST_KEPT", "kept", 1);
	setenv("PROBE_TEST_CHANGED", "old", 1);
	setenv("PROBE_TEST_REMOVED", "there", 1);
	struct pb_child_outcome o = run(
		(struct pb_child_spec){.argv = SHELL("echo $PROBE_TEST_KEPT $PROBE_TEST_CHANGED "
						     "[$PROBE_TEST_REMOVED] $PROBE_TEST_NEW >&3"),
				       .env = (const char *const[]){"PROBE_TEST_CHANGED=new",
								    "PROBE_TEST_REMOVED",
								    "PROBE_TEST_NEW=a=b", NULL}},
		NULL, 0);
	assert_string_equal(o.result.bytes, "kept new [] a=b\n");
	pb_child_outcome_fini(&o);
}

/* Even descriptors that were left inheritable, and even when 0, 1 and 2 are taken by us. */
static void only_the_promised_descriptors_are_inherited(void **state)
{
	(void)state;
	int leaky = fcntl(2, F_DUPFD, 20);
	assert_true(leaky >= 20);
	struct pb_child_outcome o =
		run((struct pb_child_spec){.argv = SHELL("ls /proc/self/fd | wc -l >&3; readlink "
							 "/proc/self/fd/0 /proc/self/fd/1 >&3")},
		    NULL, 0);
	close(leaky);
	/* 0 to 4 and the folder that ls reads. */
	int listed = atoi(o.result.bytes);
	assert_in_range(listed, 6, 7);
	assert_non_null(strstr(o.result.bytes, "/dev/null\n"));
	pb_child_outcome_fini(&o);
}

static volatile sig_atomic_t cancelled;

static void on_alarm(int sig)
{
	(void)sig;
	cancelled = 1;
}

static void cancelling_is_prompt(void **state)
{
	(void)state;
	cancelled = 0;
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {.tv_usec = 200000}}, NULL);
	double begin = now_s();
	struct pb_child_outcome o = run(
		(struct pb_child_spec){
			.argv = SHELL("trap '' TERM; echo kept >&3; while :; do sleep 5; done")},
		&cancelled, -PROBE_EINTR);
	assert_int_equal(o.end, PB_CHILD_CANCELLED);
	assert_string_equal(o.result.bytes, "kept\n");
	assert_true(now_s() - begin < 1.5);
	pb_child_outcome_fini(&o);
}

static void several_run_at_once_and_fill_up_in_order(void **state)
{
	(void)state;
	struct pb_child_spec specs[6];
	struct pb_child_outcome outcomes[6];
	const char *argv[6][4];
	char script[6][64];
	for (int i = 0; i < 6; i++) {
		snprintf(script[i], sizeof script[i], "sleep 0.3; echo %d >&3", i);
		memcpy(argv[i], SHELL(script[i]), sizeof argv[i]);
		specs[i] = (struct pb_child_spec){.argv = argv[i]};
	}
	specs[2].argv = (const char *const[]){"/no/such/program", NULL};
	double begin = now_s();
	const struct pb_children_options options = {.at_once = 3};
	assert_int_equal(pb_children_run(specs, 6, &options, outcomes, NULL), 0);
	/* Five sleeps of 0.3 s, three at a time. */
	assert_true(now_s() - begin > 0.55 && now_s() - begin < 1.4);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(outcomes[i].end, i == 2 ? PB_CHILD_NO_START : PB_CHILD_EXITED);
		if (i != 2)
			assert_int_equal(atoi(outcomes[i].result.bytes), i);
		pb_child_outcome_fini(&outcomes[i]);
	}
}

static void cancelled_before_the_start_runs_nothing(void **state)
{
	(void)state;
	cancelled = 1;
	struct pb_child_outcome o = run((struct pb_child_spec){.argv = SHELL("echo ran >&3")},
					&cancelled, -PROBE_EINTR);
	assert_int_equal(o.end, PB_CHILD_NOT_RUN);
	pb_child_outcome_fini(&o);
}

/* Waiting costs no CPU: a loop that spins would use its 0.7 s whole. */
static void waiting_does_not_spin(void **state)
{
	(void)state;
	struct rusage before, after;
	cancelled = 0;
	getrusage(RUSAGE_SELF, &before);
	/* Its pipes are closed early, which must not make poll() return at once for ever. */
	struct pb_child_outcome o =
		run((struct pb_child_spec){.argv = SHELL("exec 2>&- 3>&- 4>&-; sleep 0.7"),
					   .timeout_s = 20},
		    &cancelled, 0);
	getrusage(RUSAGE_SELF, &after);
	double used_s = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
			(double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) * 1e-6 +
			(double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
			(double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) * 1e-6;
	assert_true(used_s < 0.2);
	assert_int_equal(o.end, PB_CHILD_EXITED);
	pb_child_outcome_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(result_crash_and_stderr_are_kept_apart),
		cmocka_unit_test(result_can_be_stdout_and_lines_are_told),
		cmocka_unit_test(megabytes_arrive_whole),
		cmocka_unit_test(the_tail_of_stderr_is_its_end),
		cmocka_unit_test(a_signal_is_told_with_the_crash_text),
		cmocka_unit_test(a_limit_ends_a_child_that_ignores_sigterm),
		cmocka_unit_test(descendants_end_with_the_child),
		cmocka_unit_test(a_program_that_is_not_there_says_so),
		cmocka_unit_test(the_environment_is_changed_not_replaced),
		cmocka_unit_test(only_the_promised_descriptors_are_inherited),
		cmocka_unit_test(cancelling_is_prompt),
		cmocka_unit_test(several_run_at_once_and_fill_up_in_order),
		cmocka_unit_test(cancelled_before_the_start_runs_nothing),
		cmocka_unit_test(waiting_does_not_spin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
