#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the tests' own Python environment: venv.sh FOLDER REQUIREMENTS PYTHON
#
# A second call with the same requirements does nothing. Without a network it falls back to a Python
# that has pytest already, such as the one that Debian's python3-pytest belongs to.
set -eu

folder=$1 requirements=$2 python=$3
stamp=$folder/.requirements

# Two at once would remove each other's files; whoever waited finds it made.
mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
flock 9

if "$folder/bin/python" -c '' 2>/dev/null && cmp -s "$requirements" "$stamp"; then
	exit 0
fi

say() {
	echo "venv: $*" >&2
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

usable() {
	command -v "$1" >/dev/null && "$1" -c '
import sys, venv, ensurepip
sys.exit(sys.version_info < (3, 9) or sys.implementation.name != "cpython")' 2>/dev/null
}

install() { # OPTION...
	"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" \
		-r "$requirements" >"$log" 2>&1
}
# Said, as nothing else would be seen for minutes.
from_source() {
	grep -qE 'No matching distribution|Could not find a version' "$log" || return
	say "not every package has a build for $("$folder/bin/python" -V): compiling, for minutes"
}

candidates="$python python3 /usr/bin/python3 python3.13 python3.12 python3.11 python3.10 python3.9"
for candidate in $candidates; do
	usable "$candidate" || continue
	say "installing the packages of $requirements into $folder"
	rm -rf "$folder"
	"$candidate" -m venv "$folder"
	if install --only-binary :all: || from_source && install --prefer-binary; then
		cp "$requirements" "$stamp"
		exit 0
	fi
	say "pip failed: $(tail -n 1 "$log")"
	break
done

# No stamp: the next call tries the pinned packages again.
for candidate in $candidates; do
	if usable "$candidate" && "$candidate" -c 'import pytest' 2>/dev/null; then
		rm -rf "$folder"
		"$candidate" -m venv --system-site-packages "$folder"
		say "using the pytest of $candidate instead"
		exit 0
	fi
done
rm -rf "$folder"
say "the Python tests need pytest, and a Python from 3.9 with venv: give them a network, or" \
	"apt-get install python3-venv python3-pytest"
exit 1
