import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRules } from '../../src/rules/load.ts'
import type { Matched } from '../../src/rules/rule-book.ts'
import { blockVariant } from '../../src/rules/variant.ts'
import { request } from './request.ts'

const NOON = Date.parse('2026-11-21T12:00:00Z')

const book = parseRules(
  `version: 1
defaults: { algorithm: sliding-window, mode: enforce, on_partition: share, partition_weights: demand, headers: both }
tiers:
  free: { limits: [{ rate: 100/m }] }
  premium: { limits: [{ rate: 1000/m }, { rate: 100000/d }] }
  staff: { limits: unlimited }
rules:
  - name: per-api-key
    description: Every key of the API, by plan.
    match: { method: [GET, POST], path: /v1/** }
    key: "{header.x-api-key}"
    tier: "{descriptor.plan}"
    tier_default: free
  - name: login
    match: { method: POST, path: /login, host: "*.example.com" }
    key: "{ip/24,64}"
    on_missing_key: skip
    limits: [{ rate: 5/10s, algorithm: token-bucket, burst: 5 }, { rate: 30/h, algorithm: fixed-window, opens: first-hit }]
    mode: shadow
    headers: none
    on_partition: closed
    partition_weights: nodes
    drain_on_deny: true
    block: 5m
    cost: 2
  - name: reports
    match: { path: /reports/*, descriptor: { region: eu-* } }
    key: "{cookie.user}"
    on_missing_key: "{ip}"
    limits: [{ rate: 1000/month, timezone: Europe/Berlin }, { algorithm: concurrency, count: 10, expires: 30s }]
  - name: jobs
    limits: [{ rate: 1/s, algorithm: leaky-bucket }]
  - name: old
    mode: off
    limits: [{ rate: 1/s }]
overrides:
  - { rule: per-api-key, key: "acme-*", limits: [{ rate: 5000/m }], expires: 2026-12-31T00:00:00Z, reason: launch }
  - { rule: per-api-key, key: "acme-eu-*", limits: [{ rate: 6000/m }] }
  - { rule: per-api-key, key: acme-eu-1, limits: unlimited }
  - { rule: per-api-key, key: "*-1", limits: [{ rate: 1/m }], expires: 2026-11-21T12:00:00Z }
`,
  'rules.yaml',
)

const counters = book.coreRules.map(({ name }) => name)

function names(found: readonly { readonly rule: { readonly name: string } }[]): string[] {
  return found.map(({ rule }) => rule.name)
}

function ofKey(key: string, nowMs = NOON, plan?: string): Partial<Matched> {
  const found = book.named('per-api-key', key, () => plan, nowMs)
  const { rule: _, ...rest } = found ?? { rule: undefined }
  return rest
}

describe('what the core counts', () => {
  it('is each rule, each of its tiers and each of its overrides that has limits, and where keys are blocked', () => {
    expect(counters).toEqual([
      'per-api-key@free',
      'per-api-key@premium',
      expect.stringMatching(/^per-api-key![0-9a-f]{12}$/),
      expect.stringMatching(/^per-api-key![0-9a-f]{12}$/),
      expect.stringMatching(/^per-api-key![0-9a-f]{12}$/),
      'login',
      'reports',
      'jobs',
      expect.stringMatching(/^~block![0-9a-f]{12}$/),
    ])
  })

  it('has the algorithms of the file', () => {
    const limits = (name: string) => book.coreRules.find((rule) => rule.name === name)?.limits
    expect(limits('per-api-key@free')).toEqual([
      {
        rate: { count: 100, periodMs: 60_000 },
        burst: 100,
        algorithm: { type: 'sliding-window' },
      },
    ])
    expect(limits('login')).toEqual([
      { rate: { count: 5, periodMs: 10_000 }, burst: 5 },
      {
        rate: { count: 30, periodMs: 3_600_000 },
        burst: 30,
        algorithm: { type: 'fixed-window', opens: 'first-hit' },
      },
    ])
    expect(limits('reports')).toEqual([
      {
        rate: { count: 1_000, periodMs: 31 * 86_400_000 + 3_600_000 },
        burst: 1_000,
        algorithm: {
          type: 'calendar-window',
          calendar: expect.objectContaining({ name: 'month Europe/Berlin' }),
        },
      },
      {
        rate: { count: 10, periodMs: 30_000 },
        burst: 10,
        algorithm: { type: 'concurrency' },
      },
    ])
    expect(limits('jobs')?.[0]?.algorithm).toEqual({ type: 'leaky-bucket' })
  })

  it('keeps the policy for splits', () => {
    const policies = new Map(book.coreRules.map((rule) => [rule.name, rule.onPartition]))
    expect(policies.get('per-api-key@free')).toBe('share')
    expect(policies.get('login')).toBe('closed')
    const weights = new Map(book.coreRules.map((rule) => [rule.name, rule.partitionWeights]))
    expect(weights.get('per-api-key@free')).toBe('demand')
    expect(weights.get('login')).toBe('nodes')
    expect(weights.get(blockVariant('login'))).toBe('nodes')
  })
})

