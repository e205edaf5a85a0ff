import type { Oracle, Watch } from '../oracle.ts'
import type { Meter } from './meter.ts'
import { Settled } from './settled.ts'
import { Travels } from './travels.ts'
import { Troubles } from './troubles.ts'
import { type TrueKey, Truth } from './truth.ts'

/** What sums of fractions may be off by, in tokens. */
const ROUNDING = 1e-6

/**
 * Invariant 21: `remaining` never promises more than there is. In a healthy cluster (see `settled.ts`) that is
 * the true room, by the ideal meter of all admissions, at the moment of the decision: when a node answers at
 * its own door, or is about to send its reply. What the reply itself admits is not in the meter yet, and what
 * the node admitted in the same instant may have been after it: of replies the judgement is milder by no more
 * than that, and by what the same reply, or the same instant, gives back. Anything else may never promise more than the burst; with other rules on some nodes, whose
 * burst that is cannot be said.
 */
export const remaining: Oracle = {
  invariant: 21,
  name: 'remaining is there',
  watch(watch) {
    const { found } = watch
    const truth = Truth.of(watch)
    const settled = new Settled(watch)
    const troubles = Troubles.of(watch)
    const travels = new Travels()
    const admissions = new PresentAdmissions()
    const judge = (node: string, key: TrueKey, limit: number, promised: number, since = 0) => {
      const room = roomOf(watch, key, limit) + since
      if (promised <= room || !settled.of(key, 0) || !settled.isPossible) return
      settled.unlessTrouble(() => {
        const there = room + key.givenBackSince(watch.world.nowMs)
        if (promised <= there) return
        found(
          `${node} promised ${promised} of ${key.rule}/${key.name}, there were ${there.toFixed(3)}`,
        )
      })
    }
    return {
      admitted({ rule, key, cost, node }) {
        const known = truth.ofName(rule, key)
        if (known === undefined) return
        settled.of(known, cost)
        admissions.add(node, known, cost, watch.world.nowMs)
      },
      adjusted({ rule, key, cost, action }) {
        const known = truth.ofName(rule, key)
        if (known !== undefined && action === 'penalise') settled.owed(known, cost)
      },
      answered({ answer, request, node, by }) {
        if (answer.type !== 'answer') return
        const { remaining: promised, limit, decidedBy, limitIndex } = answer
        if (promised > limit && !troubles.rulesDiffer)
          found(`${node} promised ${promised} of a burst of ${limit}`)
        if (by !== node || decidedBy === 'cache') return
        const key = truth.ofText(request.rule, request.key)
        if (key !== undefined && promised > 0) judge(node, key, limitIndex, promised)
      },
      event(node, event) {
        if (event.type === 'link' && !event.up) travels.lost(node, event.peer)
      },
      sent(from, outbound) {
        if (outbound.type !== 'send') return
        const { to, message } = outbound
        travels.sent(from, outbound)
        if (message.type !== 'reply') return
        const asked = travels.between(to, from)
        for (const { id, remaining: promised, limit } of message.decisions) {
          const check = asked.get(id)
          asked.delete(id)
          const key = check === undefined ? undefined : truth.ofHash(check)
          if (key === undefined || promised === 0) continue
          judge(from, key, limit, promised, admissions.of(from, key, watch.world.nowMs))
        }
      },
    }
  },
}

/** What each node has admitted of each key in the present instant. */
class PresentAdmissions {
  #nowMs = Number.NEGATIVE_INFINITY
  readonly #tokens = new Map<TrueKey, Map<string, number>>()

  add(node: string, key: TrueKey, cost: number, nowMs: number): void {
    if (nowMs !== this.#nowMs) this.#tokens.clear()
    this.#nowMs = nowMs
    const tokens = this.#tokens.get(key) ?? new Map<string, number>()
    tokens.set(node, (tokens.get(node) ?? 0) + cost)
    this.#tokens.set(key, tokens)
  }

  of(node: string, key: TrueKey, nowMs: number): number {
    return nowMs === this.#nowMs ? (this.#tokens.get(key)?.get(node) ?? 0) : 0
  }
}

function roomOf({ world }: Watch, key: TrueKey, limit: number): number {
  const burst = key.policies[limit]?.burst ?? 0
  const level = (key.meters[limit] as Meter | undefined)?.levelAt(Math.floor(world.nowMs)) ?? 0
  return burst - level + ROUNDING
}
