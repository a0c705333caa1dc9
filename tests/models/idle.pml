/* SPDX-License-Identifier: MIT */
/*
 * idle.pml - no wake-up of a worker is lost
 *
 * Models libgoro/src/idle.c and the part of sched.c that looks for work:
 * workers that look, go idle, look again and sleep; and others that put work
 * into the global queue and wake one. One step of the model is one atomic
 * access of the program, all of them sequentially consistent there.
 *
 * Checked: whenever nothing can move any more, no work is left in the queue
 * and nobody counts as looking for it. With -DBROKEN_LOOK the worker does not
 * look again after it declared itself idle, with -DBROKEN_ORDER it does so
 * before it gives up looking; both must fail.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef ITEMS
#define ITEMS 3
#endif

byte work;              /* in the global queue */
byte idle_n;            /* gr_idle_n */
byte spinning;          /* gr_spinning */
bool listed[WORKERS];   /* on the idle list */
bool wake[WORKERS];     /* m->wake */
bool sends[WORKERS];    /* m->spinning, set by the waker */
byte done;

/* gr_wake_one() */
inline wake_one()
{
	if
	:: idle_n == 0 -> skip
	:: else ->
		if
		:: spinning != 0 -> skip
		:: else ->
			/* the compare-and-swap */
			atomic {
				won = (spinning == 0);
				if
				:: won -> spinning = 1
				:: else -> skip
				fi
			}
			if
			:: won ->
				/* list_take(NULL), under idle.lock */
				atomic {
					k = 0;
					do
					:: k < WORKERS && !listed[k] -> k++
					:: else -> break
					od;
					if
					:: k < WORKERS ->
						listed[k] = false;
						idle_n--
					:: else -> skip
					fi
				}
				if
				:: k < WORKERS ->
					sends[k] = true;
					wake[k] = true
				:: else -> atomic { spinning-- }
				fi
			:: else -> skip
			fi
		fi
	fi
}

/* stop_spinning() */
inline stop_spinning()
{
	if
	:: me_spins ->
		me_spins = false;
		atomic { spinning--; last = (spinning == 0) }
		if
		:: last && work > 0 -> wake_one()
		:: else -> skip
		fi
	:: else -> skip
	fi
}

proctype worker(byte i)
{
	bool me_spins, won, last, got, mine;
	byte k;

look:
	atomic {
		got = (work > 0);
		if
		:: got -> work--
		:: else -> skip
		fi
	}
	if
	:: got ->
		stop_spinning();
		atomic { done++ }
		goto look
	:: else -> skip
	fi;

	/* spin(): become one who looks, at most once */
	if
	:: !me_spins && spinning == 0 ->
		me_spins = true;
		atomic { spinning++ }
		goto look
	:: true -> skip
	fi;

	/* gr_idle_sleep() */
	mine = me_spins;
	me_spins = false;
	atomic { listed[i] = true; idle_n++ }
#ifdef BROKEN_ORDER
	if
	:: work > 0 ->
		atomic {
			if
			:: listed[i] ->
				listed[i] = false; idle_n--;
				if :: mine -> spinning-- :: else -> skip fi;
				goto look
			:: else -> skip
			fi
		}
	:: else -> skip
	fi;
	if :: mine -> atomic { spinning-- } :: else -> skip fi;
#else
	if :: mine -> atomic { spinning-- } :: else -> skip fi;
#ifndef BROKEN_LOOK
	if
	:: work > 0 ->
		/* list_take(p): off the list, unless a waker was faster */
		atomic {
			if
			:: listed[i] -> listed[i] = false; idle_n--; goto look
			:: else -> skip
			fi
		}
	:: else -> skip
	fi;
#endif
#endif
end_asleep:
	wake[i];
	wake[i] = false;
	me_spins = sends[i];
	sends[i] = false;
	goto look
}

/* Whoever makes work for all: a foreign thread, a full ring. */
active proctype maker()
{
	bool won;
	byte k, n;

	do
	:: n < ITEMS ->
		atomic { work++ }
		wake_one();
		n++
	:: else -> break
	od
}

init {
	byte i;

	atomic {
		do
		:: i < WORKERS -> run worker(i); i++
		:: else -> break
		od
	}
	/* Nothing moves any more. */
	timeout ->
	assert(work == 0);
	assert(done == ITEMS);
	assert(spinning == 0);
	assert(idle_n == WORKERS)
}
