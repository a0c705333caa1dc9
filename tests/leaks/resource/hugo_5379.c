// SPDX-License-Identifier: MIT
/*
 * hugo_5379.c - content that is initialised while it is being initialised
 *
 * A page's content is made when it is first asked for, under a mutex. Rendering
 * calls shortcodes, and this shortcode asks for the content of its page.
 * Fixed: shortcodes are rendered by a function that expects the mutex locked.
 *
 * Shape   hugo#5379, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct page {
	struct goro_mutex content_init;
	const char *content;
};

static const char *page_content(struct page *p);

static const char *
shortcode_locked(struct page *p)
{
	return p->content ? p->content : "(to come)";
}

static const char *
shortcode(struct page *p)
{
	return page_content(p);
}

static const char *
page_content(struct page *p)
{
	goro_mutex_lock(&p->content_init);
	if (!p->content)
		p->content = fixed ? shortcode_locked(p) : shortcode(p);
	goro_mutex_unlock(&p->content_init);
	return p->content;
}

static void
render(void *arg)
{
	struct page *p = arg;

	if (!page_content(p))
		fail("no content");
}

int
story(void)
{
	struct page *p = make(sizeof(*p));

	goro_go(render, p);
	settle();
	if (!fixed)
		return 1;
	free(p);
	return 0;
}
