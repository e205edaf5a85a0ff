import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writePreSharedKey } from '../../src/cli/keygen.ts'
import type { ClusterStatus, KeyInspection } from '../../src/running-node.ts'
import { isAlive, type RealNode, startNode, within } from './real-node.ts'

/** Fast, as everywhere; and slow, so that its counts are still there when nodes are compared. */
export const RULES = `version: 1
rules:
  - name: demo
    limits: [{ rate: 100/s, burst: 100 }]
  - name: slow
    limits: [{ rate: 60/m, burst: 60 }]
`

/** Real `weir serve` processes on loopback, with a secret of their own. */
export class RealCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-e2e-'))
  readonly secretFile = join(this.folder, 'secret.key')
  readonly rulesFile = join(this.folder, 'rules.yaml')
  readonly nodes: RealNode[] = []

  static async start(count: number, rules = RULES): Promise<RealCluster> {
    const cluster = new RealCluster()
    await cluster.prepare(rules)
    const first = await cluster.launch('n1')
    const others = Array.from({ length: count - 1 }, (_, index) =>
      cluster.launch(`n${index + 2}`, first.peer),
    )
    await Promise.all(others)
    cluster.nodes.sort((a, b) => (a.name < b.name ? -1 : 1))
    await cluster.settled(count)
    return cluster
  }

  /** Writes what every node needs. */
  async prepare(rules = RULES): Promise<void> {
    await writePreSharedKey(this.secretFile)
    writeFileSync(this.rulesFile, rules)
  }

  async launch(
    name: string,
    seeds: readonly string[] = [],
    flags: readonly string[] = [],
  ): Promise<RealNode> {
    const node = await startNode(name, [
      ...['--rules', this.rulesFile],
      ...['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0'],
      ...['--seeds', seeds.join(',') || 'none', '--secret-file', this.secretFile, ...flags],
    ])
    this.nodes.push(node)
    return node
  }

  /** Resolves when every live node sees exactly so many active, linked members. */
  async settled(count: number): Promise<void> {
    await within(15_000, async () => {
      const live = this.nodes.filter(isAlive)
      const seen = await Promise.all(live.map((node) => clusterOf(node)))
      return seen.every(({ members }) => {
        const active = members.filter(({ state, self, linked }) => {
          return state === 'active' && (self || linked)
        })
        return active.length === count
      })
    })
  }

  async stop(): Promise<void> {
    for (const { process: child } of this.nodes) child.kill('SIGKILL')
    await Promise.all(this.nodes.filter(isAlive).map((node) => once(node.process, 'exit')))
    rmSync(this.folder, { recursive: true, force: true })
  }

  named(name: string): RealNode {
    const node = this.nodes.find((candidate) => candidate.name === name)
    if (node === undefined) throw new Error(`no node is called ${name}`)
    return node
  }
}

export async function clusterOf({ admin }: { readonly admin: string }): Promise<ClusterStatus> {
  return (await (await fetch(`${admin}/api/v1/cluster`)).json()) as ClusterStatus
}

export async function inspectionOf(
  { admin }: { readonly admin: string },
  rule: string,
  key: string,
): Promise<KeyInspection> {
  const url = `${admin}/api/v1/debug/${encodeURIComponent(key)}?rule=${rule}`
  return (await (await fetch(url)).json()) as KeyInspection
}
