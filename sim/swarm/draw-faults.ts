import type { Random } from '../../cluster/random.ts'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Rule } from '../../src/limiter/policy.ts'
import { type Experiment, nodesOf, preferenceOf } from '../experiment.ts'
import type { Fault } from '../fault.ts'
import type { Flow } from '../workload.ts'
import { oneIn, pick, range, shuffled } from './pick.ts'

/** Troubles of one run. */
const TROUBLES_MAX = 8
/** The first strikes no sooner, and the last one leaves as much to happen. */
const MARGIN_MS = 500
/** A step takes effect when the process starts anew; two of them stay within a second. */
const CLOCK_STEP_MS_MAX = 150
const AMBUSH_CHECKS_MAX = 300
/** What one frame, check or tick takes on a node that is slow; with more it is still busy long after. */
const INPUT_MS: readonly number[] = [1, 2, 5]

type Place = Pick<Experiment, 'seed' | 'nodes' | 'rules' | 'safetyMs'>

/** What may happen; the more often named, the more often it does. */
const TROUBLES = [
  ...Array<'crash'>(5).fill('crash'),
  ...Array<'power-off'>(3).fill('power-off'),
  ...Array<'leave'>(3).fill('leave'),
  ...Array<'pause'>(4).fill('pause'),
  ...Array<'split'>(3).fill('split'),
  ...Array<'cut'>(2).fill('cut'),
  ...Array<'cut-one-way'>(2).fill('cut-one-way'),
  ...Array<'clog'>(2).fill('clog'),
  ...Array<'slow'>(2).fill('slow'),
  ...Array<'clock-step'>(2).fill('clock-step'),
  'ambush',
  'lie',
] as const

/**
 * Up to eight troubles, each a few faults: whoever goes comes back, whatever is cut heals. Nothing befalls a
 * node that another trouble has in its hands, and seldom are fewer than two nodes left alive.
 */
export function drawFaults(place: Place, workload: readonly Flow[], random: Random): Fault[] {
  const story = new Story(place, workload, random)
  for (let left = range(0, TROUBLES_MAX, random); left > 0; left--) story.add()
  return story.faults
}

/** Who is in trouble until when, while faults are drawn in order of time. */
class Story {
  readonly #place: Place
  readonly #random: Random
  readonly #nodes: readonly NodeId[]
  /** The hot keys' owners: whatever befalls anybody else costs less. */
  readonly #owners: readonly NodeId[]
  readonly #hot: readonly { readonly rule: Rule; readonly key: string }[]
  readonly #faults: Fault[] = []
  readonly #troubles: { node: NodeId; fromMs: number; untilMs: number; down: boolean }[] = []

