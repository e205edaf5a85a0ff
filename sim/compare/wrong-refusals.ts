import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { type Meter, meterOf } from '../checkers/meter.ts'
import type { Run } from './architecture.ts'
import type { MeterHistory } from './meter-history.ts'
import type { Arrival } from './workload.ts'

/** A check that was not allowed though there was room for it. */
export interface Turned {
  /** Which of the arrivals. */
  readonly index: number
  readonly key: string
  readonly cost: number
  readonly answeredMs: number
}

/**
 * The checks that were refused, or failed, though the true cluster-wide meter, fed with all that was really admitted,
 * had room for them: all the time from question to answer, and by more than drains in 1 ms, the unit of clocks.
 */
export function refusedWithRoom(
  arrivals: readonly Arrival[],
  run: Run,
  meters: ReadonlyMap<string, MeterHistory>,
  { rate, burst }: LimitPolicy,
): Turned[] {
  const tolerance = rate.count / rate.periodMs
  const turned: Turned[] = []
  arrivals.forEach(({ atMs, key, cost }, index) => {
    const answer = run.answers[index]
    if (answer?.outcome === 'allowed') return
    const answeredMs = answer?.atMs ?? atMs
    const highest = meters.get(key)?.highestIn(atMs, answeredMs) ?? 0
    if (highest + cost + tolerance <= burst) turned.push({ index, key, cost, answeredMs })
  })
  return turned
}

/**
 * Of those, the ones that could all have been allowed on top of what was. One token that lies idle for a second is in
 * the way of every refusal of that second, but could have turned only one of them: so a check that was refused with
 * room is put on the meter as if it had been allowed, and those after it have to find room beside it.
 */
export function wronglyRefused(turned: readonly Turned[], run: Run, limit: LimitPolicy): Turned[] {
  const tolerance = limit.rate.count / limit.rate.periodMs
  const meters = new Map<string, Meter>()
  const meterOfKey = (key: string): Meter => {
    const meter = meters.get(key) ?? meterOf(limit)
    meters.set(key, meter)
    return meter
  }
  const inOrder = [...turned].sort((a, b) => a.answeredMs - b.answeredMs)
  const admissions = [...run.admissions].sort((a, b) => a.atMs - b.atMs)
  let next = 0
  return inOrder.filter(({ key, cost, answeredMs }) => {
    for (; (admissions[next]?.atMs ?? Number.POSITIVE_INFINITY) <= answeredMs; next++) {
      const admitted = admissions[next]
      if (admitted !== undefined) meterOfKey(admitted.key).pass(admitted.atMs, admitted.cost)
    }
    const meter = meterOfKey(key)
    if (meter.levelAt(answeredMs) + cost + tolerance > limit.burst) return false
    meter.pass(answeredMs, cost)
    return true
  })
}
