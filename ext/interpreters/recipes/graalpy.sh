# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# GraalPy with its JIT compiler, from Maven's repository, on the JDK whose release it belongs to.
what="GraalPy 25.0.3 with its JIT, on a JDK 25"
cost="20 s, 210 MB"
needs="mvn:maven"

version=25.0.3

# The first JDK that the compiler accepts: it must be of the same release.
find_jdk() {
	local jdk
	for jdk in "${JAVA_HOME:-}" /usr/lib/jvm/* /opt/*; do
		grep -qs "^JAVA_VERSION=\"${version%.*}\." "$jdk/release" && echo "$jdk" && return
	done
}

pom() {
	local artifact
	echo '<project><modelVersion>4.0.0</modelVersion>'
	echo '<groupId>graalpy</groupId><artifactId>graalpy</artifactId><version>1</version><dependencies>'
	for artifact in org.graalvm.polyglot:polyglot:jar org.graalvm.polyglot:python-community:pom \
		org.graalvm.python:python-launcher:jar org.graalvm.compiler:compiler:jar; do
		IFS=: read -r group name type <<<"$artifact"
		echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId>"
		echo "<version>$version</version><type>$type</type></dependency>"
	done
	echo '</dependencies></project>'
}

obtain() {
	local jdk upgrade=''
	jdk=$(find_jdk)
	[ -n "$jdk" ] || die "needs a JDK ${version%.*}: set JAVA_HOME to one"
	pom >"$work/pom.xml"
	mvn -q -B -f "$work/pom.xml" -Dmaven.repo.local="$work/m2" dependency:copy-dependencies \
		-DoutputDirectory="$dest/lib" -Dmdep.stripVersion=true ||
		die "Maven does not give GraalPy $version"
	for jar in compiler truffle-compiler truffle-api truffle-runtime polyglot collections word \
		nativeimage jniutils; do
		[ -f "$dest/lib/$jar.jar" ] || die "$jar.jar is not among what Maven gave"
		upgrade="$upgrade:$dest/lib/$jar.jar"
	done
	mkdir -p "$dest/bin" "$dest/compiler"
	# The compiler replaces the JDK's own module: it must not be found a second time.
	mv "$dest"/lib/{compiler,truffle-compiler}.jar "$dest/compiler"
	upgrade=${upgrade//lib\/compiler.jar/compiler/compiler.jar}
	upgrade=${upgrade//lib\/truffle-compiler.jar/compiler/truffle-compiler.jar}
	cat >"$dest/bin/graalpy" <<-END
		#!/bin/sh
		exec "$jdk/bin/java" -XX:+UnlockExperimentalVMOptions -XX:+EnableJVMCI \\
			--enable-native-access=ALL-UNNAMED,org.graalvm.truffle --sun-misc-unsafe-memory-access=allow \\
			-Dpolyglot.engine.userResourceCache="$dest/cache" \\
			--upgrade-module-path="${upgrade#:}" -p "$dest/lib" --add-modules ALL-MODULE-PATH \\
			-m org.graalvm.py.launcher/com.oracle.graal.python.shell.GraalPythonMain \\
			--python.Executable="\$0" "\$@"
	END
	chmod +x "$dest/bin/graalpy"
	offer "$dest/bin/graalpy"
}
