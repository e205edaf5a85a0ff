import './promise-with-resolvers.ts'
import { randomUUID } from 'node:crypto'
import { link, open, readFile, unlink } from 'node:fs/promises'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { NodeId } from '../../crdt/node-id.ts'

/** An Ed25519 key in libp2p's protobuf encoding. */
const IDENTITY_BYTES = 68

/** An identity for as long as the process lives. */
export function ephemeralIdentity(): Promise<PrivateKey> {
  return generateKeyPair('Ed25519')
}

export function nodeIdOf(privateKey: PrivateKey): NodeId {
  return peerIdFromPrivateKey(privateKey).toString() as NodeId
}

/**
 * The private key in `file`, which is created, readable by its owner only, if it does not exist. The file
 * appears whole or not at all: it is written beside its place, flushed, and then linked into it, which also
 * lets two processes that start at once agree on one key. Throws when the file holds anything else.
 */
export async function loadOrCreateIdentity(file: string): Promise<PrivateKey> {
  const existing = await readIdentity(file)
  if (existing !== undefined) return existing
  const created = await ephemeralIdentity()
  if (await writeIdentity(file, created)) return created
  const winner = await readIdentity(file)
  if (winner === undefined) throw new Error(`identity file ${file}: vanished while starting`)
  return winner
}

async function readIdentity(file: string): Promise<PrivateKey | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw new Error(`identity file ${file}: cannot be read`, { cause: error })
  }
  try {
    if (bytes.byteLength !== IDENTITY_BYTES) throw new Error(`it has ${bytes.byteLength} bytes`)
    return privateKeyFromProtobuf(bytes)
  } catch (error) {
    throw new Error(
      `identity file ${file}: is not a ${IDENTITY_BYTES}-byte Ed25519 key; restore it, or delete it to let this node become a new one`,
      { cause: error },
    )
  }
}

/** False when somebody else has created the file in the meantime. */
async function writeIdentity(file: string, privateKey: PrivateKey): Promise<boolean> {
  const beside = `${file}.${randomUUID()}`
  const handle = await open(beside, 'wx', 0o600)
  try {
    await handle.writeFile(privateKeyToProtobuf(privateKey))
    await handle.sync()
    await link(beside, file)
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw new Error(`identity file ${file}: cannot be written`, { cause: error })
  } finally {
    await handle.close()
    await unlink(beside)
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
