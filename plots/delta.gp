# SPDX-License-Identifier: MIT
# What changed between two runs: for each call path the change of its total and of its phases, with
# 95 % intervals, in percent of the first run's total; a panel a workload and interpreter. Reads
# nothing but the data file, which libprobe writes from a comparison (deltadata.c) and describes.
# common.gp comes before.

heading = 'What changed between two runs'
stats data index 0 using (panels = int($7), started_a = strcol(8), started_b = strcol(9), band = $10, \
	ratio = strcol(11) eq 'NaN' ? 0 : $11, unlike = strcol(12), note = strcol(13), 0) nooutput
array workload[panels]
array interpreter[panels]
array slots[panels]
array lowest[panels]
array highest[panels]
array text[panels]
drawn = 0; missing = 0
do for [p = 1:panels] {
	stats data index 1 every ::(p - 1)::(p - 1) using (workload[p] = strcol(1), interpreter[p] = strcol(2), slots[p] = $4, \
		lowest[p] = has(5) ? $5 : 0, highest[p] = has(6) ? $6 : 0, text[p] = strcol(7), 0) nooutput
	drawn = drawn + (slots[p] > 0)
	missing = missing + (slots[p] == 0)
}
ROWS = 'data index 2'
legends = 5
array legend_text[legends] = ['total', '', '', '', '']
array legend_color[legends] = [rgb(INK), phase_color[1], phase_color[2], phase_color[3], phase_color[4]]
array legend_hatch[legends] = [-1, phase_hatch[1], phase_hatch[2], phase_hatch[3], phase_hatch[4]]
array legend_x[legends]
array legend_row[legends]
array names_of[4] = ['dispatch', 'marshalling', 'compute', 'several phases']
LABELS = 0; VALUES = 0
greater(a, b) = a > b ? a : b
# A change that rounds to nothing has no sign.
value_text(dummy) = strcol(6) eq 'NaN' ? '' : (v_ = with_half($6, $7), v_[1:1] eq '-' && v_ + 0 == 0 ? v_[2:*] \
	: v_[1:1] eq '-' || v_ + 0 == 0 ? v_ : '+'.v_)
stats @ROWS using ($4 > 0 ? (legend_text[int($4) + 1] = names_of[int($4)], 0) : 0, \
	LABELS = greater(LABELS, width_of(strcol(3), BODY) + 0.6 * BODY + 2), \
	LABELS = greater(LABELS, width_of(strcol(5), TINY) + 0.6 * BODY + 2), \
	VALUES = greater(VALUES, width_of(value_text(0), SMALL) + 10), 0) nooutput
remarks = 'A: '.started_a.'; B: '.started_b.'. Change: B - A in percent of the total in A, at the right in ns per call;' \
	.sprintf(' 95 %% intervals. Full: significant, and more than %g %% of the total (grey band); hollow: not. <, >: beyond the axis.', 100 * band) \
	.(ratio > 0 ? sprintf(' Geometric mean of B / A: %.3f.', ratio) : '') \
	.(unlike eq ' ' ? '' : ' The runs also differ in: '.unlike.'.')

