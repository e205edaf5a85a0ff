import { Packr, Unpackr } from 'msgpackr'
import {
  type Counts,
  type CountsBlock,
  type DigestBlock,
  NO_COUNTS,
  type WantedBuckets,
} from '../crdt/counts.ts'
import { LEVEL_PARTS, type LevelsBlock } from '../crdt/levels.ts'
import type { Actor, NodeId } from '../crdt/node-id.ts'
import { BUCKETS, NOTHING_ADMITTED } from '../crdt/slice-digest.ts'
import {
  fromChecks,
  fromDecisions,
  fromLeases,
  fromWanted,
  toCheck,
  toDecision,
  toLeased,
  toWanted,
} from './checks-wire.ts'
import { FrameReader, Malformed } from './frame-reader.ts'
import { internedActor, internedRecord } from './interned.ts'
import {
  ADDRESS_BYTES_MAX,
  COUNT_NUMBERS_MAX,
  FRAME_ACTORS_MAX,
  FRAME_BYTES_MAX,
  FRAME_CHECKS_MAX,
  FRAME_DIGESTS_MAX,
  FRAME_MEMBERS_MAX,
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
} from './limits.ts'
import { MEMBER_STATES, type MemberRecord, type Message, STANCES, type Stance } from './message.ts'
import { fromReport, fromTable, toReport, toTable } from './weights-wire.ts'

/**
 * Messages as bytes: positional MessagePack arrays, `[version, kind, ...fields]`, without maps, records or
 * extensions. What comes from a peer is believed only as far as it has been checked here: size, types,
 * ranges, counts of everything, and the structure inside flat arrays. Bad bytes are a value, never an
 * exception, and never reach state (invariant 23).
 */
const VERSION = 1
const KINDS = [
  'gossip',
  'hello',
  'forward',
  'reply',
  'digest',
  'repair',
  'hand-over',
  'settings',
  'weights',
  'step',
] as const

const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' })

/** Why bytes are not a message; a closed set, and a metric label. */
export type MalformedReason = 'oversize' | 'undecodable' | 'version' | 'shape'

export type Decoded =
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'malformed'; readonly reason: MalformedReason }

/** @throws RangeError if the message is larger than a frame: a defect of the sender, never of its input. */
export function encode(message: Message): Uint8Array {
  const bytes = packr.pack(fieldsOf(message))
  if (bytes.length > FRAME_BYTES_MAX) {
    throw new RangeError(`a ${message.type} of ${bytes.length} bytes is above ${FRAME_BYTES_MAX}`)
  }
  return bytes
}

export function decode(bytes: Uint8Array): Decoded {
  if (bytes.length > FRAME_BYTES_MAX) return { type: 'malformed', reason: 'oversize' }
  let value: unknown
  try {
    value = unpackr.unpack(bytes)
  } catch {
    return { type: 'malformed', reason: 'undecodable' }
  }
  if (!Array.isArray(value)) return { type: 'malformed', reason: 'shape' }
  if (value[0] !== VERSION || isOfLaterKind(value)) return { type: 'malformed', reason: 'version' }
  try {
    return { type: 'message', message: messageFrom(new FrameReader(value, 1)) }
  } catch (error) {
    if (error instanceof Malformed) return { type: 'malformed', reason: 'shape' }
    throw error
  }
}

/** A peer of a later version may know more kinds of messages: to this one they are no message, but no rubbish either. */
function isOfLaterKind([, kind]: readonly unknown[]): boolean {
  return Number.isSafeInteger(kind) && (kind as number) >= KINDS.length
}

function fieldsOf(message: Message): unknown[] {
  const kind = KINDS.indexOf(message.type)
  switch (message.type) {
    case 'gossip': {
      const { incarnation, sequence, sentMs, view, members, counts, weighing } = message
      const more = weighing === undefined ? [] : [fromReport(weighing)]
      const head = [VERSION, kind, incarnation, sequence, sentMs, view]
      return [...head, members.map(fromMember), fromCounts(counts), ...more]
    }
    case 'hello':
      return [VERSION, kind, message.view, message.members.map(fromMember)]
    case 'forward': {
      const { sentMs, view, checks, counts } = message
      const { rules, flat } = fromChecks(checks)
      const head = [VERSION, kind, sentMs, view, rules, flat, fromCounts(counts)]
      return withMore(head, fromWanted(checks))
    }
    case 'reply': {
      const { view, decisions, counts } = message
      const head = [VERSION, kind, view, fromDecisions(decisions), fromCounts(counts)]
      return withMore(head, fromLeases(decisions))
    }
    case 'digest': {
      const fields = [VERSION, kind, message.round, message.blocks.map(fromDigest)]
      return message.isOfBoth ? [...fields, true] : fields
    }
    case 'repair': {
      const want = message.want.map(({ rule, bits }) => [rule, bits])
      return [VERSION, kind, message.round, fromCounts(message.counts), want, message.last]
    }
    case 'hand-over': {
      const levels = message.levels.map(({ rule, meters, entries }) => [rule, meters, entries])
      return [VERSION, kind, fromCounts(message.counts), levels, message.members.map(fromMember)]
    }
    case 'settings':
      return [VERSION, kind, message.rules, message.gossipIntervalMs, message.fanout]
    case 'weights':
      return [VERSION, kind, message.tables.map(fromTable)]
    case 'step': {
      const { number, held, stance, counts } = message
      return [VERSION, kind, number, held, STANCES.indexOf(stance), fromCounts(counts)]
    }
  }
}

