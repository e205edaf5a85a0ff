import { formatSeedPlace, readSeedPlace } from '../../cluster/libp2p/seed-place.ts'
import { Membership } from '../../cluster/membership.ts'
import type { MemberRecord, MemberState } from '../../cluster/message.ts'
import type { Discovery } from '../../cluster/transport.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { forgetMember, joinAt } from '../../src/cluster-orders.ts'
import { clusterStatus } from '../../src/cluster-view.ts'
import type { Adjustment, Answer, CheckRequest, Rejection } from '../../src/limiter/check.ts'
import type { LimitPolicy, Rule } from '../../src/limiter/policy.ts'
import { checkMistake } from '../../src/limiter/rejection.ts'
import type { RuleCheck } from '../../src/rule-answer.ts'
import { RuleChecks } from '../../src/rule-checks.ts'
import { renderLimit } from '../../src/rules/limit-text.ts'
import type { RequestFacts } from '../../src/rules/request-facts.ts'
import type { RuleBook } from '../../src/rules/rule-book.ts'
import type {
  ClusterStatus,
  KeyInspection,
  NodeStatus,
  Readiness,
  RunningNode,
} from '../../src/running-node.ts'

/**
 * A small but true limiter for tests of the doors: one node without peers, token buckets in whole-number
 * arithmetic, and a clock that the test turns. Keys in `remote` are answered by a promise that waits for
 * `deliver`, as those of another owner would be. Above `keysMax` keys, new ones are refused.
 */
export class MemoryNode implements RunningNode {
  readonly name = 'n1'
  readonly book: RuleBook
  readonly rules: readonly Rule[]
  readonly #checks: RuleChecks
  nowMs = 1_000_000
  state: Readiness['state'] = 'active'
  /** A table of two: this node, and n2, which has not been heard for ten seconds. */
  readonly membership = membersAt(this.nowMs)
  /** Looks nowhere, and in two places at most. */
  discovery: Discovery | undefined = discoveryOf(2)
  readonly remote = new Set<string>()
  keysMax = Number.POSITIVE_INFINITY
  readonly #buckets = new Map<string, Bucket[]>()
  #waiting: (() => void)[] = []

  constructor(book: RuleBook) {
    this.book = book
    this.rules = book.coreRules
    this.#checks = new RuleChecks({
      book,
      nodeName: this.name,
      nowMs: () => this.nowMs,
      counting: {
        check: (request) => this.#count(request),
        adjust: (action, request) => this.#adjust(action, request),
      },
      mistake: (request) => this.#mistake(request),
    })
  }

  /** Checks of remote keys that wait for their answer. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Answers the checks that wait, the latest first: answers of several owners come in any order. */
  deliver(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const answer of waiting.reverse()) answer()
  }

  rule(name: string): Rule | undefined {
    return this.rules.find((rule) => rule.name === name)
  }

  check(check: RuleCheck) {
    return this.#checks.check(check)
  }

  /** The clock stands still anyway. */
  atOnce<Result>(ask: () => Result): Result {
    return ask()
  }

  mistake(check: RuleCheck) {
    return this.#checks.mistake(check)
  }

  reserve(): never {
    throw new Error('reservations are tried on a real node')
  }

  settle(): never {
    throw new Error('reservations are tried on a real node')
  }

  checkRequest(facts: RequestFacts, cost?: number) {
    return this.#checks.checkRequest(facts, cost)
  }

  adjust(action: Adjustment, check: RuleCheck) {
    return this.#checks.adjust(action, check)
  }

  /** Knows only what gives tokens back; other adjustments change nothing. */
  #adjust(action: Adjustment, request: CheckRequest): Answer | Rejection | Promise<Answer> {
    const rule = this.rule(request.rule)
    if (rule !== undefined && (action === 'refund' || action === 'undo')) {
      for (const bucket of this.#bucketsOf(rule, request.key) ?? []) {
        bucket.take(-request.cost, this.nowMs)
      }
    }
    return this.#count({ ...request, cost: 0 })
  }

  #count(request: CheckRequest): Answer | Rejection | Promise<Answer> {
    const rule = this.rule(request.rule)
    const rejection = this.#mistake(request)
    if (rule === undefined || rejection !== undefined) {
      return rejection ?? this.#checks.unknownRule(request.rule)
    }
    if (!this.remote.has(request.key)) return this.#decide(rule, request, 'n1')
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(this.#decide(rule, request, 'n2')))
    })
  }

  #mistake(request: CheckRequest): Rejection | undefined {
    const rule = this.rule(request.rule)
    if (rule === undefined) return this.#checks.unknownRule(request.rule)
    return checkMistake(request, Math.min(...rule.limits.map(({ burst }) => burst)))
  }

  readiness(): Readiness {
    return { ready: this.state === 'active', state: this.state }
  }

  cluster(): ClusterStatus {
    return clusterStatus(this.membership, this.nowMs)
  }

  status(): NodeStatus {
    const { node, id, view, members } = this.cluster()
    const { version } = this.book
    const settings = { rules: version, gossipIntervalMs: 500, fanout: 3 }
    return {
      ...{ node, id, ...this.readiness() },
      rules: { version, refused: null },
      keys: { rule: 'login', rows: 2, rowsMax: 1_000_000 },
      lagMs: 1,
      partition: { reached: 1, members: this.membership.mayBeAlive().size },
      ...{ view, settings },
      members: members.map((member) =>
        member.self
          ? { ...member, view, clockOffsetMs: 0, settings }
          : { ...member, view: null, clockOffsetMs: null, settings: null },
      ),
    }
  }

  forget(member: string) {
    return forgetMember(this.membership, member, this.nowMs)
  }

  join(address: string) {
    return joinAt(this.discovery, address)
  }

  inspect(ruleName: string, key: string): KeyInspection | Rejection {
    const rule = this.rule(ruleName)
    if (rule === undefined) return this.#checks.unknownRule(ruleName)
    const limits = (this.#bucketsOf(rule, key) ?? []).map((bucket, index) => ({
      limit: renderLimit(rule.limits[index] as LimitPolicy),
      sliceMs: 50,
      level: bucket.tokensAt(this.nowMs),
      acting: true,
      counts: [],
    }))
    const partition = { policy: 'majority', weights: 'nodes', weight: 1 } as const
    return { rule: ruleName, key, hash: '00000000000000ff', owners: [this.name], partition, limits }
  }

  #decide(rule: Rule, { key, cost }: CheckRequest, owner: string): Answer {
    const buckets = this.#bucketsOf(rule, key)
    if (buckets === undefined) return this.#overloaded(rule, owner)
    const waitsMs = buckets.map((bucket) => bucket.waitMs(cost, this.nowMs))
    const retryAfterMs = Math.max(...waitsMs)
    const allowed = retryAfterMs === 0
    if (allowed) for (const bucket of buckets) bucket.take(cost, this.nowMs)
    const remaining = buckets.map((bucket) => bucket.remainingAt(this.nowMs))
    const limitIndex = allowed
      ? remaining.indexOf(Math.min(...remaining))
      : waitsMs.indexOf(retryAfterMs)
    const tightest = at(buckets, limitIndex)
    return {
      ...this.#unmeasured(rule, owner),
      allowed,
      limit: tightest.policy.burst,
      remaining: at(remaining, limitIndex),
      retryAfterMs,
      resetMs: tightest.resetMs(this.nowMs),
      reason: allowed ? 'under_limit' : 'over_limit',
      limitIndex,
    }
  }

  #overloaded(rule: Rule, owner: string): Answer {
    return {
      ...this.#unmeasured(rule, owner),
      allowed: false,
      limit: at(rule.limits, 0).burst,
      remaining: 0,
      retryAfterMs: OVERLOADED_RETRY_MS,
      resetMs: OVERLOADED_RETRY_MS,
      reason: 'overloaded',
      limitIndex: 0,
    }
  }

  #unmeasured(rule: Rule, owner: string) {
    return {
      type: 'answer',
      rule: rule.name,
      decidedBy: 'owner',
      consistency: 'exact',
      overshootBound: 0,
      weight: 1,
      owner,
      node: this.name,
    } as const
  }

  /** The key's buckets, or undefined when there is no room for it. */
  #bucketsOf(rule: Rule, key: string): Bucket[] | undefined {
    const id = JSON.stringify([rule.name, key])
    let buckets = this.#buckets.get(id)
    if (buckets === undefined && this.#buckets.size < this.keysMax) {
      buckets = rule.limits.map((policy) => new Bucket(policy, this.nowMs))
      this.#buckets.set(id, buckets)
    }
    return buckets
  }
}

