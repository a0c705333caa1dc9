// SPDX-License-Identifier: MIT
/*
 * leak_ci.c - the findings as what CI systems read: JUnit, SARIF, TAP, and the
 * annotations of GitHub's workflows
 *
 * JUnit      one test case for each finding, with a name of its own; or one
 *            that has passed.
 * SARIF      2.1.0. A rule for each kind; the fingerprint is ours, so that a
 *            finding is the same after lines have moved.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leak.h"
#include "tracer/json.h"

static FILE *
stream(int fd)
{
	return fdopen(dup(fd), "w");
}

static bool
end_stream(FILE *to)
{
	bool failed = ferror(to);

	return !fclose(to) && !failed;
}

static void
put_place(FILE *to, const struct leak_frame *f)
{
	if (f && f->file)
		fprintf(to, "%s (%s:%" PRIu32 ")", f->function,
			leak_path(f->file), f->line);
	else
		fprintf(to, "%s", f ? f->function : "?");
}

/* "function (file:line)" for each frame, a line each. */
static void
put_stack(FILE *to, const char *lead, const struct leak_stack *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].internal)
			continue;
		fputs(lead, to);
		put_place(to, &s->v[i]);
		fputc('\n', to);
	}
}

/* --- JUnit ---------------------------------------------------------------- */

static void
put_xml(FILE *to, const char *s)
{
	for (; s && *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '<')
			fputs("&lt;", to);
		else if (c == '>')
			fputs("&gt;", to);
		else if (c == '&')
			fputs("&amp;", to);
		else if (c == '"')
			fputs("&quot;", to);
		else if (c == '\n')
			fputs("&#10;", to);
		else
			fputc(c < ' ' || c >= 0x7f ? '?' : c, to);
	}
}

/* The details of a finding, as plain text; allocated. */
static char *
details(const struct leak_finding *f)
{
	char *text = NULL;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return NULL;
	put_stack(to, "  waiting at ", &f->stack);
	put_stack(to, "  started at ", &f->creator);
	put_stack(to, "  object made at ", &f->object_creator);
	fclose(to);
	return text;
}

/* What could not be checked is no failure of a test, and no success. */
static void
put_problem(FILE *to, size_t i, const char *problem)
{
	fprintf(to,
		"    <testcase classname=\"goro-leakcheck\" name=\"the check "
		"itself, %zu\">\n      <error type=\"unchecked\" message=\"",
		i + 1);
	put_xml(to, problem);
	fprintf(to, "\"/>\n    </testcase>\n");
}

static void
put_case(FILE *to, const struct leak_finding *f)
{
	const struct leak_frame *place = leak_place(f);
	char *more = details(f);

	fprintf(to, "    <testcase classname=\"goro-leakcheck.");
	put_xml(to, f->process);
	fprintf(to, "\" name=\"%s in ", leak_kind_names[f->kind]);
	put_xml(to, place ? place->function : "?");
	fprintf(to, " %016" PRIx64 "\">\n      <failure type=\"%s\" message=\"",
		f->fingerprint, leak_kind_names[f->kind]);
	put_xml(to, f->story);
	fprintf(to, "\">");
	put_xml(to, more);
	fprintf(to, "</failure>\n    </testcase>\n");
	free(more);
}

bool
leak_render_junit(const struct leak_results *r, int fd)
{
	FILE *to = stream(fd);
	size_t n = 0, all;

	if (!to)
		return false;
	for (size_t i = 0; i < r->n; i++)
		n += !r->v[i].suppressed;
	all = n + r->problems_n;
	fprintf(to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n"
		"  <testsuite name=\"goro-leakcheck\" tests=\"%zu\" "
		"failures=\"%zu\" errors=\"%zu\" skipped=\"0\" time=\"0\">\n",
		all ? all : 1, n, r->problems_n, all ? all : 1, n,
		r->problems_n);
	if (!all)
		fprintf(to, "    <testcase classname=\"goro-leakcheck\" "
			    "name=\"no leaks\"/>\n");
	for (size_t i = 0; i < r->problems_n; i++)
		put_problem(to, i, r->problems[i]);
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].suppressed)
			put_case(to, &r->v[i]);
	fprintf(to, "  </testsuite>\n</testsuites>\n");
	return end_stream(to);
}

