import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CLOCK_AHEAD_MS_MAX, FRAME_BYTES_MAX } from '../../cluster/limits.ts'
import {
  mergeFrame,
  SNAPSHOT_HEADER_BYTES,
  type SnapshotExpected,
  type SnapshotRead,
  SnapshotReading,
  SnapshotTaking,
} from '../../cluster/snapshot.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import { slowRulesOf } from '../../src/limiter/slow-rules.ts'
import { GossipingLimiters, steps } from '../support/gossiping-limiters.ts'
import { limiterOf, liveCounts, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

const FINGERPRINT = new Uint8Array(32).fill(7)
const SLOW = ruleOf(policyOf(60, 3_600_000, 60))
const expected: SnapshotExpected = {
  fingerprint: FINGERPRINT,
  spanMs: slowRulesOf(limiterOf([SLOW]).rules).spanMs,
  aheadMsMax: CLOCK_AHEAD_MS_MAX,
}
const { spanMs } = expected

function sha256() {
  return createHash('sha256')
}

/** The pieces of a snapshot: first the header, as they lie in the file. */
function taken(limiter: Limiter, nowMs = NOW_MS, rules = slowRulesOf(limiter.rules)): Uint8Array[] {
  const what = { wanted: rules.wanted, fingerprint: FINGERPRINT, checksum: sha256() }
  const taking = new SnapshotTaking(limiter, what, nowMs)
  const pieces: Uint8Array[] = []
  for (let piece = taking.next(nowMs); piece !== undefined; piece = taking.next(nowMs)) {
    pieces.push(piece)
  }
  return [taking.header(), ...pieces]
}

/** In pieces that are all read into the same memory, as files are. */
function read(bytes: Uint8Array, nowMs = NOW_MS, pieceBytes = 4_096): SnapshotRead {
  const reading = new SnapshotReading(sha256())
  const memory = Buffer.alloc(pieceBytes)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes)
    memory.set(piece)
    reading.take(memory.subarray(0, piece.length))
  }
  memory.fill(0)
  return reading.end(expected, nowMs)
}

function merged(limiter: Limiter, snapshot: SnapshotRead, nowMs = NOW_MS): Limiter {
  if (snapshot.type === 'refused') throw new Error(`refused: ${snapshot.reason}`)
  for (const frame of snapshot.frames) mergeFrame(limiter, frame, nowMs)
  return limiter
}

/** Whether there is a count of the same key, slice and actor that is not lower. */
function isHeld(count: string, among: readonly string[]): boolean {
  const [, name, tokens] = /^(.*) (\d+)$/.exec(count) ?? []
  return among.some((other) => {
    const [, otherName, otherTokens] = /^(.*) (\d+)$/.exec(other) ?? []
    return otherName === name && Number(otherTokens) >= Number(tokens)
  })
}

function take(limiter: Limiter, key: string, cost: number, nowMs = NOW_MS): void {
  const state = stateOf(limiter)
  expect(state.decide(state.hash(key), cost, nowMs).type).toBe('allowed')
}

const pieceBytes = fc.integer({ min: 1, max: 300 })
const rules = fc.constantFrom(
  SLOW,
  ruleOf(policyOf(7, 60_000, 7)),
  ruleOf(policyOf(50, 1_000, 10), policyOf(120, 60_000, 60)),
)

describe('a snapshot', () => {
  test('gives the next life all that anybody had counted, in whatever pieces it is read', () => {
    const property = fc.property(rules, steps, pieceBytes, (rule, happenings, bytes) => {
      const group = new GossipingLimiters(rule).play(happenings)
      const { nowMs, keys, limiters } = group
      const file = Buffer.concat(taken(limiters[0] as Limiter, nowMs))
      const next = limiterOf([rule], 'n0', { incarnation: 2 })
      merged(next, read(file, nowMs, bytes), nowMs)
      expect(liveCounts(next, keys, nowMs)).toEqual(group.live(0))
    })
    fc.assert(property, { numRuns: 150 })
  })

  test('lowers nothing, and adds nothing when it is read again', () => {
    const property = fc.property(rules, steps, steps, (rule, first, after) => {
      const group = new GossipingLimiters(rule).play(first)
      const file = Buffer.concat(taken(group.limiters[0] as Limiter, group.nowMs))
      group.play(after)
      const snapshot = read(file, group.nowMs)
      // The group may have played for longer than anything is kept.
      if (snapshot.type === 'refused') return expect(snapshot.reason).toBe('stale')
      const before = group.live(1)
      merged(group.limiters[1] as Limiter, snapshot, group.nowMs)
      const once = group.live(1)
      for (const count of before) expect(isHeld(count, once)).toBe(true)
      merged(group.limiters[1] as Limiter, snapshot, group.nowMs)
      expect(group.live(1)).toEqual(once)
    })
    fc.assert(property, { numRuns: 100 })
  })

  test('has of a key whatever it had when it was begun', () => {
    const limiter = limiterOf([SLOW], 'n1', { keysMax: 4_096, numbersMax: 200 })
    for (let key = 0; key < 500; key++) take(limiter, `k${key}`, 2)
    const { wanted } = slowRulesOf(limiter.rules)
    const what = { wanted, fingerprint: FINGERPRINT, checksum: sha256() }
    const taking = new SnapshotTaking(limiter, what, NOW_MS)
    const body: Uint8Array[] = []
    for (let piece = taking.next(NOW_MS); piece !== undefined; piece = taking.next(NOW_MS)) {
      expect(piece.length).toBeLessThan(FRAME_BYTES_MAX)
      body.push(piece)
      take(limiter, `new${body.length}`, 1)
      take(limiter, `k${body.length}`, 1)
    }
    expect(body.length).toBeGreaterThan(10)
    const snapshot = read(Buffer.concat([taking.header(), ...body]))
    const next = merged(limiterOf([SLOW], 'n1', { incarnation: 2, keysMax: 4_096 }), snapshot)
    for (let key = 0; key < 500; key++) {
      const state = stateOf(next)
      const decision = state.decide(state.hash(`k${key}`), 0, NOW_MS)
      expect(decision.remaining).toBeLessThanOrEqual(58)
    }
  })

  test('leaves slices that have fallen off meanwhile, and those of other rules, where they are', () => {
    const limiter = limiterOf([SLOW])
    take(limiter, 'old', 5)
    const laterMs = NOW_MS + spanMs - 60_000
    take(limiter, 'new', 5, laterMs)
    const file = Buffer.concat(taken(limiter, laterMs))
    const muchLaterMs = NOW_MS + spanMs + 60_000
    const next = limiterOf([SLOW], 'n1', { incarnation: 2 })
    merged(next, read(file, muchLaterMs), muchLaterMs)
    expect(liveCounts(next, ['old'], muchLaterMs)).toEqual([])
    expect(liveCounts(next, ['new'], muchLaterMs)).toHaveLength(1)
    const faster = limiterOf([ruleOf(policyOf(60, 600_000, 60))], 'n1', { incarnation: 2 })
    merged(faster, read(file, laterMs), laterMs)
    expect(stateOf(faster).store.table.keys).toBe(0)
  })
})

