/* SPDX-License-Identifier: MIT
 * probe_matrix_run(): checks, finds, builds, measures and never loses a result.
 */
#include "probe/matrix.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/visible.h"
#include "matrix/cache_use.h"
#include "matrix/home.h"
#include "matrix/interp.h"
#include "matrix/session.h"
#include "matrix/subinterpreters.h"
#include "matrix/tree.h"
#include "probe/machine.h"
#include "probe/probe.h"

/* Of a function of the user's: by C twice, or by Python once. */
enum { CALLS_BEFORE = 2 };
#define MOST_CALLS (UINT64_C(1) << 40)
static const double default_timeout_s = 60;

const struct probe_preset *probe_preset_get(enum probe_preset_id id)
{
	static const struct probe_preset presets[] = {
		[PROBE_PRESET_DEFAULT] = {"default", 5, 100, 100, 1},
		[PROBE_PRESET_FAST] = {"fast", 3, 60, 100, 0.5},
		[PROBE_PRESET_RIGOROUS] = {"rigorous", 15, 300, 100, 10},
	};
	return id <= PROBE_PRESET_RIGOROUS ? &presets[id] : &presets[PROBE_PRESET_DEFAULT];
}

static int check_range(const char *name, double value, double min, double max,
		       struct probe_error *err)
{
	if (value == 0 || (value >= min && value <= max))
		return 0;
	return pb_fail(err, PROBE_EINVAL, 0, "%s is %g: it must be from %g to %g", name, value, min,
		       max);
}

static int check_cpu(int cpu, struct probe_error *err)
{
	struct probe_machine machine;
	cpu_set_t allowed;
	if (cpu < CPU_SETSIZE && !sched_getaffinity(0, sizeof allowed, &allowed) &&
	    CPU_ISSET((size_t)cpu, &allowed))
		return 0;
	probe_machine_read(&machine);
	return pb_fail(err, PROBE_EINVAL, 0,
		       "CPU %d is not there or not allowed to this process: choose one of %s", cpu,
		       machine.allowed);
}

static int check_options(const struct probe_matrix_options *o, struct probe_error *err)
{
	int rc = 0;
	if (!o->workloads || !o->workloads[0])
		return pb_fail(err, PROBE_EINVAL, 0, "no workload is named");
	if (o->engines & ~(PROBE_ENGINE_LADDER | PROBE_ENGINE_TIMELINE))
		return pb_fail(err, PROBE_EINVAL, 0, "engines holds an unknown bit: %#x",
			       o->engines);
	if ((rc = check_range("passes", o->passes, 1, 1000, err)) ||
	    (rc = check_range("rounds", o->rounds, 10, 100000, err)) ||
	    (rc = check_range("round_us", o->round_us, 1, 1e6, err)) ||
	    (rc = check_range("subinterpreters", o->subinterpreters, 1, PB_SUBINTERPRETERS_MAX,
			      err)) ||
	    (rc = check_range("timeout_s", o->timeout_s, 0.1, 86400, err)))
		return rc;
	unsigned most = 2 * (o->passes ? o->passes : 1); /* processes of a row */
	if (o->max_calls && (o->max_calls < most + CALLS_BEFORE || o->max_calls > MOST_CALLS))
		return pb_fail(err, PROBE_EINVAL, 0,
			       "max_calls must be from %u to %llu: %u calls to look at the "
			       "function, and at least one in each process",
			       most + CALLS_BEFORE, (unsigned long long)MOST_CALLS, CALLS_BEFORE);
	if (o->max_calls && o->threads)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "max_calls can't be kept under threads: leave one of the two out");
	if (!(o->wait_s <= 3600))
		return pb_fail(err, PROBE_EINVAL, 0, "wait_s is %g: it must be at most 3600",
			       o->wait_s);
	unsigned counts[PROBE_MAX_THREAD_COUNTS];
	if (o->threads && (rc = probe_thread_counts_parse(o->threads, counts, err)) < 0)
		return rc;
	if (o->cpu_plus_1 < 0)
		return pb_fail(err, PROBE_EINVAL, 0, "the CPU is negative");
	if (o->cpu_plus_1 && (rc = check_cpu(o->cpu_plus_1 - 1, err)))
		return rc;
	return o->output ? probe_output_check(o->output, err) : 0;
}

/* Looking at a function beforehand calls it, too. */
static uint64_t calls_in_a_process(const struct probe_matrix_options *o, unsigned passes)
{
	unsigned both = PROBE_ENGINE_LADDER | PROBE_ENGINE_TIMELINE;
	uint64_t processes = passes * ((o->engines & both) == both ? 2u : 1u);
	if (!o->max_calls)
		return 0;
	return (o->max_calls - CALLS_BEFORE) / processes;
}

