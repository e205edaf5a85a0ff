import type { LimitPolicy } from '../limiter/policy.ts'
import { type LimitSet, UNLIMITED } from './definition.ts'
import { renderDuration } from './duration.ts'
import { renderRate } from './rate.ts'

/** A limit as a person would say it: `100/m burst 20`, `30/h sliding-window`, `1000/month Europe/Berlin`. */
export function renderLimit({ rate, burst, algorithm }: LimitPolicy): string {
  const text = renderRate(rate)
  switch (algorithm?.type) {
    case undefined:
    case 'token-bucket':
      return `${text} burst ${burst}`
    case 'leaky-bucket':
      return `${text} leaky-bucket burst ${burst}`
    case 'sliding-window':
      return `${text} sliding-window`
    case 'fixed-window':
      return `${text} fixed-window ${algorithm.opens}`
    case 'calendar-window':
      return `${rate.count}/${algorithm.calendar.name}`
    case 'concurrency':
      return `${rate.count} at once, each for ${renderDuration(rate.periodMs)}`
  }
}

export function renderLimits(limits: LimitSet): string {
  return limits === UNLIMITED ? UNLIMITED : limits.map(renderLimit).join(' and ')
}
