/* SPDX-License-Identifier: MIT */
/*
 * ask.h - questions that a tool puts to the process
 *
 * Idea       The tool listens on a socket of a secret name and queues SIGURG,
 *            with that name, to the agent's thread. The agent calls back,
 *            twice: on the first connection it reads the question, one line,
 *            and says in the end how it went; what it writes to the second is
 *            the answer. docs/AGENT.md has the protocol.
 * Harmless   SIGURG does nothing to a process that does not expect it, and it
 *            is for one thread only, so a question that comes too late or to
 *            the wrong process disturbs nobody. A SIGQUIT that came too late
 *            would kill.
 * Trust      Who may send the signal may as well send SIGKILL. The one who
 *            listens must be of our own user, or root. It can be gone at any
 *            moment, or never read: no write waits longer than some seconds.
 * Verbs      One line in verbs.c, and a function.
 */
#ifndef GR_ASK_H
#define GR_ASK_H

#include <stdbool.h>
#include <stdint.h>

enum { GR_ASK_LINE = 256 };

struct gr_question {
	int control, data;      /* sockets; the answer goes to `data` */
	char line[GR_ASK_LINE]; /* "VERB\0ARGUMENTS" */
	const char *args;       /* "" when there are none */
	const struct gr_verb *verb;
};

struct gr_verb {
	const char *name;
	/* Returns NULL, or what went wrong. */
	const char *(*answer)(struct gr_question *q);
	/* On a thread of its own: it may take its time. Any other keeps the
	 * agent from all else, and must do with what the agent may do. */
	bool lasting;
};

extern const struct gr_verb gr_verbs[]; /* the last has no name */

/* On the agent: call back who queued this. */
void gr_ask_serve(uint64_t token);

/* Wait in a verb that lasts. False: it is to end now, with what there is. */
bool gr_question_wait(struct gr_question *q, int64_t until_ns);

/* How many threads are at it; the run ends: wait for them. */
int gr_ask_threads(void);
void gr_ask_start(void);
void gr_ask_stop(void);

#endif