describe('leases', () => {
  it('are of all tables of the rule that asks for them, and not of its blocks', () => {
    const { coreRules } = parseRules(
      `version: 1
rules:
  - { name: hot, limits: [{ rate: 100/s }], leases: true, block: 5m }
  - { name: cold, limits: [{ rate: 100/s }] }
overrides:
  - { rule: hot, key: vip, limits: [{ rate: 500/s }] }
`,
      'rules.yaml',
    )
    const leased = coreRules.filter(({ leases }) => leases).map(({ name }) => name)
    expect(leased).toHaveLength(2)
    expect(leased[0]).toBe('hot')
    expect(leased).not.toContain(blockVariant('hot'))
  })
})

describe('a definition', () => {
  it('has its own words, and the defaults for the others', () => {
    expect(book.definitions.find(({ name }) => name === 'login')).toMatchObject({
      mode: 'shadow',
      headers: 'none',
      onPartition: 'closed',
      drainOnDeny: true,
      blockMs: 300_000,
      cost: 2,
      onMissingKey: 'skip',
    })
    expect(book.definitions.find(({ name }) => name === 'jobs')).toMatchObject({
      mode: 'enforce',
      headers: 'both',
      onPartition: 'share',
      drainOnDeny: false,
      cost: 1,
      onMissingKey: 'deny',
    })
  })
})

describe('a request', () => {
  const login = { method: 'POST', path: '/login', host: 'api.example.com', ip: '10.1.2.3' }

  it('falls under the rules whose conditions all hold', () => {
    const found = book.resolve(request(login), NOON)
    expect(found.matched).toMatchObject([{ counter: 'login', key: '10.1.2.0/24' }])
    expect(found.unmatched.map(({ rule, why }) => [rule.name, why])).toEqual([
      ['per-api-key', 'path'],
      ['reports', 'path'],
      ['jobs', 'no_key'],
      ['old', 'off'],
    ])
  })

  it.each([
    [{ method: 'GET' }, 'method', 'GET is not POST'],
    [{ path: '/login/' }, 'path', '/login/ does not fit /login'],
    [{ host: 'example.com' }, 'host', 'example.com does not fit *.example.com'],
    [{ ip: 'unknown' }, 'key_missing_skip', 'ip/24,64 is missing'],
  ])('that differs by %j is told so', (change, why, detail) => {
    const { unmatched } = book.resolve(request({ ...login, ...change }), NOON)
    expect(unmatched.find(({ rule }) => rule.name === 'login')).toMatchObject({ why, detail })
  })

  it('without a key is denied, or counted by the other template', () => {
    const facts = { method: 'GET', path: '/v1/x', ip: '10.1.2.3' }
    expect(book.resolve(request(facts), NOON).missing).toMatchObject([
      { rule: { name: 'per-api-key' }, missing: 'header.x-api-key' },
    ])
    const report = { path: '/reports/7', descriptors: { region: 'eu-1' }, ip: '10.1.2.3' }
    expect(book.resolve(request(report), NOON).matched).toMatchObject([{ key: '~else:10.1.2.3' }])
    const { missing } = book.resolve(request({ ...report, ip: '' }), NOON)
    expect(missing).toMatchObject([{ rule: { name: 'reports' }, missing: 'ip' }])
  })

  it.each([
    '/login',
    '//login',
    '/x/../login',
    '/./login',
    '/%6cogin',
    '/login?a=/b',
    '/../login',
    '/x/%2e%2e/login',
    'http://api.example.com/login',
    'HTTPS://other.example.com:8443/login?x',
  ])('cannot escape a rule by writing its path %s', (path) => {
    expect(names(book.resolve(request({ ...login, path }), NOON).matched)).toEqual(['login'])
  })

  it.each(['/Login', '/login/x', '/log%2fin', '/%', '', '/'])(
    'falls not under a rule for another path: %s',
    (path) => {
      expect(names(book.resolve(request({ ...login, path }), NOON).matched)).toEqual([])
    },
  )

  it.each(['/v1', '/v1/', '/v1/a', '/v1/a/b/c'])('falls under /v1/** with %s', (path) => {
    const facts = { method: 'GET', path, headers: { 'x-api-key': 'k' } }
    expect(names(book.resolve(request(facts), NOON).matched)).toEqual(['per-api-key'])
  })

  it.each(['/reports', '/reports/', '/reports/a/b'])(
    'falls not under /reports/* with %s',
    (path) => {
      const facts = { path, descriptors: { region: 'eu-1' }, ip: '::1' }
      expect(names(book.resolve(request(facts), NOON).matched)).toEqual([])
    },
  )

  it('needs the descriptors that a rule asks for', () => {
    const facts = { path: '/reports/7', ip: '::1' }
    expect(names(book.resolve(request(facts), NOON).matched)).toEqual([])
    const elsewhere = { ...facts, descriptors: { region: 'us-1' } }
    expect(book.resolve(request(elsewhere), NOON).unmatched[2]).toMatchObject({
      why: 'descriptor',
      detail: 'region is us-1, not eu-*',
    })
  })
})

