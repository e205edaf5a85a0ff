import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRules } from '../../src/rules/load.ts'
import { warningFindings } from '../../src/rules/rule-warnings.ts'

const NOW_MS = Date.UTC(2026, 0, 1)

function warningsOf(text: string): string[] {
  const { definition } = parseRules(`version: 1\n${text}`, 'f')
  return warningFindings(definition, NOW_MS).map(({ code, path }) => `${path.join('.')} ${code}`)
}

const limitsOf = (limits: string) => warningsOf(`rules: [{ name: a, limits: [${limits}] }]\n`)
const overridesOf = (...overrides: string[]) => {
  const list = overrides.map((one) => `  - { rule: a, limits: unlimited, ${one} }\n`)
  return warningsOf(`rules: [{ name: a, limits: [{ rate: 1/s }] }]\noverrides:\n${list.join('')}`)
}

describe('a limit is redundant', () => {
  it.each([
    ['{ rate: 10/s, burst: 5 }, { rate: 11/s, burst: 5 }', '1'],
    ['{ rate: 11/s, burst: 5 }, { rate: 10/s, burst: 5 }', '0'],
    ['{ rate: 10/s, burst: 5 }, { rate: 10/s, burst: 5 }', '1'],
    ['{ rate: 1/s, burst: 5 }, { rate: 60/m, burst: 6 }', '1'],
    [
      '{ rate: 9007199254740989/9007199254740991ms, burst: 1 }, { rate: 9007199254740988/9007199254740990ms, burst: 1 }',
      '0',
    ],
  ])('beside one that is no slower and no larger: %s', (limits, which) => {
    expect(limitsOf(limits)).toEqual([`rules.0.limits.${which} limit_redundant`])
  })

  it.each([
    '{ rate: 100/s, burst: 100 }, { rate: 1000/m, burst: 1000 }',
    '{ rate: 10/s, burst: 5 }, { rate: 11/s, burst: 4 }',
    '{ rate: 10/s, algorithm: leaky-bucket }, { rate: 10/s }',
    '{ rate: 10/s, algorithm: sliding-window }, { rate: 10/m, algorithm: sliding-window }',
  ])('and not otherwise: %s', (limits) => expect(limitsOf(limits)).toEqual([]))

  it('also in a tier and in an override', () => {
    const twice = 'limits: [{ rate: 1/s }, { rate: 1/s }]'
    const text = `tiers: { t: { ${twice} } }
rules: [{ name: a, tier: "{ip}", tier_default: t }]
overrides: [{ rule: a, key: x, ${twice} }]\n`
    expect(warningsOf(text)).toEqual([
      'tiers.t.limits.1 limit_redundant',
      'overrides.0.limits.1 limit_redundant',
    ])
  })

  it('only if it never refuses what the other limits admit', () => {
    const bucket = fc.record({
      count: fc.integer({ min: 1, max: 5 }),
      periodMs: fc.integer({ min: 1, max: 5 }),
      burst: fc.integer({ min: 1, max: 5 }),
    })
    const steps = fc.array(
      fc.record({ cost: fc.integer({ min: 0, max: 5 }), ms: fc.integer({ min: 0, max: 5 }) }),
      { maxLength: 50 },
    )
    fc.assert(
      fc.property(fc.array(bucket, { minLength: 2, maxLength: 3 }), steps, (buckets, checks) => {
        const written = buckets.map(
          (one) => `{ rate: ${one.count}/${one.periodMs}ms, burst: ${one.burst} }`,
        )
        const redundant = limitsOf(written.join(', ')).map((line) =>
          Number(/limits\.(\d)/.exec(line)?.[1]),
        )
        // In units of a 60th of a token, so that every rate here is a whole number of them in a millisecond.
        const left = buckets.map(({ burst }) => burst * 60)
        for (const { cost, ms } of checks) {
          for (const [i, { count, periodMs, burst }] of buckets.entries()) {
            left[i] = Math.min(burst * 60, (left[i] ?? 0) + (ms * count * 60) / periodMs)
          }
          const refusing = buckets.map((_, i) => i).filter((i) => (left[i] ?? 0) < cost * 60)
          if (refusing.length > 0) {
            expect(refusing.some((i) => !redundant.includes(i))).toBe(true)
            continue
          }
          for (const i of buckets.keys()) left[i] = (left[i] ?? 0) - cost * 60
        }
      }),
    )
  })
})

