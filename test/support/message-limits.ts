import {
  ADDRESS_BYTES_MAX,
  COST_MAX,
  COUNT_NUMBERS_MAX,
  FRAME_ACTORS_MAX,
  FRAME_CHECKS_MAX,
  FRAME_DIGESTS_MAX,
  FRAME_MEMBERS_MAX,
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
  WEIGHT_TABLES_MAX,
  WEIGHTED_MEMBERS_MAX,
} from '../../cluster/limits.ts'
import {
  type ForwardedCheck,
  type ForwardedDecision,
  MEMBER_STATES,
  type MemberRecord,
  type Message,
  STANCES,
  VERDICTS,
} from '../../cluster/message.ts'
import type { WeightTable } from '../../cluster/weight-table.ts'
import type { Counts, DigestBlock } from '../../crdt/counts.ts'
import type { LevelsBlock } from '../../crdt/levels.ts'
import { bytesOf } from './messages.ts'

/**
 * Everything that is outside the limits in a message, as text: a second opinion on what the wire accepts,
 * written from the messages' own documentation.
 */
export function outsideLimits(message: Message): string[] {
  const found = new Findings()
  if ('view' in message) found.word(message.view, 'view')
  if ('members' in message) judgeMembers(message.members, found)
  if ('counts' in message) judgeCounts(message.counts, found)
  judgeOwnFields(message, found)
  return found.all
}

class Findings {
  readonly all: string[] = []

  must(holds: boolean, what: string): void {
    if (!holds) this.all.push(what)
  }

  whole(value: unknown, what: string, max = Number.MAX_SAFE_INTEGER): void {
    const holds = Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max
    this.must(holds, what)
  }

  word(value: unknown, what: string): void {
    this.whole(value, what, 0xffff_ffff)
  }

  text(value: unknown, what: string, bytesMax: number): void {
    this.must(typeof value === 'string' && value !== '' && bytesOf(value) <= bytesMax, what)
  }

  list(value: unknown, what: string, most: number): void {
    this.must(Array.isArray(value) && value.length <= most, what)
  }
}

function judgeOwnFields(message: Message, found: Findings): void {
  switch (message.type) {
    case 'gossip':
      for (const field of ['incarnation', 'sequence', 'sentMs'] as const) {
        found.whole(message[field], field)
      }
      found.list(message.weighing?.held ?? [], 'held tables', WEIGHT_TABLES_MAX)
      break
    case 'hello':
      break
    case 'forward':
      found.list(message.checks, 'checks', FRAME_CHECKS_MAX)
      for (const check of message.checks) judgeCheck(check, found)
      break
    case 'reply':
      found.list(message.decisions, 'decisions', FRAME_CHECKS_MAX)
      for (const decision of message.decisions) judgeDecision(decision, found)
      break
    case 'digest':
      found.whole(message.round, 'round')
      found.list(message.blocks, 'digests', FRAME_DIGESTS_MAX)
      for (const block of message.blocks) judgeDigest(block, found)
      break
    case 'repair':
      found.whole(message.round, 'round')
      found.must(typeof message.last === 'boolean', 'last')
      found.list(message.want, 'want', MESSAGE_RULES_MAX)
      for (const { rule, bits } of message.want) {
        found.text(rule, 'rule', RULE_NAME_BYTES_MAX)
        found.must(bits instanceof Uint8Array && bits.length === 32, 'bits')
      }
      break
    case 'hand-over':
      found.list(message.members, 'own record', 1)
      found.list(message.levels, 'levels', MESSAGE_RULES_MAX)
      for (const block of message.levels) judgeLevels(block, found)
      break
    case 'settings':
      found.text(message.rules, 'rules', RULES_VERSION_BYTES_MAX)
      found.whole(message.gossipIntervalMs, 'gossipIntervalMs')
      found.whole(message.fanout, 'fanout')
      break
    case 'step':
      found.whole(message.number, 'number')
      found.whole(message.held, 'held')
      found.must(STANCES.includes(message.stance), 'stance')
      break
    case 'weights':
      found.list(message.tables, 'tables', WEIGHT_TABLES_MAX)
      for (const table of message.tables) judgeTable(table, found)
  }
}

function judgeMembers(members: readonly MemberRecord[], found: Findings): void {
  found.list(members, 'members', FRAME_MEMBERS_MAX)
  for (const { id, name, incarnation, refutation, state, addresses } of members) {
    found.text(id, 'id', NODE_ID_BYTES_MAX)
    found.text(name, 'name', NODE_NAME_BYTES_MAX)
    found.whole(incarnation, 'incarnation')
    found.whole(refutation, 'refutation', REFUTATION_MAX)
    found.must(MEMBER_STATES.includes(state), 'state')
    found.list(addresses, 'addresses', MEMBER_ADDRESSES_MAX)
    for (const address of addresses) found.text(address, 'address', ADDRESS_BYTES_MAX)
  }
}

