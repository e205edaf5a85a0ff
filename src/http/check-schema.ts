import { type Static, Type } from 'typebox'
import {
  type CheckRequest,
  type Consistency,
  type DecidedBy,
  KEY_BYTES_MAX,
  type Reason,
  type RejectionCode,
} from '../limiter/check.ts'
import { BATCH_CHECKS_MAX } from './limits.ts'

/** The shapes of the check API: what is validated, what is serialised, and what the documentation shows. */

const closed = { additionalProperties: false }

const KEY_DESCRIPTION = `who is limited, a string of at most ${KEY_BYTES_MAX} bytes in UTF-8`
const RULE_DESCRIPTION = 'the name of a rule'

export const CheckBody = Type.Object(
  {
    rule: Type.String({ description: RULE_DESCRIPTION }),
    key: Type.String({ description: KEY_DESCRIPTION }),
    cost: Type.Integer({
      minimum: 0,
      default: 1,
      description: "tokens to take, a whole number from 0 (only ask) to the rule's smallest burst",
    }),
  },
  // `cost` is not required: its default stands in.
  { ...closed, required: ['rule', 'key'] },
)

const BatchBody = Type.Object(
  {
    checks: Type.Array(CheckBody, {
      minItems: 1,
      maxItems: BATCH_CHECKS_MAX,
      description:
        'Checks, decided independently and answered in this order. One that is rejected is answered by its error and changes nothing for the others.',
    }),
  },
  closed,
)

export interface BatchRequest {
  readonly checks: readonly CheckRequest[]
}

/** One check or a batch. Told apart by `checks`, so that the errors are those of the one that was meant. */
export const CheckOrBatchBody = Type.Unsafe<CheckRequest | BatchRequest>({
  if: { type: 'object', required: ['checks'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: BatchBody,
  else: CheckBody,
})

export function isBatch(body: CheckRequest | BatchRequest): body is BatchRequest {
  return 'checks' in body
}

export const GateQuery = Type.Object(
  {
    rule: Type.String({ description: RULE_DESCRIPTION }),
    key: Type.String({ description: KEY_DESCRIPTION }),
    // Text in a query. No more digits than every number can hold exactly.
    cost: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,15}$',
        description: 'tokens to take, a whole number in decimal digits',
      }),
    ),
  },
  closed,
)
export type GateQuery = Static<typeof GateQuery>

function oneOf<Word extends string>(...words: readonly Word[]) {
  return Type.Unsafe<Word>({ type: 'string', enum: words })
}

/** An answer as JSON: the fields of `Answer` without those for internal use. */
export const AnswerBody = Type.Object({
  allowed: Type.Boolean(),
  rule: Type.String(),
  limit: Type.Integer(),
  remaining: Type.Integer(),
  retryAfterMs: Type.Integer(),
  resetMs: Type.Integer(),
  reason: oneOf<Reason>(
    'under_limit',
    'over_limit',
    'partition_share',
    'partition_closed',
    'overloaded',
  ),
  decidedBy: oneOf<DecidedBy>('owner', 'replica', 'cache', 'local'),
  consistency: oneOf<Consistency>('exact', 'degraded', 'partitioned'),
  overshootBound: Type.Integer(),
  owner: Type.String(),
  node: Type.String(),
  delayMs: Type.Optional(Type.Unsafe<number | undefined>({ type: 'integer' })),
})

/** Stands in a batch's answers where a check was rejected. */
export const RejectedBody = Type.Object({
  error: Type.Object({
    code: oneOf<RejectionCode>('unknown_rule', 'invalid_cost', 'invalid_key'),
    detail: Type.String(),
  }),
})
