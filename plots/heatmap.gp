# SPDX-License-Identifier: MIT
# A sweep: for each call path a map of argument type x number of arguments, coloured by the total of
# one call, and at the end of each row what one more argument costs. Reads nothing but the data file,
# which the export "heatdata" writes and describes. common.gp comes before.

heading = 'Cost of a call by argument type and number of arguments'
stats data index 0 using (panels = int($7), lowest = has(8) ? number(8) : 1, highest = has(9) ? number(9) : 1, note = strcol(10), 0) nooutput
low = lowest
high = highest > 1.2 * low ? highest : 1.2 * low
array group[panels]
array build[panels]
array path[panels]
array types[panels]
array counts[panels]
array remark[panels]
do for [p = 1:panels] {
	stats data index 1 every ::(p - 1)::(p - 1) using (group[p] = strcol(1), build[p] = strcol(2), \
		path[p] = strcol(3), types[p] = $4, counts[p] = $5, remark[p] = strcol(6), 0) nooutput
}
ROWS = 'data index 2'
COLUMNS = 'data index 3'
CELLS = 'data index 4'

brief(v) = v >= 9999.5 ? sprintf('%.0fk', v / 1000) : v >= 9.95 ? sprintf('%.0f', v) : sprintf('%.1f', v)
brief_bound(v) = '<'.brief(rounded_up(v))
abbreviated(status) = status eq 'inapplicable' ? '–' : status eq 'unavailable' ? 'n/a' \
	: status eq 'crashed' ? 'crash' : status eq 'failed' ? 'fail' : status eq 'timeout' ? 'time' : '?'

# --- the page -----------------------------------------------------------------------------------------
most_counts = 1
do for [p = 1:panels] { most_counts = counts[p] > most_counts ? counts[p] : most_counts }
LABELS = 0; SLOPE = 0
greater(a, b) = a > b ? a : b
slope_text(v, h) = (has(6) ? bound_text(number(6)) : (v < 0 ? '' : '+').with_half(v, h)).(strcol(7) eq ' ' ? '' : ' '.strcol(7))
stats @ROWS using (LABELS = greater(LABELS, width_of(strcol(3), SMALL) + 6 + MARGIN / 2), \
	SLOPE = greater(SLOPE, width_of(has(4) ? slope_text(number(4), number(5)) : strcol(7), SMALL) + 14), 0) nooutput
ROW = 1.46 * BODY; TITLE = 2.0 * BODY; BELOW = 2.0 * BODY; GROUP = 2.4 * BODY
if (width_points > 0) {
	width = width_points
	across = int((width - MARGIN) / (LABELS + SLOPE + 22 * most_counts))
	across = across < 1 ? 1 : across > panels ? panels : across
	PANEL = (width - MARGIN) / across
	CELL = (PANEL - LABELS - SLOPE) / most_counts
	CELL = CELL > 34 ? 34.0 : CELL
} else {
	CELL = 27.0
	PANEL = LABELS + CELL * most_counts + SLOPE
	across = panels < 3 ? panels : 3
	width = MARGIN + across * PANEL
	width = width < 480 ? 480 : width
}
# Figures in cells get as much room as there is.
CELL_FONT = size(CELL < 24 ? TINY - 0.5 : TINY)
do for [p = 1:panels] { if (types[p] == 0) { dummy = in_full(path[p].': '.remark[p], SMALL, width - 2 * MARGIN - 4) } }
remarks = 'Across: number of arguments. Colour and figure: total of one call, '.unit_name.'. At the right: cost of one more argument, ' \
	.unit_name.", and its 95 % interval. Hatched: not measured (–: can't be expressed). !: contended, may be too high. ~: no straight line."
