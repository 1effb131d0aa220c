# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# CPython from the upstream tarball of Debian's source package.
#
# The .orig tarball and not the Debian source: Debian's patches take ensurepip out and move paths.

source_suites="sid testing stable"

# Downloads the newest upstream tarball of python3.N that is served; not every one is.
source_fetch() { # VERSION
	local package=python$1 version tried=''
	# shellcheck disable=SC2086
	debian_apt_init deb-src $source_suites
	mkdir -p "$work/source"
	cd "$work/source"
	for version in $(apt-cache "${apt_options[@]}" showsrc "$package" |
		sed -n 's/^Version: //p' | sort -uVr); do
		tried="$tried $version"
		rm -f ./*
		# A patch level that is served without its Debian part will do: only that tarball counts.
		apt-get "${apt_options[@]}" -qq source --download-only "$package=$version" || true
		compgen -G "${package}_*.orig.tar.xz" >/dev/null && return
	done
	die "the source package $package is not served (tried:${tried:- none})"
}

# Configures, compiles and installs into DEST/prefix.
source_build() { # VERSION CONFIGURE-OPTION...
	local version=$1 program
	shift
	source_fetch "$version"
	mkdir -p "$work/tree" "$work/object"
	tar -xJf "$work"/source/*.orig.tar.xz -C "$work/tree" --strip-components=1
	cd "$work/object"
	"$work/tree/configure" --prefix="$dest/prefix" --disable-test-modules "$@" ||
		die "configure failed: $(grep -m 1 'error:' config.log || echo see the log)"
	make -j"$jobs" || die "make failed"
	make install || die "make install failed"
	program=$dest/prefix/bin/python$version
	[ ! -x "${program}t" ] || program=${program}t
	find "$dest/prefix" \( -name '*.so*' -o -path "$program" \) -type f -exec strip -g {} +
	rm -rf "$dest"/prefix/lib/python*/config-*/*.a "$dest"/prefix/lib/*.a "$dest/prefix/share"
	find "$dest/prefix" -name __pycache__ -prune -exec rm -rf {} +
	offer "$program"
}
