import { Counter, Registry } from 'prom-client'
import type { ForwardResult, StandInReason } from '../../cluster/event.ts'
import type { MalformedReason } from '../../cluster/wire.ts'
import type { RuleAnswer } from '../rule-answer.ts'
import { registerChecks } from './check-series.ts'
import {
  type AdjustmentWord,
  CheckTallies,
  type Strategy,
  type TalliedRules,
} from './check-tallies.ts'
import { ConfigSeries, type ReloadResult } from './config-series.ts'
import { Histogram, type Observations } from './histogram.ts'
import { children, counters, wordsOf } from './series.ts'
import { SnapshotSeries } from './snapshot-series.ts'
import { type MetricsSource, registerSources } from './source-series.ts'
import { TurnedAway } from './turned-away.ts'

/**
 * A node's metrics, documented in docs/reference/metrics.md. Labels are rules, names of nodes, and words of closed sets;
 * never a key, a user or an address.
 *
 * Checks are counted as plain numbers (`check-tallies.ts`) and put into series when they are read. Series of
 * known labels exist from the start, at 0, so that a rate never misses the first event.
 */

/** Whether decisions were made at once on this node, or a request waited for another node. */
export type Path = 'local' | 'forwarded'
export type Direction = 'sent' | 'received'

/** What decided a request: one strategy, or for a batch perhaps several. */
export type RequestStrategy = Strategy | 'mixed'

const STRATEGIES = wordsOf<RequestStrategy>({
  'token-bucket': true,
  'leaky-bucket': true,
  'sliding-window': true,
  'fixed-window': true,
  'calendar-window': true,
  concurrency: true,
  none: true,
  mixed: true,
})
const PATHS = wordsOf<Path>({ local: true, forwarded: true })
const DIRECTIONS = wordsOf<Direction>({ sent: true, received: true })
const FORWARD_RESULTS = wordsOf<ForwardResult>({
  answered: true,
  timeout: true,
  unlinked: true,
  late: true,
})
const STAND_IN_REASONS = wordsOf<StandInReason>({
  owner_unreachable: true,
  hop_limit: true,
  unknown_rule: true,
  backlog: true,
  not_in_ring: true,
})
const MALFORMED_REASONS = wordsOf<MalformedReason>({
  oversize: true,
  undecodable: true,
  version: true,
  shape: true,
})

/** Seconds. From a decision in memory (tens of microseconds) to the forward timeouts of several nodes. */
const LATENCY_BUCKETS = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
  0.05, 0.1, 0.25, 0.5,
]
/** Seconds. A tick comes every 10 ms; half a second late is a stall that the cluster reacts to. */
const LAG_BUCKETS = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** The rules of a file; a `RuleBook` is one. */
export interface EnforcedRules extends TalliedRules {
  /** Equal for rules that say the same. */
  readonly version: string
}

export interface MetricsOptions {
  readonly book: EnforcedRules
  /** Where the metrics live: a registry of their own if none is given, never the process-wide one. */
  readonly registry?: Registry
}

export function createMetrics(options: MetricsOptions): Metrics {
  return new Metrics(options)
}

export class Metrics {
  readonly turnedAway: TurnedAway
  readonly #registry: Registry
  readonly #tallies: CheckTallies
  #source: MetricsSource | undefined

  readonly #latency: Record<RequestStrategy, Record<Path, Observations>>
  readonly #forwardSeconds: Observations
  readonly #forwards: Record<ForwardResult, Counter.Internal>
  readonly #gossipMessages: Record<Direction, Counter.Internal>
  readonly #gossipBytes: Record<Direction, Counter.Internal>
  readonly #fallbacks: Record<StandInReason, Counter.Internal>
  readonly #malformedFrames: Record<MalformedReason, Counter.Internal>
  readonly #config: ConfigSeries
  readonly #keysEvicted: Counter
  readonly #ringChanges: Counter
  readonly #eventLoopLag: Observations
  /** Of the file in which slow limits are kept. */
  readonly snapshots: SnapshotSeries

