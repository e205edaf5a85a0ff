import { setTimeout as delay } from 'node:timers/promises'
import { createNode, type WeirNode } from '../../src/index.ts'

/** A case as it was recorded: what some limiter's own tests expect of a rule, step by step. */
export interface Case {
  readonly id: string
  readonly rule: CaseRule
  /** Rules as a file has them, where `rule` cannot say it. */
  readonly file?: object
  readonly steps: readonly Step[]
  readonly requires?: readonly string[]
  readonly startAt?: string
}

export interface CaseRule {
  readonly algorithm: string
  readonly limit: number
  readonly durationMs: number | null
  readonly burst?: number
  readonly calendar?: string
  readonly timezone?: string
  /** Of a fixed window: whether windows follow each other from 1970 on. */
  readonly aligned?: boolean
  readonly mode?: string
  readonly match?: { readonly method: string }
  readonly keyPattern?: string
  readonly also?: readonly CaseRule[]
}

export interface Step {
  readonly hits: number
  readonly key?: string
  readonly advanceMs?: number
  readonly op?: string
  /** The rule from now on, of a step that reloads. */
  readonly rule?: CaseRule
  /** What is asked, where it is not the rule by its name. */
  readonly ask?: object
  readonly via?: string
  readonly attrs?: { readonly method: string }
  readonly waitSync?: boolean
  readonly concurrent?: number
  readonly allowedCount?: number
  readonly rate?: number
  readonly forMs?: number
  readonly expect?: Expected
}

export interface Expected {
  readonly allowed?: boolean
  readonly remaining?: number
  readonly resetMs?: number
  readonly retryAfterMs?: number
  readonly delayMs?: number
  readonly reason?: string
  readonly error?: string
}

/** What a step got: an answer, or an error's status and code. */
export interface Got extends Expected {
  readonly status: number
  readonly code?: string
  readonly reservation?: string
  readonly owner?: string
}

const START_MS = Date.parse('2026-03-01T00:00:00Z')
/** Twice the gossip interval of these clusters, and a network's delay. */
const SYNC_MS = 400
const GOSSIP_INTERVAL_MS = 100
/** On a busy machine an owner that is late must not look like one that is gone: its stand-in would count again. */
const FORWARD_TIMEOUT_MS = 2_000

/** The nodes of a case, over HTTP, with a clock that the case turns. */
export class World {
  /** A cost below 0 is a mistake to this case; to the others it is a refund. */
  readonly isStrict: boolean
  readonly #nodes: WeirNode[]
  readonly #joiners: WeirNode[] = []
  readonly #clock: { offsetMs: number }
  #turn = 0

  private constructor(one: Case, nodes: WeirNode[], clock: { offsetMs: number }) {
    this.isStrict = one.requires?.includes('validation') === true
    this.#nodes = nodes
    this.#clock = clock
  }

  static async of(one: Case): Promise<World> {
    const size = Number(
      one.requires?.find((need) => need.startsWith('cluster:'))?.split(':')[1] ?? 1,
    )
    const startMs = one.startAt === undefined ? START_MS : Date.parse(one.startAt)
    return size === 1 ? World.#alone(one, startMs) : World.#cluster(one, size)
  }

