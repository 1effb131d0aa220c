# SPDX-License-Identifier: MIT
# What all figures share: the page, themes, fonts, texts and legends. It is read before the script of
# a kind of figure; `probe plot --keep` leaves both as one script, with their variables on top. By hand:
#
#   gnuplot -e "data='run.dat'; output='run.svg'; format='svg'" common.gp heatmap.gp
#
# data, output: files. format: svg, pdf, png or tex. unit: ns or cycles. theme: light, dark or print.
# width_points: 0 = as wide as it needs. font: '' = the terminal's own. title: in place of the kind's.

if (!exists("format")) format = 'svg'
if (!exists("unit")) unit = 'ns'
if (!exists("theme")) theme = 'light'
if (!exists("width_points")) width_points = 0
if (!exists("dots_per_inch")) dots_per_inch = 144
if (!exists("font")) font = ''
set encoding utf8
set decimalsign '.'
is_tex = format eq 'tex'

# --- themes -----------------------------------------------------------------------------------------
# Phases are dark, middle and light, so that they stay apart in greyscale and for every kind of colour
# vision; figures that cover several phases are hatched. Print uses grey and hatching alone.
dark = theme eq 'dark'
print_ = theme eq 'print'
PAPER = dark ? '#14181e' : '#ffffff'
INK = dark ? '#e8ecf1' : print_ ? '#000000' : '#101010'
SOFT = dark ? '#b8c0cb' : print_ ? '#000000' : '#404040'
FAINT = dark ? '#8f99a6' : print_ ? '#404040' : '#606060'
GRID = dark ? '#2d3540' : print_ ? '#d8d8d8' : '#e6e6e6'
EDGE_INK = dark ? '#d0d6de' : print_ ? '#000000' : '#303030'
BAD = dark ? '#ff9aa2' : print_ ? '#000000' : '#b00020'
rgb(hex) = int('0x'.hex[2:7])
# Phases: 1 dispatch, 2 marshalling, 3 compute, 4 several of them, 5 Python called back.
array phase_color[5] = [0x1f3f66, 0xe08e2b, 0xbfe0d4, 0x404040, 0xffffff]
array phase_hatch[5] = [-1, -1, -1, 6, -1]
array phase_name[5] = ['dispatch', 'marshalling', 'compute', 'several phases', 'Python called back']
if (dark) {
	phase_color[1] = 0x3f74b5; phase_color[2] = 0xe8a04a; phase_color[3] = 0xd4f0e6
	phase_color[4] = 0xc0c0c0; phase_color[5] = rgb(PAPER)
}
if (print_) {
	phase_color[1] = 0x383838; phase_color[2] = 0x000000; phase_color[3] = 0xd9d9d9
	phase_color[4] = 0x000000
	phase_hatch[2] = 4
}
# Curves: the colours of Okabe and Ito (2008), of which yellow is too light on white; then the same
# with dashes. Each has a symbol of its own, which needs no colour.
CURVES = 24
array curve_colors[7] = [0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0x56b4e9, 0xe69f00, 0x404040]
if (dark) { curve_colors[1] = 0x4aa3df; curve_colors[3] = 0x2fc79b; curve_colors[7] = 0xc8c8c8 }
curve_color(n) = print_ ? ((n - 1) % 2 == 0 ? 0x000000 : 0x707070) : curve_colors[(n - 1) % 7 + 1]
array curve_points[8] = [7, 5, 9, 13, 11, 6, 4, 8]
curve_point(n) = curve_points[(n - 1) % 8 + 1]
curve_dash(n) = print_ ? ((n - 1) % 3) : ((n - 1) / 7 % 3)
set linetype 100 dashtype solid
do for [n = 1:CURVES] {
	d = curve_dash(n)
	if (d == 0) { set linetype 100 + n linecolor rgb curve_color(n) linewidth 1.4 dashtype solid pointtype curve_point(n) pointsize 0.45 }
	if (d == 1) { set linetype 100 + n linecolor rgb curve_color(n) linewidth 1.4 dashtype (8, 4) pointtype curve_point(n) pointsize 0.45 }
	if (d == 2) { set linetype 100 + n linecolor rgb curve_color(n) linewidth 1.4 dashtype (2, 3) pointtype curve_point(n) pointsize 0.45 }
}

# The last one is pure Python's.
PYTHON_CURVE = CURVES + 1
set linetype 100 + PYTHON_CURVE linecolor rgb INK linewidth 2.4 dashtype solid pointtype -1

