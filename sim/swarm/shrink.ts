import type { Correction } from '../corrections.ts'
import { type Experiment, nodesOf } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import type { Flow } from '../workload.ts'
import { type StillFails, withFewest } from './delta-debugging.ts'

/** Runs that making an experiment smaller may take. */
const RUNS_MAX = 400
/** No workload is made shorter than this. */
const SAFETY_MS_MIN = 100

/**
 * A smaller experiment that fails in the same way: fewer faults, then fewer flows, a shorter time with fewer checks,
 * fewer nodes and simpler weather; and again, for as long as that helps. Tries at most `runsMax` experiments, and
 * returns the smallest that failed.
 */
export function shrink(
  experiment: Experiment,
  stillFails: StillFails<Experiment>,
  runsMax = RUNS_MAX,
): Experiment {
  let runs = 0
  const fails = (smaller: Experiment): boolean => {
    if (runs >= runsMax) return false
    runs += 1
    return stillFails(smaller)
  }
  let smallest = experiment
  for (;;) {
    const before = smallest
    for (const step of STEPS) smallest = step(smallest, fails)
    if (smallest === before || runs >= runsMax) return smallest
  }
}

type Step = (experiment: Experiment, fails: StillFails<Experiment>) => Experiment

const STEPS: readonly Step[] = [fewerFaults, fewerFlows, shorter, fewerChecks, fewerNodes, simpler]

function fewerFaults(experiment: Experiment, fails: StillFails<Experiment>): Experiment {
  const faults = withFewest(experiment.faults, (some) => fails({ ...experiment, faults: some }))
  return faults === experiment.faults ? experiment : { ...experiment, faults }
}

/** Rules that nobody asks for go with their flows; what counts settlements, with the last that reserves. */
function fewerFlows(experiment: Experiment, fails: StillFails<Experiment>): Experiment {
  const keeping = (workload: readonly Flow[]): Experiment => ({ ...experiment, workload })
  const workload = withFewest(experiment.workload, (some) => fails(keeping(some)))
  const smaller = workload === experiment.workload ? experiment : keeping(workload)
  const rules = smaller.rules.filter((rule) =>
    smaller.workload.some((flow) =>
      rule.isInternal === true
        ? flow.corrections?.some(({ type }) => type === 'settle')
        : flow.rule === rule.name,
    ),
  )
  return rules.length === smaller.rules.length
    ? smaller
    : firstThat(fails, [{ ...smaller, rules }], smaller)
}

/** Cuts off what comes after the failure, by halves, and then what comes before. */
function shorter(experiment: Experiment, fails: StillFails<Experiment>): Experiment {
  let shortest = experiment
  for (let cutMs = shortest.safetyMs / 2; cutMs >= SAFETY_MS_MIN; cutMs /= 2) {
    const safetyMs = Math.ceil(shortest.safetyMs - cutMs)
    if (safetyMs < SAFETY_MS_MIN) continue
    const ending = until(shortest, safetyMs)
    if (fails(ending)) shortest = ending
  }
  for (let cutMs = shortest.safetyMs / 2; cutMs >= SAFETY_MS_MIN; cutMs /= 2) {
    const beginning = since(shortest, Math.floor(cutMs))
    if (beginning !== undefined && fails(beginning)) shortest = beginning
  }
  return shortest
}

function until(experiment: Experiment, safetyMs: number): Experiment {
  const workload = experiment.workload
    .filter(({ fromMs }) => fromMs < safetyMs)
    .map((flow) => ({ ...flow, untilMs: Math.min(flow.untilMs, safetyMs) }))
  const faults = experiment.faults.filter(({ atMs }) => atMs <= safetyMs)
  return { ...experiment, safetyMs, workload, faults }
}

/** Everything sooner; undefined if something strikes in the time that would go. */
function since(experiment: Experiment, cutMs: number): Experiment | undefined {
  if (experiment.faults.some(({ atMs }) => atMs < cutMs)) return undefined
  const sooner = (atMs: number) => Math.max(0, atMs - cutMs)
  return {
    ...experiment,
    safetyMs: experiment.safetyMs - cutMs,
    faults: experiment.faults.map((fault): Fault => ({ ...fault, atMs: sooner(fault.atMs) })),
    workload: experiment.workload
      .filter(({ untilMs }) => untilMs > cutMs)
      .map((flow) => ({ ...flow, fromMs: sooner(flow.fromMs), untilMs: sooner(flow.untilMs) })),
  }
}

