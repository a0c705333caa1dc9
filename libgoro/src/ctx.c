// SPDX-License-Identifier: MIT
/*
 * ctx.c - contexts
 *
 * Idea       One kind of node for all: it can be cancelled, may have a deadline
 *            and may carry a value. Its done channel is made with it, so that
 *            goro_ctx_done() cannot fail.
 * References A child holds its parent, a parent knows its children but does not
 *            hold them: one whose last reference is given back leaves the list.
 *            Whoever finds a child in a list holds it only if its count is not
 *            zero yet. A timer in a heap does not hold its context either.
 * Ending     walks down the tree without recursion and without a list of its
 *            own: it takes a child out, ends it, goes on with that one's
 *            children, and comes back by the parent's reference. So the lock
 *            is held for one child at a time, and never two of them. Whom it
 *            woke is made ready at the end, all at once.
 * Deadlines  A timer's callback runs under its heap's lock, and ending a tree
 *            stops other timers: the callback defers it until after that.
 * Locks      ctx->lock: its list of children with their links, and ending it.
 *            Left of the channels' in lock.h; not taken under a heap's.
 */
#include "goro/ctx.h"

#include <errno.h>
#include <stdlib.h>

#include "chan.h"
#include "ctx.h"
#include "runtime.h"
#include "sched.h"

struct goro_ctx {
	struct gr_lock lock;
	int32_t err;             /* [pair ctx-err] */
	uint32_t refs;           /* [pair ctx-refs] */
	struct goro_chan *done;  /* NULL: the background context */
	struct goro_ctx *parent; /* held */
	const void *key;
	void *value;

	struct goro_ctx *children; /* not held; lock */
	/* Among its parent's children; parent->lock. `at` points to what points
	 * to us, and is NULL when we are not in the list. */
	struct goro_ctx *next, **at;

	int64_t deadline_ns;   /* the earliest, its own or inherited */
	struct gr_timer timer; /* when it is its own */
	struct gr_deferred expire;
};

static struct goro_ctx background = { .deadline_ns = GORO_FOREVER };

static void
link_child(struct goro_ctx *parent, struct goro_ctx *c)
{
	c->next = parent->children;
	c->at = &parent->children;
	if (c->next)
		c->next->at = &c->next;
	parent->children = c;
}

/* Nothing if it is in no list. */
static void
unlink_child(struct goro_ctx *c)
{
	if (!c->at)
		return;
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	c->at = NULL;
}

static void
leave_parent(struct goro_ctx *c)
{
	if (c->parent == &background)
		return; /* which never ends, so it keeps no list */
	gr_lock(&c->parent->lock);
	unlink_child(c);
	gr_unlock(&c->parent->lock);
}

/* Hold one that we found without holding it; false when it is on its way out,
 * and only the lock or the heap that we found it by keeps its memory. */
static bool
try_ref(struct goro_ctx *c)
{
	uint32_t refs;

	do {
		refs = gr_load_rlx(&c->refs);
		if (!refs)
			return false;
		/* [pair ctx-refs] */
	} while (!gr_cas_acq_rel(&c->refs, refs, refs + 1));
	return true;
}

struct goro_ctx *
goro_ctx_ref(struct goro_ctx *ctx)
{
	/* [relaxed] the caller has a reference, so it cannot be the last. */
	if (ctx && ctx->done)
		gr_add_rlx(&ctx->refs, 1);
	return ctx;
}

static void
destroy(struct goro_ctx *ctx)
{
	leave_parent(ctx);
	gr_timer_del(&ctx->timer);
	goro_chan_unref(ctx->done);
	free(ctx);
}

void
goro_ctx_unref(struct goro_ctx *ctx)
{
	/* [pair ctx-refs] release what we did with it, and acquire what the
	 * others did before we free it. */
	while (ctx && ctx->done && gr_add_acq_rel(&ctx->refs, -1) == 1) {
		struct goro_ctx *parent = ctx->parent;

		destroy(ctx);
		ctx = parent;
	}
}

/* End this one alone. False when it has ended already. */
static bool
end_one(struct goro_ctx *c, int err, struct gr_glist *woken)
{
	bool first;

	gr_lock(&c->lock);
	first = !c->err;
	if (first) {
		/* [pair ctx-err] release, and before the channel is closed:
		 * who is woken by that must find it. */
		gr_store_rel(&c->err, err);
		gr_chan_close(c->done, woken);
	}
	gr_unlock(&c->lock);
	if (first)
		gr_timer_del(&c->timer);
	return first;
}

/* Take a child out of the list and hold it. NULL when there is none left. */
static struct goro_ctx *
take_child(struct goro_ctx *c)
{
	struct goro_ctx *child;

	gr_lock(&c->lock);
	while ((child = c->children)) {
		unlink_child(child);
		if (try_ref(child))
			break;
	}
	gr_unlock(&c->lock);
	return child;
}

/* End @top, which the caller holds, and all below it. */
static void
end_tree(struct gr_m *m, struct goro_ctx *top, int err)
{
	struct gr_glist woken = { 0 };
	struct goro_ctx *c = top, *child, *parent;

	if (!end_one(top, err, &woken))
		return;
	leave_parent(top);
	for (;;) {
		child = take_child(c);
		if (child && end_one(child, err, &woken)) {
			c = child; /* which holds the one above */
		} else if (child) {
			goro_ctx_unref(child); /* somebody else is at it */
		} else if (c == top) {
			break;
		} else {
			parent = c->parent;
			goro_ctx_unref(c);
			c = parent;
		}
	}
	gr_ready_list(m, woken.first, woken.n);
}