# --- fonts and texts ----------------------------------------------------------------------------------
# Lengths are points. The body is small where the page is: in a journal's column, and still read.
narrow = width_points > 0 && width_points < 330
BODY = narrow ? 7.0 : width_points > 0 && width_points < 600 ? 8.0 : 9.0
SMALL = narrow ? 6.5 : BODY - 1
TINY = narrow ? 6.0 : BODY - 2
TITLE_SIZE = narrow ? 8.5 : BODY + 3
LINE = 1.42 * BODY
size(points) = sprintf(',%.3g', points)
BODY_FONT = size(BODY); SMALL_FONT = size(SMALL); TINY_FONT = size(TINY) # tics take no expression
# The width of a text, letter by letter, as the common sans-serif fonts have them.
letter(c) = strstrt("ijlI'|", c) > 0 ? 0.29 : strstrt('ftr.,;: -()[]!/', c) > 0 ? 0.39 : strstrt('mwMW%@', c) > 0 ? 0.92 \
	: strstrt('+±=<>~', c) > 0 ? 0.84 : strstrt('ABCDEFGHKLNOPQRSTUVXYZ', c) > 0 ? 0.69 : 0.625
width_of(text, points) = points * (strlen(text) == 0 ? 0 : (sum [i_ = 1:strlen(text)] letter(text[i_:i_])))

# A text as the terminal takes it. LaTeX reads texts as its own; elsewhere they are set as they are
# (noenhanced), but for bold ones, as only the enhanced mode is one in which every terminal knows bold.
tex_of(c) = strstrt('%&#_$', c) > 0 ? "\\".c : c eq '±' ? '$\pm$' : c eq '–' ? '--' : c eq '×' ? '$\times$' \
	: strstrt('<>|+', c) > 0 ? '$'.c.'$' : c eq '~' ? '\textasciitilde{}' : c eq '^' ? '\textasciicircum{}' \
	: c eq "\\" ? '\textbackslash{}' : c eq '{' ? '\{' : c eq '}' ? '\}' : c eq "\302\240" ? '~' : c eq 'µ' ? '$\mu$' : c
joined = ''
# (A text that begins with a brace would set its own alignment.)
tex(text) = (joined = '', (strlen(text) > 0 ? sum [i = 1:strlen(text)] (joined = joined.tex_of(text[i:i]), 0) : 0), joined)
# Sizes are spelt out for LaTeX, where gnuplot sets none. T, B: of a label, plain and bold; P, BP: of
# points, whose texts lose one backslash on their way. F: the format of an axis.
sized(text, points) = is_tex ? sprintf('\fontsize{%.3g}{%.3g}\selectfont ', points, 1.2 * points).text : text
doubled(text) = (joined = '', (strlen(text) > 0 ? sum [i = 1:strlen(text)] (joined = joined.(text[i:i] eq "\\" ? "\\\\" : text[i:i]), 0) : 0), joined)
T(text, points) = is_tex ? sized(tex(text), points) : text
P(text, points) = doubled(T(text, points))
escaped(text) = (joined = '', (strlen(text) > 0 ? sum [i = 1:strlen(text)] \
	(joined = joined.(strstrt("_^@&~{}\\", text[i:i]) > 0 ? "\\" : '').text[i:i], 0) : 0), joined)
B(text, points) = is_tex ? sized('\textbf{'.tex(text).'}', points) : '{/:Bold '.escaped(text).'}'
BP(text, points) = doubled(B(text, points))
F(format, points) = sized(format, points)
BOXED = is_tex ? '' : 'boxed' # in LaTeX a box needs a package
# Where a label that is not wanted goes: beyond every axis. (One NaN alone among labels ends gnuplot 5.4.)
shown(x) = x == x ? x : 1e36
cut_to(text, points, room) = width_of(text, points) <= room ? text : (w_ = 0, n_ = 0, (sum [j_ = 1:strlen(text)] \
	(w_ = w_ + points * letter(text[j_:j_]), n_ = w_ <= room - 1.2 * points ? j_ : n_, 0)), n_ == 0 ? '' : text[1:n_].'...')
# Texts that are longer than their place are cut there, and stand in full at the foot of the page.
foot = ''
in_full(text, points, room) = width_of(text, points) <= room || strstrt(foot, text) > 0 ? 0 : (foot = foot.(foot eq '' ? '' : '; ').text, 0)
# Breaks a text into lines of a width, at blanks; a number and its % stay together. (word() would take
# quotes away.)
put_word(w) = w eq '' ? 0 : (w_ = width_of(w, size_), at_column > 0 && at_column + 0.32 * size_ + w_ > room_ \
	? (joined = joined."\n".w, at_column = w_) \
	: (joined = joined.(at_column > 0 ? ' ' : '').w, at_column = at_column + (at_column > 0 ? 0.32 * size_ : 0) + w_))
