import { READY_MS } from '../experiment.ts'
import type { ClientAnswer } from '../observer.ts'
import type { Oracle, Watch } from '../oracle.ts'
import { probeOf } from '../probe.ts'
import { START_MS } from '../simulation.ts'
import { Troubles } from './troubles.ts'

/** After the flood everything that was under way has arrived. */
const QUIET_MS = 200

/**
 * Invariant 20: `retryAfterMs` is honest. When the probe's flood is over, nobody else asks any more: the
 * owner is asked at its own door until it refuses, and asked for the same again 1 ms before the time it
 * named, which must be refused, and at that time, which must be allowed. Nothing is forgiven: both times are
 * read on the owner's clock of whole milliseconds. (With a clock that drifts, or where the probe found the
 * cluster in trouble, nothing is asked.)
 */
export const retryAfter: Oracle = {
  invariant: 20,
  name: 'retryAfter is honest',
  watch(watch) {
    const { world, experiment } = watch
    const troubles = Troubles.of(watch)
    const probe = probeOf(experiment)
    const handlers = new Map<number, (seen: ClientAnswer) => void>()
    if (probe !== undefined && !troubles.clocksDiffer && !troubles.rulesDiffer) {
      const atMs = START_MS + READY_MS + probe.flow.untilMs + QUIET_MS
      world.at(atMs, () => {
        if (troubles.isCalm && world.live.length > 0) interview(watch, probe.flow, handlers)
      })
    }
    return {
      answered(seen) {
        const handle = handlers.get(seen.id)
        handlers.delete(seen.id)
        handle?.(seen)
      },
    }
  },
}

interface Question {
  readonly rule: string
  readonly keys: { readonly name: string }
}

/** Takes a third of the burst again and again until that is refused. */
function interview(
  { world, experiment, found }: Watch,
  { rule, keys }: Question,
  handlers: Map<number, (seen: ClientAnswer) => void>,
): void {
  const burst = experiment.rules.find(({ name }) => name === rule)?.limits[0]?.burst ?? 1
  const request = { rule, key: keys.name, cost: Math.max(1, Math.floor(burst / 3)) }
  const owner = world.ownerOf(rule, keys.name)
  const ask = (atMs: number, handle: (allowed: boolean, retryAfterMs: number) => void) =>
    world.at(atMs, () => {
      // Answers of the owner's own door come from within `ask`, so its id is known only afterwards.
      const seenBefore = world.answers.length
      const id = world.ask(owner, request)
      const seen = world.answers[seenBefore]
      const judge = ({ answer, by }: ClientAnswer) => {
        if (answer.type === 'answer' && by === owner && answer.decidedBy === 'owner') {
          handle(answer.allowed, answer.retryAfterMs)
        }
      }
      if (seen !== undefined && seen.id === id) judge(seen)
      else if (id !== undefined) handlers.set(id, judge)
    })
  let left = 8
  const tryAgain = (allowed: boolean, retryAfterMs: number) => {
    left -= 1
    if (allowed && left > 0) ask(world.nowMs, tryAgain)
    if (allowed) return
    const saidMs = world.nowMs
    ask(saidMs + retryAfterMs - 1, (early) => {
      if (early) found(`${owner} allowed 1 ms before the ${retryAfterMs} ms it had named`)
      else
        ask(saidMs + retryAfterMs, (due) => {
          if (!due) found(`${owner} refused again after the ${retryAfterMs} ms it had named`)
        })
    })
  }
  ask(world.nowMs, tryAgain)
}
