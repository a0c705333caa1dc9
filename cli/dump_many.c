// SPDX-License-Identifier: MIT
/*
 * dump_many.c - goro-dump for more than one process
 */
#include "dump_many.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "tracer/census.h"

static struct gt_error *
take_census(struct gt_census *census)
{
	struct gt_error *err = gt_census_take(census);

	if (census->closed)
		cli_say("%zu process%s may not be read", census->closed,
			census->closed == 1 ? "" : "es");
	return err;
}

/* 59s, 12m, 5h, 40d */
static const char *
age(uint64_t s, char *buf, size_t bytes)
{
	if (s < 60)
		snprintf(buf, bytes, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, bytes, "%" PRIu64 "m", s / 60);
	else if (s < 48 * 3600)
		snprintf(buf, bytes, "%" PRIu64 "h", s / 3600);
	else
		snprintf(buf, bytes, "%" PRIu64 "d", s / 86400);
	return buf;
}

int
dump_list(void)
{
	struct gt_census census;
	struct gt_error *err = take_census(&census);
	char buf[32];

	if (!err)
		printf("%8s %-15s %10s %7s %5s\n", "PID", "COMMAND",
		       "GOROUTINES", "WORKERS", "AGE");
	for (size_t i = 0; !err && i < census.n; i++) {
		const struct gt_process *p = &census.v[i];

		printf("%8d %-15s %10" PRIu64 " %7" PRIu64 " %5s\n", p->pid,
		       p->command, p->goroutines, p->workers,
		       age(p->age_s, buf, sizeof(buf)));
	}
	free(census.v);
	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		cli_say("cannot write the list: %m");
		return CLI_FAILED;
	}
	return CLI_OK;
}

/* The processes that are asked for; an array to be freed. */
static struct gt_error *
choose(const struct dump_options *o, pid_t **ret, size_t *ret_n)
{
	struct gt_census census = { 0 };
	struct gt_error *err = o->all ? take_census(&census) : NULL;
	size_t n = o->all ? census.n : o->pids_n;
	pid_t *pids = malloc((n + 1) * sizeof(*pids));

	if (!err && !pids)
		err = &gt_enomem;
	for (size_t i = 0; !err && i < n; i++)
		if (o->all)
			pids[i] = census.v[i].pid;
		else
			cli_parse_pid(o->pids[i], &pids[i]);
	free(census.v);
	*ret = pids;
	*ret_n = n;
	return err;
}

/* JSON says it itself. */
static void
head(const struct dump_options *o, bool first)
{
	if (o->format == DUMP_JSON)
		return;
	printf("%sprocess %d:\n\n", first ? "" : "\n", o->pid);
	fflush(stdout);
}

int
dump_many(struct dump_options *o, int (*dump)(struct dump_options *o))
{
	GT_CLEANUP(gt_freep) pid_t *pids = NULL;
	size_t n = 0;
	struct gt_error *err = choose(o, &pids, &n);
	int worst = CLI_OK;

	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	if (!n)
		cli_say("there are no processes that run libgoro");
	for (size_t i = 0; i < n; i++) {
		o->pid = pids[i];
		head(o, i == 0);
		int status = dump(o);
		/* Of several a part failing is a part missing. */
		if (status && n > 1)
			status = CLI_FINDINGS;
		if (status > worst)
			worst = status;
	}
	return worst;
}
