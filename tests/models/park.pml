/* SPDX-License-Identifier: MIT */
/*
 * park.pml - a parked goroutine is woken once, and not before it has left
 *
 * Models a receive with a deadline (libgoro/src/chan.c, waitq.c, timer.c): the
 * goroutine arms its deadline, queues itself under the channel's lock and
 * parks; whoever runs next finishes the switch (gr_finish_deadline). A sender
 * takes it out of the queue under the same lock; the deadline fires under its
 * heap's lock and may find it before it has left its stack. The two wakers
 * meet at `claim`, the deadline and the finish at `parked`.
 *
 * Checked: exactly one of them makes it ready; only when its stack is no more
 * in use; and it always gets on. With -DBROKEN_CLAIM the sender does not
 * claim, with -DBROKEN_PARKED the deadline does not look whether the goroutine
 * has left; both must fail.
 */
mtype = { RUNNING, WAITING, RUNNABLE };

mtype state = RUNNING;
bool on_stack = true;   /* some thread still executes on its stack */
bool chan_lock, heap_lock;
bool queued, armed;
bool claim, parked;
bool sent;              /* the sender's hand-off */
byte readied;           /* how often it was made ready, this round */
byte rounds;

inline lock(l) { atomic { !l; l = true } }
inline unlock(l) { l = false }

inline ready()
{
	assert(state == WAITING);
	assert(!on_stack);
	atomic { readied++; state = RUNNABLE }
}

/* The thread that the goroutine left: switches away, finishes, goes on. */
proctype finisher()
{
	bool fired;

	do
	:: state == RUNNING && !on_stack ->
		state = WAITING;
		atomic { fired = parked; parked = true }
		unlock(chan_lock);
		if
		:: fired -> ready()
		:: else -> skip
		fi
	:: rounds == 2 && state == RUNNING && on_stack -> break
	od
}

proctype goroutine()
{
	bool woken_by_sender;

	do
	:: rounds < 2 ->
		readied = 0;
		sent = false;
		/* gr_deadline_arm() */
		claim = false;
		parked = false;
		lock(heap_lock);
		armed = true;
		unlock(heap_lock);
		/* wait_locked() */
		lock(chan_lock);
		queued = true;
		on_stack = false; /* gr_context_switch() */
		/* resumed by whoever found it in the run queue */
		state == RUNNABLE;
		atomic { assert(readied == 1); state = RUNNING; on_stack = true }
		woken_by_sender = sent;
		if
		:: !woken_by_sender ->
			lock(chan_lock);
			queued = false;
			unlock(chan_lock)
		:: else -> assert(!queued)
		fi;
		/* gr_deadline_disarm(): waits for a callback that runs */
		lock(heap_lock);
		armed = false;
		unlock(heap_lock);
		assert(readied == 1);
		rounds++
	:: else -> break
	od
}

proctype deadline()
{
	bool won, left;

	do
	:: armed ->
		lock(heap_lock);
		if
		:: armed ->
			armed = false;
			atomic { won = !claim; claim = true }
			if
			:: won ->
#ifdef BROKEN_PARKED
				left = true;
#else
				atomic { left = parked; parked = true }
#endif
				if
				:: left -> ready()
				:: else -> skip
				fi
			:: else -> skip
			fi
		:: else -> skip
		fi;
		unlock(heap_lock)
	:: rounds == 2 -> break
	od
}

proctype sender()
{
	bool won;

	do
	:: queued ->
		lock(chan_lock);
		if
		:: queued ->
			queued = false;
#ifdef BROKEN_CLAIM
			won = true; claim = true;
#else
			atomic { won = !claim; claim = true }
#endif
			if
			:: won -> sent = true; unlock(chan_lock); ready()
			:: else -> unlock(chan_lock)
			fi
		:: else -> unlock(chan_lock)
		fi
	:: rounds == 2 -> break
	od
}

init {
	atomic {
		run goroutine();
		run finisher();
		run deadline();
		run sender()
	}
}
