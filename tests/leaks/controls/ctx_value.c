// SPDX-License-Identifier: MIT
/*
 * ctx_value.c - a handle that is the value of a context
 *
 * Requests carry what belongs to them in their context. This one's context has
 * been derived from since, so the value is two steps up.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct session {
	struct goro_chan *kept;
};

static const char key;
static struct goro_ctx *request;

static void
start_request(void)
{
	struct session *s = make(sizeof(*s));
	struct goro_ctx *with_session = goro_ctx_with_value(
		goro_ctx_background(), &key, s);

	s->kept = park();
	request = goro_ctx_with_cancel(with_session);
	goro_ctx_unref(with_session);
}

int
story(void)
{
	struct session *s;

	start_request();
	if (lost) {
		s = goro_ctx_value(request, &key);
		s->kept = NULL;
		return 1;
	}
	check();
	s = goro_ctx_value(request, &key);
	unpark(s->kept);
	free(s);
	goro_ctx_unref(request);
	return 0;
}