wrap_to(text, points, room) = (joined = '', at_column = 0, next_ = '', size_ = points, room_ = room, strlen(text) == 0 ? 0 \
	: (sum [j_ = 1:strlen(text)] (text[j_:j_] eq ' ' && text[j_ + 1:j_ + 1] ne '%' ? (put_word(next_), next_ = '', 0) : (next_ = next_.text[j_:j_], 0))), \
	put_word(next_), joined)
lines_in(text) = strlen(text) == 0 ? 0 : 1 + (sum [i = 1:strlen(text)] (text[i:i] eq "\n" ? 1 : 0))

# Figures with the digits that the interval supports, as the table has them.
has(n) = strcol(n) ne 'NaN'
decimals(v, h) = (d_ = h > 0 ? int(-floor(log10(h))) : 1, m_ = v >= 1000 ? 0 : v >= 100 ? 1 : 2, \
	d_ < 0 ? 0 : d_ > m_ ? m_ : d_)
fixed(v, d) = sprintf(sprintf('%%.%df', d), v)
with_half(v, h) = (k_ = decimals(abs(v), h), fixed(v, k_).' ±'.fixed(h > 10.0**-k_ ? h : 10.0**-k_, k_))
short(v) = v >= 1e6 ? sprintf('%.3gM', v / 1e6) : v >= 9999.5 ? sprintf('%.3gk', v / 1e3) : v >= 99.5 ? sprintf('%.0f', v) \
	: v >= 9.95 ? sprintf('%.1f', v) : sprintf('%.2f', v)
# A number of an axis: 10000 as 10k.
brief_number(v) = v >= 9999.5e3 ? sprintf('%gM', v / 1e6) : v >= 9999.5 ? sprintf('%gk', v / 1e3) : sprintf('%g', v)
# Rounded up to one digit, so that it holds.
rounded_up(v) = (o_ = 10.0**floor(log10(v)), ceil(v / o_ - 1e-9) * o_)
bound_text(v) = '<'.(v < 9000 ? sprintf('%g', rounded_up(v)) : short(rounded_up(v)))
# A step of an axis that reads well: about one number for each of so many points.
step_of(range, length, each) = (o_ = 10.0**floor(log10(range * each / length)), \
	range / o_ * each <= length ? o_ : range / (2 * o_) * each <= length ? 2 * o_ : range / (5 * o_) * each <= length ? 5 * o_ : 10 * o_)
# A time in the unit that reads best, which no line's end parts from its figure.
duration(v) = unit_name ne 'ns' ? short(v) : v >= 999.5e6 ? sprintf("%.3g\302\240s", v / 1e9) : v >= 999.5e3 ? sprintf("%.3g\302\240ms", v / 1e6) \
	: v >= 999.5 ? sprintf("%.3g\302\240µs", v / 1e3) : sprintf("%.3g\302\240ns", v)

# --- the run: the first fields of every data file ---------------------------------------------------
stats data index 0 using (cpu = strcol(1), counter = strcol(2), passes = $3, data_unit = strcol(4), \
	cycles_per_unit = strcol(5) eq 'NaN' ? 0 : $5, estimated = $6, 0) nooutput
if (unit eq 'cycles' && cycles_per_unit <= 0) {
	print 'core cycles are absent: neither counted nor estimated in this run; use --unit ns'
	exit status 1
}
scale = unit eq 'cycles' ? cycles_per_unit : 1
unit_name = unit eq 'cycles' ? (estimated == 1 ? 'core cycles (estimated)' : 'core cycles') : data_unit
number(n) = has(n) ? column(n) * scale : 0
positive(x) = x > 0 ? x : 0

