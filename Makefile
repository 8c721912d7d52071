# coax: make, make demo, make check. V=1 shows the commands, CC=clang changes the compiler.
CC       ?= gcc
AR       ?= ar
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
VERSION  := $(shell sed -n '1,/^\#\# \[/s/^\#\# \[\([0-9.]*\)\].*/\1/p' CHANGELOG.md)
JOBS     ?= 1

WARN     := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror
# No shadow-stack note (a switch changes the stack), no fortified twins inside, frames that cancellation can unwind.
CFLAGS   ?= -O2 -g
BASE     := -std=gnu11 $(WARN) -I. -D_GNU_SOURCE -U_FORTIFY_SOURCE -fPIC -fvisibility=hidden -fexceptions \
            -fno-stack-protector -fno-plt -fcf-protection=none -ftls-model=initial-exec -fno-omit-frame-pointer \
            -DCOAX_VERSION='"$(VERSION)"'
BASE     += -fno-align-functions $(if $(findstring clang,$(CC)),,-fno-align-jumps -fno-align-loops)
SAN      ?=
LDFLAGS  ?=

Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

CORE_SRC := $(wildcard core/*.c) $(wildcard core/*.S)
SHIM_SRC := $(wildcard shim/*.c) $(wildcard shim/*.S)
obj       = $(patsubst %,$(BUILD)/%.o,$(basename $(1)))
CORE_OBJ := $(call obj,$(CORE_SRC))
SHIM_OBJ := $(call obj,$(SHIM_SRC))
# What only some programs need stands behind the rest, the rarest first: the kernel maps text by 64 kB. real_jump is for
# first calls. It is small rather than fast, as what runs once is, or with a system call beside it; not so the hooks of
# locks and of walks through files.
LAST     := $(patsubst %,$(BUILD)/core/%.o,errors filelock foreign futex mounts pick plain scope shared sysv mq \
            members cancel job signal_send wait_left) \
            $(patsubst %,$(BUILD)/shim/%.o,aio jump signal_old syscall accounts context enumerate exec ipc services \
            state syslog terminal utmp coax events pick directory path file) \
            $(patsubst %,$(BUILD)/core/%.o,alone kick on_signal pool record schedule) \
            $(patsubst %,$(BUILD)/shim/%.o,names real_jump)
SMALL    := $(filter-out $(patsubst %,$(BUILD)/shim/%.o,descriptor directory file jump lock path rw time),$(SHIM_OBJ) $(LAST)) \
            $(patsubst %,$(BUILD)/core/%.o,altstack child config identity io_connect log lookup notify pending \
            promote resolve signal_action signal_handle signal_mask signals stats thread_timer tls_learn)
PROG_SRC := $(wildcard tests/programs/*.c) $(wildcard tests/programs/*.cc)
PROGS    := $(patsubst tests/programs/%,$(BUILD)/programs/%,$(basename $(PROG_SRC)))
UNIT_SRC := $(wildcard tests/unit/*.c)
UNITS    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))

.PHONY: all programs units demo check check-long lint asan ubsan clang bench install uninstall clean setup
.DELETE_ON_ERROR:

all: $(BUILD)/libcoax.so $(BUILD)/coax.pc $(BUILD)/include/coax.h $(BUILD)/coax.h.3

$(BUILD)/libcoax.so: $(SHIM_OBJ) $(CORE_OBJ) $(BUILD)/libev.o preload.map
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -o $@ $(filter-out $(LAST),$(CORE_OBJ) $(SHIM_OBJ)) $(BUILD)/libev.o $(LAST) \
	  -Wl,--version-script=preload.map -Wl,-Bsymbolic-functions -Wl,-z,noseparate-code -Wl,-z,defs -Wl,-z,text -Wl,-z,now \
	  -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,noexecstack -Wl,-soname,libcoax.so $(LDFLAGS)

$(BUILD)/libcore.a: $(CORE_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(CORE_OBJ)

# A hook that only makes the real call needs no frame of its own.
$(SHIM_OBJ): BASE += -fomit-frame-pointer
$(SMALL): CFLAGS += -Os

# libev, hidden: its libc calls renamed to our raw ones, every symbol of its own made local to the shim.
$(BUILD)/libev.o: scripts/hide-libev core/libev.rename
	$(call say,HIDE,$@)
	$(Q)CC="$(CC)" scripts/hide-libev core/libev.rename $@

$(BUILD)/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(BASE) $(CFLAGS) $(SAN) -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.S Makefile
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(BASE) $(CFLAGS) -MMD -MP -c $< -o $@

# Alone in a directory: core/ has headers that are named as the system's are.
$(BUILD)/include/coax.h: core/coax.h
	$(Q)mkdir -p $(@D) && cp $< $@

$(BUILD)/coax.h.3: scripts/make-man core/coax.h CHANGELOG.md
	$(Q)mkdir -p $(@D) && scripts/make-man '$(VERSION)' > $@

# PREFIX may be another one each time.
.PHONY: always
$(BUILD)/coax.pc: always
	$(Q)mkdir -p $(@D) && printf 'prefix=%s\nincludedir=$${prefix}/include\n\nName: coax\nDescription: optional control header of coax (no library is linked)\nVersion: %s\nCflags: -I$${includedir}\n' '$(PREFIX)' '$(VERSION)' > $@

# Victims: built as anybody would build them, without a header of ours.
programs: $(PROGS) $(BUILD)/programs/libnss_standin.so.2 $(BUILD)/programs/one_more_thread.so
VICTIM_FLAGS ?= -O1 -g -pthread
$(BUILD)/programs/%: tests/programs/%.c
	$(call say,VICTIM,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(VICTIM_FLAGS) -w $< -o $@ -ldl -lrt -lm
$(BUILD)/programs/%: tests/programs/%.cc
	$(call say,VICTIM,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(VICTIM_FLAGS) -w $< -o $@ -ldl

# What libc loads for a victim.
$(BUILD)/programs/libnss_standin.so.2: tests/modules/nss_standin.c
	$(call say,VICTIM,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(VICTIM_FLAGS) -w -shared -fPIC $< -o $@
$(BUILD)/programs/%.so: tests/modules/%.c
	$(call say,VICTIM,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(VICTIM_FLAGS) -shared -fPIC $< -o $@
# clang would want a package of its own for it.
$(BUILD)/programs/openmp: CC = gcc
$(BUILD)/programs/openmp: VICTIM_FLAGS += -fopenmp

# Programs that know of coax.h.
HEADER_FLAGS := -Wall -Wextra -pedantic -Werror -I$(BUILD)/include
$(BUILD)/programs/header_%: tests/programs/header_%.c $(BUILD)/include/coax.h
	$(call say,VICTIM,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(VICTIM_FLAGS) $(HEADER_FLAGS) $< -o $@ -ldl

$(BUILD)/programs/header_%: tests/programs/header_%.cc $(BUILD)/include/coax.h
	$(call say,VICTIM,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(VICTIM_FLAGS) $(HEADER_FLAGS) $< -o $@ -ldl

# Tables of waits: one header, and each family once more with coax.h.
WAITS := $(patsubst tests/programs/waits_%.c,%,$(wildcard tests/programs/waits_*.c))
$(WAITS:%=$(BUILD)/programs/waits_%) $(WAITS:%=$(BUILD)/programs/header_waits_%): tests/programs/waits.h
$(foreach w,$(WAITS),$(eval $(BUILD)/programs/header_waits_$(w): tests/programs/waits_$(w).c))

# Unit tests link the core without hooks and run without LD_PRELOAD.
units: $(UNITS)
# What of the shim the core calls.
REAL_OBJ := $(BUILD)/shim/real.o $(BUILD)/shim/real_jump.o $(BUILD)/shim/elf.o

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libcore.a $(BUILD)/libev.o $(REAL_OBJ) Makefile
	$(call say,UNIT,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(BASE) $(CFLAGS) $(SAN) -MMD -MP -MF $@.d -MT $@ $< $(REAL_OBJ) \
	  $(BUILD)/libev.o $(BUILD)/libcore.a -o $@ -pthread -ldl

setup:
	$(Q)scripts/setup
demo: setup
	$(Q)$(MAKE) --no-print-directory all
	$(Q)scripts/demo
check:
	$(Q)scripts/check $(if $(filter-out 1,$(JOBS)),--jobs $(JOBS))
check-long: all programs
	$(Q)scripts/check-long
lint: all
	$(Q)scripts/lint
asan ubsan:
	$(Q)$(MAKE) --no-print-directory BUILD=build/$@ \
	  SAN="-fsanitize=$(if $(filter asan,$@),address,undefined -fno-sanitize-recover=undefined)" units
	$(Q)scripts/run-units build/$@/unit
clang:
	$(Q)$(MAKE) --no-print-directory BUILD=build/clang CC=clang all units
	$(Q)scripts/run-units build/clang/unit
bench: all programs
	$(Q)scripts/bench

install: all
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/lib/coax" "$(DESTDIR)$(PREFIX)/lib/pkgconfig" \
	  "$(DESTDIR)$(PREFIX)/include" "$(DESTDIR)$(PREFIX)/share/man/man3"
	install -m 755 $(BUILD)/libcoax.so "$(DESTDIR)$(PREFIX)/lib/coax/libcoax.so"
	install -m 755 scripts/coax "$(DESTDIR)$(PREFIX)/bin/coax"
	install -m 644 core/coax.h "$(DESTDIR)$(PREFIX)/include/coax.h"
	install -m 644 $(BUILD)/coax.pc "$(DESTDIR)$(PREFIX)/lib/pkgconfig/coax.pc"
	install -m 644 $(BUILD)/coax.h.3 "$(DESTDIR)$(PREFIX)/share/man/man3/coax.h.3"
uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/coax" "$(DESTDIR)$(PREFIX)/include/coax.h" "$(DESTDIR)$(PREFIX)/lib/pkgconfig/coax.pc" \
	  "$(DESTDIR)$(PREFIX)/share/man/man3/coax.h.3"
	rm -rf "$(DESTDIR)$(PREFIX)/lib/coax"

clean:
	rm -rf build

-include $(CORE_OBJ:.o=.d) $(SHIM_OBJ:.o=.d) $(UNITS:=.d)
