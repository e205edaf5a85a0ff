import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readPreSharedKey } from '../../cluster/libp2p/pre-shared-key.ts'
import { createLibp2pTransport, type Libp2pTransport } from '../../cluster/libp2p/transport.ts'
import { FRAME_BYTES_MAX } from '../../cluster/limits.ts'
import { writePreSharedKey } from '../../src/cli/keygen.ts'
import { clusterOf, inspectionOf, RealCluster } from '../support/real-cluster.ts'
import { isAlive, type RealNode, within } from '../support/real-node.ts'

// Who does not belong, and what makes no sense, changes nothing.

const WATCH_MS = 3_000
const KEY = 'watched'

let cluster: RealCluster

beforeAll(async () => {
  cluster = await RealCluster.start(3)
  for (let taken = 0; taken < 20; taken++) {
    await fetch(`${(cluster.nodes[0] as RealNode).url}/v1/gate?rule=slow&key=${KEY}`)
  }
  // What gossip loses while its mesh forms is found by anti-entropy: every 5 s, with one of the others at random.
  await within(25_000, async () => new Set(await states()).size === 1)
})
afterAll(async () => cluster.stop())

/** A digest of everything each of the three nodes holds of the key, and of whom it takes for members. */
async function states(): Promise<string[]> {
  return Promise.all(
    cluster.nodes.slice(0, 3).map(async (node) => {
      const { limits } = await inspectionOf(node, 'slow', KEY)
      const { members, view } = await clusterOf(node)
      const who = members.map(({ id, state, incarnation }) => [id, state, incarnation])
      const counts = limits.map((limit) => limit.counts)
      return createHash('sha256')
        .update(JSON.stringify([counts, who, view]))
        .digest('hex')
    }),
  )
}

async function unchangedFor(watchMs: number, before: readonly string[]): Promise<void> {
  const endMs = performance.now() + watchMs
  while (performance.now() < endMs) {
    expect(await states()).toEqual(before)
    await new Promise((resume) => setTimeout(resume, 250))
  }
}

describe('a node with another pre-shared key', () => {
  test('never joins and changes nothing, though it keeps trying', async () => {
    const before = await states()
    const secretFile = join(cluster.folder, 'other.key')
    await writePreSharedKey(secretFile)
    const seeds = cluster.nodes.flatMap((node) => node.peer)
    const outsider = await cluster.launch('outsider', seeds, ['--secret-file', secretFile])
    await unchangedFor(WATCH_MS, before)
    const { members } = await clusterOf(outsider)
    expect(members.map(({ name }) => name)).toEqual(['outsider'])
    outsider.process.kill('SIGKILL')
  })
})

describe('a peer that has the key and talks rubbish', () => {
  let rubbish: Libp2pTransport

  beforeAll(async () => {
    rubbish = await createLibp2pTransport({
      preSharedKey: await readPreSharedKey(cluster.secretFile),
      listen: ['127.0.0.1:0'],
      topic: '/weir/rl/1/delta',
      fanout: 3,
      gossipIntervalMs: 500,
      seeds: cluster.nodes.slice(0, 3).flatMap((node) => node.peer),
    })
  })
  afterAll(async () => rubbish.stop())

  test('changes no state, is counted, and stops nobody', async () => {
    const before = await states()
    const links = new Set<string>()
    rubbish.attach({
      received: () => undefined,
      linked: (peer) => links.add(peer),
      unlinked: () => undefined,
      refused: () => undefined,
    })
    await within(10_000, async () => links.size === 3)
    const frames = [
      new Uint8Array([0xc1]),
      new Uint8Array(200).fill(0x91),
      new Uint8Array(FRAME_BYTES_MAX).fill(0xff),
      new TextEncoder().encode('{"type":"gossip"}'),
      new Uint8Array([0x92, 1, 99]),
    ]
    for (const frame of frames) {
      rubbish.broadcast(frame)
      for (const peer of links) rubbish.send(peer as typeof rubbish.self, frame)
    }
    await unchangedFor(1_000, before)
    const malformed = await Promise.all(cluster.nodes.slice(0, 3).map(malformedFrames))
    for (const count of malformed) expect(count).toBeGreaterThanOrEqual(frames.length)
    expect(cluster.nodes.slice(0, 3).every(isAlive)).toBe(true)
  })
})

async function malformedFrames({ admin }: RealNode): Promise<number> {
  const metrics = await (await fetch(`${admin}/metrics`)).text()
  const lines = metrics.matchAll(/^rate_limiter_malformed_frames_total\{[^}]*\} (\d+)$/gm)
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
}
