import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FORWARD_TIMEOUT_MS_MAX } from '../../cluster/limits.ts'
import { admitted, askedSeconds, load, type Seen, spanSeconds } from '../support/load.ts'
import { clusterOf, inspectionOf, RealCluster } from '../support/real-cluster.ts'
import type { RealNode } from '../support/real-node.ts'

// Three real processes under real load. What clients saw is the only evidence.

const RATE = 100
const BURST = 100
const DURATION_MS = 3_000
/** How late a client may learn that a connection is lost: the forward timeout, and its own share of a busy machine. */
const FAILED_MS_MAX = FORWARD_TIMEOUT_MS_MAX + 500

const hot = { rule: 'demo', durationMs: DURATION_MS, workers: 5, connections: 20 }

let cluster: RealCluster
let keys = 0

beforeAll(async () => {
  cluster = await RealCluster.start(3)
  // Let every process compile its hot path first: a cold start is not what is measured.
  await load({ ...hot, urls: urls(), key: freshKey(), durationMs: 1_500 })
})
afterAll(async () => cluster.stop())

function urls(): string[] {
  return cluster.nodes.map((node) => node.url)
}

async function ownerOf(key: string): Promise<RealNode> {
  const { owners } = await inspectionOf(cluster.nodes[0] as RealNode, 'demo', key)
  return cluster.named(owners[0] as string)
}

function freshKey(): string {
  keys += 1
  return `hot-${keys}`
}

describe('three nodes, one key at 100/s with burst 100, a hundred clients on all nodes', () => {
  test('admit what one bucket would, no more and no less', async () => {
    const log = await load({ ...hot, urls: urls(), key: freshKey() })
    const seconds = spanSeconds(log)
    const accepted = admitted(log)
    report('healthy', log)
    expect(log.every((seen) => seen.status === 200)).toBe(true)
    expect(accepted).toBeLessThanOrEqual(BURST + RATE * seconds + 1)
    expect(accepted).toBeGreaterThanOrEqual(0.98 * (BURST + RATE * askedSeconds(log)))
  })
})

describe('three nodes', () => {
  test('hold equal replicas on all nodes within 1.5 s of the last check', async () => {
    const key = freshKey()
    for (let asked = 0; asked < 30; asked++) {
      const { url } = cluster.nodes[asked % 3] as RealNode
      await fetch(`${url}/v1/gate?rule=slow&key=${key}`)
    }
    const lastMs = performance.now()
    const counts = async (node: RealNode) =>
      (await inspectionOf(node, 'slow', key)).limits.flatMap((limit) => limit.counts)
    const total = (held: Awaited<ReturnType<typeof counts>>) =>
      held.reduce((sum, { tokens }) => sum + tokens, 0)
    let held = await Promise.all(cluster.nodes.map(counts))
    while (!held.every((one) => total(one) === 30) && performance.now() - lastMs < 1_500) {
      await new Promise((resume) => setTimeout(resume, 20))
      held = await Promise.all(cluster.nodes.map(counts))
    }
    expect(performance.now() - lastMs).toBeLessThan(1_500)
    expect(total(held[0] as (typeof held)[number])).toBe(30)
    expect(held[1]).toEqual(held[0])
    expect(held[2]).toEqual(held[0])
  })

  test('agree on the owner of every one of 10,000 keys, and own about the same number each', async () => {
    const owned = await Promise.all(cluster.nodes.map((node) => ownersOf(node, 10_000)))
    expect(owned[1]).toEqual(owned[0])
    expect(owned[2]).toEqual(owned[0])
    const shares = new Map<string, number>()
    for (const owner of owned[0] as string[]) shares.set(owner, (shares.get(owner) ?? 0) + 1)
    expect([...shares.keys()].sort()).toEqual(['n1', 'n2', 'n3'])
    for (const share of shares.values())
      expect(Math.abs(share / (10_000 / 3) - 1)).toBeLessThan(0.15)
  })
})

