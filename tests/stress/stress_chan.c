// SPDX-License-Identifier: MIT
/*
 * stress_chan.c - random channels, selects, closes, timers, locks and spawns
 *
 * Worlds run side by side. Each is a few channels, senders that send on
 * several of them in every way there is, and receivers that receive from
 * several, until all have been closed by their last senders. Then the books
 * must balance: of each sender's messages on each channel none was lost, none
 * came twice, and no receiver saw two of them in the wrong order; what locks
 * guard is whole, and each timer fired once or was stopped.
 *
 *   stress_chan [SECONDS [WORKERS [SEED]]]
 *
 * WORKERS 0 changes their number all the time. The seed is printed; the order
 * of events is not the seed's alone.
 */
#include <errno.h>
#include <goro/goro.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORLDS = 4,
	CHANNELS_MAX = 6,
	SENDERS_MAX = 6,
	RECEIVERS_MAX = 5,
	MESSAGES_MAX = 400, /* of a sender */
	STALLED_SECONDS = 60,
};

struct message {
	int sender;
	uint64_t nth; /* of this sender on this channel, from 1 */
};

/* What a sender sent on a channel, or what arrived of it. */
struct account {
	atomic_ullong n, sum, hash;
};

struct world {
	uint64_t random;
	int channels, senders, receivers;
	struct goro_chan *ch[CHANNELS_MAX];
	atomic_int senders_of[CHANNELS_MAX]; /* that have not ended */
	struct account sent[SENDERS_MAX][CHANNELS_MAX];
	struct account received[SENDERS_MAX][CHANNELS_MAX];
	struct goro_waitgroup running; /* senders, receivers and timers */
	struct goro_mutex mutex;
	struct goro_rwmutex rwmutex;
	uint64_t guarded[2], rw_guarded[2]; /* always equal, under the lock */
};

struct sender {
	struct world *world;
	int id, left;
	uint64_t random;
	uint64_t nth[CHANNELS_MAX]; /* the last that was sent on each */
};

struct receiver {
	struct world *world;
	uint64_t random;
	int first; /* of the channels that it receives from */
	int step;
};

static int64_t end_ns;
static uint64_t seed;
static atomic_ullong messages, worlds_made;

static uint64_t
draw(uint64_t *random, uint64_t n)
{
	*random ^= *random << 13; /* xorshift64 (Marsaglia 2003) */
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (*random * 0x2545f4914f6cdd1dull >> 33) % n;
}

static void
enter(struct account *a, uint64_t nth)
{
	uint64_t h = nth * 0x9e3779b97f4a7c15ull;

	a->n++;
	a->sum += nth;
	a->hash += h ^ h >> 29;
}

static void
wrong(struct world *w, const char *what, int sender, int channel)
{
	goro_panic("stress_chan: %s: sender %d, channel %d (world %p, seed "
		   "%llu)",
		   what, sender, channel, (void *)w, (unsigned long long)seed);
}

/* --- What they do between two messages ------------------------------------ */

static void
change(uint64_t pair[2], uint64_t *random)
{
	pair[0]++;
	if (!draw(random, 4))
		goro_yield();
	pair[1]++;
}

static void
check(struct world *w, const uint64_t pair[2])
{
	if (pair[0] != pair[1])
		wrong(w, "a lock did not hold", 0, 0);
}

static void
lock_something(struct world *w, uint64_t *random)
{
	switch (draw(random, 3)) {
	case 0:
		if (draw(random, 2))
			goro_mutex_lock(&w->mutex);
		else if (!goro_mutex_try_lock(&w->mutex))
			return;
		check(w, w->guarded);
		change(w->guarded, random);
		goro_mutex_unlock(&w->mutex);
		return;
	case 1:
		goro_rwmutex_lock(&w->rwmutex);
		check(w, w->rw_guarded);
		change(w->rw_guarded, random);
		goro_rwmutex_unlock(&w->rwmutex);
		return;
	default:
		goro_rwmutex_rlock(&w->rwmutex);
		check(w, w->rw_guarded);
		if (!draw(random, 4))
			goro_yield();
		check(w, w->rw_guarded);
		goro_rwmutex_runlock(&w->rwmutex);
	}
}

static void
fired(void *arg)
{
	struct world *w = arg;

	goro_waitgroup_done(&w->running);
}

/* One that fires, is stopped, or either: it leaves the wait group once. */
static void
start_timer(struct world *w, uint64_t *random)
{
	struct goro_timer *t;

	goro_waitgroup_add(&w->running, 1);
	t = goro_timer_create_func(draw(random, 100000), fired, w);
	if (draw(random, 2))
		goro_sleep(draw(random, 100000));
	if (goro_timer_stop(t)) {
		if (draw(random, 2)) {
			goro_timer_reset(t, draw(random, 100000));
			goro_sleep(draw(random, 200000));
			if (goro_timer_stop(t))
				goro_waitgroup_done(&w->running);
		} else {
			goro_waitgroup_done(&w->running);
		}
	}
	goro_timer_destroy(t);
}

