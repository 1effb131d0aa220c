# SPDX-License-Identifier: MIT
# Stacked bars, as breakdown.gp and builds.gp draw them; see the head of the data file's writer.
#
# heading: the title. linked: 1 = lines join the phases of neighbouring bars.

stats data index 0 using (panels = int($7), note = strcol(8), 0) nooutput
array name[panels]
array slots[panels]
array split_max[panels]
array all_max[panels]
total_slots = 0
do for [p = 1:panels] {
	stats data index 1 every ::(p - 1)::(p - 1) using (name[p] = strcol(1), slots[p] = $2, \
		split_max[p] = strcol(3) eq 'NaN' ? 0 : $3 * scale, \
		all_max[p] = strcol(4) eq 'NaN' ? 0 : $4 * scale, 0) nooutput
	total_slots = total_slots + slots[p]
}
ROWS = 'data index 2'

# --- segments of a bar: columns 10 to 17 of the data, in the order in which they are stacked -------
# The phase of compute is drawn without what a callback takes, which has a segment of its own: column 26.
legends = 9
COMPUTE = 7; CALLED_COLUMN = 26
array column_of[legends] = [10, 13, 15, 16, 11, 14, 12, 26, 17]
array legend_text[legends] = ['dispatch', 'dispatch+marshalling', 'dispatch+compute', 'all three phases', \
	'marshalling', 'marshalling+compute', 'compute', 'compute: Python called back', 'pure Python (total)']
array legend_color[legends] = [phase_color[1], phase_color[1], phase_color[1], phase_color[4], \
	phase_color[2], 0x8a4b00, phase_color[3], 0x3d8a72, rgb(PAPER)]
array legend_hatch[legends] = [phase_hatch[1], 5, 7, 6, phase_hatch[2], 1, phase_hatch[3], 2, -1]
array ink_of[legends] = [0xffffff, rgb(INK), rgb(INK), rgb(INK), 0x000000, rgb(INK), 0x000000, rgb(INK), rgb(INK)]
if (dark) { legend_color[6] = 0xf0b060; legend_color[2] = 0x7fa8dc; legend_color[3] = 0x7fa8dc; legend_color[8] = 0x9be0c8 }
if (print_) { legend_color[6] = 0x404040; legend_color[8] = 0x707070 }
array legend_x[legends]
array legend_row[legends]
array used[legends]
do for [s = 1:legends] { used[s] = 0 }
length_of(s) = positive(number(column_of[s]) - (s == COMPUTE ? number(CALLED_COLUMN) : 0))
before(s) = s == 1 ? 0 : (sum [k = 1:s - 1] length_of(k))
after(s) = before(s) + length_of(s)
remark_mark(text) = (strstrt(text, 'contended') > 0 ? ' !' : '').(strstrt(text, 'timeline') > 0 ? ' t' : '')
total_text(v, h) = h > 0 ? with_half(v, h) : short(v)
value_text(dummy) = total_text(number(8), number(9)).remark_mark(strcol(7))
digits_width(text) = 0.62 * TINY * strlen(text)
segment_text(v) = v >= 100 ? sprintf('%.0f', v) : v >= 10 ? sprintf('%.1f', v) : sprintf('%.2f', v)
greater(a, b) = a > b ? a : b
# Where a row ends: a phase below 0 makes the others longer than their total.
extent(dummy) = greater(number(8) + number(9), after(legends))
LABELS = 0; VALUES = 0; any_long = 0; any_contended = 0; any_timeline = 0
array reach_of[panels] # where the longest error bar ends
do for [p = 1:panels] { reach_of[p] = 0 }
stats @ROWS using ((sum [s = 1:legends] (used[s] = used[s] + has(column_of[s]))), \
	LABELS = greater(LABELS, width_of(strcol(4), BODY) + 8), \
	VALUES = has(8) ? greater(VALUES, width_of(value_text(0), SMALL) + 10) : VALUES, \
	has(8) ? (reach_of[int($1)] = greater(reach_of[int($1)], extent(0)), 0) : 0, \
	any_long = any_long || (has(8) && after(legends) > number(8) + number(9)), \
	any_contended = any_contended || (strcol(6) eq 'ok' && strstrt(strcol(7), 'contended') > 0), \
	any_timeline = any_timeline || (strcol(6) eq 'ok' && strstrt(strcol(7), 'timeline') > 0), 0) nooutput
