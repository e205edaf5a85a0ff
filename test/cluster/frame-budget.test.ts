import { describe, expect, it } from 'vitest'
import {
  ADDRESS_BYTES_MAX,
  COST_MAX,
  COUNT_NUMBERS_MAX,
  FRAME_ACTORS_MAX,
  FRAME_BYTES_MAX,
  FRAME_CHECKS_MAX,
  FRAME_DIGESTS_MAX,
  FRAME_MEMBERS_MAX,
  FRAME_RUMOURS_MAX,
  HOPS_MAX,
  LEASE_MS,
  LEASE_TOKENS_MAX,
  LEVEL_NUMBERS_MAX,
  MEMBER_ADDRESSES_MAX,
  MESSAGE_RULES_MAX,
  NODE_ID_BYTES_MAX,
  NODE_NAME_BYTES_MAX,
  REFUTATION_MAX,
  RULE_LIMITS_MAX,
  RULE_NAME_BYTES_MAX,
  RULES_VERSION_BYTES_MAX,
} from '../../cluster/limits.ts'
import type { MemberRecord, Message } from '../../cluster/message.ts'
import { decode, encode } from '../../cluster/wire.ts'
import { type Counts, NO_COUNTS } from '../../crdt/counts.ts'
import type { LevelsBlock } from '../../crdt/levels.ts'
import type { NodeId } from '../../crdt/node-id.ts'

/** The largest messages that a node sends, every field at its maximum: each has to fit a frame. */

const WHOLE = Number.MAX_SAFE_INTEGER
const WORD = 0xffff_ffff

function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

function longName(index: number, bytes: number): string {
  return `${index}`.padEnd(bytes, 'x')
}

function members(count: number): MemberRecord[] {
  return times(count, (index) => ({
    id: longName(index, NODE_ID_BYTES_MAX) as NodeId,
    name: longName(index, NODE_NAME_BYTES_MAX),
    incarnation: WHOLE,
    refutation: REFUTATION_MAX,
    state: 'left',
    addresses: times(MEMBER_ADDRESSES_MAX, (at) => longName(at, ADDRESS_BYTES_MAX)),
  }))
}

/** Every rule that a message may name, the first with all the numbers that are left. */
function counts(): Counts {
  const limits = times(RULE_LIMITS_MAX, () => WHOLE)
  const entry = (numbers: number) => {
    const first = numbers - 3 - 2 * RULE_LIMITS_MAX
    const others = times(2 * RULE_LIMITS_MAX - 2, (at) => (at % 2 === 0 ? WORD : 0))
    return [WORD, WORD, FRAME_ACTORS_MAX - 1, WORD, first, ...times(first, () => WORD), ...others]
  }
  const smallest = 3 + 2 * RULE_LIMITS_MAX
  const most = COUNT_NUMBERS_MAX - (MESSAGE_RULES_MAX - 1) * smallest
  return {
    actors: times(FRAME_ACTORS_MAX, (index) => ({
      node: longName(index, NODE_ID_BYTES_MAX) as NodeId,
      incarnation: WHOLE,
    })),
    blocks: times(MESSAGE_RULES_MAX, (index) => ({
      rule: longName(index, RULE_NAME_BYTES_MAX),
      sliceMs: limits,
      base: limits,
      entries: entry(index === 0 ? most : smallest),
    })),
  }
}

/** As many levels as a message may hold, of as many rules as it may name, with limits as long as can be. */
function levels(): LevelsBlock[] {
  const each = LEVEL_NUMBERS_MAX / MESSAGE_RULES_MAX
  const size = 2 + 3 * RULE_LIMITS_MAX
  return times(MESSAGE_RULES_MAX, (index) => ({
    rule: longName(index, RULE_NAME_BYTES_MAX),
    meters: times(3 * RULE_LIMITS_MAX, () => WHOLE),
    entries: times(Math.ceil(each / size) * size, (at) => (at % size < 2 ? WORD : WHOLE)),
  }))
}

const largest: readonly Message[] = [
  {
    type: 'gossip',
    incarnation: WHOLE,
    sequence: WHOLE,
    sentMs: WHOLE,
    view: WORD,
    members: members(1 + FRAME_RUMOURS_MAX),
    counts: counts(),
  },
  { type: 'hello', view: WORD, members: members(FRAME_MEMBERS_MAX) },
  {
    type: 'forward',
    sentMs: WHOLE,
    view: WORD,
    checks: times(FRAME_CHECKS_MAX, (index) => ({
      id: WHOLE,
      rule: longName(index % MESSAGE_RULES_MAX, RULE_NAME_BYTES_MAX),
      hashHi: WORD,
      hashLo: WORD,
      action: 'check',
      cost: COST_MAX,
      hops: HOPS_MAX,
      wanted: LEASE_TOKENS_MAX,
    })),
    counts: counts(),
  },
  {
    type: 'reply',
    view: WORD,
    decisions: times(FRAME_CHECKS_MAX, () => ({
      id: WHOLE,
      verdict: 'unknown_rule' as const,
      limit: RULE_LIMITS_MAX - 1,
      remaining: WHOLE,
      retryAfterMs: WHOLE,
      resetMs: WHOLE,
      delayMs: 0,
      lease: { tokens: LEASE_TOKENS_MAX, forMs: LEASE_MS },
    })),
    counts: counts(),
  },
  {
    type: 'digest',
    round: WHOLE,
    isOfBoth: true,
    blocks: times(FRAME_DIGESTS_MAX, (index) => ({
      rule: longName(index, RULE_NAME_BYTES_MAX),
      limit: RULE_LIMITS_MAX - 1,
      sliceMs: WHOLE,
      from: WHOLE,
      to: WHOLE,
      buckets: new Uint32Array(256).fill(WORD),
    })),
  },
  {
    type: 'repair',
    round: WHOLE,
    counts: counts(),
    want: times(MESSAGE_RULES_MAX, (index) => ({
      rule: longName(index, RULE_NAME_BYTES_MAX),
      bits: new Uint8Array(32).fill(255),
    })),
    last: true,
  },
  { type: 'hand-over', counts: counts(), levels: [], members: members(1) },
  { type: 'hand-over', counts: NO_COUNTS, levels: levels(), members: members(1) },
  {
    type: 'settings',
    rules: longName(0, RULES_VERSION_BYTES_MAX),
    gossipIntervalMs: WHOLE,
    fanout: WHOLE,
  },
  { type: 'step', number: WHOLE, held: WHOLE, stance: 'bound', counts: counts() },
]

describe('the largest message', () => {
  it.each(largest.map((message) => [message.type, message] as const))(
    'of kind %s fits a frame',
    (_, message) => {
      const frame = encode(message)
      expect(frame.length).toBeLessThanOrEqual(FRAME_BYTES_MAX)
      expect(decode(frame)).toEqual({ type: 'message', message })
    },
  )

  it('holds no more numbers of counts than it may', () => {
    const numbers = counts().blocks.reduce((sum, { entries }) => sum + entries.length, 0)
    expect(numbers).toBe(COUNT_NUMBERS_MAX)
  })
})
