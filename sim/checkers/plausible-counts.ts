import { CLOCK_AHEAD_MS_MAX } from '../../cluster/limits.ts'
import { sliceAt } from '../../crdt/sliced-counter.ts'
import type { Oracle } from '../oracle.ts'
import { type Held, Sample } from './sample.ts'
import { Troubles } from './troubles.ts'

/**
 * Invariant 23, of counts that no honest author writes: no node holds, whoever claimed it,
 *
 *     a count above B + R·slice       more than any decider can admit in a slice, but for what it was given back of it
 *     a slice that begins more than `CLOCK_AHEAD_MS_MAX` ahead of the node's own clock
 *
 * The node is measured by its own rules and its own clock. One whose clock was set back between two lives
 * still holds nothing from before; so nothing is excepted but a table that is of other rules.
 */
export const plausibleCounts: Oracle = {
  invariant: 23,
  name: 'counts are plausible',
  watch(watch) {
    const sample = Sample.of(watch)
    const troubles = Troubles.of(watch)
    return {
      look() {
        const { key, held } = sample
        if (key === undefined || troubles.rulesDiffer) return
        for (const one of held) {
          const what = implausible(one)
          if (what !== undefined)
            watch.found(`${one.node} holds of ${key.rule}/${key.name} ${what}`)
        }
      },
    }
  },
}

function implausible({ limit, nowMs, oldest, newest, rings }: Held): string | undefined {
  const latest = sliceAt(limit, nowMs + CLOCK_AHEAD_MS_MAX)
  if (newest > latest) return `slice ${newest}, ${newest - latest} later than any it may believe in`
  const credits = rings.filter(({ credit }) => credit === true)
  const mostIn = (slice: number) =>
    credits.reduce((most, { tokens }) => most + (tokens[slice] as number), limit.countMax)
  for (const { node, tokens, credit } of rings) {
    if (credit === true) continue
    const at = tokens.findIndex((count, slice) => count > limit.countMax && count > mostIn(slice))
    if (at < 0) continue
    return `${tokens[at]} by ${node} in slice ${oldest + at}, at most ${mostIn(at)} can be`
  }
  return undefined
}
