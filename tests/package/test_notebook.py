# SPDX-License-Identifier: MIT
"""The magics, and the example notebooks in a real kernel. They need IPython, nbclient, ipykernel."""

import os
from pathlib import Path
from typing import Any, List

import pytest

import probe

EXAMPLES = Path(__file__).resolve().parents[2] / "ext" / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


@pytest.fixture
def shell() -> Any:
    pytest.importorskip("IPython")
    import IPython
    from IPython.testing import globalipapp

    started: Any = globalipapp.start_ipython  # type: ignore[no-untyped-call, unused-ignore]
    started()
    found: Any = IPython.get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
    found.run_line_magic("load_ext", "probe")
    found.run_cell("import math; x = 2.0")
    yield found
    found.run_line_magic("unload_ext", "probe")


def test_the_line_magic_measures(shell: Any) -> None:
    b = shell.run_line_magic("probe", "--rounds 10 --passes 1 math.sqrt(x)")
    assert isinstance(b, probe.Breakdown) and b.name == "sqrt"


def test_o_keeps_the_result(shell: Any) -> None:
    assert shell.run_line_magic("probe", "--max-calls=3 -o kept math.hypot(3.0, x + 2)") is None
    assert shell.user_ns["kept"].name == "hypot" and shell.user_ns["kept"].calls <= 3


@pytest.mark.parametrize(
    "line",
    [
        "",
        "math.sqrt",
        "math.sqrt(x",
        "--rounds ten f()",
        "--colour f()",
        "-o",
        "-o 2x f()",
        "f(a=1)",
        "f(*x)",
    ],
)
def test_wrong_lines_say_how(shell: Any, line: str) -> None:
    from IPython.core.error import UsageError

    with pytest.raises(UsageError):
        shell.run_line_magic("probe", line)


def test_what_keywords_are_told_to_do_works(shell: Any) -> None:
    from IPython.core.error import UsageError

    with pytest.raises(UsageError) as told:
        shell.run_line_magic("probe", "int('ff', base=16)")
    advice = str(told.value).split("%probe ")[1]
    assert advice == "(lambda: int('ff', base=16))()"
    found = shell.run_line_magic("probe", "--passes 1 --rounds 20 " + advice)
    assert isinstance(found, probe.Breakdown)


def test_what_the_call_raises_comes_out(shell: Any) -> None:
    with pytest.raises(ValueError, match="math domain|nonnegative"):
        shell.run_line_magic("probe", "math.sqrt(-1)")
    with pytest.raises(NameError):
        shell.run_line_magic("probe", "no_such_function(1)")


def test_the_cell_magic_watches(shell: Any) -> None:
    cell = (
        "import zlib, ctypes; f = ctypes.CDLL(None).abs\nfor k in range(9): f(-1); zlib.crc32(b'')"
    )
    w = shell.run_cell_magic("probe", "--phases -m zlib", cell)
    assert isinstance(w, probe.Watch) and w["abs"].calls == w["crc32"].calls == 9 and w.phases
    assert shell.run_cell_magic("probe", "-o seen", "f(-1); after = 1") is None
    assert shell.user_ns["seen"].calls == 1 and shell.user_ns["after"] == 1


def test_a_cell_that_raises_shows_what_it_called(shell: Any, capsys: Any) -> None:
    w = shell.run_cell_magic("probe", "", "import ctypes; ctypes.CDLL(None).abs(1); 1 / 0")
    assert w.calls == 1
    shown = capsys.readouterr()
    assert "ZeroDivisionError" in shown.out + shown.err


@pytest.mark.parametrize("line", ["--rounds 3", "-m", "-o", "-o 2x", "f(2)"])
def test_wrong_cell_options_say_how(shell: Any, line: str) -> None:
    from IPython.core.error import UsageError

    with pytest.raises(UsageError):
        shell.run_cell_magic("probe", line, "pass")


def outputs_of(notebook: Any) -> List[Any]:
    return [out for cell in notebook.cells for out in cell.get("outputs", [])]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=() if "first" in path.stem else pytest.mark.slow)
        for path in NOTEBOOKS
    ],
)
def test_a_notebook_runs(path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(str(path), as_version=4)
    assert outputs_of(notebook) == []  # it is kept without outputs
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute(env=dict(os.environ))
    shown = [out for out in outputs_of(notebook) if "text/html" in out.get("data", {})]
    assert any("<svg" in out["data"]["text/html"] for out in shown)
    assert all(out["output_type"] != "error" for out in outputs_of(notebook))


def test_there_are_examples() -> None:
    assert NOTEBOOKS