describe('any request', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc
      .array(fc.constantFrom('/', '..', '.', '%2e', '%', 'login', 'v1', '?', '*', ':', '[', '::1'))
      .map((parts) => parts.join('')),
  )
  const values = fc.dictionary(fc.constantFrom('x-api-key', 'user', 'plan', 'region'), text)
  const facts = fc.record(
    {
      method: fc.oneof(fc.constantFrom('GET', 'POST'), text),
      path: text,
      host: text,
      ip: fc.oneof(fc.ipV4(), fc.ipV6(), text),
      headers: values,
      cookies: values,
      descriptors: values,
    },
    { requiredKeys: [] },
  )

  it('falls under each rule, or it is said why not, or what is missing', () => {
    fc.assert(
      fc.property(facts, (facts) => {
        const { matched, missing, unmatched } = book.resolve(request(facts), NOON)
        const told = names([...matched, ...missing, ...unmatched]).sort()
        expect(told).toEqual(names(book.definitions.map((rule) => ({ rule }))).sort())
        for (const { counter } of matched) {
          if (counter !== undefined) expect(counters).toContain(counter)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a tier', () => {
  it('is named by the template, and is the default when there is none of the name', () => {
    expect(ofKey('k', NOON, 'premium')).toMatchObject({ tier: 'premium', counter: counters[1] })
    for (const plan of [undefined, '', 'gold', '__proto__']) {
      expect(ofKey('k', NOON, plan)).toMatchObject({ tier: 'free', counter: 'per-api-key@free' })
    }
  })

  it('that is unlimited is not counted', () => {
    expect(ofKey('k', NOON, 'staff')).toEqual({ key: 'k', tier: 'staff' })
  })
})

describe('an override', () => {
  it('of the longest pattern counts, and of the exact key before all', () => {
    expect(ofKey('acme-us-2')).toMatchObject({
      counter: counters[2],
      override: { reason: 'launch' },
    })
    expect(ofKey('acme-eu-2')).toMatchObject({ counter: counters[3] })
    expect(ofKey('acme-eu-1').override?.key).toBe('acme-eu-1')
    expect(ofKey('acme-eu-1').counter).toBeUndefined()
  })

  it('is gone from the moment it expires', () => {
    expect(ofKey('x-1', NOON - 1)).toMatchObject({ counter: counters[4] })
    expect(ofKey('x-1', NOON)).toMatchObject({ tier: 'free' })
    expect(ofKey('acme-us-2', Date.parse('2026-12-31T00:00:00Z'))).toMatchObject({ tier: 'free' })
  })
})

describe('a check that names its rule', () => {
  it('is of no rule when there is none', () => {
    expect(book.named('nobody', 'k', () => undefined, NOON)).toBeUndefined()
  })

  it('of a rule that is off is not counted', () => {
    expect(book.named('old', 'k', () => undefined, NOON)).toMatchObject({ key: 'k' })
    expect(book.named('old', 'k', () => undefined, NOON)?.counter).toBeUndefined()
  })
})

describe('the version', () => {
  const text = (limits: string, name = 'a') =>
    `version: 1\nrules: [{ name: ${name}, limits: ${limits} }]`
  const versionOf = (limits: string, name?: string) => parseRules(text(limits, name), 'f').version

  it('is the same for files that say the same', () => {
    expect(versionOf('[{ rate: 60/m }]')).toBe(versionOf('[{ burst: 60, rate: 60/60s }]'))
  })

  it('differs when a limit, a name or a zone does', () => {
    const others = [
      versionOf('[{ rate: 60/m }]'),
      versionOf('[{ rate: 61/m }]'),
      versionOf('[{ rate: 60/m }]', 'b'),
      versionOf('[{ rate: 60/day }]'),
      versionOf('[{ rate: 60/day, timezone: Asia/Tokyo }]'),
      versionOf('unlimited'),
    ]
    expect(new Set(others).size).toBe(others.length)
  })
})

describe('decided_by', () => {
  it('is of all tables of the rule', () => {
    const { coreRules } = parseRules(
      `version: 1
rules:
  - { name: near, limits: [{ rate: 100/s }], decided_by: local }
  - { name: far, limits: [{ rate: 100/s }], decided_by: owner }
overrides:
  - { rule: near, key: vip, limits: [{ rate: 500/s }] }
`,
      'rules.yaml',
    )
    const local = coreRules.filter((rule) => rule.local).map(({ name }) => name)
    expect(local).toHaveLength(2)
    expect(local).not.toContain('far')
  })
})
