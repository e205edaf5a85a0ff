import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { writePreSharedKey } from '../../src/cli/keygen.ts'
import type { ServeAnnouncement } from '../../src/cli/serve.ts'
import type { ClusterStatus, KeyInspection } from '../../src/running-node.ts'

export const MAIN = resolve(import.meta.dirname, '../../dist/src/cli/main.js')

/** Fast, as everywhere; and slow, so that its counts are still there when nodes are compared. */
export const RULES = `version: 1
rules:
  - name: demo
    limits: [{ rate: 100/s, burst: 100 }]
  - name: slow
    limits: [{ rate: 60/m, burst: 60 }]
`

export interface RealNode extends ServeAnnouncement {
  readonly url: string
  readonly process: ChildProcess
  /** Lines of its log. */
  readonly log: readonly string[]
}

/** Real `weir serve` processes on loopback, with a secret of their own. */
export class RealCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-e2e-'))
  readonly secretFile = join(this.folder, 'secret.key')
  readonly rulesFile = join(this.folder, 'rules.yaml')
  readonly nodes: RealNode[] = []

  static async start(count: number): Promise<RealCluster> {
    const cluster = new RealCluster()
    await cluster.prepare()
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
  async prepare(): Promise<void> {
    await writePreSharedKey(this.secretFile)
    writeFileSync(this.rulesFile, RULES)
  }

  async launch(
    name: string,
    seeds: readonly string[] = [],
    flags: readonly string[] = [],
  ): Promise<RealNode> {
    const words = [
      ...['serve', '--json', '--name', name, '--rules', this.rulesFile],
      ...['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0'],
      ...['--seeds', seeds.join(',') || 'none', '--secret-file', this.secretFile, ...flags],
    ]
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    const log: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
    const lines = createInterface({ input: child.stdout })
    const line = await Promise.race([
      once(lines, 'line').then(([text]) => text as string),
      once(child, 'exit').then(() => undefined),
    ])
    if (line === undefined) throw new Error(`${name} ended before it listened:\n${log.join('\n')}`)
    const announcement = JSON.parse(line) as ServeAnnouncement
    const node = { ...announcement, url: announcement.http[0] as string, process: child, log }
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

export function isAlive({ process: child }: RealNode): boolean {
  return child.exitCode === null && child.signalCode === null
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

/** Polls until something holds. */
export async function within(deadlineMs: number, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + deadlineMs
  for (;;) {
    if (await holds()) return
    if (performance.now() > end) throw new Error(`did not come true within ${deadlineMs} ms`)
    await new Promise((resume) => setTimeout(resume, 20))
  }
}