function judgeCheck(check: ForwardedCheck, found: Findings): void {
  found.whole(check.id, 'id')
  found.text(check.rule, 'rule', RULE_NAME_BYTES_MAX)
  found.word(check.hashHi, 'hashHi')
  found.word(check.hashLo, 'hashLo')
  found.whole(check.cost, 'cost', COST_MAX)
  found.whole(check.hops, 'hops', HOPS_MAX)
  found.whole(check.wanted ?? 0, 'wanted', LEASE_TOKENS_MAX)
}

function judgeDecision(decision: ForwardedDecision, found: Findings): void {
  const { id, limit, remaining, retryAfterMs, resetMs, verdict, lease } = decision
  found.must(VERDICTS.includes(verdict), 'verdict')
  found.whole(limit, 'limit', RULE_LIMITS_MAX - 1)
  for (const value of [id, remaining, retryAfterMs, resetMs]) found.whole(value, 'decision')
  found.whole(lease?.tokens ?? 0, 'tokens of a lease', LEASE_TOKENS_MAX)
  found.whole(lease?.forMs ?? 0, 'time of a lease', LEASE_MS)
}

function judgeDigest(
  { rule, limit, sliceMs, from, to, buckets }: DigestBlock,
  found: Findings,
): void {
  found.text(rule, 'rule', RULE_NAME_BYTES_MAX)
  found.whole(limit, 'limit', RULE_LIMITS_MAX - 1)
  for (const value of [sliceMs, from, to]) found.whole(value, 'digest')
  found.must(buckets instanceof Uint32Array && buckets.length === 256, 'buckets')
}

function judgeLevels({ rule, meters, entries }: LevelsBlock, found: Findings): void {
  found.text(rule, 'rule of levels', RULE_NAME_BYTES_MAX)
  const limits = meters.length / 3
  found.must(limits >= 1 && limits <= RULE_LIMITS_MAX && limits % 1 === 0, 'meters')
  found.list(entries, 'levels', LEVEL_NUMBERS_MAX)
  for (const value of [...meters, ...entries]) found.whole(value, 'level')
  const size = 2 + 3 * limits
  found.must(entries.length % size === 0, 'structure of levels')
  entries.forEach((value, at) => {
    if (at % size < 2) found.word(value, 'hash')
  })
}

function judgeCounts({ actors, blocks }: Counts, found: Findings): void {
  found.list(actors, 'actors', FRAME_ACTORS_MAX)
  for (const { node, incarnation } of actors) {
    found.text(node, 'actor', NODE_ID_BYTES_MAX)
    found.whole(incarnation, 'incarnation of an actor')
  }
  found.list(blocks, 'blocks', MESSAGE_RULES_MAX)
  for (const { rule, sliceMs, base, entries } of blocks) {
    found.text(rule, 'rule of a block', RULE_NAME_BYTES_MAX)
    found.list(sliceMs, 'sliceMs', RULE_LIMITS_MAX)
    found.must(sliceMs.length > 0 && base.length === sliceMs.length, 'limits of a block')
    for (const value of [...sliceMs, ...base]) found.whole(value, 'slicing')
    found.list(entries, 'entries', COUNT_NUMBERS_MAX)
    for (const value of entries) found.word(value, 'entry')
    found.must(isWalkable(entries, actors.length, sliceMs.length), 'structure of entries')
  }
}

function isWalkable(entries: readonly number[], actors: number, limits: number): boolean {
  let at = 0
  while (at < entries.length) {
    if (!((entries[at + 2] as number) < actors)) return false
    at += 3
    for (let limit = 0; limit < limits; limit++) {
      const n = entries[at + 1]
      if (n === undefined) return false
      at += 2 + n
    }
  }
  return at === entries.length
}

/** No member below a fifth of its equal share of 1,000, none named twice, and no more to share than that. */
function judgeTable({ version, members, parts }: WeightTable, found: Findings): void {
  found.word(version, 'version')
  found.list(members, 'weighted members', WEIGHTED_MEMBERS_MAX)
  for (const id of members) found.text(id, 'weighted member', NODE_ID_BYTES_MAX)
  found.must(new Set(members).size === members.length, 'members twice')
  found.must(parts.length === members.length, 'parts')
  for (const one of parts) found.must(Number.isInteger(one) && one >= 200, 'floor')
  const sum = parts.reduce((all, one) => all + one, 0)
  found.must(sum <= 1_000 * members.length, 'sum')
}
