/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - atomics with the ordering in the name
 *
 * Each use carries a comment [pair NAME] that its partner carries too, or
 * [relaxed] with the reason why nothing is published by it.
 */
#ifndef GR_ATOMIC_H
#define GR_ATOMIC_H

#define gr_load_rlx(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define gr_load_acq(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define gr_load_sc(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define gr_store_rlx(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define gr_store_rel(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define gr_store_sc(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define gr_xchg_acq(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define gr_xchg_rel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
#define gr_xchg_acq_rel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define gr_xchg_sc(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define gr_add_rlx(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define gr_add_acq_rel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define gr_add_sc(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define gr_and_rel(p, v) __atomic_fetch_and((p), (v), __ATOMIC_RELEASE)
#define gr_or_rel(p, v) __atomic_fetch_or((p), (v), __ATOMIC_RELEASE)

/* True when *p was @from and is @to now. */
#define gr_cas_acq_rel(p, from, to)                                       \
	({                                                                \
		__typeof__(*(p)) gr_expected = (from);                    \
		__atomic_compare_exchange_n((p), &gr_expected, (to), 0,   \
					    __ATOMIC_ACQ_REL,             \
					    __ATOMIC_ACQUIRE);            \
	})

/*
 * Keep the stores before it ahead of the stores behind it, as seen by a
 * reader in another process (the tracer). x86 orders stores by itself, so
 * only the compiler has to be told.
 */
#if defined(__x86_64__)
#define gr_wmb() __asm__ volatile("" ::: "memory")
#else
#define gr_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#endif

/* Keep the loads before it ahead of the loads behind it. */
#define gr_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)

#endif
