# SPDX-License-Identifier: MIT
# One call on a time axis: its sub-phases one below the other, each from where the one before it ends,
# with medians as bars and 99th percentiles as whiskers; a panel a call path. Reads nothing but the
# data file, which the export "waterdata" writes and describes. common.gp comes before.

heading = 'One call in time, by sub-phase'
stats data index 0 using (panels = int($7), cells = $8, without = $9, note = strcol(10), 0) nooutput
array workload[panels]
array path[panels]
array interpreter[panels]
array rows[panels]
array calls[panels]
array p50[panels]
array p99[panels]
array end_of[panels]
array text[panels]
drawn = 0; missing = 0
do for [p = 1:panels] {
	stats data index 1 every ::(p - 1)::(p - 1) using (workload[p] = strcol(1), path[p] = strcol(2), \
		interpreter[p] = strcol(3), rows[p] = $5, calls[p] = $6, p50[p] = number(7), p99[p] = number(8), \
		end_of[p] = number(9), text[p] = strcol(10), 0) nooutput
	drawn = drawn + (rows[p] > 0)
	missing = missing + (rows[p] == 0)
}
ROWS = 'data index 2'
contended = 0
do for [p = 1:panels] { contended = contended || (rows[p] > 0 && strstrt(text[p], 'contended') > 0) }

legends = 5
array legend_text[legends] = ['', '', '', '', '']
array legend_color[legends]
array legend_hatch[legends]
array legend_x[legends]
array legend_row[legends]
LABELS = 0; VALUES = 0
greater(a, b) = a > b ? a : b
value_text(dummy) = number(7) < number(8) ? bound_text(number(8)) \
	: (number(6) < number(8) ? bound_text(number(8)) : short(number(6))).' | '.short(number(7))
stats @ROWS using (legend_text[int($4)] = phase_name[int($4)], \
	LABELS = greater(LABELS, width_of(strcol(3), SMALL) + 0.6 * BODY + MARGIN / 2), \
	VALUES = greater(VALUES, width_of(value_text(0), SMALL) + 8), 0) nooutput
do for [s = 1:legends] { legend_color[s] = phase_color[s]; legend_hatch[s] = phase_hatch[s] }

remarks = 'Bars: median of each stretch, laid end to end; whiskers: its 99th percentile ('.">:\302\240beyond".' the axis); both in ' \
	.unit_name.' at the right. Vertical lines: median (solid) and 99th percentile (dashed) of whole calls, to which those of' \
	.' stretches need not add up. Every call counts, also those beside a busy neighbour (contended). The mean cost of the stamps' \
	.' is taken out.'.(contended ? " !:\302\240contended throughout, may be too high." : '') \
	.(without > 0 ? sprintf(' %d measured cells have no timeline.', without) : '')

# --- the page -----------------------------------------------------------------------------------------
SLOT = narrow ? 9.6 : 1.44 * BODY
if (width_points > 0) {
	width = width_points
	columns = width < 400 ? 1 : width < 760 ? 2 : 3
} else {
	columns = drawn < 2 ? 1 : drawn < 5 ? 2 : 3
	width = columns == 1 ? 420.0 : columns * 300.0
}
columns = columns > drawn ? drawn : columns
PANEL = (width - MARGIN) / columns
BARS = PANEL - LABELS - MARGIN
PANEL_TOP = 3.8 * BODY; PANEL_BOTTOM = (is_tex ? 1 + 3.3 : 3.3) * BODY
missing_text(p) = workload[p].' through '.path[p].' on '.interpreter[p].': '.text[p]
do for [p = 1:panels] { if (rows[p] == 0) { dummy = in_full(missing_text(p), SMALL, width - 2 * MARGIN) } }
eval MEASURE_HEAD
eval MEASURE_LEGEND
panel_rows = (drawn + columns - 1) / columns
array row_height[panel_rows]
do for [r = 1:panel_rows] { row_height[r] = 0 }
n = 0
do for [p = 1:panels] {
	if (rows[p] > 0) {
		r = n / columns + 1
		row_height[r] = (rows[p] + 0.4) * SLOT > row_height[r] ? (rows[p] + 0.4) * SLOT : row_height[r]
		n = n + 1
	}
}
height = TOP + LEGEND + 4
do for [r = 1:panel_rows] { height = height + PANEL_TOP + row_height[r] + PANEL_BOTTOM }
below = height
height = height + missing * SMALL_LINE + FOOT
eval OPEN_PAGE
eval DRAW_BOXES
at = below
do for [p = 1:panels] {
	if (rows[p] == 0) {
		set label 300 + p T(cut_to(missing_text(p), SMALL, width - 2 * MARGIN), SMALL) \
			noenhanced at screen X(MARGIN), Y(at + 0.5 * SMALL_LINE) font SMALL_FONT textcolor rgb FAINT front
		at = at + SMALL_LINE
	}
}

