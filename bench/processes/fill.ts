import { TICK_MS } from '../../cluster/limits.ts'
import { loneNode, tick } from '../lone-node.ts'
import { work } from '../worker.ts'
import { keyText, RULE } from '../workload.ts'

// What a key costs in memory: a node is made and filled between two looks at the process. Needs
// `--expose-gc`, and a fresh process.

export interface FillJob {
  readonly keys: number
}

export interface FillResult {
  readonly keys: number
  /** Heap in use and array buffers, after collection: what the node holds. */
  readonly heldBytes: number
  /** Pages of memory the process has more than before: what the machine gave. */
  readonly residentBytes: number
}

/** Slow enough for no key to be spent before the end. */
const LIMIT = { rate: { count: 100, periodMs: 60_000 }, burst: 100 }
/** As many checks as a busy node has between two ticks. */
const CHECKS_PER_TICK = 2_000
/**
 * Filled and thrown away first, so that the heap has the room that checks need to pass through it. With a tenth of it
 * the young generation grows by 16 MB while it is watched.
 */
const REHEARSAL_KEYS = 1_000_000

work(({ keys }: FillJob): FillResult => {
  filled(REHEARSAL_KEYS)
  const before = memory()
  const node = filled(keys)
  const after = memory()
  const held = node.limiter.rule(RULE)?.store.table.keys
  if (held !== keys) throw new Error(`${held} of ${keys} keys are held`)
  return {
    keys,
    heldBytes: after.held - before.held,
    residentBytes: after.resident - before.resident,
  }
})

/**
 * A node with so many keys, at a time of its own that passes with the checks and then goes on until everything has been
 * published: while it waits for that, a key has a place in a list, too.
 */
function filled(keys: number) {
  let nowMs = 1_700_000_000_000
  const node = loneNode({ name: RULE, limits: [LIMIT] }, keys, nowMs)
  for (let number = 0; number < keys; number++) {
    node.check({ rule: RULE, key: keyText(number), cost: 1 }, nowMs)
    if (number % CHECKS_PER_TICK !== 0) continue
    nowMs += TICK_MS
    tick(node, nowMs)
  }
  while (node.limiter.unsentKeys > 0) {
    nowMs += TICK_MS
    tick(node, nowMs)
  }
  return node
}

function memory(): { held: number; resident: number } {
  if (gc === undefined) throw new Error('run me with --expose-gc')
  // Twice: array buffers are given back after the collection that finds them.
  gc()
  gc()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { held: heapUsed + arrayBuffers, resident: rss }
}
