/* SPDX-License-Identifier: MIT */
/*
 * debug_page.h - what there is under /debug/pprof/ and at /metrics
 *
 * Idea       A page is opened with a request and then either done, or lasts:
 *            a profile of some seconds. Who serves it calls gr_page_tick()
 *            when asked to, and in the end gr_page_close(), or gr_page_drop()
 *            when the client has gone. It never waits by itself, so one
 *            thread serves all clients.
 * Source     Go, net/http/pprof/pprof.go: paths, parameters, and its errors
 *            word by word
 */
#ifndef GR_DEBUG_PAGE_H
#define GR_DEBUG_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "pb.h"
#include "profile_session.h"

struct gr_page {
	/* The request. */
	const char *path, *query; /* "" when there is none */
	const char *body;         /* of a POST, or NULL */

	/* The answer. */
	int status;
	const char *type;
	char file[64];  /* to be saved as, or "" */
	bool complaint; /* X-Go-Pprof: pprof shows the text */
	struct gr_pb text;

	/* In between. */
	bool lasts;
	int64_t until_ns;
	struct gr_profile_session session;
};

void gr_page_open(struct gr_page *pg);
int64_t gr_page_tick(struct gr_page *pg); /* returns when to call again */
void gr_page_close(struct gr_page *pg);
void gr_page_drop(struct gr_page *pg);

/* debug_metrics.c, profile_text.c: appended. */
void gr_metrics_put(struct gr_pb *to);
int gr_profile_put_text(int kind, struct gr_pb *to);
/* All goroutines, as kill -QUIT prints them. 0 or -errno. */
int gr_traceback_put(struct gr_pb *to);
void gr_symbols_put(const char *question, struct gr_pb *to);

__attribute__((format(printf, 2, 3))) void
gr_pb_printf(struct gr_pb *pb, const char *format, ...);

#endif
