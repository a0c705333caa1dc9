/* SPDX-License-Identifier: MIT */
/*
 * mutex.pml - one at a time is inside, and no waiter is forgotten
 *
 * Models libgoro/src/mutex.c: goroutines, each on a worker of its own, lock
 * and unlock. The one store that may be seen later than it is made, because a
 * read follows and no exchange, is that of `unlocking`: `pending`, until it is
 * seen or a barrier makes it be. The others are as good as made when they are
 * seen. What it takes to choose between handing over and waking is left to
 * chance, and so is how long one spins.
 *
 * Checked: at most one is inside, and all get to their end. With
 * -DBROKEN_BARRIER the first to wait makes no barrier, with -DBROKEN_GRACE it
 * does not wait for those who are unlocking, with -DBROKEN_MARK one that has
 * put LOCKED over WAITED takes the mutex as if it had not, and with
 * -DBROKEN_EMPTY the unlocker that finds nobody in the queue does not look
 * again; all must fail.
 */
#define N 3

#define FREE 0
#define LOCKED 1
#define WAITED 2

#define NEVER 0
#define ANNOUNCED 1
#define KNOWN 2

#define AGAIN 1
#define HANDED 2

byte word = FREE, waits = NEVER, inside;
bool unlocking[N], pending[N];
bool lock;
chan queue = [N] of { byte }; /* under `lock` */
byte woken[N];

inline take(l)
{
	atomic { !l; l = true }
}

inline see(i)
{
	d_step {
		if
		:: pending[i] -> pending[i] = false; unlocking[i] = true
		:: else
		fi
	}
}

inline tell_unlockers()
{
	if
	:: waits == KNOWN
	:: else ->
		waits = ANNOUNCED;
#ifndef BROKEN_BARRIER
		for (i : 0 .. N - 1) {
			see(i)
		}
#endif
#ifndef BROKEN_GRACE
		for (i : 0 .. N - 1) {
			!unlocking[i]
		}
#endif
		i = 0;
		waits = KNOWN
	fi
}

/* Exchange `mark` for the word; goes to `in` when it was free. */
inline grab()
{
	d_step {
		before = word;
		word = mark;
#ifndef BROKEN_MARK
		if
		:: before == WAITED -> mark = WAITED
		:: else
		fi
#endif
	}
}

inline cas(from, to)
{
	d_step {
		before = word;
		if
		:: word == from -> word = to
		:: else
		fi
	}
}

proctype goroutine(byte me, times)
{
	byte before, mark, i, w;

	do
	:: times == 0 -> break
	:: else ->
		times--;

		/* goro_mutex_lock(); lock_slow() */
		mark = LOCKED;
		grab();
		if
		:: before == FREE -> goto in
		:: else
		fi;
		if
		:: word == FREE ->
			grab();
			if
			:: before == FREE -> goto in
			:: else
			fi
		:: skip
		fi;
		tell_unlockers();
		mark = WAITED;
		do
		::
			take(lock);
			grab();
			if
			:: before == FREE ->
				if
				:: len(queue) == 0 ->
					word = LOCKED
				:: else
				fi;
				lock = false;
				goto in
			:: else
			fi;
			d_step {
				queue!me;
				lock = false
			}
			atomic {
				woken[me] != 0;
				if
				:: woken[me] == HANDED ->
					woken[me] = 0;
					goto in
				:: else -> woken[me] = 0
				fi
			}
		od;
in:
		skip;
		d_step { before = 0; mark = 0 };
		inside++;
		assert(inside == 1);
		inside--;

		/* release() */
		pending[me] = true;
		if
		:: see(me)
		:: skip
		fi;
		if
		:: waits == NEVER ->
			see(me);
			word = FREE;
			unlocking[me] = false;
			goto out
		:: else ->
			see(me);
			unlocking[me] = false
		fi;
		cas(LOCKED, FREE);
		if
		:: before == LOCKED -> goto out
		:: else
		fi;

		/* unlock_slow() */
		do
		::
			take(lock);
			if
			:: len(queue) > 0 ->
				queue?w;
				break
			:: len(queue) == 0
			fi;
#ifdef BROKEN_EMPTY
			lock = false;
			word = FREE;
			goto out
#else
			word = LOCKED;
			lock = false;
			cas(LOCKED, FREE);
			if
			:: before == LOCKED -> goto out
			:: else
			fi
#endif
		od;
		lock = false;
		if
		:: woken[w] = HANDED
		:: word = FREE; woken[w] = AGAIN
		fi;
out:
		skip;
		d_step { before = 0; w = 0 }
	od
}

init
{
	atomic {
		run goroutine(0, 2);
		run goroutine(1, 2);
		run goroutine(2, 1)
	}
}
