#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_container.sh GORO_DUMP VICTIM
#
# A process with mounts and process ids of its own: its program is a file that
# nobody else sees, and it knows itself as process 1.

. "$(dirname "$0")/lib.sh"
dump=$1
box=$tmp/box
export GOROMAXPROCS=3
mkdir "$box"

unshare --mount --pid --fork true 2>/dev/null || skip "no namespaces"
unshare --mount --pid --fork sh -c "
	mount -t tmpfs none '$box' && cp '$2' '$box/victim' &&
	exec '$box/victim'" >"$tmp/said" 2>"$tmp/err" &
outer=$!
pids=$outer
wait_for grep -qx ready "$tmp/said"
[ -e "$box/victim" ] && skip "mounts are shared"
victim=$(cat /proc/$outer/task/$outer/children) || skip "no list of children"
victim=${victim% }
pids="$victim $outer"
sed '/^ready$/d' "$tmp/said" >"$tmp/expected"

matches()
{
	"$dump" "$@" "$victim" >"$tmp/dump" 2>"$tmp/err" &&
		normal "$tmp/dump" >"$tmp/normal" &&
		diff "$tmp/expected" "$tmp/normal" >"$tmp/diff"
}

wait_for matches
[ -s "$tmp/err" ] && fail "says $(cat "$tmp/err")"
matches --consistent || fail "--consistent: $(cat "$tmp/err" "$tmp/diff")"
unharmed

# Looked at by somebody who has no rights: what helps is said.
if command -v setpriv >/dev/null && [ "$(id -u)" = 0 ]; then
	cp "$dump" "$tmp/tool"
	chmod 755 "$tmp" "$tmp/tool"
	setpriv --reuid 65534 --clear-groups "$tmp/tool" "$victim" \
		>"$tmp/dump" 2>"$tmp/err" && fail "a stranger gets a dump"
	grep -q "belongs to user 0.*sudo" "$tmp/err" ||
		fail "says to a stranger: $(cat "$tmp/err")"
fi
exit 0
