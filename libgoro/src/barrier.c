// SPDX-License-Identifier: MIT
/*
 * barrier.c - membarrier(2): Linux 4.14; a sandbox may forbid it
 */
#include "barrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fatal.h"

bool gr_barrier_missing;

static bool
membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) == 0;
}

/* Before there are threads: to register takes long when there are. */
void
gr_barrier_init(void)
{
	gr_barrier_missing = !membarrier(
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

/* Each thread of the process that runs at some moment of this call has a full
 * barrier during it; one that does not run has had one as it stopped. */
void
gr_barrier_all(void)
{
	if (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		gr_fatal("membarrier() was taken away after goro_run()");
}