/** A field that a message need not have is left out where it would say nothing. */
function withMore(fields: unknown[], more: readonly number[]): unknown[] {
  return more.length === 0 ? fields : [...fields, more]
}

function messageFrom(frame: FrameReader): Message {
  const kind = KINDS[frame.whole(KINDS.length - 1)] as (typeof KINDS)[number]
  const message = fieldsFrom(kind, frame)
  frame.end()
  return message
}

function fieldsFrom(type: (typeof KINDS)[number], frame: FrameReader): Message {
  switch (type) {
    case 'gossip':
      return {
        type,
        incarnation: frame.whole(),
        sequence: frame.whole(),
        sentMs: frame.whole(),
        view: frame.word(),
        members: frame.list(FRAME_MEMBERS_MAX, toMember),
        counts: frame.nested(toCounts),
        ...(frame.hasMore && { weighing: frame.nested(toReport) }),
      }
    case 'hello':
      return { type, view: frame.word(), members: frame.list(FRAME_MEMBERS_MAX, toMember) }
    case 'forward': {
      const sentMs = frame.whole()
      const view = frame.word()
      const rules = frame.texts(MESSAGE_RULES_MAX, RULE_NAME_BYTES_MAX)
      const checks = frame.tuples(FRAME_CHECKS_MAX, (item) => toCheck(item, rules))
      const counts = frame.nested(toCounts)
      return { type, sentMs, view, checks: toWanted(frame, checks), counts }
    }
    case 'reply': {
      const view = frame.word()
      const decisions = frame.tuples(FRAME_CHECKS_MAX, toDecision)
      const counts = frame.nested(toCounts)
      return { type, view, decisions: toLeased(frame, decisions), counts }
    }
    case 'digest':
      return {
        type,
        round: frame.whole(),
        blocks: frame.list(FRAME_DIGESTS_MAX, toDigest),
        isOfBoth: frame.hasMore && frame.flag(),
      }
    case 'repair':
      return {
        type,
        round: frame.whole(),
        counts: frame.nested(toCounts),
        want: frame.list(MESSAGE_RULES_MAX, toWantedBuckets),
        last: frame.flag(),
      }
    case 'hand-over':
      return {
        type,
        counts: frame.nested(toCounts),
        levels: frame.list(MESSAGE_RULES_MAX, toLevels),
        members: frame.list(1, toMember),
      }
    case 'settings': {
      const rules = frame.text(RULES_VERSION_BYTES_MAX)
      return { type, rules, gossipIntervalMs: frame.whole(), fanout: frame.whole() }
    }
    case 'weights':
      return { type, tables: frame.list(WEIGHT_TABLES_MAX, toTable) }
    case 'step':
      return {
        type,
        number: frame.whole(),
        held: frame.whole(),
        stance: STANCES[frame.whole(STANCES.length - 1)] as Stance,
        counts: frame.nested(toCounts),
      }
  }
}

function fromMember(record: MemberRecord): unknown[] {
  const { id, name, incarnation, refutation, state, addresses } = record
  return [id, name, incarnation, refutation, MEMBER_STATES.indexOf(state), addresses]
}

function toMember(item: FrameReader): MemberRecord {
  return internedRecord({
    id: item.text(NODE_ID_BYTES_MAX) as NodeId,
    name: item.text(NODE_NAME_BYTES_MAX),
    incarnation: item.whole(),
    refutation: item.whole(REFUTATION_MAX),
    state: MEMBER_STATES[item.whole(MEMBER_STATES.length - 1)] as MemberRecord['state'],
    addresses: item.texts(MEMBER_ADDRESSES_MAX, ADDRESS_BYTES_MAX),
  })
}

