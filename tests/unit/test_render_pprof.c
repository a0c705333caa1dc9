// SPDX-License-Identifier: MIT
/*
 * test_render_pprof.c - goroutines as a profile, read by a strict reader
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "hand_model.h"
#include "tracer/profile.h"
#include "tracer/render_pprof.h"

struct with {
	struct hand hand;
	struct gt_view view;
	struct gt_out out;
	struct gt_profile profile;
};

static int
make(void **state)
{
	struct with *w = calloc(1, sizeof(*w));

	T_CHECK(w);
	hand_init(&w->hand);
	*state = w;
	return 0;
}

static int
drop(void **state)
{
	struct with *w = *state;

	gt_profile_fini(&w->profile);
	free(w->out.buf);
	gt_view_fini(&w->view);
	hand_fini(&w->hand);
	free(w);
	return 0;
}

static const struct gt_profile *
render(struct with *w)
{
	struct gt_about about = { .tool = "test", .time_ns = 1700000000 };
	struct gt_report report = { .view = &w->view, .about = &about };

	T_CHECK(!gt_view_all(&w->view, &w->hand.model, &w->hand.symbols));
	T_CHECK(gt_out_init(&w->out, -1));
	T_CHECK(!gt_render_pprof(&report, &w->out));
	struct gt_error *err = gt_profile_read(w->out.buf, w->out.n,
					       &w->profile);
	if (err)
		fail_msg("%s", err->text);
	return &w->profile;
}

/* "f g": the functions of a sample, the leaf first. */
static void
stack_is(const struct gt_profile *p, size_t sample, const char *want)
{
	const struct gt_profile_sample *s = &p->samples.at[sample];
	char text[256] = "";

	for (uint32_t i = 0; i < s->frames_n; i++) {
		const struct gt_profile_location *l =
			&p->locations.at[p->frames.at[s->frame + i]];

		for (uint32_t k = 0; k < l->lines_n; k++) {
			strcat(text, *text ? " " : "");
			strcat(text, gt_profile_function_name(
					     p, &p->lines.at[l->line + k]));
		}
	}
	assert_string_equal(text, want);
}

/* "key=value,", in the order of the file. */
static void
labels_are(const struct gt_profile *p, size_t sample, const char *want)
{
	const struct gt_profile_sample *s = &p->samples.at[sample];
	char text[256] = "";

	for (uint32_t i = 0; i < s->labels_n; i++) {
		const struct gt_profile_label *l = &p->labels.at[s->label + i];

		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s=%s,", gt_profile_string(p, l->key),
			 gt_profile_string(p, l->str));
	}
	assert_string_equal(text, want);
}

static void
no_goroutines_are_a_profile(void **state)
{
	const struct gt_profile *p = render(*state);

	assert_int_equal(p->samples.n, 0);
	assert_int_equal(p->types_n, 1);
	assert_string_equal(gt_profile_string(p, p->type[0].type), "goroutine");
	assert_string_equal(gt_profile_string(p, p->type[0].unit), "count");
	assert_int_equal(p->period, 1);
	assert_int_equal(p->time_ns, 1700000000);
}

static void
goroutines_are_counted_by_stack_and_labels(void **state)
{
	struct with *w = *state;
	struct hand *h = &w->hand;
	uint32_t f = hand_plain(h, "f", "/a.c", 1);
	uint32_t g = hand_plain(h, "g", "/a.c", 2);
	uint32_t labels = gt_model_labels(&h->model, "\1tier\0web");

	for (uint64_t id = 1; id <= 7; id++) {
		hand_goroutine(h, id, GORO_ABI_WAITING, GORO_WAIT_CHAN_RECV)
			->labels = id > 4 ? labels : 0;
		hand_frame(h, f);
		hand_frame(h, g);
	}
	hand_goroutine(h, 8, GORO_ABI_RUNNABLE, GORO_WAIT_NONE);
	hand_frame(h, g);
	const struct gt_profile *p = render(w);
	assert_int_equal(p->samples.n, 3);
	assert_int_equal(p->locations.n, 2);
	assert_int_equal(p->functions.n, 2);
	assert_int_equal(p->samples.at[0].value[0], 4);
	stack_is(p, 0, "f g");
	labels_are(p, 0, "status=chan receive,");
	assert_int_equal(p->samples.at[1].value[0], 3);
	labels_are(p, 1, "status=chan receive,tier=web,");
	assert_int_equal(p->samples.at[2].value[0], 1);
	stack_is(p, 2, "g");
	labels_are(p, 2, "status=runnable,");
}

static void
what_was_inlined_is_there_and_what_is_internal_is_not(void **state)
{
	struct with *w = *state;
	struct hand *h = &w->hand;
	struct gt_frame frames[] = {
		HAND_FRAME("gr_park", "/r.c", .internal = true,
			   .inlined = true),
		HAND_FRAME("inner", "/a.h", .line = 3, .inlined = true),
		HAND_FRAME("outer", "/a.c", .line = 8),
	};

	hand_goroutine(h, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE);
	hand_frame(h, hand_pc(h, frames, 1));
	hand_frame(h, hand_pc(h, frames, 3));
	const struct gt_profile *p = render(w);
	assert_int_equal(p->locations.n, 1);
	stack_is(p, 0, "inner outer");
	assert_int_equal(p->lines.at[p->locations.at[0].line].line, 3);
}

static void
functions_of_one_name_are_told_apart_by_file(void **state)
{
	struct with *w = *state;
	struct hand *h = &w->hand;

	hand_goroutine(h, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE);
	hand_frame(h, hand_plain(h, "init", "/a.c", 1));
	hand_frame(h, hand_plain(h, "init", "/b.c", 1));
	hand_frame(h, hand_plain(h, "init", "/a.c", 9));
	const struct gt_profile *p = render(w);
	assert_int_equal(p->functions.n, 2);
	assert_int_equal(p->locations.n, 3);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		WITH(no_goroutines_are_a_profile),
		WITH(goroutines_are_counted_by_stack_and_labels),
		WITH(what_was_inlined_is_there_and_what_is_internal_is_not),
		WITH(functions_of_one_name_are_told_apart_by_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
