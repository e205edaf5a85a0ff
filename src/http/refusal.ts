import type { AnswerReason } from '../rule-answer.ts'
import { type Problem, problem } from './problem.ts'
import { retryAfterSeconds } from './rate-limit-headers.ts'

/** A refused check, as its client is told of it. */
export interface Refusal {
  readonly reason: AnswerReason
  readonly retryAfterMs: number
  /** The name of the limit that is used up; see `policyName`. */
  readonly policy: string
}

/** The problem that tells a client it is limited: 429, or 503 where no quota was used up. */
export function refusalProblem({ reason, retryAfterMs, policy }: Refusal): Problem {
  const seconds = retryAfterSeconds({ retryAfterMs })
  if (reason === 'overloaded') {
    return problem(
      'overloaded',
      `This node cannot keep count of more keys now: retry in ${seconds} s.`,
      { retryAfterMs },
    )
  }
  return problem('quota_exceeded', `The limit "${policy}" is used up: retry in ${seconds} s.`, {
    'violated-policies': [policy],
    retryAfterMs,
  })
}
