# SPDX-License-Identifier: MIT
# Calls per second against the threads that make them, both axes logarithmic; a panel a workload and
# path, a curve an interpreter build. Reads nothing but the data file, which the export "scaledata"
# writes and describes. common.gp comes before.

heading = 'Calls per second from several threads'
stats data index 0 using (panels = int($7), cpus = int($8), note = strcol(9), 0) nooutput
array workload[panels]
array path[panels]
array lowest[panels]
array highest[panels]
array most[panels]
array not_drawn[panels]
do for [p = 1:panels] {
	not_drawn[p] = ''
	stats data index 1 every ::(p - 1)::(p - 1) using (workload[p] = strcol(1), path[p] = strcol(2), \
		lowest[p] = has(3) ? column(3) : 1, highest[p] = has(4) ? column(4) : 10, most[p] = int($5), 0) nooutput
}
LINES = 'data index 2'
POINTS = 'data index 3'
legends = CURVES
array legend_text[legends]
array legend_x[legends]
array legend_row[legends]
do for [s = 1:legends] { legend_text[s] = '' }
contended = 0
drawn(dummy) = strcol(5) eq ' ' || strcol(5) eq 'contended'
listed(list, item) = list.(list eq '' ? '' : ', ').item
stats @LINES using (drawn(0) ? (legend_text[int($2)] = strcol(3), 0) \
	: (not_drawn[int($1)] = listed(not_drawn[int($1)], strcol(3).', '.($4 == 1 ? 'shared' : 'private').': '.strcol(5)), 0), \
	contended = contended || strcol(5) eq 'contended', 0) nooutput
do for [p = 1:panels] { not_drawn[p] = not_drawn[p] eq '' ? '' : 'Not drawn: '.not_drawn[p].'.' }
remarks = 'Full lines: each thread with its own callable and arguments; dashed: all with the same. Dotted: so many times one thread.' \
	.' Crosses: what the machine gave as many threads of adds.'.sprintf(cpus == 1 ? ' 1 CPU' : ' %d CPUs', cpus).', threads pinned.' \
	.' Bars: 95 % intervals.'.(contended ? ' Some rows were contended by other processes (see the table).' : '')

# Dashes say what threads share, in every theme.
do for [s = 1:CURVES] { set linetype 100 + s linecolor rgb curve_color(s) linewidth 1.4 dashtype solid pointtype curve_point(s) pointsize 0.45 }

# --- the page -----------------------------------------------------------------------------------------
LABELS = 5.2 * BODY
if (width_points > 0) {
	width = width_points
	columns = width < 330 ? 1 : width < 600 ? 2 : 3
} else {
	columns = panels < 2 ? 1 : panels < 5 ? 2 : 3
	width = columns == 1 ? 420.0 : columns * 280.0
}
columns = columns > panels ? panels : columns
PANEL = (width - MARGIN / 2) / columns
AXIS = PANEL - LABELS - MARGIN
AXIS_HEIGHT = AXIS * 0.75 > 230 ? 230.0 : AXIS * 0.75
PANEL_TOP = 2.2 * BODY; PANEL_BOTTOM = (is_tex ? 1 + 3.9 : 3.9) * BODY
panel_rows = (panels + columns - 1) / columns
array text_lines[panel_rows]
do for [p = 1:panels] { not_drawn[p] = wrap_to(not_drawn[p], SMALL, PANEL - 2 * MARGIN) }
eval MEASURE_HEAD
eval MEASURE_LEGEND
height = TOP + LEGEND + 4
do for [r = 1:panel_rows] {
	text_lines[r] = 0
	do for [p = (r - 1) * columns + 1:(r * columns < panels ? r * columns : panels)] {
		text_lines[r] = lines_in(not_drawn[p]) > text_lines[r] ? lines_in(not_drawn[p]) : text_lines[r]
	}
	height = height + PANEL_TOP + AXIS_HEIGHT + PANEL_BOTTOM + text_lines[r] * SMALL_LINE
}
eval OPEN_PAGE
eval DRAW_CURVES

