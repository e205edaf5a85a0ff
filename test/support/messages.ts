import fc from 'fast-check'
import {
  ADDRESS_BYTES_MAX,
  COST_MAX,
  FRAME_CHECKS_MAX,
  FRAME_DIGESTS_MAX,
  FRAME_MEMBERS_MAX,
  HOPS_MAX,
  LEASE_MS,
  LEASE_TOKENS_MAX,
  MEMBER_ADDRESSES_MAX,
  NODE_ID_BYTES_MAX,
  NODE_NAME_BYTES_MAX,
  REFUTATION_MAX,
  RULE_LIMITS_MAX,
  RULE_NAME_BYTES_MAX,
  RULES_VERSION_BYTES_MAX,
  WEIGHT_TABLES_MAX,
  WEIGHTED_MEMBERS_MAX,
} from '../../cluster/limits.ts'
import {
  ACTIONS,
  type ForwardedCheck,
  type ForwardedDecision,
  type Lease,
  MEMBER_STATES,
  type MemberRecord,
  type Message,
  STANCES,
  VERDICTS,
  type WeightReport,
} from '../../cluster/message.ts'
import { type WeightTable, weightsByDemand } from '../../cluster/weight-table.ts'
import type { Counts, CountsBlock, DigestBlock, WantedBuckets } from '../../crdt/counts.ts'
import type { LevelsBlock } from '../../crdt/levels.ts'
import type { Actor, NodeId } from '../../crdt/node-id.ts'

/** Arbitrary valid messages: every kind, every field within what `cluster/wire.ts` accepts. */

export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length
}

function text(bytesMax: number): fc.Arbitrary<string> {
  const any = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
  const odd = fc.constantFrom('__proto__', 'constructor', 'toString', '0', 'ü', '😀')
  return fc
    .oneof(any, odd, fc.constant('x'.repeat(bytesMax)))
    .filter((value) => bytesOf(value) <= bytesMax)
}

const whole = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constant(Number.MAX_SAFE_INTEGER))
const word = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.nat(300))
const nodeId = text(NODE_ID_BYTES_MAX).map((id) => id as NodeId)
const rule = text(RULE_NAME_BYTES_MAX)

const member: fc.Arbitrary<MemberRecord> = fc.record({
  id: nodeId,
  name: text(NODE_NAME_BYTES_MAX),
  incarnation: whole,
  refutation: fc.nat({ max: REFUTATION_MAX }),
  state: fc.constantFrom(...MEMBER_STATES),
  addresses: fc.array(text(ADDRESS_BYTES_MAX), { maxLength: MEMBER_ADDRESSES_MAX }),
})
const members = fc.array(member, { maxLength: FRAME_MEMBERS_MAX, size: 'small' })

const actor: fc.Arbitrary<Actor> = fc.record({ node: nodeId, incarnation: whole })

function block(actors: number): fc.Arbitrary<CountsBlock> {
  return fc.integer({ min: 1, max: RULE_LIMITS_MAX }).chain((limits) => {
    const perLimit = fc.tuple(word, fc.array(word, { maxLength: 4 }))
    const entry = fc
      .tuple(
        word,
        word,
        fc.nat(Math.max(0, actors - 1)),
        fc.tuple(...Array.from({ length: limits }, () => perLimit)),
      )
      .map(([hi, lo, by, counts]) => [
        hi,
        lo,
        by,
        ...counts.flatMap(([offset, n]) => [offset, n.length, ...n]),
      ])
    const exact = { minLength: limits, maxLength: limits }
    return fc.record({
      rule,
      sliceMs: fc.array(whole, exact),
      base: fc.array(whole, exact),
      entries: fc.array(entry, { maxLength: actors === 0 ? 0 : 5 }).map((all) => all.flat()),
    })
  })
}

const counts: fc.Arbitrary<Counts> = fc.array(actor, { maxLength: 5 }).chain((actors) =>
  fc.record({
    actors: fc.constant(actors),
    blocks: fc.array(block(actors.length), { maxLength: 3 }),
  }),
)

const check: fc.Arbitrary<ForwardedCheck> = fc
  .record({
    id: whole,
    rule,
    hashHi: word,
    hashLo: word,
    action: fc.constantFrom(...ACTIONS),
    cost: fc.nat(COST_MAX),
    ageMs: whole,
    hops: fc.nat(HOPS_MAX),
    wanted: fc.option(fc.nat(LEASE_TOKENS_MAX), { nil: undefined }),
  })
  .map(({ ageMs, wanted, ...others }) => ({
    ...others,
    ...(others.action === 'undo' && { ageMs }),
    ...(wanted !== undefined && { wanted }),
  }))

