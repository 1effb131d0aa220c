/* SPDX-License-Identifier: MIT
 * Finding the Python interpreters of this machine and asking each for its build facts.
 */
#ifndef PB_INTERP_H
#define PB_INTERP_H

#include "probe/error.h"
#include "probe/run.h"

/* Appends interpreters to run->interpreters, ordered by implementation, version, label; each once
 * by real path and switches.
 * @choice  NULL: every CPython from 3.8 on PATH, in /usr/bin, in the folders of pyenv, uv and conda
 *          and in that of `make interpreters`. "all": PyPy and GraalPy too, and each build with the
 *          JIT, or the GIL, that it has switched off. Else a comma-separated list of versions
 *          ("3.13", "3.13t", "3.14-jit", "pypy-8"), labels ("cpython-3.13.0#2"), paths with a
 *          slash, and program names looked up on PATH; each may be followed by switches:
 *          "3.14+PYTHON_JIT=1", "3.14+-X frozen_modules=off".
 * An interpreter that was found but can't be used is left out with a warning on the run (hangs,
 * crashes, prints no facts, is for another processor); one that was named is an error. A version
 * before 3.8, and a version manager's wrapper with no interpreter behind it, is left out silently
 * when found.
 * Returns 0, -PROBE_ENOENT (no such interpreter, or none at all), -PROBE_EINVAL (not a Python, too
 * old, of an unknown kind, a bad switch), -PROBE_ETIMEOUT, -PROBE_ENOMEM, -PROBE_ESYS. On failure
 * the run may hold warnings, but no new interpreter.
 * Cost: one short process an interpreter, several at a time. Threads: safe. */
int pb_interp_discover(const char *choice, struct probe_run *run, struct probe_error *err);

/* The same with another limit than 10 s (60 s for GraalPy) for an answer. */
int pb_interp_discover_within(const char *choice, double timeout_s, struct probe_run *run,
			      struct probe_error *err);

#endif
