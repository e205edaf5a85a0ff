import { describe, expect, it } from 'vitest'
import { Forwarding, type TravellingCheck } from '../../cluster/forwarding.ts'
import {
  BREAKER_MISSES,
  BREAKER_PROBE_MS,
  FORWARDS_PENDING_MAX,
  FRAME_CHECKS_MAX,
  HOPS_MAX,
  MESSAGE_RULES_MAX,
} from '../../cluster/limits.ts'
import type { Forward, ForwardedDecision, Reply } from '../../cluster/message.ts'
import { Outbox } from '../../cluster/outbox.ts'
import { encode } from '../../cluster/wire.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import { limiterOf, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

const TIMEOUT_MS = 150
const [n2, n3] = ['n2', 'n3'] as NodeId[] as [NodeId, NodeId]
const RULE = ruleOf(policyOf(100, 1_000, 100))

function origin(rules = [RULE]) {
  const limiter = limiterOf(rules, 'n1', { rulesMax: MESSAGE_RULES_MAX })
  const outbox = new Outbox()
  const forwarding = new Forwarding(limiter, outbox, TIMEOUT_MS)
  return {
    limiter,
    outbox,
    forwarding,
    ask(target: NodeId, check: Partial<TravellingCheck> = {}, nowMs = NOW_MS): void {
      forwarding.ask(target, travelling(check), nowMs)
    },
    /** Frames of this turn, by peer. Each fits. */
    flush(nowMs = NOW_MS): { to: NodeId; message: Forward | Reply }[] {
      forwarding.flush(nowMs)
      return outbox.drain().outbound.flatMap((outbound) => {
        encode(outbound.message)
        const { message } = outbound
        const isFrame = message.type === 'forward' || message.type === 'reply'
        return outbound.type === 'send' && isFrame ? [{ to: outbound.to, message }] : []
      })
    },
    results(): string[] {
      return outbox
        .drain()
        .events.flatMap((event) => (event.type === 'forwarded' ? [event.result] : []))
    },
  }
}

function travelling(check: Partial<TravellingCheck> = {}): TravellingCheck {
  return {
    key: { rule: 'rule', hashHi: 1, hashLo: 2 },
    action: 'check',
    cost: 1,
    hops: 0,
    origin: { type: 'door', id: 1 },
    tried: [],
    ...check,
  }
}

function checksOf(frames: readonly { message: Forward | Reply }[]) {
  return frames.flatMap(({ message }) => (message.type === 'forward' ? message.checks : []))
}

const ALLOWED: ForwardedDecision = {
  id: 1,
  verdict: 'allowed',
  limit: 0,
  remaining: 9,
  retryAfterMs: 0,
  resetMs: 10,
  delayMs: 0,
}

describe('the checks of one turn', () => {
  it('for one peer travel in one frame, and so do the answers', () => {
    const { forwarding, ask, flush } = origin()
    for (let check = 0; check < 100; check++) ask(check % 2 === 0 ? n2 : n3)
    for (let answer = 0; answer < 10; answer++)
      forwarding.answer(n2, travelling().key, ALLOWED, NOW_MS)
    const frames = flush()
    expect(frames.map(({ to, message }) => `${to} ${message.type}`).sort()).toEqual([
      'n2 forward',
      'n2 reply',
      'n3 forward',
    ])
    expect(new Set(checksOf(frames).map(({ id }) => id)).size).toBe(100)
    expect(flush()).toEqual([])
  })

  it('fill a further frame when there are more than one holds, and none is lost', () => {
    const { ask, flush } = origin()
    for (let check = 0; check < 2 * FRAME_CHECKS_MAX + 1; check++) ask(n2)
    const frames = flush()
    expect(frames).toHaveLength(3)
    expect(checksOf(frames)).toHaveLength(2 * FRAME_CHECKS_MAX + 1)
  })

  it('fill a further frame when they are of more rules than one names', () => {
    const rules = Array.from({ length: 2 * MESSAGE_RULES_MAX + 1 }, (_, index) => ({
      ...RULE,
      name: `rule-${index}`,
    }))
    const { ask, flush, limiter } = origin(rules)
    for (const { name } of rules) {
      const state = stateOf(limiter, name)
      const { hi, lo } = state.hash('key')
      state.decide({ hi, lo }, 1, NOW_MS)
      ask(n2, { key: { rule: name, hashHi: hi, hashLo: lo } })
    }
    const frames = flush()
    expect(frames).toHaveLength(3)
    expect(frames.map(({ message }) => message.counts.blocks.length)).toEqual([64, 64, 1])
  })

  it('carry what is known of their keys, once for each key', () => {
    const { ask, flush, limiter } = origin()
    const state = stateOf(limiter)
    const { hi, lo } = state.hash('key')
    state.decide({ hi, lo }, 7, NOW_MS)
    for (let check = 0; check < 5; check++)
      ask(n2, { key: { rule: 'rule', hashHi: hi, hashLo: lo } })
    const [frame] = flush()
    expect(frame?.message.counts.actors).toEqual([{ node: 'n1', incarnation: 1 }])
    expect(frame?.message.counts.blocks[0]?.entries).toEqual([hi, lo, 0, 17, 1, 7])
  })
})

