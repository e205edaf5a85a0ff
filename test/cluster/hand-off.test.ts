import { describe, expect, it, test } from 'vitest'
import { HAND_OFF_MS_MAX, TICK_MS } from '../../cluster/limits.ts'
import type { MemberState } from '../../cluster/message.ts'
import { NO_COUNTS } from '../../crdt/counts.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Answer } from '../../src/limiter/check.ts'
import { DEMO, VirtualCluster, type VirtualClusterOptions } from '../support/virtual-cluster.ts'

const [n1, n2, n3] = ['n1', 'n2', 'n3'] as NodeId[] as [NodeId, NodeId, NodeId]
const CHECK = { rule: 'demo', cost: 1 }

function cluster(options: Partial<VirtualClusterOptions> = {}): VirtualCluster {
  const made = new VirtualCluster({ nodes: 3, ...options })
  made.settle()
  return made
}

/** Many checks of one key at one instant, in turn at each of these nodes. */
function burst(made: VirtualCluster, at: readonly NodeId[], key: string, checks: number) {
  const asked = Array.from({ length: checks }, (_, index) =>
    made.ask(at[index % at.length] as NodeId, { ...CHECK, key }),
  )
  made.pump()
  return () => asked.map((answer) => answer()).filter((answer) => answer !== undefined)
}

function admitted(answers: readonly Answer[]): number {
  return answers.filter(({ allowed }) => allowed).length
}

function stateOf(made: VirtualCluster, id: NodeId): MemberState {
  return made.node(id).replica.membership.self.state
}

/** Lets time pass a millisecond at a time until the node has that state. */
function untilIn(made: VirtualCluster, id: NodeId, state: MemberState): void {
  for (let waitedMs = 0; stateOf(made, id) !== state; waitedMs++) {
    if (waitedMs > 5_000) throw new Error(`${id} is not ${state} in time`)
    made.advance(1)
  }
}

/** A cluster in which n1, which owns the key, is about to join; and how long that takes from here. */
function joining(options: Partial<VirtualClusterOptions> = {}): {
  made: VirtualCluster
  key: string
  entersAfterMs: number
} {
  const start = () => {
    const made = cluster(options)
    const key = made.keyOwnedBy(n1)
    made.kill(n1)
    made.advance(1_000)
    made.start(n1)
    return { made, key }
  }
  const { made } = start()
  const sinceMs = made.nowMs
  untilIn(made, n1, 'active')
  return { ...start(), entersAfterMs: made.nowMs - sinceMs }
}

const AROUND_MS = [-3, -2, -1, 0, 1, 2, 3, 4]

describe('a node that joins', () => {
  test.each(AROUND_MS)(
    'takes its keys over exactly, when a burst on an idle key comes %d ms after it does',
    (afterMs) => {
      const { made, key, entersAfterMs } = joining()
      made.advance(entersAfterMs + afterMs)
      const answers = burst(made, made.ids, key, 150)
      made.advance(HAND_OFF_MS_MAX)
      const seen = answers()
      expect(seen).toHaveLength(150)
      expect(admitted(seen)).toBe(100)
      expect(seen.every(({ consistency }) => consistency === 'exact')).toBe(true)
    },
  )

  it("learns what its keys' owner has not told anybody yet", () => {
    const { made, key } = joining()
    untilIn(made, n1, 'active')
    const owner = ownerWithout(made, key)
    expect(owner).not.toBe(n1)
    const early = burst(made, [owner], key, 100)
    made.advance(TICK_MS)
    expect(admitted(early())).toBe(100)
    expect(admitted(burst(made, [n1], key, 50)())).toBeLessThanOrEqual(2)
  })

  it('is told on the stream what others publish while it joins', () => {
    const { made, key } = joining({ network: { gossipLoss: 1 } })
    const owner = ownerWithout(made, key)
    // One pull keeps it joining, and the other was over before anybody used the key.
    made.network.clog(owner === n2 ? n3 : n2, n1, 1_000)
    made.advance(20)
    const early = burst(made, [owner], key, 50)
    made.advance(100)
    expect(stateOf(made, n1)).toBe('joining')
    expect(admitted(early())).toBe(50)
    const held = made.node(n1).limiter.rule('demo')?.store.table.keys
    expect(held).toBe(1)
  })

  it('goes on from the exact level, where counts alone would make it refuse too much', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    const use = () => {
      made.ask(n2, { ...CHECK, key })
      made.advance(10)
    }
    made.kill(n1)
    made.advance(1_000)
    // Half full for longer than counts are kept, and never empty: all that they say is "full at most".
    burst(made, [n2], key, 100)
    made.advance(500)
    for (let used = 0; used < 230; used++) use()
    made.start(n1)
    while (stateOf(made, n1) !== 'active') use()
    made.advance(5)
    const late = burst(made, made.ids, key, 100)
    made.advance(20)
    expect(admitted(late())).toBeGreaterThanOrEqual(45)
    expect(admitted(late())).toBeLessThanOrEqual(55)
  })
})

