# SPDX-License-Identifier: MIT
"""`probe plot`: every kind of figure is drawn, whole, in its size, and can be drawn again."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import pytest

from conftest import PROBE_BIN, ROOT
from test_plot import SAMPLE, changed, needs_gnuplot, plot, texts

SWEEP = SAMPLE.parent / "sweep.json"
THREADS = SAMPLE.parent / "threads.json"
LATER = SAMPLE.parent / "later.json"

pytestmark = pytest.mark.skipif(not PROBE_BIN.exists(), reason="build it first: make")

KINDS = {
    "breakdown": [SAMPLE],
    "builds": [SAMPLE],
    "waterfall": [SAMPLE],
    "distribution": [SAMPLE],
    "break-even": [SAMPLE],
    "heatmap": [SWEEP],
    "scaling": [THREADS],
    "delta": [SAMPLE, LATER],
}
# The phases' colours in the light theme, as an SVG of gnuplot writes them.
PHASES = ["rgb( 31,  63, 102)", "rgb(224, 142,  43)", "rgb(191, 224, 212)"]
PHASE_COLORS = [(31, 63, 102), (224, 142, 43), (191, 224, 212)]
CURVES = [(213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0)]


def draw(kind: str, figure: Path, *args: str) -> None:
    result = plot(*map(str, KINDS[kind]), "--kind", kind, "-o", str(figure), *args)
    assert result.code == 0, result.stderr


def few(kind: str) -> List[str]:
    """Rows enough for a figure that has all that its kind shows, at a column's width."""
    rows = [] if kind == "heatmap" else ["--workload", "fib", "--python", "3.13"]
    if kind == "scaling":
        rows = ["--workload", "add"]
    paths = {"heatmap": "python,ctypes", "delta": "ctypes,cffi-api"}
    chosen = paths.get(kind, "python,ctypes,ctypes-untyped,cffi-abi")
    return ["--width", "85mm", *rows, "--path", chosen]


def model_of(path: Path) -> Dict[str, Any]:
    with path.open() as stream:
        model: Dict[str, Any] = json.load(stream)["probe"]
    return model


class Image:
    """A PNG's size, and how many of its pixels have each colour. Read by Pillow."""

    def __init__(self, png: Path) -> None:
        images = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
        with images.open(str(png)) as image:
            self.width, self.height = int(image.size[0]), int(image.size[1])
            self.rgb = image.convert("RGB")
        counted = self.rgb.getcolors(self.width * self.height)
        self.colors: Dict[Tuple[int, int, int], int] = {c: count for count, c in counted}
        self.paper = self.rgb.getpixel((0, 0))

    def count(self, color: Tuple[int, int, int]) -> int:
        return self.colors.get(color, 0)

    def drawn(self) -> float:
        """The share of pixels that are not paper."""
        return 1 - self.count(self.paper) / (self.width * self.height)

    def below(self, top: float) -> Dict[Tuple[int, int, int], int]:
        """How many pixels of each colour there are below a share of the height."""
        box = (0, int(self.height * top), self.width, self.height)
        counted = self.rgb.crop(box).getcolors(self.width * self.height)
        return {color: count for count, color in counted}

    def is_blank(self, top: float, bottom: float) -> bool:
        box = (0, int(self.height * top), self.width, int(self.height * bottom))
        return len(self.rgb.crop(box).getcolors(self.width * self.height)) == 1


@needs_gnuplot
@pytest.mark.parametrize("theme, paper", [("light", 255), ("dark", 20), ("print", 255)])
@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_drawn_in_its_size(tmp_path: Path, kind: str, theme: str, paper: int) -> None:
    png = tmp_path / "f.png"
    chosen = [] if kind == "heatmap" else ["--workload", "fib", "--python", "3.13"]
    draw(kind, png, "--theme", theme, "--width", "300px", *chosen)
    image = Image(png)
    assert image.width == 300 and 150 < image.height < 3000
    assert image.paper[0] == paper
    assert 0.03 < image.drawn() < 0.9  # neither blank nor covered
    # All of it: no quarter of the height is empty.
    assert not any(image.is_blank(quarter / 4, (quarter + 1) / 4) for quarter in range(4))
    if theme == "print":
        grey = sum(count for color, count in image.colors.items() if max(color) - min(color) < 8)
        assert grey > 0.995 * image.width * image.height  # but for the edges of letters