describe('a node that goes', () => {
  test('by SIGKILL, owning the key, half-way: every check is answered, within the bound of a crash', async () => {
    const key = freshKey()
    const owner = await ownerOf(key)
    const loading = load({ ...hot, urls: urls(), key })
    await new Promise((resume) => setTimeout(resume, DURATION_MS / 2))
    const killedMs = performance.timeOrigin + performance.now()
    owner.process.kill('SIGKILL')
    const log = await loading
    report('owner killed', log)
    expect(admitted(log)).toBeLessThanOrEqual(BURST + RATE * spanSeconds(log) + BURST + 1)
    // Connections to the killed process fail; whatever was asked of a live node is answered.
    const failed = log.filter((seen) => seen.status !== 200)
    expect(failed.every((seen) => seen.status === 0)).toBe(true)
    for (const seen of failed) {
      expect(seen.doneMs).toBeGreaterThanOrEqual(killedMs - 50)
      expect(seen.doneMs - Math.max(seen.sentMs, killedMs)).toBeLessThan(FAILED_MS_MAX)
    }
    const survivors = log.filter((seen) => seen.status === 200 && seen.sentMs > killedMs)
    expect(survivors.length).toBeGreaterThan(100)
    await cluster.settled(2)
  })

  test('by SIGTERM under load: no answer is lost, and it exits with 0 within 20 s', async () => {
    const replacement = await cluster.launch('n4', (cluster.nodes.find(isRunning) as RealNode).peer)
    await cluster.settled(3)
    const live = cluster.nodes.filter(isRunning)
    const log: Seen[] = []
    const loading = load({
      ...hot,
      durationMs: 4_000,
      urls: live.map(({ url }) => url),
      key: freshKey(),
    })
    await new Promise((resume) => setTimeout(resume, 1_000))
    const askedMs = performance.now()
    replacement.process.kill('SIGTERM')
    const [code] = await once(replacement.process, 'exit')
    expect(code).toBe(0)
    expect(performance.now() - askedMs).toBeLessThan(20_000)
    log.push(...(await loading))
    report('stopped under load', log)
    // A refused connection, or a 503 from a closing door, means: retry elsewhere. Nothing else is lost.
    const lost = log.filter((seen) => ![0, 200, 503].includes(seen.status))
    expect(lost).toEqual([])
    expect(log.filter((seen) => seen.status === 200).length).toBeGreaterThan(100)
    expect(admitted(log)).toBeLessThanOrEqual(BURST + RATE * spanSeconds(log) + 1)
    const [left] = (await clusterOf(live[0] as RealNode)).members.filter(
      ({ name }) => name === 'n4',
    )
    expect(left?.state).toBe('left')
  })
})

function isRunning({ process: child }: RealNode): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** Owners of keys 0 … count-1 as one node names them, asked without taking anything. */
async function ownersOf({ url }: RealNode, count: number): Promise<string[]> {
  const owners: string[] = []
  for (let from = 0; from < count; from += 1_000) {
    const checks = Array.from({ length: 1_000 }, (_, index) => {
      return { rule: 'demo', key: `key-${from + index}`, cost: 0 }
    })
    const answer = await fetch(`${url}/v1/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ checks }),
    })
    const { answers } = (await answer.json()) as { answers: { owner: string }[] }
    owners.push(...answers.map(({ owner }) => owner))
  }
  return owners
}

/** The figures behind the verdict, for whoever reads the log. */
function report(name: string, log: readonly Seen[]): void {
  const seconds = spanSeconds(log)
  const by = new Map<string, number>()
  for (const { decidedBy, status } of log) {
    const word = status === 200 ? decidedBy : `status ${status}`
    by.set(word, (by.get(word) ?? 0) + 1)
  }
  console.info(
    `${name}: admitted ${admitted(log)} of ${log.length} in ${seconds.toFixed(2)} s, ideal ${(BURST + RATE * seconds).toFixed(0)};`,
    [...by].map(([word, count]) => `${word} ${count}`).join(', '),
  )
}
