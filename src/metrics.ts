import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ForwardResult, StandInReason } from '../cluster/event.ts'
import type { MemberState } from '../cluster/message.ts'
import type { MalformedReason } from '../cluster/wire.ts'
import type { Answer } from './limiter/check.ts'
import type { AnswerReason, RuleAnswer } from './rule-answer.ts'

/**
 * A node's metrics, documented in docs/reference/metrics.md. Labels are rules, and words of closed sets;
 * never a key, a user or an address.
 *
 * A check costs a look-up and a few increments of plain numbers; they are put into series when they are
 * read. Series of known labels exist from the start, at 0, so that a rate never misses the first event.
 */

/** Whether decisions were made at once on this node, or a request waited for another node. */
export type Path = 'local' | 'forwarded'
export type Direction = 'sent' | 'received'

type Denial = Exclude<AnswerReason, 'under_limit' | 'override' | 'no_rule' | 'shadow'>

const DENIALS = wordsOf<Denial>({
  over_limit: true,
  partition_share: true,
  partition_closed: true,
  overloaded: true,
  key_missing: true,
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
/** `refused`: they could not be used, and the former ones stay. */
export type ReloadResult = 'changed' | 'unchanged' | 'refused'
const RELOAD_RESULTS = wordsOf<ReloadResult>({ changed: true, unchanged: true, refused: true })
const MALFORMED_REASONS = wordsOf<MalformedReason>({
  oversize: true,
  undecodable: true,
  version: true,
  shape: true,
})

/** A closed set of label values; the compiler sees to it that none is missing. */
function wordsOf<Word extends string>(words: Record<Word, true>): readonly Word[] {
  return Object.keys(words) as Word[]
}

/** The only algorithm there is; a label so that dashboards survive a second one. */
const STRATEGY = 'token-bucket'

/** Seconds. From a decision in memory (tens of microseconds) to the forward timeouts of several nodes. */
const LATENCY_BUCKETS = [
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
  0.05, 0.1, 0.25, 0.5,
]
/** Seconds. A tick comes every 10 ms; half a second late is a stall that the cluster reacts to. */
const LAG_BUCKETS = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** What is not counted but looked up when the metrics are read. */
export interface MetricsSource {
  /** Keys held in this node's table. */
  keys(): number
  /** Other members by state; every state that is to be shown must be there, with 0 if need be. */
  peers(): ReadonlyMap<MemberState, number>
  /** 1 while everybody who may be alive is reached. */
  partitionWeight(): number
  /** Of linked peers, by their names. */
  clockOffsetsMs(): ReadonlyMap<string, number>
}

export interface MetricsOptions {
  readonly rules: readonly { readonly name: string }[]
  /** Where the metrics live: a registry of their own if none is given, never the process-wide one. */
  readonly registry?: Registry
}

export interface EnforcedRules {
  /** Equal for rules that say the same. */
  readonly version: string
  readonly definitions: MetricsOptions['rules']
}

/** Counts of one rule's checks since the start. */
class RuleTally {
  allowed = 0
  rejected = 0
  shadowed = 0
  readonly denied: Record<Denial, number> = {
    over_limit: 0,
    partition_share: 0,
    partition_closed: 0,
    overloaded: 0,
    key_missing: 0,
  }
}

export function createMetrics(options: MetricsOptions): Metrics {
  return new Metrics(options)
}

export class Metrics {
  readonly #registry: Registry
  readonly #rules: Map<string, RuleTally>
  #unknownRule = 0
  #noRule = 0
  #source: MetricsSource | undefined

  readonly #latency: Record<Path, Histogram.Internal<string>>
  readonly #forwardSeconds: Histogram
  readonly #forwards: Record<ForwardResult, Counter.Internal>
  readonly #gossipMessages: Record<Direction, Counter.Internal>
  readonly #gossipBytes: Record<Direction, Counter.Internal>
  readonly #fallbacks: Record<StandInReason, Counter.Internal>
  readonly #malformedFrames: Record<MalformedReason, Counter.Internal>
  readonly #reloads: Record<ReloadResult, Counter.Internal>
  readonly #lastReload: Gauge
  readonly #configInfo: Gauge
  readonly #keysEvicted: Counter
  readonly #ringChanges: Counter
  readonly #eventLoopLag: Histogram

  constructor({ rules, registry = new Registry() }: MetricsOptions) {
    this.#registry = registry
    this.#rules = new Map(rules.map((rule) => [rule.name, new RuleTally()]))
    const registers = [registry]
    this.#registerChecks(registers)
    this.#registerSources(registers)

    const latency = new Histogram({
      name: 'rate_limiter_latency_seconds',
      help: 'Time from a parsed request to its decision; a batch is one observation.',
      labelNames: ['strategy', 'path'],
      buckets: LATENCY_BUCKETS,
      registers,
    })
    this.#latency = children(PATHS, (path) => {
      latency.zero({ strategy: STRATEGY, path })
      return latency.labels(STRATEGY, path)
    })
    this.#forwardSeconds = new Histogram({
      name: 'rate_limiter_forward_seconds',
      help: 'Time from sending a check to a peer to its answer.',
      buckets: LATENCY_BUCKETS,
      registers,
    })
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
    this.#reloads = counters(RELOAD_RESULTS, 'result', {
      name: 'rate_limiter_config_reloads_total',
      help: 'How often the rules were read again.',
      registers,
    })
    this.#lastReload = new Gauge({
      name: 'rate_limiter_config_last_reload_successful',
      help: 'Whether the rules could be used when they were last read.',
      registers,
    })
    this.#lastReload.set(1)
    this.#configInfo = new Gauge({
      name: 'rate_limiter_config_info',
      help: 'Which rules are enforced.',
      labelNames: ['version'],
      registers,
    })
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
    })
  }

  /** Rules have been loaded. Those that are no more are no longer counted. */
  rulesAre({ version, definitions }: EnforcedRules): void {
    const tallies = new Map(this.#rules)
    this.#rules.clear()
    for (const { name } of definitions) this.#rules.set(name, tallies.get(name) ?? new RuleTally())
    this.#configInfo.reset()
    this.#configInfo.set({ version }, 1)
  }

  /** The rules were read again. */
  reloaded(result: ReloadResult): void {
    this.#reloads[result].inc()
    this.#lastReload.set(result === 'refused' ? 0 : 1)
  }

  /** One check was answered; under several rules, each is counted by what it said itself. */
  answered(answer: Answer | RuleAnswer): void {
    if ('each' in answer && answer.each !== undefined) {
      for (const one of answer.each) this.answered(one)
      return
    }
    const { rule, allowed, reason } = answer
    const tally = this.#rules.get(rule)
    if (tally === undefined) {
      if (reason === 'no_rule') this.#noRule++
      return
    }
    if (reason === 'shadow') tally.shadowed++
    else if (allowed) tally.allowed++
    else if (isDenial(reason)) tally.denied[reason]++
  }

  /** One check was rejected. All unknown rules share one series: a caller must not make labels. */
  rejected(rule: string): void {
    const tally = this.#rules.get(rule)
    if (tally === undefined) this.#unknownRule++
    else tally.rejected++
  }

  /** A request's checks, one or a batch, were decided after this time. */
  decided(path: Path, seconds: number): void {
    this.#latency[path].observe(seconds)
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

  #registerChecks(registers: Registry[]): void {
    const rules = this.#rules
    const withoutRule = () => ({ allowed: this.#noRule, rejected: this.#unknownRule })
    new Counter({
      name: 'rate_limiter_checks_total',
      help: 'Checks.',
      labelNames: ['result', 'strategy', 'rule'],
      registers,
      collect() {
        this.reset()
        for (const [rule, tally] of rules) {
          const denied = DENIALS.reduce((sum, reason) => sum + tally.denied[reason], 0)
          this.inc({ result: 'allowed', strategy: STRATEGY, rule }, tally.allowed)
          this.inc({ result: 'denied', strategy: STRATEGY, rule }, denied)
          this.inc({ result: 'shadow', strategy: STRATEGY, rule }, tally.shadowed)
          this.inc({ result: 'rejected', strategy: STRATEGY, rule }, tally.rejected)
        }
        for (const [result, count] of Object.entries(withoutRule())) {
          this.inc({ result, strategy: STRATEGY, rule: NO_RULE }, count)
        }
      },
    })
    new Counter({
      name: 'rate_limiter_denials_total',
      help: 'Refused checks.',
      labelNames: ['reason', 'rule'],
      registers,
      collect() {
        this.reset()
        for (const [rule, tally] of rules) {
          for (const reason of DENIALS) this.inc({ reason, rule }, tally.denied[reason])
        }
      },
    })
  }

  #registerSources(registers: Registry[]): void {
    type Read = (gauge: Gauge, from: MetricsSource) => void
    const gauge = (name: string, help: string, labelNames: string[], read: Read) => {
      const made: Gauge = new Gauge({
        ...{ name: `rate_limiter_${name}`, help, labelNames, registers },
        collect: () => {
          made.reset()
          if (this.#source !== undefined) read(made, this.#source)
        },
      })
    }
    gauge('keys', 'Keys held.', [], (keys, from) => keys.set(from.keys()))
    gauge('peers', 'Other members by state.', ['state'], (peers, from) => {
      for (const [state, count] of from.peers()) peers.set({ state }, count)
    })
    const share = 'The share of the limits that this node gives out.'
    gauge('partition_weight', share, [], (weight, from) => weight.set(from.partitionWeight()))
    const ahead = 'By how much the clock of a peer is ahead.'
    gauge('clock_offset_seconds', ahead, ['peer'], (offset, from) => {
      for (const [peer, ms] of from.clockOffsetsMs()) offset.set({ peer }, ms / 1_000)
    })
  }
}

/** Label of checks whose rule does not exist, and of requests under no rule; no rule can be called this. */
const NO_RULE = ''

function isDenial(reason: AnswerReason): reason is Denial {
  return DENIALS.some((denial) => denial === reason)
}

interface CounterOptions {
  readonly name: string
  readonly help: string
  readonly registers: Registry[]
}

/** A counter's children for a closed set of words, each at 0. */
function counters<Word extends string>(
  words: readonly Word[],
  labelName: string,
  options: CounterOptions,
): Record<Word, Counter.Internal> {
  const counter = new Counter({ ...options, labelNames: [labelName] })
  return children(words, (word) => {
    const child = counter.labels(word)
    child.inc(0)
    return child
  })
}

function children<Word extends string, Child>(
  words: readonly Word[],
  make: (word: Word) => Child,
): Record<Word, Child> {
  return Object.fromEntries(words.map((word) => [word, make(word)])) as Record<Word, Child>
}
