import type { Adjustment, Answer, CheckRequest, Rejection } from './limiter/check.ts'
import type { RuleAnswer } from './rule-answer.ts'
import type { Matched } from './rules/rule-book.ts'

/** What decides and counts by core rules: a node, wherever it runs. */
export interface Counting {
  check(request: CheckRequest): Answer | Rejection | Promise<Answer>
  adjust(action: Adjustment, request: CheckRequest): Answer | Rejection | Promise<Answer>
}

/** One rule of several that a request falls under. */
export type Part =
  | { readonly type: 'counted'; readonly matched: Matched; readonly request: CheckRequest }
  /** Known without counting. */
  | { readonly type: 'settled'; readonly answer: RuleAnswer }

export type RuleOutcome = RuleAnswer | Rejection

/**
 * Checks a request under all its rules: all must allow, and a refusal takes nothing from the others.
 *
 * All rules are asked at once, because their keys may be owned by different nodes. When one refuses, what the
 * others have taken is given back. Until it is, for about as long as an answer takes to come, others may be
 * refused by what will not have been taken; never is anything admitted that should not have been.
 *
 * The answer is the refusal that must be waited for longest; else the refusal of a rule in shadow mode, as
 * allowed; else the allowance with the least left.
 */
export function checkAll(
  counting: Counting,
  parts: readonly Part[],
  nowMs: () => number,
): RuleOutcome | Promise<RuleOutcome> {
  const askedMs = nowMs()
  const outcomes = parts.map((part) => {
    return part.type === 'settled' ? part.answer : counting.check(part.request)
  })
  if (outcomes.some((outcome) => outcome instanceof Promise)) {
    return Promise.all(outcomes).then((settled) =>
      conclude(counting, parts, settled, nowMs() - askedMs),
    )
  }
  return conclude(counting, parts, outcomes as RuleOutcome[], 0)
}

function conclude(
  counting: Counting,
  parts: readonly Part[],
  outcomes: readonly RuleOutcome[],
  ageMs: number,
): RuleOutcome {
  const said = outcomes.map((outcome, index) => {
    const part = parts[index]
    return part?.type === 'counted' ? ownWords(outcome, part.matched) : outcome
  })
  const rejection = said.find((outcome) => outcome.type === 'rejected')
  const each = said.filter((outcome) => outcome.type === 'answer')
  const stands = rejection === undefined && each.every(({ allowed }) => allowed)
  if (!stands) giveBack(counting, parts, outcomes, ageMs)
  return rejection ?? summary(each)
}

/** A rule in shadow mode that refused has taken nothing; of the raw outcomes it is not an allowance. */
function giveBack(
  counting: Counting,
  parts: readonly Part[],
  outcomes: readonly RuleOutcome[],
  ageMs: number,
): void {
  for (const [index, part] of parts.entries()) {
    const outcome = outcomes[index]
    const hasTaken = outcome?.type === 'answer' && outcome.allowed
    if (part.type === 'counted' && hasTaken && part.request.cost > 0) {
      // Nobody waits for it: it is under way before anything that is asked later.
      void counting.adjust('undo', { ...part.request, ageMs })
    }
  }
}

function summary(each: readonly RuleAnswer[]): RuleAnswer {
  const refused = each.filter(({ allowed }) => !allowed)
  const shadowed = each.filter(({ reason }) => reason === 'shadow')
  const chosen =
    refused.find(({ reason }) => reason === 'key_missing') ??
    greatest(refused, ({ retryAfterMs }) => retryAfterMs) ??
    shadowed[0] ??
    greatest(each, ({ remaining }) => -remaining)
  if (chosen === undefined) throw new RangeError('a request was checked under no rule')
  // Assigned and not spread: a literal that begins with a copy and then has more properties takes V8 some microseconds.
  return each.length === 1 ? chosen : Object.assign({}, chosen, { each })
}

function greatest(
  answers: readonly RuleAnswer[],
  by: (answer: RuleAnswer) => number,
): RuleAnswer | undefined {
  return answers.reduce<RuleAnswer | undefined>((best, answer) => {
    return best === undefined || by(answer) > by(best) ? answer : best
  }, undefined)
}

/** What a core rule said, in the words of the rule that it counts for. */
export function ownWords(outcome: Answer | Rejection, matched: Matched): RuleOutcome
export function ownWords(outcome: RuleOutcome, matched: Matched): RuleOutcome
export function ownWords(outcome: RuleOutcome, matched: Matched): RuleOutcome {
  const { name, mode } = matched.rule
  if (outcome.type === 'rejected') {
    const detail = outcome.detail.replaceAll(`"${matched.counter}"`, `"${name}"`)
    return { ...outcome, detail }
  }
  // Nobody else holds it: a copy with more properties takes V8 as long as the check itself.
  const answer: RuleAnswer = Object.assign(outcome, { rule: name, matched })
  return mode === 'shadow' && !outcome.allowed ? letThrough(answer) : answer
}

/** A refusal by a rule in shadow mode. */
export function letThrough(refusal: RuleAnswer): RuleAnswer {
  return { ...refusal, allowed: true, reason: 'shadow', retryAfterMs: 0 }
}
