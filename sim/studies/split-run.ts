import { PARTITION_HOLD_MS } from '../../cluster/limits.ts'
import { type Standing, standing } from '../../cluster/partition-policy.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { LimitPolicy, OnPartition } from '../../src/limiter/policy.ts'
import type { Point } from '../charts/thin.ts'
import { idealAdmissions } from '../checkers/ideal.ts'
import { meterOf } from '../checkers/meter.ts'
import { overshootOf, type Passed } from '../checkers/overshoot.ts'
import type { Answered, Run } from '../compare/architecture.ts'
import { MeterHistory } from '../compare/meter-history.ts'
import type { Arrival } from '../compare/workload.ts'
import { refusedWithRoom, wronglyRefused } from '../compare/wrong-refusals.ts'
import { type Experiment, preferenceOf, READY_MS } from '../experiment.ts'
import { setGoing } from '../run.ts'
import { B, demoRule, flood, R } from '../scenarios/scenario.ts'
import type { Sides } from '../scenarios/splits.ts'
import { Simulation, START_MS } from '../simulation.ts'
import type { Flow } from '../workload.ts'
import type { Steps } from './steps.ts'

/** Milliseconds from when the workload begins. */
export const SPLIT_AT_MS = 5_000
export const SPLIT_MS = 30_000
const END_MS = SPLIT_AT_MS + SPLIT_MS + 7_000

/** Where clients ask: everywhere alike, on the side of the key's owner, or on the other ones. */
export type Demand = 'even' | 'owner side' | 'other side'

export interface SplitStory {
  readonly seed: number
  readonly nodes: number
  readonly onPartition: OnPartition
  readonly sides: Sides
  readonly demand: Demand
  /** Checks per second, as a multiple of the limit's rate. */
  readonly demandPerRate: number
}

/** What came of one split. Tokens, and seconds from when the workload began. */
export interface SplitRun {
  readonly asked: number
  readonly admitted: number
  readonly ideal: number
  readonly overshoot: number
  /** All that the cluster had admitted by a time. */
  readonly cumulative: readonly Point[]
  /** Level of the ideal meter minus the burst. */
  readonly level: readonly Point[]
  /** Share of the checks asked on a side during the split that were refused although there was room. */
  readonly wrongOnOwnerSide: number
  readonly wrongOnOtherSide: number
  /** When the owner first enforced the whole limit again though the split went on. */
  readonly heldUntilS: number | undefined
  readonly standings: readonly SideStanding[]
}

/** What a node of a side may admit, by its own view. */
export interface SideStanding {
  readonly side: 'owner side' | 'other side'
  readonly duringHold: Standing
  readonly afterHold: Standing
}

const KEY = 'hot'

/** One hot key, a cluster that comes apart and is whole again, and everything seen from outside. */
export function runSplit(story: SplitStory, steps: Steps): SplitRun {
  const { onPartition } = story
  const rule = demoRule(onPartition)
  const members = preferenceOf(story, rule, KEY)
  const sides = story.sides(members)
  const ownerSide = sides[0] ?? []
  const world = new Simulation({ ...story, rules: [rule] })
  const arrivals: Arrival[] = []
  const onOwnerSide: boolean[] = []
  const standings = new Standings(world, onPartition, [members[0], members.at(-1)])
  world.runUntil(READY_MS)
  const since = (ms: number) => ms - START_MS - READY_MS
  world.observe({
    asked({ node, askedMs, request: { cost } }) {
      arrivals.push({ atMs: since(askedMs), node: world.ids.indexOf(node), key: KEY, cost })
      onOwnerSide.push(ownerSide.includes(node))
    },
    look: () => standings.look(since(world.nowMs)),
  })
  setGoing(world, experimentOf(story, sides))
  world.runUntil(READY_MS + END_MS + 1_000)
  steps.ran(world)
  const admissions = world.ledger.admissions.map(({ atMs, cost }) => {
    return { atMs: since(atMs), key: KEY, cost }
  })
  const answers: (Answered | undefined)[] = arrivals.map(() => undefined)
  for (const { id, answer, answeredMs } of world.answers) {
    const outcome = answer.type === 'answer' && answer.allowed ? 'allowed' : 'refused'
    answers[id - 1] = { outcome, atMs: since(answeredMs) }
  }
  const [limit] = rule.limits
  if (limit === undefined) throw new Error('the rule has no limit')
  const wrong = wrongBySide(arrivals, onOwnerSide, { answers, admissions, messages: [] }, limit)
  return {
    asked: arrivals.length,
    admitted: admissions.length,
    ideal: idealAdmissions(arrivals, limit),
    overshoot: overshootOf(admissions, limit),
    cumulative: cumulated(admissions),
    level: levelAboveBurst(admissions, limit),
    ...wrong,
    heldUntilS: standings.heldUntilS,
    standings: standings.sides,
  }
}

