import type { Defect } from './defect.ts'

/** Mistakes in what is counted, how it is merged, and what is made of it. */
export const COUNTING: readonly Defect[] = [
  {
    name: 'merge-by-sum',
    breaks: 'a count that is heard is added to the one held, not compared with it',
    edits: [
      {
        file: 'src/limiter/counts-reader.ts',
        find: 'tokens += store.raise(row, index, first + offset, entries[start + offset] as number)',
        replace: `const counters = store.counters[index] as SlicedCounters
        const held = counters.count(row, first + offset)
        tokens += store.raise(row, index, first + offset, held + (entries[start + offset] as number))`,
      },
    ],
    scenarios: ['kill-owner', 'crash-and-restart'],
  },
  {
    name: 'merge-by-last-write',
    breaks: 'whatever is heard last replaces what is held, older or not',
    edits: [
      {
        file: 'crdt/sliced-counter.ts',
        find: 'if (rise <= 0) return 0',
        replace: 'if (rise === 0) return 0',
      },
      {
        file: 'src/limiter/key-store.ts',
        find: 'if (rise > 0) this.#digest(row, limit, slice, rise)',
        replace: 'if (rise !== 0) this.#digest(row, limit, slice, rise)',
      },
      {
        file: 'src/limiter/counts-reader.ts',
        find: '> counters.count(row, slice + at - from)) return true',
        replace: '!== counters.count(row, slice + at - from)) return true',
      },
    ],
    scenarios: ['lossy-gossip', 'kill-owner'],
  },
  {
    name: 'constant-incarnation',
    breaks: 'every life of a node is the same actor',
    edits: [
      {
        file: 'crdt/node-id.ts',
        find: 'return Math.floor(startMs) * span + (randomBits & (span - 1))',
        replace: 'return span',
      },
    ],
    scenarios: ['crash-and-restart', 'rolling-kill'],
  },
  {
    name: 'own-counter-reset',
    breaks: 'a node counts its own admissions from 0 again once it has told them',
    edits: [
      {
        file: 'src/limiter/limiter.ts',
        find: 'if (row !== NO_ROW) writer.row(rule, store, row, sinceMs)',
        replace: `if (row !== NO_ROW) {
      writer.row(rule, store, row, sinceMs)
      for (const counters of store.counters) counters.clear(row)
    }`,
      },
    ],
    scenarios: ['kill-owner', 'steady-tenfold'],
  },
  {
    name: 'fold-from-zero',
    breaks: 'a fold assumes that the bucket was full of tokens before the oldest slice',
    edits: [
      {
        file: 'crdt/fold.ts',
        find: 'let level = meter.horizonUnits ?? meter.capacityUnits',
        replace: 'let level = 0',
      },
    ],
    scenarios: ['kill-owner', 'rolling-kill'],
  },
  {
    name: 'fold-adds-first',
    breaks: 'a fold adds what was admitted in a slice before it drains the slice',
    edits: [
      {
        file: 'crdt/fold.ts',
        find: `    level = Math.max(0, level - meter.drainPerMs * (endMs - cursorMs))
    cursorMs = endMs
    level += counters.sum(rings, slice) * meter.tokenUnits
`,
        replace: `    level += counters.sum(rings, slice) * meter.tokenUnits
    level = Math.max(0, level - meter.drainPerMs * (endMs - cursorMs))
    cursorMs = endMs
`,
      },
    ],
    scenarios: ['kill-owner', 'kill-owner-in-burst'],
  },
  {
    name: 'duplicates-count-twice',
    breaks: 'counts that arrive again lift the bucket of the acting owner again',
    edits: [
      {
        file: 'src/limiter/counts-reader.ts',
        find: 'if (!isNews(store, row, index, first + skip, entries, start + skip, cursor)) continue',
        replace: '',
      },
      {
        file: 'src/limiter/counts-reader.ts',
        find: 'else lift(store, key, index, tokens, was, nowMs)',
        replace: `else {
        const told = entries.slice(start + skip, cursor).reduce((sum, count) => sum + count, 0)
        const folded = store.folded(key, index, nowMs) - told * limit.tokenUnits
        lift(store, key, index, told, { ...was, folded }, nowMs)
      }`,
      },
    ],
    scenarios: ['crash-and-restart', 'pause-owner', 'kill-owner'],
  },
  {
    name: 'future-slices-accepted',
    breaks: 'counts of slices in the future are believed, however far away',
    edits: [
      {
        file: 'src/limiter/counts-reader.ts',
        find: 'if (last > sliceAt(limit, nowMs + this.#aheadMsMax)) {',
        replace: 'if (last === Number.POSITIVE_INFINITY) {',
      },
    ],
    scenarios: ['clocks-ahead-1200ms'],
  },
  {
    name: 'expired-slices-accepted',
    breaks: 'counts of slices that have fallen off are written where newer slices are now',
    edits: [
      {
        file: 'src/limiter/counts-reader.ts',
        find: 'if (last >= oldestLive(limit, sliceAt(limit, nowMs)) && last >= first) live = true',
        replace: 'if (last >= first) live = true',
      },
      {
        file: 'src/limiter/counts-reader.ts',
        find: 'const skip = Math.max(0, oldest - first)',
        replace: 'const skip = 0',
      },
      {
        file: 'crdt/sliced-counter.ts',
        find: 'else if (ahead <= -this.slicing.slices) return false',
        replace: '',
      },
    ],
    scenarios: ['late-gossip'],
  },
  {
    name: 'cap-check-off',
    breaks: 'a member is believed when it claims more than a limit can ever admit',
    edits: [
      {
        file: 'src/limiter/counts-reader.ts',
        find: 'if (count > limit.countMax + creditOf(store, index, slice, entries, at)) {',
        replace: 'if (count === Number.POSITIVE_INFINITY) {',
      },
    ],
    scenarios: ['inflating-stand-in'],
  },
  {
    name: 'live-key-evicted',
    breaks: 'a full table gives up any key, even one that is being refused',
    edits: [
      {
        file: 'src/limiter/eviction.ts',
        find: 'const used = usedShare(store, this.#hand, nowMs)',
        replace: 'const used = 0',
      },
    ],
    scenarios: ['key-flood'],
  },
  {
    name: 'window-forgets-early',
    breaks:
      'a sliding window lets go of its oldest slice while a part of it is still in the window',
    edits: [
      {
        file: 'src/limiter/algorithms/sliding-window.ts',
        find: 'return Math.max(0, Math.floor((nowMs - windowMs(limit) + 1) / limit.sliceMs))',
        replace:
          'return Math.max(0, Math.floor((nowMs - windowMs(limit) + 1) / limit.sliceMs) + 1)',
      },
    ],
    scenarios: ['steady-sliding-window'],
  },
  {
    name: 'refund-below-nothing',
    breaks: 'what is given back beyond what is in use is room for as much more than the limit',
    edits: [
      {
        file: 'src/limiter/admission.ts',
        find: 'const left = Math.max(0, store.level(row, index, nowMs) - cost * tokenUnits)',
        replace: 'const left = store.level(row, index, nowMs) - cost * tokenUnits',
      },
      {
        file: 'src/limiter/algorithms/draining-bucket.ts',
        find: 'return Math.max(0, buckets.bucketLevel(key, at) - elapsedMs * drainPerMs)',
        replace: `const level = buckets.bucketLevel(key, at)
    return level < 0 ? level : Math.max(0, level - elapsedMs * drainPerMs)`,
      },
    ],
    scenarios: [],
  },
]