/* A loop without a call, to be preempted in. */
static void
compute(uint64_t *random)
{
	uint64_t x = *random;

	for (uint64_t n = draw(random, 20000); n; n--)
		__asm__ volatile("" : "+r"(x));
}

static void
dawdle(struct world *w, uint64_t *random)
{
	switch (draw(random, 40)) {
	case 0:
		goro_sleep(draw(random, 200000));
		break;
	case 1 ... 4:
		goro_yield();
		break;
	case 5 ... 7:
		lock_something(w, random);
		break;
	case 8:
		start_timer(w, random);
		break;
	case 9:
		compute(random);
	}
}

static int64_t
soon(uint64_t *random)
{
	return goro_now() + draw(random, 100000);
}

/* --- Senders -------------------------------------------------------------- */

/* Send one on one channel, whichever way. False: not sent. */
static bool
send_on(struct sender *s, struct goro_chan *ch, const struct message *msg)
{
	switch (draw(&s->random, 4)) {
	case 0:
		return !goro_chan_try_send(ch, msg);
	case 1:
		return !goro_chan_send_until(ch, msg, soon(&s->random));
	default:
		goro_chan_send(ch, msg);
		return true;
	}
}

/* Send on one of several channels. Which, or a negative number. */
static int
send_on_any(struct sender *s, const struct message *msgs)
{
	struct goro_case cases[CHANNELS_MAX];
	struct world *w = s->world;

	for (int c = 0; c < w->channels; c++)
		cases[c] = GORO_SEND(draw(&s->random, 3) ? w->ch[c] : NULL,
				     &msgs[c]);
	switch (draw(&s->random, 3)) {
	case 0:
		return goro_try_select(cases, w->channels);
	case 1:
		return goro_select_until(cases, w->channels, soon(&s->random));
	default:
		cases[0].ch = w->ch[0]; /* not only NULLs */
		return goro_select(cases, w->channels);
	}
}

static void
send_once(struct sender *s)
{
	struct world *w = s->world;
	struct message msgs[CHANNELS_MAX];
	int c;

	for (c = 0; c < w->channels; c++)
		msgs[c] = (struct message){ s->id, s->nth[c] + 1 };
	if (draw(&s->random, 2)) {
		c = draw(&s->random, w->channels);
		if (!send_on(s, w->ch[c], &msgs[c]))
			return;
	} else {
		c = send_on_any(s, msgs);
		if (c < 0)
			return;
	}
	enter(&w->sent[s->id][c], ++s->nth[c]);
	s->left--;
}

static void
sender(void *arg)
{
	struct sender *s = arg;
	struct world *w = s->world;

	while (s->left > 0) {
		send_once(s);
		dawdle(w, &s->random);
		/* Another goroutine takes over from this one. */
		if (draw(&s->random, 100) == 0) {
			if (!goro_go_copy(sender, s, sizeof(*s)))
				wrong(w, "no memory", s->id, 0);
			return;
		}
	}
	for (int c = 0; c < w->channels; c++)
		if (--w->senders_of[c] == 0)
			goro_chan_close(w->ch[c]);
	goro_waitgroup_done(&w->running);
}

/* --- Receivers ------------------------------------------------------------ */

/*
 * Receive from any of the @cases, whichever way. But never wait for one channel
 * alone while others are open: all senders may be waiting on those.
 */
static int
recv_from_any(struct receiver *r, struct goro_case *cases, int n, int open)
{
	int only = draw(&r->random, n);
	struct goro_case *one = &cases[only];
	int err;

	if (one->ch)
		switch (draw(&r->random, 6)) {
		case 0:
			if (open > 1)
				break;
			one->ok = goro_chan_recv(one->ch, one->elem);
			return only;
		case 1:
			err = goro_chan_try_recv(one->ch, one->elem);
			one->ok = !err;
			return err == -EAGAIN ? err : only;
		case 2:
			err = goro_chan_recv_until(one->ch, one->elem,
						   soon(&r->random));
			one->ok = !err;
			return err == -ETIMEDOUT ? err : only;
		}
	switch (draw(&r->random, 4)) {
	case 0:
		return goro_try_select(cases, n);
	case 1:
		return goro_select_until(cases, n, soon(&r->random));
	default:
		return goro_select(cases, n);
	}
}

