// SPDX-License-Identifier: MIT
/*
 * memory.c - what a heap profile must find: blocks kept, and blocks freed
 *
 * 16 MiB are kept in blocks of 4 KiB, 32 MiB went through blocks of 64 bytes,
 * and one of 8 MiB is kept that was made by calloc(). "ready" says so.
 */
#include <goro/goro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

enum { KEPT = 4096, CHURNED = 524288 };

static void *volatile kept[KEPT];
static void *volatile large;
static struct goro_chan *handed;

static NOINLINE void
keep(void)
{
	for (int i = 0; i < KEPT; i++)
		kept[i] = malloc(4096);
	__asm__ volatile("");
}

/* Another goroutine, and so most often another thread, frees them. */
static NOINLINE void
churn(void)
{
	for (int i = 0; i < CHURNED; i += 64) {
		void *blocks[64];

		for (int k = 0; k < 64; k++)
			blocks[k] = malloc(64);
		goro_chan_send(handed, blocks);
	}
	goro_chan_close(handed);
}

static NOINLINE void
keep_large(void)
{
	large = calloc(8, 1 << 20);
	__asm__ volatile("");
}

static void
worker(void *arg)
{
	(void)arg;
	goro_label_set("role", "worker");
	keep();
	keep_large();
	churn();
}

static int
program(void *arg)
{
	void *blocks[64];

	(void)arg;
	handed = goro_chan_create(sizeof(blocks), 4);
	goro_go(worker, NULL);
	while (goro_chan_recv(handed, blocks))
		for (int k = 0; k < 64; k++)
			free(blocks[k]);
	puts("ready");
	fflush(stdout);
	for (;;)
		goro_sleep(1000000);
	return 0;
}

int
main(void)
{
	return goro_run(program, NULL);
}
