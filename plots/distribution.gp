# SPDX-License-Identifier: MIT
# How long single calls took: for each path the share of calls that took at most so long, on a
# logarithmic axis of time; a panel a workload and interpreter. Shares are on the scale of a normal
# distribution, which shows the middle and both tails. Reads nothing but the data file, which the
# export "distdata" writes and describes. common.gp comes before.

heading = 'How long single calls take'
stats data index 0 using (panels = int($7), least_left = strcol(8) eq 'NaN' ? 0.001 : $8, note = strcol(9), 0) nooutput
array workload[panels]
array interpreter[panels]
array lowest[panels]
array highest[panels]
array words_of[panels] # below the panel
array not_drawn[panels]
array without[panels]
array contended[panels]
array tail_of[panels] # the greatest 99.9th percentile
do for [p = 1:panels] {
	words_of[p] = ''; not_drawn[p] = ''; without[p] = ''; contended[p] = ''; tail_of[p] = 0
	stats data index 1 every ::(p - 1)::(p - 1) using (workload[p] = strcol(1), interpreter[p] = strcol(2), \
		lowest[p] = has(5) ? number(5) : 1, highest[p] = has(6) ? number(6) : 1, 0) nooutput
}
PATHS = 'data index 2'
POINTS = 'data index 3'
legends = CURVES
array legend_text[legends]
array legend_x[legends]
array legend_row[legends]
do for [s = 1:legends] { legend_text[s] = '' }
listed(list, item) = list.(list eq '' ? '' : ', ').item
tail(dummy) = has(8) ? number(8) : has(7) ? number(7) : 0
stats @PATHS using ($4 > 0 ? (legend_text[int($2)] = strcol(3), \
		words_of[int($1)] = listed(words_of[int($1)], strcol(3).' '.duration(number(9))), \
		tail_of[int($1)] = tail(0) > tail_of[int($1)] ? tail(0) : tail_of[int($1)], 0) : 0, \
	strcol(10) eq 'no timeline' ? (without[int($1)] = listed(without[int($1)], strcol(3)), 0) \
		: $4 == 0 || strcol(10) eq 'five quantiles only' ? (not_drawn[int($1)] = listed(not_drawn[int($1)], strcol(3).': '.strcol(10)), 0) : 0, \
	strcol(10) eq 'contended' ? (contended[int($1)] = listed(contended[int($1)], strcol(3)), 0) : 0, 0) nooutput
array drawn_as[panels] # a panel's place in the figure; 0 = it has no curve, and a line of text
drawn = 0
do for [p = 1:panels] {
	if (tail_of[p] > 0 || words_of[p] ne '') { drawn = drawn + 1; drawn_as[p] = drawn } else { drawn_as[p] = 0 }
	words_of[p] = (words_of[p] eq '' ? '' : 'Slowest call: '.words_of[p].'.') \
		.(contended[p] eq '' ? '' : ' Contended throughout, may be too high: '.contended[p].'.') \
		.(without[p] eq '' ? '' : ' No timeline: '.without[p].'.') \
		.(not_drawn[p] eq '' ? '' : ' Not drawn, or less exactly: '.not_drawn[p].'.')
	# A call in a million that met something else must not take up the axis.
	if (tail_of[p] > 0 && highest[p] > 12 * tail_of[p]) { highest[p] = 6 * tail_of[p] }
}
remarks = 'Time: '.unit_name.' per call. Full symbols: median, 99th and 99.9th percentile; rings: the slowest call, where the axis' \
	.' reaches it. Every call counts, also those beside a busy neighbour (contended). The mean cost of the stamps is taken out.'

