import { type TSchema, Type } from 'typebox'
import { COST_MAX } from '../../cluster/limits.ts'
import type { Rate } from '../limiter/policy.ts'
import { DURATION_PATTERN } from './duration.ts'
import { RATE_NUMBER_MAX, RATE_PATTERN } from './rate.ts'

/** One check can take a whole burst, and its cost has to fit the wire. */
export const BURST_MAX = COST_MAX

/** Names of algorithms in a rules file. A rate such as `1000/month` alone makes a calendar window. */
export const ALGORITHMS = [
  'token-bucket',
  'leaky-bucket',
  'sliding-window',
  'fixed-window',
  'calendar-window',
  'concurrency',
] as const
export type AlgorithmName = (typeof ALGORITHMS)[number]

export const RateText = Type.String({
  title: 'a rate such as 100/s, 5000/10s, 7/m, 30/h, 100000/d or 1000/month',
  description:
    'Tokens per time, in whole numbers. Units: ms, s, m, h, d; of the calendar: minute, hour, day, week, month, year.',
  pattern: RATE_PATTERN,
  examples: ['100/s'],
})

const RateNumber = Type.Integer({
  title: `a whole number from 1 to ${RATE_NUMBER_MAX}`,
  minimum: 1,
  maximum: RATE_NUMBER_MAX,
})

/** As text, or as the numbers of a `Rate`: JSON Schema's keywords each apply to their own type only. */
export const RateTextOrNumbers = Type.Unsafe<string | Rate>({
  ...RateText,
  title: 'a rate such as "100/s" or { count: 100, periodMs: 1000 }',
  type: ['string', 'object'],
  properties: { count: RateNumber, periodMs: RateNumber },
  required: ['count', 'periodMs'],
  additionalProperties: false,
})

const Count = (description: string) =>
  Type.Integer({
    title: `a whole number from 1 to ${BURST_MAX}`,
    description,
    minimum: 1,
    maximum: BURST_MAX,
  })

/** Which fields go together is told by `limit-mistakes.ts`. */
export function limitSchema<R extends TSchema>(rate: R) {
  return Type.Object(
    {
      rate: Type.Optional(rate),
      burst: Type.Optional(
        Count('Tokens that may be taken at once after a rest. Default: the count of the rate.'),
      ),
      algorithm: Type.Optional(
        Type.Enum([...ALGORITHMS], {
          type: 'string',
          title: `one of ${ALGORITHMS.slice(0, -1).join(', ')} and ${ALGORITHMS.at(-1)}`,
          description: 'How is counted. Default: that of `defaults`, else token-bucket.',
        }),
      ),
      opens: Type.Optional(
        Type.Enum(['aligned', 'first-hit'], {
          type: 'string',
          title: 'one of aligned and first-hit',
          description:
            'Of a fixed window: whether windows follow each other from 1970 on (the default), or each opens with its first check.',
          default: 'aligned',
        }),
      ),
      timezone: Type.Optional(
        Type.String({
          title: 'a time zone such as Europe/Berlin',
          description: 'Of a calendar window. Default: UTC.',
          default: 'UTC',
        }),
      ),
      count: Type.Optional(Count('Of concurrency: how many may be held at once.')),
      expires: Type.Optional(
        Type.String({
          title: 'a duration such as 30s, 5m or 1h',
          description: 'Of concurrency: what is not given back by then is taken back.',
          pattern: DURATION_PATTERN,
          examples: ['30s'],
        }),
      ),
    },
    {
      title: 'a mapping with rate and burst',
      description: 'How much is allowed in how much time.',
      additionalProperties: false,
    },
  )
}
