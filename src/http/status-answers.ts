import type { FastifyReply } from 'fastify'
import type { RuleAnswer } from '../rule-answer.ts'
import { inTurn } from './end-of-turn.ts'
import type { Outcome } from './measured-checks.ts'
import { type Problem, problem, sendProblem } from './problem.ts'
import type { RateLimitHeaders } from './rate-limit-headers.ts'
import { refusalProblem } from './refusal.ts'

export interface StatusAnswering {
  readonly headers: RateLimitHeaders
  readonly allowed: 200 | 204
  /** Whatever is refused has this status. Absent: the problem's own. */
  readonly denied?: number | undefined
}

/** Answers by the status, for callers that look no further: at the end of this turn, or when the outcome is there. */
export async function answerByStatus(
  reply: FastifyReply,
  outcome: Outcome | Promise<Outcome>,
  answering: StatusAnswering,
): Promise<void> {
  send(reply, await inTurn(outcome), answering)
}

function send(
  reply: FastifyReply,
  outcome: Outcome,
  { headers, allowed, denied }: StatusAnswering,
): void {
  if (outcome.type === 'rejected') {
    sendProblem(reply, problem(outcome.code, outcome.detail))
    return
  }
  reply.headers(headers.of(outcome))
  if (outcome.allowed) {
    reply.code(allowed).send()
    return
  }
  const refusal = refusalOf(outcome, headers)
  sendProblem(reply, denied === undefined ? refusal : { ...refusal, status: denied })
}

function refusalOf(answer: RuleAnswer, headers: RateLimitHeaders): Problem {
  if (answer.missing !== undefined) {
    const detail = `The request has no ${answer.missing}, which rule "${answer.rule}" limits it by: send it.`
    return problem('key_missing', detail)
  }
  const { reason, retryAfterMs } = answer
  return refusalProblem({ reason, retryAfterMs, policy: headers.policy(answer) })
}
