import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertPreSharedKey } from '../../cluster/libp2p/pre-shared-key.ts'
import { keygen, preSharedKeyText } from '../../src/cli/keygen.ts'
import { RecordedTerminal } from './recorded-terminal.ts'

describe('weir keygen', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-keygen-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('makes keys that the network accepts, each another', () => {
    const key = preSharedKeyText()
    assertPreSharedKey(Buffer.from(key), 'the key')
    expect(preSharedKeyText()).not.toBe(key)
  })

  it('writes a file that only its owner can read, and prints no key', async () => {
    const path = join(folder, 'secret.key')
    const terminal = new RecordedTerminal()
    expect(await keygen(path, terminal)).toBe('ok')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    assertPreSharedKey(readFileSync(path), path)
    expect(terminal.printed).toEqual([])
  })

  it('never overwrites a key', async () => {
    const path = join(folder, 'kept.key')
    await keygen(path, new RecordedTerminal())
    const before = readFileSync(path, 'utf8')
    await expect(keygen(path, new RecordedTerminal())).rejects.toMatchObject({
      exit: 'configuration',
      message: `${path} exists already, and a key is never overwritten: choose another name`,
    })
    expect(readFileSync(path, 'utf8')).toBe(before)
  })

  it('says why a file cannot be written', async () => {
    const path = join(folder, 'missing', 'secret.key')
    await expect(keygen(path, new RecordedTerminal())).rejects.toMatchObject({
      exit: 'configuration',
      message: expect.stringContaining(`${path} cannot be written: ENOENT`),
    })
  })
})
