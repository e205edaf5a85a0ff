import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writePreSharedKey } from '../../src/cli/keygen.ts'
import type { ClusterStatus, KeyInspection } from '../../src/running-node.ts'
import { isAlive, type RealNode, startNode, within } from '../support/real-node.ts'
import { show } from './door.ts'
import { type Ground, type GroundName, type Plot, prepareGround } from './ground.ts'
import { Incidents } from './incidents.ts'
import { warmUp } from './load.ts'
import { rulesText } from './rules.ts'

/** A cluster is whole again after any fault within this, or something is wrong with it. */
const HEALED_MS_MAX = 60_000
/** Whether it is, is asked so often: it costs every node an answer. */
const LOOK_MS = 100

/** Real nodes that can be ended, stopped and started again in their places. */
export class ChaosCluster {
  readonly names: readonly string[]
  readonly ground: Ground
  readonly incidents = new Incidents()
  /** Every process that was ever started, with its log. */
  readonly lives: RealNode[] = []
  readonly #folder: string
  readonly #running: Map<string, RealNode>

  private constructor(ground: Ground, folder: string, running: Map<string, RealNode>) {
    this.ground = ground
    this.names = [...ground.plots.keys()]
    this.#folder = folder
    this.#running = running
    // A node that is stopped would outlive us otherwise, as would its files.
    process.once('exit', this.#abandon)
  }

  static async start(on: GroundName, count: number): Promise<ChaosCluster> {
    const names = Array.from({ length: count }, (_, index) => `n${index + 1}`)
    const folder = mkdtempSync(join(tmpdir(), 'weir-chaos-'))
    const running = new Map<string, RealNode>()
    try {
      const ground = await prepareGround(on, names, folder, (name) => running.get(name)?.pid)
      const cluster = new ChaosCluster(ground, folder, running)
      try {
        await writePreSharedKey(cluster.#path('secret.key'))
        cluster.writeRules()
        await cluster.heal()
        await warmUp(cluster.doors)
        return cluster
      } catch (error) {
        await cluster.end()
        throw error
      }
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  get doors(): string[] {
    return this.names.map((name) => this.#plot(name).door)
  }

  get running(): readonly RealNode[] {
    return [...this.#running.values()].filter(isAlive)
  }

  node(name: string): RealNode {
    const node = this.#running.get(name)
    if (node === undefined || !isAlive(node)) throw new Error(`${name} does not run`)
    return node
  }

  /** Rewrites the rules file that all nodes watch. */
  writeRules(...changed: Parameters<typeof rulesText>): void {
    writeFileSync(this.#path('rules.yaml'), rulesText(...changed))
  }

  async launch(name: string): Promise<void> {
    const { flags, under } = this.#plot(name)
    const others = this.names.filter((other) => other !== name)
    const seeds = others.map((other) => this.#plot(other).seed)
    const files = ['--rules', this.#path('rules.yaml'), '--secret-file', this.#path('secret.key')]
    // With an identity of its own a node has the same place on the ring in each of its lives.
    const identity = ['--data-dir', this.#path(name)]
    const found = ['--seeds', seeds.join(','), ...files, ...identity]
    const node = await startNode(name, [...flags, ...found], under)
    this.#running.set(name, node)
    this.lives.push(node)
    this.incidents.undone(name)
  }

  async kill(...names: readonly string[]): Promise<void> {
    const nodes = names.map((name) => this.node(name))
    const exits = nodes.map((node) => once(node.process, 'exit'))
    for (const node of nodes) {
      this.incidents.begin({ type: 'killed', name: node.name })
      node.process.kill('SIGKILL')
    }
    await Promise.all(exits)
  }

  /** Asks a node to leave in order. Resolves when it has ended. @throws Error if it did not end well. */
  async leave(name: string): Promise<void> {
    const { process: child } = this.node(name)
    this.incidents.begin({ type: 'left', name })
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = await exit
    if (code !== 0) throw new Error(`${name} ended with ${code} after SIGTERM`)
  }

  stop(name: string): void {
    this.incidents.begin({ type: 'stopped', name })
    this.node(name).process.kill('SIGSTOP')
  }

  wake(name: string): void {
    this.node(name).process.kill('SIGCONT')
    this.incidents.undone(name)
  }

  /** Whether each node that runs has logged an event since then, polled. */
  async logged(event: string, since: ReadonlyMap<RealNode, number>): Promise<void> {
    const told = `"event":"${event}"`
    await within(HEALED_MS_MAX, async () =>
      this.running.every((node) => {
        return node.log.slice(since.get(node)).some((line) => line.includes(told))
      }),
    )
  }

  /** How much each life has logged by now. */
  get logLengths(): ReadonlyMap<RealNode, number> {
    return new Map(this.lives.map((life) => [life, life.log.length]))
  }

  /** All nodes run, are linked and agree on who is in the ring; all that happened to them is over. */
  async heal(): Promise<void> {
    const down = this.names.filter((name) => {
      const node = this.#running.get(name)
      return node === undefined || !isAlive(node)
    })
    await Promise.all(down.map((name) => this.launch(name)))
    await this.settled(this.names)
    this.incidents.over()
  }

  /** Resolves when these nodes, and no others, are members in the eyes of each of them. */
  async settled(names: readonly string[]): Promise<void> {
    const agree = async () => {
      const seen = await Promise.all(names.map((name) => this.#statusOf(name)))
      const isWhole = seen.every((status) => {
        const active = status?.members.filter(({ state, self, linked }) => {
          return state === 'active' && (self || linked)
        })
        return active?.length === names.length
      })
      return isWhole && new Set(seen.map((status) => status?.view)).size === 1
    }
    await within(HEALED_MS_MAX, agree, LOOK_MS).catch(async (error) => {
      const seen = await Promise.all(names.map((name) => this.#statusOf(name)))
      throw new Error(`the cluster has not healed: ${JSON.stringify(seen)}`, { cause: error })
    })
  }

  /** Names in the order in which they decide the key. */
  async preferenceOf(rule: string, key: string): Promise<readonly string[]> {
    const [node] = this.running
    if (node === undefined) throw new Error('no node runs')
    const path = `/api/v1/debug/${encodeURIComponent(key)}?rule=${rule}`
    return ((await show(node.admin, path)) as KeyInspection).owners
  }

  async end(): Promise<void> {
    const living = this.lives.filter(isAlive)
    const exits = living.map((node) => once(node.process, 'exit'))
    this.#abandon()
    process.off('exit', this.#abandon)
    await Promise.all(exits)
    this.ground.clear()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  readonly #abandon = (): void => {
    for (const node of this.lives) if (isAlive(node)) node.process.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #statusOf(name: string): Promise<ClusterStatus | undefined> {
    try {
      return (await show(this.node(name).admin, '/api/v1/cluster')) as ClusterStatus
    } catch {
      return undefined
    }
  }

  #plot(name: string): Plot {
    const plot = this.ground.plots.get(name)
    if (plot === undefined) throw new Error(`no node is called ${name}`)
    return plot
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }
}