def series_of(kind: str) -> List[Tuple[int, int, int]]:
    """The colours of what a figure of few() shows, in the light theme."""
    if kind in ("breakdown", "builds", "waterfall"):
        return PHASE_COLORS
    if kind == "heatmap":
        return [(254, 232, 56), (0, 34, 78)]  # the ends of the scale
    if kind == "delta":
        return [(16, 16, 16), *PHASE_COLORS[:2]]  # total, and the phases that changed
    if kind == "scaling":
        return [(0, 114, 178), CURVES[0]]  # the two builds
    paths = ["ctypes", "ctypes-untyped", "cffi-abi", "cffi-api", "capi-varargs"]
    return [CURVES[paths.index(path)] for path in ("ctypes", "ctypes-untyped", "cffi-abi")]


@needs_gnuplot
@pytest.mark.parametrize("kind", KINDS)
def test_every_series_is_drawn(tmp_path: Path, kind: str) -> None:
    png = tmp_path / "f.png"
    draw(kind, png, *few(kind))
    image = Image(png)
    below = image.below(0.35)  # the legend
    for color in series_of(kind):
        # A symbol at 300 dots an inch, or many.
        assert below.get(color, 0) > (60 if kind == "delta" else 300), (color, kind)
    # As large as asked for, and full: 85 mm at 300 dots an inch.
    assert image.width == 1004
    assert not any(image.is_blank(part / 8, (part + 1) / 8) for part in range(8))


@needs_gnuplot
def test_a_series_that_is_left_out_is_gone(tmp_path: Path) -> None:
    """What the test above counts is the series and not the page."""
    png = tmp_path / "f.png"
    draw("breakdown", png, "--path", "python", "--width", "85mm")
    image = Image(png)
    assert not any(image.count(color) for color in PHASE_COLORS)
    draw("distribution", png, *few("distribution")[:-1], "python,ctypes")
    image = Image(png)
    assert image.count(CURVES[0]) > 600 and not image.count(CURVES[2])


def pdf_width(pdf: Path) -> float:
    """In points; the page's box may lie in a compressed part of the file, so a PDF reader says it."""
    if not shutil.which("pdfinfo"):
        pytest.skip("pdfinfo is not installed (poppler-utils)")
    told = subprocess.run(["pdfinfo", str(pdf)], stdout=subprocess.PIPE, check=True).stdout
    size = re.search(rb"^Page size: +([0-9.]+) x ", told, re.MULTILINE)
    assert size, told
    return float(size.group(1))


@needs_gnuplot
@pytest.mark.parametrize("kind", KINDS)
def test_widths(tmp_path: Path, kind: str) -> None:
    svg, pdf, png = tmp_path / "f.svg", tmp_path / "f.pdf", tmp_path / "f.png"
    rows = few(kind)[2:]
    draw(kind, svg, "--width", "85mm", *rows)
    assert 'width="321"' in svg.read_text()  # 96 dots an inch, as the format has it
    draw(kind, pdf, "--width", "85mm", *rows)
    assert abs(pdf_width(pdf) - 85 / 25.4 * 72) < 1.5
    draw(kind, png, "--width", "178mm", *rows)
    assert abs(Image(png).width - 178 / 25.4 * 300) < 2