eval MEASURE_HEAD
BAR = 2.9 * BODY # the scale of colours
bar_left = MARGIN + 4; bar_top = TOP + 0.4 * BODY; bar_width = width < 330 ? 150.0 : 190.0
# From the top down: a group's heading, lines for paths that have no panel, its panels in rows.
array left_of[panels]
array top_of[panels]
array heading_of[panels]
array notes_of[panels]
at = TOP + BAR; column_at = 0; tallest = 0; before = ''
do for [p = 1:panels] {
	if (group[p] ne before) {
		at = at + (column_at > 0 ? tallest : 0)
		heading_of[p] = at
		at = at + GROUP
		column_at = 0; tallest = 0; before = group[p]
		do for [q = p:panels] {
			if (group[q] eq group[p] && types[q] == 0) { notes_of[q] = at; at = at + SMALL_LINE }
		}
	} else {
		heading_of[p] = -1
	}
	if (types[p] > 0) {
		if (column_at == across) { at = at + tallest; column_at = 0; tallest = 0 }
		left_of[p] = MARGIN / 2 + column_at * PANEL
		top_of[p] = at
		need = TITLE + types[p] * ROW + BELOW
		tallest = need > tallest ? need : tallest
		column_at = column_at + 1
	}
}
height = at + (column_at > 0 ? tallest : 0) + 6 + FOOT
eval OPEN_PAGE

# From light to dark in even steps of lightness, blue and yellow only: the same in greyscale and for
# every kind of colour vision (the colours of cividis: Nunez, Anderton and Renslow, 2018). On dark paper
# from dark to light, so that what costs more stands out there too.
if (print_) { set palette defined (0 '#ffffff', 1 '#303030') }
if (dark) { set palette defined (0 '#00224e', 1 '#123570', 2 '#3b496c', 3 '#575d6d', 4 '#707173', 5 '#8a8678', \
	6 '#a59c74', 7 '#c3b369', 8 '#fee838') }
if (!print_ && !dark) { set palette defined (0 '#fee838', 1 '#c3b369', 2 '#a59c74', 3 '#8a8678', 4 '#707173', 5 '#575d6d', \
	6 '#3b496c', 7 '#123570', 8 '#00224e') }
set logscale cb
set cbrange [low:high]
is_dark(v) = dark ? log(v / low) / log(high / low) < 0.5 : log(v / low) / log(high / low) > (print_ ? 0.55 : 0.45)

do for [p = 1:panels] {
	if (heading_of[p] >= 0) {
		set label 100 + 2 * p B(group[p], BODY + 1) at screen X(MARGIN), Y(heading_of[p] + 0.5 * GROUP) font size(BODY + 1) textcolor rgb INK front
		set label 101 + 2 * p T(build[p], SMALL) noenhanced at screen X(MARGIN + 10 + 1.1 * width_of(group[p], BODY + 1)), \
			Y(heading_of[p] + 0.5 * GROUP) font SMALL_FONT textcolor rgb SOFT front
	}
	if (types[p] == 0) {
		set label 100 + 2 * panels + p + 1 T(cut_to(path[p].': '.remark[p], SMALL, width - 2 * MARGIN - 4), SMALL) noenhanced \
			at screen X(MARGIN + 4), Y(notes_of[p] + 0.5 * SMALL_LINE) font SMALL_FONT textcolor rgb FAINT front
	}
}
set colorbox horizontal user origin screen X(bar_left), Y(bar_top + 0.9 * BODY) size screen bar_width / width, 0.9 * BODY / height
if (high / low < 400) {
	set cbtics () scale 0.4 font SMALL_FONT offset 0, 0.4
	do for [k = floor(log10(low)):ceil(log10(high))] {
		do for [m in '1 2 5'] {
			v = m * 10.0**k
			if (v >= low && v <= high) { set cbtics add (T(v < 1000 ? sprintf('%g', v) : sprintf('%gk', v / 1000), SMALL) v) }
		}
	}
} else {
	set format cb F('%g', SMALL)
	set cbtics scale 0.4 font SMALL_FONT offset 0, 0.4
}
set label 60 T(unit_name.' per call', SMALL) noenhanced at screen X(bar_left + bar_width + 8), Y(bar_top + 0.5 * BODY) left font SMALL_FONT \
	textcolor rgb SOFT front
