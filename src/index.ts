import { createHash, randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import type { CopiesWanted } from '../cluster/copies.ts'
import type { Libp2pTransport } from '../cluster/libp2p/transport.ts'
import {
  ADDRESS_BYTES_MAX,
  COPIES_MAX,
  COPIES_MIN,
  FORWARD_TIMEOUT_MS_MAX,
  GOSSIP_INTERVAL_MS,
  NODE_NAME_BYTES_MAX,
} from '../cluster/limits.ts'
import { seededRandom } from '../cluster/random.ts'
import { INCARNATION_RANDOM_BITS, incarnationAt, type NodeId } from '../crdt/node-id.ts'
import { anchoredClock, type Clock } from './clock.ts'
import { buildAdminServer } from './http/admin-server.ts'
import type { DoorDependencies } from './http/door.ts'
import { close as closeDoor, Draining } from './http/draining.ts'
import { listen } from './http/listen.ts'
import { buildServer, type ServerOptions } from './http/server.ts'
import type { KeyHash } from './limiter/key-hash.ts'
import { createMetrics } from './metrics.ts'
import { Node } from './node.ts'
import { bookOf, type Reloaded, Reloading, type RulesSource, type WholeMode } from './reloading.ts'
import { ReservationIds } from './reservations.ts'
import type { HeaderFamily } from './rules/definition.ts'
import type { RuleBook } from './rules/rule-book.ts'
import type { RunningNode } from './running-node.ts'
import { coreRulesOf, Runtime } from './runtime.ts'

export type { Clock } from './clock.ts'
export type { Adjustment, Rejection } from './limiter/check.ts'
export type { LimitPolicy, Rate, Rule } from './limiter/policy.ts'
export type { Reloaded } from './reloading.ts'
export type { RuleAnswer, RuleCheck } from './rule-answer.ts'
export { RulesError } from './rules/load.ts'
export type { RequestFacts } from './rules/request-facts.ts'
export type { RuleBook } from './rules/rule-book.ts'
export type { ClusterStatus, KeyInspection, Readiness, RunningNode } from './running-node.ts'

/** What a node needs to be one of a cluster. Addresses are `host:port` or multiaddrs. */
export interface ClusterOptions {
  /** Nodes of one name form a cluster. Default `weir`. */
  readonly name?: string
  /** The cluster's shared key, as `weir keygen` writes it. Without it peers are accepted on loopback only. */
  readonly secretFile?: string
  /** Where this node's identity is kept. Without it the node is somebody new at each start. */
  readonly identityFile?: string
  /** Where to accept peers. Default `127.0.0.1:0`. */
  readonly listen?: readonly string[]
  /** What to tell peers instead of the addresses listened on. */
  readonly advertise?: readonly string[]
  /** Some nodes that are usually there. None: this node is the cluster's first. */
  readonly seeds?: readonly string[]
  /** Default 500; the same on all nodes. */
  readonly gossipIntervalMs?: number
  /** Default 3. */
  readonly fanout?: number
  /** Ceiling of the adaptive forward timeout. Default 150. */
  readonly forwardTimeoutMs?: number
  /** Nodes that hold each key: all, 2 to 16, or as suits the number of members. Default `auto`; the same on all nodes. */
  readonly copies?: CopiesWanted
}

export interface NodeOptions {
  /** Shown in answers and logs. Default `weir`. */
  readonly name?: string
  readonly rules: RulesSource
  /** Where time comes from. Default: the system's, never going backwards. */
  readonly clock?: Clock
  /** Rows of memory per rule. Default 1,000,000; pages are taken only as keys come. */
  readonly keysMax?: number
  /** Default `draft-11`. */
  readonly headers?: HeaderFamily
  /** Default: what each rule says. */
  readonly mode?: WholeMode
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed. Default: loopback. */
  readonly trustedProxies?: readonly string[]
  /** Default: silent. */
  readonly log?: Logger
  /** Absent or `false`: a single node that knows of no others. */
  readonly cluster?: ClusterOptions | false
}

/** A node in this process. */
export interface WeirNode extends RunningNode {
  /** The HTTP door for checks, for `inject` or for mounting; it listens once `listen` is called. */
  readonly app: FastifyInstance
  /** The HTTP door for operators. */
  readonly admin: FastifyInstance
  /** Where peers reach this node; empty for a single node. */
  readonly peerAddresses: readonly string[]
  /**
   * Takes other rules, or reads again where they came from. What is consumed stays so, up to the new bursts.
   *
   * @throws RulesError if the rules cannot be used; nothing changes then.
   */
  reload(rules?: RulesSource): Promise<Reloaded>
  /** Opens a door for checks at `host:port` or `unix:/path`; may be called for several. Returns its URL. */
  listen(address: string): Promise<string>
  listenAdmin(address: string): Promise<string>
  /**
   * Leaves in order: not ready, keys handed over, requests in flight answered, doors closed. Takes about a
   * second when a door is open, and is safe to call twice.
   */
  close(): Promise<void>
}

export const KEYS_MAX = 1_000_000
/** More keys of one rule than a process could hold. */
const KEYS_MAX_MAX = 16_000_000
const FANOUT = 3
/** How long balancers have to notice that this node is not ready, while it still answers. */
const DRAIN_MS = 1_000

/**
 * Starts a node in this process.
 *
 * @throws RulesError if the rules do not say what they must; Error if an address, a key file or an
 * identity cannot be used. Nothing is left running then.
 */
export async function createNode(options: NodeOptions): Promise<WeirNode> {
  const { name = 'weir', clock = anchoredClock, cluster = false } = options
  assertSane(name, options.keysMax ?? KEYS_MAX)
  if (cluster !== false) assertCopies(cluster.copies)
  const log = options.log ?? pino({ level: 'silent' })
  const book = await bookOf(options.rules, options.mode)
  const secret = cluster === false ? undefined : await secretOf(cluster)
  const transport = cluster === false ? undefined : await openTransport(cluster, secret, log)
  try {
    return assemble({ name, clock, cluster, log, book, secret, transport }, options)
  } catch (error) {
    await transport?.stop()
    throw error
  }
}

interface Parts {
  readonly name: string
  readonly clock: Clock
  readonly cluster: ClusterOptions | false
  readonly log: Logger
  readonly book: RuleBook
  readonly secret: Uint8Array | undefined
  readonly transport: Libp2pTransport | undefined
}

/** Puts a node together and sets it going. */
function assemble(parts: Parts, options: NodeOptions): WeirNode {
  const { name, clock, log, book, secret, transport } = parts
  const cluster: ClusterOptions = parts.cluster === false ? {} : parts.cluster
  const nowMs = Math.floor(clock.nowMs())
  const common = secret ?? Buffer.from(cluster.name ?? CLUSTER_NAME)
  const node = new Node(
    {
      self: {
        id: transport?.self ?? (name as NodeId),
        name,
        incarnation: incarnationAt(nowMs, randomInt(2 ** INCARNATION_RANDOM_BITS)),
        refutation: 0,
        state: 'joining',
        addresses: (transport?.addresses ?? []).map(assertAddress),
      },
      rules: coreRulesOf(book),
      hashKey: hashKeyOf(common),
      keysMax: options.keysMax ?? KEYS_MAX,
      gossipIntervalMs: cluster.gossipIntervalMs ?? GOSSIP_INTERVAL_MS,
      forwardTimeoutMs: cluster.forwardTimeoutMs ?? FORWARD_TIMEOUT_MS_MAX,
      joins: (cluster.seeds ?? []).length > 0,
      copies: cluster.copies,
    },
    seededRandom(randomInt(2 ** 32)),
    nowMs,
  )
  const metrics = createMetrics({ rules: book.definitions })
  const reservationIds = new ReservationIds(common)
  const runtime = new Runtime({
    node,
    book,
    clock,
    metrics,
    log,
    reservationIds,
    ...(transport && { transport }),
  })
  const draining = new Draining()
  const onInternalError = (error: unknown) => logInternal(log, error)
  const doors = new Doors(
    { node: runtime, metrics, draining, onInternalError },
    { headers: options.headers ?? 'draft-11', trustedProxies: options.trustedProxies },
  )
  runtime.start()
  return present(runtime, doors, draining, transport, new Reloading(runtime, metrics, options))
}

function assertCopies(copies: CopiesWanted = 'auto'): void {
  if (copies === 'auto' || copies === 'all') return
  if (Number.isInteger(copies) && copies >= COPIES_MIN && copies <= COPIES_MAX) return
  throw new Error(
    `copies ${copies}: give "auto", "all" or a whole number from ${COPIES_MIN} to ${COPIES_MAX}`,
  )
}

/** What peers would refuse is refused here, where somebody can mend it. */
function assertSane(name: string, keysMax: number): void {
  const bytes = Buffer.byteLength(name)
  if (bytes < 1 || bytes > NODE_NAME_BYTES_MAX) {
    throw new Error(`name "${name}" has ${bytes} bytes: give the node 1 to ${NODE_NAME_BYTES_MAX}`)
  }
  if (!Number.isInteger(keysMax) || keysMax < 1 || keysMax > KEYS_MAX_MAX) {
    throw new Error(`keysMax ${keysMax}: give a whole number from 1 to ${KEYS_MAX_MAX}`)
  }
}

function assertAddress(address: string): string {
  const bytes = Buffer.byteLength(address)
  if (bytes <= ADDRESS_BYTES_MAX) return address
  throw new Error(
    `peers cannot be told the address ${address}: it has ${bytes} bytes, and at most ${ADDRESS_BYTES_MAX} are read; advertise a shorter name or an IP address`,
  )
}

const CLUSTER_NAME = 'weir'

async function secretOf({ secretFile }: ClusterOptions): Promise<Uint8Array | undefined> {
  if (secretFile === undefined) return undefined
  const { readPreSharedKey } = await import('../cluster/libp2p/pre-shared-key.ts')
  return readPreSharedKey(secretFile)
}

async function openTransport(
  cluster: ClusterOptions,
  secret: Uint8Array | undefined,
  log: Logger,
): Promise<Libp2pTransport> {
  // Loaded here and not above: a single node, and every command but `serve`, does without libp2p.
  const { createLibp2pTransport } = await import('../cluster/libp2p/transport.ts')
  return createLibp2pTransport({
    ...(cluster.identityFile !== undefined && { identityFile: cluster.identityFile }),
    ...(secret !== undefined && { preSharedKey: secret }),
    listen: cluster.listen ?? ['127.0.0.1:0'],
    announce: cluster.advertise ?? [],
    topic: `/${cluster.name ?? CLUSTER_NAME}/rl/1/delta`,
    fanout: cluster.fanout ?? FANOUT,
    gossipIntervalMs: cluster.gossipIntervalMs ?? GOSSIP_INTERVAL_MS,
    seeds: cluster.seeds ?? [],
    onFault: (fault) => log.debug({ event: 'transport_fault', fault }),
  })
}

/** Two words that only the cluster's members know; without a secret, at least a cluster's own. */
function hashKeyOf(secret: Uint8Array): KeyHash {
  const digest = createHash('sha256').update('weir key placement').update(secret).digest()
  return { hi: digest.readUInt32BE(0), lo: digest.readUInt32BE(4) }
}

function logInternal(log: Logger, error: unknown): void {
  log.error({ event: 'internal_error', err: error })
}

/** The node's HTTP doors: one Fastify instance for each address, all alike. */
class Doors {
  readonly app: FastifyInstance
  readonly admin: FastifyInstance
  readonly #dependencies: DoorDependencies
  readonly #options: ServerOptions
  readonly #open: FastifyInstance[] = []

  constructor(dependencies: DoorDependencies, options: ServerOptions) {
    this.#dependencies = dependencies
    this.#options = options
    this.app = buildServer(dependencies, options)
    this.admin = buildAdminServer(dependencies)
  }

  get areOpen(): boolean {
    return this.#open.length > 0
  }

  async listen(address: string): Promise<string> {
    const isFirst = !this.#open.includes(this.app)
    const app = isFirst ? this.app : buildServer(this.#dependencies, this.#options)
    // Taken before it is waited for: two doors may be opened at the same time.
    this.#open.push(app)
    return listen(app, address)
  }

  async listenAdmin(address: string): Promise<string> {
    this.#open.push(this.admin)
    return listen(this.admin, address)
  }

  async close(): Promise<void> {
    const doors = new Set([this.app, this.admin, ...this.#open])
    await Promise.all([...doors].map((door) => closeDoor(door)))
  }
}

function present(
  runtime: Runtime,
  doors: Doors,
  draining: Draining,
  transport: Libp2pTransport | undefined,
  reloading: Reloading,
): WeirNode {
  let closed: Promise<void> | undefined
  const closeInOrder = async () => {
    draining.begin()
    runtime.leave()
    if (doors.areOpen) await delay(DRAIN_MS)
    await doors.close()
    runtime.stop()
    await transport?.stop()
  }
  return {
    get name() {
      return runtime.name
    },
    get rules() {
      return runtime.rules
    },
    app: doors.app,
    admin: doors.admin,
    peerAddresses: transport?.addresses ?? [],
    get book() {
      return runtime.book
    },
    check: (check) => runtime.check(check),
    checkRequest: (facts, cost) => runtime.checkRequest(facts, cost),
    adjust: (action, request) => runtime.adjust(action, request),
    reserve: (request, forMs) => runtime.reserve(request, forMs),
    settle: (id, cost) => runtime.settle(id, cost),
    rule: (name) => runtime.rule(name),
    readiness: () => runtime.readiness(),
    cluster: () => runtime.cluster(),
    inspect: (rule, key, descriptor) => runtime.inspect(rule, key, descriptor),
    reload: (rules) => reloading.reload(rules),
    listen: (address) => doors.listen(address),
    listenAdmin: (address) => doors.listenAdmin(address),
    close() {
      closed ??= closeInOrder()
      return closed
    },
  }
}