function experimentOf(
  { seed, nodes, onPartition, demand, demandPerRate }: SplitStory,
  sides: readonly (readonly NodeId[])[],
): Experiment {
  const [ownerSide = [], ...others] = sides
  const origins = {
    even: 'anywhere',
    'owner side': ownerSide,
    'other side': others.flat(),
  } as const
  const flow: Flow = {
    ...flood(KEY, 0, END_MS),
    arrivals: { type: 'steady', everyMs: 1_000 / (R * demandPerRate) },
    origins: origins[demand],
  }
  return {
    seed,
    nodes,
    rules: [demoRule(onPartition)],
    faults: [
      { atMs: SPLIT_AT_MS, type: 'split', sides },
      { atMs: SPLIT_AT_MS + SPLIT_MS, type: 'heal' },
    ],
    workload: [flow],
    safetyMs: END_MS,
  }
}

/** Looks now and then at what the owner, and the last in line to take over from it, may admit. */
class Standings {
  heldUntilS: number | undefined
  readonly #world: Simulation
  readonly #policy: OnPartition
  readonly #nodes: readonly (NodeId | undefined)[]
  readonly #duringHold: Standing[] = []
  readonly #afterHold: Standing[] = []

  constructor(world: Simulation, policy: OnPartition, nodes: readonly (NodeId | undefined)[]) {
    this.#world = world
    this.#policy = policy
    this.#nodes = nodes
  }

  look(atMs: number): void {
    const splitForMs = atMs - SPLIT_AT_MS
    if (splitForMs < 0 || splitForMs > SPLIT_MS) return
    const now = this.#nodes.flatMap((id) => (id === undefined ? [] : [this.#standingOf(id)]))
    if (this.#duringHold.length === 0 && splitForMs >= PARTITION_HOLD_MS / 2) {
      this.#duringHold.push(...now)
    }
    if (this.#afterHold.length === 0 && splitForMs >= PARTITION_HOLD_MS * 2) {
      this.#afterHold.push(...now)
    }
    const isFull = this.#policy === 'majority' && now[0]?.type === 'full'
    if (isFull && this.heldUntilS === undefined) this.heldUntilS = atMs / 1_000
  }

  get sides(): SideStanding[] {
    return (['owner side', 'other side'] as const).flatMap((side, index) => {
      const duringHold = this.#duringHold[index]
      const afterHold = this.#afterHold[index]
      if (duringHold === undefined || afterHold === undefined) return []
      return [{ side, duringHold, afterHold }]
    })
  }

  #standingOf(id: NodeId): Standing {
    const host = this.#world.host(id)
    return standing(this.#policy, host.node.replica.reaching.asOwner(host.nowMs))
  }
}

function wrongBySide(
  arrivals: readonly Arrival[],
  onOwnerSide: readonly boolean[],
  run: Run,
  limit: Parameters<typeof wronglyRefused>[2],
): Pick<SplitRun, 'wrongOnOwnerSide' | 'wrongOnOtherSide'> {
  const meters = new Map([[KEY, new MeterHistory(run.admissions, limit)]])
  const turned = wronglyRefused(refusedWithRoom(arrivals, run, meters, limit), run, limit)
  const isDuring = (index: number) => {
    const atMs = arrivals[index]?.atMs ?? 0
    return atMs >= SPLIT_AT_MS && atMs < SPLIT_AT_MS + SPLIT_MS
  }
  const shareOn = (owner: boolean) => {
    const isIn = (index: number) => onOwnerSide[index] === owner && isDuring(index)
    const asked = [...arrivals.keys()].filter(isIn).length
    return turned.filter(({ index }) => isIn(index)).length / Math.max(1, asked)
  }
  return { wrongOnOwnerSide: shareOn(true), wrongOnOtherSide: shareOn(false) }
}

const BIN_MS = 100

function cumulated(admissions: readonly Passed[]): Point[] {
  const points: Point[] = [{ x: 0, y: 0 }]
  let sum = 0
  let next = 0
  for (let atMs = BIN_MS; atMs <= END_MS; atMs += BIN_MS) {
    for (; (admissions[next]?.atMs ?? END_MS) < atMs; next += 1) sum += admissions[next]?.cost ?? 0
    points.push({ x: atMs / 1_000, y: sum })
  }
  return points
}

/** A pause so long shows the level it ends at, too: it has drained meanwhile. */
const PAUSE_MS = 200

function levelAboveBurst(admissions: readonly Passed[], limit: LimitPolicy): Point[] {
  const meter = meterOf(limit)
  const points: Point[] = [{ x: 0, y: -B }]
  let lastMs = 0
  for (const { atMs, cost } of admissions) {
    if (atMs - lastMs > PAUSE_MS) points.push({ x: atMs / 1_000, y: meter.levelAt(atMs) - B })
    points.push({ x: atMs / 1_000, y: meter.pass(atMs, cost) - B })
    lastMs = atMs
  }
  return [...points, { x: END_MS / 1_000, y: meter.levelAt(END_MS) - B }]
}
