import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { writePreSharedKey } from '../src/cli/keygen.ts'
import type { ClusterStatus } from '../src/running-node.ts'
import type { Core } from './cores.ts'
import type { ServedNode, Stand } from './stand.ts'
import { BATCH_CHECKS, keyTexts, type Limit, RULE } from './workload.ts'

/** Real nodes with a pre-shared key, one on each core named, once all know each other. */
export async function startCluster(
  stand: Stand,
  places: readonly Core[],
  { limit, listen = '127.0.0.1:0' }: { readonly limit?: Limit; readonly listen?: string } = {},
): Promise<ServedNode[]> {
  // A stand may see several clusters, one after the other.
  const secret = join(await mkdtemp(join(stand.folder, 'cluster-')), 'secret.key')
  await writePreSharedKey(secret)
  const nodes: ServedNode[] = []
  for (const [number, core] of places.entries()) {
    const seeds = nodes.flatMap(({ peer }) => peer)
    nodes.push(
      await stand.node(
        `n${number + 1}`,
        core,
        [
          ...['--listen', number === 0 ? listen : '127.0.0.1:0', '--peer-listen', '127.0.0.1:0'],
          ...['--secret-file', secret, ...(seeds.length > 0 ? ['--seeds', seeds.join(',')] : [])],
        ],
        limit,
      ),
    )
  }
  await settled(nodes)
  return nodes
}

const SETTLE_MS_MAX = 20_000
const SETTLE_POLL_MS = 50

async function settled(nodes: readonly ServedNode[]): Promise<void> {
  const endMs = performance.now() + SETTLE_MS_MAX
  for (;;) {
    const seen = await Promise.all(nodes.map(activeMembers))
    if (seen.every((active) => active === nodes.length)) return
    if (performance.now() > endMs) throw new Error(`${nodes.length} nodes did not become a cluster`)
    await delay(SETTLE_POLL_MS)
  }
}

async function activeMembers({ admin }: ServedNode): Promise<number> {
  const status = (await (await fetch(`${admin}/api/v1/cluster`)).json()) as ClusterStatus
  return status.members.filter((one) => one.state === 'active' && (one.self || one.linked)).length
}

/** So many keys by the name of their owner, as a node says when asked without taking anything. */
export async function keysByOwner(
  { url }: ServedNode,
  count: number,
): Promise<Map<string, string[]>> {
  const keys = keyTexts(count)
  const byOwner = new Map<string, string[]>()
  for (let from = 0; from < keys.length; from += BATCH_CHECKS) {
    const asked = keys.slice(from, from + BATCH_CHECKS)
    const owners = await ownersOf(url, asked)
    asked.forEach((key, at) => {
      const owner = owners[at] as string
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), key])
    })
  }
  return byOwner
}

async function ownersOf(url: string, keys: readonly string[]): Promise<string[]> {
  const body = JSON.stringify({ checks: keys.map((key) => ({ rule: RULE, key, cost: 0 })) })
  const endMs = performance.now() + SETTLE_MS_MAX
  for (;;) {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/check`, { method: 'POST', headers, body })
    const text = await response.text()
    if (response.ok) {
      const { answers } = JSON.parse(text) as { answers: { owner: string }[] }
      return answers.map(({ owner }) => owner)
    }
    // Soon after its start, on a busy machine, a node may be shedding load.
    const isBusy = response.status === 503 && performance.now() < endMs
    if (!isBusy) throw new Error(`a batch was answered ${response.status}: ${text}`)
    await delay(SETTLE_POLL_MS)
  }
}
