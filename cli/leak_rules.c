// SPDX-License-Identifier: MIT
/*
 * leak_rules.c - suppressions and baselines
 */
#include "leak_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "tracer/model.h"

/* --- Patterns ------------------------------------------------------------- */

/* Does @word begin with the pattern up to @end, '*' being anything? */
static bool
begins(const char *p, const char *end, const char *word, bool to_end)
{
	for (; p < end; p++) {
		if (*p == '*') {
			for (;; word++) {
				if (begins(p + 1, end, word, to_end))
					return true;
				if (!*word)
					return false;
			}
		}
		if (*p != *word || !*word)
			return false;
		word++;
	}
	return !to_end || !*word;
}

bool
leak_pattern_matches(const char *pattern, const char *word)
{
	const char *end = pattern + strlen(pattern);
	bool to_end = end > pattern && end[-1] == '$';

	end -= to_end;
	if (*pattern == '^')
		return begins(pattern + 1, end, word, to_end);
	for (;; word++) {
		if (begins(pattern, end, word, to_end))
			return true;
		if (!*word)
			return false;
	}
}

static bool
in_stack(const struct leak_rule *rule, const struct leak_stack *s, bool files)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *word = files ? s->v[i].file : s->v[i].function;

		if (word && leak_pattern_matches(rule->pattern, word))
			return true;
	}
	return false;
}

static bool
matches(const struct leak_rule *rule, const struct leak_finding *f)
{
	bool any = !strcmp(rule->what, "leak");

	if (!strcmp(rule->what, "kind"))
		return leak_pattern_matches(rule->pattern,
					    leak_kind_names[f->kind]);
	if ((any || !strcmp(rule->what, "function")) &&
	    in_stack(rule, &f->stack, false))
		return true;
	if ((any || !strcmp(rule->what, "creator")) &&
	    (in_stack(rule, &f->creator, false) ||
	     in_stack(rule, &f->object_creator, false)))
		return true;
	return (any || !strcmp(rule->what, "file")) &&
	       (in_stack(rule, &f->stack, true) ||
		in_stack(rule, &f->creator, true) ||
		in_stack(rule, &f->object_creator, true));
}

/* --- Files ---------------------------------------------------------------- */

static bool
is_what(const char *word)
{
	static const char *const words[] = { "function", "creator", "file",
					     "kind", "leak" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static char *
trim(char *line)
{
	size_t n;

	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, " \t");
	for (n = strlen(line); n && strchr(" \t\r", line[n - 1]); n--)
		line[n - 1] = '\0';
	return line;
}

bool
leak_rules_read(struct leak_rules *rules, const char *path)
{
	FILE *from = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	bool good = true;

	if (!from) {
		cli_say("cannot read %s: %s", path, strerror(errno));
		return false;
	}
	while (good && getline(&line, &room, from) > 0) {
		char *text = trim(line), *colon = strchr(text, ':');

		number++;
		if (!*text)
			continue;
		if (colon)
			*colon = '\0';
		if (!colon || !colon[1] || !is_what(text)) {
			cli_say("%s:%u: not of the form function:PATTERN, nor "
				"creator:, file:, kind: or leak:",
				path, number);
			good = false;
			break;
		}
		good = gt_grow((void **)&rules->v, rules->n, 1, &rules->room,
			       sizeof(*rules->v));
		if (good)
			rules->v[rules->n++] = (struct leak_rule){
				.what = strdup(text),
				.pattern = strdup(colon + 1),
			};
	}
	free(line);
	fclose(from);
	return good;
}

bool
leak_baseline_read(struct leak_rules *rules, const char *path)
{
	FILE *from = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool good = true;

	if (!from && errno == ENOENT)
		return true;
	if (!from) {
		cli_say("cannot read %s: %s", path, strerror(errno));
		return false;
	}
	while (good && getline(&line, &room, from) > 0) {
		char *text = trim(line), *end;
		uint64_t value = strtoull(text, &end, 16);

		if (!*text)
			continue;
		if (*end) {
			cli_say("%s: '%s' is no fingerprint", path, text);
			good = false;
			break;
		}
		good = gt_grow((void **)&rules->known, rules->known_n, 1,
			       &rules->known_room, sizeof(value));
		if (good)
			rules->known[rules->known_n++] = value;
	}
	free(line);
	fclose(from);
	return good;
}

static FILE *
create(const char *path)
{
	FILE *to = fopen(path, "we");

	if (!to)
		cli_say("cannot write %s: %s", path, strerror(errno));
	return to;
}

bool
leak_baseline_write(const struct leak_results *r, const char *path)
{
	FILE *to = create(path);

	if (!to)
		return false;
	for (size_t i = 0; i < r->n; i++)
		fprintf(to, "%016" PRIx64 " # %s: %s\n", r->v[i].fingerprint,
			leak_kind_names[r->v[i].kind],
			r->v[i].story ? r->v[i].story : "");
	return !fclose(to);
}

bool
leak_rules_generate(const struct leak_results *r, const char *path)
{
	FILE *to = create(path);

	if (!to)
		return false;
	for (size_t i = 0; i < r->n; i++) {
		const struct leak_finding *f = &r->v[i];
		const struct leak_frame *place = leak_place(f);

		if (f->suppressed)
			continue;
		fprintf(to, "# %s: %s\n", leak_kind_names[f->kind],
			f->story ? f->story : "");
		if (place)
			fprintf(to, "%s:^%s$\n",
				f->kind == LEAK_UNCLOSED ? "creator" :
							   "function",
				place->function);
	}
	return !fclose(to);
}

/* --- Applying ------------------------------------------------------------- */

static uint64_t
mix(uint64_t h, const char *s)
{
	/* FNV-1a, with the end of each word as a byte of its own. */
	for (; s && *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return (h ^ 0xff) * 0x100000001b3;
}

static uint64_t
fingerprint(const struct leak_finding *f)
{
	const struct leak_frame *place = leak_place(f);
	uint64_t h = mix(0xcbf29ce484222325, leak_kind_names[f->kind]);

	h = mix(h, f->state);
	h = mix(h, place ? place->function : NULL);
	h = mix(h, f->creator.n ? f->creator.v[0].function : NULL);
	return mix(h, f->object_creator.n ? f->object_creator.v[0].function :
					    NULL);
}

static bool
is_known(const struct leak_rules *rules, uint64_t value)
{
	for (size_t i = 0; i < rules->known_n; i++)
		if (rules->known[i] == value)
			return true;
	return false;
}

void
leak_rules_apply(struct leak_rules *rules, struct leak_results *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct leak_finding *f = &r->v[i];

		f->fingerprint = fingerprint(f);
		f->suppressed = is_known(rules, f->fingerprint);
		for (size_t k = 0; k < rules->n; k++) {
			if (!matches(&rules->v[k], f))
				continue;
			rules->v[k].hits += f->n;
			f->suppressed = true;
		}
	}
}

void
leak_rules_say(const struct leak_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->v[i].hits)
			cli_say("suppressed %" PRIu64 ": %s:%s",
				rules->v[i].hits, rules->v[i].what,
				rules->v[i].pattern);
		else
			cli_say("this suppression is stale, nothing matches "
				"it: %s:%s",
				rules->v[i].what, rules->v[i].pattern);
}

void
leak_rules_fini(struct leak_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		free(rules->v[i].what);
		free(rules->v[i].pattern);
	}
	free(rules->v);
	free(rules->known);
	memset(rules, 0, sizeof(*rules));
}