describe('an override is shadowed', () => {
  it.each([
    [['key: "*a*"', 'key: "a*"']],
    [['key: "a*"', 'key: "a**"']],
    [['key: "*a*b*"', 'key: "a*b"']],
    [['key: "*a*"', 'key: "*a", expires: 2027-01-01T00:00:00Z']],
  ])('by a wider one above it: %j', (overrides) => {
    expect(overridesOf(...overrides)).toEqual(['overrides.1.key override_shadowed'])
  })

  it.each([
    [['key: "a*"', 'key: "*a*"']],
    [['key: "*"', 'key: "a*"']],
    [['key: "a*"', 'key: "*a"']],
    [['key: "*a"', 'key: a']],
    [['key: "*a*", expires: 2027-01-01T00:00:00Z', 'key: "a*"']],
  ])('and not otherwise: %j', (overrides) => expect(overridesOf(...overrides)).toEqual([]))

  it('only if no key finds it', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 4 })
    const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
    const patterns = fc.uniqueArray(pattern, { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(patterns, fc.array(key, { maxLength: 50 }), (written, keys) => {
        const list = written.map((one) => `{ rule: a, key: "${one}", limits: unlimited }`)
        const rules = 'rules: [{ name: a, limits: [{ rate: 1/s }] }]'
        const book = parseRules(`version: 1\n${rules}\noverrides: [${list}]\n`, 'f')
        const shadowed = warningFindings(book.definition, NOW_MS).map(
          ({ path }) => written[Number(path[1])],
        )
        for (const one of keys) {
          const found = book.named('a', one, () => undefined, NOW_MS)?.override?.key
          if (found !== undefined) expect(shadowed).not.toContain(found)
        }
      }),
    )
  })
})

describe('a tier is unused', () => {
  const tiered = (tier: string, fallback: string) =>
    warningsOf(`tiers: { gold: { limits: unlimited }, free: { limits: unlimited } }
rules: [{ name: a, tier: "${tier}", tier_default: ${fallback} }]\n`)

  it('when no template can become its name', () => {
    expect(tiered('gold', 'gold')).toEqual(['tiers.free tier_unused'])
    expect(tiered('plan-{descriptor.plan}', 'free')).toEqual(['tiers.gold tier_unused'])
    const text = 'tiers: { free: { limits: unlimited } }\nrules: [{ name: a, limits: unlimited }]\n'
    expect(warningsOf(text)).toEqual(['tiers.free tier_unused'])
  })

  it('and not otherwise', () => {
    expect(tiered('gold', 'free')).toEqual([])
    expect(tiered('{descriptor.plan}', 'free')).toEqual([])
    expect(tiered('g{descriptor.plan}', 'free')).toEqual([])
  })
})

describe('a path is not as paths are compared', () => {
  const pathOf = (path: string) =>
    warningsOf(`rules: [{ name: a, key: "{ip}", limits: unlimited, match: { path: "${path}" } }]\n`)

  it.each(['/a?b', '/a#b', '/%6cogin', '//login', '/a//b', '/a//', '/a/./b', '/a/..'])(
    '%s',
    (path) => expect(pathOf(path)).toEqual(['rules.0.match.path path_not_normal']),
  )

  it.each(['/', '/a/', '/**', '**', '/.well-known/*', '/a/...', '/100%', '/a b'])(
    'and this one is: %s',
    (path) => expect(pathOf(path)).toEqual([]),
  )
})

it('an override has expired from its time on', () => {
  const until = (time: string) => overridesOf(`key: x, expires: ${time}`)
  expect(until('2026-01-01T00:00:00Z')).toEqual(['overrides.0.expires override_expired'])
  expect(until('2026-01-01T00:00:00.001Z')).toEqual([])
})