/* --- TAP ------------------------------------------------------------------ */

/* What stands behind a test's number: '#' would be a directive. */
static void
put_tap(FILE *to, const char *s)
{
	for (; s && *s; s++)
		fputc(*s == '#' || *s == '\n' ? ' ' : *s, to);
}

bool
leak_render_tap(const struct leak_results *r, int fd)
{
	FILE *to = stream(fd);
	size_t n = 0;

	if (!to)
		return false;
	fprintf(to, "TAP version 13\n");
	for (size_t i = 0; i < r->n; i++) {
		const struct leak_finding *f = &r->v[i];
		char *more;

		if (f->suppressed)
			continue;
		fprintf(to, "not ok %zu - %s: ", ++n, leak_kind_names[f->kind]);
		put_tap(to, f->story);
		fprintf(to, "\n");
		more = details(f);
		for (char *at = more, *line; at && (line = strsep(&at, "\n"));)
			if (*line)
				fprintf(to, "# %s\n", line + 2);
		free(more);
	}
	for (size_t i = 0; i < r->problems_n; i++) {
		fprintf(to, "not ok %zu - the check itself: ", ++n);
		put_tap(to, r->problems[i]);
		fprintf(to, "\n");
	}
	if (!n)
		fprintf(to, "ok 1 - no leaks\n");
	fprintf(to, "1..%zu\n", n ? n : 1);
	return end_stream(to);
}

/* --- GitHub --------------------------------------------------------------- */

static void
put_workflow(FILE *to, const char *s, bool property)
{
	for (; s && *s; s++) {
		if (*s == '%' || *s == '\n' || *s == '\r' ||
		    (property && (*s == ':' || *s == ',')))
			fprintf(to, "%%%02X", (unsigned char)*s);
		else
			fputc(*s, to);
	}
}

bool
leak_render_github(const struct leak_results *r, int fd)
{
	FILE *to = stream(fd);

	if (!to)
		return false;
	for (size_t i = 0; i < r->n; i++) {
		const struct leak_finding *f = &r->v[i];
		const struct leak_frame *place = leak_place(f);
		char *more;

		if (f->suppressed)
			continue;
		fprintf(to, "::error ");
		if (place && place->file) {
			fprintf(to, "file=");
			put_workflow(to, leak_path(place->file), true);
			fprintf(to, ",line=%" PRIu32 ",", place->line);
		}
		fprintf(to, "title=%s::", leak_kind_names[f->kind]);
		put_workflow(to, f->story, false);
		fprintf(to, "%%0A");
		more = details(f);
		put_workflow(to, more, false);
		free(more);
		fprintf(to, "\n");
	}
	for (size_t i = 0; i < r->problems_n; i++) {
		fprintf(to, "::error title=leak check::");
		put_workflow(to, r->problems[i], false);
		fprintf(to, "\n");
	}
	return end_stream(to);
}

/* --- SARIF ---------------------------------------------------------------- */

static const char *const kind_texts[LEAK_KINDS] = {
	[LEAK_DEADLOCK] = "A goroutine waits for locks that are never released",
	[LEAK_LEAKED] = "A goroutine can never go on",
	[LEAK_UNCLOSED] = "A channel was neither closed nor emptied",
	[LEAK_SUSPECT] = "A goroutine has been blocked for long",
	[LEAK_LEFTOVER] = "A goroutine was left when main returned",
	[LEAK_TIMER] = "A timer was never stopped",
	[LEAK_CONTEXT] = "A context was never cancelled",
	[LEAK_LOCKED] = "A goroutine ended without unlocking",
};

static void
put_message(struct gt_json *j, const char *key, const char *text)
{
	gt_json_key(j, key);
	gt_json_open(j, '{');
	gt_json_key(j, "text");
	gt_json_string(j, text ? text : "");
	gt_json_close(j, '}');
}

/* A path as a reference that URIs allow. */
static void
put_uri(struct gt_json *j, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~!$&'()*+,;=@/";
	char uri[3 * PATH_MAX + 1], *to = uri;

	for (; *path && to < uri + sizeof(uri) - 3; path++)
		if (strchr(plain, *path))
			*to++ = *path;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*path);
	*to = '\0';
	gt_json_put_string(j, "uri", uri);
}