# --- the page -----------------------------------------------------------------------------------------
SLOT = narrow ? 9.0 : 1.36 * BODY
if (width_points > 0) {
	width = width_points
	columns = width < 400 ? 1 : width < 760 ? 2 : 3
} else {
	columns = drawn < 2 ? 1 : drawn < 5 ? 2 : 3
	width = columns == 1 ? 420.0 : columns * 320.0
}
columns = columns > drawn ? drawn : columns
PANEL = (width - MARGIN) / columns
AXIS = PANEL - LABELS - VALUES - MARGIN
PANEL_TOP = 2.4 * BODY; PANEL_BOTTOM = (is_tex ? 1 + 3.4 : 3.4) * BODY
panel_rows = (drawn + columns - 1) / columns
array row_height[panel_rows]
missing_text(p) = workload[p].' on '.interpreter[p].': no path in both runs ('.text[p].')'
do for [p = 1:panels] { if (slots[p] == 0) { dummy = in_full(missing_text(p), SMALL, width - 2 * MARGIN) } }
stats @ROWS using ($4 == -1 ? in_full(strcol(3).': '.strcol(13), SMALL, AXIS + VALUES - 4 + width_of(strcol(3).': ', SMALL)) : 0, 0) nooutput
eval MEASURE_HEAD
eval MEASURE_LEGEND
do for [r = 1:panel_rows] { row_height[r] = 0 }
n = 0
do for [p = 1:panels] {
	if (slots[p] > 0) {
		r = n / columns + 1
		row_height[r] = (slots[p] + 0.4) * SLOT > row_height[r] ? (slots[p] + 0.4) * SLOT : row_height[r]
		n = n + 1
	}
}
height = TOP + LEGEND + 4 + missing * SMALL_LINE + FOOT
do for [r = 1:panel_rows] { height = height + row_height[r] + PANEL_TOP + PANEL_BOTTOM }
eval OPEN_PAGE
array symbol[5] = [13, 5, 9, 7, 11]
array symbol_color[5] = [rgb(INK), phase_color[1], phase_color[2], phase_color[3], phase_color[4]]
do for [s = 1:legends] {
	if (legend_text[s] ne '') {
		at = TOP + LINE * (legend_row[s] + 0.5)
		set label 200 + s '' at screen X(legend_x[s] + SWATCH / 2), Y(at) point pointtype symbol[s] pointsize 0.9 linecolor rgb symbol_color[s] front
		set label 250 + s '' at screen X(legend_x[s] + SWATCH / 2), Y(at) point pointtype symbol[s] - 1 pointsize 0.9 linecolor rgb EDGE_INK linewidth 0.7 front
		set label 100 + s T(legend_text[s], BODY) noenhanced at screen X(legend_x[s] + SWATCH + 4), Y(at) font BODY_FONT textcolor rgb INK front
	}
}
at = height - missing * SMALL_LINE - FOOT - 2
do for [p = 1:panels] {
	if (slots[p] == 0) {
		set label 300 + p T(cut_to(missing_text(p), SMALL, width - 2 * MARGIN), SMALL) \
			noenhanced at screen X(MARGIN), Y(at + 0.5 * SMALL_LINE) font SMALL_FONT textcolor rgb FAINT front
		at = at + SMALL_LINE
	}
}