static void
expire(struct gr_deferred *d, struct gr_m *m)
{
	struct goro_ctx *c = GR_CONTAINER(d, struct goro_ctx, expire);

	end_tree(m, c, -ETIMEDOUT);
	goro_ctx_unref(c);
}

static struct gr_g *
deadline_came(struct gr_timer *t, struct gr_m *m, int64_t now_ns)
{
	struct goro_ctx *c = GR_CONTAINER(t, struct goro_ctx, timer);

	(void)now_ns;
	if (try_ref(c))
		gr_timer_defer(m, &c->expire);
	return NULL;
}

static struct goro_ctx *
alloc(struct goro_ctx *parent, uint64_t creator_pc)
{
	struct goro_ctx *c;

	if (!parent || !(c = malloc(sizeof(*c))))
		return NULL;
	*c = (struct goro_ctx){
		.refs = 1,
		.parent = goro_ctx_ref(parent),
		.deadline_ns = parent->deadline_ns,
		.timer.fire = deadline_came,
		.expire.run = expire,
		.done = gr_chan_create(0, 0, GORO_ABI_CHAN_CONTEXT, creator_pc),
	};
	if (!c->done) {
		goro_ctx_unref(parent);
		free(c);
		return NULL;
	}
	return c;
}

/* Take its place in the tree: from here on it ends when @parent does. */
static struct goro_ctx *
join(struct goro_ctx *c)
{
	struct goro_ctx *parent = c->parent;
	int err;

	if (parent == &background)
		return c;
	gr_lock(&parent->lock);
	err = parent->err;
	if (!err)
		link_child(parent, c);
	gr_unlock(&parent->lock);
	if (err)
		end_one(c, err, &(struct gr_glist){ 0 }); /* nobody waits yet */
	return c;
}

struct goro_ctx *
goro_ctx_background(void)
{
	return &background;
}

struct goro_ctx *
gr_ctx_with_cancel(struct goro_ctx *parent, uint64_t creator_pc)
{
	struct goro_ctx *c = alloc(parent, creator_pc);

	return c ? join(c) : NULL;
}

struct goro_ctx *
goro_ctx_with_cancel(struct goro_ctx *parent)
{
	return gr_ctx_with_cancel(parent,
				  (uintptr_t)__builtin_return_address(0));
}

struct goro_ctx *
goro_ctx_with_value(struct goro_ctx *parent, const void *key, void *value)
{
	uint64_t pc = (uintptr_t)__builtin_return_address(0);
	struct goro_ctx *c;

	if (!key || !(c = alloc(parent, pc)))
		return NULL;
	c->done->only_value = true;
	c->key = key;
	c->value = value;
	return join(c);
}

/*
 * The timer is armed before the context is found by those who may end it, who
 * stop it: afterwards it could be armed for one that has ended.
 */
static struct goro_ctx *
with_deadline(struct gr_m *m, struct goro_ctx *parent, int64_t deadline_ns,
	      uint64_t creator_pc)
{
	struct goro_ctx *c = alloc(parent, creator_pc);
	bool own, past;

	if (!c)
		return NULL;
	own = deadline_ns < c->deadline_ns;
	past = own && deadline_ns <= gr_now_ns();
	if (own)
		c->deadline_ns = deadline_ns;
	if (own && !past && gr_timer_try_start(m, &c->timer, deadline_ns)) {
		goro_ctx_unref(c);
		return NULL;
	}
	join(c);
	if (past)
		end_tree(m, c, -ETIMEDOUT);
	return c;
}

struct goro_ctx *
goro_ctx_with_deadline(struct goro_ctx *parent, int64_t deadline_ns)
{
	return with_deadline(gr_m_goroutine("goro_ctx_with_deadline"), parent,
			     deadline_ns,
			     (uintptr_t)__builtin_return_address(0));
}

struct goro_ctx *
goro_ctx_with_timeout(struct goro_ctx *parent, int64_t duration_ns)
{
	return with_deadline(gr_m_goroutine("goro_ctx_with_timeout"), parent,
			     gr_deadline(duration_ns),
			     (uintptr_t)__builtin_return_address(0));
}

void
goro_ctx_cancel(struct goro_ctx *ctx)
{
	if (ctx != &background)
		end_tree(gr_m_self(), ctx, -ECANCELED);
}

struct goro_chan *
goro_ctx_done(struct goro_ctx *ctx)
{
	return ctx->done;
}

int
goro_ctx_err(struct goro_ctx *ctx)
{
	int err = gr_load_acq(&ctx->err); /* [pair ctx-err] */

	if (err) {
		/* Whoever ends it closes the channel before this lock is
		 * released. */
		gr_lock(&ctx->lock);
		gr_unlock(&ctx->lock);
	}
	return err;
}

void *
goro_ctx_value(struct goro_ctx *ctx, const void *key)
{
	/* Without a key they have NULL, which nobody can ask for. */
	for (; ctx; ctx = ctx->parent)
		if (ctx->key == key)
			return ctx->value;
	return NULL;
}