static void resolve_settings(struct pb_session *session)
{
	const struct probe_matrix_options *o = session->options;
	const struct probe_preset *preset = probe_preset_get(o->preset);
	session->passes = o->passes ? o->passes : o->max_calls ? 1 : preset->passes;
	session->settings = (struct pb_cell_settings){
		.rounds = o->rounds ? o->rounds : preset->rounds,
		.round_us = o->round_us > 0 ? o->round_us : preset->round_us,
		.wait_s = o->wait_s > 0   ? o->wait_s
			  : o->wait_s < 0 ? 0
					  : preset->wait_s,
		.timeout_s = o->timeout_s > 0 ? o->timeout_s : default_timeout_s,
		.seed = o->seed,
		.max_calls = calls_in_a_process(o, session->passes),
		.cpu = o->cpu_plus_1 ? o->cpu_plus_1 - 1 : probe_machine_pick_cpu(),
	};
	if (o->threads) /* it was checked */
		session->settings.thread_count_count = (size_t)probe_thread_counts_parse(
			o->threads, session->settings.thread_counts, NULL);
}

static int find_places(struct pb_session *session, struct probe_error *err)
{
	const char *tmp = getenv("TMPDIR");
	char *note = NULL;
	int rc = pb_check_utf8("TMPDIR", tmp ? tmp : "", "set it to a folder whose path is", err);
	if (!rc)
		rc = pb_home_find(&session->home, &session->library, err);
	if (!rc)
		rc = pb_cache_dir(&session->cache, &note, err);
	if (!rc && *note && probe_run_add_warning(session->run, note))
		rc = pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	free(note);
	if (!rc)
		rc = pb_cache_use(session->cache, PB_CACHE_SHARED, &session->cache_use, err);
	if (rc)
		return rc;
	if (asprintf(&session->scratch, "%s/probe-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0) {
		session->scratch = NULL;
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	if (!mkdtemp(session->scratch)) {
		free(session->scratch);
		session->scratch = NULL;
		return pb_fail(err, PROBE_ESYS, 0,
			       "can't make a temporary folder in %s; set "
			       "TMPDIR to one that you may write",
			       tmp && *tmp ? tmp : "/tmp");
	}
	session->scratch_ticket = probe_temporary_add(session->scratch);
	session->places = (struct pb_places){session->home, session->library, session->cache,
					     session->scratch};
	return 0;
}

static int add_number(struct probe_run *run, const char *key, double value)
{
	char text[32];
	snprintf(text, sizeof text, "%g", value);
	return probe_run_add_fact(run, key, text);
}

/* The head of the run: when, how, on what. */
static int describe_run(struct pb_session *session, struct probe_error *err)
{
	struct probe_run *run = session->run;
	const struct probe_matrix_options *o = session->options;
	const struct pb_cell_settings *s = &session->settings;
	time_t now = time(NULL);
	struct tm utc;
	gmtime_r(&now, &utc);
	strftime(run->started, sizeof run->started, "%Y-%m-%dT%H:%M:%SZ", &utc);
	snprintf(run->probe_version, sizeof run->probe_version, "%s", PROBE_VERSION);
	run->seed = o->seed;
	run->passes = session->passes;
	if (o->command && !run->command)
		run->command = strdup(o->command);
	static const char *const engine_names[] = {"ladder", "ladder", "timeline",
						   "ladder,timeline"};
	if ((o->command && !run->command) ||
	    probe_run_add_fact(run, "option.preset", probe_preset_get(o->preset)->name) ||
	    probe_run_add_fact(run, "option.engines", engine_names[o->engines & 3]) ||
	    add_number(run, "option.rounds", s->rounds) ||
	    add_number(run, "option.round_us", s->round_us) ||
	    add_number(run, "option.wait_s", s->wait_s) ||
	    (o->max_calls && add_number(run, "option.max_calls", (double)o->max_calls)) ||
	    add_number(run, "option.timeout_s", s->timeout_s) ||
	    add_number(run, "measured_on_cpu", s->cpu) ||
	    (o->threads && probe_run_add_fact(run, "option.threads", o->threads)))
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	return probe_machine_facts(run, err);
}

static void on_step(void *ctx, size_t interpreter, const char *step)
{
	struct pb_session *session = ctx;
	if (step) {
		snprintf(session->step, sizeof session->step, "%s", step);
		session->step_of = session->run->interpreters[interpreter].label;
	}
	pb_session_tell(session, PROBE_STAGE_PREPARE, session->step_of, session->step);
}

static int prepare(struct pb_session *session, struct probe_error *err)
{
	const struct probe_matrix_options *o = session->options;
	const struct pb_prepare_options options = {
		.cancel = o->cancel,
		.on_step = o->on_progress ? on_step : NULL,
		.ctx = session,
	};
	session->total = session->run->interpreter_count;
	return pb_plan_prepare(&session->plan, &session->places,
			       o->engines ? o->engines : PROBE_ENGINE_LADDER, &session->settings,
			       &options, session->run, err);
}

static int nothing_measured(const struct probe_run *run, struct probe_error *err)
{
	for (size_t i = 0; i < run->cell_count; i++)
		if (probe_cell_engine(&run->cells[i]))
			return 0;
	const struct probe_cell *first = run->cell_count ? &run->cells[0] : NULL;
	if (!first)
		return pb_fail(err, PROBE_ECHILD, 0, "there is no cell to be measured");
	return pb_fail(err, PROBE_ECHILD, 0, "nothing could be measured: %s/%s on %s: %s",
		       first->workload, first->path, first->interpreter,
		       first->reason ? first->reason : "no reason was given");
}

/* Makes a workload of the user's own function; its folder takes its place among the names. */
static int make_function(struct pb_session *session, char **folder, struct probe_error *err)
{
	const struct probe_matrix_options *o = session->options;
	const struct pb_prepare_options options = {
		.cancel = o->cancel,
		.on_step = o->on_progress ? on_step : NULL,
		.ctx = session,
	};
	session->total = session->run->interpreter_count;
	int rc = pb_function_make(&session->operands, &session->places, session->settings.timeout_s,
				  &options, session->run, folder, err);
	if (!rc)
		session->operands.names[session->operands.at] = *folder;
	return rc;
}

/* What to measure, and with which interpreters: everything that was typed is checked here. */
static int find_work(struct pb_session *session, struct probe_error *err)
{
	const struct probe_matrix_options *o = session->options;
	char *folder = NULL;
	int rc = pb_operands_split(session->home, o->workloads, o->args, o->target,
				   &session->operands, err);
	bool own = !rc && pb_operands_have_function(&session->operands);
	if (!rc && !own) /* the quicker check first */
		rc = pb_plan_load(&session->plan, session->home, session->operands.names, o->paths,
				  session->run, err);
	if (!rc)
		rc = pb_interp_discover(o->interpreters, session->run, err);
	if (!rc && o->subinterpreters)
		rc = pb_subinterpreters_add(session->run, o->subinterpreters, err);
	if (!rc && own)
		rc = make_function(session, &folder, err);
	if (!rc && own)
		rc = pb_plan_load(&session->plan, session->home, session->operands.names, o->paths,
				  session->run, err);
	free(folder);
	return rc;
}

/* Up to here nothing is lost by failing; *measuring tells when that changes. */
static int run_session(struct pb_session *session, bool *measuring, struct probe_error *err)
{
	const struct probe_matrix_options *o = session->options;
	struct stat st;
	int rc = find_places(session, err);
	if (!rc)
		rc = find_work(session, err);
	if (!rc)
		rc = describe_run(session, err);
	if (rc)
		return rc;
	rc = prepare(session, err);
	if (rc && rc != -PROBE_EINTR)
		return rc;
	*measuring = true;
	session->save_often = o->output && (stat(o->output, &st) || S_ISREG(st.st_mode));
	if (!rc)
		rc = pb_session_measure(session, err);
	session->run->interrupted = rc == -PROBE_EINTR;
	session->run->duration_s = pb_now_s() - session->started_s;
	if (!rc)
		rc = nothing_measured(session->run, err);
	struct probe_error save_err = {0};
	int save_rc = pb_session_save(session, &save_err);
	if (save_rc && err)
		*err = save_err;
	return save_rc ? save_rc : rc;
}

/* A child that was killed may have left something in it. */
static void remove_scratch(struct pb_session *session)
{
	char *slash = session->scratch ? strrchr(session->scratch, '/') : NULL;
	uint64_t freed_bytes = 0;
	if (!slash)
		return;
	*slash = '\0';
	int parent = open(session->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0) {
		pb_tree_remove(parent, slash + 1, &freed_bytes);
		close(parent);
	}
	probe_temporary_drop(session->scratch_ticket);
}

int probe_matrix_run(const struct probe_matrix_options *options, struct probe_run **out,
		     struct probe_error *err)
{
	struct pb_session session = {
		.options = options, .started_s = pb_now_s(), .cache_use = -1, .scratch_ticket = -1};
	bool measuring = false;
	*out = NULL;
	int rc = check_options(options, err);
	if (rc)
		return rc;
	session.run = probe_run_new();
	if (!session.run)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	resolve_settings(&session);
	rc = run_session(&session, &measuring, err);
	if (measuring)
		*out = session.run;
	else
		probe_run_free(session.run);
	pb_plan_fini(&session.plan);
	pb_operands_fini(&session.operands);
	remove_scratch(&session);
	if (session.cache_use >= 0)
		close(session.cache_use);
	free(session.home);
	free(session.library);
	free(session.cache);
	free(session.scratch);
	return rc;
}
