// SPDX-License-Identifier: MIT
/*
 * json_read.c - reading JSON
 */
#include "json_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, BLOCK_VALUES = 4096 };

struct gt_json_block {
	struct gt_json_block *next;
	size_t n;
	struct gt_value v[BLOCK_VALUES];
};

struct parser {
	char *start, *at;
	struct gt_json_doc *doc;
	unsigned depth;
	bool no_memory;
};

static struct gt_value *
new_value(struct parser *p)
{
	struct gt_json_block *b = p->doc->blocks;

	if (!b || b->n == BLOCK_VALUES) {
		b = malloc(sizeof(*b));
		if (!b) {
			p->no_memory = true;
			return NULL;
		}
		b->next = p->doc->blocks;
		b->n = 0;
		p->doc->blocks = b;
	}
	struct gt_value *v = &b->v[b->n++];
	*v = (struct gt_value){ 0 };
	return v;
}

static void
skip_blanks(struct parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
}

static bool
take(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

static int
hex4(const char *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		const char *digit = s[i] ? strchr("0123456789abcdef",
						  s[i] | 0x20) :
					   NULL;

		if (!digit)
			return -1;
		value = value << 4 | (int)(digit - "0123456789abcdef");
	}
	return value;
}

/* As UTF-8; it takes no more room than the escape did. */
static char *
put_character(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* Behind the opening quote; in place, for it only gets shorter. */
static char *
parse_string(struct parser *p)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	char *start = p->at, *to = start;

	while (*p->at && *p->at != '"') {
		if ((unsigned char)*p->at < ' ')
			return NULL;
		if (*p->at != '\\') {
			*to++ = *p->at++;
			continue;
		}
		const char *escape = *++p->at ? strchr(from, *p->at) : NULL;
		int c = *p->at == 'u' ? hex4(p->at + 1) : -1;
		if (escape) {
			*to++ = into[escape - from];
			p->at++;
		} else if (c > 0) {
			to = put_character(to, c);
			p->at += 5;
		} else {
			return NULL;
		}
	}
	if (!*p->at)
		return NULL;
	p->at++;
	*to = '\0';
	return start;
}

static struct gt_value *parse_value(struct parser *p);

/* The rest of an array or an object. */
static bool
parse_items(struct parser *p, struct gt_value *v, bool keys, char end)
{
	struct gt_value **tail = &v->first;

	if (++p->depth > DEPTH_MAX)
		return false;
	skip_blanks(p);
	for (bool more = *p->at != end; more;) {
		char *key = NULL;

		skip_blanks(p);
		if (keys) {
			if (!take(p, "\"") || !(key = parse_string(p)))
				return false;
			skip_blanks(p);
			if (!take(p, ":"))
				return false;
		}
		*tail = parse_value(p);
		if (!*tail)
			return false;
		(*tail)->key = key;
		tail = &(*tail)->next;
		skip_blanks(p);
		more = take(p, ",");
	}
	p->depth--;
	if (*p->at != end)
		return false;
	p->at++;
	return true;
}

static bool
parse_number(struct parser *p, struct gt_value *v)
{
	char *end, *begin = p->at;

	/* What strtod() takes besides is no JSON. */
	if (strspn(begin, "-0123456789") == 0)
		return false;
	strtod(begin, &end);
	if (end == begin ||
	    strspn(begin, "-+.eE0123456789") < (size_t)(end - begin))
		return false;
	errno = 0;
	if (*begin != '-')
		v->number = strtoull(begin, NULL, 10);
	if (errno)
		v->number = 0;
	p->at = end;
	v->type = GT_VALUE_NUMBER;
	return true;
}

/* NULL: it is none, at p->at; or memory is short. */
static struct gt_value *
parse_value(struct parser *p)
{
	struct gt_value *v = new_value(p);
	bool ok = true;

	if (!v)
		return NULL;
	skip_blanks(p);
	if (take(p, "{")) {
		v->type = GT_VALUE_OBJECT;
		ok = parse_items(p, v, true, '}');
	} else if (take(p, "[")) {
		v->type = GT_VALUE_ARRAY;
		ok = parse_items(p, v, false, ']');
	} else if (take(p, "\"")) {
		v->type = GT_VALUE_STRING;
		v->string = parse_string(p);
		ok = v->string;
	} else if (take(p, "true")) {
		v->type = GT_VALUE_BOOL;
		v->number = 1;
	} else if (take(p, "false")) {
		v->type = GT_VALUE_BOOL;
	} else if (!take(p, "null")) {
		ok = parse_number(p, v);
	}
	return ok ? v : NULL;
}

struct gt_error *
gt_json_parse(char *text, struct gt_json_doc *ret)
{
	struct parser p = { .start = text, .at = text, .doc = ret };

	*ret = (struct gt_json_doc){ 0 };
	ret->root = parse_value(&p);
	skip_blanks(&p);
	if (p.no_memory)
		return &gt_enomem;
	if (ret->root && !*p.at)
		return NULL;
	return gt_error(GT_DAMAGED, 0, "this is no JSON, at byte %zu",
			(size_t)(p.at - p.start));
}

void
gt_json_doc_fini(struct gt_json_doc *doc)
{
	struct gt_json_block *next;

	for (struct gt_json_block *b = doc->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	*doc = (struct gt_json_doc){ 0 };
}

const struct gt_value *
gt_value_get(const struct gt_value *object, const char *key)
{
	const struct gt_value *v = NULL;

	if (object && object->type == GT_VALUE_OBJECT)
		v = object->first;
	while (v && strcmp(v->key, key) != 0)
		v = v->next;
	return v;
}

const char *
gt_value_string(const struct gt_value *object, const char *key)
{
	const struct gt_value *v = gt_value_get(object, key);

	return v && v->type == GT_VALUE_STRING ? v->string : "";
}

uint64_t
gt_value_number(const struct gt_value *object, const char *key)
{
	const struct gt_value *v = gt_value_get(object, key);

	return v && v->type == GT_VALUE_NUMBER ? v->number : 0;
}

const struct gt_value *
gt_value_items(const struct gt_value *object, const char *key)
{
	const struct gt_value *v = gt_value_get(object, key);

	return v && v->type == GT_VALUE_ARRAY ? v->first : NULL;
}
