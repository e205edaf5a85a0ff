import { B, R } from '../../sim/scenarios/scenario.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'

/** What the simulator's scenarios limit, so that the bounds are the same. */
export const DEMO: LimitPolicy = { rate: { count: R, periodMs: 1_000 }, burst: B }
/** What the rule `changing` may become. */
export const HALF: LimitPolicy = { rate: { count: R / 2, periodMs: 1_000 }, burst: B / 2 }

/** A rules file; `plenty` is for checks that only make work. */
export function rulesText(changing: LimitPolicy = DEMO): string {
  return `version: 1
rules:
  - { name: demo, limits: [${limitText(DEMO)}] }
  - { name: shared, on_partition: share, limits: [${limitText(DEMO)}] }
  - { name: changing, limits: [${limitText(changing)}] }
  - { name: plenty, limits: [{ rate: 1000000/s, burst: 1000000 }] }
`
}

function limitText({ rate, burst }: LimitPolicy): string {
  return `{ rate: ${rate.count}/${rate.periodMs}ms, burst: ${burst} }`
}
