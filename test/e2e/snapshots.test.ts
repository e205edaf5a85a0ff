import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { writePreSharedKey } from '../../src/cli/keygen.ts'
import { RealCluster } from '../support/real-cluster.ts'
import { type RealNode, within } from '../support/real-node.ts'

// Real processes, all of which end at once, and what their clients may then take. The rule `slow` gives 60 tokens,
// and one more each second.

const BURST = 60
const PER_SECOND = 1
const KEY = 'ada'

let cluster: RealCluster
afterEach(async () => cluster.stop())

/** Nodes that keep their data; those of an earlier start are found again by their names. */
async function start(names: readonly string[], flags: readonly string[] = []): Promise<RealNode[]> {
  const started: RealNode[] = []
  for (const name of names) {
    const folder = ['--data-dir', join(cluster.folder, name), ...flags]
    started.push(await cluster.launch(name, started[0]?.peer, folder))
  }
  await cluster.settled(names.length)
  return started
}

async function end(nodes: readonly RealNode[], signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const ended = nodes.map((node) => once(node.process, 'exit'))
  for (const node of nodes) node.process.kill(signal)
  await Promise.all(ended)
}

/** Asks so many times, at one node after the other; returns how many were allowed. */
async function ask(nodes: readonly RealNode[], times: number): Promise<number> {
  let allowed = 0
  for (let asked = 0; asked < times; asked++) {
    const { url } = nodes[asked % nodes.length] as RealNode
    const { status } = await fetch(`${url}/v1/gate?rule=slow&key=${KEY}`)
    if (status === 204) allowed += 1
  }
  return allowed
}

/** As of when the node's snapshot is, in seconds since 1970. */
async function snapshotSeconds({ url }: RealNode): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^rate_limiter_snapshot_timestamp_seconds (.+)$/m.exec(text)?.[1])
}

function secondsSince(sinceMs: number): number {
  return (Date.now() - sinceMs) / 1_000
}

describe('what a slow limit has given is still given', () => {
  test('when the only node stops in order and starts again', async () => {
    cluster = new RealCluster()
    await cluster.prepare()
    const sinceMs = Date.now()
    const before = await start(['n1'])
    expect(await ask(before, 50)).toBe(50)
    await end(before, 'SIGTERM')
    expect(before[0]?.process.exitCode).toBe(0)
    const after = await start(['n1'])
    expect(after[0]?.log.some((line) => line.includes('snapshot_loaded'))).toBe(true)
    const allowed = 50 + (await ask(after, 100))
    expect(allowed).toBeLessThanOrEqual(BURST + PER_SECOND * secondsSince(sinceMs) + 1)
    // Not stricter either than a bucket that was full of debt at the beginning of everything.
    expect(allowed).toBeGreaterThan(50)
  })

  test('but for what came after the last snapshot, when all nodes are killed at once', async () => {
    cluster = new RealCluster()
    await cluster.prepare()
    const sinceMs = Date.now()
    const before = await start(['n1', 'n2', 'n3'])
    expect(await ask(before, 50)).toBe(50)
    const askedSeconds = Date.now() / 1_000
    await within(40_000, async () => {
      const times = await Promise.all(before.map(snapshotSeconds))
      return times.every((seconds) => seconds > askedSeconds)
    })
    const unseen = await ask(before, 6)
    expect(unseen).toBe(6)
    await end(before, 'SIGKILL')
    const after = await start(['n1', 'n2', 'n3'])
    const allowed = 50 + unseen + (await ask(after, 100))
    expect(allowed).toBeLessThanOrEqual(BURST + PER_SECOND * secondsSince(sinceMs) + unseen + 1)
  })

  test('but not by the snapshot of a cluster with another secret', async () => {
    cluster = new RealCluster()
    await cluster.prepare()
    const before = await start(['n1'])
    expect(await ask(before, 50)).toBe(50)
    await end(before, 'SIGTERM')
    const secretFile = join(cluster.folder, 'other.key')
    await writePreSharedKey(secretFile)
    const after = await start(['n1'], ['--secret-file', secretFile])
    const line = after[0]?.log.find((one) => one.includes('snapshot_refused')) ?? '{}'
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', reason: 'foreign' })
    expect(await ask(after, BURST)).toBe(BURST)
  })
})