  constructor(place: Place, workload: readonly Flow[], random: Random) {
    this.#place = place
    this.#random = random
    this.#nodes = nodesOf(place)
    this.#hot = workload.flatMap(({ rule: name, keys }) => {
      const rule = place.rules.find((one) => one.name === name)
      return rule === undefined
        ? []
        : [{ rule, key: keys.count === 1 ? keys.name : `${keys.name}-0` }]
    })
    this.#owners = this.#hot.map(({ rule, key }) => preferenceOf(place, rule, key)[0] as NodeId)
  }

  /** In order of time; at one time, in the order drawn. */
  get faults(): Fault[] {
    return [...this.#faults].sort((a, b) => a.atMs - b.atMs)
  }

  add(): void {
    const random = this.#random
    const atMs = range(MARGIN_MS, this.#place.safetyMs - MARGIN_MS, random)
    const type = pick(TROUBLES, random)
    switch (type) {
      case 'split':
        this.#struck({ atMs, type, sides: this.#sides() })
        this.#struck({ atMs: this.#later(atMs, 500, 15_000), type: 'heal' })
        break
      case 'cut':
      case 'cut-one-way':
      case 'clog':
        this.#cut(type, atMs)
        break
      case 'ambush':
        this.#ambush(atMs)
        break
      default:
        this.#befall(type, atMs)
    }
  }

  #cut(type: 'cut' | 'cut-one-way' | 'clog', atMs: number): void {
    const random = this.#random
    const aimed = pick(this.#owners, random)
    const [one, two] = shuffled(this.#nodes, random) as [NodeId, NodeId]
    const other = one === aimed ? two : one
    const [from, to] = oneIn(2, random) ? [aimed, other] : [other, aimed]
    if (type === 'clog') {
      this.#struck({ atMs, type, from, to, forMs: range(50, 5_000, random) })
      return
    }
    this.#struck(type === 'cut' ? { atMs, type, a: from, b: to } : { atMs, type, from, to })
    this.#struck({ atMs: this.#later(atMs, 500, 15_000), type: 'heal' })
  }

  #ambush(atMs: number): void {
    const index = this.#random.below(this.#hot.length)
    const node = this.#owners[index] as NodeId
    const { rule, key } = this.#hot[index] as { rule: Rule; key: string }
    const burst = Math.min(...rule.limits.map((limit) => limit.burst))
    const backMs = this.#later(atMs, 1_500, 6_000)
    if (!this.#takes(node, atMs, backMs, true)) return
    const checks = Math.min(2 * burst, AMBUSH_CHECKS_MAX)
    this.#struck({ atMs, type: 'ambush', node, rule: rule.name, key, checks })
    this.#struck({ atMs: backMs, type: 'start', node })
  }

  #befall(
    type: 'crash' | 'power-off' | 'leave' | 'pause' | 'slow' | 'clock-step' | 'lie',
    atMs: number,
  ): void {
    const random = this.#random
    const node = oneIn(3, random) ? pick(this.#nodes, random) : pick(this.#owners, random)
    const backMs = this.#later(atMs, 100, 10_000)
    const isDown = type !== 'pause' && type !== 'slow' && type !== 'lie'
    if (!this.#takes(node, atMs, backMs, isDown)) return
    switch (type) {
      case 'crash':
        this.#struck({ atMs, type: 'kill', node })
        this.#struck({ atMs: backMs, type: 'start', node })
        break
      case 'power-off':
        this.#struck({ atMs, type, node })
        this.#struck({ atMs: backMs, type: 'start', node })
        break
      case 'leave':
        this.#struck({ atMs, type, node, drainMs: range(100, 2_000, random) })
        this.#struck({ atMs: backMs, type: 'start', node })
        break
      case 'pause':
        this.#struck({ atMs, type, node, forMs: Math.min(backMs - atMs, range(50, 6_000, random)) })
        break
      case 'slow': {
        const forMs = Math.min(backMs - atMs, range(500, 5_000, random))
        this.#struck({ atMs, type, node, inputMs: pick(INPUT_MS, random), forMs })
        break
      }
      case 'clock-step': {
        const byMs = range(-CLOCK_STEP_MS_MAX, CLOCK_STEP_MS_MAX, random)
        this.#struck({ atMs, type, node, byMs })
        this.#struck({ atMs, type: 'kill', node })
        this.#struck({ atMs: backMs, type: 'start', node })
        break
      }
      case 'lie': {
        const lie = pick(['inflate', 'garble', 'foreign-version'] as const, random)
        this.#struck({ atMs, type, node, lie })
        this.#struck({ atMs: backMs, type: 'kill', node })
        this.#struck({ atMs: backMs, type: 'start', node })
      }
    }
  }

  /** Two sides, three, or everybody alone. */
  #sides(): NodeId[][] {
    const order = shuffled(this.#nodes, this.#random)
    const count = Math.min(pick([2, 2, 2, 3, order.length], this.#random), order.length)
    const sides = order.slice(0, count).map((node) => [node])
    for (const node of order.slice(count)) pick(sides, this.#random).push(node)
    return sides
  }

  /** Whether the node is free for all this time; then it is no longer. */
  #takes(node: NodeId, fromMs: number, untilMs: number, down: boolean): boolean {
    const meanwhile = this.#troubles.filter(
      (trouble) => trouble.fromMs <= untilMs + MARGIN_MS && trouble.untilMs + MARGIN_MS >= fromMs,
    )
    if (meanwhile.some((trouble) => trouble.node === node)) return false
    const downAlready = new Set(meanwhile.filter((it) => it.down).map((it) => it.node)).size
    const spare = oneIn(10, this.#random) ? 0 : 2
    if (down && this.#nodes.length - downAlready - 1 < spare) return false
    this.#troubles.push({ node, fromMs, untilMs, down })
    return true
  }

  #later(atMs: number, min: number, max: number): number {
    return Math.min(atMs + range(min, max, this.#random), this.#place.safetyMs)
  }

  #struck(fault: Fault): void {
    this.#faults.push(fault)
  }
}