/** No corrections that need not be, one key and one token a check, and half as many checks for as long as half are enough. */
function fewerChecks(experiment: Experiment, fails: StillFails<Experiment>): Experiment {
  let smallest = experiment
  for (const [index] of experiment.workload.entries()) {
    smallest = fewerCorrections(smallest, index, fails)
    for (const simpler of [withOneKey, withoutCost]) {
      const changed = withFlow(smallest, index, simpler)
      if (changed !== undefined && fails(changed)) smallest = changed
    }
    for (;;) {
      const changed = withFlow(smallest, index, halved)
      if (changed === undefined || !fails(changed)) break
      smallest = changed
    }
  }
  return smallest
}

function fewerCorrections(
  experiment: Experiment,
  index: number,
  fails: StillFails<Experiment>,
): Experiment {
  const { corrections = NONE, ...plain } = experiment.workload[index] as Flow
  const having = (some: readonly Correction[]): Experiment => {
    const flow = some.length === 0 ? plain : { ...plain, corrections: some }
    return { ...experiment, workload: experiment.workload.with(index, flow) }
  }
  const fewest = withFewest(corrections, (some) => fails(having(some)))
  return fewest === corrections ? experiment : having(fewest)
}

const NONE: readonly Correction[] = []

/** Undefined if there is nothing to change. */
type Simpler = (flow: Flow) => Flow | undefined

function withFlow(experiment: Experiment, index: number, simpler: Simpler): Experiment | undefined {
  const flow = simpler(experiment.workload[index] as Flow)
  if (flow === undefined) return undefined
  return { ...experiment, workload: experiment.workload.with(index, flow) }
}

function withOneKey(flow: Flow): Flow | undefined {
  const { name, count } = flow.keys
  return count === 1 ? undefined : { ...flow, keys: { name: `${name}-0`, count: 1 } }
}

function withoutCost({ cost, ...flow }: Flow): Flow | undefined {
  return cost === undefined ? undefined : flow
}

function halved(flow: Flow): Flow | undefined {
  const { arrivals } = flow
  switch (arrivals.type) {
    case 'steady':
      if (flow.untilMs - flow.fromMs < arrivals.everyMs) return undefined
      return { ...flow, arrivals: { ...arrivals, everyMs: 2 * arrivals.everyMs } }
    case 'bursts':
      if (arrivals.checks === 1) return undefined
      return { ...flow, arrivals: { ...arrivals, checks: Math.ceil(arrivals.checks / 2) } }
    case 'clients':
    case 'polite':
      if (arrivals.clients === 1) return undefined
      return { ...flow, arrivals: { ...arrivals, clients: Math.ceil(arrivals.clients / 2) } }
  }
}

/** Without the last node, if no fault names it: the others keep their names and places. */
function fewerNodes(experiment: Experiment, fails: StillFails<Experiment>): Experiment {
  let fewest = experiment
  while (fewest.nodes > 1) {
    const last = nodesOf(fewest).at(-1)
    if (
      last === undefined ||
      JSON.stringify([fewest.faults, fewest.workload]).includes(`"${last}"`)
    )
      break
    const clockOffsetsMs = fewest.clockOffsetsMs?.slice(0, -1)
    const smaller = {
      ...fewest,
      nodes: fewest.nodes - 1,
      ...(clockOffsetsMs === undefined ? {} : { clockOffsetsMs }),
    }
    if (!fails(smaller)) break
    fewest = smaller
  }
  return fewest
}

/** Without one kind of weather after the other, and right clocks. */
function simpler(experiment: Experiment, fails: StillFails<Experiment>): Experiment {
  let simplest = experiment
  const { clockOffsetsMs, ...rightClocks } = experiment
  if (clockOffsetsMs !== undefined) simplest = firstThat(fails, [rightClocks], simplest)
  for (const kind of Object.keys(simplest.network ?? {})) {
    const network = Object.entries(simplest.network ?? {}).filter(([name]) => name !== kind)
    simplest = firstThat(fails, [{ ...simplest, network: Object.fromEntries(network) }], simplest)
  }
  return simplest
}

function firstThat(
  fails: StillFails<Experiment>,
  candidates: readonly Experiment[],
  otherwise: Experiment,
): Experiment {
  return candidates.find((candidate) => fails(candidate)) ?? otherwise
}
