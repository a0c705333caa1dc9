/* SPDX-License-Identifier: MIT */
/*
 * leak_rules.h - findings that do not count: suppressed, or known already
 *
 * Suppressions are lines "WHAT:PATTERN", as LeakSanitizer's are: WHAT is
 *   function  a function on the stack of who waits
 *   creator   the function that started it, or that made the channel
 *   file      a source file of any of those
 *   kind      the kind of the finding
 *   leak      any function or file
 * A pattern is found anywhere in the word; '*' stands for anything, '^' and '$'
 * hold it to the word's beginning and end. '#' begins a comment.
 *
 * A baseline is a list of fingerprints, one a line, with a comment behind. A
 * fingerprint is made of the kind, of what it waits for and of the names of
 * functions: not of lines, addresses or ids, so it outlives changes to the
 * code around.
 */
#ifndef CLI_LEAK_RULES_H
#define CLI_LEAK_RULES_H

#include "leak.h"

struct leak_rule {
	char *what, *pattern;
	uint64_t hits; /* goroutines, or channels */
};

struct leak_rules {
	struct leak_rule *v;
	size_t n, room;
	uint64_t *known; /* of the baseline */
	size_t known_n, known_room;
};

/* Add the rules of a file. False: it cannot be read or makes no sense, and
 * that was said. */
bool leak_rules_read(struct leak_rules *rules, const char *path);
/* The same for a baseline; one that is not there is empty. */
bool leak_baseline_read(struct leak_rules *rules, const char *path);
bool leak_baseline_write(const struct leak_results *r, const char *path);
void leak_rules_fini(struct leak_rules *rules);

/* Fill in the fingerprints, and mark what does not count. */
void leak_rules_apply(struct leak_rules *rules, struct leak_results *r);

/* Say how often each was of use, and which were not. */
void leak_rules_say(const struct leak_rules *rules);

/* Rules that would suppress all that was found. */
bool leak_rules_generate(const struct leak_results *r, const char *path);

bool leak_pattern_matches(const char *pattern, const char *word);

#endif
