// SPDX-License-Identifier: MIT
#include "grammar.h"

#include "test.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

static bool
matches(const char *line, const char *pattern)
{
	regex_t re;
	bool yes;

	T_CHECK(!regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB));
	yes = !regexec(&re, line, 0, NULL, 0);
	regfree(&re);
	return yes;
}

enum expect {
	HEADER,
	FIRST_FUNCTION,
	FILE_OF_FUNCTION,
	MORE,
	ONLY_CREATOR,
	FILE_OF_CREATOR,
	NOTHING,
};

/* One line of a goroutine; false: some parser would give up here. */
static bool
line_accepted(const char *line, enum expect *state)
{
	static const char file[] = "^\t(\\?\\?|.+\\.(c|go|s)):[0-9]+( "
				   "\\+0x[0-9a-f]+)?"
				   "( fp=0x[0-9a-f]+ sp=0x[0-9a-f]+( "
				   "pc=0x[0-9a-f]+)?)?$";
	static const char function[] = "^[^ ()%/]+\\(\\.\\.\\.\\)$";
	static const char creator[] = "^created by [^ ()%/]+( in goroutine "
				      "[0-9]+)?$";
	static const char elided[] = "...additional frames elided...";
	static const char elsewhere[] = "\tgoroutine running on other thread; "
					"stack unavailable";

	switch (*state) {
	case FIRST_FUNCTION:
		if (!strcmp(line, elsewhere)) {
			*state = ONLY_CREATOR;
			return true;
		}
		*state = FILE_OF_FUNCTION;
		return matches(line, function);
	case FILE_OF_FUNCTION:
		*state = MORE;
		return matches(line, file);
	case MORE:
		if (!strcmp(line, elided))
			return true;
		if (matches(line, function)) {
			*state = FILE_OF_FUNCTION;
			return true;
		}
		/* fall through */
	case ONLY_CREATOR:
		*state = FILE_OF_CREATOR;
		return matches(line, creator);
	case FILE_OF_CREATOR:
		*state = NOTHING;
		return matches(line, file);
	default:
		return false;
	}
}

static bool
may_end(enum expect state)
{
	return state == MORE || state == ONLY_CREATOR || state == NOTHING;
}

int
t_goroutines(const char *text)
{
	static const char header[] = "^goroutine [0-9]+ \\[[^],]+(, [0-9]+ "
				     "minutes)?"
				     "(, locked to thread)?\\]:$";
	enum expect state = HEADER;
	int goroutines = 0;
	char line[4096];

	while (*text) {
		size_t n = strcspn(text, "\n");

		T_CHECK(n < sizeof(line));
		memcpy(line, text, n);
		line[n] = '\0';
		text += n + (text[n] == '\n');
		if (state == HEADER) {
			if (strncmp(line, "goroutine ", 10))
				continue;
			if (!matches(line, header))
				return -1;
			goroutines++;
			state = FIRST_FUNCTION;
		} else if (!n && may_end(state)) {
			state = HEADER;
		} else if (!line_accepted(line, &state)) {
			fprintf(stderr, "refused: %s\n", line);
			return -1;
		}
	}
	return state == HEADER ? goroutines : -1;
}

int
t_occurrences(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}
