import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../crdt/node-id.ts'
import { READY_MS } from '../../sim/experiment.ts'
import type { ClientAnswer } from '../../sim/observer.ts'
import { Simulation, START_MS } from '../../sim/simulation.ts'
import type { Answer, Rejection } from '../../src/limiter/check.ts'
import type { Rule } from '../../src/limiter/policy.ts'

// What clients see of a rule that every node decides.

const rule: Rule = {
  name: 'demo',
  limits: [{ rate: { count: 100, periodMs: 1_000 }, burst: 100 }],
  local: true,
}

interface Options {
  readonly rule?: Rule
  readonly clockOffsetsMs?: readonly number[]
}

function cluster(nodes: number, options: Options = {}) {
  const { rule: one = rule, ...rest } = options
  const world = new Simulation({ seed: 1, nodes, rules: [one], ...rest })
  let forwards = 0
  world.observe({
    sent(_, { message }) {
      if (message.type === 'forward') forwards += message.checks.length
    },
  })
  world.runUntil(READY_MS)
  /** The answer to a check, which is there at once: nobody else is asked. */
  const ask = (node: NodeId | undefined, cost = 1): Answer | Rejection => {
    world.ask(node as NodeId, { rule: 'demo', key: 'hot', cost })
    return (world.answers.at(-1) as ClientAnswer).answer
  }
  const pass = (ms: number) => world.runUntil(world.nowMs - START_MS + ms)
  return {
    world,
    nodes: world.ids,
    forwards: () => forwards,
    ask,
    pass,
    /** Everybody takes all that there is, every 10 ms. Returns how much that was. */
    flood(ms: number, by: readonly NodeId[] = world.ids): number {
      let tokens = 0
      for (let passedMs = 0; passedMs < ms; passedMs += 10) {
        for (const node of by) {
          while (isAllowed(ask(node))) tokens += 1
        }
        pass(10)
      }
      return tokens
    },
  }
}

function isAllowed(answer: Answer | Rejection): boolean {
  return answer.type === 'answer' && answer.allowed
}

function splitOff({ world, nodes }: ReturnType<typeof cluster>): void {
  for (const other of nodes.slice(1)) world.network.cut(nodes[0] as NodeId, other)
}

describe('a rule that every node decides', () => {
  test('is decided by whoever is asked, within a bound that the answer states', () => {
    const { ask, nodes, forwards } = cluster(3)
    for (const node of nodes) {
      expect(ask(node)).toMatchObject({
        allowed: true,
        decidedBy: 'local',
        consistency: 'degraded',
        overshootBound: 66,
        weight: 1,
        node,
      })
    }
    expect(forwards()).toBe(0)
  })

  test('is admitted no further than a quota ahead of the others, and further when they know', () => {
    const { ask, nodes, pass } = cluster(3)
    expect(ask(nodes[0], 33)).toMatchObject({ allowed: true, remaining: 0 })
    expect(ask(nodes[0])).toMatchObject({
      allowed: false,
      reason: 'partition_share',
      remaining: 0,
      retryAfterMs: 50,
    })
    expect(ask(nodes[1], 33)).toMatchObject({ allowed: true })
    pass(50)
    expect(ask(nodes[0], 33)).toMatchObject({ allowed: true })
    expect(ask(nodes[1], 10)).toMatchObject({ allowed: true })
    pass(20)
    // All of it is known everywhere, but for the 7 that have drained.
    expect(ask(nodes[2], 0)).toMatchObject({ remaining: 0 })
    expect(ask(nodes[2], 1)).toMatchObject({ allowed: false, reason: 'over_limit' })
  })

  test('has no check that costs more than a quota', () => {
    const { ask, nodes } = cluster(3)
    expect(ask(nodes[0], 34)).toMatchObject({
      type: 'rejected',
      code: 'invalid_cost',
      detail:
        'cost 34 of rule "demo" must be a whole number from 0 (ask only) to 33, its smallest burst divided by the 3 nodes that decide it (decided_by: local): a larger cost could never be allowed',
    })
  })

  test('is exact where there is one node', () => {
    const { ask, nodes } = cluster(1)
    expect(ask(nodes[0], 100)).toMatchObject({
      allowed: true,
      decidedBy: 'local',
      consistency: 'exact',
      overshootBound: 0,
    })
    expect(ask(nodes[0])).toMatchObject({ allowed: false, reason: 'over_limit' })
  })

  test('is decided by owners where so many decide it that none could be ahead by a token', () => {
    const small = { ...rule, limits: [{ rate: { count: 2, periodMs: 1_000 }, burst: 2 }] }
    const { world, ask, nodes } = cluster(3, { rule: small })
    expect(ask(world.ownerOf('demo', 'hot'), 2)).toMatchObject({ decidedBy: 'owner' })
    expect(nodes).toHaveLength(3)
  })

  test('is decided by owners where keys are held by a few', () => {
    const { world, ask } = cluster(17)
    const answer = ask(world.ownerOf('demo', 'hot'), 20)
    expect(answer).toMatchObject({ allowed: true, decidedBy: 'owner', overshootBound: 0 })
  })
})

