# SPDX-License-Identifier: MIT
# The breakdown of calls: one stacked horizontal bar a path, grouped by interpreter build, one panel a
# workload. Reads nothing but the data file, which the export "plotdata" writes and describes; drawn
# by bars.gp, which is read next.

heading = 'Cost of a call from Python into native code, by phase'
linked = 0
