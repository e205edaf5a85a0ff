import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limitOf } from '../../src/limiter/limit.ts'
import type { LimitPolicy } from '../../src/limiter/policy.ts'
import { parseRules, RulesError, rulesFrom } from '../../src/rules/load.ts'
import type { RuleBook } from '../../src/rules/rule-book.ts'

/** Loading either gives rules that can be reckoned with exactly, or a `RulesError` that says where. */
function loadsOrExplains(load: () => RuleBook, isText = false): void {
  let rules: RuleBook
  try {
    rules = load()
  } catch (error) {
    expect(error).toBeInstanceOf(RulesError)
    expect((error as RulesError).problems.length).toBeGreaterThan(0)
    expect((error as RulesError).message).not.toMatch(/undefined|\[object/)
    for (const { line, path } of (error as RulesError).problems) {
      // A value has no lines; its whole is a place too.
      expect(line > 0 || !isText || path.length > 0).toBe(true)
    }
    return
  }
  for (const policy of rules.coreRules.flatMap((rule) => rule.limits).filter(isBucket)) {
    const limit = limitOf(policy, 500)
    const numbers = [limit.tokenUnits, limit.drainPerMs, limit.capacityUnits, limit.sliceMs]
    expect(numbers.every((number) => Number.isSafeInteger(number) && number > 0)).toBe(true)
    expect(limit.sliceMs * limit.slices).toBeLessThan(Date.now())
  }
}

/** The others count whole windows, not levels. */
function isBucket({ algorithm }: LimitPolicy): boolean {
  return algorithm === undefined || algorithm.type === 'leaky-bucket'
}

/** A file in which every word of the format is used. */
const EVERYTHING = `version: 1
defaults: { algorithm: token-bucket, mode: enforce, on_partition: majority, headers: draft-11 }
tiers:
  free: { limits: [{ rate: 100/m, burst: 20 }] }
  staff: { limits: unlimited }
rules:
  - name: per-api-key
    description: by plan
    match: { method: [GET, POST], path: /v1/**, host: "*.example.com", descriptor: { a: b* } }
    key: "{header.x-api-key}:{ip/24,64}"
    on_missing_key: "{ip}"
    tier: "{descriptor.plan}"
    tier_default: free
    cost: 2
    drain_on_deny: true
    block: 5m
  - name: login
    key: "{cookie.sid}"
    limits:
      - { rate: 30/h, algorithm: fixed-window, opens: first-hit }
      - { rate: 1000/month, timezone: Europe/Berlin }
      - { algorithm: concurrency, count: 10, expires: 30s }
      - { rate: 7/m, algorithm: sliding-window }
    mode: shadow
overrides:
  - { rule: per-api-key, key: "acme-*", limits: [{ rate: 9/m }], expires: 2026-12-31T00:00:00Z, reason: x }
`

const fragments = [
  ...[
    'tiers',
    'overrides',
    'defaults',
    'match',
    'key',
    'tier',
    'unlimited',
    '{ip}',
    '{',
    '1/month',
  ],
  ...[
    'concurrency',
    'calendar-window',
    'sliding-window',
    'timezone',
    'UTC',
    'expires',
    '30s',
    '**',
  ],

  ...[
    'version',
    'rules',
    'name',
    'limits',
    'rate',
    'burst',
    ': ',
    ':',
    '- ',
    '\n',
    '\n  ',
    '\n    ',
  ],
  ...[
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    "'",
    '&a',
    '*a',
    '!!set ',
    '? ',
    '|',
    '>',
    '#',
    '\t',
    '---\n',
    '...\n',
  ],
  ...[
    '100/s',
    '5000/10s',
    '0',
    '1',
    '-1',
    '1.5',
    '1e999',
    '9007199254740993',
    'null',
    'true',
    '.nan',
  ],
  ...['__proto__', 'constructor', '%YAML 1.1\n', '<<', '\uFEFF', '\u0000', '\\', '@', '`', '😀'],
]

const yamlish = fc
  .array(fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: 'binary', maxLength: 4 })), {
    maxLength: 60,
  })
  .map((parts) => parts.join(''))

const mutated = fc
  .array(
    fc.record({
      at: fc.nat({ max: EVERYTHING.length }),
      remove: fc.nat({ max: 12 }),
      insert: fc.oneof(fc.constant(''), fc.constantFrom(...fragments)),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((edits) =>
    edits.reduce(
      (text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove),
      EVERYTHING,
    ),
  )

const digits = fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String)
const rate = fc
  .tuple(digits, fc.oneof(fc.constant(''), digits), fc.constantFrom('ms', 's', 'm', 'h', 'd', 'w'))
  .map(([count, periods, unit]) => `${count}/${periods}${unit}`)
const limit = fc.record(
  {
    rate: fc.oneof(rate, fc.record({ count: fc.double(), periodMs: fc.maxSafeInteger() })),
    burst: fc.oneof(fc.maxSafeInteger(), fc.double(), fc.constant(1)),
  },
  { requiredKeys: ['rate'] },
)

it('a file with everything is valid', () => {
  expect(parseRules(EVERYTHING, 'f').coreRules).toHaveLength(4)
})

describe('loading rules never fails but with a RulesError', () => {
  it('on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        loadsOrExplains(() => parseRules(text, 'f'), true),
      ),
    )
  })

  it('on text that looks like YAML', () => {
    fc.assert(
      fc.property(yamlish, (text) => loadsOrExplains(() => parseRules(text, 'f'), true)),
      { numRuns: 1_000 },
    )
  })

  it('on valid rules with a few edits', () => {
    fc.assert(
      fc.property(mutated, (text) => loadsOrExplains(() => parseRules(text, 'f'), true)),
      { numRuns: 1_000 },
    )
  })

  it('on rules with any numbers', () => {
    const rules = fc
      .array(limit, { minLength: 1, maxLength: 3 })
      .map((limits) => [{ name: 'a', limits }])
    fc.assert(
      fc.property(rules, (value) => loadsOrExplains(() => rulesFrom(value))),
      { numRuns: 1_000 },
    )
  })

  it('on any value', () => {
    fc.assert(fc.property(fc.anything(), (value) => loadsOrExplains(() => rulesFrom(value))))
  })
})
