import { Packr } from 'msgpackr'
import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'
import { Distrust } from '../../cluster/libp2p/distrust.ts'
import {
  DISTRUST_MS,
  DISTRUSTED_MAX,
  RUBBISH_FORGIVEN_MS,
  RUBBISH_FRAMES_MAX,
  RUBBISH_PAUSE_MS,
} from '../../cluster/libp2p/limits.ts'
import type { Libp2pTransport } from '../../cluster/libp2p/transport.ts'
import { FRAME_BYTES_MAX } from '../../cluster/limits.ts'
import { seededRandom } from '../../cluster/random.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { anchoredClock } from '../../src/clock.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { Node } from '../../src/node.ts'
import { ReservationIds } from '../../src/reservations.ts'
import { rulesFrom } from '../../src/rules/load.ts'
import { Runtime } from '../../src/runtime.ts'
import { Libp2pTransports, until } from '../support/libp2p-transports.ts'
import { Recorder } from '../support/transport-recorder.ts'

// A peer that has the key and sends frames that make no sense changes nothing, is counted, slowed, and cut off.

const RULES = [{ name: 'demo', limits: [{ rate: { count: 60, periodMs: 60_000 }, burst: 60 }] }]
const transports = new Libp2pTransports()
const opened: Victim[] = []
afterEach(async () => {
  for (const victim of opened.splice(0)) victim.runtime.stop()
  await transports.stopAll()
})

/** A whole node on a real transport, whose inside can be looked at. */
class Victim {
  readonly node: Node
  readonly runtime: Runtime
  readonly log: string[] = []
  readonly #metrics = createMetrics({ book: rulesFrom(RULES) })
  readonly #transport: Libp2pTransport

  static async start(): Promise<Victim> {
    const victim = new Victim(await transports.start('victim'))
    opened.push(victim)
    await victim.runtime.check({ rule: 'demo', key: 'watched', cost: 20 })
    return victim
  }

  constructor(transport: Libp2pTransport) {
    this.#transport = transport
    const book = rulesFrom(RULES)
    const self = {
      id: transport.self,
      name: 'victim',
      incarnation: 1,
      refutation: 0,
      state: 'joining' as const,
      addresses: transport.addresses,
    }
    const options = { gossipIntervalMs: 500, forwardTimeoutMs: 150, joins: false, keysMax: 1_000 }
    this.node = new Node(
      { self, rules: book.coreRules, hashKey: { hi: 1, lo: 2 }, ...options },
      seededRandom(1),
      anchoredClock.nowMs(),
    )
    this.runtime = new Runtime({
      node: this.node,
      book,
      clock: anchoredClock,
      metrics: this.#metrics,
      log: pino({ level: 'warn' }, { write: (line: string) => void this.log.push(line) }),
      reservationIds: new ReservationIds(new Uint8Array(32)),
      transport,
    })
    this.runtime.start()
  }

  get addresses(): readonly string[] {
    return this.#transport.addresses
  }

  get id(): NodeId {
    return this.#transport.self
  }

  /** A digest of all counts, and who is taken for a member. */
  state(): string {
    const digests = this.node.limiter.digest(Number.MAX_SAFE_INTEGER, anchoredClock.nowMs())
    const { records, view } = this.node.replica.membership
    const sums = digests.map(({ rule, limit, buckets }) => [rule, limit, ...buckets])
    return JSON.stringify([sums, records, view])
  }

