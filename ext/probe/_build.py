# SPDX-License-Identifier: MIT
"""Builds what measuring needs for the interpreter that runs it: kernels, packages, bindings, _probe.

Usage: python _build.py SPEC.json. Says "step: ..." on stderr and one JSON object on stdout. What
can't be built is told in that object, with the reason and the fix, and the rest goes on. All results
are in the cache; a second run builds nothing.
"""

import concurrent.futures
import ctypes
import glob
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

if os.path.dirname(os.path.abspath(__file__)) not in sys.path:  # python -P
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import _cache
import _kernel
import _packages
import _portable
import facts
from _model import Inexpressible
from _pip import Pin
from _toolchain import (
    BINDING_FLAGS,
    KERNEL_FLAGS,
    BuildError,
    MissingTool,
    Toolchain,
    explain_os,
)

sys.dont_write_bytecode = True  # generators lie among the workloads, or in a user's folder

# Raise it when something changes that no hash below sees.
_CACHE_FORMAT = 3

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
    except Inexpressible as e:
        return {"inexpressible": " ".join(str(e).split())}
    except OSError as e:
        return {"error": "can't build: %s" % " ".join(explain_os(e).split())}
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


def interpreter_files() -> List[Any]:
    """[path, mtime_ns, size] of its program and its library."""
    library = os.path.join(
        sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or ""
    )
    found: List[Any] = []
    for path in (facts.base_executable(), library):
        if os.path.isfile(path):
            info = os.stat(path)
            found.append([path, info.st_mtime_ns, info.st_size])
    return found


def interpreter_identity() -> List[Any]:
    """Changes when the interpreter is replaced or upgraded in place."""
    executable = facts.base_executable()
    parts: List[Any] = [executable, sys.version, sysconfig.get_config_var("SOABI")]
    for _, mtime_ns, size in interpreter_files():
        parts += [mtime_ns, size]
    return parts


# What a cache entry's name has besides the label: two hashes.
_LONGEST_LABEL = 255 - 32


def check_name(name: str) -> None:
    """A function's name is part of file names, which every file system limits to 255 bytes."""
    if len(os.fsencode(name)) > _LONGEST_LABEL:
        raise BuildError(
            "the name is too long for a binding, whose files are called by it: %.40s... has %d "
            "bytes, and %d are the most; give the function a shorter name"
            % (name, len(os.fsencode(name)), _LONGEST_LABEL)
        )


def not_mapped(said: str, folder: str) -> str:
    """What the loader said, or the cure where a mount is the reason."""
    if "failed to map segment" not in said:
        return said
    return (
        "%s is on a file system that is mounted noexec: set XDG_CACHE_HOME to a folder on another"
        % folder
    )