describe('a forwarded check', () => {
  it('is one hop further, and decided where it goes once somebody was asked in vain', () => {
    const { ask, flush } = origin()
    ask(n2)
    ask(n2, { hops: 1 })
    ask(n2, { tried: [n3] })
    expect(checksOf(flush()).map(({ hops }) => hops)).toEqual([1, 2, HOPS_MAX])
  })

  it('is handed back with its answer, once', () => {
    const { forwarding, ask, flush, results } = origin()
    ask(n2, { origin: { type: 'door', id: 77 } })
    const [sent] = checksOf(flush())
    const id = sent?.id as number
    expect(forwarding.pending).toBe(1)
    expect(forwarding.answered(n2, id, NOW_MS + 3)?.origin).toEqual({ type: 'door', id: 77 })
    expect(forwarding.pending).toBe(0)
    expect(forwarding.answered(n2, id, NOW_MS + 4)).toBeUndefined()
    expect(results()).toEqual(['answered', 'late'])
  })

  it('is not settled by an answer of another peer than was asked', () => {
    const { forwarding, ask, flush } = origin()
    ask(n2)
    const [sent] = checksOf(flush())
    expect(forwarding.answered(n3, sent?.id as number, NOW_MS)).toBeUndefined()
    expect(forwarding.pending).toBe(1)
  })

  it('is handed back at its deadline and not before, and a later answer belongs to nobody', () => {
    const { forwarding, ask, flush, results } = origin()
    ask(n2)
    const [sent] = checksOf(flush())
    expect(forwarding.overdue(NOW_MS + TIMEOUT_MS - 1)).toEqual([])
    expect(forwarding.overdue(NOW_MS + TIMEOUT_MS)).toMatchObject([{ tried: [n2] }])
    expect(forwarding.overdue(NOW_MS + TIMEOUT_MS)).toEqual([])
    expect(forwarding.answered(n2, sent?.id as number, NOW_MS + TIMEOUT_MS + 1)).toBeUndefined()
    expect(results()).toEqual(['timeout', 'late'])
  })

  it('has a deadline of its own, whatever became of others', () => {
    const { forwarding, ask, flush } = origin()
    ask(n2, {}, NOW_MS)
    ask(n3, {}, NOW_MS + 100)
    ask(n2, {}, NOW_MS + 50)
    flush()
    const lost = [150, 199, 200, 249, 250].map((ms) => forwarding.overdue(NOW_MS + ms).length)
    expect(lost).toEqual([1, 0, 1, 0, 1])
  })

  it('is given the time back that this node itself was stalled', () => {
    const { forwarding, ask, flush } = origin()
    ask(n2)
    flush()
    forwarding.forgive(1_000, NOW_MS + 1_000)
    expect(forwarding.overdue(NOW_MS + 1_000 + TIMEOUT_MS - 1)).toEqual([])
    expect(forwarding.overdue(NOW_MS + 1_000 + TIMEOUT_MS)).toHaveLength(1)
  })

  it('gives no time to what was asked when it was over', () => {
    const { forwarding, ask, flush } = origin()
    ask(n2)
    flush()
    forwarding.forgive(1_000, NOW_MS)
    expect(forwarding.overdue(NOW_MS + TIMEOUT_MS)).toHaveLength(1)
  })
})

describe('a lost link', () => {
  it('hands back at once everything asked of that peer, sent or not', () => {
    const { forwarding, ask, flush, results } = origin()
    ask(n2)
    ask(n3)
    flush()
    ask(n2)
    expect(forwarding.unlinked(n2, NOW_MS + 1)).toMatchObject([{ tried: [n2] }, { tried: [n2] }])
    expect(results()).toEqual(['unlinked', 'unlinked'])
    expect(forwarding.pending).toBe(1)
    expect(flush()).toEqual([])
  })

  it('makes its peer not worth asking until it is back', () => {
    const { forwarding } = origin()
    forwarding.unlinked(n2, NOW_MS)
    expect(forwarding.isWorthAsking(n2, NOW_MS + 1)).toBe(false)
    expect(forwarding.isWorthAsking(n3, NOW_MS + 1)).toBe(true)
    forwarding.linked(n2)
    expect(forwarding.isWorthAsking(n2, NOW_MS + 1)).toBe(true)
  })
})

describe('a peer that does not answer', () => {
  it('is not worth asking after a few misses, but for a probe, until any answer comes', () => {
    const { forwarding, ask, flush } = origin()
    for (let miss = 0; miss < BREAKER_MISSES; miss++) ask(n2)
    flush()
    forwarding.overdue(NOW_MS + TIMEOUT_MS)
    const at = NOW_MS + TIMEOUT_MS
    expect(forwarding.isWorthAsking(n2, at + 1)).toBe(false)
    expect(forwarding.isWorthAsking(n2, at + BREAKER_PROBE_MS)).toBe(true)
    expect(forwarding.isWorthAsking(n2, at + BREAKER_PROBE_MS)).toBe(false)
    forwarding.answered(n2, 1, at + BREAKER_PROBE_MS + 1)
    expect(forwarding.isWorthAsking(n2, at + BREAKER_PROBE_MS + 1)).toBe(true)
  })
})

describe('the backlog', () => {
  it('is full at its bound, and has room again when checks are answered', () => {
    const { forwarding, ask, flush } = origin()
    for (let check = 1; check < FORWARDS_PENDING_MAX; check++) ask(n2)
    expect(forwarding.isFull).toBe(false)
    ask(n2)
    expect(forwarding.isFull).toBe(true)
    const [sent] = checksOf(flush())
    forwarding.answered(n2, sent?.id as number, NOW_MS)
    expect(forwarding.isFull).toBe(false)
  })
})
