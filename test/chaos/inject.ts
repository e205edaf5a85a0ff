import { setTimeout as after } from 'node:timers/promises'
import { unseen } from '../../sim/scenarios/scenario.ts'
import type { ChaosCluster } from './cluster.ts'
import { type Detection, detectionOf, falseDeaths } from './detection.ts'
import type { Fault, Stage } from './faults/fault.ts'
import { type Judgement, judge, tokensOfStandIns } from './judge.ts'
import { Load, USUAL } from './load.ts'
import { complaints, linesOf, memberLines } from './log-lines.ts'
import { nowMs } from './seen.ts'

/** A key is saturated by then: ten times its rate is asked, and its burst is a second's worth. */
const LEAD_MS = 1_000
/** Clients go on for so long after a strike. */
const TAIL_MS = 1_500

/** What came of one fault, once. */
export interface Outcome extends Judgement, Detection {
  readonly fault: string
  /** Nodes that began to decide without what others had admitted, where that is in the bound. */
  readonly unprepared: number
  /** Tokens admitted by stand-ins for an owner that did not answer in time, where they are in the bound. */
  readonly stoodIn: number
  /** Who held whom dead that answered. */
  readonly falseDeaths: readonly string[]
  /** What must not be, in words; empty if all is well. */
  readonly violations: readonly string[]
}

let injections = 0

/**
 * Hurts a whole cluster once, under load on a key of its own, and leaves it whole again. `spare` names a node that
 * is neither the owner nor next in line.
 *
 * @throws Error if the cluster does not become whole.
 */
export async function inject(fault: Fault, cluster: ChaosCluster, spare = ''): Promise<Outcome> {
  injections += 1
  const { key, preference } = await keyFor(cluster, fault, spare)
  const [owner = '', ...successors] = preference
  const stage: Stage = { cluster, owner, successors, after: (ms) => after(ms), nowMs }
  const since = cluster.logLengths
  const sinceMs = Date.now()
  await fault.prepare?.(stage)
  const pace = fault.paceMs === undefined ? {} : { paceMs: fault.paceMs }
  const load = await Load.start({ ...USUAL, ...pace, doors: cluster.doors, rule: fault.rule, key })
  let struck: Awaited<ReturnType<Fault['strike']>>
  let logged: Awaited<ReturnType<Load['stop']>>
  try {
    await after(fault.leadMs ?? LEAD_MS)
    struck = await fault.strike(stage)
    await after(TAIL_MS)
  } finally {
    logged = await load.stop()
  }
  await cluster.heal()
  const unprepared = fault.joins ? linesOf('hand_over_missed', cluster.lives, since).length : 0
  const usual = fault.bound(struck?.lastedMs ?? 0)
  // A bound of 0 is that of an owner that answers in time; who stands in for it adds what he admits, and no more.
  const stoodIn = usual === 0 ? tokensOfStandIns(logged.log) : 0
  const bound = usual + Math.min(stoodIn, unseen.bound()) + unprepared * unseen.bound()
  const judgement = judge(logged.log, bound, struck)
  const lines = memberLines(cluster.lives, since)
  const detection = detectionOf(cluster.names, cluster.incidents.since(sinceMs), lines)
  const deaths = falseDeaths(cluster.incidents, lines)
  const told = [...deaths, ...complaints(cluster.lives, since), ...detection.unnoticed]
  const violations = [...violationsOf(judgement), ...told]
  const named = { fault: fault.name, unprepared, stoodIn }
  return { ...named, ...judgement, ...detection, falseDeaths: deaths, violations }
}

export function outcomeText(outcome: Outcome): string {
  const { fault, sure, bound, checks, slowestMs, lost, violations } = outcome
  const numbers = `O ${sure.toFixed(1)} of ${bound.toFixed(1)}, ${checks} checks`
  const answers = `slowest ${Math.round(slowestMs)} ms, lost ${lost}`
  return [`${fault}: ${numbers}, ${answers}`, ...violations].join('\n    ')
}

/** A fresh key, and who decides it. */
async function keyFor(cluster: ChaosCluster, { name, rule }: Fault, spare: string) {
  for (let attempt = 0; ; attempt++) {
    const key = `${name}-${injections}-${attempt}`
    const preference = await cluster.preferenceOf(rule, key)
    if (!preference.slice(0, 2).includes(spare)) return { key, preference }
  }
}

function violationsOf({ isWithin, sure, bound, lost, odd, checks }: Judgement): string[] {
  const violations: string[] = []
  if (checks === 0) violations.push('nothing was asked')
  if (!isWithin) violations.push(`O = ${sure.toFixed(1)} is above the bound ${bound.toFixed(1)}`)
  if (lost > 0) violations.push(`${lost} checks were not answered`)
  for (const [status, count] of Object.entries(odd))
    violations.push(`${count} answers of status ${status}`)
  return violations
}