# --- the page -----------------------------------------------------------------------------------------
MARGIN = narrow ? 4.0 : 10.0
# Sets texts and the height of the head: heading, the run's facts, and remarks, broken into lines; and
# those of the foot, FOOT high (0 = there is none).
# (Parts of scripts as texts, to be run by eval: neither comments nor broken lines are in them.)
$MEASURE_HEAD << END
if (!exists("title")) { title = heading.(note eq ' ' ? '' : ' ('.note.')') } else { title = title.(note eq ' ' ? '' : title eq '' ? note : ' ('.note.')') }
title_text = wrap_to(title, 1.12 * TITLE_SIZE, width - 2 * MARGIN)
facts_text = wrap_to(cpu.'; counter: '.counter.'; '.sprintf(passes == 1 ? "%d\302\240pass" : "%d\302\240passes", passes), SMALL, width - 2 * MARGIN)
remarks_text = wrap_to(remarks, SMALL, width - 2 * MARGIN)
foot_text = foot eq '' ? '' : wrap_to('In full: '.foot.(foot[strlen(foot):strlen(foot)] eq '.' ? '' : '.'), SMALL, width - 2 * MARGIN)
SMALL_LINE = 1.36 * SMALL
TOP = 5 + lines_in(title_text) * 1.36 * TITLE_SIZE + (lines_in(facts_text) + lines_in(remarks_text)) * SMALL_LINE + 5
FOOT = foot_text eq '' ? 0 : lines_in(foot_text) * SMALL_LINE + 4
END
# Lays out legend_text[1:legends] (those that are not ''): legend_x, legend_row, and the height LEGEND.
$MEASURE_LEGEND << END
at = MARGIN; row = 0; any_legend = 0
do for [s = 1:legends] {
	if (legend_text[s] ne '') {
		item = SWATCH + 4 + width_of(legend_text[s], BODY)
		if (at + item > width - 4 && at > MARGIN) { at = MARGIN; row = row + 1 }
		legend_x[s] = at; legend_row[s] = row
		at = at + item + 1.4 * BODY
		any_legend = 1
	}
}
LEGEND = any_legend ? LINE * (row + 1) + 6 : 0
END
SWATCH = 1.8 * BODY
X(points) = points / width
Y(points) = 1 - points / height # from the top
# Opens the terminal for a page of width x height, and writes the head: one label a line, as LaTeX knows
# no line ends within one.
family = font eq '' ? (is_tex ? '' : 'sans-serif') : font
terminal(dummy) = \
	format eq 'svg' ? sprintf("set terminal svg size %.0f, %.0f fontscale 1.3333 font '%s,%g' background rgb '%s' linewidth 1.0", \
		width * 4 / 3, height * 4 / 3, family, BODY, PAPER) : \
	format eq 'png' ? sprintf("set terminal pngcairo size %.0f, %.0f fontscale %.5f font '%s,%g' background rgb '%s' linewidth %.4f pointscale %.4f", \
		width * dots_per_inch / 72, height * dots_per_inch / 72, 0.75 * dots_per_inch / 72, family, BODY, PAPER, \
		0.8 * dots_per_inch / 72, dots_per_inch / 72) : \
	format eq 'pdf' ? sprintf("set terminal pdfcairo size %.4fin, %.4fin fontscale 0.75 font '%s,%g' background rgb '%s' linewidth 0.9 pointscale 0.75", \
		width / 72, height / 72, family, BODY, PAPER) : \
	sprintf("set terminal cairolatex pdf color colortext size %.4fin, %.4fin fontscale 1 font '%s,%g' background rgb '%s' linewidth 0.9 pointscale 0.75", \
		width / 72, height / 72, family, BODY, PAPER)
