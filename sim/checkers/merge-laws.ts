import type { Counts, WantedBuckets } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { BUCKETS, bucketOf } from '../../crdt/slice-digest.ts'
import { Limiter } from '../../src/limiter/limiter.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { looksOf, Sample } from './sample.ts'
import type { TrueKey } from './truth.ts'

const EVERY_LOOKS = looksOf(5_000)
/** Rows for the keys of one bucket, with all their actors. */
const ROWS = 512

/**
 * Invariant 3: merging is commutative, associative and idempotent, on states that were reached. Every 5 s it
 * takes what three live nodes hold of the sample's bucket of keys, merges it into empty limiters in several
 * orders and twice over, and compares what they then hold.
 */
export const mergeLaws: Oracle = {
  invariant: 3,
  name: 'merge laws',
  watch(watch) {
    const sample = Sample.of(watch)
    return {
      look() {
        const { key } = sample
        if (key === undefined || sample.looks % EVERY_LOOKS !== 0) return
        const what = brokenLaw(watch, key, Math.floor(sample.looks / EVERY_LOOKS))
        if (what !== undefined) watch.found(`merging ${key.rule}/${key.name} ${what}`)
      },
    }
  },
}

function brokenLaw(watch: Watch, key: TrueKey, turn: number): string | undefined {
  const { world } = watch
  const { live } = world
  if (live.length === 0) return undefined
  const nowMs = Math.floor(world.nowMs)
  const [a, b, c] = [0, 1, 2].map((step) => {
    const id = live[(turn + step) % live.length] as NodeId
    return countsOf(world.host(id).node.limiter, key, nowMs)
  }) as [Counts[], Counts[], Counts[]]
  const merged = (...states: Counts[][]) => {
    const scratch = scratchLimiter(watch)
    for (const counts of states.flat()) scratch.merge(counts, undefined, nowMs)
    return scratch
  }
  const ab = merged(a, b)
  const one = textOf(ab, key, nowMs)
  if (one !== textOf(merged(b, a), key, nowMs)) return 'depends on the order'
  if (one !== textOf(merged(a, b, b, a), key, nowMs)) return 'twice changes something'
  const left = textOf(merged(countsOf(ab, key, nowMs), c), key, nowMs)
  const right = textOf(merged(a, countsOf(merged(b, c), key, nowMs)), key, nowMs)
  return left === right ? undefined : 'depends on the grouping'
}

/** An actor that nobody is. */
const NOBODY = { node: 'nobody' as NodeId, incarnation: 1 }
const MANY = 1_000_000

function scratchLimiter({ experiment }: Watch): Limiter {
  const options = {
    hashKey: { hi: 0, lo: 0 },
    keysMax: ROWS,
    gossipIntervalMs: experiment.gossipIntervalMs ?? 500,
    earlyFlushBurstShare: 1,
    aheadMsMax: MANY,
    numbersMax: MANY,
    actorsMax: MANY,
    rulesMax: MANY,
    levelNumbersMax: MANY,
  }
  return new Limiter(experiment.rules, NOBODY, options)
}

/** Everything held of the keys in this key's bucket. Reading changes nothing. */
function countsOf(limiter: Limiter, { rule, hash }: TrueKey, nowMs: number): Counts[] {
  const bits = new Uint8Array(BUCKETS / 8)
  const bucket = bucketOf(hash.hi)
  bits[bucket >> 3] = 1 << (bucket & 7)
  const wanted: WantedBuckets[] = [{ rule, bits }]
  return limiter.repair(wanted, { rule: 0, row: 0 }, MANY, nowMs).counts
}

/** The same for equal states, whatever order their rows came in. */
function textOf(limiter: Limiter, key: TrueKey, nowMs: number): string {
  const lines: string[] = []
  for (const { actors, blocks } of countsOf(limiter, key, nowMs)) {
    for (const { rule, sliceMs, base, entries } of blocks) {
      for (let at = 0; at < entries.length; ) {
        const start = at
        at += 3
        for (let limit = 0; limit < sliceMs.length; limit++) at += 2 + (entries[at + 1] as number)
        const {
          node,
          incarnation,
          credit = false,
        } = actors[entries[start + 2] as number] as Counts['actors'][number]
        const [hi, lo] = entries.slice(start, start + 2)
        const rest = entries.slice(start + 3, at).join()
        lines.push(`${rule} ${base.join()} ${hi} ${lo} ${node}#${incarnation} ${credit} ${rest}`)
      }
    }
  }
  return lines.sort().join('\n')
}