describe('a file that is not a snapshot from here and now', () => {
  const limiter = limiterOf([SLOW])
  for (const key of ['a', 'b', 'c']) take(limiter, key, 3)
  const file = Buffer.concat(taken(limiter))

  test('because any one byte of it was changed is refused', () => {
    expect(read(file).type).toBe('read')
    for (let at = 0; at < file.length; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(file)
        changed[at] = (changed[at] as number) ^ change
        expect(read(changed), `byte ${at} changed by ${change}`).toMatchObject({ type: 'refused' })
      }
    }
  })

  test('because it ends anywhere too early is refused, and so is one that goes on', () => {
    for (let bytes = 0; bytes < file.length; bytes++) {
      expect(read(file.subarray(0, bytes))).toEqual({ type: 'refused', reason: 'truncated' })
    }
    const longer = Buffer.concat([file, Buffer.of(0)])
    expect(read(longer)).toEqual({ type: 'refused', reason: 'damaged' })
    // As left behind by a file system that knew how long the file was, and nothing else.
    expect(read(Buffer.alloc(file.length))).toEqual({ type: 'refused', reason: 'damaged' })
  })

  test('but of a later version, another cluster, the future or the past is refused with that reason', () => {
    const later = Buffer.from(file)
    later.writeUInt32BE(2, 8)
    expect(read(later)).toEqual({ type: 'refused', reason: 'version' })
    const reading = new SnapshotReading(sha256())
    reading.take(file)
    const elsewhere = { ...expected, fingerprint: new Uint8Array(32) }
    expect(reading.end(elsewhere, NOW_MS)).toEqual({ type: 'refused', reason: 'foreign' })
    expect(read(file, NOW_MS - CLOCK_AHEAD_MS_MAX).type).toBe('read')
    const early = read(file, NOW_MS - CLOCK_AHEAD_MS_MAX - 1)
    expect(early).toEqual({ type: 'refused', reason: 'future' })
    expect(read(file, NOW_MS + spanMs - 1).type).toBe('read')
    expect(read(file, NOW_MS + spanMs)).toEqual({ type: 'refused', reason: 'stale' })
  })

  test('but frames of anything else, rightly summed up, is refused', () => {
    const body = file.subarray(SNAPSHOT_HEADER_BYTES)
    const frames: Uint8Array[] = []
    for (let at = 0; at < body.length; at += 4 + body.readUInt32BE(at)) {
      frames.push(body.subarray(at, at + 4 + body.readUInt32BE(at)))
    }
    const [counts, last] = frames as [Uint8Array, Uint8Array]
    expect(read(summedUp(file, body)).type).toBe('read')
    for (const [parts, reason] of [
      [[counts], 'damaged'],
      [[counts, last, counts], 'damaged'],
      [[counts, last, last], 'damaged'],
      [[Buffer.of(0, 0, 0, 1, 0xc1), last], 'damaged'],
      [[Buffer.of(0, 0, 0, 2, 0x91, 0x02), last], 'version'],
      [[Buffer.of(0xff, 0xff, 0xff, 0xff), last], 'damaged'],
      [[counts, last, Buffer.of(0, 0)], 'damaged'],
    ] as const) {
      expect(read(summedUp(file, Buffer.concat(parts)))).toEqual({ type: 'refused', reason })
    }
  })
})

/** The file with another body, its header made to fit: what a writer of some other mind would leave. */
function summedUp(file: Buffer, body: Uint8Array): Buffer {
  const header = Buffer.from(file.subarray(0, SNAPSHOT_HEADER_BYTES))
  header.writeBigUInt64BE(BigInt(body.length), 20)
  const checksum = sha256().update(body).update(header.subarray(0, 60)).digest()
  checksum.copy(header, 60)
  return Buffer.concat([header, body])
}
