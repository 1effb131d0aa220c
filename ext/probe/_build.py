# SPDX-License-Identifier: MIT
"""Builds what measuring needs for the interpreter that runs it: kernels, packages, bindings, _probe.

Usage: python _build.py SPEC.json. Says "step: ..." on stderr and one JSON object on stdout. What
can't be built is told in that object, with the reason and the fix, and the rest goes on. All results
are in the cache; a second run builds nothing.
"""

import glob
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
from typing import Any, Callable, Dict, List, Optional, Tuple

if os.path.dirname(os.path.abspath(__file__)) not in sys.path:  # python -P
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import _cache
import _packages
import facts
from _toolchain import BINDING_FLAGS, KERNEL_FLAGS, BuildError, Toolchain

sys.dont_write_bytecode = True  # generators lie among the workloads, or in a user's folder

# Raise it when something changes that no hash below sees.
_CACHE_FORMAT = 1

Json = Dict[str, Any]


def step(text: str) -> None:
    print("step: " + text, file=sys.stderr, flush=True)


def read_json(path: str) -> Json:
    with open(path, encoding="utf-8") as f:
        found: Json = json.load(f)
    return found


def attempt(build: Callable[[], Json]) -> Json:
    """What build returns, or {"error": one line} when it fails in any way."""
    try:
        return build()
    except BuildError as e:
        return {"error": " ".join(str(e).split())}
    except OSError as e:
        reason = "%s: %s" % (e.strerror or e, e.filename) if e.filename else str(e)
        return {"error": "can't build: %s" % " ".join(reason.split())}
    except Exception as e:
        return {"error": "%s: %s" % (type(e).__name__, " ".join(str(e).split()))}


def tree_digest(*folders_or_files: str) -> str:
    """A hash of the contents of files, and of all files below folders, by relative name."""
    parts: List[Any] = []
    for path in folders_or_files:
        names = _cache.files_below(path) if os.path.isdir(path) else [""]
        for name in names:
            full = os.path.join(path, name) if name else path
            parts += [name or os.path.basename(path), _cache.read_bytes(full)]
    return _cache.digest(*parts)


def interpreter_identity() -> List[Any]:
    """Changes when the interpreter is replaced or upgraded in place."""
    executable = os.path.realpath(sys.executable)
    parts: List[Any] = [executable, sys.version, sysconfig.get_config_var("SOABI")]
    library = os.path.join(
        sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or ""
    )
    for path in (executable, library):
        if os.path.isfile(path):
            info = os.stat(path)
            parts += [info.st_mtime_ns, info.st_size]
    return parts


