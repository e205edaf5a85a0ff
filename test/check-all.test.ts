import { describe, expect, test } from 'vitest'
import { rulesFrom } from '../src/rules/load.ts'
import type { RequestFacts } from '../src/rules/request-facts.ts'
import { request } from './rules/request.ts'
import { MemoryNode } from './support/memory-node.ts'

const RULES = {
  version: 1,
  tiers: {
    free: { limits: [{ rate: '2/m' }] },
    premium: { limits: [{ rate: '5/m' }] },
    partner: { limits: 'unlimited' },
  },
  rules: [
    {
      name: 'per-address',
      match: { path: '/**' },
      key: '{ip}',
      on_missing_key: 'skip',
      limits: [{ rate: '3/m' }],
    },
    {
      name: 'per-user',
      match: { path: '/**' },
      key: '{descriptor.user}',
      on_missing_key: 'skip',
      tier: '{descriptor.plan}',
      tier_default: 'free',
    },
    {
      name: 'tried',
      match: { path: '/tried' },
      key: '{ip}',
      mode: 'shadow',
      limits: [{ rate: '1/m' }],
    },
    {
      name: 'keyed',
      match: { path: '/keyed' },
      key: '{header.x-api-key}',
      limits: [{ rate: '9/m' }],
    },
    { name: 'heavy', cost: 4, limits: [{ rate: '9/m' }] },
    { name: 'gone', mode: 'off', limits: [{ rate: '1/m' }] },
  ],
  overrides: [
    { rule: 'per-user', key: 'root', limits: 'unlimited' },
    { rule: 'per-user', key: 'acme-*', limits: [{ rate: '7/m' }] },
  ],
}

const node = (rules: object = RULES) => new MemoryNode(rulesFrom(rules))
const from = (ip: string, path = '/', descriptors = {}): RequestFacts => {
  return request({ method: 'GET', path, ip, descriptors })
}
const plan = (name: string) => (descriptor: string) => (descriptor === 'plan' ? name : undefined)

const times = (count: number, act: () => unknown) => {
  for (let time = 0; time < count; time++) act()
}

/** Tokens left of a rule for a key. */
const left = (at: MemoryNode, rule: string, key: string) => at.check({ rule, key, cost: 0 })

describe('a check that names its rule', () => {
  test("is counted by the tier that its descriptors name, under the rule's own name", () => {
    const at = node()
    const asked = { rule: 'per-user', key: 'u' }
    expect(at.check(asked)).toMatchObject({ rule: 'per-user', limit: 2 })
    expect(at.check({ ...asked, descriptor: plan('premium') })).toMatchObject({
      rule: 'per-user',
      limit: 5,
      remaining: 4,
    })
    expect(at.check({ ...asked, descriptor: plan('of nobody') })).toMatchObject({ limit: 2 })
  })

  test('is counted by the override of its key', () => {
    expect(node().check({ rule: 'per-user', key: 'acme-1' })).toMatchObject({ limit: 7 })
  })

  test('of a key that is not limited is allowed, however often, and says why', () => {
    const at = node()
    const [byTier, byOverride] = [
      at.check({ rule: 'per-user', key: 'u', descriptor: plan('partner') }),
      at.check({ rule: 'per-user', key: 'root', cost: 100_000 }),
    ]
    expect(byTier).toMatchObject({ allowed: true, reason: 'under_limit', remaining: 2 ** 32 - 1 })
    expect(byOverride).toMatchObject({ allowed: true, reason: 'override' })
    expect(at.check({ rule: 'per-user', key: 'root', cost: -1 })).toMatchObject({
      code: 'invalid_cost',
    })
  })

  test('takes what the rule says when it does not say', () => {
    const at = node()
    expect(at.check({ rule: 'heavy', key: 'k' })).toMatchObject({ remaining: 5 })
    expect(at.check({ rule: 'heavy', key: 'k', cost: 1 })).toMatchObject({ remaining: 4 })
  })

  test('is let through by a rule in shadow mode, and is told so', () => {
    const at = node()
    const asked = { rule: 'tried', key: 'k' }
    expect(at.check(asked)).toMatchObject({ allowed: true, reason: 'under_limit' })
    expect(at.check(asked)).toMatchObject({ allowed: true, reason: 'shadow', retryAfterMs: 0 })
  })

  test('of a rule that is off counts nothing', () => {
    const at = node()
    for (let time = 0; time < 3; time++) {
      expect(at.check({ rule: 'gone', key: 'k' })).toMatchObject({
        allowed: true,
        reason: 'no_rule',
      })
    }
  })

  test('is rejected in the words of the rules file', () => {
    const at = node()
    expect(at.check({ rule: 'nobody', key: 'k' })).toMatchObject({
      code: 'unknown_rule',
      detail:
        'rule "nobody" is not defined (known: per-address, per-user, tried, keyed, heavy, gone)',
    })
    const detailOf = (outcome: object) => JSON.stringify(outcome)
    expect(detailOf(at.check({ rule: 'per-user', key: 'u', cost: 9 }))).not.toMatch(/[@!]/)
  })
})

