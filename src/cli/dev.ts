import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { DEMO_RULES } from '../rules/demo.ts'
import { type ChildNode, spawnNode } from './child-node.ts'
import { fetchClusterStatus } from './cluster-status.ts'
import { devAnnouncement, devScreen } from './dev-screen.ts'
import { CommandError, type ExitCode } from './exit-code.ts'
import { writePreSharedKey } from './keygen.ts'
import { loadRulesOrFail } from './rules.ts'
import type { ServeAnnouncement } from './serving.ts'
import { stopRequested } from './stop-signal.ts'
import type { Terminal } from './terminal.ts'

export interface DevRequest {
  readonly nodes: number
  /** A rules file; undefined for the demonstration's. */
  readonly rules: string | undefined
  /** Where n1 answers checks, n2 one above it ...; undefined for free ports. */
  readonly port: number | undefined
  readonly json: boolean
}

/** From the first process to members that all know each other: on a laptop about 2 s. */
const READY_MS_MAX = 45_000
const POLL_MS = 100
/** A node that was asked to stop is killed after this. */
const STOP_MS_MAX = 20_000

/** `weir dev`: a cluster of real processes on loopback, until it is told to stop. */
export async function dev(request: DevRequest, terminal: Terminal): Promise<ExitCode> {
  const cluster = new DevCluster(terminal)
  const stop = stopRequested(() => cluster.kill())
  const folder = await mkdtemp(join(tmpdir(), 'weir-dev-'))
  try {
    const run = async (): Promise<ExitCode> => {
      const rulesFile = await rulesFileIn(folder, request.rules)
      const { coreRules: rules } = await loadRulesOrFail(rulesFile)
      const nodes = await cluster.start(request, folder, rulesFile)
      const announcement = devAnnouncement(nodes, rules)
      const lines = request.json
        ? [JSON.stringify(announcement)]
        : devScreen(announcement, rules, terminal)
      for (const line of lines) terminal.print(line)
      await cluster.ended()
      return 'failure'
    }
    return await Promise.race([run(), stop.then((): ExitCode => 'ok')])
  } finally {
    await cluster.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function rulesFileIn(folder: string, path: string | undefined): Promise<string> {
  if (path !== undefined) return resolve(path)
  const demo = join(folder, 'rules.yaml')
  await writeFile(demo, DEMO_RULES)
  return demo
}

class DevCluster {
  readonly #terminal: Terminal
  readonly #children: ChildNode[] = []
  /** Nodes that end before are an error of the start, and nodes that end while stopping are meant to. */
  #ready = false
  #stopping = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** n1 first, whose peer address is the others' seed. Resolves when every node is linked to all others. */
  async start(
    { nodes, port }: DevRequest,
    folder: string,
    rulesFile: string,
  ): Promise<readonly ServeAnnouncement[]> {
    const secretFile = join(folder, 'secret.key')
    await writePreSharedKey(secretFile)
    const launch = (index: number, seeds: readonly string[]): Promise<ServeAnnouncement> =>
      this.#launch(`n${index + 1}`, {
        '--cluster-name': 'dev',
        '--listen': `127.0.0.1:${port === undefined ? 0 : port + index}`,
        '--admin': '127.0.0.1:0',
        '--peer-listen': '127.0.0.1:0',
        '--secret-file': secretFile,
        '--seeds': seeds.join(',') || 'none',
        '--rules': rulesFile,
        '--log-level': 'warn',
      })
    const first = await launch(0, [])
    const others = Array.from({ length: nodes - 1 }, (_, index) => launch(index + 1, first.peer))
    const all = [first, ...(await Promise.all(others))]
    const deadlineMs = performance.now() + READY_MS_MAX
    await Promise.all(all.map((node) => seesEverybody(node, nodes, deadlineMs)))
    this.#ready = true
    return all
  }

  #launch(name: string, flags: Readonly<Record<string, string>>): Promise<ServeAnnouncement> {
    if (this.#stopping) throw new CommandError('stopped while starting', { exit: 'failure' })
    const child = spawnNode(name, flags, this.#terminal.variables)
    this.#children.push(child)
    void child.ended.then((how) => {
      if (this.#ready && !this.#stopping) this.#terminal.complain(`${name} ${how}`)
    })
    return child.listening
  }

  /** Resolves when no node is left. */
  async ended(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.ended))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    for (const child of this.#children) child.stop()
    await Promise.race([this.ended(), after(STOP_MS_MAX, undefined, { ref: false })])
    this.kill()
    await this.ended()
  }

  kill(): void {
    this.#stopping = true
    for (const child of this.#children) child.kill()
  }
}

/** Resolves when the node is active, and linked to all others, which it holds to be active too. */
async function seesEverybody(
  node: ServeAnnouncement,
  nodes: number,
  deadlineMs: number,
): Promise<void> {
  for (;;) {
    const { members } = await fetchClusterStatus(node.admin)
    const ready = members.filter(({ state, self, linked }) => {
      return state === 'active' && (self || linked)
    })
    if (ready.length === nodes) return
    if (performance.now() > deadlineMs) {
      const states = members.map((member) => `${member.name} ${member.state}`).join(', ')
      throw new CommandError(
        `after ${READY_MS_MAX / 1_000} s ${node.name} sees ${ready.length} of ${nodes} nodes (${states}): try again when the machine is less busy, or with fewer --nodes`,
        { exit: 'failure' },
      )
    }
    await after(POLL_MS)
  }
}
