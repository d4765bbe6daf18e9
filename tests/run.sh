#!/bin/bash
# run.sh SUITE... - runs the suites named (unit, sim, e2e, fault), all of
# them whatever happens, and closes with "N passed, N failed, N skipped".
# Exit 1 if anything failed or a suite did not report.
#
# With QUICK set, faults are tried at a share of the points only.
#
# A suite's own program ends with such a line (pytest's form will do); one
# that dies without it counts as one failure.
#
# Tests mostly wait: JOBS of them run side by side (default: two a
# processor), where that is possible.
set -u
export LC_ALL=C

build=${BUILD:-build}
log=$build/log
jobs=${JOBS:-$((2 * $(nproc)))}
passed=0
failed=0
skipped=0

# What each unit program said, as "passed failed skipped".
count_cmocka() {
    awk '
        /^\[==========\]/ && run { over = 1 }
        over { next }
        /^\[ RUN      \]/ { run++ }
        /^\[       OK \]/ { ok++ }
        /^\[  SKIPPED \]/ { skip++ }
        END { print ok + 0, run - ok - skip, skip + 0 }' "$1"
}

# The last line that counts, as "passed failed skipped"; nothing if none.
count_line() {
    awk '
        /[0-9]+ (passed|failed|skipped|error)/ {
            p = f = s = 0
            n = split($0, word, /[ ,=]+/)
            for (i = 2; i <= n; i++) {
                if (word[i] ~ /^passed|^xfailed/) p += word[i - 1]
                if (word[i] ~ /^failed|^error/) f += word[i - 1]
                if (word[i] ~ /^skipped/) s += word[i - 1]
            }
            line = p " " f " " s
        }
        END { if (line) print line }' "$1"
}

# Adds "passed failed skipped" to the totals; $1 names the suite.
add() {
    printf '%s: %d passed, %d failed, %d skipped\n' "$@"
    passed=$((passed + $2))
    failed=$((failed + $3))
    skipped=$((skipped + $4))
}

# run_one NAME COMMAND...: output to the terminal and to a log.
run_one() {
    local name=$1 rc counts
    shift
    timeout -k 10 "${SUITE_TIMEOUT:-1800}" "$@" </dev/null 2>&1 |
        tee "$log/$name.log"
    rc=${PIPESTATUS[0]}
    read -r -a counts <<<"$(count_line "$log/$name.log")"
    if [ "${#counts[@]}" -ne 3 ]; then
        counts=(0 0 0)
        [ "$rc" -ne 0 ] || counts=(1 0 0)
    fi
    if [ "$rc" -ne 0 ] && [ "${counts[1]}" -eq 0 ]; then
        echo "$name: exit $rc"
        counts[1]=1
    fi
    add "$name" "${counts[@]}"
}

# unit_program NAME: its output and its exit code, to the log.
unit_program() {
    timeout -k 5 "${UNIT_TIMEOUT:-120}" "$build/unit/$1" \
        </dev/null >"$log/$1.log" 2>&1
    echo $? >"$log/$1.exit"
}

# unit_result NAME: "passed failed skipped" of it in counts.
unit_result() {
    local name=$1 rc
    rc=$(cat "$log/$name.exit" 2>/dev/null || echo "unknown")
    read -r -a counts <<<"$(count_cmocka "$log/$name.log")"
    if [ "$rc" != 0 ] && [ "${counts[1]}" -eq 0 ]; then
        counts[1]=1
    elif [ $((counts[0] + counts[1] + counts[2])) -eq 0 ]; then
        echo "unit: $name ran no test"
        counts[1]=1
    fi
    if [ "${counts[1]}" -ne 0 ]; then
        echo "unit: $name failed (exit $rc):"
        tail -n 60 "$log/$name.log"
    fi
}

suite_unit() {
    local name names=() counts p=0 f=0 s=0
    for name in tests/unit/test_*.c; do
        [ -e "$name" ] || continue
        name=$(basename "$name" .c)
        names+=("$name")
        : >"$log/$name.log"
        rm -f "$log/$name.exit"
        while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
            wait -n
        done
        unit_program "$name" &
    done
    wait
    for name in "${names[@]}"; do
        unit_result "$name"
        p=$((p + counts[0])) f=$((f + counts[1])) s=$((s + counts[2]))
    done
    add unit "$p" "$f" "$s"
}

suite_sim() {
    [ -x "$build/sim" ] || return 0
    if [ -n "${QUICK:-}" ]; then
        run_one sim tests/sim/campaign.sh share
    else
        SUITE_TIMEOUT=${SUITE_TIMEOUT:-14400} \
            run_one sim tests/sim/campaign.sh whole
    fi
    run_one sim-controls tests/sim/controls.sh
}

# e2e NAME ARGUMENT...: pytest, with who waits the more patient as many do.
e2e() {
    local name=$1
    shift
    run_one "$name" env VSYNC_TEST_PATIENCE="${VSYNC_TEST_PATIENCE:-3}" \
        /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider "$@" tests/e2e
}

# A worker that dies is a failure of the test that it ran.
suite_e2e() {
    local side_by_side=()
    compgen -G 'tests/e2e/test_*.py' >/dev/null || return 0
    if /usr/bin/python3 -c 'import xdist' 2>/dev/null; then
        side_by_side=(-n "$jobs")
    fi
    e2e e2e "${side_by_side[@]}" -m 'not alone'
    e2e e2e-alone -m alone
}

suite_fault() {
    [ -x tests/fault/run.sh ] || return 0
    if [ -n "${QUICK:-}" ]; then
        run_one fault tests/fault/run.sh
    else
        SUITE_TIMEOUT=${SUITE_TIMEOUT:-14400} \
            run_one fault tests/fault/run.sh --full
    fi
}

mkdir -p "$log"
export BUILD=$build
for suite in "$@"; do
    case $suite in
    unit | sim | e2e | fault) "suite_$suite" ;;
    *)
        echo "run.sh: no suite $suite" >&2
        exit 2
        ;;
    esac
done
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
