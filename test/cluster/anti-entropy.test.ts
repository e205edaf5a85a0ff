import { describe, expect, it } from 'vitest'
import { AntiEntropy } from '../../cluster/anti-entropy.ts'
import { Copies, type CopiesWanted } from '../../cluster/copies.ts'
import { ANTI_ENTROPY_MS, FRAME_DIGESTS_MAX, REPAIRS_MAX } from '../../cluster/limits.ts'
import { Membership } from '../../cluster/membership.ts'
import type { Message } from '../../cluster/message.ts'
import { Outbox } from '../../cluster/outbox.ts'
import { seededRandom } from '../../cluster/random.ts'
import { encode } from '../../cluster/wire.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Limiter } from '../../src/limiter/limiter.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { limiterOf, liveCounts, NOW_MS, policyOf, ruleOf, stateOf } from '../support/limiters.ts'

/** A token a minute: slices live long. */
const SLOW = ruleOf(policyOf(60, 3_600_000, 60))
const keys = Array.from({ length: 30 }, (_, index) => `key ${index}`)

const nobody = () => []

interface Replica {
  readonly id: NodeId
  readonly limiter: Limiter
  readonly outbox: Outbox
  readonly antiEntropy: AntiEntropy
  readonly copies: Copies
}

function replica(
  name: string,
  rules: readonly Rule[] = [SLOW],
  wanted: CopiesWanted = 'all',
  members: readonly string[] = [],
): Replica {
  const limiter = limiterOf(rules, name, { numbersMax: 60 })
  const outbox = new Outbox()
  const id = name as NodeId
  const self = { id, name, incarnation: 1, refutation: 0, state: 'active', addresses: [] } as const
  const membership = new Membership(self, 500, NOW_MS)
  for (const member of members) {
    if (member !== name) membership.merge({ ...self, id: member as NodeId, name: member }, NOW_MS)
  }
  const copies = new Copies(membership, wanted, 500)
  copies.takeMoved(NOW_MS)
  const dependencies = { state: limiter, copies, random: seededRandom(1), outbox }
  const antiEntropy = new AntiEntropy(id, dependencies, NOW_MS)
  return { id, limiter, outbox, antiEntropy, copies }
}

function admit({ limiter }: Replica, admitted: readonly string[]): void {
  const state = stateOf(limiter)
  for (const key of admitted) state.decide(state.hash(key), 1, NOW_MS)
}

/** What has to leave, as messages; every one fits a frame. */
function sent({ outbox }: Replica): Message[] {
  return outbox.drain().outbound.map(({ message }) => {
    encode(message)
    return message
  })
}

function receive(to: Replica, from: Replica, message: Message): void {
  if (message.type === 'digest') to.antiEntropy.digest(from.id, message)
  if (message.type === 'repair') to.antiEntropy.repair(from.id, message, NOW_MS)
}

/** Ticks and delivers until neither has anything to say; returns what was said. */
function converse(a: Replica, b: Replica): Message[] {
  const said: Message[] = []
  for (let quiet = 0; quiet < 3; ) {
    for (const { antiEntropy } of [a, b]) antiEntropy.tick(nobody, NOW_MS)
    const [fromA, fromB] = [sent(a), sent(b)]
    for (const message of fromA) receive(b, a, message)
    for (const message of fromB) receive(a, b, message)
    quiet = fromA.length + fromB.length === 0 ? quiet + 1 : 0
    said.push(...fromA, ...fromB)
  }
  return said
}