const OVERLOADED_RETRY_MS = 1_000

export function memberRecord(id: string, state: MemberState = 'active'): MemberRecord {
  const name = id.replace('id-', 'n')
  return { id: id as NodeId, name, incarnation: 1, refutation: 0, state, addresses: [] }
}

function membersAt(nowMs: number): Membership {
  const membership = new Membership(memberRecord('id-1'), 500, nowMs - 10_000)
  membership.merge(memberRecord('id-2'), nowMs - 10_000)
  for (const agoMs of [5_000, 0]) membership.tick(nowMs - agoMs)
  return membership
}

function discoveryOf(placesMax: number): Discovery {
  const places = new Set<string>()
  return {
    join(address) {
      const place = formatSeedPlace(readSeedPlace(address))
      if (places.size < placesMax) places.add(place)
      return places.has(place)
    },
  }
}

/** A leaking bucket. One token is `periodMs` units, and `count` units leak per millisecond. */
class Bucket {
  readonly policy: LimitPolicy
  #units = 0
  #atMs: number

  constructor(policy: LimitPolicy, nowMs: number) {
    this.policy = policy
    this.#atMs = nowMs
  }

  take(cost: number, nowMs: number): void {
    this.#units = this.#unitsAt(nowMs) + cost * this.policy.rate.periodMs
    this.#atMs = nowMs
  }

  /** Milliseconds until `cost` tokens fit. */
  waitMs(cost: number, nowMs: number): number {
    const { rate, burst } = this.policy
    const excess = this.#unitsAt(nowMs) + (cost - burst) * rate.periodMs
    return Math.max(0, Math.ceil(excess / rate.count))
  }

  remainingAt(nowMs: number): number {
    const { rate, burst } = this.policy
    return Math.floor(burst - this.#unitsAt(nowMs) / rate.periodMs)
  }

  tokensAt(nowMs: number): number {
    return Math.ceil(this.#unitsAt(nowMs) / this.policy.rate.periodMs)
  }

  resetMs(nowMs: number): number {
    return Math.ceil(this.#unitsAt(nowMs) / this.policy.rate.count)
  }

  #unitsAt(nowMs: number): number {
    return Math.max(0, this.#units - (nowMs - this.#atMs) * this.policy.rate.count)
  }
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new RangeError(`no item ${index}`)
  return item
}
