/* SPDX-License-Identifier: MIT */
/*
 * grammar.h - what parsers of Go's tracebacks accept
 *
 * The rules of two, panicparse and gostackparse, written down once more.
 */
#ifndef GRAMMAR_H
#define GRAMMAR_H

/* How many goroutines parsers find in @text; -1: they give up on one. */
int t_goroutines(const char *text);

int t_occurrences(const char *text, const char *what);

#endif
