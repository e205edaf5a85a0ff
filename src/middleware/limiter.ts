import { parseList } from 'structured-headers'
import type { FallbackAnswer, NodeAnswer } from '../client/answer.ts'
import type { Check, Client } from '../client/client.ts'
import { WeirRequestError } from '../client/request-error.ts'
import {
  type HeaderFamily,
  legacyFields,
  RateLimitHeaders,
  retryAfterSeconds,
} from '../http/rate-limit-headers.ts'
import type { Rejection } from '../limiter/check.ts'
import type { RuleAnswer, RuleCheck } from '../rule-answer.ts'
import type { RunningNode } from '../running-node.ts'

/** What decides: a sidecar asked over HTTP, or a node in this process, as `createNode` makes it. */
export type Source =
  | { readonly client: Client; readonly node?: undefined }
  | { readonly node: Pick<RunningNode, 'check' | 'book'>; readonly client?: undefined }

/** The answer to a request's check, whoever gave it. */
export type LimitAnswer = Omit<NodeAnswer, 'headers'> | FallbackAnswer

/** An answer, and how the limited client is told of it. */
export interface Judgement {
  readonly answer: LimitAnswer
  /** Header fields of the response, in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The name of the limit that the answer's numbers describe. */
  readonly policy: string
}

/** @throws WeirRequestError, at once or later, if the check itself is mistaken. */
export type Judge = (check: Check) => Judgement | Promise<Judgement>

/**
 * `family`: which header fields the response gets. Without it a sidecar's are passed on as they are, and
 * those of a node in this process are of the draft.
 */
export function judgeBy(source: Source, family: HeaderFamily | undefined): Judge {
  const { client, node } = source
  if (client !== undefined) {
    return async (check) => ofClient(await client.check(check), family)
  }
  return ofNode(node, family ?? 'draft-11')
}

function ofNode(node: Pick<RunningNode, 'check' | 'book'>, family: HeaderFamily): Judge {
  const headers = new RateLimitHeaders(node, family)
  const judged = (outcome: RuleAnswer | Rejection): Judgement => {
    if (outcome.type === 'rejected') throw new WeirRequestError(outcome.code, outcome.detail, 400)
    return { answer: outcome, headers: headers.of(outcome), policy: headers.policy(outcome) }
  }
  return (check) => {
    const outcome = node.check(ruleCheckOf(check))
    return outcome instanceof Promise ? outcome.then(judged) : judged(outcome)
  }
}

/** A check as a node in this process is asked it. */
function ruleCheckOf(check: Check): RuleCheck {
  const { rule, key, cost, descriptors } = check
  if (descriptors === undefined) return check
  const values = new Map(Object.entries(descriptors))
  return { rule, key, cost, descriptor: (name) => values.get(name) }
}

function ofClient(
  answer: NodeAnswer | FallbackAnswer,
  family: HeaderFamily | undefined,
): Judgement {
  const retryAfter = answer.allowed ? {} : { 'retry-after': `${retryAfterSeconds(answer)}` }
  if (answer.failure !== undefined) return { answer, headers: retryAfter, policy: answer.rule }
  const policy = policyIn(answer.headers.ratelimit) ?? answer.rule
  return { answer, headers: { ...fieldsOf(answer, family), ...retryAfter }, policy }
}

/** The draft's fields need the rule, which the node knows; the older ones need only the numbers. */
function fieldsOf(
  answer: NodeAnswer,
  family: HeaderFamily | undefined,
): Readonly<Record<string, string>> {
  if (family === undefined) return answer.headers
  const draft = family === 'draft-11' || family === 'both'
  const legacy = family === 'legacy' || family === 'both'
  const sent = Object.entries(answer.headers).filter(([name]) => name.startsWith('ratelimit'))
  return { ...(draft && Object.fromEntries(sent)), ...(legacy && legacyFields(answer)) }
}

/** The name in a `RateLimit` field. A malformed field is ignored, as the draft demands. */
function policyIn(field: string | undefined): string | undefined {
  if (field === undefined) return undefined
  try {
    const name = parseList(field)[0]?.[0]
    return typeof name === 'string' ? name : undefined
  } catch {
    return undefined
  }
}