# --- the panels -----------------------------------------------------------------------------------------
set grid xtics linetype 1 linecolor rgb GRID linewidth 0.6
unset ytics
top_of_row = TOP + LEGEND
n = 0
do for [p = 1:panels] {
	if (slots[p] == 0) { continue }
	c = n % columns
	r = n / columns + 1
	n = n + 1
	if (c == 0 && r > 1) { top_of_row = top_of_row + row_height[r - 1] + PANEL_TOP + PANEL_BOTTOM }
	if (n > 1) { unset label; unset object; unset arrow }
	left = MARGIN / 2 + c * PANEL + LABELS
	top = top_of_row + PANEL_TOP
	# The values at the right belong to the plot as well: beyond it, texts are cut off.
	set lmargin at screen X(left)
	set rmargin at screen X(left + AXIS + VALUES)
	set tmargin at screen Y(top)
	set bmargin at screen Y(top + (slots[p] + 0.4) * SLOT)
	low = lowest[p] < -150 * band ? lowest[p] : -150 * band
	high = highest[p] > 150 * band ? highest[p] : 150 * band
	low = low - 0.04 * (high - low); high = high + 0.04 * (high - low)
	end = low + (high - low) * (AXIS + VALUES) / AXIS
	points(x) = x * (high - low) / AXIS
	set xrange [low:end]
	set yrange [slots[p] + 0.7:0.3]
	step = step_of(high - low, AXIS, 22)
	set xtics ceil(low / step) * step, step, high font SMALL_FONT offset 0, 0.3
	set format x F('%g', SMALL)
	set xlabel T('change of a call, % of its total in A', SMALL) font SMALL_FONT textcolor rgb SOFT offset 0, 0.9 noenhanced
	set label 900 B(workload[p], BODY + 0.5) at screen X(left), Y(top - 0.9 * BODY) font size(BODY + 0.5) textcolor rgb INK front
	set label 901 T(interpreter[p], SMALL) noenhanced at screen X(left + 1.1 * width_of(workload[p], BODY + 0.5) + 8), \
		Y(top - 0.9 * BODY) font SMALL_FONT textcolor rgb SOFT front
	set object 900 rectangle from -100 * band, graph 0 to 100 * band, graph 1 behind fillcolor rgb GRID fillstyle solid noborder
	set arrow 900 from 0, graph 0 to 0, graph 1 nohead linecolor rgb FAINT linewidth 0.8 back
	mine(x) = column(1) == p ? x : NaN
	is_significant(dummy) = strcol(10) eq 'slower' || strcol(10) eq 'faster'
	is_known(dummy) = strcol(10) ne 'unknown'
	inside(x) = x < low ? low : x > high ? high : x
	figure(w, x) = column(4) == w && strcol(8) ne 'NaN' ? mine(x) : NaN
	# What lies beyond the axis, or whose interval does, has a mark at its edge.
	held(x) = x < low || x > high ? NaN : x
	full(w) = is_significant(0) ? figure(w, held($8)) : NaN
	hollow(w) = is_significant(0) ? NaN : figure(w, held($8))
	beyond(w, x) = x > high ? figure(w, high) : NaN
	before(w, x) = x < low ? figure(w, low) : NaN
	# Light symbols need an outline on light paper.
	plot \
		for [w = 0:4] @ROWS using (figure(w, inside($8))):2:(inside($8 - $9)):(inside($8 + $9)) \
			with xerrorbars pointtype -1 linecolor rgb FAINT linewidth (w == 0 ? 1.3 : 0.8) notitle, \
		for [w = 0:4] @ROWS using (full(w)):2 with points pointtype symbol[w + 1] pointsize (w == 0 ? 0.85 : 0.7) linecolor rgb symbol_color[w + 1] notitle, \
		for [w = 0:4] @ROWS using (full(w)):2 with points pointtype symbol[w + 1] - 1 pointsize (w == 0 ? 0.85 : 0.7) linecolor rgb EDGE_INK linewidth 0.7 notitle, \
		for [w = 0:4] @ROWS using (hollow(w)):2 with points pointtype symbol[w + 1] - 1 pointsize (w == 0 ? 0.85 : 0.7) linecolor rgb (w == 0 ? rgb(INK) : rgb(SOFT)) linewidth 0.9 notitle, \
		for [w = 0:4] @ROWS using (shown(beyond(w, $8 + $9))):2:(P('>', BODY)) with labels noenhanced font BODY_FONT textcolor rgb INK notitle, \
		for [w = 0:4] @ROWS using (shown(before(w, $8 - $9) + points(3))):2:(P('<', BODY)) with labels noenhanced font BODY_FONT textcolor rgb INK notitle, \
		@ROWS using (shown($4 >= 0 ? mine(end) : NaN)):2:(P(value_text(0), SMALL)) \
			with labels right noenhanced font SMALL_FONT textcolor rgb INK notitle, \
		@ROWS using (shown($4 == -1 ? mine(low + points(3)) : NaN)):2:(P(cut_to(strcol(13), SMALL, AXIS + VALUES - 4), SMALL)) \
			with labels left noenhanced font SMALL_FONT textcolor rgb BAD notitle, \
		@ROWS using (shown($4 == 0 && strcol(13) ne ' ' ? mine(low + points(3)) : NaN)):($2 - 0.62):(P(strcol(13), TINY)) \
			with labels left noenhanced font TINY_FONT textcolor rgb BAD notitle, \
		@ROWS using (shown($4 <= 0 ? mine(low) : NaN)):2:(P(strcol(3), BODY)) \
			with labels right offset -0.6, 0 noenhanced font BODY_FONT textcolor rgb INK notitle, \
		@ROWS using (shown($4 > 0 ? mine(low) : NaN)):2:(P(strcol(5), TINY)) \
			with labels right offset -0.6, 0 noenhanced font TINY_FONT textcolor rgb SOFT notitle
}
unset multiplot
set output
