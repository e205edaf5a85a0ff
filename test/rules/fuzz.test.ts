import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limitOf } from '../../src/limiter/limit.ts'
import { DEMO_RULES } from '../../src/rules/demo.ts'
import { parseRules, RulesError, rulesFrom } from '../../src/rules/load.ts'

/** Loading either gives rules that can be reckoned with exactly, or a `RulesError` that says where. */
function loadsOrExplains(load: () => ReturnType<typeof rulesFrom>): void {
  let rules: ReturnType<typeof rulesFrom>
  try {
    rules = load()
  } catch (error) {
    expect(error).toBeInstanceOf(RulesError)
    expect((error as RulesError).problems.length).toBeGreaterThan(0)
    expect((error as RulesError).message).not.toMatch(/undefined|\[object/)
    return
  }
  for (const policy of rules.flatMap((rule) => rule.limits)) {
    const limit = limitOf(policy, 500)
    const numbers = [limit.tokenUnits, limit.drainPerMs, limit.capacityUnits, limit.sliceMs]
    expect(numbers.every((number) => Number.isSafeInteger(number) && number > 0)).toBe(true)
    expect(limit.sliceMs * limit.slices).toBeLessThan(Date.now())
  }
}

const fragments = [
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
      at: fc.nat({ max: DEMO_RULES.length }),
      remove: fc.nat({ max: 12 }),
      insert: fc.oneof(fc.constant(''), fc.constantFrom(...fragments)),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((edits) =>
    edits.reduce(
      (text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove),
      DEMO_RULES,
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

describe('loading rules never fails but with a RulesError', () => {
  it('on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        loadsOrExplains(() => parseRules(text, 'f')),
      ),
    )
  })

  it('on text that looks like YAML', () => {
    fc.assert(
      fc.property(yamlish, (text) => loadsOrExplains(() => parseRules(text, 'f'))),
      { numRuns: 1_000 },
    )
  })

  it('on valid rules with a few edits', () => {
    fc.assert(
      fc.property(mutated, (text) => loadsOrExplains(() => parseRules(text, 'f'))),
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
