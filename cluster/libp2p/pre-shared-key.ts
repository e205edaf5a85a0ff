import './promise-with-resolvers.ts'
import { readFile } from 'node:fs/promises'
import { generateKey } from '@libp2p/pnet'

/** Three lines: what it is, how it is written, 32 random bytes in hexadecimal. */
const PRE_SHARED_KEY = /^\/key\/swarm\/psk\/1\.0\.0\/\r?\n\/base16\/\r?\n[0-9a-f]{64}\s*$/i
const PRE_SHARED_KEY_BYTES = 95

/** A new key in the file format of libp2p's private networks. All nodes of a cluster share one. */
export function generatePreSharedKey(): Uint8Array {
  const key = new Uint8Array(PRE_SHARED_KEY_BYTES)
  generateKey(key)
  return key
}

/** Reads the key file. Throws an error that says what the file should look like. */
export async function readPreSharedKey(file: string): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    throw new Error(`pre-shared key file ${file}: cannot be read`, { cause: error })
  }
  assertPreSharedKey(bytes, `pre-shared key file ${file}`)
  return bytes
}

/** `where` names the key's origin in the error. The key itself never appears in it. */
export function assertPreSharedKey(bytes: Uint8Array, where: string): void {
  if (!PRE_SHARED_KEY.test(Buffer.from(bytes).toString('latin1'))) {
    throw new Error(
      `${where}: is not a pre-shared key; expected the lines "/key/swarm/psk/1.0.0/", "/base16/" and 64 hexadecimal digits`,
    )
  }
}