  constructor({ book, registry = new Registry() }: MetricsOptions) {
    this.#registry = registry
    this.#tallies = new CheckTallies(book)
    const registers = [registry]
    registerChecks(this.#tallies, registers)
    registerSources(() => this.#source, registers)

    const latency = new Histogram({
      name: 'rate_limiter_latency_seconds',
      help: 'Time from a parsed request to its decision; a batch is one observation.',
      buckets: LATENCY_BUCKETS,
      registers,
    })
    const present = this.#tallies.strategies
    this.#latency = children(STRATEGIES, (strategy) =>
      children(PATHS, (path) =>
        latency.series({ strategy, path }, strategy === 'mixed' || present.has(strategy)),
      ),
    )
    this.#forwardSeconds = new Histogram({
      name: 'rate_limiter_forward_seconds',
      help: 'Time from sending a check to a peer to its answer.',
      buckets: LATENCY_BUCKETS,
      registers,
    }).series()
    this.#forwards = counters(FORWARD_RESULTS, 'result', {
      name: 'rate_limiter_forward_total',
      help: 'Checks sent to a peer.',
      registers,
    })
    this.#gossipMessages = counters(DIRECTIONS, 'direction', {
      name: 'rate_limiter_gossip_messages_total',
      help: 'Gossip frames.',
      registers,
    })
    this.#gossipBytes = counters(DIRECTIONS, 'direction', {
      name: 'rate_limiter_gossip_bytes_total',
      help: 'Bytes of gossip frames.',
      registers,
    })
    this.#fallbacks = counters(STAND_IN_REASONS, 'reason', {
      name: 'rate_limiter_fallbacks_total',
      help: 'Checks this node decided for keys that it does not own.',
      registers,
    })
    this.#malformedFrames = counters(MALFORMED_REASONS, 'reason', {
      name: 'rate_limiter_malformed_frames_total',
      help: 'Frames from peers that were not understood and changed nothing.',
      registers,
    })
    this.snapshots = new SnapshotSeries(registers)
    this.#config = new ConfigSeries(book.version, registers)
    this.turnedAway = new TurnedAway(registers)
    this.#keysEvicted = new Counter({
      name: 'rate_limiter_keys_evicted_total',
      help: 'Keys removed from the table to make room.',
      registers,
    })
    this.#ringChanges = new Counter({
      name: 'rate_limiter_ring_changes_total',
      help: 'Changes of the members in the ring.',
      registers,
    })
    this.#eventLoopLag = new Histogram({
      name: 'rate_limiter_event_loop_lag_seconds',
      help: 'How late each tick of the node came.',
      buckets: LAG_BUCKETS,
      registers,
    }).series()
  }

  /** Other rules from now on. Those that are no more are no longer counted. */
  rulesAre(book: EnforcedRules): void {
    this.#tallies.follow(book)
    this.#config.inForce(book.version)
  }

  /** The rules were read again. */
  reloaded(result: ReloadResult): void {
    this.#config.reloaded(result)
  }

  /** One check was answered. Returns what decided it. */
  answered(answer: RuleAnswer): Strategy {
    return this.#tallies.answered(answer)
  }

  /** One check was rejected. */
  rejected(rule: string): Strategy {
    this.#tallies.rejected(rule)
    return 'none'
  }

  /** A request's checks, one or a batch, were decided after this time. */
  decided(strategy: RequestStrategy, path: Path, seconds: number): void {
    this.#latency[strategy][path].observe(seconds)
  }

  /** What else was done to a key of this rule. */
  adjusted(word: AdjustmentWord, rule: string): void {
    this.#tallies.adjusted(word, rule)
  }

  gossip(direction: Direction, bytes: number): void {
    this.#gossipMessages[direction].inc()
    this.#gossipBytes[direction].inc(bytes)
  }

  /** What became of one check sent to a peer, `seconds` after it was sent. */
  forward(result: ForwardResult, seconds: number): void {
    this.#forwards[result].inc()
    if (result === 'answered') this.#forwardSeconds.observe(seconds)
  }

  keysEvicted(count: number): void {
    this.#keysEvicted.inc(count)
  }

  ringChanged(): void {
    this.#ringChanges.inc()
  }

  /** A check was decided here although another node owns its key. */
  fallback(reason: StandInReason): void {
    this.#fallbacks[reason].inc()
  }

  malformedFrame(reason: MalformedReason): void {
    this.#malformedFrames[reason].inc()
  }

  /** A tick came this much later than it was due. */
  tickLate(seconds: number): void {
    this.#eventLoopLag.observe(seconds)
  }

  /** From now on what is not counted is read from here whenever the metrics are. */
  readFrom(source: MetricsSource): void {
    this.#source = source
  }

  /** Everything, in the text format of Prometheus. */
  exposition(): Promise<string> {
    return this.#registry.metrics()
  }

  get contentType(): string {
    return this.#registry.contentType
  }
}
