import { overshootOf } from '../../sim/checkers/overshoot.ts'
import { isWithin } from '../../sim/checkers/whole-token.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import type { Span, Struck } from './faults/fault.ts'
import { DEMO } from './rules.ts'
import type { Seen } from './seen.ts'
import { sureOvershoot } from './sure-overshoot.ts'
import { surelyWronglyRefused } from './wrong-refusals.ts'

/** What clients saw of one key, judged by nothing else. Tokens, and milliseconds. */
export interface Judgement {
  readonly checks: number
  readonly allowed: number
  readonly bound: number
  /** O as it surely was, whenever within its time each check was decided. This one is held against the bound. */
  readonly sure: number
  /** O by the times at which clients were let through; never below the sure one. */
  readonly seen: number
  /** Share of checks; undefined when limits changed in between. */
  readonly wronglyRefused: number | undefined
  /** From a question to its answer, by the node that gave it. */
  readonly slowestMs: number
  /** Checks that no node answered in time though one was alive. */
  readonly lost: number
  /** Answers that were neither a decision nor "ask another", by status. */
  readonly odd: Readonly<Record<number, number>>
  readonly isWithin: boolean
}

export function judge(log: readonly Seen[], bound: number, struck: Struck = {}): Judgement {
  const answered = log.filter(({ status }) => status === 200)
  const admissions = answered.filter(({ allowed }) => allowed)
  const whole = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY, limit: DEMO }
  const spans = struck.spans ?? [whole]
  const worst = (overshoot: (admissions: readonly Seen[], limit: LimitPolicy) => number) =>
    Math.max(...spans.map((span) => overshoot(admissions.filter(isIn(span)), span.limit)))
  const sure = worst(sureOvershoot)
  const wrong = struck.spans === undefined ? surelyWronglyRefused(log, DEMO) : undefined
  return {
    checks: log.length,
    allowed: admissions.length,
    bound,
    sure,
    seen: worst((some, limit) => overshootOf(some.map(whenLetThrough), limit)),
    wronglyRefused: wrong === undefined ? undefined : wrong / Math.max(1, log.length),
    slowestMs: answered.reduce((max, { sentMs, doneMs }) => Math.max(max, doneMs - sentMs), 0),
    lost: log.filter((one) => one.status === 0 && !isDuring(one, struck.outage)).length,
    odd: oddOf(log),
    isWithin: isWithin(sure, bound),
  }
}

/** Tokens admitted by nodes that said in their answers that they stood in for the owner. */
export function tokensOfStandIns(log: readonly Seen[]): number {
  return log.reduce((sum, { allowed, degraded, cost }) => sum + (allowed && degraded ? cost : 0), 0)
}

function isIn({ fromMs, toMs }: Span): (seen: Seen) => boolean {
  return ({ sentMs, doneMs }) => sentMs >= fromMs && doneMs <= toMs
}

function whenLetThrough({ doneMs, cost }: Seen) {
  return { atMs: doneMs, cost }
}

/** Nobody can answer when nobody lives. */
function isDuring({ wantedMs, doneMs }: Seen, outage: Span | undefined): boolean {
  return outage !== undefined && doneMs >= outage.fromMs && wantedMs <= outage.toMs
}

function oddOf(log: readonly Seen[]): Record<number, number> {
  const odd: Record<number, number> = {}
  for (const { status } of log)
    if (status !== 0 && status !== 200) odd[status] = (odd[status] ?? 0) + 1
  return odd
}