describe('a request by what is known of it', () => {
  test('that falls under no rule is allowed, and nothing is counted', () => {
    expect(node().checkRequest(request({ path: '/' }))).toMatchObject({
      allowed: true,
      rule: '',
      reason: 'no_rule',
    })
  })

  test('that lacks its key is refused', () => {
    expect(node().checkRequest(from('10.0.0.1', '/keyed'))).toMatchObject({
      allowed: false,
      rule: 'keyed',
      reason: 'key_missing',
      missing: 'header.x-api-key',
    })
  })

  test('must be allowed by all its rules, and tells of the one with the least left', () => {
    const at = node()
    const user = { user: 'u', plan: 'premium' }
    expect(at.checkRequest(from('10.0.0.1', '/', user))).toMatchObject({
      rule: 'per-address',
      remaining: 2,
    })
    expect(at.checkRequest(from('10.0.0.2', '/', { user: 'v' }))).toMatchObject({
      rule: 'per-user',
      remaining: 1,
    })
  })

  test('takes nothing from any rule when one of them refuses', () => {
    const at = node()
    times(2, () => at.checkRequest(from('10.0.0.1', '/', { user: 'u' })))
    const refused = at.checkRequest(from('10.0.0.1', '/', { user: 'u' }))
    expect(refused).toMatchObject({ allowed: false, rule: 'per-user', reason: 'over_limit' })
    expect(left(at, 'per-address', '10.0.0.1')).toMatchObject({ remaining: 1 })
  })

  test('takes nothing either when another node answers for one of the rules', async () => {
    const at = node()
    at.remote.add('u')
    const asked = []
    for (let time = 0; time < 3; time++)
      asked.push(at.checkRequest(from('10.0.0.1', '/', { user: 'u' })))
    at.deliver()
    const answers = await Promise.all(asked)
    expect(answers.filter((one) => one.type === 'answer' && one.allowed)).toHaveLength(2)
    expect(left(at, 'per-address', '10.0.0.1')).toMatchObject({ remaining: 1 })
  })

  test('that two rules refuse waits for the later of them', () => {
    const at = node()
    times(3, () => at.check({ rule: 'per-address', key: '10.0.0.1' }))
    times(2, () => at.check({ rule: 'per-user', key: 'u' }))
    expect(at.checkRequest(from('10.0.0.1', '/', { user: 'u' }))).toMatchObject({
      rule: 'per-user',
      retryAfterMs: 30_000,
    })
  })

  test('is let through when only rules in shadow mode refuse, which gain nothing by it', () => {
    const at = node()
    times(1, () => at.checkRequest(from('10.0.0.1', '/tried')))
    const shadowed = at.checkRequest(from('10.0.0.1', '/tried'))
    expect(shadowed).toMatchObject({ allowed: true, rule: 'tried', reason: 'shadow' })
    times(2, () => at.checkRequest(from('10.0.0.1', '/tried')))
    expect(at.checkRequest(from('10.0.0.1', '/tried'))).toMatchObject({
      allowed: false,
      rule: 'per-address',
    })
    expect(left(at, 'tried', '10.0.0.1')).toMatchObject({ remaining: 0 })
  })

  test('that cannot be put to one of its rules takes nothing from the others', () => {
    const at = node()
    const rejected = at.checkRequest(from('10.0.0.1', '/', { user: 'u' }), 3)
    expect(rejected).toMatchObject({ code: 'invalid_cost' })
    expect(left(at, 'per-address', '10.0.0.1')).toMatchObject({ remaining: 3 })
  })
})

describe('a mode for all rules', () => {
  test('shadow lets everything through', () => {
    const at = new MemoryNode(rulesFrom(RULES).inMode('shadow'))
    times(3, () => at.check({ rule: 'per-user', key: 'u' }))
    expect(at.check({ rule: 'per-user', key: 'u' })).toMatchObject({
      allowed: true,
      reason: 'shadow',
    })
    expect(at.check({ rule: 'gone', key: 'u' })).toMatchObject({ reason: 'no_rule' })
  })

  test('off counts nothing', () => {
    const at = new MemoryNode(rulesFrom(RULES).inMode('off'))
    expect(at.rules).toEqual([])
    expect(at.check({ rule: 'per-user', key: 'u' })).toMatchObject({ reason: 'no_rule' })
  })
})
