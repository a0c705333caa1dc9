#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dump_server.sh GORO_DUMP SERVER
#
# The example service, of which a dump tells the bug: more and more packers,
# all at one line, all created by pack_large(). Everybody else is where its
# trade keeps it. It ends well when it is asked to.

. "$(dirname "$0")/lib.sh"
dump=$1
export GOROMAXPROCS=2

"$2" >"$tmp/said" &
victim=$!
pids=$victim
wait_for grep -qx "server: process $victim, stops on SIGTERM" "$tmp/said"

# One line a goroutine: its header and all that follows, '|' between.
look()
{
	"$dump" "$victim" >"$tmp/dump" 2>"$tmp/err" || return
	awk 'BEGIN { RS = ""; FS = "\n"; OFS = "|" } { $1 = $1; print }' \
		"$tmp/dump" >"$tmp/lines"
}

packers()
{
	look && grep -c 'name:"packer"' "$tmp/lines"
}

more_packers_than()
{
	[ "$(packers)" -gt "$1" ]
}

# seen PATTERN: in one of the dumps that are taken, sooner or later
seen()
{
	look && grep -q "$1" "$tmp/lines"
}

wait_for more_packers_than 2
first=$(packers)
wait_for more_packers_than "$first"

# Those of the first order have packed all that there was, and still wait.
wait_for seen '^goroutine [0-9]* \[chan receive name:"packer"\]:|goro_chan_recv(.*|packer(\.\.\.)|.*/server\.c:.*|created by pack_large in goroutine [0-9]*|'

wait_for seen '^goroutine 1 \[chan receive name:"main"\]:|goro_chan_recv(.*|run('
wait_for seen '\[select name:"shipper"\]:|goro_select(.*|shipper('
wait_for seen '\[sleep name:"customers"\]:|goro_sleep(.*|customers('
wait_for seen '\[sleep name:"archiver"\]:|goro_sleep(.*|archiver('
wait_for seen '\[sync.Mutex.Lock name:"accountant"\]:|goro_mutex_lock(.*|accountant('
wait_for seen '\[run[a-z]* name:"auditor"\]:|.*auditor('
wait_for seen 'name:"worker"\]:|goro_chan_[a-z]*(.*|ask_supplier(.*|price_part(.*|price_part(.*|price_order(.*|handle_order(.*|worker('
[ -s "$tmp/err" ] && fail "said $(cat "$tmp/err")"
unharmed

kill -TERM "$victim"
wait "$victim"
status=$?
[ $status = 0 ] || fail "the server ended with $status"
grep -q 'server: [0-9]* orders shipped, [0-9]* goroutines left' "$tmp/said" ||
	fail "the server's last words: $(cat "$tmp/said")"
