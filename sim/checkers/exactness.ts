import type { ClientAnswer } from '../observer.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { START_MS } from '../simulation.ts'
import { drains, type Meter } from './meter.ts'
import { Settled } from './settled.ts'
import { type TrueKey, Truth } from './truth.ts'

/** What sums of fractions may be off by, in tokens. */
const ROUNDING = 1e-6

/**
 * Invariant 2: in a healthy cluster O = 0, and every refusal is one that the ideal meter of all admissions
 * would make. Healthy is what `settled.ts` says.
 *
 * The meter runs on whole milliseconds, as deciders do, so an admission has no slack: it may not take the
 * meter above B. A refusal is judged when its client hears of it, which is later than it was made:
 *
 *     X(heard) + R·(heard - asked) + cost > B        because X fell by at most R for as long as that
 *     … + R·(slowest answer so far + 1 ms)           for one from memory: it was kept until `retryAfterMs`
 *                                                    from when it arrived, not from when it was made
 *
 * A window may have closed meanwhile: its refusals are not judged.
 */
export const exactness: Oracle = {
  invariant: 2,
  name: 'exact while healthy',
  watch(watch) {
    const { found } = watch
    const truth = Truth.of(watch)
    const settled = new Settled(watch)
    let slowestMs = 0
    let isPossible = true
    return {
      look() {
        isPossible &&= settled.isPossible
      },
      admitted({ rule, key, cost, node }) {
        const known = truth.ofName(rule, key)
        if (known === undefined || !settled.of(known, cost) || !isPossible) return
        const over = excess(watch, known)
        if (over <= ROUNDING || !settled.isPossible) return
        const what = `${node} admitted ${cost} of ${rule}/${key}, ${over.toFixed(3)} above the burst`
        settled.unlessTrouble(() => found(what))
      },
      answered(seen) {
        const tookMs = seen.answeredMs - seen.askedMs
        if (tookMs > slowestMs) slowestMs = tookMs
        const { answer, request } = seen
        if (answer.type !== 'answer' || answer.allowed || !isPossible) return
        const known = truth.ofText(request.rule, request.key)
        if (known === undefined || !known.policies.every(drains) || !settled.of(known, 0)) return
        const lateMs = answer.decidedBy === 'cache' ? slowestMs + 1 : tookMs
        const room = leastRoom(watch, known, lateMs)
        if (room < request.cost || !settled.isPossible) return
        settled.unlessTrouble(() => {
          // What the node admitted earlier in the same turn, it says only now.
          const left = leastRoom(watch, known, lateMs)
          if (left >= request.cost) found(describe(seen, left))
        })
      },
    }
  },
}

/** How far the fullest meter is above its burst, in tokens. */
function excess({ world }: Watch, key: TrueKey): number {
  const atMs = Math.floor(world.nowMs)
  return key.policies.reduce((most, { burst }, index) => {
    return Math.max(most, (key.meters[index] as Meter).levelAt(atMs) - burst)
  }, Number.NEGATIVE_INFINITY)
}

/** Room for a check under all limits, at least, so long ago or at any time since; in tokens. */
function leastRoom({ world }: Watch, key: TrueKey, lateMs: number): number {
  const atMs = Math.floor(world.nowMs)
  return key.policies.reduce((least, { burst, rate }, index) => {
    const drained = (rate.count / rate.periodMs) * Math.ceil(lateMs + (lateMs > 0 ? 1 : 0))
    const level = (key.meters[index] as Meter).levelAt(atMs)
    return Math.min(least, burst - level - drained - ROUNDING)
  }, Number.POSITIVE_INFINITY)
}

function describe({ node, request, answer, by, askedMs }: ClientAnswer, room: number): string {
  const { rule, key, cost } = request
  const reason = answer.type === 'answer' ? `${answer.reason} by ${answer.decidedBy} ${by}` : ''
  const at = (askedMs - START_MS).toFixed(1)
  return `${node}, asked at ${at}, refused ${cost} of ${rule}/${key} (${reason}) with room for ${room.toFixed(3)}`
}
