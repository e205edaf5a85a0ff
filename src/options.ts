import { hostname } from 'node:os'
import type { CopiesWanted } from '../cluster/copies.ts'
import {
  FORGET_AFTER_MS,
  FORWARD_TIMEOUT_MS_MAX,
  GOSSIP_INTERVAL_MS,
  NODE_NAME_BYTES_MAX,
} from '../cluster/limits.ts'

/**
 * What an operator may set. Everything else is a constant in `cluster/limits.ts`.
 *
 * Each option is a flag, a `WEIR_*` variable and a property of the `--config` file, in this order of
 * precedence; `docs/reference/options.md` is the operator's copy of this page.
 */
export interface ServerOptions {
  /** What the node is called in answers, logs and the cluster's view. Shown to people, never trusted: two nodes of one name work, but nobody can tell them apart. */
  readonly name: string
  /**
   * Where checks are answered: addresses `host:port` or `unix:/path`. Every address more is a door more
   * to guard; a Unix socket is the fastest and can be reached from this machine only.
   */
  readonly listen: readonly string[]
  /**
   * Where operators are answered: health, metrics, the cluster's view, keys. Beyond this machine only with
   * a token, for everybody who reaches the port could read and reset keys.
   */
  readonly admin: string
  /**
   * File of the tokens that open the admin door, one a line. It is read again when it changes, so a new token
   * is written beside the old one, and the old one taken out when nobody uses it. Null: the door is open,
   * and to this machine only. Health and metrics need none.
   */
  readonly adminTokenFile: string | null
  /**
   * PEM files of the certificate and key of the doors on TCP, which then speak TLS; Unix sockets do not.
   * They are read again when they change. Null: whoever can listen on the way reads keys and tokens.
   */
  readonly tlsCert: string | null
  readonly tlsKey: string | null
  /** PEM file of the authority whose certificates clients must have, even to ask for health. Null: none. */
  readonly tlsClientCa: string | null
  /** Where other nodes connect: `host:port` or a multiaddr; null for a node that is alone on purpose. */
  readonly peerListen: string | null
  /**
   * What others are told to dial; empty: what is listened on. Needed behind address
   * translation or when listening on all interfaces. A wrong one costs every peer a failed dial each
   * time it tries, and the node is linked only where it dials itself.
   */
  readonly advertise: readonly string[]
  /** Nodes of different cluster names ignore each other's gossip. Changing it splits the cluster until every node has the new name. */
  readonly clusterName: string
  /**
   * File with the key that all nodes of a cluster share (`weir keygen`). Outsiders without it cannot
   * connect. Null: anybody who reaches the peer port is a peer, therefore loopback only.
   */
  readonly secretFile: string | null
  /**
   * Ids of the nodes that may be peers, as `weir cluster status` shows them; empty: whoever has the key. With
   * it a key alone admits nobody. One that is missing is no member for this node; the same on all nodes.
   */
  readonly allowPeers: readonly string[]
  /**
   * Where other nodes are found. Each is `host:port` or a multiaddr; `srv:_weir._tcp.example.com`, whose SRV
   * records give hosts and ports; or `mdns`, which asks the local network, and answers whoever asks. One node
   * that answers is enough, because it tells of all others. More: joining works while more of them are down; each
   * absent one costs a dial when starting. Names are looked up again every ten seconds, so that those who come
   * later are found, too.
   */
  readonly seeds: readonly string[]
  /** The rules file. */
  readonly rules: string | null
  /**
   * Folder where the node keeps its identity, and what slow limits have used. Null: a new identity at every
   * start, and the old one haunts the members' tables until it is forgotten; and when all nodes stop at once, every
   * limit is as new. Kept: a restarted node takes its old place on the ring, so no key changes its owner, and slow
   * limits lose what was admitted in the last seconds at most. Never share it between nodes.
   */
  readonly dataDir: string | null
  /**
   * Milliseconds between two gossip frames; each is jittered by a tenth. It is the staleness of
   * replicas, Δ ≈ gossipIntervalMs + network, and what a crash can lose of a key: its room + R·Δ, at most B.
   * Smaller: less lost, failures noticed sooner (suspicion after 3 missed frames), more frames: each
   * node receives (N - 1)·1000/gossipIntervalMs a second. Larger: the reverse, and longer rings of
   * slices per key. The same on all nodes.
   */
  readonly gossipIntervalMs: number
  /**
   * Peers to whom a frame is relayed at once. Frames reach N nodes in about log(N)/log(fanout) hops and
   * cost about fanout·N sends. Smaller: less traffic, and a lost frame is missed more often until the
   * next one; larger: the reverse.
   */
  readonly fanout: number
  /**
   * Nodes that hold what is known of each key: its owner and the next ones on the ring. `all`: everybody; a number
   * c: so many; `auto`: everybody up to 16 nodes, 3 of more than 16, until there are 12 again. For k keys in use at
   * each of N owners a node receives
   *
   *     k · (c - 1) · entry · 1000 / gossipIntervalMs bytes a second     entry ≈ 20 to 40, c = N for everybody
   *
   * More: c - 1 nodes may die at once before a key begins with a full burst, and each copy takes memory and
   * traffic; fewer: the reverse. The same on all nodes; different ones cost traffic, and lose nothing.
   */
  readonly copies: CopiesWanted
  /**
   * The longest time in milliseconds to wait for the owner of a key before its stand-in is asked; the
   * actual one adapts to 3 times the observed 99th percentile below this ceiling. Smaller: a slow owner
   * is passed over sooner, and its stand-in decides with knowledge up to Δ old; larger: checks hang
   * longer when a host vanishes silently. A check waits at most about three times this.
   */
  readonly forwardTimeoutMs: number
  /**
   * How long in milliseconds a member that is gone without a word is remembered, and counts as one that may be
   * alive on the far side of a split: a side's share of the limits is (members it reaches) / (those it
   * remembers). In a split that lasts longer every side counts itself whole and enforces the full limits:
   * up to (P - 1)·R·(T - forgetAfterMs) too many for P sides. Larger: longer splits stay within their bounds, and a
   * node that died for good keeps the others below the full limits for longer (`on_partition: majority` only
   * where no majority is left), unless `weir cluster forget` tells them. Smaller: the reverse. A node whose
   * host refuses connections is proven dead, and does not count from then on. The same on all nodes.
   */
  readonly forgetAfterMs: number
  /**
   * Keys remembered per rule. Memory is reserved as they come:
   *
   *     bytes ≤ keysMax · Σ over rules (40 + limits · (20 + 4 · slices))     slices ≥ 18
   *
   * about 130 bytes for a key of one limit, and as much again for every further node that admitted for
   * it. Too small: the least used keys are forgotten and start with a full burst; too large: only memory.
   */
  readonly keysMax: number
  /** Which header fields describe limits to clients: `draft-11`, `legacy` (`X-RateLimit-*`), `both` or `none`. */
  readonly headers: 'draft-11' | 'legacy' | 'both' | 'none'
  /**
   * What becomes of all rules, whatever they say: `shadow`, and nobody is denied while everything is counted;
   * `off`, and nothing is even counted. Null: what each rule says. For a first day, and for a bad one.
   */
  readonly mode: 'shadow' | 'off' | null
  /**
   * Addresses and networks of proxies whose `X-Forwarded-For` is believed. One that is missing: all its
   * clients are one, the proxy. One too many: whoever sends from there is anybody he likes. Whatever comes
   * through a Unix socket is trusted.
   */
  readonly trustedProxies: readonly string[]
  /**
   * Processes that answer at `listen`. Each is a node like any other, with a name, a peer port, an admin port and a
   * folder of its own; see `src/cli/worker-plan.ts`. As many as there are cores to spare. More: each costs the memory of a
   * node, a member's traffic, and checks of the others' keys are forwarded.
   */
  readonly workers: number
  /** The least important lines still logged. `debug` is for one node and one hour: it logs every ring change and dial. */
  readonly logLevel: LogLevel
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export type OptionName = keyof ServerOptions

/** How an option is shown: in the usage text, and in the reference. */
export interface OptionUsage {
  readonly placeholder: string
  readonly summary: string
  /** The default as an operator would write it. */
  readonly fallback: string
  /** The default in words, where the text alone would not tell. */
  readonly fallbackInWords?: string
}

/** `none` as a value is the absence of one. */
export const NONE = 'none'

export const OPTIONS: Readonly<Record<OptionName, OptionUsage>> = {
  name: {
    placeholder: 'name',
    summary: 'what the node is called in answers and logs',
    fallback: hostname().slice(0, NODE_NAME_BYTES_MAX),
    fallbackInWords: 'the host name',
  },
  listen: {
    placeholder: 'addresses',
    summary: 'where checks are answered: host:port or unix:/path, comma separated',
    fallback: '127.0.0.1:8080',
  },
  admin: {
    placeholder: 'address',
    summary: 'where health, metrics and the cluster are shown',
    fallback: '127.0.0.1:9090',
  },
  adminTokenFile: {
    placeholder: 'file',
    summary: 'the tokens that open the admin door, one a line',
    fallback: NONE,
  },
  tlsCert: {
    placeholder: 'file',
    summary: 'the certificate of the doors on TCP, in PEM',
    fallback: NONE,
  },
  tlsKey: {
    placeholder: 'file',
    summary: "the certificate's private key",
    fallback: NONE,
  },
  tlsClientCa: {
    placeholder: 'file',
    summary: 'the authority whose certificates clients must have',
    fallback: NONE,
  },
  peerListen: {
    placeholder: 'address',
    summary: 'where other nodes connect, or "none" for a node alone',
    fallback: '127.0.0.1:4001',
  },
  advertise: {
    placeholder: 'addresses',
    summary: 'where others are told to connect: host:port or multiaddrs, comma separated',
    fallback: NONE,
    fallbackInWords: 'where it listens',
  },
  clusterName: {
    placeholder: 'name',
    summary: 'nodes of one name form a cluster',
    fallback: 'weir',
  },
  secretFile: {
    placeholder: 'file',
    summary: 'the key all nodes share, made by weir keygen',
    fallback: NONE,
  },
  allowPeers: {
    placeholder: 'ids',
    summary: 'ids of the nodes that may be peers, comma separated',
    fallback: NONE,
    fallbackInWords: 'whoever has the key',
  },
  seeds: {
    placeholder: 'addresses',
    summary: 'where nodes are found: host:port, multiaddr, srv:name or mdns, comma separated',
    fallback: NONE,
  },
  rules: {
    placeholder: 'file',
    summary: 'the rules file (required)',
    fallback: NONE,
  },
  dataDir: {
    placeholder: 'folder',
    summary: 'where the node keeps its identity, and what slow limits have used',
    fallback: NONE,
  },
  gossipIntervalMs: {
    placeholder: 'ms',
    summary: 'time between two gossip frames',
    fallback: `${GOSSIP_INTERVAL_MS}`,
  },
  fanout: {
    placeholder: 'peers',
    summary: 'peers to whom a gossip frame is relayed',
    fallback: '3',
  },
  copies: {
    placeholder: 'copies',
    summary: 'nodes that hold each key: auto (all up to 16 nodes, 3 of more), all, or a number',
    fallback: 'auto',
  },
  forwardTimeoutMs: {
    placeholder: 'ms',
    summary: 'the longest wait for the owner of a key',
    fallback: `${FORWARD_TIMEOUT_MS_MAX}`,
  },
  forgetAfterMs: {
    placeholder: 'ms',
    summary: 'how long a member that is gone is remembered',
    fallback: `${FORGET_AFTER_MS}`,
  },
  keysMax: {
    placeholder: 'keys',
    summary: 'keys remembered per rule',
    fallback: '1000000',
  },
  headers: {
    placeholder: 'family',
    summary: 'header fields that describe limits: draft-11, legacy, both, none',
    fallback: 'draft-11',
  },
  mode: {
    placeholder: 'mode',
    summary: 'the mode of all rules: shadow (nobody is denied) or off',
    fallback: NONE,
    fallbackInWords: 'what each rule says',
  },
  trustedProxies: {
    placeholder: 'networks',
    summary: 'proxies whose X-Forwarded-For is believed, comma separated',
    fallback: '127.0.0.0/8,::1/128',
  },
  workers: {
    placeholder: 'processes',
    summary: 'processes that answer at the same addresses, each a node of its own',
    fallback: '1',
  },
  logLevel: {
    placeholder: 'level',
    summary: `least important lines logged: ${LOG_LEVELS.join(', ')}`,
    fallback: 'info',
  },
}

export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[]

/** An option's value as it is written in a flag. */
export function writtenOption(value: ServerOptions[OptionName]): string {
  if (value === null) return NONE
  if (typeof value !== 'object') return String(value)
  return value.length === 0 ? NONE : value.join(',')
}

/** `keysMax` is `--keys-max`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** `keysMax` is `WEIR_KEYS_MAX`. */
export function variableOf(name: string): string {
  return `WEIR_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}
