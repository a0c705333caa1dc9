#!/usr/bin/awk -f
# SPDX-License-Identifier: MIT
#
# man3.awk - the manual pages of section 3, made of the headers' docstrings
#
#   awk -v dir=DIRECTORY -f man3.awk HEADER...
#
# A docstring and the declarations that follow it, up to an empty line, are one
# page, named after the first function; each further one refers to it. So the
# pages cannot say anything else than the headers.

BEGIN {
	split("Returns Errors Misuse Context Threads Signals Fork Settings " \
	      "Order Note Source", words)
	title["Returns"] = "RETURN VALUE"
	title["Errors"] = "ERRORS"
	title["Misuse"] = "MISUSE"
	title["Context"] = "CONTEXT"
	title["Threads"] = "THREADS"
	title["Signals"] = "SIGNALS"
	title["Fork"] = "FORK"
	title["Settings"] = "ENVIRONMENT"
	title["Order"] = "MEMORY ORDER"
	title["Note"] = "NOTES"
	title["Source"] = "SOURCE"
}

FNR == 1 {
	finish()
	header = FILENAME
	sub(/^.*\/goro\//, "goro/", header)
}

/^\/\*\*/ {
	finish()
	in_doc = 1
	doc_n = 0
	sub(/^\/\*\* ?/, "")
	if (sub(/ ?\*\/$/, ""))
		in_doc = 0
	if ($0 != "")
		doc[++doc_n] = $0
	waiting = !in_doc
	next
}

in_doc {
	if (/\*\/$/) {
		in_doc = 0
		waiting = 1
		sub(/ ?\*\/$/, "")
		if (!/[^ ]/)
			next
	}
	sub(/^ \* ?/, "")
	doc[++doc_n] = $0
	next
}

waiting && /^$/ {
	finish()
	next
}

waiting {
	code[++code_n] = $0
}

END {
	finish()
}

# Of roff's own characters only these occur.
function quote(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	if (text ~ /^[.']/)
		text = "\\&" text
	return text
}

# @name in italics.
function prose(text,   out)
{
	out = ""
	while (match(text, /@[a-z_]+/)) {
		out = out quote(substr(text, 1, RSTART - 1)) "\\fI" \
		      quote(substr(text, RSTART + 1, RLENGTH - 1)) "\\fR"
		text = substr(text, RSTART + RLENGTH)
	}
	return out quote(text)
}

function put(text)
{
	print text > page
}

# The functions that are declared in code[]: into names[], their number.
function find_names(   i, text, n)
{
	n = 0
	for (i = 1; i <= code_n; i++)
		text = text " " code[i]
	while (match(text, /goro_[a-z0-9_]+\(/)) {
		names[++n] = substr(text, RSTART, RLENGTH - 1)
		text = substr(text, RSTART + RLENGTH)
		# Beyond this declaration: its arguments are none of ours.
		sub(/^[^;]*;/, "", text)
	}
	return n
}

# The first sentence, for the whatis database.
function summary(   text, i)
{
	text = doc[1]
	for (i = 2; i <= doc_n && doc[i] ~ /^[^@ ]/ && text !~ /[.:;](  ?|$)/; i++)
		text = text " " doc[i]
	sub(/[.:;]( .*)?$/, "", text)
	gsub(/@/, "", text)
	return tolower(substr(text, 1, 1)) substr(text, 2)
}

function section(word)
{
	if (word == now)
		return
	now = word
	put(".SH " title[word])
}

function body(   i, line, word, indent)
{
	now = "DESCRIPTION"
	put(".SH DESCRIPTION")
	for (i = 1; i <= doc_n; i++) {
		line = doc[i]
		word = line
		sub(/ .*/, "", word)
		if (line ~ /^@[a-z_]+(, @[a-z_]+)*  /) {
			match(line, /  +/)
			word = substr(line, 1, RSTART - 1)
			line = substr(line, RSTART + RLENGTH)
			put(".TP")
			put(prose(word))
		} else if (word in title && line ~ /^[A-Z][a-z]+  /) {
			section(word)
			sub(/^[A-Z][a-z]+ +/, "", line)
		} else if (line ~ /^ *$/) {
			put(".PP")
			continue
		} else if (line ~ /^[^ ]/ && now != "DESCRIPTION") {
			put(".PP")
		}
		sub(/^ +/, "", line)
		# One error a paragraph.
		if (now == "Errors" && line ~ /^-E[A-Z0-9]+  +/) {
			word = line
			sub(/ .*/, "", word)
			sub(/^-E[A-Z0-9]+ +/, "", line)
			put(".TP")
			put(".B " quote(word))
		}
		put(prose(line))
	}
}

function finish(   i, n)
{
	waiting = 0
	n = find_names()
	if (n && doc_n) {
		page = dir "/" names[1] ".3"
		put(".\\\" Made of " header " by man3.awk: edit that.")
		put(".TH " toupper(names[1]) " 3 \"\" libgoro")
		put(".SH NAME")
		for (i = 1; i < n; i++)
			printf "%s, ", quote(names[i]) > page
		put(quote(names[n]) " \\- " quote(summary()))
		put(".SH SYNOPSIS")
		put(".nf")
		put(".B #include <" header ">")
		put(".PP")
		for (i = 1; i <= code_n; i++)
			put("\\fB" quote(code[i]) "\\fR")
		put(".fi")
		body()
		put(".SH SEE ALSO")
		put(".BR goro\\-dump (1)")
		close(page)
		for (i = 2; i <= n; i++) {
			page = dir "/" names[i] ".3"
			put(".so man3/" names[1] ".3")
			close(page)
		}
	}
	code_n = 0
	doc_n = 0
}
