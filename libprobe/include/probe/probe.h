/* SPDX-License-Identifier: MIT
 * The public interface of libprobe: include this one.
 *
 * counter.h  reading cycles: perf_event through rdpmc, read(), or the TSC; with state and reason
 * machine.h  facts of the machine, and what would make measuring on it better
 * phase.h    the phases of a call and how parts fold into them
 * analysis.h from samples to phases with intervals: pure functions
 * run.h      the result model and the run file
 * figures.h  figures as text: units, digits, ratios
 * verdict.h  the answer: the cheapest path and why, break-even, published ratios
 * builds.h   interpreter builds: what tells two apart, one path over all of them
 * claims.h   published claims put to the test, from a table of them and run files
 * compare.h  two runs: what changed, whether it is a change, which phase moved
 * slopes.h   the cost of one more argument, of each type, on each path
 * threaded.h the same call from several threads at once: throughput, and phases meanwhile
 * export.h   run -> CSV, Markdown, plot data, traces
 * report.h   runs -> a document: HTML, Markdown, LaTeX
 * catalog.h  what there is to measure: workloads, call paths, interpreters
 * cache.h    what is cached for which interpreter, how much disk that takes, cleaning it
 * matrix.h   interpreters, building bindings, running cells in child processes
 * temporary.h  what a signal must not leave behind
 * summary.h  verdicts of several interpreters at a glance, and what changed between builds
 * text.h     text of files and other programs, made fit to be shown
 * error.h    error codes and struct probe_error
 */
#ifndef PROBE_H
#define PROBE_H

#define PROBE_VERSION "0.1.0"

#include "probe/analysis.h"
#include "probe/builds.h"
#include "probe/cache.h"
#include "probe/catalog.h"
#include "probe/claims.h"
#include "probe/compare.h"
#include "probe/counter.h"
#include "probe/error.h"
#include "probe/export.h"
#include "probe/figures.h"
#include "probe/machine.h"
#include "probe/matrix.h"
#include "probe/phase.h"
#include "probe/report.h"
#include "probe/run.h"
#include "probe/slopes.h"
#include "probe/temporary.h"
#include "probe/summary.h"
#include "probe/text.h"
#include "probe/threaded.h"
#include "probe/verdict.h"

#endif