# --- the panels -----------------------------------------------------------------------------------------
set grid xtics linetype 1 linecolor rgb GRID linewidth 0.6
n = 0
top_of_row = TOP + LEGEND
do for [p = 1:panels] {
	if (rows[p] > 0) {
		if (n > 0) { unset label; unset object; unset arrow }
		left = MARGIN / 2 + (n % columns) * PANEL + LABELS
		if (n > 0 && n % columns == 0) { top_of_row = top_of_row + PANEL_TOP + row_height[n / columns] + PANEL_BOTTOM }
		top = top_of_row + PANEL_TOP
		n = n + 1
		set lmargin at screen X(left)
		set rmargin at screen X(left + BARS)
		set tmargin at screen Y(top)
		set bmargin at screen Y(top + (rows[p] + 0.4) * SLOT)
		# Whiskers that would squeeze the bars end at the edge.
		edge = end_of[p] > 2.5 * p50[p] && p50[p] > 0 ? 2.5 * p50[p] : end_of[p]
		edge = edge > 0 ? edge : 1
		end = edge * BARS / (BARS - VALUES)
		points(x) = x * end / BARS
		set xrange [0:end]
		set yrange [rows[p] + 0.7:0.3]
		set xtics 0, step_of(end, BARS, 34), end * (1 - 9 / BARS) font SMALL_FONT offset 0, 0.3
		set format x F('%g', SMALL)
		unset ytics
		set xlabel T(unit_name.' since the call began', SMALL) font SMALL_FONT textcolor rgb SOFT offset 0, 0.9 noenhanced
		set label 900 B(workload[p].' through '.path[p].(strstrt(text[p], 'contended') > 0 ? ' !' : ''), BODY + 0.5) \
			at screen X(left - LABELS + MARGIN / 2), Y(top - 2.6 * BODY) font size(BODY + 0.5) textcolor rgb INK front
		set label 901 T(cut_to(sprintf('%s; %d calls; whole: median %s, p99 %s', interpreter[p], calls[p], short(p50[p]), short(p99[p])), \
			SMALL, PANEL - MARGIN / 2), SMALL) \
			noenhanced at screen X(left - LABELS + MARGIN / 2), Y(top - 1.0 * BODY) font SMALL_FONT textcolor rgb SOFT front
		if (p50[p] <= edge) { set arrow 900 from p50[p], graph 0 to p50[p], graph 1 nohead linecolor rgb FAINT linewidth 0.8 back }
		if (p99[p] <= edge) { set arrow 901 from p99[p], graph 0 to p99[p], graph 1 nohead linecolor rgb FAINT linewidth 0.8 dashtype (4, 3) back }
		mine(x) = column(1) == p ? x : NaN
		within(x) = x > edge ? edge : x
		of_phase(s, x) = column(4) == s ? mine(x) : NaN
		median_end(dummy) = number(5) + number(6)
		tail_end(dummy) = number(5) + (number(7) > number(6) ? number(7) : number(6))
		plot \
			for [s = 1:legends] @ROWS using (phase_hatch[s] < 0 ? of_phase(s, number(5)) : NaN):2:(number(5)):(within(median_end(0))): \
				($2 - 0.36):($2 + 0.36) with boxxyerror fillcolor rgb phase_color[s] fillstyle solid border rgb EDGE_INK linewidth 0.6 notitle, \
			for [s = 1:legends] @ROWS using (phase_hatch[s] < 0 ? NaN : of_phase(s, number(5))):2:(number(5)):(within(median_end(0))): \
				($2 - 0.36):($2 + 0.36) with boxxyerror fillcolor rgb phase_color[s] fillstyle pattern phase_hatch[s] border rgb EDGE_INK linewidth 0.6 notitle, \
			@ROWS using (mine(median_end(0))):2:(median_end(0)):(within(tail_end(0))) \
				with xerrorbars pointtype -1 linecolor rgb INK linewidth 0.9 notitle, \
			@ROWS using (shown(tail_end(0) > edge ? mine(edge) : NaN)):2:(P('>', BODY)) with labels noenhanced font BODY_FONT textcolor rgb INK notitle, \
			@ROWS using (shown(mine(within(tail_end(0)) + points(5)))):2:(P(value_text(0), SMALL)) \
				with labels @BOXED left noenhanced font SMALL_FONT textcolor rgb INK notitle, \
			@ROWS using (shown(mine(0))):2:(P(strcol(3), SMALL)) with labels right offset -0.6, 0 noenhanced font SMALL_FONT textcolor rgb INK notitle
	}
}
unset multiplot
set output
