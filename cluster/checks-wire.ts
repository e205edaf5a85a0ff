import { type FrameReader, Malformed } from './frame-reader.ts'
import {
  COST_MAX,
  FRAME_CHECKS_MAX,
  HOPS_MAX,
  LEASE_MS,
  LEASE_TOKENS_MAX,
  RULE_LIMITS_MAX,
} from './limits.ts'
import { ACTIONS, type ForwardedCheck, type ForwardedDecision, VERDICTS } from './message.ts'

/** What `wire.ts` says and reads of checks and their decisions. */

/**
 * Flat, each array of its final size from the start: frames of one check are most frames there are. Only what is
 * undone has one number more.
 */
export function fromChecks(checks: readonly ForwardedCheck[]): { rules: string[]; flat: number[] } {
  const rules: string[] = []
  const flat = new Array<number>(checks.length * 7)
  let at = 0
  for (const { id, action, rule, hashHi, hashLo, cost, ageMs = 0, hops } of checks) {
    let number = rules.indexOf(rule)
    if (number < 0) number = rules.push(rule) - 1
    flat[at++] = id
    flat[at++] = number
    flat[at++] = hashHi
    flat[at++] = hashLo
    flat[at++] = cost
    flat[at++] = hops
    flat[at++] = ACTIONS.indexOf(action)
    if (action === 'undo') flat[at++] = ageMs
  }
  return { rules, flat }
}

export function fromDecisions(decisions: readonly ForwardedDecision[]): number[] {
  const flat = new Array<number>(decisions.length * 7)
  let at = 0
  for (const { id, verdict, limit, remaining, retryAfterMs, resetMs, delayMs } of decisions) {
    flat[at++] = id
    flat[at++] = VERDICTS.indexOf(verdict)
    flat[at++] = limit
    flat[at++] = remaining
    flat[at++] = retryAfterMs
    flat[at++] = resetMs
    flat[at++] = delayMs
  }
  return flat
}

export function toCheck(item: FrameReader, rules: readonly string[]): ForwardedCheck {
  const check = {
    id: item.whole(),
    rule: rules[item.whole(rules.length - 1)] as string,
    hashHi: item.word(),
    hashLo: item.word(),
    cost: item.whole(COST_MAX),
    hops: item.whole(HOPS_MAX),
    action: ACTIONS[item.whole(ACTIONS.length - 1)] as ForwardedCheck['action'],
    ageMs: undefined,
    wanted: undefined,
  }
  return check.action === 'undo' ? { ...check, ageMs: item.whole() } : check
}

export function toDecision(item: FrameReader): ForwardedDecision {
  return {
    id: item.whole(),
    verdict: VERDICTS[item.whole(VERDICTS.length - 1)] as ForwardedDecision['verdict'],
    limit: item.whole(RULE_LIMITS_MAX - 1),
    remaining: item.whole(),
    retryAfterMs: item.whole(),
    resetMs: item.whole(),
    delayMs: item.whole(),
    lease: undefined,
  }
}

/**
 * Which of the checks want a lease, and of how many tokens. Rules without leases have none of it: their frames are
 * those of versions that know no leases.
 */
export function fromWanted(checks: readonly ForwardedCheck[]): number[] {
  const flat: number[] = []
  checks.forEach(({ wanted }, at) => {
    if (wanted !== undefined) flat.push(at, wanted)
  })
  return flat
}

export function toWanted(frame: FrameReader, checks: ForwardedCheck[]): ForwardedCheck[] {
  if (!frame.hasMore) return checks
  for (const { at, wanted } of frame.tuples(FRAME_CHECKS_MAX, toWantedBy)) {
    checks[at] = { ...nth(checks, at), wanted }
  }
  return checks
}

/** Which of the decisions come with a lease. */
export function fromLeases(decisions: readonly ForwardedDecision[]): number[] {
  const flat: number[] = []
  decisions.forEach(({ lease }, at) => {
    if (lease !== undefined) flat.push(at, lease.tokens, lease.forMs)
  })
  return flat
}

export function toLeased(frame: FrameReader, decisions: ForwardedDecision[]): ForwardedDecision[] {
  if (!frame.hasMore) return decisions
  for (const { at, lease } of frame.tuples(FRAME_CHECKS_MAX, toLeaseOf)) {
    decisions[at] = { ...nth(decisions, at), lease }
  }
  return decisions
}

function toWantedBy(item: FrameReader) {
  return { at: item.whole(FRAME_CHECKS_MAX - 1), wanted: item.whole(LEASE_TOKENS_MAX) }
}

function toLeaseOf(item: FrameReader) {
  const at = item.whole(FRAME_CHECKS_MAX - 1)
  return { at, lease: { tokens: item.whole(LEASE_TOKENS_MAX), forMs: item.whole(LEASE_MS) } }
}

function nth<Item>(items: readonly Item[], at: number): Item {
  const item = items[at]
  if (item === undefined) throw new Malformed()
  return item
}