describe('anti-entropy', () => {
  it('makes two replicas equal when their link opens, in both directions', () => {
    const [a, b] = [replica('n1'), replica('n2')]
    admit(a, keys.slice(0, 20))
    admit(b, keys.slice(10))
    a.antiEntropy.linked(b.id, NOW_MS)
    expect(a.antiEntropy.isSettled(b.id)).toBe(false)
    converse(a, b)
    expect(a.antiEntropy.isSettled(b.id)).toBe(true)
    expect(liveCounts(a.limiter, keys, NOW_MS)).toHaveLength(40)
    expect(liveCounts(b.limiter, keys, NOW_MS)).toEqual(liveCounts(a.limiter, keys, NOW_MS))
  })

  it('sends no counts when nothing differs, and still answers', () => {
    const [a, b] = [replica('n1'), replica('n2')]
    a.antiEntropy.linked(b.id, NOW_MS)
    const said = converse(a, b)
    expect(said.map(({ type }) => type)).toEqual(['digest', 'repair'])
    expect(said[1]).toMatchObject({ last: true, counts: { blocks: [] }, want: [] })
    expect(a.antiEntropy.isSettled(b.id)).toBe(true)
  })

  it('ends: a repair brings about no further repairs', () => {
    const [a, b] = [replica('n1'), replica('n2')]
    admit(a, keys)
    admit(b, keys)
    a.antiEntropy.linked(b.id, NOW_MS)
    b.antiEntropy.linked(a.id, NOW_MS)
    const said = converse(a, b)
    expect(said.filter(({ type }) => type === 'digest')).toHaveLength(2)
    expect(said.length).toBeLessThan(60)
  })

  it('tells of rules in as many frames as they need, and is settled after the last answer', () => {
    const rules = Array.from({ length: FRAME_DIGESTS_MAX + 5 }, (_, index) => ({
      ...SLOW,
      name: `rule-${index}`,
    }))
    const [a, b] = [replica('n1', rules), replica('n2', rules)]
    for (const { name } of rules) {
      const state = stateOf(b.limiter, name)
      state.decide(state.hash('key'), 1, NOW_MS)
    }
    a.antiEntropy.linked(b.id, NOW_MS)
    converse(a, b)
    expect(a.antiEntropy.isSettled(b.id)).toBe(true)
    for (const { name } of rules) {
      expect(liveCounts(a.limiter, ['key'], NOW_MS, name)).toHaveLength(1)
    }
  })
})

describe('a round of anti-entropy', () => {
  /** With whom rounds are held for so long. */
  function partners(one: Replica, peersAt: (round: number) => readonly string[], rounds: number) {
    const asked: string[] = []
    for (let at = 0; at < rounds * ANTI_ENTROPY_MS; at += 10) {
      const peers = peersAt(Math.floor(at / ANTI_ENTROPY_MS)) as NodeId[]
      one.antiEntropy.tick(() => peers, NOW_MS + at)
      for (const outbound of one.outbox.drain().outbound) {
        if (outbound.type === 'send') asked.push(outbound.to)
      }
    }
    return asked
  }

  it('is held with one peer after the other, so that none of N - 1 waits for more than N - 1 rounds', () => {
    const peers = ['n2', 'n3', 'n4', 'n5']
    const asked = partners(replica('n1'), () => peers, 40)
    expect(asked).toHaveLength(40)
    for (let round = 0; round + 4 <= asked.length; round++) {
      expect(new Set(asked.slice(round, round + 4))).toEqual(new Set(peers))
    }
  })

  it('goes on with the next one when its last partner is gone, or somebody is new', () => {
    const asked = partners(
      replica('n1'),
      (round) => (round < 2 ? ['n2', 'n3', 'n5'] : ['n2', 'n4', 'n6']),
      8,
    )
    for (let round = 2; round + 3 <= asked.length; round++) {
      expect(new Set(asked.slice(round, round + 3))).toEqual(new Set(['n2', 'n4', 'n6']))
    }
  })

  it('is not held with nobody', () => {
    const one = replica('n1')
    one.antiEntropy.tick(nobody, NOW_MS + 100 * ANTI_ENTROPY_MS)
    expect(sent(one)).toEqual([])
  })
})

