import type { NodeId } from '../crdt/node-id.ts'
import type { CheckRequest } from '../src/limiter/check.ts'
import type { Rule } from '../src/limiter/policy.ts'
import { ambush } from './ambush.ts'
import type { Disk } from './disk.ts'
import type { Fault } from './fault.ts'
import type { Host } from './host.ts'
import type { Network } from './network.ts'
import type { Observer } from './observer.ts'

/** What faults do things to. */
export interface World {
  readonly network: Network
  readonly nowMs: number
  readonly live: readonly NodeId[]
  host(id: NodeId): Host
  disk(id: NodeId): Disk
  at(atMs: number, happen: () => void): void
  ask(node: NodeId, request: CheckRequest): void
  observe(observer: Observer): void
  kill(id: NodeId): void
  /** A new life of a node that is down. */
  revive(id: NodeId, rules?: readonly Rule[]): void
  /** The node is asked to go, and has so long for it. */
  leave(id: NodeId, drainMs: number): void
  /** The node is given its rules anew. */
  reload(id: NodeId): void
  stepClock(id: NodeId, byMs: number): void
}

/** Makes a fault happen, now. */
export function strike(world: World, fault: Fault): void {
  const { network } = world
  switch (fault.type) {
    case 'kill':
      world.kill(fault.node)
      break
    case 'power-off':
      network.silence(fault.node)
      world.host(fault.node).end()
      break
    case 'start':
      world.revive(fault.node, fault.rules)
      break
    case 'leave':
      world.leave(fault.node, fault.drainMs)
      break
    case 'pause':
      world.host(fault.node).pause(fault.forMs)
      break
    case 'slow':
      slow(world, fault)
      break
    case 'clog':
      network.clog(fault.from, fault.to, fault.forMs)
      break
    case 'split':
      split(network, fault.sides)
      break
    case 'cut-one-way':
      network.cutOneWay(fault.from, fault.to)
      break
    case 'cut':
      network.cut(fault.a, fault.b)
      break
    case 'heal':
      network.healAll()
      break
    case 'clock-step':
      world.stepClock(fault.node, fault.byMs)
      break
    case 'disk-hang':
      world.disk(fault.node).hang(world.nowMs + fault.forMs)
      break
    case 'disk-loss':
      world.disk(fault.node).suffer(fault.harm)
      break
    case 'reload':
      world.reload(fault.node)
      break
    case 'ambush':
      world.observe(ambush(world, fault))
      break
    case 'lie':
      world.host(fault.node).lie = fault.lie
      break
    default:
      fault satisfies never
  }
}

function slow(world: World, { node, inputMs, forMs }: Extract<Fault, { type: 'slow' }>): void {
  const host = world.host(node)
  host.inputMs = inputMs
  world.at(world.nowMs + forMs, () => host.relieve())
}

function split(network: Network, sides: readonly (readonly NodeId[])[]): void {
  sides.forEach((side, index) => {
    for (const other of sides.slice(index + 1)) {
      for (const a of side) for (const b of other) network.cut(a, b)
    }
  })
}
