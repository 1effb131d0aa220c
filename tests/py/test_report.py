# SPDX-License-Identifier: MIT
"""probe report and the exports of timelines, from saved runs to files that others open."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from conftest import ROOT, Probe

SAMPLE = ROOT / "plots" / "sample" / "run.json"
HOSTILE = "<script>alert(1)</script> | `x` $y$ \\input{z} & \"q\" 'r' 100% #1_2 ~^ 中 é"
VOID = {"meta", "br", "img", "link", "hr", "input"}

needs_gnuplot = pytest.mark.skipif(
    shutil.which("gnuplot") is None, reason="gnuplot is not installed"
)


def model() -> Dict[str, Any]:
    """The sample run's first and last interpreter with paths of each kind: figures take time."""
    document: Dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    run = document["probe"]
    labels = [run["interpreters"][0]["label"], run["interpreters"][-1]["label"]]
    paths = ("python", "ctypes", "cffi-abi", "capi-o")
    run["interpreters"] = [i for i in run["interpreters"] if i["label"] in labels]
    run["cells"] = [c for c in run["cells"] if c["interpreter"] in labels and c["path"] in paths]
    return document


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "run.json"
    path.write_text(json.dumps(model()), encoding="utf-8")
    return path


def saved(tmp_path: Path, change: Callable[[Dict[str, Any]], None], name: str = "c.json") -> Path:
    """The sample's model after a change."""
    document = model()
    change(document["probe"])
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


