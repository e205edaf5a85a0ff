import { type Static, Type } from 'typebox'
import {
  type Consistency,
  type DecidedBy,
  KEY_BYTES_MAX,
  type RejectionCode,
} from '../limiter/check.ts'
import type { OnPartition, PartitionWeights } from '../limiter/policy.ts'
import type { AnswerReason } from '../rule-answer.ts'
import { MODES, type Mode } from '../rules/definition.ts'
import { BATCH_CHECKS_MAX } from './limits.ts'

/** The shapes of the check API: what is validated, what is serialised, and what the documentation shows. */

const closed = { additionalProperties: false }

const KEY_DESCRIPTION = `who is limited, a string of 1 to ${KEY_BYTES_MAX} bytes in UTF-8`
const RULE_DESCRIPTION = 'the name of a rule'

/** Names to text. As parsed from JSON: look into it by own properties only. */
const Values = (description: string) =>
  Type.Unsafe<Readonly<Record<string, string>>>({
    type: 'object',
    additionalProperties: { type: 'string', description },
    description,
  })

const Cost = Type.Integer({
  minimum: 0,
  description: "tokens to take, a whole number from 0 (only ask) to the rule's smallest burst",
})
const Explain = Type.Boolean({ description: 'whether the answer says how it came about' })
const Descriptors = Values('names and text that rules may ask for')

export const CheckBody = Type.Object(
  {
    rule: Type.String({ description: RULE_DESCRIPTION }),
    key: Type.String({ description: KEY_DESCRIPTION }),
    cost: Type.Optional(Cost),
    descriptors: Type.Optional(Descriptors),
  },
  closed,
)
export type CheckBody = Static<typeof CheckBody>

const AskingBody = Type.Object({ ...CheckBody.properties, explain: Type.Optional(Explain) }, closed)
type AskingBody = Static<typeof AskingBody>

/** A request by what is known of it; the rules say which of them it falls under. */
const RequestBody = Type.Object(
  {
    descriptors: Descriptors,
    method: Type.Optional(Type.String({ description: 'the method, in capitals' })),
    path: Type.Optional(Type.String({ description: 'the path, perhaps with a query' })),
    host: Type.Optional(Type.String({ description: 'the host, perhaps with a port' })),
    ip: Type.Optional(Type.String({ description: "the client's address" })),
    headers: Type.Optional(Values('header fields')),
    cost: Type.Optional(Cost),
    explain: Type.Optional(Explain),
  },
  closed,
)
export type RequestBody = Static<typeof RequestBody>

export type SingleCheck = AskingBody | RequestBody

