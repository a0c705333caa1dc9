// SPDX-License-Identifier: MIT
/*
 * traceback.c - printing goroutines' stacks, in Go's words
 */
#include "traceback.h"

#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "fatal.h"
#include "names.h"
#include "rollcall.h"
#include "sched.h"
#include "snapshot.h"

enum {
	ROWS = 4096,
	FRAMES_BYTES = 128 << 10,
};
#define NS_PER_MINUTE 60000000000ull
#define PATIENCE_NS 2000000000ll /* with all threads that do not answer */

/* What a traceback works with, see traceback.h. */
struct traceback {
	struct gr_out *o;
	enum gr_traceback_level level;
	const struct gr_manners *manners; /* NULL: leave threads alone */
	struct gr_modules modules;
	struct gr_row row_slots[ROWS];
	struct gr_rows rows;
	struct gr_walker walker;
	struct gr_names names;
	struct gr_lines lines;
	struct gr_snapshot snapshot;
	const struct gr_module *library; /* see names.c */
	const struct gr_g *current;      /* printed first, not again */
	char frames[FRAMES_BYTES];       /* text, see keep_frame() */
	size_t frames_used;
};

/* All zero at first, so that they take no room in the file. */
static struct traceback last;   /* of the one who ends the program */
static struct traceback bare;   /* of who stands in for it */
static struct traceback living; /* of the agent, or who serves HTTP: in turn */

extern const char gr_state_names[GORO_ABI_STATES][16]; /* abi.c */
extern const char gr_reason_names[GORO_WAIT_REASONS][32];
extern struct goro_abi_clock gr_clock;

/* GOROTRACEBACK, read when it is needed. */
enum gr_traceback_level
gr_traceback_level(void)
{
	static const struct {
		const char *word;
		enum gr_traceback_level level;
	} words[] = {
		{ "none", GR_TRACEBACK_NONE },
		{ "0", GR_TRACEBACK_NONE },
		{ "single", GR_TRACEBACK_SINGLE },
		{ "all", GR_TRACEBACK_ALL },
		{ "1", GR_TRACEBACK_ALL },
		{ "system", GR_TRACEBACK_SYSTEM },
		{ "2", GR_TRACEBACK_SYSTEM },
		{ "crash", GR_TRACEBACK_CRASH },
	};
	const char *text = getenv("GOROTRACEBACK");

	for (size_t i = 0; text && i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(text, words[i].word))
			return words[i].level;
	return GR_TRACEBACK_SINGLE;
}

/* The function: its name, or where it would have one. */
static void
put_function(struct traceback *tb, const struct gr_name *name)
{
	if (*name->text) {
		gr_out_str(tb->o, name->text);
		return;
	}
	if (name->module) {
		gr_out_str(tb->o, gr_module_name(name->module));
		gr_out_str(tb->o, "+");
		gr_out_hex(tb->o, name->pc - name->module->bias);
		return;
	}
	gr_out_hex(tb->o, name->pc);
}

/* A path that parsers take; see traceback.h. */
static bool
is_accepted_file(const char *file)
{
	const char *dot = strrchr(file, '.');

	return dot && (!strcmp(dot, ".c") || !strcmp(dot, ".go") ||
		       !strcmp(dot, ".s"));
}

/* The bytes of a path; a terminal would obey control characters. */
static void
put_file(struct traceback *tb, const char *file)
{
	while (*file) {
		size_t n = 0;

		while ((unsigned char)file[n] >= ' ' && file[n] != 0x7f)
			n++;
		gr_out_bytes(tb->o, file, n);
		file += n;
		if (*file) {
			gr_out_str(tb->o, "_");
			file++;
		}
	}
}

