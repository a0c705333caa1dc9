# SPDX-License-Identifier: MIT
#
# grammar.awk - is this a traceback as Go prints it?
#
# Line by line what panicparse and gostackparse ask for; with -v strict=1 also
# the file names and the header that only some of them ask for.

function bad(why)
{
	printf "line %d: %s: %s\n", NR, why, $0
	failed = 1
	exit 1
}

BEGIN { want = "header" }

want == "header" {
	if (!/^goroutine [0-9]+ \[[^],]+(, [0-9]+ minutes)?(, locked to thread)?\]:$/)
		bad("no header")
	want = "function"
	n++
	next
}

want == "file" || want == "creator's file" {
	if (!/^\t[^\t].*:[0-9]+( \+0x[0-9a-f]+)?$/)
		bad("no file and line")
	if (strict && !/^\t(\?\?|.+\.(c|go|s)):[0-9]+( \+0x[0-9a-f]+)?$/)
		bad("a file that some refuse")
	want = want == "file" ? "more" : "end"
	next
}

want == "function" && /^\tgoroutine running on other thread; stack unavailable$/ {
	want = "more"
	next
}

want == "more" && (strict ? /^\.\.\.additional frames elided\.\.\.$/ : /^\.\.\.[0-9]+ frames elided\.\.\.$/) {
	next
}

want == "more" && /^created by [^()]+( in goroutine [0-9]+)?$/ {
	want = "creator's file"
	next
}

want == "function" || want == "more" {
	if ($0 == "" && want == "more") {
		want = "header"
		next
	}
	if (!/^[^ \t()%\/"][^()%\/"]*\(\.\.\.\)$/)
		bad("no function")
	want = "file"
	next
}

want == "end" {
	if ($0 != "")
		bad("no blank line")
	want = "header"
}

END {
	if (!failed && (!n || (want != "more" && want != "end")))
		bad("the end is missing")
}
