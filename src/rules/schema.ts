import { type TSchema, Type } from 'typebox'
import { COST_MAX, RULE_LIMITS_MAX, RULE_NAME_BYTES_MAX, RULES_MAX } from '../../cluster/limits.ts'
import type { OnPartition, Rate } from '../limiter/policy.ts'
import { RATE_NUMBER_MAX, RATE_PATTERN } from './rate.ts'

/**
 * What a rules file may say, once: for the loader, for editors, and for the reference.
 *
 * Each `title` is the noun phrase that completes "must be …" in an error. What one field alone cannot
 * tell (the same name twice, a burst too large for its rate) is in `validate.ts`.
 */

/** One check can take a whole burst, and its cost has to fit the wire. */
export const BURST_MAX = COST_MAX

const RULE_NAME_PATTERN = '^[a-z0-9][a-z0-9._-]*$'

const Burst = Type.Integer({
  title: `a whole number from 1 to ${BURST_MAX}`,
  description: 'Tokens that may be taken at once after a rest. Default: the count of the rate.',
  minimum: 1,
  maximum: BURST_MAX,
})

const RateText = Type.String({
  title: 'a rate such as 100/s, 5000/10s, 7/m, 30/h or 100000/d',
  description: 'Tokens per time, in whole numbers. Units: ms, s, m, h, d.',
  pattern: RATE_PATTERN,
  examples: ['100/s'],
})

const RateNumber = Type.Integer({
  title: `a whole number from 1 to ${RATE_NUMBER_MAX}`,
  minimum: 1,
  maximum: RATE_NUMBER_MAX,
})

/** As text, or as the numbers of a `Rate`: JSON Schema's keywords each apply to their own type only. */
const RateTextOrNumbers = Type.Unsafe<string | Rate>({
  ...RateText,
  title: 'a rate such as "100/s" or { count: 100, periodMs: 1000 }',
  type: ['string', 'object'],
  properties: { count: RateNumber, periodMs: RateNumber },
  required: ['count', 'periodMs'],
  additionalProperties: false,
})

function rulesSchema<R extends TSchema>(rate: R) {
  const limit = Type.Object(
    { rate, burst: Type.Optional(Burst) },
    {
      title: 'a mapping with rate and burst',
      description: 'A token bucket: refilled at the rate, never fuller than the burst.',
      additionalProperties: false,
    },
  )
  const rule = Type.Object(
    {
      name: Type.String({
        title: `lower-case letters, digits, ".", "_" and "-", at most ${RULE_NAME_BYTES_MAX}, beginning with a letter or digit`,
        description: 'What checks call the rule.',
        pattern: RULE_NAME_PATTERN,
        maxLength: RULE_NAME_BYTES_MAX,
        examples: ['per-user'],
      }),
      limits: Type.Array(limit, {
        title: `a list of 1 to ${RULE_LIMITS_MAX} limits`,
        description: 'All of them must allow a check, which then takes from all of them.',
        minItems: 1,
        maxItems: RULE_LIMITS_MAX,
        examples: [[{ rate: '100/s' }]],
      }),
      on_partition: Type.Optional(
        Type.Unsafe<OnPartition>({
          type: 'string',
          enum: ['majority', 'share', 'open', 'closed'] satisfies OnPartition[],
          title: 'one of majority, share, open and closed',
          description:
            'What a side of a network split may admit: its share until 10 s have passed and then all of it where the majority is (the default), its share, everything, or nothing without a majority.',
          default: 'majority',
        }),
      ),
    },
    {
      title: 'a mapping with name, limits and on_partition',
      description: 'A named limit; every key is counted by itself.',
      additionalProperties: false,
    },
  )
  return Type.Object(
    {
      version: Type.Literal(1, {
        title: '1',
        description: 'Version of this format.',
        examples: [1],
      }),
      rules: Type.Array(rule, {
        title: `a list of 1 to ${RULES_MAX} rules`,
        description: 'Names are unique.',
        minItems: 1,
        maxItems: RULES_MAX,
        examples: [[{ name: 'per-user', limits: [{ rate: '100/s' }] }]],
      }),
    },
    { title: 'a mapping with version and rules', additionalProperties: false },
  )
}

/** A rules file. */
export const RulesFile = rulesSchema(RateText)
/** Rules given by a program, which may write rates as numbers. */
export const RulesValue = rulesSchema(RateTextOrNumbers)

/** The schema for editors: the file's, with the keywords only a published schema has. */
export function editorSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...RulesFile,
    title: 'Weir rules file',
    description: 'The rate limits that a Weir node enforces.',
  }
}
