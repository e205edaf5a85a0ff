import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KEY_BYTES_MAX } from '../../src/limiter/check.ts'
import { expandKey, parseKeyTemplate } from '../../src/rules/key-template.ts'
import { request } from './request.ts'

function template(text: string) {
  const parsed = parseKeyTemplate(text)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

function keyOf(text: string, facts: Parameters<typeof request>[0], isFallback = false) {
  const expansion = expandKey(template(text), 'login', request(facts), isFallback)
  return expansion.type === 'key' ? expansion.key : expansion
}

describe('a key', () => {
  it.each([
    ['{header.X-Api-Key}', 'k1'],
    ['{query.user}', 'u1'],
    ['{cookie.sid}', 'c1'],
    ['{descriptor.plan}', 'free'],
    ['{method}', 'POST'],
    ['{path}', '/login?x=1'],
    ['{host}', 'api.example.com'],
    ['{ip}', '10.1.2.3'],
    ['{ip/24,64}', '10.1.2.0/24'],
    ['{rule}', 'login'],
    ['user {query.user} at {host}', 'user u1 at api.example.com'],
    ['{ip}{rule}', '10.1.2.3:login'],
  ])('%s is %s', (text, key) => {
    const facts = {
      method: 'POST',
      path: '/login?x=1',
      host: 'API.example.com:8080',
      ip: '::ffff:10.1.2.3',
      headers: { 'x-api-key': 'k1' },
      query: { user: 'u1' },
      cookies: { sid: 'c1' },
      descriptors: { plan: 'free' },
    }
    expect(keyOf(text, facts)).toBe(key)
  })

  it.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1', '2001:db8::/64'],
    ['::ffff:192.0.2.99', '192.0.2.99', '192.0.2.0/24'],
    ['192.0.2.99', '192.0.2.99', '192.0.2.0/24'],
    ['fe80::1%eth0', 'fe80::1%eth0', 'fe80::/64'],
  ])('of the address %s is one however it is written', (ip, whole, network) => {
    expect(keyOf('{ip}', { ip })).toBe(whole)
    expect(keyOf('{ip/24,64}', { ip })).toBe(network)
  })

  it.each(['1', '010.0.0.1', 'localhost', '', '1.2.3'])('of no address is missing: %j', (ip) => {
    expect(keyOf('{ip}', { ip })).toEqual({ type: 'missing', missing: 'ip' })
  })

  it('that is missing is not an empty one', () => {
    expect(keyOf('{header.a}', {})).toEqual({ type: 'missing', missing: 'header.a' })
    expect(keyOf('{header.a}', { headers: { a: '' } })).toBe('~empty')
    expect(keyOf('{header.a}:{query.b}', { headers: { a: '' }, query: { b: '' } })).toBe(':')
  })

  it('that is too long is hashed', () => {
    const long = 'a'.repeat(KEY_BYTES_MAX + 1)
    expect(keyOf('{header.a}', { headers: { a: long } })).toMatch(/^~sha256:[0-9a-f]{64}$/)
    const longest = 'a'.repeat(KEY_BYTES_MAX)
    expect(keyOf('{header.a}', { headers: { a: longest } })).toBe(longest)
  })

  it('is found only among what was sent, not among what every object has', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(keyOf(`{query.${name}}`, {})).toEqual({ type: 'missing', missing: `query.${name}` })
    }
  })
})

/** Values that look like what separates, encodes and seals. */
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc
    .array(
      fc.constantFrom(
        ':',
        '%',
        '3A',
        '%3A',
        '2',
        '5',
        'a',
        '~',
        '~empty',
        '~sha256:',
        '~else:',
        '\ud800',
        '\udc00',
        '😀',
        '/',
      ),
      { maxLength: 4 },
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('a'.repeat(KEY_BYTES_MAX + 1), 'é'.repeat(KEY_BYTES_MAX)),
)

const literal = fc.oneof(
  fc.constantFrom('', ':', '%', '%25', '2', 'A', 'a', '~', '😀', '::'),
  fc.string({ maxLength: 3 }).map((text) => text.replaceAll(/[{}]/g, '')),
)

const NAMES = ['a', 'b', 'c'] as const

function textOf(literals: readonly string[]): string {
  const [first = '', ...others] = literals
  return first + others.map((text, index) => `{query.${NAMES[index]}}${text}`).join('')
}

const templates = fc.array(literal, { minLength: 2, maxLength: 4 }).map(textOf)
const tuples = fc.tuple(value, value, value)

function keyOfTuple(text: string, values: readonly string[], isFallback = false) {
  const query = Object.fromEntries(NAMES.map((name, index) => [name, values[index] ?? '']))
  return keyOf(text, { query }, isFallback)
}

