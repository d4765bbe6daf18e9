# vsync: one Makefile for everything; `make help` lists what it can do.
#
# Everything made goes to $(BUILD).  Settings, on the command line or in the
# environment: CC, CFLAGS, BUILD, DESTDIR, PREFIX, WATCH, SANITIZE=1, V=1,
# JOBS (tests side by side).

VERSION := 0.1.0

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR := $(PREFIX)/bin
MANDIR := $(PREFIX)/share/man
DOCDIR := $(PREFIX)/share/doc/vsync
UNITDIR := $(PREFIX)/lib/systemd
SYSUSERDIR := $(PREFIX)/lib/sysusers.d

# What hears of events is one file of agent/watch/; other files that are for
# one system only are named *_linux.c and *_darwin.c.
SYSTEM := $(shell uname -s)
WATCH_Linux := inotify
WATCH_Darwin := fsevents
WATCH ?= $(WATCH_$(SYSTEM))
WATCHERS := inotify fsevents
FOREIGN := $(if $(filter Darwin,$(SYSTEM)),linux,darwin)

ifeq ($(origin CC),default)
CC := gcc
endif
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
    -Wmissing-prototypes
HARDEN := -fstack-protector-strong -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now
ifdef SANITIZE
OPTIMISE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
    -fno-sanitize-recover=undefined
LDHARDEN += -fsanitize=address,undefined
else
OPTIMISE := -O2 -g
HARDEN += -D_FORTIFY_SOURCE=2
endif
CFLAGS ?= $(OPTIMISE)

# Asked when first needed, because `make deps` may install the answer.
# wslay has no pkg-config file.
LIBS := libuv sqlite3 libmicrohttpd gnutls jansson libcurl libcrypto inih \
    libseccomp zlib
TEST_LIBS := cmocka libssl
once = $(eval $(1) := $$(shell $(2)))$($(1))
PKG_CFLAGS = $(call once,PKG_CFLAGS,pkg-config --cflags $(LIBS))
PKG_LIBS = $(call once,PKG_LIBS,pkg-config --libs $(LIBS) && echo -lwslay)
TEST_LIBS_LINK = $(call once,TEST_LIBS_LINK,pkg-config --libs $(TEST_LIBS))

CSTD := -std=c17 -D_GNU_SOURCE -I.
CPPFLAGS_ALL = $(CSTD) -DVS_VERSION='"$(VERSION)"' $(STANDIN) $(PKG_CFLAGS) \
    $(CPPFLAGS)
COMPILE = $(CC) $(CPPFLAGS_ALL) $(WARN) $(HARDEN) $(CFLAGS) -MMD -MP
LINK = $(CC) $(CFLAGS) $(LDHARDEN) -Wl,--as-needed $(LDFLAGS)

# What there is to build.
unused := $(patsubst %,agent/watch/%.c,$(filter-out $(WATCH),$(WATCHERS))) \
    $(wildcard */*/*_$(FOREIGN).c)
common_c := $(filter-out $(unused),$(wildcard common/*/*.c))
agent_c := $(filter-out agent/main.c $(unused), \
    $(wildcard agent/*.c agent/*/*.c))