/* "\t/src/pool.c:41 +0x1f": how far into its function @pc is. */
static void
put_place(struct traceback *tb, const struct gr_name *name, uintptr_t pc)
{
	gr_out_str(tb->o, "\t");
	if (name->file && is_accepted_file(name->file)) {
		put_file(tb, name->file);
		gr_out_str(tb->o, ":");
		gr_out_dec(tb->o, name->line);
	} else {
		gr_out_str(tb->o, "??:0");
	}
	if (name->start && pc > name->start) {
		gr_out_str(tb->o, " +");
		gr_out_hex(tb->o, pc - name->start);
	}
}

/* What was printed since @from is this frame's text whenever it is met again:
 * a million stacks have a few dozen frames. */
static void
keep_frame(struct traceback *tb, struct gr_name *name, size_t from)
{
	char *to = tb->frames + tb->frames_used;
	size_t n = tb->o->n - from;

	if (tb->o->n < from || n > sizeof(tb->frames) - tb->frames_used ||
	    name == &tb->names.extra)
		return; /* has been flushed, or finds no room */
	memcpy(to, tb->o->buf + from, n);
	tb->frames_used += n;
	name->frame_bytes = (uint32_t)n;
	name->frame = to;
}

static void
put_frame(struct traceback *tb, const struct gr_frame *f, uintptr_t caller_sp,
	  struct gr_name *name)
{
	size_t from = tb->o->n;

	name->shown = true;
	if (name->frame && !f->exact) {
		gr_out_bytes(tb->o, name->frame, name->frame_bytes);
	} else {
		put_function(tb, name);
		gr_out_str(tb->o, "(...)\n");
		put_place(tb, name, f->pc);
		if (!f->exact) /* whose name is another PC's */
			keep_frame(tb, name, from);
	}
	if (tb->level >= GR_TRACEBACK_SYSTEM) {
		gr_out_str(tb->o, " fp=");
		gr_out_hex(tb->o, caller_sp);
		gr_out_str(tb->o, " sp=");
		gr_out_hex(tb->o, f->sp);
		gr_out_str(tb->o, " pc=");
		gr_out_hex(tb->o, f->pc);
	}
	gr_out_str(tb->o, "\n");
}

/* Print the frames, or those that are not internal; returns how many. */
static uint64_t
put_frames(struct traceback *tb, const struct gr_frames *fs, bool internal_too)
{
	uint64_t shown = 0, elided = 0;

	for (uint64_t i = 0; i < fs->n; i++) {
		const struct gr_frame *f = gr_frames_get(fs, i);
		const struct gr_frame *caller = gr_frames_get(fs, i + 1);
		struct gr_name *name;

		if (!f) {
			/* To the first that was kept again. */
			elided = fs->n - GR_FRAMES_OUTER - i;
			i += elided - 1;
			continue;
		}
		name = gr_names_get(&tb->names, f->pc - !f->exact);
		if (!internal_too && gr_name_is_internal(name, tb->library))
			continue;
		if (elided && shown)
			gr_out_str(tb->o, "...additional frames elided...\n");
		elided = 0;
		put_frame(tb, f, caller ? caller->sp : fs->top, name);
		shown++;
	}
	if (fs->end == GR_STEP_LOST && shown)
		gr_out_str(tb->o, "...additional frames elided...\n");
	return shown;
}

static void
put_creator(struct traceback *tb, const struct gr_snapshot *s)
{
	struct gr_name *name;

	if (!s->creator_pc)
		return;
	name = gr_names_get(&tb->names, s->creator_pc - 1);
	if (gr_name_is_internal(name, tb->library) &&
	    tb->level < GR_TRACEBACK_SYSTEM)
		return;
	name->shown = true;
	gr_out_str(tb->o, "created by ");
	put_function(tb, name);
	if (s->creator_id) {
		gr_out_str(tb->o, " in goroutine ");
		gr_out_dec(tb->o, s->creator_id);
	}
	gr_out_str(tb->o, "\n");
	put_place(tb, name, s->creator_pc);
	gr_out_str(tb->o, "\n");
}

