#!/bin/bash
# controls.sh - the simulator against sabotage: a disk that lies about syncs
# below the agent or below the cloud, a cloud that forgets which batches it
# has or what an epoch follows, an agent that takes any root for its own,
# members that believe what comes or whose disk lies, files that were edited so
# that a rename looks like nothing else, a start that forgets the second of two
# batches, a watcher that says it told what it has yet to tell, a root watched
# after its rules were read, folders that cannot be read and look empty, files
# that are never hashed, a plain server that claims what it left out, a second
# machine that passes for the first.  Each must be found out, else the
# simulator's zero failures mean nothing.
set -u
export LC_ALL=C

sim=${BUILD:-build}/sim
passed=0
failed=0

for what in nosync-agent nosync-cloud no-dedupe unlinked no-guard unverified \
    nosync-part nosync-file stale-listing late-watch mixed-hash unsteady adopt \
    forgetful early-mark hasty-rules blank lost-hash plain-liar one-device; do
    more=
    [ "$what" != early-mark ] || more="--history --calm"
    [ "$what" != plain-liar ] || more=--plain
    [ "$what" != one-device ] || more=--twin
    [ "$what" != late-watch ] || more=--calm
    case $what in hasty-rules | blank) more="--ops 2000 --members 0" ;; esac
    # shellcheck disable=SC2086 # words
    out=$("$sim" --seed 1 --seeds 60 --ops 1000 --sabotage "$what" $more 2>&1)
    if [ $? -eq 1 ] && grep -q '^sim: seed ' <<<"$out"; then
        reason=$(grep -m 1 '^sim: seed ' <<<"$out")
        echo "control: $what: found: ${reason:0:150}"
        passed=$((passed + 1))
    else
        echo "control: $what: NOT found"
        tail -n 8 <<<"$out"
        failed=$((failed + 1))
    fi
done
# Months without a cloud find an outbox that never forgets.
out=$("$sim" --offline 30 --ops 4000 --seeds 1 --sabotage hoard 2>&1)
if [ $? -eq 1 ] && grep -q 'rows in the outbox for\|bytes for' <<<"$out"; then
    echo "control: hoard: found: $(grep -m 1 '^sim: seed ' <<<"$out")"
    passed=$((passed + 1))
else
    echo "control: hoard: NOT found"
    tail -n 8 <<<"$out"
    failed=$((failed + 1))
fi
# Short sequences find a disk that lies, too.
for what in nosync-agent nosync-cloud; do
    out=$("$sim" --series 2 --sabotage "$what" 2>&1)
    if [ $? -eq 1 ] && grep -q '^sim: sequence ' <<<"$out"; then
        reason=$(grep -m 1 '^sim: sequence ' <<<"$out")
        echo "control: series: $what: found: ${reason:0:150}"
        passed=$((passed + 1))
    else
        echo "control: series: $what: NOT found"
        tail -n 8 <<<"$out"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