cloud_c := $(filter-out cloud/main.c,$(wildcard cloud/*.c cloud/*/*.c))
cli_c := $(filter-out cli/main.c,$(wildcard cli/*.c))
sim_c := $(filter-out tests/sim/sim.c,$(wildcard tests/sim/*.c))
unit_c := $(wildcard tests/unit/test_*.c)
helper_c := $(filter-out $(unit_c),$(wildcard tests/unit/*.c))
bench_c := $(wildcard tests/bench/*.c)
main_c := $(wildcard agent/main.c cloud/main.c cli/main.c tests/sim/sim.c)
all_c := $(common_c) $(agent_c) $(cloud_c) $(cli_c) $(sim_c) $(unit_c) \
    $(helper_c) $(main_c) $(filter-out tests/bench/ingest_pg.c,$(bench_c))
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

PROGRAMS := $(if $(wildcard cli/main.c),$(BUILD)/vsync) \
    $(if $(wildcard agent/main.c),$(BUILD)/vsync-agent) \
    $(if $(wildcard cloud/main.c),$(BUILD)/vsync-cloud)
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(unit_c))
SIM := $(if $(wildcard tests/sim/sim.c),$(BUILD)/sim)
ARCHIVES := $(patsubst %,$(BUILD)/lib%.a,sim agent cloud cli vs)
ARCHIVES_LINK = -Wl,--start-group $(ARCHIVES) -Wl,--end-group

MAN1 := $(wildcard man/*.1)
MAN5 := $(wildcard man/*.5)
MAN7 := $(wildcard man/*.7)
MAN8 := $(wildcard man/*.8)

ifdef V
say = @:
Q :=
else
say = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,echo "  $(1)")
Q := @
endif

.PHONY: all tests hooks objects debug install uninstall lint test unit \
    sim e2e fault bench demo deps clean help force
.DELETE_ON_ERROR:
.SUFFIXES:

## all: the three programs (what plain `make` does)
all: $(PROGRAMS)

# Every program a test needs.
tests: all hooks $(UNITS) $(SIM)

$(BUILD)/libvs.a: $(call obj,$(common_c))
$(BUILD)/libagent.a: $(call obj,$(agent_c))
$(BUILD)/libcloud.a: $(call obj,$(cloud_c))
$(BUILD)/libcli.a: $(call obj,$(cli_c))
$(BUILD)/libsim.a: $(call obj,$(sim_c) $(helper_c))
$(BUILD)/lib%.a:
	$(call say,AR $@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

# Holds the command that compiles; it changes when the flags do.
$(BUILD)/flags: force
	$(Q)mkdir -p $(@D); f='$(subst ','\'',$(COMPILE))'; \
	    echo "$$f" | cmp -s - $@ || echo "$$f" >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC $<)
	$(Q)mkdir -p $(@D) && $(COMPILE) -c -o $@ $<

$(BUILD)/vsync: $(call obj,cli/main.c) $(BUILD)/libcli.a $(BUILD)/libvs.a
$(BUILD)/vsync-agent: $(call obj,agent/main.c) $(BUILD)/libagent.a \
    $(BUILD)/libvs.a
$(BUILD)/vsync-cloud: $(call obj,cloud/main.c) $(BUILD)/libcloud.a \
    $(BUILD)/libvs.a
$(BUILD)/vsync $(BUILD)/vsync-agent $(BUILD)/vsync-cloud:
	$(call say,LD $@)
	$(Q)$(LINK) -o $@ $^ $(PKG_LIBS)

# Agent and cloud whose durability and trust the controls of tests/fault can
# break; never installed.  Only these files differ.
HOOKED := $(patsubst %,$(BUILD)/hooks/%,$(filter vsync-agent vsync-cloud, \
    $(notdir $(PROGRAMS))))
hook = $(patsubst %.c,$(BUILD)/hooks/obj/%.o,$(1))
hooks_cloud := $(call hook,common/db/db.c)
hooks_agent := $(hooks_cloud) $(call hook,agent/engine/root.c \
    agent/member/whole.c agent/scan/glob.c agent/serve/chunk.c \
    agent/serve/keeper.c)
$(BUILD)/hooks/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC $< (hooks))
	$(Q)mkdir -p $(@D) && $(COMPILE) -DVS_TEST_HOOKS -c -o $@ $<
$(BUILD)/hooks/vsync-agent: $(call obj,agent/main.c) $(hooks_agent) \
    $(BUILD)/libagent.a $(BUILD)/libvs.a
$(BUILD)/hooks/vsync-cloud: $(call obj,cloud/main.c) $(hooks_cloud) \
    $(BUILD)/libcloud.a $(BUILD)/libvs.a
$(HOOKED):
	$(call say,LD $@)
	$(Q)$(LINK) -o $@ $^ $(PKG_LIBS)

## hooks: agent and cloud that tests can break on purpose, in build/hooks
hooks: $(HOOKED)

$(BUILD)/sim: $(call obj,tests/sim/sim.c) $(ARCHIVES)
	$(call say,LD $@)
	$(Q)$(LINK) -o $@ $< $(ARCHIVES_LINK) $(PKG_LIBS)

$(UNITS): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(ARCHIVES)
	$(call say,LD $@)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $< $(ARCHIVES_LINK) $(PKG_LIBS) \
	    $(TEST_LIBS_LINK)

# What tests/bench measures with; the one for PostgreSQL only where its
# library is.
BENCH_LOAD := $(call obj,tests/bench/load.c) $(BUILD)/libvs.a
BENCHES = $(patsubst %,$(BUILD)/bench/%,maketree digest ingest_http \
    ingest_sqlite \
    $(if $(shell pkg-config --exists libpq && echo yes),ingest_pg))
$(call obj,tests/bench/ingest_pg.c): PKG_CFLAGS += \
    $(shell pkg-config --cflags libpq 2>/dev/null)
$(BUILD)/bench/ingest_pg: PKG_LIBS += -lpq
$(BUILD)/bench/digest: $(call obj,agent/scan/content.c)
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BENCH_LOAD)
	$(call say,LD $@)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $(filter %.o,$^) \
	    $(filter %.a,$^) $(PKG_LIBS)

-include $(patsubst %.o,%.d,$(call obj,$(all_c)) $(hooks_agent))

# macOS's headers, as far as fsevents.c needs them, for its tests.
$(patsubst %,$(BUILD)/obj/tests/unit/%.o,test_fsevents test_fsevents_history): \
    private STANDIN := -Itests/unit/fsevents

## debug: the programs and tests with ASan and UBSan, in build/debug
debug:
	+$(Q)$(MAKE) BUILD=$(BUILD)/debug SANITIZE=1 tests

## install: programs, man pages, units (DESTDIR=, PREFIX=/usr/local)
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DOCDIR) \
	    $(DESTDIR)$(UNITDIR)/user $(DESTDIR)$(UNITDIR)/system \
	    $(DESTDIR)$(SYSUSERDIR)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	install -m 644 LICENSE README.md DESIGN.md CHANGELOG.md \
	    packaging/cloud.conf packaging/60-vsync-inotify.conf \
	    $(DESTDIR)$(DOCDIR)
	for s in 1 5 7 8; do \
	    for m in man/*.$$s; do \
	        [ -e "$$m" ] || continue; \
	        install -D -m 644 "$$m" \
	            "$(DESTDIR)$(MANDIR)/man$$s/$${m#man/}" || exit 1; \
	    done; \
	done
	sed 's|@BINDIR@|$(BINDIR)|' packaging/vsync-agent.service \
	    >$(DESTDIR)$(UNITDIR)/user/vsync-agent.service
	sed 's|@BINDIR@|$(BINDIR)|' packaging/vsync-cloud.service \
	    >$(DESTDIR)$(UNITDIR)/system/vsync-cloud.service
	install -m 644 packaging/vsync-cloud.sysusers \
	    $(DESTDIR)$(SYSUSERDIR)/vsync-cloud.conf

## uninstall: removes what install put there
uninstall:
	rm -f $(patsubst %,$(DESTDIR)$(BINDIR)/%,vsync vsync-agent vsync-cloud)
	rm -f $(foreach m,$(notdir $(MAN1)),$(DESTDIR)$(MANDIR)/man1/$(m)) \
	    $(foreach m,$(notdir $(MAN5)),$(DESTDIR)$(MANDIR)/man5/$(m)) \
	    $(foreach m,$(notdir $(MAN7)),$(DESTDIR)$(MANDIR)/man7/$(m)) \
	    $(foreach m,$(notdir $(MAN8)),$(DESTDIR)$(MANDIR)/man8/$(m))
	rm -f $(DESTDIR)$(UNITDIR)/user/vsync-agent.service \
	    $(DESTDIR)$(UNITDIR)/system/vsync-cloud.service \
	    $(DESTDIR)$(SYSUSERDIR)/vsync-cloud.conf
	rm -rf $(DESTDIR)$(DOCDIR)

## lint: layers, headers, warnings of two compilers, cppcheck, shell, format
lint: deps
	$(Q)WARN="$(WARN)" tests/lint/run.sh

# Every source compiled, nothing linked.
objects: $(call obj,$(all_c))

## test: every suite; installs what is missing first
test: deps tests
	$(Q)BUILD=$(BUILD) QUICK=1 tests/run.sh unit sim e2e fault

## unit, sim, e2e, fault: one suite of it; sim (FROM=SEED: on from there) and
##     fault are campaigns of some minutes and of half an hour or more, with
##     QUICK=1 the share of it that is in test
unit sim e2e fault: tests
	$(Q)BUILD=$(BUILD) FROM=$(FROM) tests/run.sh $@

## bench: cost as ratios to peers and limits (BENCH=name..., N=files, RUNS=3)
bench: all $(BENCHES)
	$(Q)BUILD=$(BUILD) /usr/bin/python3 -u tests/bench/run.py $(BENCH)

## demo: shows vsync at work (DIR=/any/folder: on a copy of it)
demo: deps all
	$(Q)BUILD=$(BUILD) tests/demo/demo.py $(if $(DIR),"$(DIR)")

## deps: installs the Debian packages this needs (root or sudo)
deps:
	$(Q)packaging/deps.sh

# A goal that installs first must do so before anything is compiled.
ifneq ($(filter lint test demo deps,$(MAKECMDGOALS)),)
$(BUILD)/flags: | deps
endif

## clean: removes build/
clean:
	rm -rf $(BUILD)

## help: this list
help:
	@sed -n 's/^## //p' Makefile