describe('two requests', () => {
  it('with different values never share a key', () => {
    const pair = fc.oneof(
      fc.tuple(tuples, tuples),
      // The same text, cut elsewhere.
      fc.tuple(value, fc.nat(20), fc.nat(20)).map(([text, a, b]) => [
        [text.slice(0, a), text.slice(a), ''],
        [text.slice(0, b), text.slice(b), ''],
      ]),
    )
    fc.assert(
      fc.property(templates, pair, (text, [left, right]) => {
        const used = NAMES.filter((name) => text.includes(`{query.${name}}`)).length
        const textsOf = (values: readonly string[]) => JSON.stringify(values.slice(0, used))
        const same = textsOf(left) === textsOf(right)
        expect(keyOfTuple(text, left) === keyOfTuple(text, right)).toBe(same)
      }),
      { numRuns: 5_000 },
    )
  })

  it('never share a key when only one of them is counted by the other template', () => {
    fc.assert(
      fc.property(templates, templates, tuples, tuples, (first, other, left, right) => {
        expect(keyOfTuple(first, left)).not.toBe(keyOfTuple(other, right, true))
      }),
      { numRuns: 2_000 },
    )
  })

  it('have keys that a node counts', () => {
    fc.assert(
      fc.property(templates, tuples, (text, values) => {
        const key = keyOfTuple(text, values)
        if (typeof key !== 'string') throw new Error('nothing is missing')
        expect(key.length).toBeGreaterThan(0)
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(KEY_BYTES_MAX)
        expect(Buffer.from(key).toString()).toBe(key)
      }),
      { numRuns: 2_000 },
    )
  })
})

/** Texts that could be told as this one. */
function startsOf(text: string): readonly string[] {
  try {
    const once = decodeURIComponent(text)
    return [...new Set([text, once, text.replaceAll('%25', '%'), decodeURIComponent(once)])]
  } catch {
    return [text, text.replaceAll('%25', '%')]
  }
}

describe('all short values', () => {
  const characters = ['%', '2', '3', '5', 'A', ':']
  const short = ['', ...characters, ...characters.flatMap((a) => characters.map((b) => a + b))]

  it.each(['', ':', '%', '%2', '%25', '2', '25', '3', '32', '3A', '5', 'A', '::', ':%'])(
    'have keys of their own with %j between them',
    (between) => {
      const parsed = template(`{query.a}${between}{query.b}`)
      const keyOfPair = (a: string, b: string): string => {
        const expansion = expandKey(parsed, 'r', request({ query: { a, b } }))
        return expansion.type === 'key' ? expansion.key : ''
      }
      const collisions: string[][] = []
      for (const a of short) {
        for (const b of short) {
          const key = keyOfPair(a, b)
          // Whoever looks for another pair of this key cuts the key elsewhere.
          for (let end = 0; end <= key.length; end++) {
            const rest = key.slice(end + Math.max(1, between.length))
            for (const start of startsOf(key.slice(0, end))) {
              if (start === a && rest === b) continue
              if (keyOfPair(start, rest) === key) collisions.push([a, b, start, rest])
            }
          }
        }
      }
      expect(collisions).toEqual([])
    },
  )
})

describe('what is sealed', () => {
  const long = 'a'.repeat(KEY_BYTES_MAX + 1)

  it('shares its key with nothing that looks like it', () => {
    const values = ['', 'x', long, `${long}a`, '\ud800', '\ud801', '\ufffd', '~', '~x', '~empty']
    const lookalikes = values.flatMap((value) => [value, `~else:${value}`])
    const seals = [...lookalikes, ...lookalikes.map((value) => keyOfTuple('{query.a}', [value]))]
    const distinct = [...new Set(seals.map(String))]
    const keys = distinct.flatMap((value) => [
      keyOfTuple('{query.a}', [value]),
      keyOfTuple('{query.a}', [value], true),
    ])
    expect(new Set(keys).size).toBe(2 * distinct.length)
  })
})

describe('any text', () => {
  it('is a template or a mistake in words', () => {
    const text = fc
      .array(
        fc.oneof(
          fc.constantFrom('{', '}', 'ip', '/', '24,64', 'header', '.', 'x'),
          fc.string({ unit: 'binary', maxLength: 3 }),
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (text) => {
        const parsed = parseKeyTemplate(text)
        if (typeof parsed === 'string') expect(parsed).not.toMatch(/undefined|\[object/)
        else expect(() => expandKey(parsed, 'a', request({}))).not.toThrow()
      }),
      { numRuns: 2_000 },
    )
  })
})