const lease: fc.Arbitrary<Lease> = fc.record({
  tokens: fc.nat(LEASE_TOKENS_MAX),
  forMs: fc.nat(LEASE_MS),
})

const decision: fc.Arbitrary<ForwardedDecision> = fc
  .record({
    id: whole,
    verdict: fc.constantFrom(...VERDICTS),
    limit: fc.nat(RULE_LIMITS_MAX - 1),
    remaining: whole,
    retryAfterMs: whole,
    resetMs: whole,
    delayMs: whole,
    lease: fc.option(lease, { nil: undefined }),
  })
  .map(({ lease, ...others }) => (lease === undefined ? others : { ...others, lease }))

const digestBlock: fc.Arbitrary<DigestBlock> = fc.record({
  rule,
  limit: fc.nat(RULE_LIMITS_MAX - 1),
  sliceMs: whole,
  from: whole,
  to: whole,
  buckets: fc.uint32Array({ minLength: 256, maxLength: 256 }),
})

const wanted: fc.Arbitrary<WantedBuckets> = fc.record({
  rule,
  bits: fc.uint8Array({ minLength: 32, maxLength: 32 }),
})

const levels: fc.Arbitrary<LevelsBlock> = fc
  .integer({ min: 1, max: RULE_LIMITS_MAX })
  .chain((limits) => {
    const exactly = (length: number) => fc.array(whole, { minLength: length, maxLength: length })
    const entry = fc
      .tuple(word, word, exactly(3 * limits))
      .map(([hi, lo, numbers]) => [hi, lo, ...numbers])
    return fc.record({
      rule,
      meters: exactly(3 * limits),
      entries: fc.array(entry, { maxLength: 4 }).map((all) => all.flat()),
    })
  })

function upTo<Item>(most: number, item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> {
  return fc.array(item, { maxLength: most, size: 'small' })
}

const report: fc.Arbitrary<WeightReport> = fc.record({
  demand: word,
  held: upTo(WEIGHT_TABLES_MAX, fc.record({ version: word, digest: word })),
})

const demands = fc.array(fc.tuple(nodeId, fc.nat()), {
  maxLength: WEIGHTED_MEMBERS_MAX,
  size: 'small',
})
const table: fc.Arbitrary<WeightTable> = fc
  .tuple(word, demands)
  .map(([version, demand]) => weightsByDemand(version, new Map(demand)))

export const messages: { readonly [Type in Message['type']]: fc.Arbitrary<Message> } = {
  gossip: fc.record({
    type: fc.constant('gossip' as const),
    incarnation: whole,
    sequence: whole,
    sentMs: whole,
    view: word,
    members,
    counts,
    weighing: fc.option(report, { nil: undefined }),
  }),
  hello: fc.record({ type: fc.constant('hello' as const), view: word, members }),
  forward: fc.record({
    type: fc.constant('forward' as const),
    view: word,
    sentMs: whole,
    checks: upTo(FRAME_CHECKS_MAX, check),
    counts,
  }),
  reply: fc.record({
    type: fc.constant('reply' as const),
    view: word,
    decisions: upTo(FRAME_CHECKS_MAX, decision),
    counts,
  }),
  digest: fc.record({
    type: fc.constant('digest' as const),
    round: whole,
    blocks: upTo(FRAME_DIGESTS_MAX, digestBlock),
    isOfBoth: fc.boolean(),
  }),
  repair: fc.record({
    type: fc.constant('repair' as const),
    round: whole,
    counts,
    want: upTo(3, wanted),
    last: fc.boolean(),
  }),
  'hand-over': fc.record({
    type: fc.constant('hand-over' as const),
    counts,
    levels: upTo(3, levels),
    members: fc.array(member, { maxLength: 1 }),
  }),
  settings: fc.record({
    type: fc.constant('settings' as const),
    rules: text(RULES_VERSION_BYTES_MAX),
    gossipIntervalMs: whole,
    fanout: whole,
  }),
  step: fc.record({
    type: fc.constant('step' as const),
    number: whole,
    held: whole,
    stance: fc.constantFrom(...STANCES),
    counts,
  }),
  weights: fc.record({
    type: fc.constant('weights' as const),
    tables: upTo(WEIGHT_TABLES_MAX, table),
  }),
}

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...Object.values(messages))
