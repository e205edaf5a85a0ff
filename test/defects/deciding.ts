import type { Defect } from './defect.ts'

/** Mistakes in who decides, when, and by how much of the limit. */
export const DECIDING: readonly Defect[] = [
  {
    name: 'share-by-live-count',
    breaks: 'a side of a split divides by the members it still sees',
    edits: [
      {
        file: 'cluster/reach.ts',
        find: 'const splitForMs = nowMs - Math',
        replace: `const live = members.size - outOfReach.size
    if (live > 0) return { reached: live, members: live, splitForMs: 0 }
    const splitForMs = nowMs - Math`,
      },
    ],
    scenarios: ['alone-3-share', 'split-1-2-share'],
  },
  {
    name: 'weights-agreed-in-split',
    breaks: 'a side of a split agrees on other weights without the far side',
    edits: [
      {
        file: 'cluster/weighing.ts',
        find: '(mayBeAlive.has(id) || !isGone(state))',
        replace: "state === 'active'",
      },
      {
        file: 'cluster/weighing.ts',
        find: 'this.#membership.outOfReach(nowMs).size === 0 &&\n',
        replace: '',
      },
    ],
    scenarios: ['clients-move-10-demand'],
  },
  {
    name: 'surcharge-kept',
    breaks: 'what checks weighed in a split beyond their cost is kept when it has healed',
    edits: [
      {
        file: 'src/limiter/admission.ts',
        find: "if (weight.type === 'whole') store.dropSurcharge(row, nowMs)\n  else if",
        replace: 'if',
      },
    ],
    scenarios: ['alone-3-share'],
  },
  {
    name: 'joiner-decides-first',
    breaks: 'a joiner takes its place in the ring before it has heard what its keys have used',
    edits: [
      {
        file: 'cluster/joining.ts',
        find: 'return active.every(hasBeenPulled)',
        replace: 'return true',
      },
      {
        file: 'cluster/hand-off.ts',
        find: 'this.#isOpen = this.#awaited.size > 0',
        replace: 'this.#isOpen = false',
      },
    ],
    scenarios: ['join-after-burst', 'join-saturated'],
  },
  {
    name: 'late-counts-ignored',
    breaks: 'the acting owner does not lift its bucket by counts that arrive late',
    edits: [
      {
        file: 'src/limiter/counts-reader.ts',
        find: 'else lift(store, key, index, tokens, was, nowMs)',
        replace: '',
      },
    ],
    scenarios: ['flapping-split', 'pause-owner'],
  },
  {
    name: 'previous-not-resent',
    breaks: 'a publication holds only what is new since the last one, which may be lost',
    edits: [
      {
        file: 'cluster/dissemination.ts',
        find: 'this.#sinceMs = this.#beforeLastMs',
        replace: 'this.#sinceMs = this.#lastMs',
      },
    ],
    scenarios: ['kill-owner', 'lossy-gossip'],
  },
  {
    name: 'origin-admits-on-timeout',
    breaks: 'a check whose owner does not answer in time is simply let through',
    edits: [
      {
        file: 'cluster/journeys.ts',
        find: 'for (const check of this.#forwarding.overdue(nowMs)) this.reroute(check, nowMs)',
        replace: `for (const check of this.#forwarding.overdue(nowMs)) {
      const { id } = check.origin
      const numbers = { limit: 0, remaining: 0, retryAfterMs: 0, resetMs: 0 }
      this.#settle(check, { id, verdict: 'allowed', ...numbers }, this.#membership.self.id, nowMs)
    }`,
      },
    ],
    scenarios: ['pause-owner', 'power-off-owner'],
  },
  {
    name: 'hand-off-without-stopping',
    breaks: 'a node that leaves hands its keys over, and goes on deciding them',
    edits: [
      {
        file: 'cluster/replica.ts',
        find: `this.#handOff.tell(peer, lastWords(peer), nowMs)
    }`,
        replace: `this.#handOff.tell(peer, lastWords(peer), nowMs)
    }
    this.membership.enter('active', nowMs)`,
      },
    ],
    scenarios: ['leave-saturated', 'rolling-restart'],
  },
  {
    name: 'retry-after-short',
    breaks: '`retryAfterMs` is 10 % too short',
    edits: [
      {
        file: 'src/limiter/admission.ts',
        find: 'store.freeInMs(row, at, excess, nowMs)',
        replace: 'store.freeInMs(row, at, 0.9 * excess, nowMs)',
      },
    ],
    scenarios: ['steady-tenfold'],
  },
  {
    name: 'ring-by-insertion-order',
    breaks: "a member's place on the ring depends on when it was heard of",
    edits: [
      {
        file: 'cluster/placement.ts',
        find: 'this.members = [...new Set(members)].sort()',
        replace: 'this.members = [...new Set(members)]',
      },
      {
        file: 'cluster/placement.ts',
        find: '(id, owner) => (places[owner] === ABSENT ? ringPointsOf(id) : NONE)',
        replace:
          '(_, owner) => (places[owner] === ABSENT ? ringPointsOf(String(owner) as NodeId) : NONE)',
      },
    ],
    scenarios: [],
  },
  {
    name: 'stand-ins-tell-holders-only',
    breaks: 'what is admitted in place of the nodes that hold a key is told to these alone',
    edits: [
      {
        file: 'cluster/copies.ts',
        find: "return holders.includes(this.#membership.self.id) ? holders : [...holders, 'all']",
        replace: 'return holders',
      },
    ],
    scenarios: ['large-split-majority'],
  },
  {
    name: 'bucket-kept-untold',
    breaks:
      'a node that is no longer told of a key goes on from its bucket when it decides it again',
    edits: [
      {
        file: 'cluster/copies.ts',
        find: 'return this.#isScoped && this.#membership.outOfReach(nowMs).size === 0',
        replace: 'return nowMs < 0',
      },
    ],
    scenarios: ['large-grow-and-shrink'],
  },
  {
    name: 'lease-not-recorded',
    breaks: 'tokens that are leased to another node are not counted as admitted',
    edits: [
      {
        file: 'src/limiter/leasing.ts',
        find: '  store.record(key, tokens, nowMs)\n  store.leased.add(key, tokens, nowMs + forMs)\n',
        replace: '',
      },
    ],
    scenarios: ['leases-steady', 'leases-reload'],
  },
  {
    name: 'lease-drains-at-once',
    breaks: 'leased tokens drain from the moment on at which they are granted, not given out',
    edits: [
      {
        file: 'src/limiter/leasing.ts',
        find: '  store.leased.add(key, tokens, nowMs + forMs)\n',
        replace: '',
      },
      {
        file: 'src/limiter/leasing.ts',
        find: '    if (drainPerMs > 0) continue\n',
        replace: '',
      },
    ],
    scenarios: ['leases-late'],
  },
  {
    name: 'local-quota-ignored',
    breaks: 'a node decides by its own counts, however far it is ahead of the others',
    edits: [
      {
        file: 'src/limiter/local-mode.ts',
        find: 'Math.max(0, quota - unacknowledged)',
        replace: 'Math.max(burst, unacknowledged)',
      },
    ],
    scenarios: ['local-bursts', 'local-slow-links'],
  },
  {
    name: 'local-alone-at-once',
    breaks: 'a node goes on by its own share while others may still count on it',
    edits: [
      {
        file: 'cluster/in-step.ts',
        find: "nowMs >= this.#boundMs + STEP_GOOD_MS ? 'alone' : 'waits'",
        replace: "'alone'",
      },
    ],
    scenarios: ['local-split-2-1', 'local-cut-two', 'local-flapping'],
  },
]