class Page(HTMLParser):
    """A page's elements, whether each was closed, and what a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: List[str] = []
        self.tags: List[Tuple[str, Dict[str, Optional[str]]]] = []
        self.seen = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.seen += data

    def values(self, attribute: str) -> List[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]


def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def assert_stands_alone(found: Page) -> None:
    """No script, nothing loaded, no name twice, no reference to nowhere."""
    names = {tag for tag, _ in found.tags}
    assert not names & {"script", "link", "iframe", "img", "object", "embed", "base", "a"}
    assert not [a for _, attrs in found.tags for a in attrs if a.startswith("on")]
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    for reference in found.values("href") + found.values("xlink:href"):
        assert reference.startswith("#") and reference[1:] in ids, reference
    assert not found.values("src")
    for attribute in ("fill", "filter", "clip-path", "style"):
        for value in found.values(attribute):
            for inner in re.findall(r"url\(([^)]*)\)", value):
                assert inner.startswith("#") and inner[1:] in ids, inner


@needs_gnuplot
def test_html_is_one_whole_page(probe: Probe, sample: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.html"
    done = probe("report", sample, "-o", report)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    found = page(report)
    assert_stands_alone(found)
    assert "prefers-color-scheme:dark" in report.read_text(encoding="utf-8")
    run = model()["probe"]
    for cell in run["cells"]:
        assert cell["path"] in found.seen
        if cell["status"] != "ok":
            assert "%s: %s" % (cell["status"], cell["reason"]) in found.seen
    for interpreter in run["interpreters"]:
        assert interpreter["label"] in found.seen
        assert interpreter["config_args"] in found.seen
    for wanted in (run["command"], run["counter"]["why"], "seed %d" % run["seed"]):
        assert wanted in found.seen
    headings = [tag for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert headings.count("h1") == 1
    levels = [int(tag[1]) for tag in headings]
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    rows = [tag for tag, _ in found.tags if tag == "tr"]
    assert len(rows) > 2 * len(run["cells"]) * 3 / 4


@needs_gnuplot
def test_every_row_of_a_table_has_as_many_columns(
    probe: Probe, sample: Path, tmp_path: Path
) -> None:
    assert probe("report", sample, "-o", tmp_path / "r.html").code == 0
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    tables = re.findall(r"<table>(.*?)</table>", text, flags=re.S)
    assert len(tables) > 3
    for table in tables:
        widths = set()
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", table, flags=re.S):
            cells = re.findall(r"<t[hd]([^>]*)>", row)
            spans = [re.search(r'colspan="(\d+)"', c) for c in cells]
            widths.add(sum(int(s.group(1)) if s else 1 for s in spans))
        assert len(widths) == 1, table[:300]


@needs_gnuplot
def test_several_runs_in_one_page(probe: Probe, sample: Path, tmp_path: Path) -> None:
    other = saved(tmp_path, lambda m: m.update(command="probe run add --seed 7"), "other.json")
    report = tmp_path / "both.html"
    assert probe("report", sample, other, "-o", report, "--title", "Before & after").code == 0
    found = page(report)
    assert_stands_alone(found)
    assert "Before & after" in found.seen
    assert str(sample) in found.seen and str(other) in found.seen
    assert len([tag for tag, _ in found.tags if tag == "svg"]) >= 2
    # The seed was given, so there is no second command with it.
    assert "--seed 1234 add --seed 7" not in found.seen


@needs_gnuplot
def test_figures_lie_beside_markdown_and_tex(probe: Probe, sample: Path, tmp_path: Path) -> None:
    done = probe("report", sample, sample, "-o", tmp_path / "two words.md")
    assert done.code == 0
    names = sorted(p.name for p in tmp_path.iterdir())
    assert "two_words-breakdown.svg" in names and "two_words-2-breakdown.svg" in names
    text = (tmp_path / "two words.md").read_text(encoding="utf-8")
    for name in names:
        if name.endswith(".svg"):
            assert "](<%s>)" % name in text and name in done.err
    tex = probe("report", sample, "-o", tmp_path / "100%_#x.tex")
    assert tex.code == 0 and "100___x-breakdown.pdf" in tex.err
    assert (tmp_path / "100___x-breakdown.pdf").read_bytes().startswith(b"%PDF")


def hostile(run: Dict[str, Any]) -> None:
    cell = run["cells"][1]
    cell.update(status="crashed", reason=HOSTILE, backtrace="[x] " + HOSTILE + "\n[y]", ladder=None)
    cell["warnings"] = [HOSTILE]
    run["warnings"] = [HOSTILE, "\\end{document}", "--><!--", "]]>", "# h", "1. one", "- minus"]
    run["command"] = "probe run '%s'" % HOSTILE
    run["interpreters"][0]["executable"] = "/opt/%s/`python`" % HOSTILE
    run["interpreters"][0]["config_args"] = "%s ``" % HOSTILE
    for fact in run["facts"]:
        if fact["key"] == "cpu_model":
            fact["value"] = HOSTILE


@needs_gnuplot
def test_what_users_wrote_stays_text(probe: Probe, tmp_path: Path) -> None:
    run = saved(tmp_path, hostile)
    assert probe("report", run, "-o", tmp_path / "r.html", "--title", HOSTILE).code == 0
    found = page(tmp_path / "r.html")
    assert_stands_alone(found)
    assert found.seen.count(HOSTILE) > 6
    assert probe("report", run, "-o", tmp_path / "r.md").code == 0
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    plain = re.sub(r"^    .*$|`[^\n]*`", "", text, flags=re.M)  # but code
    assert "<script>" not in plain
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (5, 6, 7, 8)


@needs_gnuplot
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tex_compiles_whatever_is_in_it(probe: Probe, sample: Path, tmp_path: Path) -> None:
    run = saved(tmp_path, hostile)
    assert probe("report", run, sample, "-o", tmp_path / "r.tex", "--title", HOSTILE).code == 0
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "r.tex"],
        cwd=str(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-3000:]
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")


@needs_gnuplot
def test_a_long_run_shows_one_interpreter_and_says_so(probe: Probe, tmp_path: Path) -> None:
    """A waterfall of every row would fill pages; the last interpreter with a timeline is drawn."""

    def change(run: Dict[str, Any]) -> None:
        """The last interpreter's timelines become the first one's."""
        last = run["interpreters"][-1]["label"]
        for cell in run["cells"]:
            for other in run["cells"]:
                same = all(cell[key] == other[key] for key in ("workload", "path"))
                if same and other["interpreter"] == last != cell["interpreter"]:
                    cell["timeline"], other["timeline"] = other["timeline"], None

    assert probe("report", saved(tmp_path, change), "-o", tmp_path / "r.html").code == 0
    captions = re.findall("<figcaption>([^<]*)<", (tmp_path / "r.html").read_text("utf-8"))
    long = [caption for caption in captions if "alone" in caption]
    first = model()["probe"]["interpreters"][0]["label"]
    assert len(long) == 1 and "On %s alone" % first in long[0], captions
    assert "probe plot --kind waterfall" in long[0]


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.slow
@needs_gnuplot
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_chromium_has_nothing_to_say(probe: Probe, sample: Path, tmp_path: Path) -> None:
    """A browser renders it without a message, at a phone's width and a desktop's."""
    report, shot = tmp_path / "r.html", tmp_path / "shot.png"
    assert probe("report", sample, "-o", report).code == 0
    images = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for width, dark in ((390, False), (1200, False), (1200, True)):
        theme = ["--force-dark-mode"] if dark else []
        done = subprocess.run(
            [
                str(CHROMIUM),
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--enable-logging=stderr", "--window-size=%d,2000" % width, *theme),
                "--screenshot=%s" % shot,
                report.as_uri(),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
        assert done.returncode == 0
        assert b"CONSOLE" not in done.stdout, done.stdout.decode("utf-8", "replace")[-2000:]
        with images.open(str(shot)) as image:
            assert image.size[0] == width
            colors = image.convert("RGB").getcolors(width * 2000)
        assert len(colors) > 50  # text, tables and figures
        shot.unlink()


def test_without_figures_gnuplot_is_not_needed(probe: Probe, sample: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.html"
    args = ("report", sample, "-o", report)
    refused = probe(*args, PATH=str(tmp_path))
    refused.one_error(1, "gnuplot is not installed", "--no-figures")
    assert not report.exists()
    assert probe(*args, "--no-figures", PATH=str(tmp_path)).code == 0
    assert not [tag for tag, _ in page(report).tags if tag == "svg"]


def test_nothing_measured_is_said(probe: Probe, tmp_path: Path) -> None:
    def change(run: Dict[str, Any]) -> None:
        run["interrupted"] = True
        for cell in run["cells"]:
            cell.update(status="timeout", ladder=None, timeline=None, reason="after 60 s")

    report = tmp_path / "r.html"
    assert probe("report", saved(tmp_path, change), "-o", report, "--no-figures").code == 0
    seen = page(report).seen
    assert "Nothing was measured" in seen and "interrupted" in seen
    assert seen.count("timeout: after 60 s") == len(model()["probe"]["cells"])


@needs_gnuplot
def test_what_cannot_be_written_leaves_the_old_report(
    probe: Probe, sample: Path, tmp_path: Path
) -> None:
    probe("report", sample, "-o", tmp_path / "no" / "r.html").one_error(1, "can't write")
    report = tmp_path / "r.html"
    report.write_text("old")
    fake = tmp_path / "gnuplot"
    fake.write_text("#!/bin/sh\necho 'line 3: no good' >&2\nexit 1\n")
    fake.chmod(0o755)
    refused = probe("report", sample, "-o", report, PATH="%s:/usr/bin:/bin" % tmp_path)
    line = refused.one_error(1, "no good", "--no-figures")
    assert "probe-report-" not in line  # a temporary folder tells nobody anything
    assert report.read_text() == "old"


@pytest.mark.parametrize(
    "args, words",
    [
        ([], ["name a run file"]),
        ([SAMPLE], ["no output"]),
        ([SAMPLE, "-o"], ["needs a value"]),
        ([SAMPLE, "-o", "r.docx"], [".html, .md or .tex"]),
        (["-o", "r.html"], ["name a run file"]),
        ([SAMPLE, "-o", "r.html", "--wrong"], ["--wrong"]),
    ],
)
def test_wrong_use(probe: Probe, args: Any, words: Any) -> None:
    probe("report", *args).one_error(2, *words)


# --- timelines -------------------------------------------------------------------------------------


def with_timeline(run: Dict[str, Any]) -> None:
    """Distributions for the first measured binding, one of them below zero."""
    cells = [c for c in run["cells"] if c["status"] == "ok" and c["path"] == "ctypes"]
    for cell in run["cells"]:
        cell["timeline"] = None
    cell = cells[0]
    parts = ["marshal_in", "detach", "invoke", "compute", "attach", "marshal_out"]
    dists = []
    for i, names in enumerate([[p] for p in parts] + [["call", "return"]]):
        base = 100.0 * i - 20
        dists.append(
            {
                "subphases": names,
                "calls": 1000,
                "p50": base,
                "p90": base + 10,
                "p99": base + 50,
                "p999": base + 400,
                "max": base + 1e6,
            }
        )
    cell["timeline"] = dict(cell["ladder"], dists=dists)


def exported(probe: Probe, tmp_path: Path, what: str) -> Dict[str, Any]:
    out = tmp_path / (what + ".json")
    run = saved(tmp_path, with_timeline)
    done = probe("show", run, "--export-" + what, out)
    assert done.out == ""
    document: Dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return document


def test_a_trace_that_perfetto_can_nest(probe: Probe, tmp_path: Path) -> None:
    document = exported(probe, tmp_path, "trace")
    assert document["displayTimeUnit"] == "ns"
    tracks: Dict[Tuple[int, int], List[Dict[str, Any]]] = {}
    names: Dict[Tuple[int, int], str] = {}
    for event in document["traceEvents"]:
        assert event["ph"] in ("M", "X")
        assert isinstance(event["pid"], int) and isinstance(event["tid"], int)
        key = (event["pid"], event["tid"])
        if event["name"] == "thread_name":
            names[key] = event["args"]["name"]
        if event["ph"] == "X":
            assert event["ts"] >= 0 and event["dur"] >= 0
            tracks.setdefault(key, []).append(event)
    assert sorted(names) == sorted(tracks)
    assert sorted(names.values()) == [
        "add/ctypes: median of each stretch",
        "add/ctypes: p99 of each stretch",
    ]
    for events in tracks.values():
        call, slices = events[0], events[1:]
        assert [s["name"] for s in slices][:2] == ["call+return", "marshal_in"]
        assert call["ts"] == 0
        at = 0.0
        for s in slices:
            assert s["ts"] == pytest.approx(at, abs=1e-9)
            at = s["ts"] + s["dur"]
        assert at == pytest.approx(call["dur"], abs=1e-9)
    assert "No raw events" in document["otherData"]["note"]


def test_speedscope_keeps_to_its_format(probe: Probe, tmp_path: Path) -> None:
    document = exported(probe, tmp_path, "speedscope")
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames = document["shared"]["frames"]
    assert all(set(f) <= {"name", "file", "line", "col"} and f["name"] for f in frames)
    assert {f["file"] for f in frames} == {"call", "dispatch", "marshalling", "compute"}
    assert 0 <= document["activeProfileIndex"] < len(document["profiles"])
    for profile in document["profiles"]:
        assert profile["type"] == "evented" and profile["unit"] == "nanoseconds"
        assert "no raw events" in profile["name"]
        assert profile["startValue"] <= profile["endValue"]
        at, stack = profile["startValue"], []
        for event in profile["events"]:
            assert at <= event["at"] <= profile["endValue"]
            at = event["at"]
            if event["type"] == "O":
                stack.append(event["frame"])
            else:
                assert event["type"] == "C" and stack.pop() == event["frame"]
        assert stack == []


def test_a_run_without_timelines_has_no_trace(probe: Probe, tmp_path: Path) -> None:
    def change(run: Dict[str, Any]) -> None:
        for cell in run["cells"]:
            cell["timeline"] = None

    out = tmp_path / "t.json"
    done = probe("show", saved(tmp_path, change), "--export-trace", out)
    done.one_error(1, "no timeline", "--engine timeline")
    assert not out.exists()


def test_show_writes_other_formats(probe: Probe, sample: Path, tmp_path: Path) -> None:
    csv, markdown = tmp_path / "r.csv", tmp_path / "r.md"
    assert probe("show", sample, "--export-csv", csv, "--export-markdown", markdown).out == ""
    assert "ctypes" in csv.read_text(encoding="utf-8")
    assert markdown.read_text(encoding="utf-8").startswith("CPU: ")
    out = tmp_path / "no" / "r.csv"
    probe("show", sample, "--export-csv", out).one_error(1, "r.csv")


def test_run_measures_the_timeline_for_a_trace(probe: Probe, tmp_path: Path) -> None:
    out = tmp_path / "t.json"
    refused = probe("run", "add", "--engine", "ladder", "--export-trace", out)
    refused.one_error(2, "--export-trace", "timeline")
    same = probe("run", "add", "--export-trace", out, "--export-speedscope", out)
    same.one_error(2, "same file")