needs(name) = strstrt(GPVAL_TERMINALS, ' '.name.' ') > 0
$OPEN_PAGE << END
if (format eq 'pdf' && !needs('pdfcairo')) {
	print 'this gnuplot draws no PDF (no pdfcairo): apt-get install gnuplot-nox, or write an .svg'
	exit status 1
}
if (format eq 'png' && !needs('pngcairo')) {
	print 'this gnuplot draws no PNG (no pngcairo): apt-get install gnuplot-nox, or write an .svg'
	exit status 1
}
if (is_tex && !needs('cairolatex')) {
	print 'this gnuplot writes no LaTeX (no cairolatex): apt-get install gnuplot-nox, or write a .pdf'
	exit status 1
}
if (width_points > 0 && dots_per_inch == 300 && height > 690) {
	print sprintf('note: the figure is %.0f mm tall, more than a page: choose rows with --path, --python or --workload', height * 25.4 / 72)
}
eval terminal(0)
set output output
unset key
set tics nomirror scale 0.4
set tics textcolor rgb INK noenhanced
set border 3 linecolor rgb FAINT linewidth 0.6
set style textbox opaque noborder fillcolor rgb PAPER margins 0.8, 0.4
set multiplot
at = 5; k_label = 1
do for [l = 1:lines_in(title_text)] {
	rest = title_text; do for [j = 2:l] { rest = rest[strstrt(rest, "\n") + 1:*] }
	one = strstrt(rest, "\n") > 0 ? rest[1:strstrt(rest, "\n") - 1] : rest
	set label k_label B(one, TITLE_SIZE) at screen X(MARGIN), Y(at + 0.68 * TITLE_SIZE) font size(TITLE_SIZE) textcolor rgb INK front
	at = at + 1.36 * TITLE_SIZE; k_label = k_label + 1
}
do for [l = 1:lines_in(facts_text)] {
	rest = facts_text; do for [j = 2:l] { rest = rest[strstrt(rest, "\n") + 1:*] }
	one = strstrt(rest, "\n") > 0 ? rest[1:strstrt(rest, "\n") - 1] : rest
	set label k_label T(one, SMALL) noenhanced at screen X(MARGIN), Y(at + 0.68 * SMALL) font size(SMALL) textcolor rgb SOFT front
	at = at + SMALL_LINE; k_label = k_label + 1
}
do for [l = 1:lines_in(remarks_text)] {
	rest = remarks_text; do for [j = 2:l] { rest = rest[strstrt(rest, "\n") + 1:*] }
	one = strstrt(rest, "\n") > 0 ? rest[1:strstrt(rest, "\n") - 1] : rest
	set label k_label T(one, SMALL) noenhanced at screen X(MARGIN), Y(at + 0.68 * SMALL) font size(SMALL) textcolor rgb SOFT front
	at = at + SMALL_LINE; k_label = k_label + 1
}
at = height - FOOT
do for [l = 1:lines_in(foot_text)] {
	rest = foot_text; do for [j = 2:l] { rest = rest[strstrt(rest, "\n") + 1:*] }
	one = strstrt(rest, "\n") > 0 ? rest[1:strstrt(rest, "\n") - 1] : rest
	set label k_label T(one, SMALL) noenhanced at screen X(MARGIN), Y(at + 0.5 * SMALL_LINE) font size(SMALL) textcolor rgb SOFT front
	at = at + SMALL_LINE; k_label = k_label + 1
}
END
# Legends of filled boxes, from legend_color and legend_hatch.
$DRAW_BOXES << END
do for [s = 1:legends] {
	if (legend_text[s] ne '') {
		at = TOP + LINE * legend_row[s]
		if (legend_hatch[s] < 0) {
			set object 100 + s rectangle from screen X(legend_x[s]), Y(at + 0.15 * LINE) to screen X(legend_x[s] + SWATCH), Y(at + 0.85 * LINE) fillcolor rgb legend_color[s] fillstyle solid border rgb EDGE_INK front
		} else {
			set object 100 + s rectangle from screen X(legend_x[s]), Y(at + 0.15 * LINE) to screen X(legend_x[s] + SWATCH), Y(at + 0.85 * LINE) fillcolor rgb legend_color[s] fillstyle pattern legend_hatch[s] border rgb EDGE_INK front
		}
		set label 100 + s T(legend_text[s], BODY) noenhanced at screen X(legend_x[s] + SWATCH + 4), Y(at + 0.5 * LINE) font size(BODY) textcolor rgb INK front
	}
}
END
# Legends of curves: linetypes 100 + s.
$DRAW_CURVES << END
do for [s = 1:legends] {
	if (legend_text[s] ne '') {
		at = TOP + LINE * (legend_row[s] + 0.5)
		set arrow 100 + s from screen X(legend_x[s]), Y(at) to screen X(legend_x[s] + SWATCH), Y(at) nohead linetype 100 + s front
		if (s < PYTHON_CURVE) { set label 200 + s '' at screen X(legend_x[s] + SWATCH / 2), Y(at) point linetype 100 + s pointtype curve_point(s) pointsize 0.5 front }
		set label 100 + s T(legend_text[s], BODY) noenhanced at screen X(legend_x[s] + SWATCH + 4), Y(at) font size(BODY) textcolor rgb INK front
	}
}
END
MEASURE_HEAD = ''; do for [i = 1:|$MEASURE_HEAD|] { MEASURE_HEAD = MEASURE_HEAD.$MEASURE_HEAD[i].';' }
MEASURE_LEGEND = ''; do for [i = 1:|$MEASURE_LEGEND|] { MEASURE_LEGEND = MEASURE_LEGEND.$MEASURE_LEGEND[i].';' }
OPEN_PAGE = ''; do for [i = 1:|$OPEN_PAGE|] { OPEN_PAGE = OPEN_PAGE.$OPEN_PAGE[i].';' }
DRAW_BOXES = ''; do for [i = 1:|$DRAW_BOXES|] { DRAW_BOXES = DRAW_BOXES.$DRAW_BOXES[i].';' }
DRAW_CURVES = ''; do for [i = 1:|$DRAW_CURVES|] { DRAW_CURVES = DRAW_CURVES.$DRAW_CURVES[i].';' }