class Builder:
    def __init__(self, spec: Json) -> None:
        self.spec = spec
        label = re.sub(r"[^\w.+-]", "_", spec["interpreter_label"].split("#")[0])
        identity = _cache.digest(_CACHE_FORMAT, interpreter_identity(), length=8)
        self.kernels_dir = os.path.join(spec["cache"], "kernels")
        self.own_dir = os.path.join(spec["cache"], "interpreters", "%s-%s" % (label, identity))
        self.log_dir = os.path.join(self.own_dir, "logs")
        self.cc = Toolchain(spec["cc"], self.log_dir)
        self.machine = platform.machine()

    # --- kernels: the same for all interpreters

    def kernel(self, folder: str) -> Json:
        workload = read_json(os.path.join(folder, "workload.json"))
        name = workload["prototype"]["name"]
        source = os.path.join(folder, workload["source"])
        veneer = os.path.join(self.spec["home"], "libprobe/src/hook/arch", self.machine, "veneer.S")
        if not os.path.exists(veneer):
            raise BuildError("probe has no veneer for %s processors yet" % self.machine)
        key = _cache.digest(
            _CACHE_FORMAT,
            self.cc.identity(),
            KERNEL_FLAGS,
            self.machine,
            tree_digest(source, veneer),
        )

        # Where each library goes, its file, what it is made of.
        plan: Tuple[Tuple[str, str, str, List[str]], ...] = (
            ("kernel", "libprobe_kernel_%s.so" % name, source, []),
            ("veneer", "libprobe_target_%s.so" % name, veneer, ["-DPROBE_VENEER_NAME=" + name]),
            ("bare", "libprobe_target_%s.so" % name, source, []),
        )

        def build(out: str) -> None:
            step("compiling the kernel of %s" % workload["name"])
            for kind, file, made_of, flags in plan:
                os.mkdir(os.path.join(out, kind))
                self.cc.shared(
                    os.path.join(out, kind, file),
                    [made_of],
                    flags=[*KERNEL_FLAGS, "-Wl,-soname," + file, *flags],
                )

        made = _cache.entry(self.kernels_dir, "%s-%s" % (workload["name"], key), build)
        return {kind: os.path.join(made, kind, file) for kind, file, _, _ in plan}

    # --- the extension

    def extension(self) -> Json:
        home = self.spec["home"]
        sources = sorted(glob.glob(os.path.join(glob.escape(home), "libprobe/src/py/*.c")))
        if not sources:
            raise BuildError("libprobe/src/py/ is not in %s: install probe again" % home)
        self.cc.require()
        self.cc.require_headers()
        headers = [
            path
            for pattern in ("include/probe/*.h", "src/**/*.h")
            for path in glob.glob(
                os.path.join(glob.escape(home), "libprobe", pattern), recursive=True
            )
        ]
        flags = ["-std=gnu11", "-D_GNU_SOURCE", "-pthread", *BINDING_FLAGS]
        # Without --exclude-libs the module would export all of libprobe.
        link = ["-Wl,--exclude-libs,ALL", self.spec["library"], "-lunwind", "-lm", "-ldl"]
        key = _cache.digest(
            self.cc.identity(),
            flags,
            tree_digest(*sources, *sorted(headers), self.spec["library"]),
        )

        def build(out: str) -> None:
            step("compiling the extension module")
            output = os.path.join(out, "_probe.so")
            self.cc.shared(
                output,
                sources,
                flags=flags,
                include=[*self.spec["include"], *facts.include_dirs()],
                link=link,
            )
            self.check_import(out)

        return {"dir": _cache.entry(self.own_dir, "ext-" + key, build)}

    def check_import(self, folder: str) -> None:
        """A library with an undefined symbol links all the same; find out here, once."""
        code = "import sys; sys.path.insert(0, sys.argv[1]); import _probe"
        done = subprocess.run(
            [sys.executable, "-c", code, folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
            raise BuildError("the extension module can't be imported: %s" % said[-1])

    # --- bindings

    def packages(self, path_dir: str, path: Json) -> Dict[str, str]:
        files = [
            os.path.join(os.path.dirname(path_dir), "requirements.json"),
            os.path.join(self.spec["home"], "workloads/bindings/requirements.json"),
        ]
        return _packages.pins(path.get("pip") or [], files)

    def environment(self, packages: Dict[str, str]) -> Tuple[str, Dict[str, str]]:
        if _packages.find(self.own_dir, packages) is None:
            step("installing %s" % " ".join("%s %s" % p for p in sorted(packages.items())))
        return _packages.environment(
            self.own_dir, packages, bool(self.spec.get("offline")), self.log_dir
        )

    def binding(self, path_dir: str, path: Json, workload: Json, kernel: Json) -> Json:
        prototype = workload["prototype"]
        wanted = path.get("applies", {}).get("params")
        if wanted is not None and wanted != len(prototype["params"]):
            raise BuildError(
                "applies to functions of exactly %d argument%s; %s has %d"
                % (wanted, "" if wanted == 1 else "s", prototype["name"], len(prototype["params"]))
            )
        if "error" in kernel:
            raise BuildError(kernel["error"])
        if not path.get("compiler"):
            return {"dir": None}
        self.cc.require()
        self.cc.require_headers()
        shared = sorted(glob.glob(os.path.join(glob.escape(os.path.dirname(path_dir)), "_*.py")))
        key = _cache.digest(
            prototype,
            self.cc.identity(),
            BINDING_FLAGS,
            self.packages(path_dir, path),
            tree_digest(path_dir, *shared, os.path.join(_here(), "_toolchain.py")),
        )
        name = "%s-%s-%s" % (path["name"], workload["name"], key)

        def build(out: str) -> None:
            step("compiling %s for %s" % (path["name"], workload["name"]))
            load_generator(path_dir).build(
                prototype, out, self.cc, os.path.dirname(kernel["veneer"])
            )

        return {"dir": _cache.entry(os.path.join(self.own_dir, "bindings"), name, build)}

    def run(self) -> Json:
        workloads = [
            (d, read_json(os.path.join(d, "workload.json"))) for d in self.spec["workloads"]
        ]
        paths = [(d, read_json(os.path.join(d, "path.json"))) for d in self.spec["paths"]]
        kernels = {w["name"]: attempt(lambda: self.kernel(d)) for d, w in workloads}
        extension = attempt(self.extension)
        needed, errors = self.needed_packages(paths)
        folder, installed = self.install(needed, errors)
        if folder:
            sys.path.insert(0, _packages.site_packages(folder))
        bindings: Json = {}
        for path_dir, path in paths:
            if path.get("pure"):
                continue
            bindings[path["name"]] = {
                w["name"]: (
                    {"error": errors[path["name"]]}
                    if path["name"] in errors
                    else attempt(lambda: self.binding(path_dir, path, w, kernels[w["name"]]))
                )
                for _, w in workloads
            }
        return {
            "python": _packages.python_in(folder) if folder else sys.executable,
            "ext": extension.get("dir"),
            "ext_error": extension.get("error"),
            "kernels": kernels,
            "bindings": bindings,
            "packages": installed,
        }

    def needed_packages(
        self, paths: List[Tuple[str, Json]]
    ) -> Tuple[Dict[str, Dict[str, str]], Dict[str, str]]:
        """Packages by path, and the error of each path whose packages can't be told."""
        needed: Dict[str, Dict[str, str]] = {}
        errors: Dict[str, str] = {}
        for path_dir, path in paths:
            told = attempt(lambda: {"packages": self.packages(path_dir, path)})
            if "error" in told:
                errors[path["name"]] = told["error"]
            elif told["packages"]:
                needed[path["name"]] = told["packages"]
        return needed, errors

    def install(
        self, needed: Dict[str, Dict[str, str]], errors: Dict[str, str]
    ) -> Tuple[Optional[str], Dict[str, str]]:
        """One environment for all paths; where that fails, for as many paths as it will go.

        Adds to errors. Returns the environment's folder and the packages of these paths.
        """
        together: Dict[str, str] = {}
        for packages in needed.values():
            together.update(packages)
        if not together:
            return None, {}
        whole = attempt(lambda: {"folder": self.environment(together)[0]})
        if "error" not in whole:
            return whole["folder"], together
        sets = {_cache.digest(p): p for p in needed.values()}
        folder, so_far = None, {}  # type: Optional[str], Dict[str, str]
        for key, packages in sets.items():
            tried = whole
            if packages != together:
                tried = attempt(lambda: {"folder": self.environment({**so_far, **packages})[0]})
            if "error" not in tried:
                folder, so_far = tried["folder"], {**so_far, **packages}
                continue
            for name, of_path in needed.items():
                if _cache.digest(of_path) == key:
                    errors[name] = tried["error"]
        return folder, so_far


def _here() -> str:
    return os.path.dirname(os.path.abspath(__file__))


def load_generator(path_dir: str) -> Any:
    """A binding's generator as a module."""
    file = os.path.join(path_dir, "binding.py")
    spec = importlib.util.spec_from_file_location("_binding", file)
    if spec is None or spec.loader is None:
        raise BuildError("can't load %s" % file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> int:
    # Compilers, pip and generators may print: stdout is for the answer alone.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        result = Builder(read_json(sys.argv[1])).run()
    except KeyboardInterrupt:
        return 130
    with answer:
        json.dump(result, answer)
        answer.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
