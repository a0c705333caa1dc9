// SPDX-License-Identifier: MIT
/*
 * fatal.c - panics and fatal errors
 */
#include "fatal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "atomic.h"
#include "san.h"
#include "sched.h"
#include "sigquit.h"
#include "trace.h"
#include "traceback.h"

enum {
	EXIT_STATUS = 2,
	STACK_BYTES = 128 * 1024, /* of the report; sanitizers are hungry */
	MESSAGE_BYTES = 4096,
};

/* Why the program ends; lies on the stack of who says so. */
struct cause {
	const char *kind;   /* "panic" */
	const char *format; /* printf's where there are args */
	va_list *args;      /* NULL: the format is the message */
	bool all;           /* all goroutines, unless there are to be none */
	bool quit;          /* nothing went wrong: somebody wants to know */
	struct gr_here here;
};

static int32_t reporter; /* thread id, 0: nobody yet; [pair reporter] */
static struct gr_out out;
static char message[MESSAGE_BYTES];
static char stack[STACK_BYTES] __attribute__((aligned(64)));

static _Noreturn void
wait_for_ever(void)
{
	for (;;)
		pause();
}

/* By the system call: a sanitizer's _exit() has a last word of its own, and
 * another status. */
void
gr_end_process(void)
{
	for (;;)
		syscall(SYS_exit_group, EXIT_STATUS);
}

static int32_t
thread_id(void)
{
	return (int32_t)syscall(SYS_gettid);
}

/* Become the one who reports, or do not come back. */
static void
become_reporter(void)
{
	/* [pair reporter] only one thread can win. */
	if (gr_cas_acq_rel(&reporter, 0, thread_id()))
		return;
	if (gr_load_acq(&reporter) != thread_id())
		wait_for_ever();
	gr_out_flush(&out);
	gr_end_process();
}

void
gr_fatal_wait(void)
{
	/* [pair reporter] [relaxed] whoever comes just after is in time too,
	 * but then so were we. */
	if (gr_load_rlx(&reporter))
		wait_for_ever();
}

/* A fault while there is a report: in it, or somewhere else. */
static void
on_fault(int sig)
{
	(void)sig;
	if (gr_load_acq(&reporter) != thread_id()) /* [pair reporter] */
		wait_for_ever();
	gr_out_str(&out, "\n[a fault ended the traceback]\n");
	gr_out_flush(&out);
	gr_end_process();
}

/* From here on nothing but us decides how the program ends: not a reader of
 * stderr who has gone away, nor a handler of the program's. */
static void
take_signals(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	static const int for_the_user[] = { SIGINT, SIGTERM, SIGQUIT };
	struct sigaction ours = { .sa_handler = on_fault,
				  .sa_flags = SA_ONSTACK | SA_NODEFER };
	sigset_t blocked;

	sigfillset(&blocked); /* SIGPIPE too: write() tells as much */
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		sigdelset(&blocked, faults[i]);
		sigaction(faults[i], &ours, NULL);
	}
	for (size_t i = 0; i < sizeof(for_the_user) / sizeof(int); i++)
		sigdelset(&blocked, for_the_user[i]);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static _Noreturn void
dump_core(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t abrt;

	gr_clock_tick(); /* to the core's reader the time of death */
	sigaction(SIGABRT, &dfl, NULL);
	sigemptyset(&abrt);
	sigaddset(&abrt, SIGABRT);
	sigprocmask(SIG_UNBLOCK, &abrt, NULL);
	raise(SIGABRT);
	gr_end_process();
}

/* On the stack of the report. */
static void
report(void *arg)
{
	const struct cause *c = arg;
	enum gr_traceback_level level = gr_traceback_level();
	const char *text = c->format;

#ifdef GR_ASAN
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
	if (c->args) {
		vsnprintf(message, sizeof(message), c->format, *c->args);
		text = message;
	}
	take_signals();
	/* Of a report that got stuck, the user can still be rid by it. */
	if (!c->quit)
		gr_sigquit_remove();
	out.fd = STDERR_FILENO;
	gr_out_str(&out, c->kind);
	gr_out_str(&out, ": ");
	gr_out_str(&out, text);
	gr_out_str(&out, "\n");
	if (c->all && level == GR_TRACEBACK_SINGLE)
		level = GR_TRACEBACK_ALL;
	if (c->quit)
		gr_traceback_living(&out, level, true);
	else
		gr_traceback(&out, &c->here, level);
	gr_out_flush(&out);
	gr_flight_dump(&out);
	gr_out_flush(&out);
	/* A core is best dumped from the stack that the report is about. */
	if (level < GR_TRACEBACK_CRASH)
		gr_end_process();
}

static _Noreturn void
end_program(struct cause *c)
{
	become_reporter();
#ifdef GR_ASAN
	__sanitizer_start_switch_fiber(NULL, stack, sizeof(stack));
#endif
	gr_stack_call(stack + sizeof(stack), report, c);
	dump_core();
}

void
gr_fatal(const char *msg)
{
	struct cause c = { .kind = "fatal error",
			   .format = msg,
			   .all = true,
			   .here = { .exact = true, .skip = 1 } };

	gr_regs_capture(&c.here.regs);
	end_program(&c);
}

void
gr_fatal_aside(const char *msg)
{
	struct cause c = { .kind = "fatal error",
			   .format = msg,
			   .all = true,
			   .here = { .aside = true } };

	gr_regs_capture(&c.here.regs);
	end_program(&c);
}

void
gr_fatal_sig(const char *msg, void *ucontext)
{
	struct cause c = { .kind = "fatal error",
			   .format = msg,
			   .all = true,
			   .here = { .exact = true } };

	gr_regs_from_ucontext(&c.here.regs, ucontext);
	end_program(&c);
}

void
gr_fatal_quit(void)
{
	struct cause c = {
		.kind = "SIGQUIT", .format = "quit", .all = true, .quit = true
	};

	end_program(&c);
}

void
goro_panic(const char *format, ...)
{
	struct cause c = { .kind = "panic",
			   .format = format,
			   .here = { .exact = true, .skip = 1 } };
	va_list args;

	va_start(args, format);
	c.args = &args;
	gr_regs_capture(&c.here.regs);
	end_program(&c);
}
