# SPDX-License-Identifier: MIT
# Each path over all interpreter builds: one stacked horizontal bar a build, one panel a workload and
# path. Lines join the ends of a phase from build to build, so that a change shows with its phase.
# Reads nothing but the data file, which the export "builddata" writes and describes; drawn by
# bars.gp, which is read next.

heading = 'Cost of a call by interpreter build'
linked = 1