@needs_gnuplot
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_names_cpu_counter_and_unit(tmp_path: Path, kind: str) -> None:
    figure = tmp_path / "f.svg"
    draw(kind, figure)
    seen = texts(figure)
    for wanted in ("Sample CPU", "TSC ticks at 2450 MHz", "3 passes", "sample data", "per call"):
        elsewhere = kind in ("waterfall", "scaling") and wanted == "per call"
        assert wanted in seen.replace("\n", " ") or elsewhere
    assert "calls per second" in seen if kind == "scaling" else "ns" in seen


@needs_gnuplot
@pytest.mark.parametrize("kind", ["breakdown", "builds", "waterfall"])
def test_every_phase_has_its_boxes(tmp_path: Path, kind: str) -> None:
    figure = tmp_path / "f.svg"
    draw(kind, figure, "--path", "ctypes", "--python", "3.13")
    svg = figure.read_text()
    for color in PHASES:
        assert svg.count("fill = '%s'" % color) >= 2, color  # in the legend and in a bar
    draw(kind, figure, "--path", "ctypes", "--python", "3.13", "--workload", "add")
    bars = figure.read_text().count("fill = '%s'" % PHASES[0])
    assert bars >= 2  # of call, detach, invoke and attach, where they are told apart
    assert kind != "waterfall" or bars == 5


