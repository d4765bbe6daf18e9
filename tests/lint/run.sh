#!/bin/bash
# run.sh - every check of the tree, then each checker against a tree with
# one fault that it must find, so that no checker can be green for nothing.
# shellcheck disable=SC2016 # dollars in the fixtures are theirs
set -u
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/../.." || exit 2
lint=$PWD/tests/lint
checks=(layers.py banned.py sizes.py format.sh headers.sh warnings.sh
    cppcheck.sh shell.sh python.sh man.sh manuals.sh units.sh catalogue.py)
passed=0
failed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

verdict() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
        echo "lint: $2: ok"
    else
        failed=$((failed + 1))
        echo "lint: $2: FAILED"
    fi
}

# A tree without a fault, small enough to check in no time.
good_tree() {
    rm -rf "$tmp/tree"
    mkdir -p "$tmp/tree/common/base" "$tmp/tree/cli" "$tmp/tree/man" \
        "$tmp/tree/packaging" "$tmp/tree/tests"
    cd "$tmp/tree" || exit 2
    cp "$lint/../../.clang-format" .
    cat >LAYERS <<'END'
base: ^common/base/
cli: ^cli/ -> base
END
    cat >common/base/one.h <<'END'
#ifndef ONE_H
#define ONE_H

int one_get(const int *n);

#endif
END
    cat >common/base/one.c <<'END'
#include "common/base/one.h"

int one_get(const int *n)
{
	return *n + 1;
}
END
    printf '#include "common/base/one.h"\n' >cli/two.h
    cat >Makefile <<'END'
objects:
	mkdir -p $(BUILD)
	$(CC) -std=c17 -Wall -Wextra -I. $(CFLAGS) -c -o $(BUILD)/one.o \
	    common/base/one.c
END
    printf '#!/bin/sh\nset -eu\necho "$1"\n' >packaging/deps.sh
    printf '.Dd January 1, 2025\n.Dt ONE 1\n.Os\n.Sh NAME\n' >man/one.1
    printf '.Nm one\n.Nd one thing\n' >>man/one.1
    cp "$lint/../../packaging/vsync-cloud.service" packaging/ 2>/dev/null
    printf 'print("one")\n' >packaging/one.py
    sed 's/\t[^\t]*$/\tnot yet: a small tree/' "$lint/../catalogue.tsv" \
        >tests/catalogue.tsv
}

# Puts the fault in that checker $1 is there to find.
spoil() {
    case $1 in
    layers.py) printf '#include "cli/two.h"\n' >>common/base/one.c ;;
    banned.py) printf 'char *f(char *s) { return strtok(s, "x"); }\n' \
        >>common/base/one.c ;;
    sizes.py) printf 'int f(int a, int b, int c, int d, int e, int g, int h,\n    int i, int j)\n{\n}\n' \
        >>common/base/one.c ;;
    format.sh) printf 'int  f( void );\n' >>common/base/one.c ;;
    headers.sh) printf 'size_t one_size(void);\n' >>cli/two.h ;;
    warnings.sh) printf 'static int unused(void) { return 1; }\n' \
        >>common/base/one.c ;;
    cppcheck.sh) printf 'int f(void) { int *p = 0; return *p; }\n' \
        >>common/base/one.c ;;
    shell.sh) printf 'rm $1/x\n' >>packaging/deps.sh ;;
    python.sh) printf 'def f(:\n' >>packaging/one.py ;;
    man.sh) printf '.Xq oops\n.Sh NAME\n' >>man/one.1 ;;
    manuals.sh) printf '\t.name = "two",\n' >cli/verb_two.c ;;
    units.sh) printf '[Service]\nType=no\n' >packaging/vsync-cloud.service ;;
    catalogue.py) sed -i 's/^P7\t.*/P7\tx\tunit\/test_no.c::test_no/' \
        tests/catalogue.tsv ;;
    *) echo "lint: no fault for $1" ;;
    esac
}

for check in "${checks[@]}"; do
    "$lint/$check" . && rc=0 || rc=1
    verdict "$rc" "$check"
done
for check in "${checks[@]}"; do
    good_tree
    "$lint/$check" . >"$tmp/good" 2>&1 || {
        cat "$tmp/good"
        verdict 1 "$check (a good tree)"
        continue
    }
    spoil "$check"
    "$lint/$check" . >"$tmp/bad" 2>&1 && rc=1 || rc=0
    verdict "$rc" "$check (finds a fault)"
done
echo
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
