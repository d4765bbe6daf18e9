#!/bin/bash
# manuals.sh ROOT - the manual pages and the programs name the same things:
# verbs, options, exit codes, keys, addresses.
set -u
cd "$1" || exit 2
bad=0

# same WHAT CODE MANUAL: two lists, in any order; says what only one has.
same() {
    local only
    only=$(diff <(sort -u <<<"$2") <(sort -u <<<"$3") |
        sed -n "s/^< \(.*\)/$1 \1: not in the manual/p
                s/^> \(.*\)/$1 \1: only in the manual/p")
    [ -z "$only" ] && return
    echo "$only"
    bad=1
}

# from FILE SED: what the sed script prints of a file that may be absent.
from() {
    [ -e "$1" ] && sed -nE "$2" "$1"
}

# section FILE NAME: the lines of one section of a page.
section() {
    [ -e "$1" ] && sed -n "/^\.Sh $2\$/,/^\.Sh /p" "$1"
}

verbs=$(cat cli/verb_*.c 2>/dev/null | sed -nE 's/^\t\.name = "(.*)",$/\1/p')
table=$(from cli/verb.c '/^static const struct verb \*const table/,/;/p' |
    grep -oE '&verb_[a-z_]+' | sed 's/&verb_//; s/_/-/g')
manual=$(section man/vsync.1 VERBS |
    sed -nE '/^\.It Xo$/{n;s/^\.Cm ([a-z-]+)$/\1/p}')
same verb "$verbs" "$table"
same verb "$verbs" "$manual"

options=$(from cli/options.c \
    "s/^\t\{ OPT_[A-Z_]+, ('(.)'|0), \"([a-z-]+)\".*/\2 \3/p")
manual=$(section man/vsync.1 OPTIONS | sed -nE \
    's/^\.It Fl (.) , -([a-z-]+).*/\1 \2/p; s/^\.It Fl -([a-z-]+).*/ \1/p')
same option "$options" "$manual"

exits=$(from common/proto/control.h 's/^\tVS_EXIT_[A-Z_]+ = ([0-9]+),.*/\1/p')
manual=$(section man/vsync.1 'EXIT STATUS' | sed -nE 's/^\.It ([0-9]+)$/\1/p')
same exit "$exits" "$manual"

# Long options of the two servers, from their getopt_long tables.
for program in agent cloud; do
    options=$(from $program/main.c \
        's/^\t+\{ "([a-z-]+)", (no|required)_argument.*/\1/p')
    manual=$(from man/vsync-$program.8 '/^\.It Fl /p' |
        grep -oE ' -[a-z-]+' | sed 's/^ -//')
    same "vsync-$program option" "$options" "$manual"
done

keys=$(from agent/config.c '/^static const char \*const [A-Z]+_KEYS/,/;/p' |
    grep -oE '"[a-z_]+"' | tr -d '"')
manual=$(from man/vsync.conf.5 's/^\.It Cm ([a-z_]+)$/\1/p')
same key "$keys" "$manual"

keys=$(from cloud/settings.c \
    's/.*strcmp\(name, "([a-z_]+)"\) == 0.*/\1/p')
manual=$(from man/vsync-cloud.8 '/^\.Ss Configuration/,/^\.Sh/p' |
    sed -nE 's/^\.It Cm ([a-z_]+)$/\1/p')
same key "$keys" "$manual"

address='s/^\t\{ "([A-Z]+)", "(\/[^"]*)".*/\1 \2/p'
routes=$(from cloud/api/route.c "$address"
    from agent/control/control.c "$address")
manual=$(from man/vsync-api.7 's/^\.It ([A-Z]+ \/.*)/\1/p' |
    sed -E 's/:[a-z]+/:/g')
same address "$routes" "$manual"

exit $bad
