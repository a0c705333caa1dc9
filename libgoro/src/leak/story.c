// SPDX-License-Identifier: MIT
/*
 * story.c - what was found, in one sentence
 *
 *	2 goroutines wait to receive from a channel that nothing that still
 *	runs can reach: they can never go on
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "goro/abi.h"
#include "leak/report.h"

extern const char gr_state_names[GORO_ABI_STATES][16]; /* abi.c */

/* What somebody who waits so is doing. */
static const char *
doing(unsigned reason)
{
	static const char *const words[GORO_WAIT_REASONS] = {
		[GORO_WAIT_CHAN_RECV] = "to receive from a channel",
		[GORO_WAIT_CHAN_SEND] = "to send on a channel",
		[GORO_WAIT_CHAN_RECV_NIL] = "to receive from a nil channel",
		[GORO_WAIT_CHAN_SEND_NIL] = "to send on a nil channel",
		[GORO_WAIT_SELECT] = "in a select",
		[GORO_WAIT_SELECT_EMPTY] = "in a select without channels",
		[GORO_WAIT_SLEEP] = "in a sleep",
		[GORO_WAIT_MUTEX] = "to lock a mutex",
		[GORO_WAIT_RLOCK] = "to lock an rwmutex for reading",
		[GORO_WAIT_WLOCK] = "to lock an rwmutex for writing",
		[GORO_WAIT_GROUP] = "for a waitgroup",
		[GORO_WAIT_COND] = "for a condition",
		[GORO_WAIT_ONCE] = "for a once to be done",
		[GORO_WAIT_IO] = "for I/O",
	};

	return reason < GORO_WAIT_REASONS ? words[reason] : NULL;
}

static void
tell_cycle(const struct gr_leak_group *g, char *to, size_t room)
{
	size_t n = (size_t)snprintf(to, room,
				    "in a ring of those that wait for each "
				    "other: ");

	for (unsigned i = 0; i <= g->cycle_n && n < room; i++)
		n += (size_t)snprintf(to + n, room - n,
				      i ? ", which waits for goroutine "
					  "%" PRIu64 :
					  "goroutine %" PRIu64,
				      g->cycle[i % g->cycle_n]);
}

/* Why it can never go on. */
static void
tell_why(const struct gr_leak_group *g, const char *they, char *to, size_t room)
{
	if (g->owner && g->owner_ended)
		snprintf(to, room,
			 "that goroutine %" PRIu64 " held when it ended: "
			 "nobody can unlock it",
			 g->owner);
	else if (g->owner_ended)
		snprintf(to, room,
			 "that a goroutine held when it ended: "
			 "nobody can unlock it");
	else if (g->kind == GORO_LEAK_DEADLOCK && g->cycle_n == 1)
		snprintf(to, room, "that %s already %s locked itself",
			 strcmp(they, "it") ? "each" : "it", "has");
	else if (g->kind == GORO_LEAK_DEADLOCK && g->cycle_n)
		tell_cycle(g, to, room);
	else if (g->kind == GORO_LEAK_DEADLOCK && g->owner)
		snprintf(to, room,
			 "that goroutine %" PRIu64 " holds, which can never go "
			 "on itself",
			 g->owner);
	else if (g->obj.addr)
		snprintf(to, room,
			 "that nothing that still runs can reach: %s can "
			 "never go on",
			 they);
	else
		snprintf(to, room, "for ever: nothing can wake %s",
			 strcmp(they, "it") ? "them" : "it");
}

/* Of what may have led to the others. */
static void
tell_hint(const struct gr_leak_group *g, char *to, size_t room)
{
	bool one = g->n == 1, keeps = g->ids != UINT32_MAX;
	char many[32];

	snprintf(many, sizeof(many), "%" PRIu64, g->n);
	if (g->kind == GORO_LEAK_LOCKED_BY_ENDED)
		snprintf(to, room,
			 "goroutine %" PRIu64 " ended without unlocking %s",
			 g->owner,
			 g->obj.reason == GORO_WAIT_MUTEX ? "a mutex" :
							    "an rwmutex");
	else if (g->kind == GORO_LEAK_UNSTOPPED_TIMER)
		snprintf(to, room,
			 "%s timer%s %s never stopped, and %s a goroutine "
			 "that waits for it",
			 one ? "a" : many, one ? "" : "s", one ? "was" : "were",
			 one ? "keeps" : "each keeps");
	else
		snprintf(to, room, "%s context%s %s never cancelled%s",
			 one ? "a" : many, one ? "" : "s", one ? "was" : "were",
			 keeps ? ", and a goroutine that was left over waits "
				 "for that" :
				 ", and nothing is left that could do so");
}

/* "2 goroutines wait to receive from a channel that ..." */
void
gr_leak_story(const struct gr_leak_group *g, char *to, size_t room)
{
	const char *what = doing(g->reason);
	const char *they = g->n == 1 ? "it" : "they";
	char who[48], why[512];

	if (gr_leak_is_hint(g->kind)) {
		tell_hint(g, to, room);
		return;
	}
	if (g->kind == GORO_LEAK_UNCLOSED_CHAN) {
		if (g->obj.len)
			snprintf(to, room,
				 "an open channel was dropped with %" PRIu64
				 " item%s in it, which nobody will receive",
				 g->obj.len, g->obj.len == 1 ? "" : "s");
		else
			snprintf(to, room,
				 "a receiver waits on a channel whose senders "
				 "are gone, and which nobody has closed");
		return;
	}
	if (g->n == 1)
		snprintf(who, sizeof(who), "a goroutine waits");
	else
		snprintf(who, sizeof(who), "%" PRIu64 " goroutines wait", g->n);
	if (g->kind == GORO_LEAK_LEFTOVER) {
		if (g->n == 1)
			snprintf(who, sizeof(who), "a goroutine was");
		else
			snprintf(who, sizeof(who),
				 "%" PRIu64 " goroutines were", g->n);
		snprintf(to, room, "%s still there at the end, %s%s", who,
			 what ? "waiting " : "",
			 what                       ? what :
			 g->state < GORO_ABI_STATES ? gr_state_names[g->state] :
						      "alive");
		return;
	}
	tell_why(g, they, why, sizeof(why));
	snprintf(to, room, "%s %s %s", who, what ? what : "", why);
}