static void
put_location(struct gt_json *j, const struct leak_frame *f, const char *text)
{
	gt_json_open(j, '{');
	if (text)
		put_message(j, "message", text);
	gt_json_key(j, "physicalLocation");
	gt_json_open(j, '{');
	gt_json_key(j, "artifactLocation");
	gt_json_open(j, '{');
	put_uri(j, leak_path(f->file));
	gt_json_close(j, '}');
	gt_json_key(j, "region");
	gt_json_open(j, '{');
	gt_json_put_number(j, "startLine", f->line ? f->line : 1);
	gt_json_close(j, '}');
	gt_json_close(j, '}');
	gt_json_close(j, '}');
}

static void
put_result(struct gt_json *j, const struct leak_finding *f)
{
	const struct leak_frame *place = leak_place(f);
	char text[20];

	gt_json_open(j, '{');
	gt_json_put_string(j, "ruleId", leak_kind_names[f->kind]);
	gt_json_put_number(j, "ruleIndex", f->kind);
	gt_json_put_string(j, "level", "error");
	put_message(j, "message", f->story);
	gt_json_key(j, "locations");
	gt_json_open(j, '[');
	if (place && place->file)
		put_location(j, place, NULL);
	gt_json_close(j, ']');
	if (f->creator.n && f->creator.v[0].file) {
		gt_json_key(j, "relatedLocations");
		gt_json_open(j, '[');
		put_location(j, &f->creator.v[0], "started here");
		gt_json_close(j, ']');
	}
	gt_json_key(j, "partialFingerprints");
	gt_json_open(j, '{');
	snprintf(text, sizeof(text), "%016" PRIx64, f->fingerprint);
	gt_json_put_string(j, "goroLeak/v1", text);
	gt_json_close(j, '}');
	gt_json_close(j, '}');
}

/* Did it run, and what could not be checked? */
static void
put_invocation(struct gt_json *j, const struct leak_results *r)
{
	gt_json_key(j, "invocations");
	gt_json_open(j, '[');
	gt_json_open(j, '{');
	gt_json_key(j, "executionSuccessful");
	gt_json_bool(j, !r->problems_n);
	gt_json_key(j, "toolExecutionNotifications");
	gt_json_open(j, '[');
	for (size_t i = 0; i < r->problems_n; i++) {
		gt_json_open(j, '{');
		gt_json_put_string(j, "level", "error");
		put_message(j, "message", r->problems[i]);
		gt_json_close(j, '}');
	}
	gt_json_close(j, ']');
	gt_json_close(j, '}');
	gt_json_close(j, ']');
}

static void
put_driver(struct gt_json *j)
{
	gt_json_key(j, "tool");
	gt_json_open(j, '{');
	gt_json_key(j, "driver");
	gt_json_open(j, '{');
	gt_json_put_string(j, "name", "goro-leakcheck");
	gt_json_put_string(j, "version", GORO_VERSION);
	gt_json_key(j, "rules");
	gt_json_open(j, '[');
	for (int k = 0; k < LEAK_KINDS; k++) {
		gt_json_open(j, '{');
		gt_json_put_string(j, "id", leak_kind_names[k]);
		put_message(j, "shortDescription", kind_texts[k]);
		gt_json_close(j, '}');
	}
	gt_json_close(j, ']');
	gt_json_close(j, '}');
	gt_json_close(j, '}');
}

bool
leak_render_sarif(const struct leak_results *r, int fd)
{
	struct gt_out out;
	struct gt_json j = { .out = &out };

	if (!gt_out_init(&out, fd))
		return false;
	gt_json_open(&j, '{');
	gt_json_put_string(&j, "$schema",
			   "https://json.schemastore.org/sarif-2.1.0.json");
	gt_json_put_string(&j, "version", "2.1.0");
	gt_json_key(&j, "runs");
	gt_json_open(&j, '[');
	gt_json_open(&j, '{');
	put_driver(&j);
	put_invocation(&j, r);
	gt_json_key(&j, "results");
	gt_json_open(&j, '[');
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].suppressed)
			put_result(&j, &r->v[i]);
	gt_json_close(&j, ']');
	gt_json_close(&j, '}');
	gt_json_close(&j, ']');
	gt_json_close(&j, '}');
	gt_out_bytes(&out, "\n", 1);
	return !gt_out_fini(&out);
}
