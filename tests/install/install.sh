#!/bin/bash
# SPDX-License-Identifier: MIT
#
# install.sh BUILD_DIR CONSUMER_DIR - see install.cmake
set -euo pipefail

build=$1
consumer=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

# A consumer prints this and nothing else.
expect() {
	local out
	out=$("$@") || fail "status $? of: $*"
	[ "$out" = "6 7 42" ] || fail "'$out' came from: $*"
}

# Into a staging directory and moved from there: a tree may be moved.
"$CMAKE" --install "$build" --prefix "$tmp/staging" >/dev/null
mv "$tmp/staging" "$tmp/usr"

libdir=$(dirname "$(find "$tmp/usr" -name libgoro.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig
export LD_LIBRARY_PATH=$libdir

# pkg-config, shared and static.
read -ra flags < <(pkg-config --cflags goro)
read -ra libs < <(pkg-config --libs goro)
"$CC" -std=c11 -pedantic-errors -Wall -Wextra -Werror "${flags[@]}" \
	-o "$tmp/shared" "$consumer/consumer.c" "${libs[@]}"
expect "$tmp/shared"
readelf -d "$tmp/shared" | grep -q 'NEEDED.*\[libgoro\.so\.0\]' ||
	fail "the consumer does not need libgoro.so.0"

"$CC" "${flags[@]}" -o "$tmp/static" \
	"$consumer/consumer.c" "$libdir/libgoro.a"
expect "$tmp/static"
"$CC" "${flags[@]}" -static -o "$tmp/all-static" \
	"$consumer/consumer.c" "$libdir/libgoro.a"
expect "$tmp/all-static"

# find_package().
"$CMAKE" -S "$consumer" -B "$tmp/build" -DCMAKE_C_COMPILER="$CC" \
	-DCMAKE_PREFIX_PATH="$tmp/usr" >/dev/null
"$CMAKE" --build "$tmp/build" >/dev/null
expect "$tmp/build/consumer"
expect "$tmp/build/consumer_static"

# The headers and the symbol table agree, in both directions.
for header in "$tmp"/usr/include/goro/*.h; do
	echo "#include <goro/${header##*/}>"
done >"$tmp/all.c"
"$CC" "${flags[@]}" -E -P "$tmp/all.c" |
	grep -oE '\bgoro_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u >"$tmp/declared"
nm -D --defined-only "$libdir/libgoro.so" | sed -n 's/.* \(.*\)@@.*/\1/p' |
	sort -u >"$tmp/exported"
missing=$(comm -23 "$tmp/declared" "$tmp/exported")
[ -z "$missing" ] || fail "declared, but not in libgoro.so: $missing"
# The locks of libc that it stands in for are in no header of ours.
secret=$(comm -13 "$tmp/declared" "$tmp/exported" |
	grep -vE '^(GORO|pthread|mtx)_' || :)
[ -z "$secret" ] || fail "exported, but in no header: $secret"
# Nothing but libc.
needed=$(readelf -d "$libdir/libgoro.so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
for lib in $needed; do
	case $lib in
	libc.so.6 | ld-linux*) ;;
	*) fail "libgoro.so needs $lib" ;;
	esac
done
