import { describe, expect, it } from 'vitest'
import { parseRules, RulesError } from '../../src/rules/load.ts'

function problemsOf(text: string): string {
  try {
    parseRules(text, 'rules.yaml')
  } catch (error) {
    if (error instanceof RulesError) return error.message
    throw error
  }
  return ''
}

/** A file of one rule `a`, its fields from line 4 column 5 on. */
function rule(fields: string, rest = ''): string {
  return `version: 1\nrules:\n  - name: a\n    ${fields}\n${rest}`
}

function limit(fields: string): string {
  return rule(`limits: [${fields}]`)
}

const ONE = 'limits: [{ rate: 1/s }]'
const PLACE = 'rules.yaml:4:'

describe('of limits', () => {
  it.each([
    [
      '{ rate: 5/s, algorithm: sliding-window, burst: 5 }',
      `${PLACE}54 burst does not go with sliding-window: the count of its rate is the most at once: remove the burst, or choose algorithm: token-bucket`,
    ],
    ['{ rate: 5/month, burst: 5 }', 'burst does not go with calendar-window'],
    ['{ rate: 5/s, opens: aligned }', 'choose algorithm: fixed-window'],
    ['{ rate: 5/s, timezone: Europe/Berlin }', 'only a calendar has time zones'],
    ['{ rate: 5/s, count: 5 }', 'write the count into the rate'],
    ['{ rate: 5/s, expires: 5s }', 'choose algorithm: concurrency'],
    ['{ algorithm: concurrency, rate: 5/s }', 'remove the rate, and give count and expires'],
    ['{ algorithm: concurrency }', 'missing property "count", such as {"count":10}'],
    [
      '{ algorithm: concurrency, count: 1 }',
      'missing property "expires", such as {"expires":"30s"}',
    ],
    ['{ algorithm: concurrency, count: 1, expires: 9999d }', '"9999d" is longer than 366d'],
    ['{ algorithm: concurrency, count: 1, expires: 5 }', 'expires must be a duration such as 30s'],
    ['{ burst: 5 }', 'missing property "rate", such as {"rate":"100/s"}'],
    ['{ rate: 5/day, algorithm: token-bucket }', 'remove the algorithm, or write 5/d'],
    ['{ rate: 5/d, algorithm: calendar-window }', 'write a rate such as 5/day'],
    ['{ rate: 5/s, algorithm: sliding }', 'algorithm must be one of token-bucket'],
    ['{ rate: 5/s, algorithm: token_bucket }', '(did you mean "token-bucket"?)'],
    ['{ rate: 5/day, timezone: Europe/Berlln }', '(did you mean "Europe/Berlin"?)'],
    ['{ rate: 5/day, timezone: "+02:00" }', 'an offset knows no summer time'],
    ['{ rate: 5000000000/day }', 'the count 5000000000 is above 4294967295: lower it'],
    [
      '{ rate: 5/9999d, algorithm: fixed-window }',
      'the period is longer than ten years: shorten it',
    ],
  ])('%s', (fields, told) => {
    expect(problemsOf(limit(fields))).toContain(told)
  })

  it('the algorithm by default counts', () => {
    const defaults = 'defaults: { algorithm: sliding-window }\n'
    const text = limit('{ rate: 5/s, burst: 5 }') + defaults
    expect(problemsOf(text)).toContain('burst does not go with sliding-window')
  })

  it('the word for none is unlimited', () => {
    expect(problemsOf(rule('limits: unlimited'))).toBe('')
    expect(problemsOf(rule('limits: infinite'))).toContain(
      `${PLACE}13 limits must be a list of 1 to 8 limits, or the word unlimited, not "infinite"`,
    )
  })
})

describe('of keys', () => {
  it.each([
    ['key: "{ip"', 'key: "{ip" has a "{" that is not closed: write "}" after the variable'],
    ['key: "ip}"', 'has a "}" without a "{" before it'],
    ['key: "{}"', 'unknown variable ""'],
    ['key: "{user}"', 'unknown variable "user" (known: method, path, host, ip, rule, header.…'],
    [
      'key: "{headers.x-api-key}"',
      'unknown variable "headers.x-api-key" (did you mean "header.x-api-key"?)',
    ],
    ['key: "{header}"', 'has no name: write for example {header.x-api-key}'],
    ['key: "{ip/24}"', 'write {ip/24,64}'],
    ['key: "{ip/33,64}"', 'an IPv4 prefix has at most 32 bits'],
    ['key: "{ip/24,129}"', 'an IPv6 prefix has at most 128 bits'],
    ['key: "{method.x}"', 'takes no name: write {method}'],
    ['key: header.x', 'all requests would share one count: write "{header.x}" if it is one'],
    [
      'key: "{ip}"\n    on_missing_key: denny',
      'is neither deny nor skip nor a template with a variable (did you mean "deny"?)',
    ],
    ['on_missing_key: deny', 'on_missing_key without key: add a key'],
    ['match: { path: /x }', 'missing property "key" of a rule with match'],
    ['key: "{ip}"\n    match: { path: x }', 'path must be a path such as /v1/**, not "x"'],
    ['key: "{ip}"\n    match: { method: get }', 'method must be an HTTP method such as GET'],
    [
      'key: "{ip}"\n    match: { methods: GET }',
      'unknown property "methods" (did you mean "method"?)',
    ],
  ])('%s', (fields, told) => {
    expect(problemsOf(rule(`${ONE}\n    ${fields}`))).toContain(told)
  })
})

