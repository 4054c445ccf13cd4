#!/bin/sh
# Gives up the rights of root for those of PUID and PGID, then starts av1rules with what is given.
set -eu

fail() {
    echo "av1rules: $1" >&2
    exit 2
}

PUID=${PUID:-1000} PGID=${PGID:-1000} UMASK=${UMASK:-022}
for number in "$PUID" "$PGID" "$UMASK"; do
    case $number in
        '' | *[!0-9]*) fail "PUID, PGID and UMASK are numbers, found '$number'" ;;
    esac
done
[ "$PUID" -ne 0 ] || fail "PUID is 0: give the number of the user who owns the films (id -u)"
umask "$UMASK"

if [ "$(id -u)" -eq 0 ]; then
    # A new volume belongs to root. Only the folder itself: nothing of a user's changes hands.
    if [ "$(stat -c %u /config)" -eq 0 ]; then
        chown "$PUID:$PGID" /config
    fi
    exec setpriv --reuid "$PUID" --regid "$PGID" --clear-groups --no-new-privs \
        --bounding-set=-all -- "$0" "$@"
fi

if [ "${1:-}" = watch ] && [ ! -e "${AV1RULES_FILE:-/config/rules.yaml}" ]; then
    fail "there is no /config/rules.yaml yet: run this container once with \`init /media/movies\`"
fi
exec av1rules "$@"