static uint64_t
minutes_since(uint64_t cycles)
{
	uint64_t now_cycles = gr_cycles(), now_ns = (uint64_t)gr_now_ns();
	uint64_t span_cycles = now_cycles - gr_clock.start_cycles;
	uint64_t span_ns = now_ns - gr_clock.start_ns;

	if (!cycles || now_cycles <= cycles || !span_cycles)
		return 0;
	return (uint64_t)((unsigned __int128)(now_cycles - cycles) * span_ns /
			  span_cycles / NS_PER_MINUTE);
}

/* What a name may not bring into a header; see traceback.h. */
static void
put_name(struct traceback *tb, const char *name)
{
	for (; *name; name++) {
		bool bad = *name < ' ' || *name >= 0x7f ||
			   strchr(",[]{}\"\\%", *name);

		gr_out_bytes(tb->o, bad ? "_" : name, 1);
	}
}

/* "goroutine 7 [chan receive, 2 minutes]:" */
static void
put_header(struct traceback *tb, const struct gr_snapshot *s)
{
	bool waits = s->state == GORO_ABI_WAITING;
	uint64_t minutes = 0;

	gr_out_str(tb->o, "\ngoroutine ");
	gr_out_dec(tb->o, s->id);
	gr_out_str(tb->o, " [");
	if (waits && s->reason > GORO_WAIT_NONE &&
	    s->reason < GORO_WAIT_REASONS)
		gr_out_str(tb->o, gr_reason_names[s->reason]);
	else if (s->state < GORO_ABI_STATES)
		gr_out_str(tb->o, gr_state_names[s->state]);
	if (*s->name) {
		gr_out_str(tb->o, " labels:{\"name\": \"");
		put_name(tb, s->name);
		gr_out_str(tb->o, "\"}");
	}
	if (waits || s->state == GORO_ABI_SYSCALL)
		minutes = minutes_since(s->wait_since);
	if (minutes) {
		gr_out_str(tb->o, ", ");
		gr_out_dec(tb->o, minutes);
		gr_out_str(tb->o, " minutes");
	}
	if (s->flags & GORO_ABI_G_LOCKED)
		gr_out_str(tb->o, ", locked to thread");
	gr_out_str(tb->o, "]:\n");
}

static void
put_goroutine(struct traceback *tb, const struct gr_snapshot *s)
{
	bool all = tb->level >= GR_TRACEBACK_SYSTEM;

	put_header(tb, s);
	if (!s->frames.n)
		gr_out_str(tb->o, "\tgoroutine running on other thread; "
				  "stack unavailable\n");
	else if (!put_frames(tb, &s->frames, all))
		put_frames(tb, &s->frames,
			   true); /* parsers want one at least */
	put_creator(tb, s);
}

/* The calling thread's goroutine or, if it has none, the thread itself. */
static void
put_here(struct traceback *tb, const struct gr_here *here)
{
	struct gr_unwind u = { .regs = here->regs, .exact = here->exact };
	uintptr_t sp = here->regs.r[GR_REG_SP];
	const struct gr_m *m = gr_m_self();
	const struct gr_g *g = m ? m->g : NULL;

	/* An overflow leaves sp in the guard page. */
	if (g && sp >= g->stack_lo - GR_PAGE && sp <= g->stack_hi) {
		gr_snapshot_record(g, GORO_ABI_RUNNING, &tb->snapshot);
		u.lo = g->stack_lo;
		u.hi = g->stack_hi;
		tb->current = g;
	} else {
		/* A scheduler's stack, and the monitor's, have only the
		 * runtime's own on them. */
		if ((m || here->aside) && tb->level < GR_TRACEBACK_SYSTEM)
			return;
		memset(&tb->snapshot, 0, sizeof(tb->snapshot));
		tb->snapshot.state = GORO_ABI_RUNNING;
		if (!gr_mapping_of(&tb->modules.maps, sp, &u.lo, &u.hi))
			u.lo = u.hi = sp;
	}
	gr_walk(&tb->walker, &u,
		tb->level < GR_TRACEBACK_SYSTEM ? here->skip : 0,
		&tb->snapshot.frames);
	put_goroutine(tb, &tb->snapshot);
}

