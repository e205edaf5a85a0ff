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
  FORGET_AFTER_MS,
  FORWARD_TIMEOUT_MS_MAX,
  GOSSIP_INTERVAL_MS,
  NODE_NAME_BYTES_MAX,
} from '../cluster/limits.ts'
import { seededRandom } from '../cluster/random.ts'
import { INCARNATION_RANDOM_BITS, incarnationAt, type NodeId } from '../crdt/node-id.ts'
import { anchoredClock, type Clock } from './clock.ts'
import type { CertificateFiles } from './http/certificate.ts'
import { Credentials } from './http/credentials.ts'
import { Doors } from './http/doors.ts'
import { Draining } from './http/draining.ts'
import { Shedding } from './http/shedding.ts'
import type { KeyHash } from './limiter/key-hash.ts'
import { withSettlement } from './limiter/settlement.ts'
import { createMetrics } from './metrics/metrics.ts'
import { Node } from './node.ts'
import {
  bookOf,
  type Reading,
  type Reloaded,
  Reloading,
  type RulesSource,
  type WholeMode,
} from './reloading.ts'
import { ReservationIds } from './reservations.ts'
import type { HeaderFamily } from './rules/definition.ts'
import type { RuleBook } from './rules/rule-book.ts'
import type { RunningNode } from './running-node.ts'
import { Runtime } from './runtime.ts'
import { SnapshotFile } from './snapshot-file.ts'
import { Snapshots, type SnapshotsDependencies } from './snapshots.ts'

export type { Clock } from './clock.ts'
export type { Forgotten, Joined, RefusedOrder } from './cluster-orders.ts'
export type { DiagnosticCode } from './diagnostic-code.ts'
export type { Adjustment, Rejection } from './limiter/check.ts'
export type { LimitPolicy, Rate, Rule } from './limiter/policy.ts'
export type { Reloaded } from './reloading.ts'
export type { RuleAnswer, RuleCheck } from './rule-answer.ts'
export { RulesError } from './rules/load.ts'
export type { RequestFacts } from './rules/request-facts.ts'
export type { RuleBook } from './rules/rule-book.ts'
export type {
  ClusterStatus,
  KeyInspection,
  MemberReport,
  NodeStatus,
  Readiness,
  RunningNode,
} from './running-node.ts'

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
  /** Ids of the nodes that may be peers. None: whoever has the key. */
  readonly allowPeers?: readonly string[]
  /** Where nodes are found, or `srv:` and a name, or `mdns`. None: this node is the cluster's first. */
  readonly seeds?: readonly string[]
  /** Default 500; the same on all nodes. */
  readonly gossipIntervalMs?: number
  /** Default 3. */
  readonly fanout?: number
  /** Ceiling of the adaptive forward timeout. Default 150. */
  readonly forwardTimeoutMs?: number
  /** How long a member that is gone is remembered; the same on all nodes. Default 600000. */
  readonly forgetAfterMs?: number
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
  /**
   * Where what slow limits have used is kept over a restart of all nodes; the folder must be there, and the file be
   * this node's own. Default: nowhere.
   */
  readonly snapshotFile?: string
  /** File of the tokens that open the admin door. Without it that door listens on this machine only. */
  readonly adminTokenFile?: string
  /** PEM files of a certificate and its key; with them the doors on TCP speak TLS. */
  readonly tls?: CertificateFiles
  /**
   * Other workers of `node:cluster` listen for checks at the same addresses. Metrics are then at the admin door only, and
   * stale Unix sockets are cleared away by whoever starts the workers. Default: false.
   */
  readonly sharesDoors?: boolean
  /** Default: silent. */
  readonly log?: Logger
  /** Absent or `false`: a single node that knows of no others. */
  readonly cluster?: ClusterOptions | false
}

/** A node in this process. */
export interface WeirNode extends RunningNode {
  /** The HTTP door for checks, for `inject` or for mounting; without TLS it listens once `listen` is called. */
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
  /** Reads tokens and certificates again, as happens by itself when their files change. What is bad is logged. */
  renewCredentials(): Promise<void>
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
  const reading = { clock, log, mode: options.mode }
  const book = await bookOf(options.rules, reading)
  const credentials = await credentialsOf(options, log)
  let transport: Libp2pTransport | undefined
  try {
    const secret = cluster === false ? undefined : await secretOf(cluster)
    transport = cluster === false ? undefined : await openTransport(cluster, secret, log)
    return await assemble({ name, cluster, reading, book, secret, transport, credentials }, options)
  } catch (error) {
    credentials.close()
    await transport?.stop()
    throw error
  }
}

interface Parts {
  readonly name: string
  readonly cluster: ClusterOptions | false
  readonly reading: Reading
  readonly book: RuleBook
  readonly secret: Uint8Array | undefined
  readonly transport: Libp2pTransport | undefined
  readonly credentials: Credentials
}

function credentialsOf({ adminTokenFile, tls }: NodeOptions, log: Logger): Promise<Credentials> {
  return Credentials.read({ adminToken: adminTokenFile, certificate: tls }, log)
}

