# SPDX-License-Identifier: MIT
# From which compute time on a boundary no longer matters, or pays: what a call costs against what it
# computes natively, a curve a path, both axes logarithmic; a panel a workload and interpreter. Reads
# nothing but the data file, which the export "evendata" writes and describes. common.gp comes before.

heading = 'Cost of a call against what it computes'
stats data index 0 using (panels = int($7), note = strcol(8), 0) nooutput
array workload[panels]
array interpreter[panels]
array lowest[panels]
array highest[panels]
array empty[panels]
array slope[panels]
array why[panels]
array words_of[panels] # below the panel: what can't be drawn
array not_drawn[panels]
array contended[panels]
do for [p = 1:panels] {
	words_of[p] = ''; not_drawn[p] = ''; contended[p] = ''
	stats data index 1 every ::(p - 1)::(p - 1) using (workload[p] = strcol(1), interpreter[p] = strcol(2), \
		lowest[p] = has(5) ? number(5) : 1, highest[p] = has(6) ? number(6) : 10, empty[p] = has(7) ? number(7) : NaN, \
		slope[p] = has(8) ? $8 : NaN, why[p] = strcol(9), 0) nooutput
}
PATHS = 'data index 2'
legends = PYTHON_CURVE
array legend_text[legends]
array legend_x[legends]
array legend_row[legends]
do for [s = 1:legends] { legend_text[s] = '' }
listed(list, item) = list.(list eq '' ? '' : ', ').item
below(v) = unit_name eq 'ns' && v >= 999.5 ? '<'.duration(rounded_up(v)) : bound_text(v).(unit_name eq 'ns' ? "\302\240ns" : '')
python_words(dummy) = strcol(13) eq 'always' ? ' always' : strcol(13) eq 'never' ? ' never' \
	: strcol(13) eq 'below' ? ' from '.below(number(16)) : strcol(13) eq 'until' ? ' up to '.duration(number(14)) \
	: strcol(13) eq 'unclear' ? ' unclear' : ''
stats @PATHS using (has(4) ? (legend_text[int($2)] = strcol(3), 0) : 0, \
	has(4) && python_words(0) ne '' ? (words_of[int($1)] = listed(words_of[int($1)], strcol(3).python_words(0)), 0) : 0, \
	has(4) && strcol(9) eq 'below' ? (not_drawn[int($1)] = listed(not_drawn[int($1)], strcol(3).': 10 % from '.below(number(12))), 0) : 0, \
	!has(4) && strcol(17) ne 'pure Python' ? (not_drawn[int($1)] = listed(not_drawn[int($1)], strcol(3).': '.strcol(17)), 0) : 0, \
	has(4) && strcol(17) eq 'contended' ? (contended[int($1)] = listed(contended[int($1)], strcol(3)), 0) : 0, 0) nooutput
do for [p = 1:panels] {
	if (slope[p] == slope[p]) { legend_text[legends] = 'pure Python' } else { not_drawn[p] = listed(not_drawn[p], 'pure Python: '.why[p]) }
	words_of[p] = (words_of[p] eq '' ? '' : 'Cheaper than pure Python: '.words_of[p].'. ') \
		.(contended[p] eq '' ? '' : 'Contended, may be too high: '.contended[p].'. ') \
		.(not_drawn[p] eq '' ? '' : 'Not drawn: '.not_drawn[p].'.')
}
remarks = 'Full symbols: from there on the boundary is under 10 % of the call (dotted line). Rings: from there on the call is cheaper' \
	.' than pure Python, for more of the same work. Crosses: as measured. Bars: 95 % intervals. Dashed line: compute alone.'

# --- the page -----------------------------------------------------------------------------------------
LABELS = 5.8 * BODY
if (width_points > 0) {
	width = width_points
	columns = width < 400 ? 1 : width < 760 ? 2 : 3
} else {
	columns = panels < 2 ? 1 : panels < 5 ? 2 : 3
	width = columns == 1 ? 420.0 : columns * 320.0
}
columns = columns > panels ? panels : columns
PANEL = (width - MARGIN / 2) / columns
AXIS = PANEL - LABELS - MARGIN
AXIS_HEIGHT = AXIS * 0.68 > 250 ? 250.0 : AXIS * 0.68
PANEL_TOP = 2.2 * BODY; PANEL_BOTTOM = (is_tex ? 1 + 3.9 : 3.9) * BODY
panel_rows = (panels + columns - 1) / columns
array text_lines[panel_rows]
do for [p = 1:panels] { words_of[p] = wrap_to(words_of[p], SMALL, PANEL - 2 * MARGIN) }
eval MEASURE_HEAD
eval MEASURE_LEGEND
height = TOP + LEGEND + 4
do for [r = 1:panel_rows] {
	text_lines[r] = 0
	do for [p = (r - 1) * columns + 1:(r * columns < panels ? r * columns : panels)] {
		text_lines[r] = lines_in(words_of[p]) > text_lines[r] ? lines_in(words_of[p]) : text_lines[r]
	}
	height = height + PANEL_TOP + AXIS_HEIGHT + PANEL_BOTTOM + text_lines[r] * SMALL_LINE
}
eval OPEN_PAGE
eval DRAW_CURVES