describe('a repair', () => {
  it('is not settled by an answer of another peer', () => {
    const [a, b, c] = [replica('n1'), replica('n2'), replica('n3')]
    a.antiEntropy.linked(b.id, NOW_MS)
    const counts = { actors: [], blocks: [] }
    const forged = { type: 'repair', round: 1, counts, want: [], last: true } as const
    receive(a, c, forged)
    expect(a.antiEntropy.isSettled(b.id)).toBe(false)
    receive(a, b, forged)
    expect(a.antiEntropy.isSettled(b.id)).toBe(true)
  })

  it('forgets what it asked and owes when the link is lost', () => {
    const [a, b] = [replica('n1'), replica('n2')]
    admit(a, keys)
    a.antiEntropy.linked(b.id, NOW_MS)
    b.antiEntropy.linked(a.id, NOW_MS)
    for (const message of sent(b)) receive(a, b, message)
    sent(a)
    a.antiEntropy.unlinked(b.id)
    expect(a.antiEntropy.isSettled(b.id)).toBe(true)
    a.antiEntropy.tick(nobody, NOW_MS)
    expect(sent(a)).toEqual([])
  })

  it('serves no more repairs at once than it may, and one step of one at each tick', () => {
    const [a, b] = [replica('n1'), replica('n2')]
    admit(a, ['key 1'])
    const bits = new Uint8Array(32).fill(255)
    const counts = { actors: [], blocks: [] }
    const wish = {
      type: 'repair',
      round: 0,
      counts,
      want: [{ rule: 'rule', bits }],
      last: true,
    } as const
    for (let wished = 0; wished < 2 * REPAIRS_MAX; wished++) receive(a, b, wish)
    let repairs = 0
    for (let tick = 0; tick < 3 * REPAIRS_MAX; tick++) {
      a.antiEntropy.tick(nobody, NOW_MS)
      const frames = sent(a)
      expect(frames.length).toBeLessThanOrEqual(2)
      repairs += frames.filter((frame) => frame.type === 'repair' && frame.last).length
    }
    expect(repairs).toBe(REPAIRS_MAX)
  })

  it('ignores wishes for rules it does not have', () => {
    const [a, b] = [replica('n1'), replica('n2')]
    admit(a, keys)
    const bits = new Uint8Array(32).fill(255)
    const counts = { actors: [], blocks: [] }
    const want = [
      { rule: '__proto__', bits },
      { rule: 'other', bits },
    ]
    receive(a, b, { type: 'repair', round: 0, counts, want, last: true })
    a.antiEntropy.tick(nobody, NOW_MS)
    expect(sent(a)).toMatchObject([{ last: true, counts: { blocks: [] } }])
  })
})

describe('anti-entropy where two of five hold each key', () => {
  const members = ['n1', 'n2', 'n3', 'n4', 'n5']
  const pair = () => members.slice(0, 2).map((name) => replica(name, [SLOW], 2, members))

  it('exchanges what concerns both: keys both hold, and what one wrote of keys the other holds', () => {
    const [a, b] = pair() as [Replica, Replica]
    admit(a, keys)
    admit(b, keys)
    a.antiEntropy.linked(b.id, NOW_MS)
    converse(a, b)
    const holders = (key: string) => a.copies.holders(stateOf(a.limiter).hash(key).hi)
    const tokensAt = ({ limiter }: Replica, key: string) =>
      liveCounts(limiter, [key], NOW_MS).length
    for (const key of keys) {
      expect(tokensAt(a, key)).toBe(holders(key).includes(a.id) ? 2 : 1)
      expect(tokensAt(b, key)).toBe(holders(key).includes(b.id) ? 2 : 1)
    }
    expect(keys.some((key) => !holders(key).includes(a.id))).toBe(true)
  })

  it('then finds nothing more, although the two do not hold the same', () => {
    const [a, b] = pair() as [Replica, Replica]
    admit(a, keys)
    admit(b, keys)
    a.antiEntropy.linked(b.id, NOW_MS)
    converse(a, b)
    b.antiEntropy.linked(a.id, NOW_MS)
    expect(converse(a, b).map(({ type }) => type)).toEqual(['digest', 'repair'])
    expect(b.antiEntropy.isSettled(a.id)).toBe(true)
  })

  it('is not settled before it has asked, and is once the link is lost', () => {
    const [a, b] = pair() as [Replica, Replica]
    a.antiEntropy.linked(b.id, NOW_MS)
    expect(a.antiEntropy.isSettled(b.id)).toBe(false)
    a.antiEntropy.unlinked(b.id)
    expect(a.antiEntropy.isSettled(b.id)).toBe(true)
    a.antiEntropy.tick(nobody, NOW_MS)
    expect(sent(a)).toEqual([])
  })
})
