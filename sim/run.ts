import { ANTI_ENTROPY_MS, GOSSIP_INTERVAL_MS } from '../cluster/limits.ts'
import { idealAdmissions } from './checkers/ideal.ts'
import { overshootOf } from './checkers/overshoot.ts'
import { hasConverged } from './convergence.ts'
import { Coverage, type Situations } from './coverage.ts'
import { type Experiment, READY_MS } from './experiment.ts'
import { isAdmission } from './ledger.ts'
import { type Asked, LOOK_MS, type Observer } from './observer.ts'
import type { Oracle, Violation } from './oracle.ts'
import { probe } from './probe.ts'
import { withCalendars } from './repeating-calendar.ts'
import { Simulation, START_MS } from './simulation.ts'
import { pour } from './workload.ts'

/** What came of a run. */
export interface Outcome {
  readonly experiment: Experiment
  /** The key that was exceeded most, under the limit that was exceeded most. */
  readonly worst: KeyOutcome
  readonly keys: readonly KeyOutcome[]
  readonly violations: readonly Violation[]
  /** From the end of the safety phase until all replicas were equal; undefined if they never were. */
  readonly convergedMs: number | undefined
  readonly coverage: Situations
  /** From asking to answering, of those that were answered. */
  readonly slowestMs: number
  readonly events: number
  readonly virtualMs: number
  readonly traceHash: string
}

/** One key under one limit of its rule. Tokens. */
export interface KeyOutcome {
  readonly rule: string
  readonly key: string
  /** Which one of the rule's limits. */
  readonly limit: number
  readonly asked: number
  readonly admitted: number
  /** What one bucket, fed with the same checks at the same times, would have admitted. */
  readonly ideal: number
  readonly overshoot: number
}

/** After everything is mended, replicas have two gossip intervals and one round of anti-entropy. */
export const RECOVERY_MS = 2 * GOSSIP_INTERVAL_MS + ANTI_ENTROPY_MS

/**
 * Runs an experiment in two phases: faults strike and clients ask; then everything is mended, nobody asks,
 * and the cluster has to recover. The oracles watch both, and a third, in which one key is asked for again:
 * it is theirs alone, and no part of the outcome.
 */
export function perform(drawn: Experiment, oracles: readonly Oracle[] = []): Outcome {
  const experiment = { ...drawn, rules: withCalendars(drawn.rules) }
  const world = new Simulation(experiment)
  const violations: Violation[] = []
  const coverage = new Coverage(world, experiment.rules)
  const asked: Asked[] = []
  world.observe({
    asked(check) {
      if (check.corrects === undefined) asked.push(check)
    },
  })
  world.observe(coverage.observer)
  world.runUntil(READY_MS)
  for (const oracle of oracles) world.observe(watching(oracle, world, experiment, violations))
  setGoing(world, experiment)
  world.runUntil(READY_MS + experiment.safetyMs)
  world.mend()
  const convergedMs = recover(world)
  const keys = outcomesOf(experiment, world, asked)
  const { traceHash } = world
  if (oracles.length > 0) probe(world, experiment, READY_MS)
  return {
    experiment: drawn,
    worst: keys.reduce((a, b) => (b.overshoot > a.overshoot ? b : a), keys[0] ?? NOTHING),
    keys,
    violations,
    convergedMs,
    coverage: coverage.situations,
    slowestMs: world.answers.reduce(
      (max, seen) => Math.max(max, seen.answeredMs - seen.askedMs),
      0,
    ),
    events: world.events,
    virtualMs: world.nowMs - START_MS,
    traceHash,
  }
}

/** Plans an experiment's faults and what clients ask, in a world that is just ready. */
export function setGoing(world: Simulation, experiment: Experiment): void {
  world.schedule(experiment.faults, READY_MS)
  experiment.workload.forEach((flow, index) => {
    pour(world, flow, START_MS + READY_MS, world.stream(`workload ${index}`))
  })
}

const NOTHING: KeyOutcome = {
  rule: '',
  key: '',
  limit: 0,
  asked: 0,
  admitted: 0,
  ideal: 0,
  overshoot: 0,
}

/** Violations of one invariant in one run. What is broken once is broken a thousand times. */
const REPORTED_MAX = 10

function watching(
  oracle: Oracle,
  world: Simulation,
  experiment: Experiment,
  violations: Violation[],
): Observer {
  const { invariant, name } = oracle
  let reported = 0
  const found = (what: string) => {
    const atMs = Math.round(world.nowMs - START_MS - READY_MS)
    reported += 1
    if (reported <= REPORTED_MAX) violations.push({ invariant, oracle: name, atMs, what })
  }
  return oracle.watch({ world, experiment, found })
}

/** Watches until the replicas are equal, and on to the end of the time they have for it. */
function recover(world: Simulation): number | undefined {
  const mendedMs = world.nowMs
  let convergedMs: number | undefined
  for (let waitedMs = 0; waitedMs < RECOVERY_MS; waitedMs += LOOK_MS) {
    world.runUntil(mendedMs - START_MS + waitedMs + LOOK_MS)
    if (hasConverged(world)) convergedMs ??= waitedMs + LOOK_MS
    else convergedMs = undefined
  }
  return convergedMs
}

/** Every key that was asked for, under every limit of its rule. */
function outcomesOf(
  experiment: Experiment,
  world: Simulation,
  asked: readonly Asked[],
): KeyOutcome[] {
  const deeds = groupBy(world.ledger.deeds, ({ rule, key }) => `${rule}/${key}`)
  const keys = groupBy(asked, ({ request }) => `${request.rule}/${request.key}`)
  const outcomes: KeyOutcome[] = []
  for (const checks of keys.values()) {
    const { rule, key } = (checks[0] as Asked).request
    const all = deeds.get(`${rule}/${world.keyName(rule, key)}`) ?? []
    const done = all.filter(({ lease }) => lease?.type !== 'granted')
    const passed = done.filter(isAdmission)
    const wanted = checks.map(({ askedMs, request }) => ({ atMs: askedMs, cost: request.cost }))
    const limits = experiment.rules.find(({ name }) => name === rule)?.limits ?? []
    for (const [limit, policy] of limits.entries()) {
      outcomes.push({
        rule,
        key,
        limit,
        asked: wanted.reduce((sum, { cost }) => sum + cost, 0),
        admitted: passed.reduce((sum, { cost }) => sum + cost, 0),
        ideal: idealAdmissions(wanted, policy),
        overshoot: overshootOf(done, policy),
      })
    }
  }
  return outcomes
}

function groupBy<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const name = nameOf(item)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return groups
}