const SingleBody = {
  if: { type: 'object', required: ['descriptors'], properties: { rule: false, key: false } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: RequestBody,
  else: AskingBody,
}

const BatchBody = Type.Object(
  {
    checks: Type.Array(Type.Unsafe<SingleCheck>(SingleBody), {
      minItems: 1,
      maxItems: BATCH_CHECKS_MAX,
      description:
        'Checks, decided independently and answered in this order. One that is rejected is answered by its error and changes nothing for the others.',
    }),
  },
  closed,
)

export interface BatchRequest {
  readonly checks: readonly SingleCheck[]
}

/** Many keys of one rule, all with the same cost and descriptors. */
const KeysBody = Type.Object(
  {
    rule: Type.String({ description: RULE_DESCRIPTION }),
    keys: Type.Array(Type.String({ description: KEY_DESCRIPTION }), {
      minItems: 1,
      maxItems: BATCH_CHECKS_MAX,
      description:
        'Keys, decided independently and answered in columns in this order. If one cannot be asked for, none is counted.',
    }),
    cost: Type.Optional(Cost),
    descriptors: Type.Optional(Descriptors),
  },
  closed,
)
export type KeysBody = Static<typeof KeysBody>

export type AnyCheck = SingleCheck | BatchRequest | KeysBody

/** Told apart by `checks` and `keys`, so that the errors are those of the form that was meant. */
export const AnyCheckBody = Type.Unsafe<AnyCheck>({
  if: { type: 'object', required: ['checks'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: BatchBody,
  else: {
    if: { type: 'object', required: ['keys'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: KeysBody,
    else: SingleBody,
  },
})

/** Text in a query. No more digits than every number can hold exactly. */
const CostText = Type.String({
  pattern: '^[0-9]{1,15}$',
  description: 'tokens to take, a whole number in decimal digits',
})

export const GateQuery = Type.Object(
  {
    rule: Type.String({ description: RULE_DESCRIPTION }),
    key: Type.String({ description: KEY_DESCRIPTION }),
    cost: Type.Optional(CostText),
  },
  closed,
)
export type GateQuery = Static<typeof GateQuery>

/** Statuses by which a proxy may be told of a refusal. */
export const DENY_STATUSES = ['401', '403', '429'] as const

export const ForwardAuthQuery = Type.Object(
  {
    rule: Type.Optional(Type.String({ description: RULE_DESCRIPTION })),
    key: Type.Optional(Type.String({ description: KEY_DESCRIPTION })),
    cost: Type.Optional(CostText),
    deny_status: Type.Optional(
      Type.Unsafe<(typeof DENY_STATUSES)[number]>({
        type: 'string',
        pattern: `^(${DENY_STATUSES.join('|')})$`,
        description: `the status of a refusal: ${DENY_STATUSES.join(', ')}`,
      }),
    ),
  },
  { ...closed, dependencies: { rule: ['key'], key: ['rule'] } },
)
export type ForwardAuthQuery = Static<typeof ForwardAuthQuery>

function oneOf<Word extends string>(...words: readonly Word[]) {
  return Type.Unsafe<Word>({ type: 'string', enum: words })
}

const Reason = oneOf<AnswerReason>(
  'under_limit',
  'over_limit',
  'partition_share',
  'partition_closed',
  'overloaded',
  'shadow',
  'override',
  'no_rule',
  'key_missing',
)

const ExplanationBody = Type.Object({
  rules: Type.Array(
    Type.Object({
      rule: Type.String(),
      mode: oneOf<Mode>(...MODES),
      allowed: Type.Boolean(),
      reason: Reason,
      key: Type.Optional(Type.String()),
      missing: Type.Optional(Type.String()),
      tier: Type.Optional(Type.String()),
      override: Type.Optional(
        Type.Object({
          key: Type.String(),
          expires: Type.Optional(Type.String()),
          reason: Type.Optional(Type.String()),
        }),
      ),
      owners: Type.Array(Type.String()),
      partition: Type.Optional(
        Type.Object({
          policy: oneOf<OnPartition>('majority', 'share', 'open', 'closed'),
          weights: oneOf<PartitionWeights>('nodes', 'demand'),
          weight: Type.Number(),
        }),
      ),
      limits: Type.Array(
        Type.Object({
          limit: Type.String(),
          inUse: Type.Integer(),
          nodes: Type.Array(
            Type.Object({
              node: Type.String(),
              tokens: Type.Integer(),
              heardMsAgo: Type.Unsafe<number | null>({ type: ['integer', 'null'] }),
            }),
          ),
        }),
      ),
    }),
  ),
  unmatched: Type.Array(
    Type.Object({ rule: Type.String(), why: Type.String(), detail: Type.String() }),
  ),
})

/** An answer as JSON: the fields of `Answer` without those for internal use. */
export const AnswerBody = Type.Object({
  allowed: Type.Boolean(),
  rule: Type.String(),
  limit: Type.Integer(),
  remaining: Type.Integer(),
  retryAfterMs: Type.Integer(),
  resetMs: Type.Integer(),
  reason: Reason,
  decidedBy: oneOf<DecidedBy>('owner', 'lease', 'replica', 'cache', 'local'),
  consistency: oneOf<Consistency>('exact', 'degraded', 'partitioned'),
  overshootBound: Type.Integer(),
  weight: Type.Number(),
  owner: Type.String(),
  node: Type.String(),
  delayMs: Type.Optional(Type.Unsafe<number | undefined>({ type: 'integer' })),
  explain: Type.Optional(ExplanationBody),
})

/** Stands in a batch's answers where a check was rejected. */
export const RejectedBody = Type.Object({
  error: Type.Object({
    code: oneOf<RejectionCode>('unknown_rule', 'invalid_cost', 'invalid_key'),
    detail: Type.String(),
  }),
})
