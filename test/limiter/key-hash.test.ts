import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashHex, type KeyHash, KeyHasher, ruleHasher } from '../../src/limiter/key-hash.ts'

/**
 * HalfSipHash-2-4 with 64-bit output, as published with the reference implementation: key bytes 00 … 07,
 * input bytes 00, 01, 02 … of every even length from 0. Eight bytes each, in the order they are output.
 */
const PUBLISHED = [
  '218d1f59b9b83cc8 064f39ef7c50eb57 d5e78a175be52ea1 ce3e91358aa2bc25',
  'edfee820bce4858c 95b0469f06a6f2ee 7bc71f9faef5c799 3bb1a870eae8e658',
  '7336aad25f7bf3b5 c9b2db2b9a3e42f9 1bf52b0a6feea7db e20103fa1ba776ef',
  '70741045ae3fa6f1 0d899ed8112923f0 2d925ffb1e0016b5 291aaf864898179d',
  '28709d46d811626c 8324e4d7528f9830 86d67a40ec4276dc cbd92ee724d42109',
  '5b38c81c67c8ae4c a91a52c025327024 1e30f3ad27dcb15a 495c0f995557dc38',
  'a9eaa8c04ba93e3e 912d568fd8f65a49 02445a7998f550e1 359569e7d289e3bc',
  'a1a492f942f15f1d 5d1b5ea1b231d89d d6762890bf26e460 f90b3ab572d46693',
].flatMap((line) => line.split(' '))

const KEY: KeyHash = { hi: 0x07060504, lo: 0x03020100 }

/** The string whose code units, low byte first, are the bytes 00, 01, 02 … */
function countingText(bytes: number): string {
  const units = Array.from({ length: bytes / 2 }, (_, at) => 2 * at + ((2 * at + 1) << 8))
  return String.fromCharCode(...units)
}

function outputBytes({ hi, lo }: KeyHash): string {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(lo, 0)
  bytes.writeUInt32LE(hi, 4)
  return bytes.toString('hex')
}

function bitsIn(word: number): number {
  return word.toString(2).replaceAll('0', '').length
}

/** HalfSipHash-c-d with 64-bit output, word for word as its authors write it down: plain, and slow. */
function halfSipHash(key: KeyHash, text: string, c: number, d: number): KeyHash {
  const v = Uint32Array.of(key.lo, key.hi, key.lo ^ 0x6c796765, key.hi ^ 0x74656462)
  const [v0, v1, v2, v3] = [0, 1, 2, 3] as const
  const at = (index: number): number => v[index] as number
  const add = (to: number, from: number) => (v[to] = at(to) + at(from))
  const turn = (word: number, by: number) => (v[word] = (at(word) << by) | (at(word) >>> (32 - by)))
  const mixIn = (to: number, bits: number) => (v[to] = at(to) ^ bits)
  const rounds = (count: number) => {
    for (let round = 0; round < count; round++) {
      for (const [one, other, by] of [
        [v0, v1, 5],
        [v2, v3, 8],
        [v0, v3, 7],
        [v2, v1, 13],
      ] as const) {
        add(one, other)
        turn(other, by)
        mixIn(other, at(one))
        if (other === v1) turn(one, 16)
      }
    }
  }
  const bytes = Buffer.alloc(Math.floor(text.length / 2) * 4 + 4)
  bytes.write(text, 'utf16le')
  bytes[bytes.length - 1] = text.length * 2
  mixIn(v1, 0xee)
  for (let word = 0; word < bytes.length; word += 4) {
    mixIn(v3, bytes.readUInt32LE(word))
    rounds(c)
    mixIn(v0, bytes.readUInt32LE(word))
  }
  mixIn(v2, 0xee)
  rounds(d)
  const lo = (at(v1) ^ at(v3)) >>> 0
  mixIn(v1, 0xdd)
  rounds(d)
  return { hi: (at(v1) ^ at(v3)) >>> 0, lo }
}