describe('a node that is cut off from the others', () => {
  test('admits a quota, then nothing until nobody counts on it, and then its own share', () => {
    const scene = cluster(3)
    const { ask, nodes, pass } = scene
    splitOff(scene)
    expect(ask(nodes[0], 33)).toMatchObject({ allowed: true })
    pass(500)
    expect(ask(nodes[0])).toMatchObject({ allowed: false, reason: 'partition_share' })
    pass(700)
    expect(ask(nodes[0])).toMatchObject({
      allowed: false,
      consistency: 'partitioned',
      weight: 0,
      retryAfterMs: 250,
    })
    pass(3_000)
    const share = { consistency: 'partitioned', overshootBound: 66, weight: 1 / 3 }
    expect(ask(nodes[0], 33)).toMatchObject({ allowed: true, ...share })
    expect(ask(nodes[0])).toMatchObject({ allowed: false, reason: 'partition_share', ...share })
    pass(31)
    expect(ask(nodes[0])).toMatchObject({ allowed: true, ...share })
    expect(ask(nodes[0])).toMatchObject({ allowed: false })
  })

  test('decides together with them again when it reaches all of them', () => {
    const scene = cluster(3)
    const { world, ask, nodes, pass } = scene
    splitOff(scene)
    pass(5_000)
    expect(ask(nodes[0], 33)).toMatchObject({ weight: 1 / 3 })
    expect(ask(nodes[1], 33)).toMatchObject({ weight: 1 / 3 })
    world.network.healAll()
    pass(2_000)
    expect(ask(nodes[0])).toMatchObject({ allowed: true, weight: 1, consistency: 'degraded' })
    expect(ask(nodes[1])).toMatchObject({ allowed: true, weight: 1, consistency: 'degraded' })
  })
})

describe('a node that has just come', () => {
  test('decides together with the others, and q is that of one more', () => {
    const { world, ask, nodes, pass } = cluster(3)
    const [node] = nodes as [NodeId]
    world.kill(node)
    pass(1_000)
    expect(ask(nodes[1])).toMatchObject({ decidedBy: 'local', overshootBound: 50 })
    world.revive(node)
    pass(5_000)
    expect(ask(node)).toMatchObject({ decidedBy: 'local', overshootBound: 66, weight: 1 })
  })

  test('decides nothing, not even as an owner, until it has been together with all others once', () => {
    const { world, ask, nodes, pass } = cluster(3)
    const node = world.ownerOf('demo', 'hot')
    const [one, other] = nodes.filter((id) => id !== node) as [NodeId, NodeId]
    world.kill(node)
    world.network.cut(one, other)
    pass(1_000)
    world.revive(node)
    pass(6_000)
    expect(ask(node, 1)).toMatchObject({ allowed: false, reason: 'partition_share', weight: 0 })
    world.network.healAll()
    pass(6_000)
    expect(ask(node, 33)).toMatchObject({ allowed: true, decidedBy: 'local', weight: 1 })
  })
})

describe('what a node does not hold', () => {
  test('of a clock ahead it does not acknowledge: each goes on by its own share', () => {
    const { pass, flood } = cluster(3, { clockOffsetsMs: [-3_000, 0, 0] })
    pass(12_000)
    flood(5_000)
    expect(flood(10_000)).toBeLessThanOrEqual(10 * 100 + 66)
  })

  test('of a rule that is new to it it asks for before it decides', () => {
    const { world, nodes, flood } = cluster(3, { rule: { ...rule, name: 'other' } })
    const both = [{ ...rule, name: 'other' }, rule]
    const [first] = nodes as [NodeId]
    world.host(first).node.changeRules(both, world.nowMs)
    flood(2_000, [first])
    for (const node of nodes.slice(1)) world.host(node).node.changeRules(both, world.nowMs)
    // What drains in a second, and what each may be ahead by.
    expect(flood(1_000)).toBeLessThanOrEqual(100 + 66)
  })
})

describe('a member that never counts on the others', () => {
  test('does not keep them from deciding by their own shares', () => {
    const { world, nodes, flood } = cluster(3)
    const [one, other, liar] = nodes as [NodeId, NodeId, NodeId]
    const { node } = world.host(liar)
    const drain = node.drain.bind(node)
    node.drain = (nowMs) => {
      const effects = drain(nowMs)
      const outbound = effects.outbound.map((sent) => {
        if (sent.message.type !== 'step') return sent
        return { ...sent, message: { ...sent.message, stance: 'ready' as const } }
      })
      return { ...effects, outbound } as typeof effects
    }
    flood(5_000, [one, other])
    expect(flood(30_000, [one, other])).toBeGreaterThan((30 * 100) / 3)
  })
})

describe('a node that comes back to a cluster without traffic', () => {
  test('keeps nobody waiting for more than some round trips', () => {
    const { world, nodes, ask, pass } = cluster(3)
    const [node, other] = nodes as [NodeId, NodeId]
    world.kill(node)
    pass(1_000)
    world.revive(node)
    let refused = 0
    for (let passedMs = 0; passedMs < 1_000; passedMs += 10) {
      if (!isAllowed(ask(other))) refused += 1
      pass(10)
    }
    expect(refused).toBeLessThan(15)
  })
})

describe('a key that is reset at every node at once', () => {
  test('is reset once', () => {
    const slow = { ...rule, limits: [{ rate: { count: 10, periodMs: 1_000 }, burst: 100 }] }
    const { world, nodes, flood, pass } = cluster(3, { rule: slow })
    flood(600)
    const request = { rule: 'demo', key: 'hot', cost: 0 }
    for (const node of nodes) world.ask(node, request, { action: 'reset' })
    pass(50)
    expect(flood(600)).toBeLessThanOrEqual(100 + 66 + 6)
  })
})