/* Copy @g to tb->snapshot. False: it has ended. */
static bool
look_at(struct traceback *tb, const struct gr_g *g)
{
	if (tb->manners)
		return gr_snapshot_living(&tb->walker, g, tb->manners,
					  &tb->snapshot);
	return gr_snapshot(&tb->walker, g, &tb->snapshot);
}

static void
put_other(const struct gr_g *g, void *arg)
{
	struct traceback *tb = arg;

	if (tb->manners && !tb->manners->ending)
		gr_fatal_wait(); /* not two reports at a time */
	if (g == tb->current || !look_at(tb, g))
		return;
	if ((tb->snapshot.flags & GORO_ABI_G_SYSTEM) &&
	    tb->level < GR_TRACEBACK_SYSTEM)
		return;
	put_goroutine(tb, &tb->snapshot);
}

static void
begin(struct traceback *tb, struct gr_out *o, enum gr_traceback_level level)
{
	gr_store_rlx(&tb->o, o); /* [relaxed] for gr_traceback_writes() */
	tb->level = level;
	tb->current = NULL;
	gr_modules_read(&tb->modules);
	tb->rows = (struct gr_rows){ tb->row_slots, ROWS - 1 };
	tb->walker = (struct gr_walker){ &tb->modules, &tb->rows };
	gr_rows_clear(&tb->rows);
	gr_names_init(&tb->names, &tb->modules);
	gr_lines_init(&tb->lines, &tb->modules);
	tb->names.lines = &tb->lines;
	tb->frames_used = 0;
	tb->library = gr_names_library(&tb->modules);
	if (!tb->modules.n)
		gr_out_str(o, "\n[/proc/self/maps cannot be read, so there are "
			      "no names: are all descriptors in use?]\n");
}

static void
end(struct traceback *tb)
{
	gr_out_str(tb->o, "\n");
	gr_names_addresses(&tb->names, tb->o);
	gr_names_fini(&tb->names);
}

/*
 * Print a traceback of a program that ends.
 *
 * @here   where the calling thread was: printed first; or NULL
 * @level  past GR_TRACEBACK_SINGLE all others follow, by their ids
 */
void
gr_traceback(struct gr_out *o, const struct gr_here *here,
	     enum gr_traceback_level level)
{
	if (level == GR_TRACEBACK_NONE)
		return;
	begin(&last, o, level);
	if (here)
		put_here(&last, here);
	if (level >= GR_TRACEBACK_ALL)
		gr_roll_call(put_other, &last);
	end(&last);
}

/*
 * Print all goroutines, those on threads too. Not on a goroutine's thread.
 *
 * @ending  the program will not go on afterwards
 */
void
gr_traceback_living(struct gr_out *o, enum gr_traceback_level level,
		    bool ending)
{
	const struct gr_manners manners = { ending, gr_now_ns() + PATIENCE_NS };

	if (level == GR_TRACEBACK_NONE)
		return;
	gr_capture_begin();
	living.manners = &manners;
	begin(&living, o, level);
	gr_roll_call(put_other, &living);
	end(&living);
	gr_capture_end();
}

void
gr_traceback_bare(struct gr_out *o, enum gr_traceback_level level)
{
	if (level == GR_TRACEBACK_NONE)
		return;
	begin(&bare, o, level);
	bare.names.bare = true;
	gr_roll_call(put_other, &bare);
	end(&bare);
}

bool
gr_traceback_writes(void)
{
	const struct gr_out *o = gr_load_rlx(&living.o); /* [relaxed] a hint */

	return o && gr_load_rlx(&o->writing);
}