describe('a key hasher', () => {
  it('computes HalfSipHash-1-3, by a plain one that gives the published vectors of 2-4', () => {
    const outputs = PUBLISHED.map((_, at) => {
      return outputBytes(halfSipHash(KEY, countingText(2 * at), 2, 4))
    })
    expect(outputs).toEqual(PUBLISHED)
    const text = fc.string({ unit: 'binary', maxLength: 300 })
    const word = fc.integer({ min: 0, max: 0xffff_ffff })
    fc.assert(
      fc.property(fc.record({ hi: word, lo: word }), text, (key, some) => {
        expect(new KeyHasher(key).hash(some)).toEqual(halfSipHash(key, some, 1, 3))
      }),
      { numRuns: 300 },
    )
  })

  it('gives the same hash for the same text and key, and another under another key', () => {
    const text = 'customer-4711'
    expect(new KeyHasher(KEY).hash(text)).toEqual(new KeyHasher(KEY).hash(text))
    const others = [
      { hi: KEY.hi + 1, lo: KEY.lo },
      { hi: KEY.hi, lo: KEY.lo + 1 },
      { hi: KEY.lo, lo: KEY.hi },
    ]
    const hashes = [KEY, ...others].map((key) => hashHex(new KeyHasher(key).hash(text)))
    expect(new Set(hashes).size).toBe(4)
  })

  it('gives two unsigned 32-bit words, whatever the words of the key', () => {
    const hasher = new KeyHasher({ hi: 0xffff_ffff, lo: 0x8000_0000 })
    for (let at = 0; at < 1_000; at++) {
      const hash = hasher.hash(`key ${at}`)
      for (const word of [hash.hi, hash.lo]) expect(word).toBe(word >>> 0)
    }
  })

  it('tells apart texts that are nearly the same', () => {
    const hasher = new KeyHasher(KEY)
    const texts = new Set<string>()
    for (let length = 0; length < 600; length++) {
      texts
        .add('\0'.repeat(length))
        .add('a'.repeat(length))
        .add(`${'a'.repeat(length)}\0`)
    }
    for (let unit = 0; unit <= 0xffff; unit++) {
      texts.add(String.fromCharCode(unit)).add(`k${String.fromCharCode(unit)}`)
    }
    for (let at = 0; at < 50_000; at++) texts.add(`10.0.${at >> 8}.${at & 255}`).add(`user:${at}`)
    const hashes = new Set(Array.from(texts, (text) => hashHex(hasher.hash(text))))
    expect(hashes.size).toBe(texts.size)
  })

  it('takes lone surrogates for the code units they are', () => {
    const hasher = new KeyHasher(KEY)
    const texts = ['\ud800', '\udc00', '\ufffd', '\udc00\ud800', '\ud800\udc00', 'a\ud800']
    expect(new Set(texts.map((text) => hashHex(hasher.hash(text)))).size).toBe(texts.length)
  })
})

describe('the hashes of similar keys', () => {
  const hasher = new KeyHasher(KEY)

  it('spread evenly over the top byte and over the low byte', () => {
    const keys = 100_000
    const buckets = 256
    const high = new Uint32Array(buckets)
    const low = new Uint32Array(buckets)
    for (let at = 0; at < keys; at++) {
      const { hi, lo } = hasher.hash(`user:${at}`)
      high[hi >>> 24] = (high[hi >>> 24] as number) + 1
      low[lo & 0xff] = (low[lo & 0xff] as number) + 1
    }
    const mean = keys / buckets
    const sigma = Math.sqrt(mean * (1 - 1 / buckets))
    for (const count of [...high, ...low]) expect(Math.abs(count - mean)).toBeLessThan(5 * sigma)
  })

  it('differ in half of their bits when the texts differ in one, and each bit half of the time', () => {
    const flips = new Uint32Array(64)
    let changed = 0
    let trials = 0
    for (let at = 0; at < 500; at++) {
      const text = `customer-${at}`
      const before = hasher.hash(text)
      for (let bit = 0; bit < 16 * text.length; bit += 7) {
        const units = Array.from({ length: text.length }, (_, unit) => text.charCodeAt(unit))
        units[bit >> 4] = (units[bit >> 4] as number) ^ (1 << (bit & 15))
        const after = hasher.hash(String.fromCharCode(...units))
        const [hi, lo] = [before.hi ^ after.hi, before.lo ^ after.lo]
        for (let out = 0; out < 32; out++) {
          flips[out] = (flips[out] as number) + ((lo >>> out) & 1)
          flips[32 + out] = (flips[32 + out] as number) + ((hi >>> out) & 1)
        }
        changed += bitsIn(hi >>> 0) + bitsIn(lo >>> 0)
        trials += 1
      }
    }
    expect(changed / trials).toBeCloseTo(32, 0)
    for (const count of flips) expect(Math.abs(count / trials - 0.5)).toBeLessThan(0.02)
  })
})

describe('a rule hasher', () => {
  it('never confuses one rule and key with another that is spelled the same', () => {
    const pairs = [
      ['login', 'a'],
      ['logi', 'na'],
      ['', 'logina'],
      ['logina', ''],
      ['login\0', 'a'],
      ['login', '\0a'],
    ] as const
    const hashes = pairs.map(([rule, key]) => hashHex(ruleHasher(KEY, rule).hash(key)))
    expect(new Set(hashes).size).toBe(pairs.length)
  })

  it('gives one key unrelated hashes in different rules and clusters', () => {
    const other = { hi: 1, lo: 2 }
    const hashers = [ruleHasher(KEY, 'a'), ruleHasher(KEY, 'b'), ruleHasher(other, 'a')]
    expect(new Set(hashers.map((hasher) => hashHex(hasher.hash('key')))).size).toBe(3)
  })
})

describe('the hexadecimal form of a hash', () => {
  it('always has 16 digits, the high word first', () => {
    expect(hashHex({ hi: 0, lo: 0 })).toBe('0000000000000000')
    expect(hashHex({ hi: 0xdeadbeef, lo: 0x1 })).toBe('deadbeef00000001')
  })
})
