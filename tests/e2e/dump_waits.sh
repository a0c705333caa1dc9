#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_waits.sh GORO_DUMP VICTIM [plain|deleted|stripped|stripped_static]
#
# The victim says what a dump of it must show; this compares.

. "$(dirname "$0")/lib.sh"
dump=$1
program=$2
how=${3:-plain}
export GOROMAXPROCS=3

if [ "$how" != plain ]; then
	cp "$program" "$tmp/victim"
	program=$tmp/victim
fi
case $how in
stripped*) strip "$program" || skip "no strip" ;;
esac
start "$tmp/said" "$program"
[ "$how" = deleted ] && rm "$program"
sed '/^ready$/d' "$tmp/said" >"$tmp/expected"

# The last of them may be on its way still.
matches()
{
	"$dump" "$@" "$victim" >"$tmp/dump" 2>"$tmp/err" &&
		normal "$tmp/dump" >"$tmp/normal" &&
		diff "$tmp/expected" "$tmp/normal" >"$tmp/diff"
}

# No names of its own: module and offset, in the same places. Of a static
# program the runtime has no names either, and is known by its addresses.
anonymous()
{
	[ $how = stripped_static ] && sed -i -e '/^goro_/,+1d' "$1"
	sed -e '/^goroutine /n' -e 's,^	.*,	-,' \
		-e '/^goro_/!s/^[^	].*(\.\.\.)$/-(...)/' \
		-e 's/^created by .* in/created by - in/' "$1"
}
case $how in
stripped*)
	normal() { anonymous "$1"; }
	anonymous "$tmp/expected" >"$tmp/e" && mv "$tmp/e" "$tmp/expected"
	;;
esac

wait_for matches
for unwinder in libunwind dwfl; do
	matches --unwinder $unwinder || fail "$unwinder: $(cat "$tmp/diff")"
done
[ -s "$tmp/err" ] && fail "said $(cat "$tmp/err")"
unharmed

# Both formats have the grammar, and are read by a parser of Go's tracebacks.
for format in text go; do
	"$dump" --format $format "$victim" >"$tmp/dump" || fail "--format $format"
	awk -v strict="$([ $format = go ] && echo 1)" -f "$(dirname "$0")/grammar.awk" \
		"$tmp/dump" || fail "--format $format has another grammar"
	command -v panicparse >/dev/null || continue
	panicparse -parse=false -rebase=false <"$tmp/dump" >"$tmp/parsed" ||
		fail "panicparse refuses --format $format"
	grep -q '^goroutine' "$tmp/parsed" &&
		fail "panicparse leaves some of --format $format unread"
	seen=$(sed -n 's/^\([0-9]*\): .*/\1/p' "$tmp/parsed" |
		awk '{ n += $1 } END { print n }')
	want=$(grep -c '^goroutine ' "$tmp/dump")
	[ "$seen" = "$want" ] || fail "panicparse sees $seen of $want"
done
exit 0
