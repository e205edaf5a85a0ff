import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../cluster/random.ts'
import type { Transport, TransportListener } from '../cluster/transport.ts'
import { encode } from '../cluster/wire.ts'
import { incarnationAt, type NodeId } from '../crdt/node-id.ts'
import { anchoredClock } from '../src/clock.ts'
import { createMetrics } from '../src/metrics/metrics.ts'
import { Node } from '../src/node.ts'
import { ReservationIds } from '../src/reservations.ts'
import { rulesFrom } from '../src/rules/load.ts'
import { Runtime } from '../src/runtime.ts'

const RULES = [{ name: 'demo', limits: [{ rate: { count: 100, periodMs: 1_000 }, burst: 100 }] }]
const PEER = 'n2' as NodeId

/** A peer that is linked, is a member, and never answers. */
function withSilentPeer() {
  let listener: TransportListener | undefined
  const transport: Transport = {
    self: 'n1' as NodeId,
    attach: (attached) => {
      listener = attached
    },
    broadcast: () => undefined,
    send: () => true,
    know: () => undefined,
    forget: () => undefined,
  }
  const nowMs = anchoredClock.nowMs()
  const self = { id: 'n1' as NodeId, name: 'n1', refutation: 0, state: 'joining', addresses: [] }
  const node = new Node(
    {
      self: { ...self, state: 'joining', incarnation: incarnationAt(nowMs, 0) },
      rules: RULES,
      hashKey: { hi: 1, lo: 2 },
      keysMax: 100,
      gossipIntervalMs: 500,
      forwardTimeoutMs: 150,
      joins: false,
    },
    seededRandom(1),
    nowMs,
  )
  const metrics = createMetrics({ book: rulesFrom(RULES) })
  const log = pino({ level: 'silent' })
  const runtime = new Runtime({
    node,
    book: rulesFrom(RULES),
    clock: anchoredClock,
    metrics,
    log,
    transport,
    reservationIds: new ReservationIds(Buffer.from('secret')),
  })
  runtime.start()
  listener?.linked(PEER)
  const member = { ...self, id: PEER, name: 'n2', incarnation: incarnationAt(nowMs, 1) }
  const members = [{ ...member, state: 'active' as const }]
  listener?.received(PEER, encode({ type: 'hello', view: 1, members }))
  const state = node.limiter.rule('demo')
  let key = 0
  while (node.replica.membership.placement.owner(state?.hash(`${key}`).hi ?? 0) !== PEER) key += 1
  return { runtime, metrics, request: { rule: 'demo', key: `${key}`, cost: 1 } }
}

describe('a runtime that stops', () => {
  test('answers every check that still waits for a peer, and every later one', async () => {
    const { runtime, request } = withSilentPeer()
    const waiting = runtime.check(request)
    expect(waiting).toBeInstanceOf(Promise)
    runtime.stop()
    expect(await waiting).toMatchObject({ allowed: true, owner: 'n2', node: 'n1' })
    expect(await runtime.check(request)).toMatchObject({ allowed: true })
  })
})

describe('a check that a node decides for another', () => {
  test('is counted as a fallback', async () => {
    const { runtime, metrics, request } = withSilentPeer()
    expect(await runtime.check(request)).toMatchObject({ decidedBy: 'replica' })
    runtime.stop()
    expect(await metrics.exposition()).toContain(
      'rate_limiter_fallbacks_total{reason="owner_unreachable"} 1',
    )
  })
})
