import { type TSchema, Type } from 'typebox'
import { COST_MAX, RULE_LIMITS_MAX, RULE_NAME_BYTES_MAX, RULES_MAX } from '../../cluster/limits.ts'
import { HEADER_FAMILIES, MODES } from './definition.ts'
import { DURATION_PATTERN } from './duration.ts'
import { limitSchema, RateText, RateTextOrNumbers } from './limit-schema.ts'

/**
 * What a rules file may say, once: for the loader, for editors, and for the reference.
 *
 * Each `title` is the noun phrase that completes "must be …" in an error. What one field alone cannot
 * tell (the same name twice, a burst too large for its rate) is in `validate.ts` and the files it asks.
 */

/** Overrides of all rules together; each is a table of keys of its own. */
export const OVERRIDES_MAX = RULES_MAX

const RULE_NAME_PATTERN = '^[a-z0-9][a-z0-9._-]*$'
const METHOD_PATTERN = '^[A-Z][A-Z_-]*$'
const TEXT_CHARACTERS_MAX = 1_024

const PartitionWord = Type.Enum(['majority', 'share', 'open', 'closed'], {
  type: 'string',
  title: 'one of majority, share, open and closed',
  description:
    'What a side of a network split may admit: its share until 10 s have passed and then all of it where the majority is (the default), its share, everything, or nothing without a majority.',
  default: 'majority',
})

const LeasesFlag = Type.Boolean({
  title: 'true or false',
  description:
    'Whether the owner of a hot key grants other nodes some tokens at a time, so that they need not ask for each. Default: false.',
  default: false,
})

const DeciderWord = Type.Enum(['owner', 'local'], {
  type: 'string',
  title: 'one of owner and local',
  description:
    'Who decides a key: its owner (the default), to whom checks are forwarded, or every node by itself, so that none is.',
  default: 'owner',
})

const WeightsWord = Type.Enum(['nodes', 'demand'], {
  type: 'string',
  title: 'one of nodes and demand',
  description:
    'By what members weigh in a network split: all the same (the default), or by what their clients were allowed before it.',
  default: 'nodes',
})

const ModeWord = Type.Enum([...MODES], {
  type: 'string',
  title: 'one of enforce, shadow and off',
  description:
    'enforce denies (the default), shadow counts and reports but never denies, off does not even count.',
  default: 'enforce',
})

const HeadersWord = Type.Enum([...HEADER_FAMILIES], {
  type: 'string',
  title: 'one of draft-11, legacy, both and none',
  description: 'The header fields that tell clients of the limit. Default: as the node is told.',
})

const Name = Type.String({
  title: `lower-case letters, digits, ".", "_" and "-", at most ${RULE_NAME_BYTES_MAX}, beginning with a letter or digit`,
  description: 'What checks call the rule.',
  pattern: RULE_NAME_PATTERN,
  maxLength: RULE_NAME_BYTES_MAX,
  examples: ['per-user'],
})

const Template = Type.String({
  title: 'text with variables, such as "{header.x-api-key}"',
  description:
    'Who is limited. Variables: {header.…}, {query.…}, {cookie.…}, {descriptor.…}, {method}, {path}, {host}, {ip}, {ip/24,64}, {rule}.',
  minLength: 1,
  maxLength: TEXT_CHARACTERS_MAX,
  examples: ['{header.x-api-key}'],
})

const Text = (description: string) =>
  Type.String({
    title: `text of at most ${TEXT_CHARACTERS_MAX} characters`,
    description,
    maxLength: TEXT_CHARACTERS_MAX,
  })

const Glob = (title: string, description: string) =>
  Type.String({ title, description, minLength: 1, maxLength: TEXT_CHARACTERS_MAX })

const Match = Type.Object(
  {
    method: Type.Optional(
      Type.Unsafe<string | string[]>({
        type: ['string', 'array'],
        title: 'an HTTP method such as GET, or a list of them',
        description: 'In upper case.',
        pattern: METHOD_PATTERN,
        minItems: 1,
        items: { type: 'string', title: 'an HTTP method such as GET', pattern: METHOD_PATTERN },
      }),
    ),
    path: Type.Optional(
      Type.Unsafe<string>({
        ...Glob(
          'a path such as /v1/**',
          '`*` is any text within a segment, `**` any number of segments, also none.',
        ),
        pattern: '^/|^\\*\\*',
      }),
    ),
    host: Type.Optional(
      Glob('a host such as *.example.com', '`*` is one label, `**` any number of them.'),
    ),
    descriptor: Type.Optional(
      Type.Unsafe<Record<string, string>>({
        type: 'object',
        title: 'a mapping of descriptors to values',
        description: 'Values that descriptors must have; `*` is any text.',
        additionalProperties: { type: 'string', title: 'text' },
      }),
    ),
  },
  {
    title: 'a mapping with method, path, host and descriptor',
    description: 'Requests that the rule is for: all conditions must hold.',
    additionalProperties: false,
  },
)

const Duration = (description: string, examples: readonly string[]) =>
  Type.String({
    title: 'a duration such as 30s, 5m or 1h',
    description,
    pattern: DURATION_PATTERN,
    examples: [...examples],
  })

/** A list of limits or the word `unlimited`: JSON Schema's keywords each apply to their own type only. */
function limitsSchema<R extends TSchema>(rate: R) {
  const list = Type.Array(limitSchema(rate), {
    minItems: 1,
    maxItems: RULE_LIMITS_MAX,
    examples: [[{ rate: '100/s' }]],
  })
  return Type.Unsafe<Type.Static<typeof list> | string>({
    ...list,
    type: ['array', 'string'],
    pattern: '^unlimited$',
    title: `a list of 1 to ${RULE_LIMITS_MAX} limits, or the word unlimited`,
    description: 'All of them must allow a check, which then takes from all of them.',
  })
}

