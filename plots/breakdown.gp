# SPDX-License-Identifier: MIT
# The breakdown of calls: one stacked horizontal bar a path, grouped by interpreter build, one panel
# a workload. Reads nothing but the data file, which the export "plotdata" writes and describes.
#
#   gnuplot -e "data='run.dat'; output='run.svg'; format='svg'; unit='ns'" breakdown.gp
#
# data, output: files. format: svg, png or pdf. unit: ns or cycles.

if (!exists("format")) format = 'svg'
if (!exists("unit")) unit = 'ns'
set encoding utf8

# --- the run and the workloads ------------------------------------------------------------------
stats data index 0 using (cpu = strcol(1), counter = strcol(2), passes = $3, data_unit = strcol(4), \
	cycles_per_unit = strcol(5) eq 'NaN' ? 0 : $5, estimated = $6, interpreters = $7, workloads = $8, \
	note = strcol(9), 0) nooutput
if (unit eq 'cycles' && cycles_per_unit <= 0) {
	print 'core cycles are absent: neither counted nor estimated in this run; use --unit ns'
	exit status 1
}
scale = unit eq 'cycles' ? cycles_per_unit : 1
axis_name = unit eq 'cycles' ? (estimated == 1 ? 'core cycles per call (estimated)' : 'core cycles per call') \
	: data_unit.' per call'
array name[workloads]
array slots[workloads]
array split_max[workloads]
array all_max[workloads]
do for [w = 1:workloads] {
	stats data index 1 every ::(w - 1)::(w - 1) using (name[w] = strcol(1), slots[w] = $2, \
		split_max[w] = strcol(3) eq 'NaN' ? 0 : $3 * scale, \
		all_max[w] = strcol(4) eq 'NaN' ? 0 : $4 * scale, 0) nooutput
}

# --- segments of a bar: columns 11 to 18 of the data, in the order in which they are stacked -------
# Dark, middle and light, so that they stay apart in greyscale and for every kind of colour vision;
# figures that cover several phases are hatched, as hatching needs no colour at all.
SEGMENTS = 8
array column_of[SEGMENTS] = [11, 14, 16, 17, 12, 15, 13, 18]
array title_of[SEGMENTS] = ['dispatch', 'dispatch+marshalling', 'dispatch+compute', 'all three phases', \
	'marshalling', 'marshalling+compute', 'compute', 'pure Python (total)']
array color_of[SEGMENTS] = [0x1f3f66, 0x1f3f66, 0x1f3f66, 0x404040, 0xe08e2b, 0x8a4b00, 0xbfe0d4, 0xffffff]
array hatch_of[SEGMENTS] = [-1, 4, 5, 6, -1, 7, -1, -1]
array ink_of[SEGMENTS] = [0xffffff, 0x000000, 0x000000, 0x000000, 0x000000, 0x000000, 0x000000, 0x000000]
array used[SEGMENTS]
do for [s = 1:SEGMENTS] { used[s] = 0 }
# A column that is NaN makes gnuplot drop the whole point, so it is asked for as a string first.
has(n) = strcol(n) ne 'NaN'
number(n) = has(n) ? column(n) * scale : 0
positive(x) = x > 0 ? x : 0
length_of(s) = positive(number(column_of[s]))
before(s) = s == 1 ? 0 : (sum [k = 1:s - 1] length_of(k))
stats data index 2:interpreters + 1 using (sum [s = 1:SEGMENTS] (used[s] = used[s] + has(column_of[s]))) nooutput

# Digits as the table has them: those that the interval supports.
decimals(v, h) = (d = h > 0 ? int(-floor(log10(h))) : 1, m = v >= 1000 ? 0 : v >= 100 ? 1 : 2, \
	d < 0 ? 0 : d > m ? m : d)
fixed(v, d) = sprintf(sprintf('%%.%df', d), v)
with_half(v, h) = (d = decimals(v, h), fixed(v, d).' ±'.fixed(h > 10.0**-d ? h : 10.0**-d, d))
total_text(v, h) = h > 0 ? with_half(v, h) : sprintf('%.3g', v)
segment_text(v) = v >= 100 ? sprintf('%.0f', v) : v >= 10 ? sprintf('%.1f', v) : sprintf('%.2f', v)
# Only bold text is set in enhanced mode, the one in which every terminal knows bold.
escaped(text, mark) = text eq '' ? '' \
	: (strstrt("_^@&~{}\\", text[1:1]) > 0 ? mark : '').text[1:1].escaped(text[2:*], mark)
bold(text) = '{/:Bold '.escaped(text, "\\").'}'
bold_point(text) = '{/:Bold '.escaped(text, "\\\\").'}' # texts of points lose one backslash on their way
cut(text, n) = strlen(text) > n ? text[1:n - 3].'...' : text

