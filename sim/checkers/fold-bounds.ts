import type { Oracle, Watch } from '../oracle.ts'
import { type HeldEvents, heldEvents } from './held-events.ts'
import { Sample } from './sample.ts'
import { Troubles } from './troubles.ts'

/** Looks between two samples of one node each, for it takes the sorting of all events it holds. */
const EVERY_LOOKS = 3
/** Sums of fractions, in tokens. */
const ROUNDING = 1e-6

/**
 * Invariant 5: the fold of a node is never below the true level of the events it holds: the ideal meter of
 * exactly those admissions, from the ledger, by their actors' own clocks, without those that it knows to have been
 * given back.
 *
 * Not once somebody inflates counts (what was never admitted has no time), nor under rules that differ.
 */
export const foldSafety: Oracle = oracle(5, 'fold is safe', (level, { trueLevel }) => {
  return level < trueLevel - ROUNDING ? `below the true ${trueLevel.toFixed(3)}` : undefined
})

/**
 * Invariant 6: nor above the most that an honest fold makes of them (`held-events.ts`): R·slice above the true level if
 * a draining limit was empty on the way, B otherwise; a slice's tokens for a window that may begin at any time;
 * nothing for one that is a slice.
 */
export const foldTightness: Oracle = oracle(6, 'fold is tight', (level, { trueLevel, most }) => {
  return level > most + ROUNDING
    ? `more than ${(most - trueLevel).toFixed(2)} above the true ${trueLevel.toFixed(3)}`
    : undefined
})

type Judge = (level: number, events: HeldEvents) => string | undefined

function oracle(invariant: number, name: string, judge: Judge): Oracle {
  return {
    invariant,
    name,
    watch(watch) {
      const sample = Sample.of(watch)
      const troubles = Troubles.of(watch)
      return {
        look() {
          if (sample.looks % EVERY_LOOKS !== 0 || troubles.hasInflated || troubles.rulesDiffer)
            return
          judgeSample(watch, sample, judge)
        },
      }
    },
  }
}

/** One node after the other has its turn. */
function judgeSample({ found }: Watch, sample: Sample, judge: Judge): void {
  const { key, held } = sample
  const one = held[Math.floor(sample.looks / EVERY_LOOKS) % Math.max(1, held.length)]
  if (key === undefined || one === undefined) return
  const level = one.levelAt(one.nowMs)
  if (level === undefined) return
  const events = heldEvents(key, one)
  const what = events === undefined ? undefined : judge(level, events)
  if (what === undefined) return
  found(
    `${one.node} folds ${key.rule}/${key.name} (limit ${one.limitIndex}) to ${level.toFixed(3)}, ${what}`,
  )
}
