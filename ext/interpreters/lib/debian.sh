# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Debian packages of another suite, unpacked beside the system and made to run from there.
#
# The whole closure is unpacked, its C library too, and the interpreter is told to load that one:
# a binary of a newer suite would not run on an older system's. Nothing is installed.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# This machine's own mirror of Debian, from apt's configuration in whatever form it is.
debian_mirror() {
	local found=${PROBE_DEBIAN_MIRROR:-}
	# shellcheck disable=SC2016 # apt's own word
	[ -n "$found" ] || found=$(apt-get indextargets --format '$(REPO_URI)' |
		grep -E '/debian/?$' | sort -u | head -n 1) || true
	[ -n "$found" ] || die "apt knows no mirror of Debian here: set PROBE_DEBIAN_MIRROR to one"
	printf '%s\n' "$found"
}

# An apt of our own in WORK: as if nothing were installed, and with these lines as its sources.
debian_apt_init() { # TYPE SUITE...
	local type=$1 mirror suite
	shift
	[ -f $keyring ] || die "needs $keyring: apt install debian-archive-keyring"
	mirror=$(debian_mirror)
	mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial"
	: >"$work/apt/status"
	for suite; do
		echo "$type [signed-by=$keyring] $mirror $suite main"
	done >"$work/apt/sources.list"
	apt_options=(
		-o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::Etc::preferences=/dev/null
		-o "Dir::State::Lists=$work/apt/lists" -o "Dir::State::status=$work/apt/status"
		-o "Dir::Cache::archives=$work/apt/archives"
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true
		-o APT::Update::Post-Invoke= -o Acquire::Languages=none
		-o Acquire::Retries=1 -o Acquire::http::Timeout=60 -o Acquire::https::Timeout=60
	)
	apt-get "${apt_options[@]}" -qq update ||
		die "the package lists of Debian $* are unavailable: $(apt_error)"
}

# What apt said last in the log, without its "E: ".
apt_error() {
	local said
	said=$(grep '^E: ' "$log" | tail -n 1)
	echo "${said#E: }"
}

# Downloads packages with all they depend on and unpacks them into DEST/root.
debian_unpack() { # SUITE PACKAGE...
	local suite=$1 deb
	shift
	debian_apt_init deb "$suite"
	apt-get "${apt_options[@]}" -qq install -y --download-only --no-install-recommends "$@" ||
		die "Debian $suite does not give $*: $(apt_error)"
	mkdir -p "$dest/root"
	for deb in "$work"/apt/archives/*.deb; do
		dpkg -x "$deb" "$dest/root"
		rm -f "$deb"
	done
	# Texts and symbols of debuggers: half of the disk that it takes.
	rm -rf "$dest/root/usr/share/"{doc,man,locale,info,lintian,bug} "$dest/root/usr/lib/debug" \
		"$dest/root/var" "$dest/root/etc/ssl"
}

# Makes an unpacked program load its own suite's C library and libraries, also for the modules that
# it loads later (DT_RPATH, not DT_RUNPATH, is inherited).
debian_detach() { # PROGRAM below DEST/root
	local program=$dest/root/$1 loader libs triplet
	triplet=$(debian_triplet)
	loader=$(patchelf --print-interpreter "$program")
	libs=$dest/root/usr/lib/$triplet
	[ -e "$dest/root$loader" ] || loader=/usr$loader
	patchelf --set-interpreter "$dest/root$loader" --force-rpath --set-rpath "$libs" "$program"
}

debian_triplet() {
	basename "$(dirname "$(find "$dest/root/usr/lib" -maxdepth 2 -name libc.so.6 | head -n 1)")"
}

# Mends what in an unpacked CPython names places of the system: pyconfig.h, which Debian's header
# includes from the compiler's own folder, and the wheels that ensurepip installs.
debian_python() { # VERSION, with "d" for a debug build
	local usr=$dest/root/usr version=$1 plain=${1%d} triplet config
	triplet=$(debian_triplet)
	debian_detach "usr/bin/python$version"
	config=$usr/include/$triplet/python$version/pyconfig.h
	if [ -f "$config" ]; then
		cp --remove-destination "$config" "$usr/include/python$version/pyconfig.h"
	fi
	grep -rlZ --include='*.py' "['\"]/usr/share/python-wheels" "$usr/lib/python$plain" |
		xargs -0r sed -i "s|\(['\"]\)/usr/share/python-wheels|\1$usr/share/python-wheels|"
	offer "$usr/bin/python$version"
}
