// SPDX-License-Identifier: MIT
/*
 * test_render_text.c - the text of a dump, to the letter
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hand_model.h"
#include "tracer/render_text.h"

struct dump {
	struct hand hand;
	struct gt_text_options options;
	char *text;
};

static int
make(void **state)
{
	struct dump *d = calloc(1, sizeof(*d));

	T_CHECK(d);
	hand_init(&d->hand);
	strcpy(d->hand.abi.reasons[GORO_WAIT_SLEEP], "sl\033[2Jeep,]");
	*state = d;
	return 0;
}

static int
drop(void **state)
{
	struct dump *d = *state;

	hand_fini(&d->hand);
	free(d->text);
	free(d);
	return 0;
}

#define pc(d, frames, n) hand_pc(&(d)->hand, frames, n)
#define plain(d, function, file, line) \
	hand_plain(&(d)->hand, function, file, line)
#define frame(d, id) hand_frame(&(d)->hand, id)
#define goroutine(d, id, state, reason) \
	hand_goroutine(&(d)->hand, id, state, reason)

static const char *
render(struct dump *d)
{
	int fd = memfd_create("dump", 0);
	struct gt_out out;
	struct gt_error *err;

	T_CHECK(fd >= 0 && gt_out_init(&out, fd));
	struct gt_view view;
	T_CHECK(!gt_view_all(&view, &d->hand.model, &d->hand.symbols));
	err = gt_render_text(&view, &d->options, &out);
	gt_view_fini(&view);
	T_CHECK(!err && gt_out_fini(&out) == 0);
	off_t n = lseek(fd, 0, SEEK_END);
	free(d->text);
	d->text = calloc(1, n + 1);
	T_CHECK(d->text && pread(fd, d->text, n, 0) == n);
	close(fd);
	return d->text;
}

static void
no_goroutines_are_no_text(void **state)
{
	assert_string_equal(render(*state), "");
}

static void
a_goroutine_has_header_frames_and_creator(void **state)
{
	struct dump *d = *state;
	struct gt_goroutine *g = goroutine(d, 7, GORO_ABI_WAITING,
					   GORO_WAIT_CHAN_RECV);

	g->wait_ns = UINT64_C(200000000000);
	g->creator_id = 1;
	frame(d, plain(d, "goro_chan_recv", "/src/chan.c", 9));
	frame(d, plain(d, "worker", "/src/pool.c", 41));
	d->hand.model.goroutines[0].creator = plain(d, "main_loop",
						    "/src/pool.c", 77);
	assert_string_equal(render(d), "goroutine 7 [chan receive, 3 "
				       "minutes]:\n"
				       "goro_chan_recv(...)\n"
				       "\t/src/chan.c:9 +0x2c\n"
				       "worker(...)\n"
				       "\t/src/pool.c:41 +0x2c\n"
				       "created by main_loop in goroutine 1\n"
				       "\t/src/pool.c:77 +0x2c\n");
}

static void
a_blank_line_is_between_goroutines_only(void **state)
{
	struct dump *d = *state;
	uint32_t id = plain(d, "f", "/a.c", 1);

	goroutine(d, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE);
	frame(d, id);
	goroutine(d, 2, GORO_ABI_SYSCALL, GORO_WAIT_NONE)->flags =
		GORO_ABI_G_LOCKED;
	frame(d, id);
	assert_string_equal(render(d), "goroutine 1 [runnable]:\n"
				       "f(...)\n\t/a.c:1 +0x2c\n"
				       "\n"
				       "goroutine 2 [syscall, locked to "
				       "thread]:\n"
				       "f(...)\n\t/a.c:1 +0x2c\n");
}

static void
less_than_a_minute_is_not_said(void **state)
{
	struct dump *d = *state;

	goroutine(d, 1, GORO_ABI_WAITING, GORO_WAIT_CHAN_RECV)->wait_ns =
		UINT64_C(59999999999);
	frame(d, plain(d, "f", "/a.c", 1));
	assert_non_null(strstr(render(d), "[chan receive]:\n"));
}

static void
inlined_frames_have_no_offset(void **state)
{
	struct dump *d = *state;
	struct gt_frame frames[] = {
		HAND_FRAME("inner", "/a.h", .line = 3, .inlined = true),
		HAND_FRAME("outer", "/a.c", .line = 8, .offset = 1),
	};

	goroutine(d, 1, GORO_ABI_RUNNING, GORO_WAIT_NONE);
	frame(d, pc(d, frames, 2));
	assert_string_equal(render(d), "goroutine 1 [running]:\n"
				       "inner(...)\n\t/a.h:3\n"
				       "outer(...)\n\t/a.c:8 +0x1\n");
}

static void
internal_frames_are_hidden(void **state)
{
	struct dump *d = *state;
	struct gt_frame frames[] = {
		HAND_FRAME("gr_park", "/p.c", .internal = true,
			   .inlined = true),
		HAND_FRAME("goro_sleep", "/t.c", .line = 5),
		HAND_FRAME("gr_odd", "/p.c", .internal = true),
	};

	goroutine(d, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE)->creator_id = 4;
	frame(d, pc(d, frames, 3));
	d->hand.model.goroutines[0].creator = pc(d, frames, 1);
	assert_string_equal(render(d), "goroutine 1 [runnable]:\n"
				       "goro_sleep(...)\n\t/t.c:5 +0x0\n");
}

static void
where_all_frames_are_internal_they_are_shown(void **state)
{
	struct dump *d = *state;
	struct gt_frame frames[] = {
		HAND_FRAME("gr_park", "/p.c", .internal = true),
	};

	goroutine(d, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE);
	frame(d, pc(d, frames, 1));
	assert_string_equal(render(d), "goroutine 1 [runnable]:\n"
				       "gr_park(...)\n\t/p.c:0 +0x0\n");
}

static void
the_runtimes_own_goroutines_are_hidden(void **state)
{
	struct dump *d = *state;

	goroutine(d, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE)->flags =
		GORO_ABI_G_SYSTEM;
	frame(d, plain(d, "f", "/a.c", 1));
	assert_string_equal(render(d), "");
}

static void
a_stack_that_is_not_known_is_said_to_be_so(void **state)
{
	struct dump *d = *state;

	goroutine(d, 1, GORO_ABI_RUNNING, GORO_WAIT_NONE);
	assert_string_equal(render(d), "goroutine 1 [running]:\n"
				       "\tgoroutine running on other thread; "
				       "stack unavailable\n");
}

static void
a_name_is_shown_in_the_header(void **state)
{
	struct dump *d = *state;
	struct gt_goroutine *g = goroutine(d, 1, GORO_ABI_RUNNABLE,
					   GORO_WAIT_NONE);

	g->name = gt_model_string(&d->hand.model, "w\xc3\xb6rker 1, \"a\" "
						  "[b]\n");
	frame(d, plain(d, "f", "/a.c", 1));
	assert_non_null(strstr(render(d), "goroutine 1 [runnable "
					  "name:\"w\xc3\xb6rker 1_ _a_ "
					  "_b_?\"]:\n"));
	d->options.strict = true;
	assert_non_null(strstr(render(d), "goroutine 1 [runnable]:\n"));
}

static void
nothing_hostile_gets_out(void **state)
{
	struct dump *d = *state;

	goroutine(d, 1, GORO_ABI_WAITING, GORO_WAIT_SLEEP);
	frame(d, plain(d, "op()%2e/\033[2J", "/a\nb\x9b.c", 1));
	assert_string_equal(render(d), "goroutine 1 [sl?_2Jeep__]:\n"
				       "op___2e_?[2J(...)\n"
				       "\t/a?b?.c:1 +0x2c\n");
}

static void
strict_text_has_no_files_of_other_languages(void **state)
{
	struct dump *d = *state;

	goroutine(d, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE);
	frame(d, plain(d, "a", "/x/a.c", 1));
	frame(d, plain(d, "b", "/x/b.h", 2));
	frame(d, plain(d, "c", "/x/c.cc", 3));
	frame(d, plain(d, "d", NULL, 0));
	assert_non_null(strstr(render(d), "b(...)\n\t/x/b.h:2 +0x2c\n"));
	d->options.strict = true;
	assert_string_equal(render(d), "goroutine 1 [runnable]:\n"
				       "a(...)\n\t/x/a.c:1 +0x2c\n"
				       "b(...)\n\t??:0 +0x2c\n"
				       "c(...)\n\t??:0 +0x2c\n"
				       "d(...)\n\t??:0 +0x2c\n");
}

/* ---- deep stacks ---- */