  async counted(metric: string): Promise<number> {
    const text = await this.#metrics.exposition()
    const lines = text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\d+)$`, 'gm'))
    return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
  }
}

/** A peer that is linked with the victim, and sends what it likes. */
async function hostilePeer(victim: Victim): Promise<{ peer: Libp2pTransport; heard: Recorder }> {
  const peer = await transports.start('hostile', { seeds: victim.addresses })
  const heard = new Recorder(peer)
  await until('they are linked', () => heard.isLinked(victim.id))
  return { peer, heard }
}

const pack = (value: unknown) => new Packr({ useRecords: false }).pack(value)
const counts = (entry: readonly unknown[]) => [['n1', 1, 0], [['demo', [1_000], [1], entry]]]
const rubbish: [what: string, frame: Uint8Array][] = [
  ['nothing', new Uint8Array(0)],
  ['a byte that is no MessagePack', Uint8Array.of(0xc1)],
  ['JSON', new TextEncoder().encode('{"type":"gossip"}')],
  ['a nest of 60,000 lists', new Uint8Array(60_000).fill(0x91)],
  ['a list that claims four billion items', Uint8Array.of(0xdd, 255, 255, 255, 255)],
  ['a whole frame of ones', new Uint8Array(FRAME_BYTES_MAX).fill(0xff)],
  ['a gossip that is cut short', pack([1, 0, 1, 1, 1, 0, [], []]).subarray(0, 6)],
  ['a wrong type', pack([1, 1, '0', []])],
  ['a negative number', pack([1, 0, -1, 1, 1, 0, [], [[], []]])],
  ['a fraction', pack([1, 0, 0.5, 1, 1, 0, [], [[], []]])],
  ['a number beyond whole ones', pack([1, 0, 2 ** 60, 1, 1, 0, [], [[], []]])],
  ['a prototype', pack([1, 1, 0, [{ __proto__: null, constructor: 1 }]])],
  ['a negative count', pack([1, 0, 1, 1, 1, 0, [], counts([1, 2, 0, 0, 1, -7])])],
  [
    'a count of an actor that is not named',
    pack([1, 0, 1, 1, 1, 0, [], counts([1, 2, 9, 0, 1, 7])]),
  ],
  ['counts that are cut short', pack([1, 0, 1, 1, 1, 0, [], counts([1, 2, 0, 0, 9, 7])])],
]

describe('a peer that sends rubbish', () => {
  test.each(rubbish)('(%s) changes nothing and is counted', async (_, frame) => {
    const victim = await Victim.start()
    const { heard } = await hostilePeer(victim)
    const before = victim.state()
    expect(heard.guarded.send(victim.id, frame)).toBe(true)
    await until('it is counted', () => victim.log.length > 0)
    expect(await victim.counted('rate_limiter_malformed_frames_total')).toBe(1)
    expect(victim.state()).toBe(before)
    expect(heard.isLinked(victim.id)).toBe(true)
  })

  test('again and again is read slowly, then cut off, and its gossip is not heard either', async () => {
    const victim = await Victim.start()
    const { peer, heard } = await hostilePeer(victim)
    const before = victim.state()
    const memoryBefore = process.memoryUsage().rss
    const startMs = performance.now()
    const frame = new Uint8Array(FRAME_BYTES_MAX).fill(0xff)
    for (let sent = 0; sent < 3 * RUBBISH_FRAMES_MAX; sent++) heard.guarded.send(victim.id, frame)
    await until('it is cut off', () => !heard.isLinked(victim.id))
    expect(performance.now() - startMs).toBeGreaterThan(RUBBISH_FRAMES_MAX * RUBBISH_PAUSE_MS)
    const frames = await victim.counted('rate_limiter_malformed_frames_total')
    expect(frames).toBe(RUBBISH_FRAMES_MAX + 1)
    expect(await victim.counted('rate_limiter_peers_distrusted_total')).toBe(1)
    expect(victim.log.at(-1)).toContain('peer_distrusted')
    // It goes on trying, and is not let in; what it says to all is not heard.
    heard.guarded.know(victim.id, victim.addresses)
    const faults = transports.faults('victim')
    await until('it has been turned away twice', () => {
      peer.broadcast(frame)
      return faults.filter(({ type }) => type === 'distrusted').length >= 2
    })
    expect(heard.isLinked(victim.id)).toBe(false)
    expect(await victim.counted('rate_limiter_malformed_frames_total')).toBe(frames)
    expect(victim.state()).toBe(before)
    expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(256 * 1024 ** 2)
    expect(await victim.runtime.check({ rule: 'demo', key: 'watched', cost: 0 })).toMatchObject({
      type: 'answer',
      decidedBy: 'owner',
    })
  })

  test('of a later version is counted, and stays linked', async () => {
    const victim = await Victim.start()
    const { heard } = await hostilePeer(victim)
    const before = victim.state()
    const later = [pack([2, 0, 1]), pack([1, 99, 'something new'])]
    const times = 2 * RUBBISH_FRAMES_MAX
    for (let sent = 0; sent < times; sent++) {
      for (const frame of later) heard.guarded.send(victim.id, frame)
    }
    await until('all are counted', () => victim.log.length >= 2 * times)
    expect(heard.isLinked(victim.id)).toBe(true)
    expect(victim.state()).toBe(before)
  })
})

describe('distrust', () => {
  const peer = 'p' as NodeId

  test('ends after its time, and begins anew', () => {
    const distrust = new Distrust()
    const add = (nowMs: number) => distrust.add(peer, nowMs)
    for (let frame = 0; frame < RUBBISH_FRAMES_MAX; frame++) expect(add(0)).toBe(false)
    expect(distrust.isOut(peer, 0)).toBe(false)
    expect(add(0)).toBe(true)
    expect(distrust.isOut(peer, DISTRUST_MS - 1)).toBe(true)
    expect(distrust.isOut(peer, DISTRUST_MS)).toBe(false)
    for (let frame = 0; frame < RUBBISH_FRAMES_MAX; frame++) expect(add(DISTRUST_MS)).toBe(false)
    expect(add(DISTRUST_MS)).toBe(true)
  })

  test('forgives a frame now and then', () => {
    const distrust = new Distrust()
    for (let frame = 0; frame < 1_000; frame++) {
      expect(distrust.add(peer, frame * RUBBISH_FORGIVEN_MS)).toBe(false)
    }
  })

  test('of so many peers is all that is remembered', () => {
    const distrust = new Distrust()
    for (let frame = 0; frame <= RUBBISH_FRAMES_MAX; frame++) distrust.add(peer, 0)
    const others = (count: number) => {
      for (let other = 0; other < count; other++) distrust.add(`p${other}` as NodeId, 0)
    }
    others(DISTRUSTED_MAX - 1)
    expect(distrust.isOut(peer, 0)).toBe(true)
    others(DISTRUSTED_MAX)
    expect(distrust.isOut(peer, 0)).toBe(false)
  })
})