class Builder:
    def __init__(self, spec: Json) -> None:
        self.spec = spec
        # Not the label of the run, which has the switches in it: a build is the same with any.
        label = re.sub(r"[^\w.+-]", "_", facts.build_label())
        identity = _cache.digest(_CACHE_FORMAT, interpreter_identity(), length=8)
        self.kernels_dir = os.path.join(spec["cache"], "kernels")
        self.own_dir = os.path.join(spec["cache"], "interpreters", "%s-%s" % (label, identity))
        self.log_dir = os.path.join(self.own_dir, "logs")
        self.cc = Toolchain(
            spec["cc"],
            self.log_dir,
            os.environ.get("CXX") or "c++",
            offline=bool(spec.get("offline")),
        )
        self.machine = platform.machine()
        self.notes: List[str] = []  # what a person should know although all went well

    def tell(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def entry(
        self, parent: str, name: str, build: Callable[[str], None], tools: Iterable[str] = ()
    ) -> str:
        """A cache entry that a compiler makes. Where it is not there any more, what an earlier one
        made of the same sources."""
        versions = [self.cc.version_of(tool) for tool in sorted(tools)]
        made_by = _cache.digest(self.cc.identity(), versions, length=8)
        check_name(name)
        try:
            return _cache.entry(parent, "%s-%s" % (name, made_by), build, self.tell)
        except MissingTool as e:
            found = _cache.newest(parent, name + "-")
            if found is None:
                raise
            self.tell("what was built before is used, as %s" % e)
            return found

    def note_interpreter(self) -> None:
        """Whose folder it is: `probe cache` asks whether that interpreter is still there."""
        note = {"executable": facts.base_executable(), "files": interpreter_files()}
        os.makedirs(self.own_dir, exist_ok=True)
        path = os.path.join(self.own_dir, "interpreter.json")
        if not os.path.exists(path):
            _cache.write_json(path, note)

    # --- kernels: the same for all interpreters

    def kernel(self, workload: Json) -> Json:
        """The target's libraries: {"kernel", "veneer", "bare"}, and with a source "static" and
        "twin", folders whose archive has the target itself and one with an empty body."""
        name = workload["prototype"]["name"]
        veneer = os.path.join(self.spec["home"], "libprobe/src/hook/arch", self.machine, "veneer.S")
        if not os.path.exists(veneer):
            raise BuildError("probe has no veneer for %s processors yet" % self.machine)
        made_of = [veneer]
        if "source" in workload:
            made_of.append(os.path.join(workload["dir"], workload["source"]))
        key = _cache.digest(
            _CACHE_FORMAT,
            KERNEL_FLAGS,
            self.machine,
            workload["prototype"],
            workload.get("library"),
            tree_digest(*made_of, *_kernel.SOURCES),
        )

        def build(out: str) -> None:
            step("compiling the kernel of %s" % workload["name"])
            _kernel.build(self.cc, workload, veneer, out)

        label = re.sub(r"[^\w.+-]", "_", workload["name"])
        made = self.entry(self.kernels_dir, "%s-%s" % (label, key), build)
        return _kernel.files(workload, made)

    # --- the measuring core

    def core_sources(self, folder: str) -> Tuple[List[str], List[str]]:
        """The C files of a folder of libprobe/src, and all headers."""
        home = self.spec["home"]
        sources = sorted(glob.glob(os.path.join(glob.escape(home), "libprobe/src", folder, "*.c")))
        if not sources:
            raise BuildError("libprobe/src/%s/ is not in %s: install probe again" % (folder, home))
        headers = [
            path
            for pattern in ("include/probe/*.h", "src/**/*.h")
            for path in glob.glob(
                os.path.join(glob.escape(home), "libprobe", pattern), recursive=True
            )
        ]
        return sources, sorted(headers)

    def core(self) -> Json:
        """What measures: an extension module on CPython, a plain library on all others."""
        return self.extension() if sys.implementation.name == "cpython" else self.portable()

    def portable(self) -> Json:
        """Knows nothing of the interpreter: all share it."""
        sources, headers = self.core_sources("portable")
        flags = ["-std=gnu11", "-D_GNU_SOURCE", "-pthread", *BINDING_FLAGS]
        link = ["-Wl,--exclude-libs,ALL", self.spec["library"], "-lunwind", "-lm", "-ldl"]
        key = _cache.digest(flags, tree_digest(*sources, *headers, self.spec["library"]))

        def build(out: str) -> None:
            step("compiling the portable core")
            output = os.path.join(out, _portable.LIBRARY)
            self.cc.shared(output, sources, flags=flags, include=self.spec["include"], link=link)

        folder = self.entry(os.path.join(self.spec["cache"], "portable"), "core-" + key, build)
        try:
            ctypes.CDLL(os.path.join(folder, _portable.LIBRARY))
        except OSError as e:
            raise BuildError("the portable core can't be loaded: %s" % not_mapped(str(e), folder))
        return {"dir": folder}

    def extension(self) -> Json:
        sources, headers = self.core_sources("py")
        flags = ["-std=gnu11", "-D_GNU_SOURCE", "-pthread", *BINDING_FLAGS]
        # Without --exclude-libs the module would export all of libprobe.
        link = ["-Wl,--exclude-libs,ALL", self.spec["library"], "-lunwind", "-lm", "-ldl"]
        key = _cache.digest(flags, tree_digest(*sources, *headers, self.spec["library"]))

        def build(out: str) -> None:
            self.cc.require()
            self.cc.require_headers()
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

        return {"dir": self.entry(self.own_dir, "ext-" + key, build)}

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
            raise BuildError(
                "the extension module can't be imported: %s" % not_mapped(said[-1], folder)
            )

    # --- bindings

    def pinned_in(self, path: Json) -> List[str]:
        return [
            os.path.join(os.path.dirname(path["dir"]), "requirements.json"),
            os.path.join(self.spec["home"], "workloads/bindings/requirements.json"),
        ]

    def packages(self, path: Json) -> Dict[str, Pin]:
        """Pinned versions of what a path, or a workload's arguments, need."""
        return _packages.pins(path.get("pip") or [], self.pinned_in(path))

    def bundled(self, things: List[Json], errors: Dict[str, str]) -> Dict[str, str]:
        """What the interpreter itself brings along of what these need."""
        found: Dict[str, str] = {}
        for thing in things:
            if thing["name"] not in errors:
                found.update(_packages.bundled(thing.get("pip") or [], self.pinned_in(thing)))
        return found

    def environment(self, packages: Dict[str, Pin]) -> Tuple[str, Mapping[str, str]]:
        found = _packages.find(self.own_dir, packages)
        if found:
            return found
        step("installing %s" % " ".join("%s %s" % p for p in sorted(packages.items())))
        return _packages.environment(
            self.own_dir, packages, bool(self.spec.get("offline")), self.log_dir, self.tell
        )

    def binding(self, path: Json, workload: Json, kernel: Json) -> Json:
        """{"dir": where it was built, or None}, and "twin" where the path has no seam."""
        wanted = path.get("applies", {}).get("params")
        if wanted is not None and wanted != len(workload["prototype"]["params"]):
            return {"inexpressible": "for functions of %d parameters" % wanted}
        if "error" in kernel:
            raise BuildError(kernel["error"])
        if not path.get("compiler"):
            return {"dir": None}
        if not path.get("twin"):
            return {"dir": self.built(path, workload, os.path.dirname(kernel["veneer"]))}
        if "static" not in kernel:
            return {"inexpressible": "static needs the function's source, not a library"}
        return {
            "dir": self.built(path, workload, kernel["static"]),
            "twin": self.built(path, workload, kernel["twin"]),
        }

    def built(self, path: Json, workload: Json, lib_dir: str) -> str:
        shared = glob.glob(os.path.join(glob.escape(os.path.dirname(path["dir"])), "_*"))
        options = frozenset(path.get("chosen", []))
        linked = "" if not path.get("twin") else os.path.basename(lib_dir)
        key = _cache.digest(
            workload["prototype"],
            # Where the target is part of the binding.
            os.path.basename(os.path.dirname(lib_dir)) if linked else "",
            BINDING_FLAGS,
            self.packages(path),
            tree_digest(path["dir"], *sorted(shared), os.path.join(_here(), "_toolchain.py")),
        )
        label = "-".join(filter(None, (path["name"], workload["name"], linked)))
        name = "%s-%s" % (re.sub(r"[^\w.+-]", "_", label), key)

        def build(out: str) -> None:
            for tool, fix in path.get("tools", {}).items():
                if not shutil.which(tool):
                    raise MissingTool("%s is missing: %s" % (tool, fix))
            self.cc.require()
            self.cc.require_headers()
            step("compiling %s for %s" % (path["name"], workload["name"]))
            load_generator(path["dir"]).build(workload["prototype"], out, self.cc, lib_dir, options)

        folder = os.path.join(self.own_dir, "bindings")
        return self.entry(folder, name, build, path.get("tools", {}))

    def bindings(
        self, paths: List[Json], workloads: List[Json], kernels: Json, errors: Dict[str, str]
    ) -> Json:
        """Every path for every workload, several at a time; each tells its own failure."""
        wanted = [
            (p, w) for p in paths for w in workloads if not p.get("pure") and "prototype" in w
        ]

        def one(pair: Tuple[Json, Json]) -> Json:
            path, workload = pair
            told = errors.get(path["name"]) or errors.get(workload["name"])
            if told:
                return {"error": told}
            return attempt(lambda: self.binding(path, workload, kernels[workload["name"]]))

        jobs = int(self.spec.get("jobs", 1))
        if jobs == 1:  # needs no thread, which a limit on processes may refuse
            results = [one(pair) for pair in wanted]
        else:
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                results = list(pool.map(one, wanted))
        made: Json = {}
        for (path, workload), result in zip(wanted, results):
            made.setdefault(path["name"], {})[workload["name"]] = result
        return made

    def run(self) -> Json:
        self.note_interpreter()
        workloads, paths = self.spec["workloads"], self.spec["paths"]
        kernels = {
            w["name"]: attempt(lambda: self.kernel(w)) for w in workloads if "prototype" in w
        }
        core = attempt(self.core)
        needed, errors = self.needed_packages([*paths, *workloads])
        folder, installed = self.install(needed, errors)
        if folder:
            sys.path.insert(0, _packages.site_packages(folder))
        bindings = self.bindings(paths, workloads, kernels, errors)
        return {
            "python": _packages.python_in(folder) if folder else sys.executable,
            "ext": core.get("dir"),
            "ext_error": core.get("error"),
            "kernels": kernels,
            "bindings": bindings,
            "notes": self.notes,
            "packages": {**installed, **self.bundled([*paths, *workloads], errors)},
        }

    def needed_packages(
        self, things: List[Json]
    ) -> Tuple[Dict[str, Dict[str, Pin]], Dict[str, str]]:
        """Packages by path or workload, and the error of each whose packages can't be told."""
        needed: Dict[str, Dict[str, Pin]] = {}
        errors: Dict[str, str] = {}
        for thing in things:
            told = attempt(lambda: {"packages": self.packages(thing)})
            if "error" in told:
                errors[thing["name"]] = told["error"]
            elif told["packages"]:
                needed[thing["name"]] = told["packages"]
        return needed, errors

    def install(
        self, needed: Dict[str, Dict[str, Pin]], errors: Dict[str, str]
    ) -> Tuple[Optional[str], Mapping[str, str]]:
        """One environment for all paths; where that fails, for as many paths as it will go.

        Adds to errors. Returns the environment's folder and the packages of these paths.
        """
        together: Dict[str, Pin] = {}
        for packages in needed.values():
            together.update(packages)
        if not together:
            return None, {}
        whole = attempt(lambda: {"folder": self.environment(together)[0]})
        if "error" not in whole:
            return whole["folder"], together
        sets = {_cache.digest(p): p for p in needed.values()}
        folder, so_far = None, {}  # type: Optional[str], Dict[str, Pin]
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
    """A binding's generator as a module of its own; its imports go by _model's real name."""
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
