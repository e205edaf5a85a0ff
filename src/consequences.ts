import type { Counting } from './check-all.ts'
import type { Adjustment, Answer, CheckRequest, Rejection } from './limiter/check.ts'
import type { Consequence } from './rules/definition.ts'

/**
 * Counts, and lets refusals have the consequences that their rules ask for. A key is blocked by one token of a
 * rule of its own, a window that opens with the refusal: so every node learns of it, and it survives its owner
 * as any count does. What is refused meanwhile by another node adds nothing to it.
 */
export class Consequences implements Counting {
  readonly #counting: Counting
  readonly #consequences: ReadonlyMap<string, Consequence>

  constructor(counting: Counting, consequences: ReadonlyMap<string, Consequence>) {
    this.#counting = counting
    this.#consequences = consequences
  }

  /** A key that is begun anew is no longer blocked either. */
  adjust(action: Adjustment, request: CheckRequest): Outcome | Promise<Answer> {
    const block = this.#consequences.get(request.rule)?.block
    if (action !== 'reset' || block === undefined) return this.#counting.adjust(action, request)
    const lifted = this.#counting.adjust('reset', { ...request, rule: block })
    return after(lifted, () => this.#counting.adjust('reset', request))
  }

  check(request: CheckRequest): Outcome | Promise<Answer> {
    const consequence = this.#consequences.get(request.rule)
    if (consequence === undefined) return this.#counting.check(request)
    return this.#checkWith(consequence, request)
  }

  #checkWith({ drains, block }: Consequence, request: CheckRequest): Outcome | Promise<Answer> {
    const decide = () => {
      return after(this.#counting.check(request), (outcome) => {
        if (isOverLimit(outcome)) this.#punish(outcome, drains, block, request.key)
        return outcome
      })
    }
    if (block === undefined) return decide()
    const asked = this.#counting.check({ rule: block, key: request.key, cost: 0 })
    return after(asked, (standing) => {
      return isTaken(standing) ? refusalOf(standing) : decide()
    })
  }

  /** Nobody waits for it: it is under way before anything that is asked later. */
  #punish(refusal: Answer, drains: boolean, block: string | undefined, key: string): void {
    const { rule, remaining } = refusal
    // A check, because another refusal may have drained it meanwhile: nobody is to owe anything.
    if (drains && remaining > 0) void this.#counting.check({ rule, key, cost: remaining })
    if (block !== undefined) void this.#counting.check({ rule: block, key, cost: 1 })
  }
}

type Outcome = Answer | Rejection

function isOverLimit(outcome: Outcome): outcome is Answer {
  return outcome.type === 'answer' && !outcome.allowed && outcome.reason === 'over_limit'
}

/** Whether the one token is in use. None remains of it for a side of a split either, which has a share of it. */
function isTaken(block: Outcome): block is Answer {
  return block.type === 'answer' && block.allowed && block.remaining === 0 && block.resetMs > 0
}

function refusalOf(standing: Answer): Answer {
  return { ...standing, allowed: false, reason: 'over_limit', retryAfterMs: standing.resetMs }
}

/** What is decided at once stays so. */
function after(
  outcome: Outcome | Promise<Answer>,
  next: (outcome: Outcome) => Outcome | Promise<Answer>,
): Outcome | Promise<Answer> {
  if (!(outcome instanceof Promise)) return next(outcome)
  return outcome.then((answer) => next(answer) as Answer | Promise<Answer>)
}