# Something must be drawn for the scale of colours to appear.
set lmargin at screen X(bar_left); set rmargin at screen X(bar_left + bar_width)
set tmargin at screen Y(bar_top); set bmargin at screen Y(bar_top + 1)
unset xtics; unset ytics; unset border
set xrange [0:1]; set yrange [0:1]
plot '+' using (-5):(-5):(low) with points palette pointtype 7 notitle
unset colorbox
unset label

# --- the panels -----------------------------------------------------------------------------------
do for [p = 1:panels] {
	if (types[p] > 0) {
		# What stands around the cells belongs to the plot as well: beyond it, texts are cut off.
		set lmargin at screen X(left_of[p])
		set rmargin at screen X(left_of[p] + LABELS + CELL * counts[p] + SLOPE)
		set tmargin at screen Y(top_of[p] + TITLE)
		set bmargin at screen Y(top_of[p] + TITLE + types[p] * ROW + BELOW)
		set xrange [0.5 - LABELS / CELL:counts[p] + 0.5 + SLOPE / CELL]
		set yrange [types[p] + 0.5 + BELOW / ROW:0.5]
		set label 1 B(path[p], BODY) at screen X(left_of[p] + LABELS), Y(top_of[p] + 0.55 * TITLE) font BODY_FONT textcolor rgb INK front
		of(n, x) = column(1) == p ? x : NaN
		filled(x) = column(1) == p && strcol(4) eq 'ok' && !has(6) && number(5) > 0 ? x : NaN
		hatched(x) = column(1) == p && filled(1) != filled(1) ? x : NaN
		on_light(x) = !is_dark(number(5)) ? filled(x) : NaN
		on_dark(x) = is_dark(number(5)) ? filled(x) : NaN
		missing(x) = strcol(4) ne 'ok' ? hatched(x) : NaN
		bounded(x) = strcol(4) eq 'ok' && has(6) ? hatched(x) : NaN
		contended(n) = column(n) == 1 ? '!' : ''
		slope(x) = column(1) == p && has(4) ? x : NaN
		worded(x) = column(1) == p && !has(4) ? x : NaN
		plot \
			@CELLS using (hatched($3)):2:($3 - 0.5):($3 + 0.5):($2 - 0.5):($2 + 0.5) \
				with boxxyerror fillcolor rgb FAINT fillstyle pattern 4 border rgb GRID notitle, \
			@CELLS using (filled($3)):2:($3 - 0.48):($3 + 0.48):($2 - 0.46):($2 + 0.46):(number(5)) \
				with boxxyerror fillcolor palette fillstyle solid border rgb GRID notitle, \
			@CELLS using (shown(on_light($3))):2:(P(brief(number(5)).contended(7), TINY)) \
				with labels font CELL_FONT textcolor rgb '#000000' notitle, \
			@CELLS using (shown(on_dark($3))):2:(P(brief(number(5)).contended(7), TINY)) \
				with labels font CELL_FONT textcolor rgb '#ffffff' notitle, \
			@CELLS using (shown(missing($3))):2:(P(abbreviated(strcol(4)), TINY)) \
				with labels @BOXED font CELL_FONT textcolor rgb SOFT notitle, \
			@CELLS using (shown(bounded($3))):2:(P(brief_bound(number(6)).contended(7), TINY)) \
				with labels @BOXED font CELL_FONT textcolor rgb SOFT notitle, \
			@ROWS using (shown(of(1, 0.38))):2:(P(strcol(3), SMALL)) with labels right noenhanced font SMALL_FONT textcolor rgb INK notitle, \
			@ROWS using (shown(slope(counts[p] + 0.65))):2:(P(slope_text(number(4), number(5)), SMALL)) \
				with labels left noenhanced font SMALL_FONT textcolor rgb INK notitle, \
			@ROWS using (shown(worded(counts[p] + 0.65))):2:(P(strcol(7), SMALL)) \
				with labels left noenhanced font SMALL_FONT textcolor rgb FAINT notitle, \
			@COLUMNS using (shown(of(1, column(2)))):(types[p] + 1.05):(P(sprintf('%d', $3), SMALL)) \
				with labels font SMALL_FONT textcolor rgb SOFT notitle
		unset label 1
	}
}
unset multiplot
set output