# --- the page -----------------------------------------------------------------------------------------
LABELS = 6.2 * BODY
if (width_points > 0) {
	width = width_points
	columns = width < 400 ? 1 : width < 760 ? 2 : 3
} else {
	columns = drawn < 2 ? 1 : drawn < 5 ? 2 : 3
	width = columns == 1 ? 420.0 : columns * 320.0
}
columns = columns > drawn ? drawn : columns
PANEL = (width - MARGIN / 2) / columns
AXIS = PANEL - LABELS - MARGIN
AXIS_HEIGHT = AXIS * 0.72 > 230 ? 230.0 : AXIS * 0.72
PANEL_TOP = 2.2 * BODY; PANEL_BOTTOM = (is_tex ? 1 + 3.9 : 3.9) * BODY
panel_rows = (drawn + columns - 1) / columns
array text_lines[panel_rows]
eval MEASURE_HEAD
eval MEASURE_LEGEND
do for [r = 1:panel_rows] { text_lines[r] = 0 }
height = TOP + LEGEND + 4
do for [p = 1:panels] {
	if (drawn_as[p] > 0) {
		words_of[p] = wrap_to(words_of[p], SMALL, PANEL - 2 * MARGIN)
		r = (drawn_as[p] - 1) / columns + 1
		text_lines[r] = lines_in(words_of[p]) > text_lines[r] ? lines_in(words_of[p]) : text_lines[r]
	} else {
		words_of[p] = wrap_to(workload[p].' on '.interpreter[p].':'.words_of[p], SMALL, width - 2 * MARGIN)
		height = height + lines_in(words_of[p]) * SMALL_LINE
	}
}
do for [r = 1:panel_rows] { height = height + PANEL_TOP + AXIS_HEIGHT + PANEL_BOTTOM + text_lines[r] * SMALL_LINE }
eval OPEN_PAGE
eval DRAW_CURVES
at = height - 2
k_label = 500
do for [p = 1:panels] { if (drawn_as[p] == 0) { at = at - lines_in(words_of[p]) * SMALL_LINE } }
do for [p = 1:panels] {
	if (drawn_as[p] == 0) {
		rest = words_of[p]
		do for [l = 1:lines_in(words_of[p])] {
			one = strstrt(rest, "\n") > 0 ? rest[1:strstrt(rest, "\n") - 1] : rest
			rest = rest[strstrt(rest, "\n") + 1:*]
			set label k_label T(one, SMALL) noenhanced at screen X(MARGIN), Y(at + 0.5 * SMALL_LINE) font SMALL_FONT textcolor rgb FAINT front
			at = at + SMALL_LINE; k_label = k_label + 1
		}
	}
}

# --- the panels -----------------------------------------------------------------------------------------
set grid xtics ytics linetype 1 linecolor rgb GRID linewidth 0.6
set logscale x
low_share = 0.001
high_share = 1 - least_left / 2
set yrange [invnorm(low_share):invnorm(high_share)]
array shares[11] = [0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 0.99999]
array share_names[11] = ['0.1', '1', '10', '25', '50', '75', '90', '99', '99.9', '99.99', '99.999']
set ytics () font SMALL_FONT
do for [i = 1:11] { set ytics add (T(share_names[i], SMALL) invnorm(shares[i])) }
top_of_row = TOP + LEGEND
do for [p = 1:panels] {
	if (drawn_as[p] == 0) { continue }
	c = (drawn_as[p] - 1) % columns
	r = (drawn_as[p] - 1) / columns + 1
	if (c == 0 && r > 1) { top_of_row = top_of_row + PANEL_TOP + AXIS_HEIGHT + PANEL_BOTTOM + text_lines[r - 1] * SMALL_LINE }
	if (drawn_as[p] > 1) { unset label; unset arrow }
	left = c * PANEL + LABELS
	set lmargin at screen X(left)
	set rmargin at screen X(left + AXIS)
	set tmargin at screen Y(top_of_row + PANEL_TOP)
	set bmargin at screen Y(top_of_row + PANEL_TOP + AXIS_HEIGHT)
	low = 0.85 * lowest[p]; high = 1.3 * (highest[p] > 1.5 * lowest[p] ? highest[p] : 1.5 * lowest[p])
	set xrange [low:high]
	decades = log10(high / low)
	last = high * (low / high)**(10 / AXIS) # a number beyond would be cut off
	set xtics () font SMALL_FONT offset 0, 0.3
	each = decades * 24 < AXIS / 3 ? '1 2 5' : decades * 24 < AXIS / 2 ? '1 3' : '1'
	do for [k = floor(log10(low)):ceil(log10(high))] {
		do for [m in each] { if (m * 10.0**k >= low && m * 10.0**k < last) { set xtics add (T(brief_number(m * 10.0**k), SMALL) m * 10.0**k) } }
	}
	set xlabel T(unit_name.' per call', SMALL) font SMALL_FONT textcolor rgb SOFT offset 0, 0.9 noenhanced
	set label 910 T('% of calls that take at most so long', SMALL) noenhanced at screen X(left - LABELS + MARGIN + 0.3 * SMALL), Y(top_of_row + PANEL_TOP + AXIS_HEIGHT / 2) \
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
	curve(s, x) = column(1) == p && column(2) == s ? x : NaN
	mark(s, n) = column(1) == p && column(2) == s && has(n) ? number(n) : NaN
	plot for [s = 1:legends] @POINTS using (curve(s, number(4))):(invnorm($3)) with lines linetype 100 + s notitle, \
		for [s = 1:legends] @PATHS using (mark(s, 5)):(invnorm(0.5)) with points linetype 100 + s notitle, \
		for [s = 1:legends] @PATHS using (mark(s, 7)):(invnorm(0.99)) with points linetype 100 + s notitle, \
		for [s = 1:legends] @PATHS using (mark(s, 8)):(invnorm(0.999)) with points linetype 100 + s notitle, \
		for [s = 1:legends] @PATHS using (mark(s, 9)):($4 > 0 ? invnorm(1 - 0.5 / $4) : NaN) with points linetype 100 + s pointtype 6 pointsize 0.7 notitle
}
unset multiplot
set output
