#!/bin/sh
# SPDX-License-Identifier: MIT
#
# man3.sh LIBGORO.SO PAGES - each function that the library exports has a page,
# and each page tells of a function that is there

pages=$2
status=0

wrong()
{
	echo "$*"
	status=1
}

functions=$(nm -D --defined-only "$1" |
	sed -n 's/.* [TW] \(goro_[a-z0-9_]*\).*/\1/p' | sort -u)
[ -n "$functions" ] || wrong "no functions in $1"
for f in $functions; do
	page=$pages/$f.3
	[ -s "$page" ] || { wrong "$f has no page"; continue; }
	# One that refers to another names it as man(1) will find it.
	to=$(sed -n 's,^\.so man3/,,p' "$page")
	[ -z "$to" ] || page=$pages/$to
	grep -A1 -x '\.SH NAME' "$page" | grep -qw "$f" ||
		wrong "$f is not in its page's NAME"
	grep -A9 -x '\.SH SYNOPSIS' "$page" | grep -q "$f(" ||
		wrong "$f is not in its page's SYNOPSIS"
	grep -A1 -x '\.SH DESCRIPTION' "$page" | tail -1 | grep -q '[a-z]' ||
		wrong "$f is not described"
done
for page in "$pages"/*.3; do
	f=$(basename "$page" .3)
	echo "$functions" | grep -qx "$f" || wrong "$f is gone"
done
exit $status
