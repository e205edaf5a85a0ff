import diagnostics from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, type WeirNode } from '../../src/index.ts'
import { work } from '../worker.ts'
import { RULE } from '../workload.ts'

// Many real nodes in one process, over real sockets. What they send is what the sockets wrote: frames, relays,
// encryption and all.

export type FleetJob =
  | {
      readonly type: 'start'
      readonly name: string
      readonly seeds: readonly string[]
    }
  /** Waits until every node here is linked with all others of a fleet of this size. */
  | { readonly type: 'settle'; readonly nodes: number }
  /** Looks for so many keys of each node here that it owns itself. */
  | { readonly type: 'find'; readonly keys: number }
  /** Asks every node here for so many of these, twice a second. */
  | { readonly type: 'load'; readonly keys: number; readonly forMs: number }

export interface FleetResult {
  /** Where the last node here is reached. */
  readonly addresses: readonly string[]
  /** Of all nodes here, while the job was done. */
  readonly sentBytes: number
  readonly cpuSeconds: number
}

/** The bursts of RULE are never used up: every check is admitted, and told of. */
const rules = { version: 1, rules: [{ name: RULE, limits: [{ rate: '100/s', burst: 100 }] }] }
const EVERY_MS = 500
const SETTLE_MS_MAX = 240_000

const nodes: { readonly name: string; readonly node: WeirNode; readonly own: string[] }[] = []
const sockets = new Set<Socket>()
/** Of sockets that are closed. */
let writtenBytes = 0

for (const channel of ['net.client.socket', 'net.server.socket']) {
  diagnostics.subscribe(channel, (message) => {
    const { socket } = message as { readonly socket: Socket }
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      writtenBytes += socket.bytesWritten
    })
  })
}

work(async (job: FleetJob): Promise<FleetResult> => {
  const before = sentBytes()
  const cpu = process.cpuUsage()
  await perform(job)
  const { user, system } = process.cpuUsage(cpu)
  return {
    addresses: nodes.at(-1)?.node.peerAddresses ?? [],
    sentBytes: sentBytes() - before,
    cpuSeconds: (user + system) / 1e6,
  }
})

async function perform(job: FleetJob): Promise<void> {
  switch (job.type) {
    case 'start': {
      const { name, seeds } = job
      nodes.push({ name, node: await createNode({ name, rules, cluster: { seeds } }), own: [] })
      return
    }
    case 'settle':
      return settle(job.nodes)
    case 'find':
      await Promise.all(nodes.map((one) => findOwn(one, job.keys)))
      return
    case 'load':
      return load(job.keys, job.forMs)
    default:
      job satisfies never
  }
}

async function settle(fleet: number): Promise<void> {
  const deadlineMs = performance.now() + SETTLE_MS_MAX
  const isWhole = ({ node }: (typeof nodes)[number]) => {
    const others = node.cluster().members.filter(({ self }) => !self)
    return others.filter(({ state, linked }) => state === 'active' && linked).length === fleet - 1
  }
  while (!nodes.every(isWhole)) {
    if (performance.now() > deadlineMs) throw new Error(`${fleet} nodes did not find each other`)
    await sleep(EVERY_MS)
  }
}

async function load(keys: number, forMs: number): Promise<void> {
  const untilMs = performance.now() + forMs
  for (let atMs = performance.now(); atMs < untilMs; atMs += EVERY_MS) {
    for (const { node, own } of nodes) {
      for (const key of own.slice(0, keys)) void node.check({ rule: RULE, key, cost: 1 })
    }
    await sleep(Math.max(0, atMs + EVERY_MS - performance.now()))
  }
}

/** Keys that the node decides itself, so that nothing is forwarded and all that is sent is told to replicas. */
async function findOwn({ name, node, own }: (typeof nodes)[number], keys: number): Promise<void> {
  own.length = 0
  for (let number = 0; own.length < keys; number++) {
    const key = `${name}-${number}`
    const answer = await node.check({ rule: RULE, key, cost: 0 })
    if (answer.type === 'answer' && answer.owner === name) own.push(key)
  }
}

function sentBytes(): number {
  let bytes = writtenBytes
  for (const { bytesWritten } of sockets) bytes += bytesWritten
  return bytes
}