do for [s = 1:legends] { if (used[s] == 0) { legend_text[s] = '' } }

# The axis holds every total that is split into phases, of builds those that are near the others. A
# bar beyond it (pure Python, a debug build) is broken at the edge, unless it is hardly longer.
array edge_of[panels]
any_broken = 0; any_cut = 0
is_cut(dummy) = has(8) && number(8) <= edge_of[int($1)] && number(8) + number(9) > edge_of[int($1)]
do for [p = 1:panels] {
	edge_of[p] = split_max[p] > 0 ? split_max[p] : all_max[p] > 0 ? all_max[p] : 1
	if (all_max[p] < 1.3 * edge_of[p]) { edge_of[p] = all_max[p] > 0 ? all_max[p] : 1 }
	# Error bars that are a little longer are drawn in full, others are cut off at the edge.
	edge_of[p] = greater(1.04 * edge_of[p], reach_of[p] < 1.35 * edge_of[p] ? reach_of[p] : 0)
	any_broken = any_broken || all_max[p] > edge_of[p]
}
stats @ROWS using (any_cut = any_cut || is_cut(0), 0) nooutput
remarks = 'Bars: '.unit_name.' per call. Error bars: 95 % interval of the total.' \
	.(any_broken ? ' A broken bar is longer than drawn; its value is printed.' : '') \
	.(any_long ? ' A bar beyond its total: its phases overlap, or one came out below 0.' : '') \
	.(any_cut ? " >:\302\240the interval ends beyond the axis." : '') \
	.(any_contended ? " !:\302\240contended, may be too high." : '') \
	.(any_timeline ? " t:\302\240from the timeline." : '')

# --- the page ---------------------------------------------------------------------------------------
SLOT = narrow ? 9.6 : 1.44 * BODY
if (width_points > 0) {
	width = width_points
	columns = width < 400 ? 1 : width < 760 ? 2 : 3
} else {
	columns = panels < 2 ? 1 : panels != 4 && (total_slots > 140 || linked) ? 3 : 2 # 4: no gaps
	columns = columns > panels ? panels : columns
	width = columns * (LABELS + (columns == 1 ? 400.0 : 258.0)) + MARGIN
}
columns = columns > panels ? panels : columns
PANEL = (width - MARGIN / 2) / columns
BARS = PANEL - LABELS - MARGIN / 2
build_left(dummy) = 1.1 * width_of(strcol(2), BODY) + 8
reason_of(dummy) = linked ? '' : strcol(4).': ' # of builds, many have the same reason
build_room(dummy) = BARS - build_left(0) - 2
stats @ROWS using (strcol(6) ne 'ok' ? in_full(reason_of(0).strcol(7), SMALL, BARS - 6 + width_of(reason_of(0), SMALL)) : 0, \
	strcol(2) ne ' ' ? in_full(strcol(2).': '.strcol(3), TINY, build_room(0) + width_of(strcol(2).': ', TINY)) : 0, 0) nooutput
PANEL_TOP = 2.2 * BODY; PANEL_BOTTOM = (is_tex ? 1 + 3.4 : 3.4) * BODY
panel_rows = (panels + columns - 1) / columns
array row_height[panel_rows]
eval MEASURE_HEAD
eval MEASURE_LEGEND
height = TOP + LEGEND + 4 + FOOT
do for [r = 1:panel_rows] {
	row_height[r] = 0
	do for [p = (r - 1) * columns + 1:(r * columns < panels ? r * columns : panels)] {
		row_height[r] = slots[p] > row_height[r] ? slots[p] : row_height[r]
	}
	row_height[r] = (row_height[r] + 0.5) * SLOT
	height = height + row_height[r] + PANEL_TOP + PANEL_BOTTOM
}
eval OPEN_PAGE
eval DRAW_BOXES