# The axis holds every total that is split into phases. A bar beyond it (pure Python) is broken at
# the edge, unless it is hardly longer.
array edge_of[workloads]
any_broken = 0
do for [w = 1:workloads] {
	edge_of[w] = split_max[w] > 0 ? split_max[w] : all_max[w] > 0 ? all_max[w] : 1
	if (all_max[w] < 1.3 * edge_of[w]) { edge_of[w] = all_max[w] > 0 ? all_max[w] : 1 }
	edge_of[w] = 1.04 * edge_of[w]
	any_broken = any_broken || all_max[w] > edge_of[w]
}

# --- the page, in points --------------------------------------------------------------------------
columns = workloads > 1 ? 2 : 1
panel_rows = (workloads + columns - 1) / columns
SLOT = 13.0; LABELS = 88.0; BARS = columns == 2 ? 262.0 : 400.0; EDGE = 10.0
TOP = 62.0; PANEL_TOP = 22.0; PANEL_BOTTOM = 40.0;
width = columns * (LABELS + BARS) + EDGE
array row_height[panel_rows]
# The legend shows only what the bars have, on as many lines as it takes.
array legend_x[SEGMENTS]
array legend_row[SEGMENTS]
at = EDGE; line = 0
do for [s = 1:SEGMENTS] {
	if (used[s] > 0) {
		item = 20 + 5.4 * strlen(title_of[s])
		if (at + item > width) { at = EDGE; line = line + 1 }
		legend_x[s] = at; legend_row[s] = line
		at = at + item + 14
	}
}
LEGEND = 14.0 * (line + 1) + 10
height = TOP + LEGEND
do for [r = 1:panel_rows] {
	row_height[r] = 0
	do for [w = (r - 1) * columns + 1:(r * columns < workloads ? r * columns : workloads)] {
		row_height[r] = slots[w] > row_height[r] ? slots[w] : row_height[r]
	}
	row_height[r] = (row_height[r] + 0.5) * SLOT
	height = height + row_height[r] + PANEL_TOP + PANEL_BOTTOM
}
if (format eq 'svg') {
	set terminal svg size width, height font 'sans-serif,9' background rgb 'white' linewidth 0.8
}
if (format eq 'png' && strstrt(GPVAL_TERMINALS, 'pngcairo')) {
	set terminal pngcairo size width * 2, height * 2 font 'sans-serif,9' fontscale 1.5 linewidth 1.6
}
if (format eq 'png' && !strstrt(GPVAL_TERMINALS, 'pngcairo')) {
	set terminal png size width, height truecolor
}
if (format eq 'pdf' && !strstrt(GPVAL_TERMINALS, 'pdfcairo')) {
	print 'this gnuplot draws no PDF (no pdfcairo): apt install gnuplot-nox, or write an .svg'
	exit status 1
}
if (format eq 'pdf') {
	set terminal pdfcairo size width / 72.0, height / 72.0 font 'sans-serif,9' fontscale 0.75 linewidth 0.9
}
set output output
X(points) = points / width
Y(points) = 1 - points / height # from the top

unset key
set tics nomirror scale 0.4
set multiplot
set label 1 'Cost of a call from Python into native code, by phase'.(note eq ' ' ? '' : ' ('.note.')') \
	noenhanced at screen X(EDGE), Y(16.0) font ',12' front
set label 2 cpu.'; counter: '.counter.'; '.sprintf(passes == 1 ? '%d pass' : '%d passes', passes) \
	noenhanced at screen X(EDGE), Y(33.0) textcolor rgb '#404040' front
set label 3 'Error bars: 95 % interval of the total.' \
	.(any_broken ? ' A broken bar is longer than drawn; its value is printed.' : '') \
	at screen X(EDGE), Y(46.0) textcolor rgb '#404040' front

do for [s = 1:SEGMENTS] {
	if (used[s] > 0) {
		top = TOP + 14.0 * legend_row[s]
		if (hatch_of[s] < 0) {
			set object s rectangle from screen X(legend_x[s]), Y(top + 4.0) to screen X(legend_x[s] + 16), Y(top + 13.0) \
				fillcolor rgb color_of[s] fillstyle solid border rgb '#303030' front
		} else {
			set object s rectangle from screen X(legend_x[s]), Y(top + 4.0) to screen X(legend_x[s] + 16), Y(top + 13.0) \
				fillcolor rgb color_of[s] fillstyle pattern hatch_of[s] border rgb '#303030' front
		}
		set label 10 + s title_of[s] at screen X(legend_x[s] + 20), Y(top + 8.5) front
	}
}