@needs_gnuplot
def test_builds_has_a_panel_for_each_path(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    draw("builds", figure)
    seen, model = texts(figure), model_of(SAMPLE)
    for workload, path in {(c["workload"], c["path"]) for c in model["cells"]}:
        assert "%s through %s" % (workload, path) in seen
    assert seen.count("cpython-3.8.18") == 16
    draw("builds", figure, "--path", "ctypes,python")
    seen = texts(figure)
    assert "add through ctypes" in seen and "add through cffi-api" not in seen
    assert seen.count("cpython-3.8.18") == 4


@needs_gnuplot
def test_a_waterfall_has_every_sub_phase(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    draw("waterfall", figure, "--path", "ctypes,capi-o", "--python", "3.13")
    seen = texts(figure)
    for name in "call+return marshal_in detach invoke compute attach marshal_out".split():
        assert seen.count(name) >= 2, name
    assert "fib through ctypes" in seen and "18000 calls" in seen
    assert "add through capi-o on cpython-3.13.0: unavailable" in seen
    cells = {(c["workload"], c["path"]): c for c in model_of(SAMPLE)["cells"] if c["timeline"]}
    parts = cells["fib", "ctypes"]["timeline"]["dists"]
    marshal = next(d for d in parts if d["subphases"] == ["marshal_in"])
    assert "%.0f | %.0f" % (marshal["p50"] / 2.45, marshal["p99"] / 2.45) in seen


@needs_gnuplot
def test_a_distribution_has_a_curve_for_each_path(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    draw("distribution", figure)
    svg, seen = figure.read_text(), texts(figure)
    for color in CURVES:
        assert svg.count("rgb(%3d, %3d, %3d)" % color) >= 4, color
    timed = {c["path"] for c in model_of(SAMPLE)["cells"] if c["timeline"]}
    for path in timed:
        assert path in seen.splitlines(), path  # in the legend
    for wanted in ("99.9", "Slowest call: ctypes", "No timeline: python", "capi-o: unavailable"):
        assert wanted in seen.replace("\n", " "), wanted


@needs_gnuplot
def test_an_old_distribution_says_that_it_is_coarse(tmp_path: Path) -> None:
    def change(model: Dict[str, Any]) -> None:
        for cell in model["cells"]:
            for dist in (cell["timeline"] or {"dists": []})["dists"]:
                dist.pop("curve")

    figure = tmp_path / "f.svg"
    args = ["--kind", "distribution", "--path", "ctypes", "--python", "3.13"]
    assert plot(changed(tmp_path, change), "-o", str(figure), *args).code == 0
    assert "five quantiles only" in texts(figure).replace("\n", " ")


@needs_gnuplot
def test_break_even_has_every_path_and_says_what_it_can_not_draw(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    draw("break-even", figure, "--python", "3.13")
    svg, seen = figure.read_text(), texts(figure).replace("\n", " ")
    for color in CURVES:
        assert svg.count("rgb(%3d, %3d, %3d)" % color) >= 4, color
    for wanted in ("pure Python", "capi-fastcall always", "capi-o: unavailable", "cost per call"):
        assert wanted in seen, wanted


@needs_gnuplot
def test_delta_shows_the_phase_that_moved_and_what_has_no_partner(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    draw("delta", figure)
    svg, seen = figure.read_text(), texts(figure)
    assert "A: 2025-01-01T12:00:00Z; B: 2025-02-01T12:00:00Z" in seen.replace("\n", " ")
    assert "A: measured, B: crashed" in seen
    assert "contended, not judged" in seen
    model = model_of(SAMPLE)
    cell = next(c for c in model["cells"] if c["path"] == "ctypes" and c["timeline"])
    change = 0.09 * cell["ladder"]["total"]["ticks"] / 2.45  # that the sample was made with
    found = [float(v) for v in re.findall(r"^\+(\d+) ±", seen, flags=re.MULTILINE)]
    assert sum(abs(v - change) < 2 for v in found) == 2  # the total and marshalling
    for name in ("dispatch", "marshalling", "compute", "dispatch+marshalling"):
        assert name in seen
    # Full symbols for what is significant: dispatch of one path, marshalling of another.
    assert svg.count(PHASES[0].replace(" ", "")) + svg.count(PHASES[0]) >= 3
    assert svg.count(PHASES[1].replace(" ", "")) + svg.count(PHASES[1]) >= 3


@needs_gnuplot
def test_a_sweep_is_drawn_as_a_heatmap_unless_told_otherwise(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    assert plot(str(SWEEP), "-o", str(figure)).code == 0
    assert "by argument type and number of arguments" in texts(figure)


@needs_gnuplot
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "heatmap"])
def test_a_figure_of_one_row(tmp_path: Path, kind: str) -> None:
    row = ["--path", "ctypes", "--python", "3.13", "--workload", "fib"]
    for width in ("85mm", "178mm", "300mm"):
        draw(kind, tmp_path / "f.svg", "--width", width, *row)
    assert "fib" in texts(tmp_path / "f.svg")


@needs_gnuplot
def test_a_heatmap_of_one_cell(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    draw("heatmap", figure, "--path", "ctypes", "--workload", "args:int:2")
    assert "ctypes" in texts(figure)


@needs_gnuplot
@pytest.mark.parametrize("suffix", ["svg", "tex"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_script_draws_the_figure_again(tmp_path: Path, kind: str, suffix: str) -> None:
    figure = tmp_path / ("it's kept." + suffix)
    draw(kind, figure, "--keep", "--theme", "dark", *few(kind))
    names = {p.name for p in tmp_path.iterdir()}
    pdf: Set[str] = {"it's kept.pdf"} if suffix == "tex" else set()
    assert names == {figure.name, "it's kept.dat", "it's kept.gp"} | pdf
    first = figure.read_bytes()
    figure.unlink()
    gnuplot = ["gnuplot", "-d", "it's kept.gp"]
    done = subprocess.run(gnuplot, cwd=str(tmp_path), stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0, done.stderr
    assert figure.read_bytes() == first
    script = (tmp_path / "it's kept.gp").read_text()
    assert str(ROOT) not in script and str(tmp_path) not in script


@needs_gnuplot
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
@pytest.mark.parametrize("kind", KINDS)
def test_latex_reads_the_figure(tmp_path: Path, kind: str) -> None:
    def change(model: Dict[str, Any]) -> None:
        model["facts"].append({"key": "cpu_model", "value": "x"})
        for cell in model["cells"]:
            if cell["path"] == "ctypes-untyped":
                cell.update(status="crashed", ladder=None, timeline=None)
                cell["reason"] = "100 % of #1 & {a_b} ~ ^ \\x $y < | >"

    runs = [changed(tmp_path, change)] if KINDS[kind] == [SAMPLE] else list(map(str, KINDS[kind]))
    args = [*few(kind), "--width", "160mm", "--kind", kind, "-o", str(tmp_path / "f.tex")]
    assert plot(*runs, *args).code == 0
    (tmp_path / "doc.tex").write_text(
        "\\documentclass{article}\\usepackage{graphicx,color}\\begin{document}"
        "\\hbadness10000\\input{f.tex}\\end{document}"
    )
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "doc.tex"]
    done = subprocess.run(latex, cwd=str(tmp_path), stdout=subprocess.PIPE, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]


@needs_gnuplot
def test_scaling_has_a_curve_for_each_build_and_says_what_is_missing(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    draw("scaling", figure)
    seen = texts(figure)
    assert "cpython-3.13.0" in seen and "cpython-3.13.15t" in seen
    assert seen.count("capi-fastcall+nogil") == 2 and "4 CPUs" in " ".join(seen.split())
    model = json.loads(THREADS.read_text())
    for row in model["probe"]["threaded"]:
        if row["callables"] == "private" and row["interpreter"] == "cpython-3.13.0":
            row.update(status="crashed", reason="killed by signal 11", phases=[], passes=[])
    run = tmp_path / "run.json"
    run.write_text(json.dumps(model))
    args = ["--kind", "scaling", "--path", "ctypes", "--workload", "add", "-o", str(figure)]
    assert plot(str(run), *args).code == 0
    seen = " ".join(texts(figure).split())
    assert "cpython-3.13.0, private: crashed: killed by signal 11" in seen
    result = plot(str(SAMPLE), "-o", str(figure), "--kind", "scaling")
    assert result.is_error(1, "--threads 1,2,4")


@needs_gnuplot
def test_title_and_font(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    args = ["--title", "Calls of 'my' {lib} & ours_", "--font", "DejaVu Serif"]
    draw("breakdown", figure, *args)
    assert "Calls of 'my' {lib} & ours_ (sample data)" in texts(figure)
    assert 'font-family="DejaVu Serif"' in figure.read_text()
    draw("breakdown", figure, "--title", "")
    assert "Cost of a call" not in texts(figure)
    assert "sample data" in texts(figure)  # that stays, whatever the title


@needs_gnuplot
def test_a_figure_longer_than_a_page_says_so(tmp_path: Path) -> None:
    result = plot(str(SAMPLE), "-o", str(tmp_path / "f.svg"), "--width", "85mm")
    assert result.code == 0 and "more than a page: choose rows" in result.stderr
    result = plot(str(SAMPLE), "-o", str(tmp_path / "f.svg"), "--width", "178mm")
    assert result.code == 0 and result.stderr == ""


@needs_gnuplot
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "delta"])
def test_a_run_of_failures_is_drawn_or_refused_in_a_line(tmp_path: Path, kind: str) -> None:
    def change(model: Dict[str, Any]) -> None:
        model["sweeps"] = []
        model["threaded"] = []
        for cell in model["cells"]:
            cell.update(status="timeout", ladder=None, timeline=None, reason="no result")

    figure = tmp_path / "f.svg"
    result = plot(changed(tmp_path, change), "-o", str(figure), "--kind", kind)
    if kind in ("breakdown", "builds"):
        assert result.code == 0 and "timeout: no result" in texts(figure)
    else:
        assert result.is_error(1, "probe run") and not figure.exists()


def test_waterfall_and_distribution_need_a_timeline(tmp_path: Path) -> None:
    for kind in ("waterfall", "distribution"):
        result = plot(str(LATER), "-o", str(tmp_path / "f.svg"), "--kind", kind)
        assert result.is_error(1, "--engine ladder,timeline")


def test_delta_of_runs_that_can_not_be_compared(tmp_path: Path) -> None:
    def elsewhere(model: Dict[str, Any]) -> None:
        for cell in model["cells"]:
            cell["workload"] = "other"

    args = ["-o", str(tmp_path / "f.svg"), "--kind", "delta"]
    nothing_common = changed(tmp_path, elsewhere)
    assert plot(str(SAMPLE), nothing_common, *args).code == 1
    foreign = tmp_path / "foreign.json"
    foreign.write_text("{}")
    assert plot(str(SAMPLE), str(foreign), *args).is_error(1, "foreign.json")
    assert plot(str(SAMPLE), *args).is_error(2, "two run files")
    assert plot(str(SAMPLE), str(LATER), *args, "--unit", "cycles").is_error(2, "in ns")


def test_choosing_rows_that_are_not_there(tmp_path: Path) -> None:
    args = [str(SAMPLE), "-o", str(tmp_path / "f.svg")]
    for choice in (["--path", "ctype"], ["--workload", "sum"], ["--python", "3.1"]):
        assert plot(*args, *choice).is_error(1, " ".join(choice))


@needs_gnuplot
def test_choosing_rows(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    args = [str(SAMPLE), "-o", str(figure), "-p", "ctypes,python", "-w", "fib", "-i", "3.8,3.11.7"]
    assert plot(*args).code == 0
    seen = texts(figure).splitlines()
    assert seen.count("ctypes") == seen.count("python") == 2
    assert "cpython-3.13.0" not in seen and "add" not in seen and "cffi-api" not in seen


@needs_gnuplot
def test_a_gnuplot_without_the_terminal(tmp_path: Path) -> None:
    """A gnuplot that lacks a terminal says so in a line, and leaves nothing behind."""
    fake = tmp_path / "bin" / "gnuplot"
    fake.parent.mkdir()
    real = shutil.which("gnuplot")
    assert real
    fake.write_text(
        "#!/bin/sh\nfor last; do :; done\n"
        'sed -i \'s/GPVAL_TERMINALS/" svg "/\' "$last"\nexec %s "$@"\n' % real
    )
    fake.chmod(0o755)
    path = {"PATH": "%s:/usr/bin:/bin" % fake.parent}
    for suffix, words in (("tex", "cairolatex"), ("pdf", "pdfcairo"), ("png", "pngcairo")):
        figure = tmp_path / ("f." + suffix)
        assert plot(str(SAMPLE), "-o", str(figure), env=path).is_error(1, words)
    assert [p.name for p in tmp_path.iterdir()] == ["bin"]


@pytest.mark.parametrize(
    "args, words",
    [
        (["--width", "85"], "85mm"),
        (["--width", "10mm"], "60mm to 1000mm"),
        (["--width", "1e9px"], "60mm to 1000mm"),
        (["--width", "nanmm"], "60mm to 1000mm"),
        (["--width", "mm"], "85mm"),
        (["--theme", "pink"], "light, dark or print"),
        (["--font", "A,20"], "family"),
        (["--font", ""], "family"),
        (["--keep=yes"], "unknown option"),
    ],
)
def test_usage_errors(args: List[str], words: str) -> None:
    assert plot(str(SAMPLE), "-o", "f.svg", *args).is_error(2, words)


def test_an_unwritable_folder_and_what_is_no_file(tmp_path: Path) -> None:
    for kind in KINDS:
        figure = str(tmp_path / "none" / "f.svg")
        runs = list(map(str, KINDS[kind]))
        assert plot(*runs, "--kind", kind, "-o", figure).is_error(1, "can't write")
    device = tmp_path / "null.svg"
    device.symlink_to("/dev/null")
    assert plot(str(SAMPLE), "-o", str(device)).is_error(1, "can't write")
    assert Path("/dev/null").is_char_device()


def test_the_samples_say_that_they_are_made_up() -> None:
    for path in (SAMPLE, SWEEP, LATER):
        model = copy.deepcopy(model_of(path))
        assert any(fact["key"] == "sample" for fact in model["facts"])
