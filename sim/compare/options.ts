import type { LimitPolicy } from '../../src/limiter/policy.ts'
import type { Delay } from '../path.ts'

/**
 * Every number of the comparison, one set for all architectures. Where products differ, the value is one that
 * a careful deployment would choose; the reason stands beside it.
 */
export interface CompareOptions {
  readonly seed: number
  /** Servers that check requests. In the split the first `floor(nodes / 2) + 1` are on one side. */
  readonly nodes: number
  /** One limit for every key. */
  readonly limit: LimitPolicy
  /**
   * One way, between any two hosts: servers, the store, regions, members of Weir. 0.5 to 1.5 ms is a data centre
   * with its zones, and one message in a hundred takes up to 10. A hierarchy usually spans wider networks: here it
   * is spared that.
   */
  readonly delay: Delay
  readonly phasesMs: PhaseLengths
  /**
   * How the outage begins: the process dies and its host says so (`kill`), or the host is gone without a word
   * (`power-off`), which leaves everybody to their timeouts. The default is the harder one.
   */
  readonly outage: 'kill' | 'power-off'
  readonly workload: WorkloadOptions
  readonly store: StoreOptions
  readonly leases: LeaseOptions
  readonly hierarchy: HierarchyOptions
  readonly gossip: GossipOptions
  /**
   * How long excess is remembered after it is found out, in milliseconds: levels stop at B + R·memoryMs, as counters
   * by window stop at the window. Without an end a long split is followed by as long a silence. Weir's own slices
   * remember for as long (18 slices of 125 ms at R = B = 100).
   */
  readonly memoryMs: number
}

/** Milliseconds. The outage lasts what a quick failover of a store takes: a few seconds to notice, a few to vote. */
export interface PhaseLengths {
  readonly healthy: number
  readonly outage: number
  readonly recovered: number
  readonly split: number
  readonly healed: number
}

export interface WorkloadOptions {
  /** Tokens per second that are wanted of the hot key. */
  readonly hotPerS: number
  /** Keys besides the hot one; the one of rank k is asked for `topPerS / k` tokens per second. */
  readonly keys: number
  /** Below the limit, so that refusing any of it is a mistake. */
  readonly topPerS: number
  /** Share of a key's checks that come to the key's home server; the rest come to all alike. */
  readonly homeShare: number
  /** Share of checks that cost `largeCost` instead of 1. */
  readonly largeShare: number
  readonly largeCost: number
  /** A restarted server gets no checks for so long: readiness checks, then the balancer. */
  readonly readmitAfterMs: number
}

export interface StoreOptions {
  /** A check waits no longer for the store. Far above a round trip, far below what users notice. */
  readonly timeoutMs: number
}

export interface LeaseOptions {
  /** Tokens of one lease. B / (2·nodes): all leases together hold at most half of the bucket. */
  readonly tokens: number
  /** What is left of a lease after so long lapses: B / R, the time in which an empty bucket fills. */
  readonly ttlMs: number
}

/** 100 ms each, the interval of Gubernator's GLOBAL mode and of Databricks' reports. */
export interface HierarchyOptions {
  readonly edgeIntervalMs: number
  readonly regionIntervalMs: number
}

export interface GossipOptions {
  /** Weir's own. */
  readonly intervalMs: number
}

export const COMPARE_DEFAULTS: CompareOptions = {
  seed: 1,
  nodes: 5,
  limit: { rate: { count: 100, periodMs: 1_000 }, burst: 100 },
  delay: { minMs: 0.5, maxMs: 1.5, tail: { share: 0.01, maxMs: 10 } },
  phasesMs: { healthy: 10_000, outage: 10_000, recovered: 5_000, split: 20_000, healed: 10_000 },
  outage: 'power-off',
  workload: {
    hotPerS: 250,
    keys: 40,
    topPerS: 80,
    homeShare: 0.5,
    largeShare: 0.02,
    largeCost: 5,
    readmitAfterMs: 2_000,
  },
  store: { timeoutMs: 50 },
  leases: { tokens: 10, ttlMs: 1_000 },
  hierarchy: { edgeIntervalMs: 100, regionIntervalMs: 100 },
  gossip: { intervalMs: 500 },
  memoryMs: 2_250,
}