describe('a node that knows the owners from gossip and has no link to them yet', () => {
  function unlinked() {
    const made = cluster()
    const key = made.keyOwnedBy(n2)
    made.kill(n1)
    made.advance(1_000)
    const members = made.node(n2).replica.membership.records.filter(({ id }) => id !== n1)
    for (const other of [n2, n3]) made.network.cut(n1, other)
    made.start(n1)
    const gossip = { sequence: 1, sentMs: made.nowMs, view: 1, members, counts: NO_COUNTS }
    const incarnation = members.find(({ id }) => id === n2)?.incarnation as number
    made.node(n1).receive(n2, { type: 'gossip', incarnation, ...gossip }, made.nowMs)
    const { membership } = made.node(n1).replica
    expect(membership.placement.owner(hashOf(made, key))).toBe(n2)
    expect(membership.linkedPeers()).toEqual([])
    return { made, key }
  }

  it('waits for the link, and asks the owner', () => {
    const { made, key } = unlinked()
    const answers = burst(made, [n1], key, 1)
    made.advance(HAND_OFF_MS_MAX / 2)
    expect(answers()).toHaveLength(0)
    for (const other of [n2, n3]) made.network.heal(n1, other)
    made.advance(HAND_OFF_MS_MAX / 2 - TICK_MS)
    expect(answers()).toMatchObject([{ consistency: 'exact', decidedBy: 'owner', node: 'n1' }])
  })

  it('decides by itself when there is none for as long as it may wait', () => {
    const { made, key } = unlinked()
    const answers = burst(made, [n1], key, 1)
    made.advance(HAND_OFF_MS_MAX - TICK_MS)
    expect(answers()).toHaveLength(0)
    made.advance(2 * TICK_MS)
    expect(answers()).toMatchObject([{ allowed: true, decidedBy: 'local' }])
    expect(made.events(n1)).toContainEqual({ type: 'hand_over_missed', members: 0 })
  })
})

describe('a node that joins while another one fails', () => {
  it('holds a check no longer than it may when a member does not answer it', () => {
    const { made, key, entersAfterMs } = joining()
    made.advance(entersAfterMs - 1)
    made.network.clog(n3, n1, 1_000)
    untilIn(made, n1, 'active')
    const sinceMs = made.nowMs
    const answer = made.check(n1, { ...CHECK, key })
    expect(answer).toMatchObject({ allowed: true, decidedBy: 'owner' })
    expect(made.nowMs - sinceMs).toBeGreaterThan(HAND_OFF_MS_MAX / 2)
    expect(made.nowMs - sinceMs).toBeLessThanOrEqual(HAND_OFF_MS_MAX + TICK_MS)
    expect(made.events(n1)).toContainEqual({ type: 'hand_over_missed', members: 1 })
  })

  it('does not count how long it was stopped itself', () => {
    const { made, entersAfterMs } = joining()
    made.advance(entersAfterMs - 1)
    made.network.clog(n3, n1, HAND_OFF_MS_MAX + 200)
    untilIn(made, n1, 'active')
    made.stop(n1)
    made.advance(HAND_OFF_MS_MAX + 100)
    made.resume(n1).catchUp()
    made.advance(200)
    expect(made.events(n1).map(({ type }) => type)).not.toContain('hand_over_missed')
    expect(made.node(n1).replica.mayDecide(made.nowMs)).toBe(true)
  })

  it('starts at once when a member that has not handed over dies', () => {
    const { made, key, entersAfterMs } = joining()
    made.advance(entersAfterMs - 1)
    made.network.clog(n3, n1, 30)
    untilIn(made, n1, 'active')
    const answers = burst(made, [n1], key, 1)
    made.kill(n3)
    made.advance(10)
    expect(answers()).toHaveLength(0)
    made.advance(30)
    expect(answers()).toMatchObject([{ allowed: true, decidedBy: 'owner' }])
    expect(made.events(n1).map(({ type }) => type)).not.toContain('hand_over_missed')
  })

  it('that dies before it has started leaves its keys to their former owner', () => {
    const { made, key, entersAfterMs } = joining()
    made.advance(entersAfterMs)
    const early = burst(made, [n2, n3], key, 60)
    made.kill(n1)
    made.advance(50)
    const late = burst(made, [n2, n3], key, 60)
    made.advance(50)
    expect(early()).toHaveLength(60)
    expect(admitted(early()) + admitted(late())).toBeLessThanOrEqual(110)
  })
})

