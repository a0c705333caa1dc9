// SPDX-License-Identifier: MIT
/*
 * chan_buffer.c - a handle in the buffer of a channel
 *
 * It has been sent and not yet been received. Between the two nobody has it.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

static struct goro_chan *mailbox; /* of struct goro_chan * */

int
story(void)
{
	struct goro_chan *kept;

	mailbox = goro_chan_create(sizeof(struct goro_chan *), 3);
	goro_chan_send(mailbox, &(struct goro_chan *){ park() });
	if (lost) {
		goro_chan_recv(mailbox, NULL); /* and drop it */
		return 1;
	}
	check();
	goro_chan_recv(mailbox, &kept);
	unpark(kept);
	drop(mailbox);
	return 0;
}