describe('of tiers', () => {
  const tiers = 'tiers: { free: { limits: [{ rate: 1/s }] }, premium: { limits: unlimited } }\n'

  it.each([
    [
      'tier: gold\n    tier_default: free',
      `${PLACE}11 tier "gold" is not defined (known: free, premium)`,
    ],
    [
      'tier: "{header.x}"\n    tier_default: fre',
      'rules.yaml:5:19 tier "fre" is not defined (did you mean "free"?)',
    ],
    [
      'tier: "{header.x}"',
      'missing property "tier_default" of a rule with tier, such as {"tier_default":"free"}',
    ],
    [
      `tier: "{header.x}"\n    tier_default: free\n    ${ONE}`,
      'tier and limits exclude each other',
    ],
    [`${ONE}\n    tier_default: free`, 'tier_default without tier'],
    ['tier: "{plan}"\n    tier_default: free', 'tier: unknown variable "plan"'],
  ])('%s', (fields, told) => {
    expect(problemsOf(rule(fields, tiers))).toContain(told)
  })

  it('a name is as a rule is named, and has room beside it', () => {
    const named = (name: string) => `tiers: { "${name}": { limits: unlimited } }\n`
    expect(problemsOf(rule(ONE, named('Gold!')))).toContain(
      'rules.yaml:5:10 tier name "Gold!" must be',
    )
    const fields = `tier: "{header.x}"\n    tier_default: ${'t'.repeat(63)}`
    expect(problemsOf(rule(fields, named('t'.repeat(63))))).toContain('name is 1 too long together')
  })

  it('none are there', () => {
    const text = rule('tier: "{header.x}"\n    tier_default: free')
    expect(problemsOf(text)).toContain('(there is no "tiers": add it)')
  })
})

describe('of overrides and the rest', () => {
  it.each([
    [
      '{ rule: b, key: x, limits: unlimited }',
      'rules.yaml:5:21 rule "b" is not defined (did you mean "a"?)',
    ],
    [
      '{ rule: a, key: x, limits: unlimited, expires: tomorrow }',
      'write it such as 2026-12-31T00:00:00Z',
    ],
    ['{ rule: a, key: x, limits: unlimited, expires: 2026-02-30T00:00:00Z }', 'is not a time'],
    [
      '{ rule: a, key: 42, limits: unlimited }',
      'key must be a key, in which * is any text, not 42',
    ],
    ['{ rule: a, key: x }', 'missing property "limits"'],
    [
      '{ rule: a, key: x, limits: unlimited }, { rule: a, key: x, limits: unlimited }',
      'is already overrides[0]: keep one',
    ],
  ])('%s', (override, told) => {
    expect(problemsOf(rule(ONE, `overrides: [${override}]\n`))).toContain(told)
  })

  it('a cost that could never be allowed', () => {
    expect(problemsOf(rule(`${ONE}\n    cost: 2`))).toContain(
      'rules.yaml:5:11 cost of 2 could never be allowed by a limit of 1 at once',
    )
    const override = 'overrides: [{ rule: a, key: x, limits: [{ rate: 1/s }] }]\n'
    expect(problemsOf(rule('limits: [{ rate: 9/s }]\n    cost: 2', override))).toContain(
      'rules.yaml:6:40 the cost of rule "a" of 2 could never be allowed',
    )
  })

  it.each([
    [
      'mode: shadwo',
      'mode must be one of enforce, shadow and off, not "shadwo" (did you mean "shadow"?)',
    ],
    ['block: 5', 'block must be a duration such as 30s'],
    ['block: 9999d', 'block "9999d" is longer than 366d'],
    ['drain_on_deny: 1', 'drain_on_deny must be true or false, not 1'],
    ['leases: yes please', 'leases must be true or false, not "yes please"'],
    ['decided_by: all', 'decided_by must be one of owner and local, not "all"'],
    ['cost: 0', 'cost must be a whole number from 1 to'],
    ['headers: draft-12', 'headers must be one of draft-11'],
    ['on_partition: minority', 'on_partition must be one of'],
    ['partition_weights: load', 'partition_weights must be one of nodes and demand, not "load"'],
  ])('%s', (fields, told) => {
    expect(problemsOf(rule(`${ONE}\n    ${fields}`))).toContain(told)
  })

  it('too many tables of keys', () => {
    const overrides = Array.from(
      { length: 256 },
      (_, i) => `{ rule: a, key: k${i}, limits: unlimited }`,
    )
    expect(problemsOf(rule(ONE, `overrides: [${overrides}]\n`))).toContain(
      'rules.yaml:2:1 rules with their tiers and overrides make 257 tables of keys',
    )
  })
})
