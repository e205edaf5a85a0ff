import { B, DELTA_S, R, setting } from '../../../sim/scenarios/scenario.ts'
import { boundOfSplit, FORMULAS, type Sides, two } from '../../../sim/scenarios/splits.ts'
import type { OnPartition } from '../../../src/limiter/policy.ts'
import type { Cables } from '../cables.ts'
import type { FaultProxy } from '../fault-proxy.ts'
import { asIn, type Fault, next, type Stage } from './fault.ts'

/** Long enough for the majority to take the full limit again, which it does after 10 s. */
const SPLIT_MS = 14_000
const CUT_MS = 7_000
const DELAY_MS = 100

/** The network comes apart, or is slow. */
export const CUTS: readonly Fault[] = [
  {
    ...split(two(1), 'majority'),
    name: 'cut-owner',
    story:
      'the owner is cut off from all its peers for 7 s, both ways, by the proxies of its links',
    scenario: 'split-1-2-majority',
    strike: (stage) => apart(stage, [[stage.owner], stage.successors], CUT_MS),
  },
  {
    ...split(two(2), 'majority'),
    name: 'split-majority',
    story: 'the owner and one node against one, for 14 s, under majority',
    scenario: 'split-2-1-majority',
    strike: (stage) => apart(stage, twoToOne(stage), SPLIT_MS),
  },
  {
    ...split(two(2), 'share'),
    name: 'split-share',
    story: 'the owner and one node against one, for 14 s, under share',
    scenario: 'split-2-1-share',
    strike: (stage) => apart(stage, twoToOne(stage), SPLIT_MS),
  },
  {
    ...split(two(1), 'majority'),
    on: 'cables',
    name: 'pull-cable',
    story: "the owner's link is down for 14 s, and nobody is told: a network namespace each",
    scenario: 'split-1-2-majority',
    async strike({ cluster, owner, after, nowMs }) {
      const cables = cluster.ground.cables as Cables
      const fromMs = nowMs()
      cluster.incidents.begin({ type: 'cut off', name: owner })
      cables.pull(owner)
      await after(SPLIT_MS)
      cables.plug(owner)
      await cluster.heal()
      const lastedMs = nowMs() - fromMs
      await after(1_000)
      return { lastedMs }
    },
  },
  {
    on: 'proxied',
    rule: 'demo',
    ...asIn('one-way-cut', setting),
    name: 'one-way-cut',
    story: 'nothing passes from the owner to its successor for 7 s; the other way is open',
    async strike(stage) {
      const { cluster, owner, after } = stage
      proxyOf(stage).cut(owner, next(stage))
      await after(CUT_MS)
      proxyOf(stage).mend()
      await cluster.heal()
      await after(1_000)
      return undefined
    },
  },
  {
    on: 'proxied',
    rule: 'demo',
    name: 'slow-links',
    story: 'everything from and to the owner comes 100 ms later, for 7 s',
    formula: 'B + R·(Δ + 100 ms)',
    bound: () => B + R * (DELTA_S + DELAY_MS / 1_000),
    async strike(stage) {
      const { owner, successors, after } = stage
      for (const other of successors) {
        proxyOf(stage).slow(owner, other, DELAY_MS)
        proxyOf(stage).slow(other, owner, DELAY_MS)
      }
      await after(CUT_MS)
      proxyOf(stage).mend()
      await after(2_000)
      return undefined
    },
  },
]

/** A split lasts until everybody knows that it is over. */
function split(
  sides: Sides,
  onPartition: Extract<OnPartition, 'majority' | 'share'>,
): Pick<Fault, 'on' | 'rule' | 'formula' | 'bound'> {
  return {
    on: 'proxied',
    rule: onPartition === 'share' ? 'shared' : 'demo',
    formula: FORMULAS[onPartition],
    bound: (lastedMs) => boundOfSplit(sides, lastedMs / 1_000)({ ...setting, onPartition }),
  }
}

function proxyOf({ cluster }: Stage): FaultProxy {
  return cluster.ground.proxy as FaultProxy
}

function twoToOne(stage: Stage): readonly (readonly string[])[] {
  return [[stage.owner, next(stage)], stage.successors.slice(1)]
}

/** Nothing passes between the two sides for so long. */
async function apart(stage: Stage, sides: readonly (readonly string[])[], forMs: number) {
  const { cluster, after, nowMs } = stage
  const fromMs = nowMs()
  const [here = [], there = []] = sides
  const smaller = here.length < there.length ? here : there
  for (const name of smaller) cluster.incidents.begin({ type: 'cut off', name })
  for (const a of here)
    for (const b of there) {
      proxyOf(stage).cut(a, b)
      proxyOf(stage).cut(b, a)
    }
  await after(forMs)
  proxyOf(stage).mend()
  await cluster.heal()
  const lastedMs = nowMs() - fromMs
  await after(1_000)
  return { lastedMs }
}
