import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { CommandError, type ExitCode } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

const KEY_BYTES = 32

/** A new key in the file format of libp2p's private networks: version, encoding, key. */
export function preSharedKeyText(): string {
  return `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(KEY_BYTES).toString('hex')}\n`
}

/** Writes a new key to `path`, which only its owner may read. Never replaces a file: a key may be in use. */
export async function writePreSharedKey(path: string): Promise<void> {
  try {
    await writeFile(path, preSharedKeyText(), { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    const reason = exists
      ? 'exists already, and a key is never overwritten: choose another name'
      : `cannot be written: ${cause instanceof Error ? cause.message : cause}`
    throw new CommandError(`${path} ${reason}`, { cause, exit: 'configuration' })
  }
}

export async function keygen(path: string | undefined, terminal: Terminal): Promise<ExitCode> {
  if (path === undefined) {
    terminal.print(preSharedKeyText().trimEnd())
    return 'ok'
  }
  await writePreSharedKey(path)
  terminal.complain(`${path} is written: give it to every node as --secret-file`)
  return 'ok'
}