# --- the panels -----------------------------------------------------------------------------------------
set grid xtics ytics linetype 1 linecolor rgb GRID linewidth 0.6
set logscale xy
set samples 100
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
	low = lowest[p]; high = highest[p]
	set xrange [low:high]
	array boundary[CURVES]
	array half[CURVES]
	do for [s = 1:CURVES] { boundary[s] = NaN; half[s] = 0 }
	stats @PATHS using ($1 == p && has(4) ? (boundary[int($2)] = number(4), half[int($2)] = number(5), 0) : 0) nooutput
	# From below the cheapest call that is drawn.
	cheapest = empty[p] == empty[p] ? empty[p] : 1.3 * high
	do for [s = 1:CURVES] { cheapest = boundary[s] == boundary[s] && boundary[s] < cheapest ? boundary[s] : cheapest }
	set yrange [0.6 * (cheapest > low ? cheapest : low):1.3 * high]
	step = log10(high / low) > 6 ? 2 : 1
	set xtics () font SMALL_FONT offset 0, 0.3
	set ytics () font SMALL_FONT
	do for [k = floor(log10(low)):ceil(log10(1.3 * high)):step] {
		if (10.0**k < high * (low / high)**(14 / AXIS)) { set xtics add (T(duration(10.0**k), SMALL) 10.0**k) }
		set ytics add (T(duration(10.0**k), SMALL) 10.0**k)
	}
	set xlabel T('native compute per call'.(unit_name eq 'ns' ? '' : ', '.unit_name), SMALL) font SMALL_FONT textcolor rgb SOFT offset 0, 0.9 noenhanced
	set label 910 T('cost per call'.(unit_name eq 'ns' ? '' : ', '.unit_name), SMALL) noenhanced at screen X(left - LABELS + MARGIN + 0.3 * SMALL), Y(top_of_row + PANEL_TOP + AXIS_HEIGHT / 2) \
		center rotate by 90 font SMALL_FONT textcolor rgb SOFT front
	set label 900 B(workload[p], BODY + 0.5) at screen X(left), Y(top_of_row + PANEL_TOP - 0.9 * BODY) font size(BODY + 0.5) textcolor rgb INK front
	set label 901 T(interpreter[p], SMALL) noenhanced at screen X(left + 1.1 * width_of(workload[p], BODY + 0.5) + 8), \
		Y(top_of_row + PANEL_TOP - 0.9 * BODY) font SMALL_FONT textcolor rgb SOFT front
	at = top_of_row + PANEL_TOP + AXIS_HEIGHT + PANEL_BOTTOM - 0.4 * SMALL_LINE
	rest = words_of[p]
	do for [l = 1:lines_in(words_of[p])] {
		one = strstrt(rest, "\n") > 0 ? rest[1:strstrt(rest, "\n") - 1] : rest
		rest = rest[strstrt(rest, "\n") + 1:*]
		set label 400 + l T(one, SMALL) noenhanced at screen X(left - LABELS + MARGIN), Y(at) font SMALL_FONT textcolor rgb FAINT front
		at = at + SMALL_LINE
	}
	of(s, kind, n) = column(1) == p && column(2) == s && strcol(kind) eq 'at' && has(n) ? number(n) : NaN
	here(s, n) = column(1) == p && column(2) == s && has(n) && has(6) ? number(n) : NaN
	at_least(x) = x > low ? x : low
	# The axis has no place for what is not above 0.
	at_least_some(x) = x > 1e-3 * low ? x : 1e-3 * low
	python_line(x) = empty[p] + slope[p] * x
	plot \
		[low:high] x with lines linecolor rgb FAINT linewidth 0.8 dashtype (6, 4) notitle, \
		x / 0.9 with lines linecolor rgb FAINT linewidth 0.8 dashtype (1, 3) notitle, \
		for [s = 1:CURVES] '+' using 1:(at_least_some(boundary[s] - half[s] + $1)):(boundary[s] + half[s] + $1) with filledcurves \
			fillcolor rgb curve_color(s) fillstyle transparent solid 0.25 noborder notitle, \
		for [s = 1:CURVES] boundary[s] + x with lines linetype 100 + s notitle, \
		python_line(x) with lines linetype 100 + PYTHON_CURVE notitle, \
		for [s = 1:CURVES] @PATHS using (of(s, 9, 10)):(10 * number(10) / 9):(at_least(number(11))):(number(12)) \
			with xerrorbars linetype 100 + s pointtype -1 notitle, \
		for [s = 1:CURVES] @PATHS using (of(s, 9, 10)):(10 * number(10) / 9) with points linetype 100 + s notitle, \
		for [s = 1:CURVES] @PATHS using (of(s, 13, 14)):(number(4) + number(14)):(at_least(number(15))):(number(16)) \
			with xerrorbars linetype 100 + s pointtype -1 notitle, \
		for [s = 1:CURVES] @PATHS using (of(s, 13, 14)):(number(4) + number(14)) with points linetype 100 + s pointtype 6 pointsize 0.9 notitle, \
		for [s = 1:CURVES] @PATHS using (here(s, 6)):(number(7) - number(8)):(0):(2 * number(8)) with vectors nohead linetype 100 + s notitle, \
		for [s = 1:CURVES] @PATHS using (here(s, 6)):(number(7)) with points linetype 100 + s pointtype 2 pointsize 0.6 notitle
}
unset multiplot
set output