/* A goroutine of @n frames f0, f1 ...; @dropped after GT_TRACE_INNER. */
static void
deep(struct dump *d, unsigned n, uint32_t dropped)
{
	char name[16];

	goroutine(d, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE)->dropped = dropped;
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		frame(d, plain(d, name, "/a.c", i));
	}
}

/* How often @what is in the text. */
static unsigned
count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what)) && ++n)
		text++;
	return n;
}

static void
a_hundred_frames_are_shown(void **state)
{
	struct dump *d = *state;

	deep(d, 100, 0);
	assert_int_equal(count(render(d), "(...)"), 100);
	assert_int_equal(count(d->text, "elided"), 0);
}

static void
of_more_both_ends_are_shown(void **state)
{
	struct dump *d = *state;

	deep(d, 130, 0);
	assert_int_equal(count(render(d), "(...)"), 100);
	assert_non_null(strstr(d->text, "f49(...)\n\t/a.c:49 +0x2c\n"
					"...30 frames elided...\n"
					"f80(...)\n"));
}

static void
frames_that_were_not_kept_are_counted(void **state)
{
	struct dump *d = *state;

	deep(d, GT_TRACE_INNER + GT_TRACE_OUTER, 1000);
	assert_int_equal(count(render(d), "(...)"), 100);
	assert_non_null(strstr(d->text, "f49(...)\n\t/a.c:49 +0x2c\n"
					"...1092 frames elided...\n"
					"f142(...)\n"));
}

static void
strict_text_shows_the_inner_hundred(void **state)
{
	struct dump *d = *state;

	d->options.strict = true;
	deep(d, 130, 0);
	assert_int_equal(count(render(d), "(...)"), 100);
	assert_non_null(strstr(d->text, "f99(...)\n\t/a.c:99 +0x2c\n"
					"...additional frames elided...\n"));
	assert_null(strstr(d->text, "f100(...)"));
}

int
main(void)
{
#define DUMP(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		DUMP(no_goroutines_are_no_text),
		DUMP(a_goroutine_has_header_frames_and_creator),
		DUMP(a_blank_line_is_between_goroutines_only),
		DUMP(less_than_a_minute_is_not_said),
		DUMP(inlined_frames_have_no_offset),
		DUMP(internal_frames_are_hidden),
		DUMP(where_all_frames_are_internal_they_are_shown),
		DUMP(the_runtimes_own_goroutines_are_hidden),
		DUMP(a_stack_that_is_not_known_is_said_to_be_so),
		DUMP(a_name_is_shown_in_the_header),
		DUMP(nothing_hostile_gets_out),
		DUMP(strict_text_has_no_files_of_other_languages),
		DUMP(a_hundred_frames_are_shown),
		DUMP(of_more_both_ends_are_shown),
		DUMP(frames_that_were_not_kept_are_counted),
		DUMP(strict_text_shows_the_inner_hundred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