function fromCounts({ actors, blocks }: Counts): readonly unknown[] {
  if (actors.length === 0 && blocks.length === 0) return FLAT_NO_COUNTS
  const named: unknown[] = []
  for (const { node, incarnation, credit } of actors) {
    named.push(node, incarnation, credit === true ? 1 : 0)
  }
  return [named, blocks.map(({ rule, sliceMs, base, entries }) => [rule, sliceMs, base, entries])]
}

function toActor(item: FrameReader): Actor {
  const actor = internedActor(item.text(NODE_ID_BYTES_MAX) as NodeId, item.whole())
  return item.whole(1) === 1 ? { ...actor, credit: true } : actor
}

function toCounts(item: FrameReader): Counts {
  const actors = item.tuples(FRAME_ACTORS_MAX, toActor)
  const blocks = item.list(MESSAGE_RULES_MAX, (block) => toBlock(block, actors.length))
  return actors.length === 0 && blocks.length === 0 ? NO_COUNTS : { actors, blocks }
}

const FLAT_NO_COUNTS: readonly unknown[] = [[], []]

/** Checks the entries as a whole, so that whoever walks them later can trust their structure. */
function toBlock(item: FrameReader, actors: number): CountsBlock {
  const rule = item.text(RULE_NAME_BYTES_MAX)
  const sliceMs = item.wholes(RULE_LIMITS_MAX)
  const base = item.wholes(RULE_LIMITS_MAX)
  const entries = item.words(COUNT_NUMBERS_MAX)
  if (sliceMs.length !== base.length || sliceMs.length === 0) throw new Malformed()
  let at = 0
  while (at < entries.length) {
    if ((entries[at + 2] ?? actors) >= actors) throw new Malformed()
    at += 3
    for (let limit = 0; limit < sliceMs.length; limit++) {
      at += 2 + (entries[at + 1] ?? Number.POSITIVE_INFINITY)
    }
  }
  if (at !== entries.length) throw new Malformed()
  return { rule, sliceMs, base, entries }
}

/**
 * Buckets travel as little-endian words, whatever machine wrote them; of slices in which nothing was
 * admitted, which are most in a quiet cluster, as no bytes at all.
 */
function fromDigest({ rule, limit, sliceMs, from, to, buckets }: DigestBlock): unknown[] {
  return [rule, limit, sliceMs, from, to, fromBuckets(buckets)]
}

function fromBuckets(buckets: Uint32Array): Uint8Array {
  if (buckets === NOTHING_ADMITTED || buckets.every((digest) => digest === 0)) return NO_BYTES
  const bytes = new Uint8Array(BUCKETS * 4)
  const view = new DataView(bytes.buffer)
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    view.setUint32(bucket * 4, buckets[bucket] as number, true)
  }
  return bytes
}

function toDigest(item: FrameReader): DigestBlock {
  const rule = item.text(RULE_NAME_BYTES_MAX)
  const limit = item.whole(RULE_LIMITS_MAX - 1)
  const sliceMs = item.whole()
  const from = item.whole()
  const to = item.whole()
  return { rule, limit, sliceMs, from, to, buckets: toBuckets(item.bytes(0, BUCKETS * 4)) }
}

function toBuckets(bytes: Uint8Array): Uint32Array {
  if (bytes.length === 0) return NOTHING_ADMITTED
  const buckets = new Uint32Array(BUCKETS)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    buckets[bucket] = view.getUint32(bucket * 4, true)
  }
  return buckets
}

const NO_BYTES = new Uint8Array(0)

/** Checks the entries as a whole: all are of one size, two words and then the parts of each limit. */
function toLevels(item: FrameReader): LevelsBlock {
  const rule = item.text(RULE_NAME_BYTES_MAX)
  const meters = item.wholes(METER_NUMBERS * RULE_LIMITS_MAX)
  const entries = item.wholes(LEVEL_NUMBERS_MAX)
  const limits = meters.length / METER_NUMBERS
  if (limits === 0 || !Number.isInteger(limits)) throw new Malformed()
  const size = 2 + LEVEL_PARTS * limits
  if (entries.length % size !== 0) throw new Malformed()
  for (let at = 0; at < entries.length; at += size) {
    if ((entries[at] as number) > WORD_MAX || (entries[at + 1] as number) > WORD_MAX) {
      throw new Malformed()
    }
  }
  return { rule, meters, entries }
}

/** Of one limit: units of a token, of a millisecond, of the burst. */
const METER_NUMBERS = 3
const WORD_MAX = 0xffff_ffff

function toWantedBuckets(item: FrameReader): WantedBuckets {
  return { rule: item.text(RULE_NAME_BYTES_MAX), bits: item.bytes(BUCKETS / 8) }
}