describe('a node that leaves', () => {
  test.each(AROUND_MS)('admits nothing twice, with a burst %d ms after it does', (afterMs) => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    made.advance(10)
    const early = afterMs < 0 ? burst(made, made.ids, key, 150) : undefined
    made.advance(Math.max(0, -afterMs))
    made.node(n1).leave(made.nowMs)
    made.pump()
    made.advance(Math.max(0, afterMs))
    const answers = early ?? burst(made, made.ids, key, 150)
    made.advance(50)
    expect(answers()).toHaveLength(150)
    expect(admitted(answers())).toBe(100)
  })

  it('is believed to have left only when it has handed over, whoever says so', () => {
    const made = cluster()
    const [record] = made.node(n1).replica.membership.records.filter(({ id }) => id === n1)
    const members = [{ ...(record as never as object), state: 'left' } as never]
    made.node(n2).receive(n3, { type: 'hello', view: 1, members }, made.nowMs)
    const counts = { actors: [], blocks: [] }
    made.node(n2).receive(n3, { type: 'hand-over', counts, levels: [], members }, made.nowMs)
    expect(made.node(n2).replica.membership.placement.has(n1)).toBe(true)
    made.kill(n1)
    made.advance(3)
    made.node(n2).receive(n3, { type: 'hello', view: 1, members }, made.nowMs)
    expect(made.node(n2).replica.membership.placement.has(n1)).toBe(false)
  })

  it('decides nothing any more: what cannot travel on goes back to the asker', () => {
    const made = cluster()
    const key = made.keyOwnedBy(n1)
    made.network.clog(n1, n2, 20)
    made.node(n1).leave(made.nowMs)
    made.pump()
    const answers = burst(made, [n2], key, 150)
    made.advance(100)
    expect(admitted(answers())).toBe(100)
    const acting = made.node(n1).limiter.rule('demo')
    expect(acting?.store.unsent.size).toBe(0)
  })
})

describe('nodes that come and go together', () => {
  test.each([0, 1, 2, 3, 4, 5, 6])('two leave %d ms apart', (apartMs) => {
    const made = cluster({ nodes: 4 })
    const key = made.keyOwnedBy(n1)
    const [, heir] = heirsOf(made, key)
    const early = burst(made, made.ids, key, 60)
    made.node(n1).leave(made.nowMs)
    made.advance(apartMs)
    made.node(heir as NodeId).leave(made.nowMs)
    made.pump()
    const late = burst(made, made.ids, key, 90)
    made.advance(60)
    expect([...early(), ...late()]).toHaveLength(150)
    expect(admitted(early()) + admitted(late())).toBeLessThanOrEqual(100)
  })

  test.each([0, 1, 2, 3, 4, 5, 6])('one joins and its forerunner leaves %d ms later', (afterMs) => {
    const { made, key, entersAfterMs } = joining()
    made.advance(entersAfterMs - 3)
    const owner = made.check(n2, { ...CHECK, key, cost: 0 }).owner as NodeId
    made.advance(afterMs)
    const early = burst(made, made.ids, key, 60)
    made.node(owner).leave(made.nowMs)
    made.pump()
    made.advance(1)
    const late = burst(made, made.ids, key, 90)
    made.advance(HAND_OFF_MS_MAX + 60)
    expect([...early(), ...late()]).toHaveLength(150)
    expect(admitted(early()) + admitted(late())).toBeLessThanOrEqual(101)
  })
})

describe('nodes that start together and know nothing', () => {
  const policies = ['majority', 'share'] as const
  test.each(policies)('give out one burst between them, under %s', (onPartition) => {
    const made = new VirtualCluster({ nodes: 3, rules: [{ ...DEMO, onPartition }] })
    const answers: (() => readonly Answer[])[] = []
    const sinceMs = made.nowMs
    for (let asked = 0; asked < 100; asked++) {
      answers.push(burst(made, made.ids, 'key', 9))
      made.advance(10)
    }
    const elapsedMs = made.nowMs - sinceMs
    made.advance(2 * HAND_OFF_MS_MAX)
    const seen = answers.flatMap((answersOf) => answersOf())
    expect(seen).toHaveLength(900)
    expect(admitted(seen)).toBeLessThanOrEqual(100 + elapsedMs / 10)
    expect(admitted(seen)).toBeGreaterThan(90)
  })

  test.each(policies)('give out one burst even in one instant, under %s', (onPartition) => {
    const made = new VirtualCluster({ nodes: 3, rules: [{ ...DEMO, onPartition }] })
    made.advance(HAND_OFF_MS_MAX / 2)
    const answers = burst(made, made.ids, 'key', 450)
    made.advance(HAND_OFF_MS_MAX)
    expect(answers()).toHaveLength(450)
    expect(admitted(answers())).toBe(99)
  })

  it('put a check off until they know of each other, but not for long', () => {
    const made = new VirtualCluster({ nodes: 3 })
    const sinceMs = made.nowMs
    const answer = made.check(n1, { ...CHECK, key: 'key' })
    expect(made.nowMs - sinceMs).toBeLessThanOrEqual(HAND_OFF_MS_MAX + TICK_MS)
    expect(answer).toMatchObject({ allowed: true, decidedBy: 'replica', consistency: 'degraded' })
  })
})

/** The owner of a key, and the nodes next in line. */
function heirsOf(made: VirtualCluster, key: string): NodeId[] {
  return made.node(n1).replica.membership.placement.preference(hashOf(made, key), 4)
}

/** Who owns the key as long as n1 is not there, by what n2 knows. */
function ownerWithout(made: VirtualCluster, key: string): NodeId {
  return made.node(n2).replica.membership.placement.owner(hashOf(made, key)) as NodeId
}

function hashOf(made: VirtualCluster, key: string): number {
  return made.node(n1).limiter.rule('demo')?.hash(key).hi ?? 0
}
