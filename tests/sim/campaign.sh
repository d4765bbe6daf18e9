#!/bin/bash
# campaign.sh whole|share - the simulator's proofs, all of them or what fits
# into a minute.  Seeds are printed as they pass: FROM=SEED goes on with a
# campaign that was stopped.  Lines "sim: result {...}" are for programs; they
# are added to build/sim.jsonl.
set -u
export LC_ALL=C

sim=${BUILD:-build}/sim
results=${BUILD:-build}/sim.jsonl
from=${FROM:-1}
passed=0
failed=0

# one NAME ARGUMENT...: its last line says how many passed.
one() {
    local name=$1 log rc
    shift
    log=$(mktemp)
    "$sim" "$@" --commit "$commit" --jobs "$jobs" | tee "$log"
    rc=${PIPESTATUS[0]}
    sed -n 's/^sim: result //p' "$log" >>"$results"
    read -r -a count <<<"$(tail -n 1 "$log" | tr -cd '0-9 ')"
    rm -f "$log"
    if [ "${#count[@]}" -ne 2 ]; then
        echo "campaign: $name died ($rc)"
        count=(0 1)
    fi
    passed=$((passed + count[0]))
    failed=$((failed + count[1]))
}

jobs=$(nproc)
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
case ${1-} in
whole)
    # 1,000,000 operations and more
    one seeds --seed "$from" --seeds "$((505 - from + 1))" --ops 2000 \
        --check 20 --shrink
    one series --series 3
    one offline --offline 30 --ops 1000000 --seeds 1
    ;;
share)
    one seeds --seed 1 --seeds 50 --ops 2000 --check 10 --shrink
    one series --series 3 --share 30
    one offline --offline 30 --ops 10000 --seeds 2
    ;;
*)
    echo "usage: campaign.sh whole|share" >&2
    exit 2
    ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