static void
receiver(void *arg)
{
	struct receiver *r = arg;
	struct world *w = r->world;
	uint64_t last[SENDERS_MAX][CHANNELS_MAX] = { 0 };
	struct goro_case cases[CHANNELS_MAX];
	struct message msg;
	int open = 0;

	for (int c = 0; c < w->channels; c++) {
		bool ours = c >= r->first && (c - r->first) % r->step == 0;

		cases[c] = GORO_RECV(ours ? w->ch[c] : NULL, &msg);
		open += ours;
	}
	while (open) {
		int c = recv_from_any(r, cases, w->channels, open);

		if (c < 0) {
			goro_yield();
			continue;
		}
		if (!cases[c].ok) {
			cases[c].ch = NULL;
			open--;
			continue;
		}
		if (msg.nth <= last[msg.sender][c])
			wrong(w, "out of order", msg.sender, c);
		last[msg.sender][c] = msg.nth;
		enter(&w->received[msg.sender][c], msg.nth);
		messages++;
		dawdle(w, &r->random);
	}
	goro_waitgroup_done(&w->running);
}

/* --- Worlds --------------------------------------------------------------- */

static void
people(struct world *w)
{
	goro_waitgroup_add(&w->running, w->senders + w->receivers);
	for (int i = 0; i < w->receivers; i++) {
		/* The first receives from all, so that nobody waits in vain. */
		struct receiver r = {
			.world = w,
			.random = w->random + i + 1,
			.first = i ? (int)draw(&w->random, w->channels) : 0,
			.step = i ? 1 + (int)draw(&w->random, 2) : 1,
		};

		goro_go_copy(receiver, &r, sizeof(r));
	}
	for (int i = 0; i < w->senders; i++) {
		struct sender s = {
			.world = w,
			.id = i,
			.left = draw(&w->random, MESSAGES_MAX),
			.random = w->random + 100 + i,
		};

		goro_go_copy(sender, &s, sizeof(s));
	}
}

static void
balance(struct world *w)
{
	for (int s = 0; s < w->senders; s++)
		for (int c = 0; c < w->channels; c++) {
			struct account *out = &w->sent[s][c];
			struct account *in = &w->received[s][c];

			if (out->n != in->n)
				wrong(w, out->n > in->n ? "lost" : "doubled", s,
				      c);
			if (out->sum != in->sum || out->hash != in->hash)
				wrong(w, "changed", s, c);
		}
}

static void
make_worlds(void *arg)
{
	static const size_t capacities[] = { 0, 0, 1, 2, 7, 64 };
	uint64_t random = *(uint64_t *)arg;
	struct world *w = malloc(sizeof(*w));

	while (goro_now() < end_ns) {
		memset(w, 0, sizeof(*w));
		draw(&random, 2);
		w->random = random;
		w->channels = 1 + draw(&random, CHANNELS_MAX);
		w->senders = 1 + draw(&random, SENDERS_MAX);
		w->receivers = 1 + draw(&random, RECEIVERS_MAX);
		for (int c = 0; c < w->channels; c++) {
			w->ch[c] = goro_chan_create(
				sizeof(struct message),
				capacities[draw(&random, 6)]);
			w->senders_of[c] = w->senders;
		}
		people(w);
		goro_waitgroup_wait(&w->running);
		balance(w);
		for (int c = 0; c < w->channels; c++)
			goro_chan_unref(w->ch[c]);
		worlds_made++;
	}
	free(w);
}

static int
run(void *arg)
{
	int workers = *(int *)arg;
	uint64_t random = seed, seen = 0;
	int64_t moved_ns = goro_now();

	for (int i = 0; i < WORLDS; i++) {
		draw(&random, 2);
		goro_go_copy(make_worlds, &random, sizeof(random));
	}
	while (goro_count() > 1) {
		goro_sleep(5000000);
		if (!workers)
			goro_maxprocs(1 + draw(&random, 8));
		if (messages != seen)
			moved_ns = goro_now();
		seen = messages;
		if (goro_now() - moved_ns > STALLED_SECONDS * 1000000000ll)
			goro_panic("stress_chan: nothing moves (seed %llu)",
				   (unsigned long long)seed);
	}
	printf("%llu messages in %llu worlds\n", (unsigned long long)messages,
	       (unsigned long long)worlds_made);
	return 0;
}

int
main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	const char *procs = argc > 2 ? argv[2] : "2";
	int workers = atoi(procs);

	seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)goro_now();
	seed |= 1; /* xorshift stays at 0 */
	end_ns = goro_now() + (int64_t)(seconds * 1e9);
	if (workers)
		setenv("GOROMAXPROCS", procs, 1);
	printf("stress_chan: %g seconds, %d workers, seed %llu\n", seconds,
	       workers, (unsigned long long)seed);
	fflush(stdout);
	return goro_run(run, &workers);
}
