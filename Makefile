# SPDX-License-Identifier: Apache-2.0
#
# systemd-ctr: `make help` lists what there is to make.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/systemd-ctr
UNITDIR ?= $(PREFIX)/lib/systemd/system
CONFDIR ?= /etc/systemd-ctr
BUILD ?= build/host

VERSION := 0.1.0

CC ?= cc
PKG_CONFIG ?= pkg-config
LIBRARIES := libsystemd libcurl json-c libcgroup

# What the distribution or the user sets in CFLAGS comes last and wins.
WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wimplicit-fallthrough
ifdef WERROR
WARNINGS += -Werror
endif
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
FORTIFY ?= -O2 -D_FORTIFY_SOURCE=2
ALL_CPPFLAGS = -Isrc -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DCONFDIR='"$(CONFDIR)"' $(CPPFLAGS)
ALL_CFLAGS = -std=gnu17 -g $(FORTIFY) $(WARNINGS) $(HARDENING) \
	$(shell $(PKG_CONFIG) --cflags $(LIBRARIES)) $(ALL_CPPFLAGS) $(CFLAGS)
# The symbol is libgnutls's to ask for: see main.c.
ALL_LDFLAGS = -pie -Wl,--export-dynamic-symbol=_gnutls_global_init_skip -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(LDFLAGS)
# libcurl brings forty libraries, and half of the dynamic linker's time goes into what the largest of
# them look up of their own symbols in all the others. Named first, they are searched first. It is
# speed and nothing else: `make LOOKED_UP_MOST=` leaves it out.
LIBCURL = $(shell $(CC) -print-file-name=libcurl.so)
LOOKED_UP_MOST = $(foreach name,crypto gnutls nettle unistring ldap,$(shell \
	ldd $(LIBCURL) | sed -n 's/^.*=> *\(.*lib$(name)[-.][^ ]*\).*/\1/p'))
LIBS = -Wl,--no-as-needed -lc $(LOOKED_UP_MOST) -Wl,--as-needed $(shell $(PKG_CONFIG) --libs $(LIBRARIES))

SOURCES := $(sort $(wildcard src/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libsystemd-ctr.a
PROGRAM := $(BUILD)/systemd-ctr
RUNTIME := $(BUILD)/systemd-ctr-runtime

UNIT_TESTS := $(sort $(wildcard tests/unit/test-*.c))
UNIT_TEST_PROGRAMS := $(UNIT_TESTS:tests/unit/%.c=$(BUILD)/tests/%)

FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz-%.c,%,$(sort $(wildcard tests/fuzz/fuzz-*.c)))
FUZZ_REPLAYS := $(FUZZ_TARGETS:%=$(BUILD)/tests/replay-%)
FUZZ_SECONDS ?= 60

.PHONY: all
all: $(PROGRAM) $(RUNTIME) ## Build the programs

$(PROGRAM): $(BUILD)/src/main.o $(LIBRARY)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# It runs some ten times in the life of each container: no library but what it needs.
$(RUNTIME): $(BUILD)/src/runtime.o $(LIBRARY)
	$(CC) $(ALL_CFLAGS) -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(LDFLAGS) -o $@ $^ \
		$(shell $(PKG_CONFIG) --libs json-c)

# Made anew each time: an object whose source is gone must not stay in it.
$(LIBRARY): $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: tests/unit/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -Itests/unit $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS) -lcmocka