function rulesSchema<R extends TSchema>(rate: R) {
  const limits = limitsSchema(rate)
  const rule = Type.Object(
    {
      name: Name,
      description: Type.Optional(Text('For people.')),
      match: Type.Optional(Match),
      key: Type.Optional(Template),
      on_missing_key: Type.Optional(
        Type.String({
          title: 'deny, skip, or another template such as "{ip}"',
          description:
            'What becomes of requests without a value for the key: denied (the default), not counted by this rule, or counted by another key.',
          minLength: 1,
          maxLength: TEXT_CHARACTERS_MAX,
          default: 'deny',
        }),
      ),
      limits: Type.Optional(limits),
      tier: Type.Optional(
        Type.Unsafe<string>({ ...Template, description: 'The name of a tier, instead of limits.' }),
      ),
      tier_default: Type.Optional(
        Type.String({
          title: 'the name of a tier',
          description: 'The tier of requests for which `tier` names none that there is.',
          examples: ['free'],
        }),
      ),
      cost: Type.Optional(
        Type.Integer({
          title: `a whole number from 1 to ${COST_MAX}`,
          description: 'Tokens that a check takes when it does not say. Default: 1.',
          minimum: 1,
          maximum: COST_MAX,
          default: 1,
        }),
      ),
      mode: Type.Optional(ModeWord),
      headers: Type.Optional(HeadersWord),
      on_partition: Type.Optional(PartitionWord),
      partition_weights: Type.Optional(WeightsWord),
      leases: Type.Optional(LeasesFlag),
      decided_by: Type.Optional(DeciderWord),
      drain_on_deny: Type.Optional(
        Type.Boolean({
          title: 'true or false',
          description: 'Whether a refused check takes what there is. Default: false.',
          default: false,
        }),
      ),
      block: Type.Optional(
        Duration('After a refusal everything of the key is refused for so long.', ['5m']),
      ),
    },
    {
      title: 'a mapping with name and limits',
      description: 'A named limit; every key is counted by itself.',
      required: ['name'],
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
      defaults: Type.Optional(defaultsSchema()),
      tiers: Type.Optional(tiersSchema(limits)),
      rules: Type.Array(rule, {
        title: `a list of 1 to ${RULES_MAX} rules`,
        description: 'Names are unique.',
        minItems: 1,
        maxItems: RULES_MAX,
        examples: [[{ name: 'per-user', limits: [{ rate: '100/s' }] }]],
      }),
      overrides: Type.Optional(overridesSchema(limits)),
    },
    { title: 'a mapping with version and rules', additionalProperties: false },
  )
}

function defaultsSchema() {
  return Type.Object(
    {
      algorithm: Type.Optional(
        Type.Enum(['token-bucket', 'leaky-bucket', 'sliding-window', 'fixed-window'], {
          type: 'string',
          title: 'one of token-bucket, leaky-bucket, sliding-window and fixed-window',
          description: 'Of limits that name none. Default: token-bucket.',
        }),
      ),
      mode: Type.Optional(ModeWord),
      on_partition: Type.Optional(PartitionWord),
      partition_weights: Type.Optional(WeightsWord),
      headers: Type.Optional(HeadersWord),
    },
    {
      title: 'a mapping with algorithm, mode, on_partition, partition_weights and headers',
      description: 'For rules and limits that do not say otherwise.',
      additionalProperties: false,
    },
  )
}

function tiersSchema<L extends TSchema>(limits: L) {
  const tier = Type.Object(
    { limits },
    { title: 'a mapping with limits', required: ['limits'], additionalProperties: false },
  )
  return Type.Unsafe<Record<string, Type.Static<typeof tier>>>({
    type: 'object',
    title: 'a mapping of names to tiers',
    description: 'Limits that rules choose by name.',
    additionalProperties: tier,
  })
}

function overridesSchema<L extends TSchema>(limits: L) {
  const override = Type.Object(
    {
      rule: Type.String({ title: 'the name of a rule', examples: ['per-user'] }),
      key: Type.String({
        title: 'a key, in which * is any text',
        description: 'An exact key beats a pattern, and a longer pattern a shorter.',
        minLength: 1,
        maxLength: TEXT_CHARACTERS_MAX,
        examples: ['acme-*'],
      }),
      limits,
      expires: Type.Optional(
        Type.String({
          title: 'a time such as 2026-12-31T00:00:00Z',
          description: 'From then on the override is not there. Default: never.',
          examples: ['2026-12-31T00:00:00Z'],
        }),
      ),
      reason: Type.Optional(Text('For people.')),
    },
    { title: 'a mapping with rule, key and limits', additionalProperties: false },
  )
  return Type.Array(override, {
    title: `a list of at most ${OVERRIDES_MAX} overrides`,
    description: 'Other limits for some keys of a rule.',
    maxItems: OVERRIDES_MAX,
  })
}

/** A rules file. */
export const RulesFile = rulesSchema(RateText)
/** Rules given by a program, which may write rates as numbers. */
export const RulesValue = rulesSchema(RateTextOrNumbers)

export type RulesShape = Type.Static<typeof RulesValue>
export type RuleShape = RulesShape['rules'][number]
export type LimitsShape = NonNullable<RuleShape['limits']>

/** The schema for editors: the file's, with the keywords only a published schema has. */
export function editorSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...RulesFile,
    title: 'Weir rules file',
    description: 'The rate limits that a Weir node enforces.',
  }
}
