import type { Calendar, CalendarUnit, Rule } from '../src/limiter/policy.ts'

/**
 * A calendar whose units have these lengths, one after the other and again, from 1970 on: unequal, as months are, and
 * short enough for a run to see many. As data it is its name and lengths alone; `withCalendars` gives it back its use.
 */
export class RepeatingCalendar implements Calendar {
  readonly name: string
  readonly unitsMs: readonly number[]

  constructor(unitsMs: readonly number[]) {
    this.name = `units of ${unitsMs.join(', ')} ms`
    this.unitsMs = unitsMs
  }

  at(atMs: number): CalendarUnit {
    const roundMs = this.unitsMs.reduce((sum, unitMs) => sum + unitMs, 0)
    const round = Math.floor(atMs / roundMs)
    let index = round * this.unitsMs.length
    let startMs = round * roundMs
    for (const unitMs of this.unitsMs) {
      if (atMs < startMs + unitMs) return { index, startMs, endMs: startMs + unitMs }
      index += 1
      startMs += unitMs
    }
    throw new RangeError(`no unit of ${this.name} holds ${atMs}`)
  }
}

/** The same rules, with calendars that can be asked for a unit: those of a file are data. */
export function withCalendars(rules: readonly Rule[]): Rule[] {
  return rules.map((rule) => ({ ...rule, limits: rule.limits.map(withCalendar) }))
}

function withCalendar(limit: Rule['limits'][number]): Rule['limits'][number] {
  const { algorithm } = limit
  if (algorithm?.type !== 'calendar-window' || !('unitsMs' in algorithm.calendar)) return limit
  const { unitsMs } = algorithm.calendar as RepeatingCalendar
  return { ...limit, algorithm: { ...algorithm, calendar: new RepeatingCalendar(unitsMs) } }
}
