#!/bin/bash
# units.sh ROOT - systemd takes the units, and finds little exposed.
set -u
cd "$1" || exit 2

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0

# members GROUP: the system calls of a filter's group.
members() {
    local name
    systemd-analyze syscall-filter "$1" | sed 's/^ *//; /^#/d; /^$/d' |
        while read -r name; do
            case $name in
            "$1") ;;
            @*) members "$name" ;;
            *) echo "$name" ;;
            esac
        done
}

# allowed UNIT: the system calls that its filters let through, in their order.
allowed() {
    local line word name
    local -A set=()
    while read -r line; do
        for word in ${line#\~}; do
            case $word in @*) word=$(members "$word") ;; esac
            for name in $word; do
                case $line in
                \~*) unset "set[$name]" ;;
                *) set[$name]=1 ;;
                esac
            done
        done
    done < <(sed -n 's/^SystemCallFilter=//p' "$1")
    printf '%s\n' "${!set[@]}"
}

for unit in packaging/*.service; do
    [ -e "$unit" ] || continue
    sed 's|@BINDIR@/[a-z-]*|/bin/true|' "$unit" >"$tmp/${unit##*/}"
    user=--system
    case $unit in *agent*) user=--user ;; esac
    out=$(XDG_RUNTIME_DIR=$tmp SYSTEMD_LOG_LEVEL=warning systemd-analyze $user --man=no \
        verify "$tmp/${unit##*/}" 2>&1) || rc=1
    # Other units of this machine are not ours to judge.
    grep -F "${unit##*/}" <<<"$out" && rc=1
    out=$(systemd-analyze security --no-pager --offline=true \
        --threshold=20 "$tmp/${unit##*/}" 2>&1) || {
        grep -v '✓' <<<"$out"
        rc=1
    }
    calls='openat2 statx fdatasync flock'
    case $unit in *agent*) calls+=' inotify_init1 ioprio_set seccomp
        landlock_create_ruleset landlock_add_rule landlock_restrict_self' ;;
    esac
    through=$(allowed "$unit")
    for call in $calls; do
        grep -qx "$call" <<<"$through" || {
            echo "$unit: its filters refuse $call"
            rc=1
        }
    done
done
exit $rc