$(BUILD)/tests/replay-%: tests/fuzz/fuzz-%.c tests/fuzz/replay.c tests/fuzz/fuzz.h $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.c,$^) $(LIBRARY) $(LIBS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: check-unit
check-unit: $(UNIT_TEST_PROGRAMS) $(FUZZ_REPLAYS) ## Run the unit tests (cmocka); no root, no engine
	@failed=0; for test in $(UNIT_TEST_PROGRAMS); do $$test || failed=1; done; \
	for target in $(FUZZ_TARGETS); do \
		$(BUILD)/tests/replay-$$target tests/fuzz/corpus/$$target || failed=1; done; exit $$failed

.PHONY: check
check: ## Run all tests in test hosts (root; installs what it needs)
	./tests/run

SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

.PHONY: sanitize
sanitize: ## Run all tests with the program under ASan and UBSan (root)
	./tests/run --sanitize

# A build of its own, by clang. What was found on the way stays in build/fuzz, so that the next run goes on
# from there; an input that breaks something is printed, and belongs into tests/fuzz/corpus.
.PHONY: fuzz
fuzz: ## Look for input that breaks what reads it (clang; FUZZ_SECONDS for each)
	$(MAKE) BUILD=build/fuzz CC=clang FORTIFY=-O1 CFLAGS='$(SANITIZERS) -fsanitize=fuzzer-no-link' \
		LDFLAGS='$(SANITIZERS)' $(FUZZ_TARGETS:%=build/fuzz/fuzz-%)
	for target in $(FUZZ_TARGETS); do \
		mkdir -p build/fuzz/corpus/$$target && \
		build/fuzz/fuzz-$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$target- build/fuzz/corpus/$$target tests/fuzz/corpus/$$target \
			</dev/null || exit 1; done

$(BUILD)/fuzz-%: tests/fuzz/fuzz-%.c tests/fuzz/fuzz.h $(LIBRARY)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LIBRARY) $(LIBS)

.PHONY: bench
bench: ## Measure beside docker run and the raw API (root)
	./tests/bench/run

.PHONY: life-cycle
life-cycle: ## Draw the life cycle of src/README.md from its table
	./tests/lint/life-cycle --write

SCRIPTS = $(shell git ls-files -co --exclude-standard tests contrib .ci | \
	xargs -r grep -lE '^\#!/usr/bin/env (bash|bats)|^\# shellcheck shell=bash')
FORMATTED = $(shell git ls-files -co --exclude-standard '*.c' '*.h')

.PHONY: lint
# cppcheck does not understand __attribute__((cleanup)), and takes readdir(3) for unsafe.
lint: ## Check format, floors, scripts, man page; static analysis
	@echo clang-format; clang-format --dry-run --Werror $(FORMATTED)
	./tests/lint/floors
	./tests/lint/life-cycle
	shellcheck -x $(SCRIPTS)
	groff -man -Tutf8 -ww -z src/systemd-ctr.1
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --library=posix \
		--enable=warning,performance,portability --suppress=missingIncludeSystem \
		--suppress=unknownMacro --suppress=memleak \
		--suppress=resourceLeak --suppress=readdirCalled -D_GNU_SOURCE -Isrc src

.PHONY: install
install: all ## Install below DESTDIR (PREFIX, BINDIR, MANDIR, DOCDIR, UNITDIR, CONFDIR)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/systemd-ctr
	install -D -m 755 $(RUNTIME) $(DESTDIR)$(BINDIR)/systemd-ctr-runtime
	install -D -m 644 src/systemd-ctr.1 $(DESTDIR)$(MANDIR)/man1/systemd-ctr.1
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(CONFDIR)
	install -D -m 644 -t $(DESTDIR)$(DOCDIR) README.md units/example*
	sed 's,/usr/bin/systemd-ctr,$(BINDIR)/systemd-ctr,; s,/etc/systemd-ctr,$(CONFDIR),; s,/usr/share/doc/systemd-ctr,$(DOCDIR),' \
		units/systemd-ctr@.service >$(DESTDIR)$(UNITDIR)/systemd-ctr@.service

.PHONY: uninstall
uninstall: ## Remove what install put there; settings stay
	rm -f $(DESTDIR)$(BINDIR)/systemd-ctr $(DESTDIR)$(BINDIR)/systemd-ctr-runtime $(DESTDIR)$(MANDIR)/man1/systemd-ctr.1 \
		$(DESTDIR)$(UNITDIR)/systemd-ctr@.service
	rm -rf $(DESTDIR)$(DOCDIR)
	-rmdir $(DESTDIR)$(CONFDIR) 2>/dev/null

.PHONY: clean
clean: ## Remove what was built
	rm -rf build

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