# --- the panels -----------------------------------------------------------------------------------
set grid xtics linetype 1 linecolor rgb '#e6e6e6' linewidth 0.6
set style textbox opaque noborder fillcolor rgb '#ffffff' margins 1.0, 0.5
set border 3 linecolor rgb '#606060' linewidth 0.6
set style fill solid 1.0 border rgb '#303030'
set tics textcolor rgb '#202020' noenhanced
set xtics autofreq
ROWS = 'data index 2:interpreters + 1'
CHARS = int((BARS - 12) / 4.4) # of a reason that fit in a panel
top_of_row = TOP + LEGEND
do for [w = 1:workloads] {
	c = (w - 1) % columns
	r = (w - 1) / columns + 1
	if (c == 0 && r > 1) { top_of_row = top_of_row + row_height[r - 1] + PANEL_TOP + PANEL_BOTTOM }
	if (w > 1) { unset label; unset object }
	panel_height = (slots[w] + 0.5) * SLOT
	left = c * (LABELS + BARS) + LABELS
	set lmargin at screen X(left)
	set rmargin at screen X(left + BARS - 8)
	set tmargin at screen Y(top_of_row + PANEL_TOP)
	set bmargin at screen Y(top_of_row + PANEL_TOP + panel_height)

	edge = edge_of[w]
	end = edge * (columns == 2 ? 1.37 : 1.25) # what is beyond the edge is for the values
	set xrange [0:end]
	set yrange [slots[w] + 0.6:0.1]
	set xlabel axis_name offset 0, 0.6
	set label 100 bold(name[w]) at screen X(left), Y(top_of_row + PANEL_TOP - 8) front

	points(n) = n * end / (BARS - 8) # page points in units of the axis
	within(x) = x > edge ? edge : x
	mine(x) = column(3) == w ? x : NaN
	solid(s, x) = hatch_of[s] < 0 && length_of(s) > 0 ? mine(x) : NaN
	hatched(s, x) = hatch_of[s] >= 0 && length_of(s) > 0 ? mine(x) : NaN
	total(x) = has(9) ? mine(x) : NaN
	broken(x) = number(9) > edge ? mine(x) : NaN
	unbroken(x) = has(9) && number(9) <= edge ? mine(x) : NaN
	# Where the length of a segment is printed: in its middle, if it fits.
	fits(s) = length_of(s) > points(5.2 * strlen(segment_text(length_of(s))) + 2) && s < SEGMENTS
	middle(s) = fits(s) ? before(s) + length_of(s) / 2 : NaN
	failed(x) = strcol(7) eq 'failed' || strcol(7) eq 'crashed' || strcol(7) eq 'timeout' ? mine(x) : NaN
	left_out(x) = strcol(7) ne 'ok' && failed(x) != failed(x) ? mine(x) : NaN
	remark(r) = r eq ' ' ? '' : '  '.r
	last = ''; last_build = ''
	head(x) = column(3) == w && strcol(1) ne last ? (last = strcol(1), x) : NaN
	build(x) = column(3) == w && strcol(1) ne last_build ? (last_build = strcol(1), x) : NaN
	plot \
		for [s = 1:SEGMENTS] @ROWS using (solid(s, before(s))):6:(before(s)): \
			(within(before(s) + length_of(s))):($6 - 0.37):($6 + 0.37) \
			with boxxyerror fillcolor rgb color_of[s] fillstyle solid border rgb '#303030' title title_of[s], \
		for [s = 1:SEGMENTS] @ROWS using (hatched(s, before(s))):6:(before(s)): \
			(within(before(s) + length_of(s))):($6 - 0.37):($6 + 0.37) \
			with boxxyerror fillcolor rgb color_of[s] fillstyle pattern hatch_of[s] border rgb '#303030' title title_of[s], \
		for [s = 1:SEGMENTS] @ROWS using (hatched(s, middle(s))):6: \
			(segment_text(length_of(s))) with labels boxed font ',7' textcolor rgb ink_of[s] notitle, \
		for [s = 1:SEGMENTS] @ROWS using (solid(s, middle(s))):6: \
			(segment_text(length_of(s))) with labels font ',7' textcolor rgb ink_of[s] notitle, \
		@ROWS using (unbroken(number(9))):6:(number(10)) \
			with xerrorbars pointtype -1 linecolor rgb '#000000' linewidth 1.2 notitle, \
		@ROWS using (broken(edge - points(13))):($6 + 0.5):(points(5)):(-1.0) \
			with vectors nohead linecolor rgb '#ffffff' linewidth 4 notitle, \
		for [shift = 0:1] @ROWS using (broken(edge - points(15 - 4 * shift))): \
			($6 + 0.5):(points(5)):(-1.0) with vectors nohead linecolor rgb '#303030' linewidth 0.8 notitle, \
		@ROWS using (total(points(4) + within(number(9)) + (number(9) <= edge ? number(10) : 0))):6: \
			(total_text(number(9), number(10)).remark(strcol(8))) \
			with labels left noenhanced font ',8' notitle, \
		@ROWS using (failed(points(3))):6:(cut(strcol(8), CHARS)) \
			with labels left noenhanced font ',8' textcolor rgb '#b00020' notitle, \
		@ROWS using (left_out(points(3))):6:(cut(strcol(8), CHARS)) \
			with labels left noenhanced font ',8' textcolor rgb '#606060' notitle, \
		@ROWS using (head(points(0))):($6 - 1):(bold_point(strcol(1))) with labels left notitle, \
		@ROWS using (build(points(10 + 5.5 * strlen(strcol(1))))):($6 - 1):(strcol(2)) \
			with labels left noenhanced font ',8' textcolor rgb '#404040' notitle, \
		@ROWS using (mine(-1)):6:yticlabels(5) with points pointtype -1 notitle
	unset label 100
}
unset multiplot
