/* SPDX-License-Identifier: MIT */
/*
 * attend.pml - no event of the network is left to nobody
 *
 * Models gr_idle_sleep(), gr_netpoll_sleep(), gr_netpoll_break() and the
 * monitor: an idle worker sleeps in epoll, unless another one that is not idle
 * has looked lately; the monitor, awake as long as some worker is, sends one
 * there when nobody attends. A worker may at any time begin a goroutine that
 * never lets go of it. What idle.pml shows, that no wake-up is lost, is taken
 * for granted here: a waker takes and wakes a worker in one step.
 *
 * Checked: whenever nothing can move any more, no event waits and no work,
 * unless every worker is stuck. With -DBROKEN_LAST a worker does not look
 * whether all others are idle, with -DBROKEN_POKE nobody wakes the monitor, with
 * -DBROKEN_BREAK the sleeper looks at its wake before it publishes itself; all
 * must fail.
 */
#define WORKERS 2
#define EVENTS 2
#define NOBODY WORKERS

byte events;          /* ready, in the kernel */
byte work;            /* in the global queue */
byte idle_n;          /* gr_idle_n */
byte stuck;           /* workers that do not come back */
bool listed[WORKERS]; /* on the idle list */
bool wake[WORKERS];   /* m->wake */
byte sleeper = NOBODY;
byte looker = NOBODY; /* who looked last: lately, or long ago */
bool event_fd;        /* the waker's own */
bool monitor_asleep, poked;

/* take_unlock(), then wake() */
inline wake_one()
{
	atomic {
		k = 0;
		do
		:: k < WORKERS && !listed[k] -> k++
		:: else -> break
		od;
		if
		:: k < WORKERS -> listed[k] = false; idle_n--
		:: else -> skip
		fi
	}
	if
	:: k < WORKERS ->
		poke();
		wake[k] = true;
		if
		:: sleeper == k -> event_fd = true
		:: else -> skip
		fi
	:: else -> skip
	fi
}

inline poke()
{
#ifdef BROKEN_POKE
	skip
#else
	if
	:: monitor_asleep -> poked = true
	:: else -> skip
	fi
#endif
}

/* list_take() of ourselves. */
inline take_self()
{
	atomic {
		mine = listed[i];
		if
		:: mine -> listed[i] = false; idle_n--
		:: else -> skip
		fi
	};
	if :: mine -> poke() :: else -> skip fi
}

proctype worker(byte i)
{
	bool mine, there;
	byte k, got;

look:
	atomic {
		/* What is over makes no difference. */
		mine = false;
		there = false;
		k = 0;
		got = (work > 0);
		if
		:: got -> work--
		:: else -> skip
		fi
	}
	if
	:: got -> goto busy
	:: else -> skip
	fi;

	atomic { got = 0; listed[i] = true; idle_n++ };
	if
	:: work > 0 ->
		take_self();
		if :: mine -> goto look :: else -> skip fi
	:: else -> skip
	fi;
	do
	:: wake[i] -> break
	:: else ->
		/* gr_netpoll_sleep() */
		there = false;
		if
#ifdef BROKEN_LAST
		:: looker != i && looker != NOBODY -> skip
#else
		:: idle_n < WORKERS && looker != i && looker != NOBODY -> skip
#endif
		:: idle_n < WORKERS && sleeper != NOBODY -> skip
		:: true ->
#ifdef BROKEN_BREAK
			if :: wake[i] -> goto woken :: else -> skip fi;
#endif
			atomic {
				if
				:: sleeper == NOBODY ->
					sleeper = i; there = true
				:: else -> skip
				fi
			}
		fi;
		if
		:: there ->
			got = 0;
#ifdef BROKEN_BREAK
			if
			:: false -> skip
#else
			if
			:: wake[i] -> skip
#endif
			:: else ->
end_epoll:			atomic {
					events > 0 || event_fd;
					got = events;
					events = 0;
					event_fd = false
				};
				looker = i
			fi;
			sleeper = NOBODY;
			if
			:: got > 0 ->
				take_self();
				if
				:: mine -> goto busy
				:: else -> atomic { work = work + got };
					wake_one()
				fi
			:: else -> skip
			fi
		:: else ->
			/* The futex. */
end_futex:		wake[i]
		fi
	od;
woken:
	wake[i] = false;
	goto look;
busy:
	if
	/* It never lets go; one does, or there would be nobody. */
	:: atomic { stuck < WORKERS - 1 -> stuck++ }
end_stuck:
		false
	:: true -> goto look
	fi
}

active proctype monitor()
{
	byte k, got;

end_watch:
	do
	:: idle_n > 0 && work > 0 -> wake_one(); k = 0
	:: atomic { idle_n < WORKERS && sleeper == NOBODY &&
		    (events > 0 || idle_n > 0) } ->
		/* gr_netpoll_watch(), when nobody has looked for long */
		atomic { got = events; events = 0 };
		if
		:: got > 0 -> atomic { work = work + got }
		:: else -> skip
		fi;
		wake_one();
		atomic { got = 0; k = 0 }
	:: idle_n == WORKERS ->
		monitor_asleep = true;
		if
		:: idle_n == WORKERS ->
end_monitor:		poked;
			poked = false
		:: else -> skip
		fi;
		monitor_asleep = false
	od
}

active proctype network()
{
	byte n;

	do
	:: n < EVENTS -> events++; n++
	:: else -> break
	od
}

init {
	atomic { run worker(0); run worker(1) }
	timeout ->
	assert(events == 0);
	assert(work == 0)
}