# --- the panels ---------------------------------------------------------------------------------------
set grid xtics linetype 1 linecolor rgb GRID linewidth 0.6
set style fill solid 1.0 border rgb EDGE_INK
array joint[legends]
top_of_row = TOP + LEGEND
do for [p = 1:panels] {
	c = (p - 1) % columns
	r = (p - 1) / columns + 1
	if (c == 0 && r > 1) { top_of_row = top_of_row + row_height[r - 1] + PANEL_TOP + PANEL_BOTTOM }
	if (p > 1) { unset label; unset object }
	panel_height = (slots[p] + 0.5) * SLOT
	left = MARGIN / 2 + c * PANEL + LABELS
	set lmargin at screen X(left)
	set rmargin at screen X(left + BARS)
	set tmargin at screen Y(top_of_row + PANEL_TOP)
	set bmargin at screen Y(top_of_row + PANEL_TOP + panel_height)

	edge = edge_of[p]
	end = edge * BARS / (BARS - VALUES)
	set xrange [0:end]
	set yrange [slots[p] + 0.6:0.1]
	# No number so far right that it would be cut off; none at all where nothing was measured.
	set xtics 0, step_of(end, BARS, 34), all_max[p] > 0 ? end * (1 - 9 / BARS) : 0 font SMALL_FONT offset 0, 0.3
	set format x F('%g', SMALL)
	unset ytics
	set xlabel T(unit_name.' per call', SMALL) font SMALL_FONT textcolor rgb SOFT offset 0, 0.9 noenhanced
	set label 900 B(name[p], BODY + 0.5) at screen X(left), Y(top_of_row + PANEL_TOP - 0.9 * BODY) font size(BODY + 0.5) textcolor rgb INK front

	points(n) = n * end / BARS # page points in units of the axis
	within(x) = x > edge ? edge : x
	mine(x) = column(1) == p ? x : NaN
	solid(s, x) = legend_hatch[s] < 0 && length_of(s) > 0 && before(s) < edge ? mine(x) : NaN
	hatched(s, x) = legend_hatch[s] >= 0 && length_of(s) > 0 && before(s) < edge ? mine(x) : NaN
	total(x) = has(8) ? mine(x) : NaN
	broken(x) = number(8) > edge ? mine(x) : NaN
	unbroken(x) = has(8) && number(8) <= edge ? mine(x) : NaN
	# Where the length of a segment is printed: in its middle, if it fits before the error bar begins.
	clear(s) = (e_ = number(8) - number(9), after(s) < e_ ? after(s) : e_) - before(s)
	fits(s) = before(s) + clear(s) <= edge && clear(s) > points(digits_width(segment_text(length_of(s))) + 2) && s < legends
	middle(s) = fits(s) ? before(s) + clear(s) / 2 : NaN
	# A bar that the floor of the measurement swallows would be no bar at all: a mark says it is there.
	failed(x) = strcol(6) eq 'failed' || strcol(6) eq 'crashed' || strcol(6) eq 'timeout' ? mine(x) : NaN
	left_out(x) = strcol(6) ne 'ok' && failed(x) != failed(x) ? mine(x) : NaN
	last = ''
	head(x) = column(1) == p && strcol(2) ne ' ' && strcol(2) ne last ? (last = strcol(2), x) : NaN
	last_build = ''
	build(x) = column(1) == p && strcol(2) ne ' ' && strcol(2) ne last_build ? (last_build = strcol(2), x) : NaN
	# Where the same end of a phase lies in the bar above; a bar that is missing breaks the line.
	do for [s = 1:legends] { joint[s] = NaN }
	ends(s) = column(1) == p && has(8) && number(8) <= edge && has(column_of[s]) ? after(s) : NaN
	from_above(s) = (above_ = joint[s], column(1) == p ? (joint[s] = ends(s)) : 0, above_)
	plot \
		for [s = 1:legends] @ROWS using (solid(s, before(s))):5:(before(s)): \
			(within(after(s))):($5 - 0.37):($5 + 0.37) \
			with boxxyerror fillcolor rgb legend_color[s] fillstyle solid border rgb EDGE_INK linewidth 0.6 title legend_text[s], \
		for [s = 1:legends] @ROWS using (hatched(s, before(s))):5:(before(s)): \
			(within(after(s))):($5 - 0.37):($5 + 0.37) \
			with boxxyerror fillcolor rgb legend_color[s] fillstyle pattern legend_hatch[s] border rgb EDGE_INK linewidth 0.6 title legend_text[s], \
		for [s = 1:(linked ? legends : 0)] @ROWS using (above = from_above(s), linked ? above : NaN):($5 - 0.63): \
			(ends(s) - above):(0.26) with vectors nohead linecolor rgb EDGE_INK linewidth 0.7 notitle, \
		for [s = 1:legends] @ROWS using (shown(hatched(s, middle(s)))):5:(P(segment_text(length_of(s)), TINY)) \
			with labels @BOXED font TINY_FONT textcolor rgb INK notitle, \
		for [s = 1:legends] @ROWS using (shown(solid(s, middle(s)))):5:(P(segment_text(length_of(s)), TINY)) \
			with labels font TINY_FONT textcolor rgb ink_of[s] notitle, \
		for [halo = 0:1] @ROWS using (unbroken(number(8))):5:(positive(number(8) - number(9))):(within(number(8) + number(9))) \
			with xerrorbars pointtype -1 linecolor rgb (halo == 0 ? PAPER : INK) linewidth (halo == 0 ? 3.2 : 1.2) notitle, \
		@ROWS using (shown(is_cut(0) ? mine(edge) : NaN)):5:(P('>', BODY)) with labels noenhanced font BODY_FONT textcolor rgb INK notitle, \
		@ROWS using (broken(edge - points(13))):($5 + 0.5):(points(5)):(-1.0) \
			with vectors nohead linecolor rgb PAPER linewidth 4 notitle, \
		for [shift = 0:1] @ROWS using (broken(edge - points(15 - 4 * shift))): \
			($5 + 0.5):(points(5)):(-1.0) with vectors nohead linecolor rgb EDGE_INK linewidth 0.8 notitle, \
		@ROWS using (shown(total(points(is_cut(0) ? 7 : 4) + within(number(8) <= edge ? extent(0) : number(8))))):5: \
			(P(value_text(0), SMALL)) with labels left noenhanced font SMALL_FONT textcolor rgb INK notitle, \
		@ROWS using (shown(failed(points(3)))):5:(P(cut_to(strcol(7), SMALL, BARS - 6), SMALL)) \
			with labels left noenhanced font SMALL_FONT textcolor rgb BAD notitle, \
		@ROWS using (shown(left_out(points(3)))):5:(P(cut_to(strcol(7), SMALL, BARS - 6), SMALL)) \
			with labels left noenhanced font SMALL_FONT textcolor rgb FAINT notitle, \
		@ROWS using (shown(head(points(0)))):($5 - 1):(BP(strcol(2), BODY)) with labels left font BODY_FONT textcolor rgb INK notitle, \
		@ROWS using (shown(build(points(build_left(0))))):($5 - 1):(P(cut_to(strcol(3), TINY, build_room(0)), TINY)) \
			with labels left noenhanced font TINY_FONT textcolor rgb SOFT notitle, \
		@ROWS using (shown(mine(0))):5:(P(strcol(4), BODY)) with labels right offset -0.6, 0 noenhanced font BODY_FONT textcolor rgb INK notitle
}
unset multiplot
set output