/** Puts a node together and, when it knows what its last life knew, sets it going. */
async function assemble(parts: Parts, options: NodeOptions): Promise<WeirNode> {
  const { name, reading, book, secret, transport, credentials } = parts
  const { clock, log } = reading
  const cluster: ClusterOptions = parts.cluster === false ? {} : parts.cluster
  const { gossipIntervalMs = GOSSIP_INTERVAL_MS, fanout = FANOUT } = cluster
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
      rules: withSettlement(book.coreRules),
      hashKey: hashKeyOf(common),
      keysMax: options.keysMax ?? KEYS_MAX,
      gossipIntervalMs,
      forwardTimeoutMs: cluster.forwardTimeoutMs ?? FORWARD_TIMEOUT_MS_MAX,
      forgetAfterMs: cluster.forgetAfterMs ?? FORGET_AFTER_MS,
      ...(transport && { settings: { rules: book.version, gossipIntervalMs, fanout } }),
      joins: (cluster.seeds ?? []).length > 0,
      allowed: cluster.allowPeers?.length ? new Set(cluster.allowPeers as NodeId[]) : undefined,
      copies: cluster.copies,
    },
    seededRandom(randomInt(2 ** 32)),
    nowMs,
  )
  const metrics = createMetrics({ book })
  const forSnapshots = { limiter: node.limiter, clock, metrics, log }
  const snapshots = await loadSnapshots(options.snapshotFile, common, forSnapshots)
  const reservationIds = new ReservationIds(common)
  const shedding = new Shedding(metrics.turnedAway)
  const runtime = new Runtime({
    node,
    book,
    clock,
    metrics,
    log,
    reservationIds,
    onTick: (lateMs, tickMs) => shedding.observe(lateMs, tickMs),
    ...(transport && { transport, discovery: transport }),
  })
  const draining = new Draining()
  const onInternalError = (error: unknown) => log.error({ event: 'internal_error', err: error })
  const doors = new Doors(
    { node: runtime, metrics, draining, shedding, onInternalError },
    options,
    credentials,
  )
  runtime.start()
  snapshots?.start()
  const reloading = new Reloading({ runtime, metrics }, options.rules, reading)
  return present({ runtime, doors, draining, reloading, transport, snapshots })
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
  const { parsePeerId } = await import('../cluster/libp2p/peer-address.ts')
  const { allowPeers = [] } = cluster
  return createLibp2pTransport({
    ...(cluster.identityFile !== undefined && { identityFile: cluster.identityFile }),
    ...(secret !== undefined && { preSharedKey: secret }),
    listen: cluster.listen ?? ['127.0.0.1:0'],
    announce: cluster.advertise ?? [],
    topic: `/${cluster.name ?? CLUSTER_NAME}/rl/1/delta`,
    fanout: cluster.fanout ?? FANOUT,
    gossipIntervalMs: cluster.gossipIntervalMs ?? GOSSIP_INTERVAL_MS,
    seeds: cluster.seeds ?? [],
    ...(allowPeers.length > 0 && { allow: allowPeers.map(parsePeerId) }),
    onFault: (fault) => log.debug({ event: 'transport_fault', fault }),
  })
}

/** Two words that only the cluster's members know; without a secret, at least a cluster's own. */
function hashKeyOf(secret: Uint8Array): KeyHash {
  const digest = createHash('sha256').update('weir key placement').update(secret).digest()
  return { hi: digest.readUInt32BE(0), lo: digest.readUInt32BE(4) }
}

/** Merges what the node's last life wrote down. */
async function loadSnapshots(
  path: string | undefined,
  common: Uint8Array,
  dependencies: SnapshotsDependencies,
): Promise<Snapshots | undefined> {
  if (path === undefined) return undefined
  const file = new SnapshotFile(path)
  await file.assertUsable()
  const snapshots = new Snapshots(dependencies, { file, fingerprint: fingerprintOf(common) })
  await snapshots.load()
  return snapshots
}

/** Tells clusters apart by what places their keys, and nothing of the secret. */
function fingerprintOf(secret: Uint8Array): Uint8Array {
  return createHash('sha256').update('weir snapshot').update(secret).digest()
}

/** Everything that a node at work is made of. */
interface Works {
  readonly runtime: Runtime
  readonly doors: Doors
  readonly draining: Draining
  readonly reloading: Reloading
  readonly transport: Libp2pTransport | undefined
  readonly snapshots: Snapshots | undefined
}

function present({ runtime, doors, draining, reloading, transport, snapshots }: Works): WeirNode {
  let closed: Promise<void> | undefined
  const closeInOrder = async () => {
    draining.begin()
    runtime.leave()
    if (doors.areOpen) await delay(DRAIN_MS)
    await doors.close()
    runtime.stop()
    await Promise.all([transport?.stop(), snapshots?.close()])
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
    mistake: (check) => runtime.mistake(check),
    atOnce: (ask) => runtime.atOnce(ask),
    checkRequest: (facts, cost) => runtime.checkRequest(facts, cost),
    adjust: (action, request) => runtime.adjust(action, request),
    reserve: (request, forMs) => runtime.reserve(request, forMs),
    settle: (id, cost) => runtime.settle(id, cost),
    rule: (name) => runtime.rule(name),
    readiness: () => runtime.readiness(),
    cluster: () => runtime.cluster(),
    status: () => runtime.status(),
    forget: (member) => runtime.forget(member),
    join: (address) => runtime.join(address),
    inspect: (rule, key, descriptor) => runtime.inspect(rule, key, descriptor),
    reload: (rules) => reloading.reload(rules),
    listen: (address) => doors.listen(address),
    listenAdmin: (address) => doors.listenAdmin(address),
    renewCredentials: () => doors.renewCredentials(),
    close() {
      closed ??= closeInOrder()
      return closed
    },
  }
}
