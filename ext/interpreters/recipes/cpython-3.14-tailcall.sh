# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# CPython 3.14 with the tail-calling interpreter: the standalone build that uv installs too, as a Go
# module carries it; its headers, which the module leaves out, from a Java one.
what="CPython 3.14 standalone: tail-calling interpreter, clang, PGO, LTO, BOLT, static libpython"
cost="1 min, 150 MB"
needs="go:golang-go mvn:maven unzip:unzip"

module=github.com/kluctl/go-embed-python
module_version=v0.0.0-3.14.6-20260610-1
headers=org.bytedeco:cpython:3.14.3-1.5.13:jar

obtain() {
	local machine
	machine=$(uname -m)
	export GOPATH=$work/go GOCACHE=$work/gocache GOFLAGS='-modcacherw -mod=mod'
	mkdir -p "$work/main" "$work/jar"
	cd "$work/main"
	cat >go.mod <<-END
		module main
		require $module $module_version
	END
	cat >main.go <<-END
		package main

		import (
			"os"

			"$module/python"
		)

		func main() {
			if _, err := python.NewEmbeddedPythonWithTmpDir(os.Args[1], false); err != nil {
				panic(err)
			}
		}
	END
	go mod tidy || die "the Go module $module is unavailable"
	go run . "$dest/prefix" || die "the Go module $module did not unpack itself"
	mvn -q -B -Dmaven.repo.local="$work/m2" dependency:copy -Dartifact="$headers:linux-$machine" \
		-DoutputDirectory="$work/jar" -Dmdep.useBaseVersion=true ||
		die "the headers are unavailable: $headers"
	unzip -q "$work"/jar/*.jar "org/bytedeco/cpython/linux-$machine/include/*" -d "$work/jar"
	mkdir -p "$dest/prefix/include"
	cp -r "$work/jar/org/bytedeco/cpython/linux-$machine/include/." "$dest/prefix/include"
	chmod +x "$dest/prefix/bin/python3.14"
	offer "$dest/prefix/bin/python3.14"
}
