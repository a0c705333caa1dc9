// SPDX-License-Identifier: MIT
#include <goro/goro.h>
#include <stdio.h>

static void
answer(void *arg)
{
	goro_chan_send(arg, &(int){ 42 });
}

static int
run(void *arg)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	int got = 0;

	(void)arg;
	goro_go(answer, ch);
	if (!goro_chan_recv(ch, &got))
		return 1;
	goro_chan_unref(ch);
	printf("6 7 %d\n", got);
	return 0;
}

int
main(void)
{
	return goro_run(run, NULL);
}
