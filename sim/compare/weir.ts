import type { NodeId } from '../../crdt/node-id.ts'
import type { OnPartition } from '../../src/limiter/policy.ts'
import type { Fault } from '../fault.ts'
import { Simulation, START_MS } from '../simulation.ts'
import type { Admitted, Answered, Architecture, Outcome, Run, Scenario } from './architecture.ts'
import { phaseNamed, sideOf, VICTIM } from './timeline.ts'
import { HOT_KEY } from './workload.ts'
import { differences, TAIL_MS } from './world.ts'

/**
 * Weir itself, the code that ships, in the simulator: a key's owner decides for all, the others forward to it, and
 * gossip tells everybody what it decided, in case it goes. When members are out of reach, `onPartition` says what a
 * side may admit.
 *
 * Servers are interchangeable, so the hot key's owner takes the place of server `VICTIM`: the outage strikes the
 * member on which most depends.
 */
export const weirMajority: Architecture = {
  name: 'weir, majority',
  describe: 'owners decide, gossip is the safety net; a majority goes on in full after 10 s',
  inSplit: 'each side keeps its share of the limit; after 10 s the larger side gets all of it',
  run: (scenario) => runWeir(scenario, 'majority'),
}

export const weirShare: Architecture = {
  name: 'weir, share',
  describe: 'owners decide, gossip is the safety net; sides of a split keep their shares',
  inSplit: 'each side keeps its share of the limit until the split is over',
  run: (scenario) => runWeir(scenario, 'share'),
}

const RULE = 'compared'
/** A cluster takes so long to start and to agree on its members. */
const READY_MS = 4_000

function runWeir({ options, phases, arrivals }: Scenario, onPartition: OnPartition): Run {
  const { seed, nodes, limit, delay, gossip } = options
  const world = new Simulation({
    seed,
    nodes,
    rules: [{ name: RULE, limits: [limit], onPartition }],
    network: { delay },
    gossipIntervalMs: gossip.intervalMs,
  })
  world.runUntil(READY_MS)
  const servers = ownerFirst(world.ids, world.ownerOf(RULE, HOT_KEY))
  world.schedule(faultsOf({ options, phases, arrivals }, servers), READY_MS)
  const arrivalOf = new Map<number, number>()
  arrivals.forEach(({ atMs, node, key, cost }, index) => {
    world.at(START_MS + READY_MS + atMs, () => {
      const id = world.ask(servers[node] as NodeId, { rule: RULE, key, cost })
      if (id !== undefined) arrivalOf.set(id, index)
    })
  })
  const sentBefore = sent(world)
  const sentUntil = phases.map(({ toMs }) => {
    world.runUntil(READY_MS + toMs)
    return sent(world) - sentBefore
  })
  world.runUntil(READY_MS + (phases.at(-1)?.toMs ?? 0) + TAIL_MS)
  const answers: (Answered | undefined)[] = arrivals.map(() => undefined)
  for (const { id, answer, answeredMs } of world.answers) {
    const index = arrivalOf.get(id)
    if (index === undefined) continue
    let outcome: Outcome = 'failed'
    if (answer.type === 'answer') outcome = answer.allowed ? 'allowed' : 'refused'
    answers[index] = { outcome, atMs: answeredMs - START_MS - READY_MS }
  }
  return { answers, admissions: admissionsOf(world, arrivals), messages: differences(sentUntil) }
}

/** The members in the order of servers, with the owner in the victim's place. */
function ownerFirst(ids: readonly NodeId[], owner: NodeId): NodeId[] {
  const others = ids.filter((id) => id !== owner)
  return [...others.slice(0, VICTIM), owner, ...others.slice(VICTIM)]
}

function faultsOf({ options, phases }: Scenario, servers: readonly NodeId[]): Fault[] {
  const outage = phaseNamed(phases, 'outage')
  const split = phaseNamed(phases, 'split')
  const node = servers[VICTIM] as NodeId
  const sides = ([0, 1] as const).map((side) => {
    return servers.filter((_, index) => sideOf(index, options.nodes) === side)
  })
  return [
    { atMs: outage.fromMs, type: options.outage, node },
    { atMs: outage.toMs, type: 'start', node },
    { atMs: split.fromMs, type: 'split', sides },
    { atMs: split.toMs, type: 'heal' },
  ]
}

/** The ledger knows keys by their hashes. */
function admissionsOf(world: Simulation, arrivals: Scenario['arrivals']): Admitted[] {
  const keys = new Set(arrivals.map(({ key }) => key))
  const names = new Map([...keys].map((key) => [world.keyName(RULE, key), key]))
  return world.ledger.admissions.map(({ atMs, key, cost }) => {
    return { atMs: atMs - START_MS - READY_MS, key: names.get(key) ?? key, cost }
  })
}

/** Frames that any member has put on the network so far, relayed ones included. */
function sent(world: Simulation): number {
  return world.ids.reduce((sum, id) => sum + world.network.traffic(id).sent.messages, 0)
}