# --- the panels -----------------------------------------------------------------------------------------
set grid ytics linetype 1 linecolor rgb GRID linewidth 0.6
set logscale xy
per_second(v) = v >= 999.5e6 ? sprintf('%.3gG', v / 1e9) : v >= 999.5e3 ? sprintf('%.3gM', v / 1e6) : v >= 999.5 ? sprintf('%.3gk', v / 1e3) : sprintf('%.3g', v)
top_of_row = TOP + LEGEND
do for [p = 1:panels] {
	c = (p - 1) % columns
	r = (p - 1) / columns + 1
	if (c == 0 && r > 1) { top_of_row = top_of_row + PANEL_TOP + AXIS_HEIGHT + PANEL_BOTTOM + text_lines[r - 1] * SMALL_LINE }
	if (p > 1) { unset label; unset arrow }
	left = c * PANEL + LABELS
	set lmargin at screen X(left)
	set rmargin at screen X(left + AXIS)
	set tmargin at screen Y(top_of_row + PANEL_TOP)
	set bmargin at screen Y(top_of_row + PANEL_TOP + AXIS_HEIGHT)
	low = lowest[p] / 1.6; high = highest[p] * 1.6
	high = high < low * 4 ? low * 4 : high
	set xrange [0.85:most[p] * 1.18]
	set yrange [low:high]
	set xtics () font SMALL_FONT offset 0, 0.3
	set ytics () font SMALL_FONT
	# (Tics from the data: numbers of threads that were measured.)
	do for [n = 1:256] {
		measured = 0
		if (n <= most[p]) { stats @POINTS using ($1 == p && $4 == n ? (measured = 1, 0) : 0) nooutput }
		if (measured) { set xtics add (T(sprintf('%d', n), SMALL) n) }
	}
	each = log10(high / low) * 36 < AXIS_HEIGHT ? '1 2 5' : '1'
	do for [k = floor(log10(low)):ceil(log10(high))] {
		do for [m in each] { set ytics add (T(per_second(m * 10.0**k), SMALL) m * 10.0**k) }
	}
	set xlabel T('threads', SMALL) font SMALL_FONT textcolor rgb SOFT offset 0, 0.9 noenhanced
	set label 910 T('calls per second', SMALL) noenhanced at screen X(left - LABELS + MARGIN + 0.3 * SMALL), Y(top_of_row + PANEL_TOP + AXIS_HEIGHT / 2) \
		center rotate by 90 font SMALL_FONT textcolor rgb SOFT front
	set label 900 B(workload[p], BODY + 0.5) at screen X(left), Y(top_of_row + PANEL_TOP - 0.9 * BODY) font size(BODY + 0.5) textcolor rgb INK front
	set label 901 T(path[p], SMALL) noenhanced at screen X(left + 1.1 * width_of(workload[p], BODY + 0.5) + 8), \
		Y(top_of_row + PANEL_TOP - 0.9 * BODY) font SMALL_FONT textcolor rgb SOFT front
	at = top_of_row + PANEL_TOP + AXIS_HEIGHT + PANEL_BOTTOM - 0.4 * SMALL_LINE
	rest = not_drawn[p]
	do for [l = 1:lines_in(not_drawn[p])] {
		one = strstrt(rest, "\n") > 0 ? rest[1:strstrt(rest, "\n") - 1] : rest
		rest = rest[strstrt(rest, "\n") + 1:*]
		set label 400 + l T(one, SMALL) noenhanced at screen X(left - LABELS + MARGIN), Y(at) font SMALL_FONT textcolor rgb FAINT front
		at = at + SMALL_LINE
	}
	of(s, kind, n) = column(1) == p && column(2) == s && column(3) == kind && has(n) ? column(n) : NaN
	bar(n) = column(n) > low ? column(n) : low
	plot \
		for [s = 1:CURVES] for [kind = 0:1] @POINTS using 4:(of(s, kind, 8)) with lines linecolor rgb curve_color(s) linewidth 1 dashtype (2, 5) notitle, \
		for [s = 1:CURVES] for [kind = 0:1] @POINTS using ($4 > 1 ? $4 : NaN):(of(s, kind, 9)) with points pointtype 2 pointsize 0.5 linecolor rgb curve_color(s) linewidth 0.8 notitle, \
		for [s = 1:CURVES] for [kind = 0:1] @POINTS using 4:(of(s, kind, 5)):(bar(6)):7 with yerrorbars linetype 100 + s linewidth 0.8 dashtype solid pointtype -1 notitle, \
		for [s = 1:CURVES] @POINTS using 4:(of(s, 0, 5)) with linespoints linetype 100 + s notitle, \
		for [s = 1:CURVES] @POINTS using 4:(of(s, 1, 5)) with linespoints linetype 100 + s dashtype (6, 4) notitle
}
unset multiplot
set output
