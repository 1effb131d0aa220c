# SPDX-License-Identifier: MIT
# probe: what a call from Python into native code costs, and why. `make help` lists the targets.
# --- settings -----------------------------------------------------------------------------------
PREFIX    ?= /usr/local
DESTDIR   ?=
CC        ?= cc
CFLAGS    ?= -O2 -g
# For the tests and the benchmark; any Python from 3.9 will do.
PYTHON    ?= python3
# SAN=1: with ASan and UBSan; SAN=thread: with TSan. WERROR=1: warnings are errors, as in CI. V=1: show commands.
SAN       ?=
WERROR    ?=
V         ?=
# SKIP_DEPS=1: install no packages. PROBE_REQUIRE=hw: a test that misses a PMU fails.
SKIP_DEPS ?=
# What `make run` measures: the paths that need a C compiler and pip alone. RUN_PATHS=all: every one.
RUN_PATHS ?= python,ctypes,ctypes-untyped,cffi-abi,cffi-api,capi-varargs,capi-o,capi-fastcall,capi-abi3
ARCH      ?= $(shell uname -m)
B         ?= build$(if $(SAN),-san)$(if $(CROSS),-$(ARCH))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla \
        -Wconversion -Wsign-conversion -Wpointer-arith -Wundef
ifeq ($(WERROR),1)
WARN += -Werror
endif
comma     := ,
# A value as one word of the shell, whatever is in it.
quote      = '$(subst ','\'',$(1))'
# make itself cannot handle blanks in a target's name.
ifneq ($(words $(B))$(findstring ',$(B))$(findstring ",$(B)),1)
$(error B, the folder to build in, is "$(B)": give it a name without blanks and quotes)
endif
SAN_FLAGS := $(if $(SAN),-fsanitize=$(if $(filter thread,$(SAN)),thread,address$(comma)undefined -fno-sanitize-recover=all) -fno-omit-frame-pointer)
override CPPFLAGS += -D_GNU_SOURCE -Ilibprobe/include -Ilibprobe/src
override CFLAGS   += -std=gnu11 -fPIC -fvisibility=hidden -pthread $(WARN) $(SAN_FLAGS)
override LDFLAGS  += -pthread $(SAN_FLAGS)
LIBS      := -lunwind -ljansson -lm -ldl
Q         := $(if $(V),,@)
VERSION   := $(shell sed -n 's/^.define PROBE_VERSION "\(.*\)"/\1/p' libprobe/include/probe/probe.h)
# Asked once, where it is used.
PYTHON_INCLUDE = $(eval PYTHON_INCLUDE := $(shell $(call quote,$(PYTHON)) -c 'import sysconfig; print(sysconfig.get_path("include"))'))$(PYTHON_INCLUDE)
# A make of our own for what must follow one another: as parallel as the caller's, else one job a CPU.
SUBMAKE    = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# --- what is built ------------------------------------------------------------------------------
# src/py is compiled once per interpreter, by ext/probe/_build.py, so it is not in the library; nor is
# src/portable, which stands in for it where the interpreter is not CPython.
LIB_DIRS  := base sys hook stack stats engine result export matrix
# The veneer is a library of its own, built for each target's name.
LIB_SRC   := $(filter-out %/veneer.S,$(foreach d,$(LIB_DIRS),$(wildcard libprobe/src/$d/*.c \
               libprobe/src/$d/arch/$(ARCH)/*.c libprobe/src/$d/arch/$(ARCH)/*.S)))
LIB_OBJ   := $(LIB_SRC:%=$(B)/%.o)
CLI_OBJ   := $(patsubst %,$(B)/%.o,$(wildcard libprobe/cli/*.c))
CTESTS    ?= $(notdir $(basename $(wildcard tests/c/test_*.c)))
CTEST_BIN := $(patsubst %,$(B)/tests/%,$(CTESTS))
BENCH_BIN := $(B)/bench/stamp_cost
FUZZ_BIN  := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(filter-out %/replay.c,$(wildcard tests/fuzz/*.c)))
# Only to see the compiler's warnings: what each interpreter gets is built by ext/probe/_build.py.
PY_OBJ    := $(patsubst %,$(B)/%.o,$(wildcard libprobe/src/py/*.c libprobe/src/py/*/*.c libprobe/src/portable/*.c))
# The same of the tests: linking each with the library would take longer than compiling it.
TEST_OBJ  := $(patsubst %,$(B)/%.o,$(wildcard tests/c/test_*.c tests/bench/*.c tests/fuzz/*.c))

.PHONY: all lib objects
all: $(B)/probe $(B)/libprobe.so ## build the command and the library (default)
lib: $(B)/libprobe.a $(B)/libprobe.so ## build the library alone

objects: all $(PY_OBJ) $(if $(ALL),$(TEST_OBJ)) ## compile what interpreters get, too (ALL=1: and the tests)
# CPython's API takes names as char *.
$(PY_OBJ): override CPPFLAGS += -isystem $(call quote,$(PYTHON_INCLUDE))
$(PY_OBJ): override CFLAGS += -Wno-write-strings

$(B)/libprobe.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(B)/libprobe.so: $(LIB_OBJ)
	$(Q)$(CC) -shared $(LDFLAGS) -Wl,-soname,libprobe.so.0 -o $@ $^ $(LIBS)
$(B)/probe: $(CLI_OBJ) $(B)/libprobe.a
	$(Q)$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(LIBS)
$(B)/%.c.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/%.S.o: %.S $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
# cmocka 2 deprecates macros that have no other name in cmocka 1.
$(CTEST_BIN) $(TEST_OBJ): override CFLAGS += -Wno-deprecated-declarations
$(TEST_OBJ): override CPPFLAGS += -Ilibprobe
$(B)/tests/%: tests/c/%.c $(B)/libprobe.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libprobe.a $(LDFLAGS) -lcmocka $(LIBS)
$(B)/bench/%: tests/bench/%.c $(B)/libprobe.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libprobe.a $(LDFLAGS) $(LIBS)
# With LIBFUZZER=1 (and clang) it makes its inputs up; else it takes those of its corpus.
$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/replay.c $(B)/libprobe.a $(CLI_OBJ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Ilibprobe $(CFLAGS) $(if $(LIBFUZZER),-fsanitize=fuzzer) -o $@ $< \
		$(if $(LIBFUZZER),,tests/fuzz/replay.c) $(filter-out %/main.c.o,$(CLI_OBJ)) $(B)/libprobe.a \
		$(LDFLAGS) $(LIBS)
# Rewritten only when it changes, so that other flags or another compiler build everything again.
$(B)/flags: FORCE
	@mkdir -p $(@D); echo $(call quote,$(CC) $(CPPFLAGS) $(CFLAGS)) | cmp -s - $@ || \
		echo $(call quote,$(CC) $(CPPFLAGS) $(CFLAGS)) >$@
FORCE:
-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(PY_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(addsuffix .d,$(CTEST_BIN) $(BENCH_BIN))

# --- using it -----------------------------------------------------------------------------------
.PHONY: run deps interpreters wheel plots man bench claims
run: ## set up, build, measure fib and add on every Python; writes run.svg, run.png, run.json
	$(Q).ci/deps.sh run
	+$(Q)$(SUBMAKE) all
	$(Q)$(B)/probe run fib add -p $(RUN_PATHS) --passes 3 -o run.json || test $$? = 3 # 3: some cells failed, and were named
	$(Q)$(B)/probe plot run.json -o run.svg && $(B)/probe plot run.json -o run.png
	@echo "wrote run.json, run.svg and run.png"
deps: ## install the packages that are missing (with apt; SKIP_DEPS=1: none)
	$(Q).ci/deps.sh run test
interpreters: ## obtain other builds of Python (ONLY="NAME..." for some; see ext/interpreters; 1.5 GB)
	$(Q).ci/deps.sh interpreters
	$(Q)ext/interpreters/obtain.sh $(ONLY)
wheel: ## the Python package for $(PYTHON), as build/probe-VERSION-...whl
	$(Q)$(call quote,$(PYTHON)) -m pip wheel --quiet --disable-pip-version-check --no-deps -w $(B) ./ext
plots: $(B)/probe ## draw every figure from sample data, without measuring, into build/plots
	@mkdir -p $(B)/plots
	$(Q)for f in svg png pdf; do \
		for k in breakdown builds waterfall distribution break-even; do \
			$(B)/probe plot plots/sample/run.json --kind $$k -o $(B)/plots/$$k.$$f || exit; done; \
		$(B)/probe plot plots/sample/sweep.json --kind heatmap -o $(B)/plots/heatmap.$$f && \
		$(B)/probe plot plots/sample/threads.json --kind scaling -o $(B)/plots/scaling.$$f && \
		$(B)/probe plot plots/sample/run.json plots/sample/later.json --kind delta -o $(B)/plots/delta.$$f || exit; \
	done
man: ## check the manual page, and write it as text and HTML into build/man
	@mkdir -p $(B)/man
	$(Q)mandoc -T lint -W warning libprobe/man/probe.1
	$(Q)mandoc -T utf8 libprobe/man/probe.1 >$(B)/man/probe.1.txt
	$(Q)mandoc -T html libprobe/man/probe.1 >$(B)/man/probe.1.html
bench: $(B)/probe $(BENCH_BIN) venv ## how exact and how fast probe is; minutes (BENCH="--help" for more)
	$(Q)$(B)/venv/bin/python tests/bench/bench.py --build $(B) $(BENCH)
claims: $(B)/probe ## put published claims to the test; writes build/claims/claims.md, .html (RUNS=DIR: redraw)
	$(Q)$(call quote,$(PYTHON)) tests/bench/claims.py --build $(B) $(if $(RUNS),--redraw $(call quote,$(RUNS)))

# --- tests --------------------------------------------------------------------------------------
# PYTEST="-k NAME" passes options on. Each suite leaves its counts in $(TALLY).
SUITES  := test-c test-san $(if $(ALL),test-tsan test-valgrind) test-fuzz test-warnings test-aarch64 test-lint test-py test-package test-truth
TALLY   := $(B)/tally
SUITE    = $(call quote,$(PYTHON)) tests/suite.py $(TALLY) $(if $(SAN),$(if $(filter thread,$(SAN)),test-tsan,test-san),$@)
PIP      = --quiet --disable-pip-version-check --no-deps
FAST     = $(if $(ALL),,-m "not slow")
# Tests meet the machine's own interpreters; those of `make interpreters` only with the slow tests.
FOUND    = $(if $(ALL),,XDG_DATA_HOME=$(call quote,$(CURDIR)/$(B)/no-data) )
PYSUITE  = $(FOUND)PROBE_BIN=$(B)/probe $(SUITE) pytest $(B)/venv/bin/python $(FAST) $(PYTEST)

# Tests start from a clean environment, whatever the caller has set for Python, pip, probe or colours.
# Kept: how to reach the packages, and what is meant for these tests.
ifneq ($(filter test% check venv,$(MAKECMDGOALS)),)
unexport $(filter-out PYTHON PROBE_REQUIRE PROBE_DEBIAN_MIRROR PROBE_FRESH PROBE_TRUTH_PYTHONS PROBE_TEST_PYTHON \
  PROBE_UPDATE_GOLDEN PIP_INDEX_URL PIP_EXTRA_INDEX_URL \
  PIP_FIND_LINKS PIP_CERT PIP_CLIENT_CERT PIP_PROXY PIP_TRUSTED_HOST PIP_CONFIG_FILE PIP_DEFAULT_TIMEOUT, \
  $(foreach name,$(filter PYTHON% PIP_% PROBE_% PYTEST_% VIRTUAL_ENV% CONDA_% NO_COLOR% FORCE_COLOR% CLICOLOR% \
  PY_COLORS COLUMNS LINES JUPYTER% IPYTHON% MPLBACKEND GNUTERM LD_PRELOAD,$(.VARIABLES)), \
  $(if $(filter environment%,$(origin $(name))),$(name))))
endif

.PHONY: test test-all check venv test-compilers test-distros $(SUITES)
test: ## set up, build, run all tests but the slow ones
	$(Q).ci/deps.sh run test
	$(Q)rm -rf $(TALLY)
	+$(Q)$(SUBMAKE) all
	+$(Q)for suite in $(SUITES); do $(SUBMAKE) $$suite; done; $(call quote,$(PYTHON)) tests/suite.py $(TALLY) sum $(SUITES)
test-all: ## the same with the slow tests, and the truth tests on every Python found
	$(Q)$(MAKE) --no-print-directory ALL=1 test
check: ## what to run before a commit: the lint tests, and the C tests under ASan; warnings are errors
	+$(Q)for suite in test-lint test-san; do $(SUBMAKE) WERROR=1 $$suite || exit; done
test-c: $(CTEST_BIN) $(B)/probe ## the C unit tests
	$(Q)$(SUITE) c $(CTEST_BIN)
test-san: ## the same under ASan and UBSan
	+$(Q)$(SUBMAKE) SAN=1 B=$(B)-san TALLY=$(TALLY) test-c
test-fuzz: venv ## what the fuzz targets have found before, under ASan and UBSan; ALL=1: 10 s of new inputs each
	+$(Q)$(SUBMAKE) SAN=1 B=$(B)-san fuzz-programs
	$(Q)PYTHON=$(B)/venv/bin/python $(SUITE) script tests/fuzz/fuzz.sh replay $(B)-san
	+$(Q)$(if $(ALL),$(if $(FUZZ_CC),$(SUBMAKE) fuzz SECONDS=10,echo 'skipped: new inputs: no clang here has libFuzzer'))
test-tsan: ## what threads share, under TSan; part of test-all
	+$(Q)$(SUBMAKE) SAN=thread B=$(B)-tsan TALLY=$(TALLY) CTESTS="test_watch test_threads test_hook" test-c
test-valgrind: $(CTEST_BIN) $(B)/probe ## the C unit tests under valgrind; minutes; part of test-all
	$(Q)$(SUITE) script tests/c/valgrind.sh $(CTEST_BIN)
test-aarch64: ## the parts that know the processor, for aarch64 under qemu
	$(Q)$(SUITE) script tests/c/aarch64/run.sh $(B)
test-warnings: ## no warning from gcc at -O3 and from one clang
	$(Q)$(SUITE) script tests/install/compilers.sh --quick $(B)/warnings
test-compilers: ## the same with every gcc and clang installed, at each level, with LTO; half an hour
	$(Q)tests/install/compilers.sh $(B)/compilers
test-distros: ## `make run` and `make test` on fresh Debian systems, by debootstrap; hours (see tests/install/distros.sh)
	$(Q)tests/install/distros.sh
test-lint: all venv ## include directions, headers, exported symbols, formatting
	$(Q)$(PYSUITE) tests/lint
test-py: all venv ## the command, the builds and the run file, end to end
	$(Q)$(PYSUITE) tests/py tests/install
# ALL=1 PYTEST="-k fresh": from a fresh clone on other Pythons, too (tests/package/test_fresh.py).
# SAN=1: its C module under ASan and UBSan, and all memory by malloc(); without the command. (ASan
# has to meet libstdc++ before an exception is thrown.)
PACKAGE_BUILD = $(if $(SAN),PROBE_SCRATCH=$(call quote,$(CURDIR)/$(B)/package) CFLAGS="-O1 -g $(SAN_FLAGS)" LDFLAGS="$(SAN_FLAGS)")
PACKAGE_RUN   = $(if $(SAN),LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) libstdc++.so.6" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc,\
                PROBE_COMMAND=$(call quote,$(CURDIR)/$(B)/probe))
test-package: $(if $(SAN),,all) ## the Python package, installed into an environment of its own, and its notebooks
	$(Q).ci/venv.sh $(B)/venv-package tests/package/requirements.txt $(call quote,$(PYTHON))
	$(Q)$(PACKAGE_BUILD) $(B)/venv-package/bin/python -m pip install $(PIP) --no-build-isolation --force-reinstall ./ext
	$(Q)$(PACKAGE_RUN) $(SUITE) pytest $(B)/venv-package/bin/python $(FAST) $(PYTEST) tests/package
test-truth: all venv ## whether the instrument finds what was put there
	$(Q)$(if $(ALL),PROBE_TRUTH_PYTHONS=all )$(PYSUITE) tests/truth
venv: ## the tests' own Python environment, in build/venv
	$(Q).ci/venv.sh $(B)/venv tests/requirements.txt $(call quote,$(PYTHON))

# --- fuzzing ------------------------------------------------------------------------------------
# ONLY="run cell": these targets alone. Inputs of use are kept in build-fuzz/corpus, finds in build-fuzz/finds.
SECONDS  ?= 60
FUZZ_CC  ?= $(shell tests/fuzz/fuzz.sh compiler)
.PHONY: fuzz fuzz-programs
fuzz: venv ## feed each reader of files made-up inputs for SECONDS=60 (needs clang and libclang-rt-dev)
	$(if $(FUZZ_CC),,$(error no clang here has libFuzzer: apt-get install clang and its libclang-rt-N-dev))
	+$(Q)$(SUBMAKE) SAN=1 WERROR=0 LIBFUZZER=1 CC=$(FUZZ_CC) B=$(B)-fuzz \
		CFLAGS="-O1 -g -fsanitize=fuzzer-no-link" fuzz-programs
	$(Q)PYTHON=$(B)/venv/bin/python ONLY=$(call quote,$(ONLY)) tests/fuzz/fuzz.sh fuzz $(B)-fuzz $(SECONDS)
fuzz-programs: $(FUZZ_BIN) ## build the fuzz targets alone (SAN=1: with ASan and UBSan)

# --- installing ---------------------------------------------------------------------------------
# D and SHARE are words of the shell: quoted already.
D     = $(call quote,$(DESTDIR)$(PREFIX))
SHARE = $(D)/share/probe
BASH_COMPLETION = share/bash-completion/completions/probe
ZSH_COMPLETION  = share/zsh/site-functions/_probe
# What the command reads when it runs; it compiles libprobe/src/{py,portable} for what it meets.
DATA  = $(shell find ext/probe workloads plots/*.gp libprobe/include libprobe/src/py \
          libprobe/src/portable -type f ! -path '*/__pycache__/*'; find libprobe/src -name '*.h' -o -name veneer.S)
# As a value of a .pc file in double quotes, and then as sed's replacement.
PC_PREFIX = "$$(printf %s $(call quote,$(PREFIX)) | sed -e 's/[\\"]/\\&/g' -e 's/[|&\\]/\\&/g')"
define CHECK_PREFIX
	@case $(call quote,$(PREFIX)) in \
	/*) ;; \
	*) echo "PREFIX is" $(call quote,'$(PREFIX)'): "give an absolute path" >&2; exit 2 ;; \
	esac
endef

.PHONY: install uninstall dist clean help
install: all ## install below $(DESTDIR)$(PREFIX)
	$(CHECK_PREFIX)
	install -d $(D)/bin $(D)/lib/pkgconfig $(D)/include/probe $(D)/share/man/man1
	install -m 755 $(B)/probe $(D)/bin/probe
	install -m 644 $(B)/libprobe.a $(D)/lib/libprobe.a
	install -m 755 $(B)/libprobe.so $(D)/lib/libprobe.so.0
	ln -sf libprobe.so.0 $(D)/lib/libprobe.so
	install -m 644 libprobe/include/probe/*.h $(D)/include/probe
	install -m 644 libprobe/man/probe.1 $(D)/share/man/man1/probe.1
	install -D -m 644 libprobe/cli/completion.bash $(D)/$(BASH_COMPLETION)
	install -D -m 644 libprobe/cli/completion.zsh $(D)/$(ZSH_COMPLETION)
	sed -e "s|@PREFIX@|"$(PC_PREFIX)"|" -e 's|@VERSION@|$(VERSION)|' libprobe/libprobe.pc.in \
		>$(D)/lib/pkgconfig/libprobe.pc
	$(Q)rm -rf $(SHARE)
	$(Q)for f in $(DATA); do install -D -m 644 "$$f" $(SHARE)/"$$f" || exit; done
uninstall: ## remove what install put there
	$(CHECK_PREFIX)
	rm -f $(D)/bin/probe $(D)/lib/libprobe.a $(D)/lib/libprobe.so $(D)/lib/libprobe.so.0 \
		$(D)/lib/pkgconfig/libprobe.pc $(D)/share/man/man1/probe.1 \
		$(D)/$(BASH_COMPLETION) $(D)/$(ZSH_COMPLETION)
	rm -rf $(D)/include/probe $(SHARE)
dist: ## build/probe-VERSION.tar.gz of the last commit
	@mkdir -p $(B)
	git archive --prefix=probe-$(VERSION)/ -o $(B)/probe-$(VERSION).tar.gz HEAD
clean: ## remove everything built here
	rm -rf build build-*
help: ## print this
	@echo "usage: make [TARGET...] [NAME=VALUE...]; the names are on top of the Makefile"
	@sed -n 's/^\([a-z0-9-]*\):[^#=]*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done
