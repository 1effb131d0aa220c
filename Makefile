# probe: what a call from Python into native code costs, and why. `make help` lists the targets.
# --- settings -----------------------------------------------------------------------------------
PREFIX    ?= /usr/local
DESTDIR   ?=
CC        ?= cc
CFLAGS    ?= -O2 -g
PYTHON    ?= python3
SAN       ?=
SKIP_DEPS ?=
V         ?=
ARCH      ?= $(shell uname -m)
B         ?= build$(if $(SAN),-san)$(if $(CROSS),-$(ARCH))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla \
        -Wconversion -Wsign-conversion -Wpointer-arith -Wundef
ifneq ($(WERROR),0)
WARN += -Werror
endif
comma     := ,
SAN_FLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
PKGS      := jansson libunwind
override CPPFLAGS += -D_GNU_SOURCE -Ilibprobe/include -Ilibprobe/src
override CFLAGS   += -std=gnu11 -fPIC -fvisibility=hidden -pthread $(WARN) $(SAN_FLAGS)
override LDFLAGS  += -pthread $(SAN_FLAGS)
LIBS      := -lunwind -ljansson -lm -ldl
Q         := $(if $(V),,@)

# --- what is built ------------------------------------------------------------------------------
# src/py is compiled once per interpreter, by ext/probe/_build.py, so it is not in the library.
LIB_DIRS := base sys hook stack stats engine result export matrix
# The veneer is a library of its own, built for each target's name.
LIB_SRC  := $(filter-out %/veneer.S,$(foreach d,$(LIB_DIRS),$(wildcard libprobe/src/$d/*.c \
              libprobe/src/$d/arch/$(ARCH)/*.c libprobe/src/$d/arch/$(ARCH)/*.S)))
LIB_OBJ  := $(patsubst %,$(B)/%.o,$(LIB_SRC))
CLI_SRC  := $(wildcard libprobe/cli/*.c)
CLI_OBJ  := $(patsubst %,$(B)/%.o,$(CLI_SRC))
CTEST_SRC := $(wildcard tests/c/test_*.c)
CTEST_BIN := $(patsubst tests/c/%.c,$(B)/tests/%,$(CTEST_SRC))

.PHONY: all lib
all: $(B)/probe $(B)/libprobe.so ## build the library and the command (default)
lib: $(B)/libprobe.a $(B)/libprobe.so

$(B)/libprobe.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(B)/libprobe.so: $(LIB_OBJ)
	$(Q)$(CC) -shared $(LDFLAGS) -Wl,-soname,libprobe.so.0 -o $@ $^ $(LIBS)
$(B)/probe: $(CLI_OBJ) $(B)/libprobe.a
	$(Q)$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(LIBS)
$(B)/%.c.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/%.S.o: %.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/tests/%: tests/c/%.c $(B)/libprobe.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libprobe.a $(LDFLAGS) -lcmocka $(LIBS)
-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(addsuffix .d,$(CTEST_BIN))

.PHONY: test-c clean
test-c: $(CTEST_BIN) ## the C unit tests
	$(Q)set -e; for t in $(CTEST_BIN); do echo "== $$t"; $$t; done
clean: ## remove everything built here
	rm -rf build build-*
