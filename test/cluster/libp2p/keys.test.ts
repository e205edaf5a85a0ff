import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadOrCreateIdentity, nodeIdOf } from '../../../cluster/libp2p/identity.ts'
import {
  assertPreSharedKey,
  generatePreSharedKey,
  readPreSharedKey,
} from '../../../cluster/libp2p/pre-shared-key.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-keys-'))
})

afterEach(() => rm(directory, { recursive: true }))

describe('the identity file', () => {
  test('is created for the owner only, and then gives the same identity', async () => {
    const file = join(directory, 'identity')
    const created = nodeIdOf(await loadOrCreateIdentity(file))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(nodeIdOf(await loadOrCreateIdentity(file))).toBe(created)
    expect(await readdir(directory)).toEqual(['identity'])
  })

  test('is one, even if many start at once', async () => {
    const file = join(directory, 'identity')
    const identities = await Promise.all(
      Array.from({ length: 8 }, () => loadOrCreateIdentity(file)),
    )
    expect(new Set(identities.map(nodeIdOf)).size).toBe(1)
    expect(await readdir(directory)).toEqual(['identity'])
  })

  test.for([
    ['an empty file', new Uint8Array(0)],
    ['a file cut short', new Uint8Array(40)],
    ['something else of that size', new Uint8Array(68).fill(7)],
  ] as const)('is never overwritten: %s is an error', async ([, bytes]) => {
    const file = join(directory, 'identity')
    await writeFile(file, bytes)
    await expect(loadOrCreateIdentity(file)).rejects.toThrow(
      `identity file ${file}: is not a 68-byte Ed25519 key`,
    )
    expect(new Uint8Array(await readFile(file))).toEqual(bytes)
  })

  test('in a directory that does not exist is an error', async () => {
    const file = join(directory, 'nowhere', 'identity')
    await expect(loadOrCreateIdentity(file)).rejects.toThrow('ENOENT')
  })
})

describe('the pre-shared key', () => {
  test('is 95 bytes in three lines, another one each time', async () => {
    const key = generatePreSharedKey()
    expect(key.byteLength).toBe(95)
    expect(Buffer.from(key).toString()).toMatch(
      /^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}$/,
    )
    expect(generatePreSharedKey()).not.toEqual(key)
  })

  test('is read from a file, with or without a line end', async () => {
    const file = join(directory, 'swarm.key')
    const key = generatePreSharedKey()
    await writeFile(file, key)
    expect(new Uint8Array(await readPreSharedKey(file))).toEqual(key)
    await writeFile(file, `${Buffer.from(key).toString()}\n`)
    await expect(readPreSharedKey(file)).resolves.toBeDefined()
  })

  test('that is none is an error that does not repeat it', async () => {
    const file = join(directory, 'swarm.key')
    await writeFile(file, '/key/swarm/psk/1.0.0/\n/base16/\nsecret')
    await expect(readPreSharedKey(file)).rejects.toThrow(
      `pre-shared key file ${file}: is not a pre-shared key; expected the lines`,
    )
    await expect(readPreSharedKey(file)).rejects.not.toThrow('secret')
    await expect(readPreSharedKey(join(directory, 'none'))).rejects.toThrow('cannot be read')
    expect(() => assertPreSharedKey(new Uint8Array(95), 'here')).toThrow('here: is not')
  })
})