  /** Time stands still but for what the steps let pass. */
  static async #alone(one: Case, startMs: number): Promise<World> {
    const clock = { offsetMs: startMs }
    const node = await createNode({
      rules: one.file ?? rulesOf(one.rule),
      clock: { nowMs: () => clock.offsetMs },
      cluster: false,
    })
    return new World(one, [node], clock)
  }

  /** Real nodes with real links need a clock that goes; a case's time is added to it. */
  static async #cluster(one: Case, size: number): Promise<World> {
    const clock = { offsetMs: 0 }
    const nodes: WeirNode[] = []
    for (let index = 0; index < size; index++) {
      const first = nodes[0]
      nodes.push(await startNode(`n${index}`, one.rule, clock, first?.peerAddresses))
    }
    const world = new World(one, nodes, clock)
    await world.#whole()
    return world
  }

  async #whole(): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      const isWhole = this.#nodes.every((node) => {
        const active = node.cluster().members.filter(({ state }) => state === 'active')
        return node.readiness().ready && active.length === this.#nodes.length
      })
      if (isWhole) return
      await delay(25)
    }
    throw new Error('the nodes did not become one cluster')
  }

  /** One more node has begun to join, and is not waited for. */
  async join(rule: CaseRule): Promise<void> {
    this.#joiners.push(await startNode('joiner', rule, this.#clock, this.#nodes[0]?.peerAddresses))
  }

  async reload(rule: CaseRule): Promise<void> {
    for (const node of this.#nodes) await node.reload(rulesOf(rule))
  }

  advance(byMs: number): void {
    this.#clock.offsetMs += byMs
  }

  async sync(): Promise<void> {
    if (this.#nodes.length > 1) await delay(SYNC_MS)
  }

  post(via: string | undefined, url: string, body: object): Promise<Got> {
    return this.#post(this.#node(via), 'app', url, body)
  }

  admin(via: string | undefined, url: string, body: object): Promise<Got> {
    return this.#post(this.#node(via), 'admin', url, body)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes, ...this.#joiners].map((node) => node.close()))
  }

  async #post(node: WeirNode, door: 'app' | 'admin', url: string, body: object): Promise<Got> {
    const response = await node[door].inject({ method: 'POST', url, body })
    return { ...response.json(), status: response.statusCode }
  }

  #node(via: string | undefined): WeirNode {
    const index = via?.startsWith('n') ? Number(via.slice(1)) : this.#turn++
    return this.#nodes[
      via === undefined || via === 'owner' ? 0 : index % this.#nodes.length
    ] as WeirNode
  }
}

function startNode(
  name: string,
  rule: CaseRule,
  clock: { readonly offsetMs: number },
  seeds?: readonly string[],
): Promise<WeirNode> {
  return createNode({
    name,
    rules: rulesOf(rule),
    clock: { nowMs: () => Date.now() + clock.offsetMs },
    cluster: {
      gossipIntervalMs: GOSSIP_INTERVAL_MS,
      forwardTimeoutMs: FORWARD_TIMEOUT_MS,
      ...(seeds !== undefined && { seeds }),
    },
  })
}

/** What is asked of a rule that requests fall under by what they are like, and not by its name. */
export function described({ key = 'key', attrs }: Step): object {
  return { descriptors: {}, method: attrs?.method ?? 'GET', path: `/${key}` }
}

export function isMatched({ match, keyPattern }: CaseRule): boolean {
  return match !== undefined || keyPattern !== undefined
}

function rulesOf(rule: CaseRule): object {
  const { mode, match, keyPattern, also = [] } = rule
  const limits = [rule, ...also].map(limitOf)
  const path = keyPattern === undefined ? '/**' : `/${keyPattern}`
  const matched = isMatched(rule) && { match: { ...match, path }, key: '{rule}' }
  const named = { name: 'rule', limits, ...matched, ...(mode !== undefined && { mode }) }
  return { version: 1, rules: [named] }
}

function limitOf(rule: CaseRule): object {
  const { algorithm, limit, durationMs, burst, calendar, timezone, aligned } = rule
  if (calendar !== undefined) return { rate: `${limit}/${calendar}`, timezone }
  if (algorithm === 'concurrency') return { algorithm, count: limit, expires: '10m' }
  // A limit of 0 is none that a rules file can say; the case that has it is about what it does not match.
  const rate = `${Math.max(1, limit)}/${durationMs}ms`
  switch (algorithm) {
    case 'fixed_window':
      return { rate, algorithm: 'fixed-window', opens: aligned ? 'aligned' : 'first-hit' }
    case 'sliding_window':
      return { rate, algorithm: 'sliding-window' }
    case 'leaky_bucket':
      return { rate, algorithm: 'leaky-bucket', burst: burst ?? limit }
    case 'token_bucket':
    case 'gcra':
      return { rate, burst: burst ?? limit }
    default:
      throw new Error(`no case has named the algorithm ${algorithm} before: say what it is here`)
  }
}
