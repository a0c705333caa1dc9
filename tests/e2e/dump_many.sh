#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_many.sh GORO_DUMP VICTIM
#
# Several processes at once. Other tests' processes may come and go meanwhile,
# so --list and --all are only asked for what is ours.

. "$(dirname "$0")/lib.sh"
dump=$1

GOROMAXPROCS=2 start "$tmp/said" "$2" 30 4
one=$victim
rm "$tmp/said"
GOROMAXPROCS=2 start "$tmp/said" "$2" 200 4
two=$victim

"$dump" --list >"$tmp/list" || fail "--list: status $?"
for want in "$one 31" "$two 201"; do
	awk -v pid="${want% *}" -v goroutines="${want#* }" -v name="$2" '
		BEGIN { sub(/.*\//, "", name); name = substr(name, 1, 15) }
		$1 == pid && $2 == name && $3 == goroutines && $4 >= 2 &&
			$5 ~ /^[0-9]+[smhd]$/ { found = 1 }
		END { exit !found }' "$tmp/list" ||
		fail "--list lacks $want: $(cat "$tmp/list")"
done

# counts FILE: goroutines after each of the headings of ours
counts()
{
	awk -v one="process $one:" -v two="process $two:" '
		/^process / { at = $0 }
		/^goroutine / { n[at]++ }
		END { print n[one] + 0, n[two] + 0 }' "$1"
}

"$dump" "$one" "$two" >"$tmp/dump" || fail "two processes: status $?"
[ "$(counts "$tmp/dump")" = "31 201" ] || fail "two: $(counts "$tmp/dump")"
"$dump" --all >"$tmp/dump" 2>"$tmp/err"
[ $? -le 1 ] || fail "--all: $(cat "$tmp/err")"
[ "$(counts "$tmp/dump")" = "31 201" ] || fail "--all: $(counts "$tmp/dump")"
"$dump" --format json "$one" "$two" >"$tmp/dump" || fail "JSON: status $?"
[ "$(grep -c '^{.*}$' "$tmp/dump")" = 2 ] || fail "JSON: not two lines"

"$dump" "$one" 999999999 >"$tmp/dump" 2>"$tmp/err"
[ $? = 1 ] || fail "one of two is missing, and the status is 0"
[ "$(counts "$tmp/dump")" = "31 0" ] || fail "one: $(counts "$tmp/dump")"
exit 0
